//! Transactions across groups in the simulator: lists appended to and read under crashes, partitions and repeated
//! messages are strictly serializable; a crash between any two messages leaves nothing behind; a stalled group holds up
//! only what needs it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use common::hold_every_promise;
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
        let runs = (1..=2).map(|seed| three_groups(seed).planned(Plan::Stall(stalled)));
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
                assert!(
                    *alone >= 15 && *across >= 2,
                    "group {group}: {alone} alone, {across} across; {report}"
                );
            }
        }
    }
}
