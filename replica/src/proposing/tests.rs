use super::*;
use witan_types::{ChainId, Epoch, ValidatorIndex};

fn block(height: Height, parent: BlockId) -> Arc<Block> {
    let payload = Payload::default();
    let header = Header {
        chain: ChainId(Hash::ZERO),
        group: GroupId(1),
        epoch: Epoch(1),
        height,
        tag: height,
        parent,
        proposer: ValidatorIndex(0),
        time_ms: height,
        payload_root: payload.root(),
    };
    Arc::new(Block { header, payload })
}

fn turn(parent: &Arc<Block>, ancestors: &[&Arc<Block>]) -> Turn {
    let ancestors = ancestors.iter().map(|block| Arc::clone(block)).collect();
    let height = parent.header.height + 1;
    Turn { height, tag: height, parent: parent.id(), parent_time_ms: 0, ancestors, at_once: false }
}

/// However often a turn is told, and with whatever tag: a turn told late, after a lost round, has waited already.
#[test]
fn a_turn_waits_from_when_its_parent_came() {
    let at = |ms| Now { tick: Tick(Duration::from_millis(ms)), wall_ms: 0 };
    let mut proposing = Proposing::new(at(0));
    let first = block(1, BlockId::default());
    proposing.remember(at(1), first.id(), &first);
    let turn_of_second = turn(&first, &[&first]);
    for ms in [5, 9] {
        proposing.take_turn(at(ms), turn_of_second.clone(), &VecDeque::new());
        assert_eq!(proposing.parent_since(&turn_of_second), at(1).tick);
    }
    // One that only comes with its turn, final and not executed.
    let second = block(2, first.id());
    let turn_of_third = turn(&second, &[]);
    proposing.take_turn(at(12), turn_of_third.clone(), &VecDeque::from([first, Arc::clone(&second)]));
    assert_eq!(proposing.parent_since(&turn_of_third), at(12).tick);
    proposing.executed(at(15), &second.header);
    assert_eq!(proposing.parent_since(&turn_of_third), at(15).tick, "executed");
}
