//! A verdict says what is so, and can be bad.

use super::*;
use crate::faults::Who;
use crate::faults::theory::{Members, Setting};
use std::collections::BTreeMap;
use witan_types::EngineKind;

const GROUP: GroupId = GroupId(1);
const LONG: Duration = Duration::from_secs(20);

fn theory(engine: EngineKind, fault: Fault) -> Theory {
    Theory::of(&setting(engine), &[fault])
}

fn setting(engine: EngineKind) -> Setting {
    Setting {
        groups: vec![Members { group: GROUP, engine, places: (0..4).collect() }],
        nodes: 4,
        max_timeout: Duration::from_secs(30),
        max_drift: Duration::from_millis(500),
        prepare_timeout: Duration::from_secs(5),
    }
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
    let groups = seen(theory, &at(5), &at(if moved { 9 } else { 5 }), lasts, true);
    let never = Recovery::Never { late: vec!["n3".into()] };
    let after = Recovery::After(Span(Duration::from_secs(1)));
    let recovery = if !conflicts.is_empty() {
        Recovery::NotJudged
    } else if recovered {
        after
    } else {
        never
    };
    judge(theory, &groups, conflicts, &recovery)
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
    assert_eq!(
        outcome(&two, false, Duration::from_secs(3), &[], true),
        Outcome::TooShort,
        "that proves no halt"
    );
    let idle = seen(&two, &at(5), &at(5), LONG, false);
    assert_eq!(idle[0].as_expected, None, "an idle group proves no halt either");
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

#[test]
fn whoever_can_go_on_has_to_and_silence_is_no_progress() {
    let highest = BTreeMap::from([(GROUP, 5)]);
    let all = goals(&Theory::of(&setting(EngineKind::Pbft), &[]), &highest);
    assert_eq!(all.len(), 4, "every member");
    let reached = |heights: &Heights| all.iter().filter(|goal| goal.is_reached(heights)).count();
    assert_eq!((reached(&at(5)), reached(&at(6)), reached(&Heights::new())), (0, 1, 0));
    let beside = goals(&Theory::of(&setting(EngineKind::Pbft), &[dead(1)]), &highest);
    assert_eq!(beside.len(), 3, "not the one that another fault still keeps from it");
    assert!(goals(&Theory::of(&setting(EngineKind::Pbft), &[dead(2)]), &highest).is_empty());
}
