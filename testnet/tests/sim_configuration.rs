//! The configuration changes in the simulator: the root group runs beside the others, operators approve changes while
//! nodes crash and messages are lost, repeated and overtaken, and in the end every group goes by the newest parameters.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use common::hold_every_promise;
use witan_testnet::sim::{Plan, Report, Scenario, run};
use witan_types::{EngineKind, GroupId};

/// The root group and three more on four nodes, these with an engine each.
fn four_groups(seed: u64) -> Scenario {
    Scenario::of(seed, 4).sharded(3).mixed(&EngineKind::ALL).rooted()
}

/// Enough changed for the runs to say something.
fn change(reports: &[Report]) {
    for report in reports {
        assert!(report.changes >= 2, "one under faults, one after the heal: {report}");
    }
}

#[test]
fn eight_seeds_of_the_root_group_beside_three_others_have_the_newest_parameters_everywhere() {
    change(&hold_every_promise((1..=8).map(four_groups).collect()));
}

#[test]
fn under_every_engine_the_root_group_changes_the_parameters_of_one_group_beside_it() {
    for engine in EngineKind::ALL {
        change(&hold_every_promise(
            (1..=3).map(|seed| Scenario::of(seed, 4).with(engine).rooted()).collect(),
        ));
    }
}

#[test]
fn a_stalled_root_group_holds_up_no_other_and_changes_what_it_has_to_afterwards() {
    let runs = (1..=2).map(|seed| four_groups(seed).planned(Plan::Stall(GroupId::ROOT)));
    for report in hold_every_promise(runs.collect()) {
        assert!(report.changes >= 1, "{report}");
        assert_eq!(report.beside_stall.len(), 3, "the other groups go on: {report}");
    }
}

#[test]
fn a_run_with_the_root_group_replays_bit_for_bit_and_one_without_it_knows_nothing_of_it() {
    let rooted = run(&four_groups(5)).unwrap();
    assert_eq!(run(&four_groups(5)).unwrap().trace, rooted.trace);
    let without = run(&Scenario { root: false, ..four_groups(5) }).unwrap();
    assert_eq!(without.changes, 0);
}
