//! A verdict says what is so, and can be bad.

use super::*;
use crate::faults::Who;
use crate::faults::theory::{Members, Setting};
use std::collections::BTreeMap;
use witan_types::EngineKind;

const GROUP: GroupId = GroupId(1);
const LONG: Duration = Duration::from_secs(20);

fn theory(engine: EngineKind, fault: Fault) -> Theory {
    let setting = Setting {
        groups: vec![Members { group: GROUP, engine, places: (0..4).collect() }],
        nodes: 4,
        max_timeout: Duration::from_secs(30),
        max_drift: Duration::from_millis(500),
        prepare_timeout: Duration::from_secs(5),
    };
    Theory::of(&setting, &[fault])
}

fn dead(count: u16) -> Fault {
    Fault::Kill { nodes: (0..count).map(Who::Node).collect() }
}

fn at(height: Height) -> Heights {
    BTreeMap::from([(GROUP, BTreeMap::from([("n3".to_owned(), height)]))])
}

fn outcome(
    theory: &Theory,
    moved: bool,
    lasts: Duration,
    conflicts: &[Conflict],
    recovered: bool,
) -> Outcome {
    let groups = seen(theory, &at(5), &at(if moved { 9 } else { 5 }), lasts);
    judge(theory, &groups, conflicts, recovered.then_some(Duration::from_secs(1)))
}

fn fork() -> Vec<Conflict> {
    let [one, other] = [("n0".to_owned(), "0x01".to_owned()), ("n1".to_owned(), "0x02".to_owned())];
    vec![Conflict { group: GROUP, height: 7, one, other }]
}

#[test]
fn a_group_has_to_do_what_theory_says() {
    let (one, two) = (theory(EngineKind::Pbft, dead(1)), theory(EngineKind::Pbft, dead(2)));
    assert_eq!(outcome(&one, true, LONG, &[], true), Outcome::AsExpected);
    assert_eq!(outcome(&one, false, LONG, &[], true), Outcome::Liveness);
    assert_eq!(outcome(&one, false, Duration::from_secs(3), &[], true), Outcome::TooShort);
    assert_eq!(outcome(&two, false, LONG, &[], true), Outcome::AsExpected);
    assert_eq!(outcome(&two, true, LONG, &[], true), Outcome::Liveness, "two of four are no quorum");
    assert_eq!(outcome(&one, true, LONG, &[], false), Outcome::Liveness, "it has to recover");
}

#[test]
fn a_fork_is_expected_only_where_theory_allows_it() {
    let twin = || Fault::Twin { node: Who::Node(2), audience: vec![Who::Node(0)] };
    let (safe, trusting) = (theory(EngineKind::HotStuff, twin()), theory(EngineKind::Raft, twin()));
    assert_eq!(outcome(&safe, true, LONG, &fork(), false), Outcome::Safety);
    assert_eq!(outcome(&trusting, true, LONG, &fork(), false), Outcome::AsExpected);
    assert_eq!(outcome(&safe, true, LONG, &[], true), Outcome::AsExpected);
}
