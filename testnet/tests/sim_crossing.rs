//! Transactions across groups in the simulator: lists appended to and read under crashes, partitions and repeated
//! messages are strictly serializable; a crash between any two messages leaves nothing behind; a stalled group holds up
//! only what needs it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use common::hold_every_promise;
use std::collections::BTreeMap;
use witan_testnet::sim::{Across, Beside, Plan, Report, Scenario, run};
use witan_types::{EngineKind, GroupId};

/// Three groups on four nodes, an engine each.
fn three_groups(seed: u64) -> Scenario {
    Scenario::of(seed, 4).sharded(3).mixed(&EngineKind::ALL)
}

/// Enough happened across groups for the runs to say something.
fn cross(reports: &[Report]) {
    for report in reports {
        assert!(report.across.applied >= 10, "too little crossed: {report}");
        // In every second seed all transactions travel in batches, in groups whose members do not trust each other.
        assert!(
            !report.seed.is_multiple_of(2) || report.batches >= 100,
            "{} batches: {report}",
            report.batches
        );
    }
    let snapshots: usize = reports.iter().map(|report| report.snapshots).sum();
    assert!(snapshots >= reports.len() / 2, "{snapshots} snapshots in {} runs", reports.len());
}

#[test]
fn thirty_seeds_of_three_groups_with_an_engine_each_are_strictly_serializable() {
    cross(&hold_every_promise((1..=30).map(three_groups).collect()));
}

#[test]
fn ten_seeds_of_four_groups_with_one_engine_are_too() {
    cross(&hold_every_promise((1..=10).map(|seed| Scenario::of(seed, 4).sharded(4)).collect()));
}

/// Three groups on eight nodes, each of four and two of those of the next as well.
const OVERLAPPING: [&[u16]; 3] = [&[0, 1, 2, 3], &[2, 3, 4, 5], &[4, 5, 6, 7]];
/// Three groups on twelve nodes, none of which is in two.
const APART: [&[u16]; 3] = [&[0, 1, 2, 3], &[4, 5, 6, 7], &[8, 9, 10, 11]];

#[test]
fn seeds_of_groups_that_share_some_of_their_members_keep_every_promise() {
    let scenario = |seed| Scenario::of(seed, 8).among(&OVERLAPPING).mixed(&EngineKind::ALL);
    cross(&hold_every_promise((1..=6).map(scenario).collect()));
}

#[test]
fn seeds_of_groups_that_share_no_member_do_too() {
    let scenario = |seed| Scenario::of(seed, 12).among(&APART).mixed(&EngineKind::ALL);
    cross(&hold_every_promise((1..=6).map(scenario).collect()));
}

#[test]
fn a_crash_while_what_groups_say_travels_leaves_one_outcome_and_no_lock() {
    let scenario = || Scenario::of(1, 8).among(&[&[0, 1, 2, 3], &[3, 4, 5, 6, 7]]);
    let calm = run(&scenario().planned(Plan::CrashAt { node: 0, message: 0 })).unwrap();
    assert!(calm.violation.is_none() && calm.across.applied == 1 && calm.crossings >= 20, "{calm}");
    let crash = |node| {
        let messages = (1..=calm.crossings).step_by(3);
        messages.map(move |message| scenario().planned(Plan::CrashAt { node, message }))
    };
    for report in hold_every_promise([0, 3, 4].into_iter().flat_map(crash).collect()) {
        let Across { applied, late, conflicts, failed } = report.across;
        assert_eq!((report.crashes, applied + late + conflicts, failed), (1, 1, 0), "{report}");
    }
}

#[test]
fn a_crash_of_any_node_between_any_two_messages_leaves_one_outcome_and_no_lock() {
    let calm = run(&three_groups(1).planned(Plan::CrashAt { node: 0, message: 0 })).unwrap();
    assert!(calm.violation.is_none() && calm.across.applied == 1 && calm.crossings >= 30, "{calm}");
    let crash = |node| {
        (1..=calm.crossings).map(move |message| three_groups(1).planned(Plan::CrashAt { node, message }))
    };
    let reports = hold_every_promise((0..4).flat_map(crash).collect());
    for report in &reports {
        assert_eq!(report.crashes, 1, "{report}");
        let Across { applied, late, conflicts, failed } = report.across;
        assert_eq!((applied + late + conflicts, failed), (1, 0), "{report}");
    }
}

#[test]
fn a_stalled_group_holds_up_only_what_needs_it() {
    for stalled in (1..=3).map(GroupId) {
        let runs = (1..=4).map(|seed| three_groups(seed).planned(Plan::Stall(stalled)));
        let mut all_across: BTreeMap<GroupId, usize> = BTreeMap::new();
        for report in hold_every_promise(runs.collect()) {
            assert!(report.across.late > 0, "what needs group {stalled} is given up in time: {report}");
            assert!(report.across.applied > 0, "{report}");
            let others: Vec<GroupId> = (1..=3).map(GroupId).filter(|group| *group != stalled).collect();
            let beside = &report.beside_stall;
            assert_eq!(
                beside.keys().copied().collect::<Vec<_>>(),
                others,
                "the other groups go on: {report}"
            );
            for (group, Beside { alone, across }) in beside {
                assert!(*alone >= 15, "group {group}: {alone} alone, {across} across; {report}");
                *all_across.entry(*group).or_default() += across;
            }
        }
        println!("{all_across:?} across beside group {stalled}");
        // How many there are in one seed is chance.
        assert!(all_across.values().all(|across| *across >= 8), "beside group {stalled}: {all_across:?}");
    }
}
