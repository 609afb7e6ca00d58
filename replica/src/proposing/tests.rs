use super::*;

fn turn(height: Height, tag: u64) -> Turn {
    let (parent, parent_time_ms) = (BlockId::default(), 0);
    Turn { height, tag, parent, parent_time_ms, ancestors: Vec::new(), at_once: false }
}

/// Under PBFT all turns have one tag, and under Raft those of a term; under HotStuff a lost round leaves the height.
#[test]
fn a_turn_is_told_anew_with_another_height_or_tag_and_not_when_it_is_repeated() {
    let at = |ms| Now { tick: Tick(Duration::from_millis(ms)), wall_ms: 0 };
    let mut proposing = Proposing::new(at(0));
    for (ms, height, tag, told) in [(1, 1, 0, 1), (2, 1, 0, 1), (3, 2, 0, 3), (4, 2, 1, 4), (5, 2, 1, 4)] {
        proposing.take_turn(at(ms), turn(height, tag), &VecDeque::new());
        assert_eq!(proposing.told.1, at(told).tick);
    }
}
