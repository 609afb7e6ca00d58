use super::*;
use std::time::Duration;
use witan_consensus::engine::{Instance, Setup};
use witan_consensus::hotstuff::HotStuff;
use witan_types::{
    BlockId, ChainId, Committee, Epoch, FaultModel, GroupId, Hash, Header, SecretKey, ValidatorIndex,
};

fn hosted(durable: Seq) -> Hosted<HotStuff> {
    let key = SecretKey::from_seed([1; 32]);
    let instance = Instance { chain: ChainId::default(), group: GroupId(1), epoch: Epoch(1) };
    let base = Header {
        chain: instance.chain,
        group: instance.group,
        epoch: instance.epoch,
        height: 0,
        tag: 0,
        parent: BlockId::default(),
        proposer: ValidatorIndex(0),
        time_ms: 0,
        payload_root: Hash::ZERO,
    };
    let setup = Setup {
        instance,
        committee: Committee::new(vec![key.public()], FaultModel::Byzantine),
        me: ValidatorIndex(0),
        key,
        stable: base.clone(),
        stable_seal: None,
        proposers: Vec::new(),
        base,
        durable: 0,
        base_timeout: Duration::from_secs(1),
        max_timeout: Duration::from_secs(1),
        seed: 1,
    };
    Hosted::new(HotStuff::open(setup, Vec::new()).0, durable, Vec::new())
}

#[test]
fn the_newest_record_outlives_any_truncation() {
    let mut hosted = hosted(7);
    for (wanted, expected) in [(None, None), (Some(5), Some(5)), (Some(7), Some(7)), (Some(8), Some(7))] {
        let mut outputs = Outputs { truncate: wanted, ..Outputs::default() };
        hosted.hold(&mut outputs);
        assert_eq!(outputs.truncate, expected);
    }
}

#[test]
fn the_end_of_a_view_is_known_while_its_timer_runs() {
    let at = |ms| Tick(Duration::from_millis(ms));
    let mut hosted = hosted(0);
    assert_eq!(hosted.next_timeout(at(0)), None, "nothing waits");
    let outputs = hosted.step(at(100), Input::Pending(true));
    assert!(!outputs.timers.is_empty());
    let left = hosted.next_timeout(at(100)).unwrap();
    assert!(left >= Duration::from_secs(1), "{left:?}");
    assert_eq!(hosted.next_timeout(at(400)), Some(left - Duration::from_millis(300)));
    assert_eq!(hosted.next_timeout(at(9_000)), None, "it has fired");
    assert!(hosted.step(at(500), Input::Pending(false)).timers.is_empty());
    assert_eq!(hosted.next_timeout(at(500)), None, "it does not run any more");
}
