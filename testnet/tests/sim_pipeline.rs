//! A crash at every place of the pipeline that transactions go through: made into batches, sent ahead, written, held, named by blocks,
//! fetched, executed, written without a sync, synced, forgotten. Each kind of node goes down at each, and all of them at once.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use common::hold_every_promise;
use std::collections::BTreeMap;
use witan_testnet::sim::{Crash, Crashed, PipelineCrash, Plan, Report, Scenario, Step, Whom, run};
use witan_types::{EngineKind, FaultModel};

/// Nodes, and one that follows them: each gets a transaction after the heal.
const NODES: usize = 4;
const FRESH: usize = NODES + 1;
/// Where clients come, and with how many transactions.
const AUTHORS: [(usize, usize); 2] = [(1, 3), (2, 1)];
/// At one place in so many processes end, too; power is lost at all.
const PROCESSES_END_AT: usize = 3;

fn scenario(engine: EngineKind, place: usize, whom: Whom, crash: Crash) -> Scenario {
    let plan = Plan::CrashInPipeline(PipelineCrash { place, whom, crash });
    Scenario::of(6, NODES).with(engine).planned(plan)
}

/// Whether nodes come there under this engine. Where batches leave the disk records do so too, in the same write.
fn is_due(step: Step, engine: EngineKind) -> bool {
    match engine.faults() {
        FaultModel::Byzantine => !matches!(step, Step::Truncating | Step::Truncated),
        FaultModel::Crash => !step.is_of_batches(),
    }
}

/// The places to which nodes come when nobody crashes: none is missing.
fn places(engine: EngineKind) -> Vec<(usize, Step)> {
    let calm = run(&scenario(engine, 0, Whom::All, Crash::Power)).unwrap();
    assert!(calm.violation.is_none() && calm.crashed.is_none(), "{calm}");
    assert_eq!(calm.transactions, FRESH + 4, "{calm}");
    for step in Step::ALL {
        let nodes = calm.places.iter().filter(|(_, at)| *at == step).count();
        assert_eq!(nodes > 0, is_due(step, engine), "{engine}: nodes came to {step:?} {nodes} times");
    }
    calm.places
}

fn counted(places: impl Iterator<Item = (usize, Step)>) -> BTreeMap<(usize, Step), usize> {
    let mut counts = BTreeMap::new();
    places.for_each(|place| *counts.entry(place).or_default() += 1);
    counts
}

/// Crashes at all places by a loss of power, and at some by the end of a process.
fn crash_everywhere(engine: EngineKind) {
    let places = places(engine);
    let all: Vec<usize> = (1..=places.len()).collect();
    let some: Vec<usize> = all.iter().copied().step_by(PROCESSES_END_AT).collect();
    println!("{engine}: {} places, at all of them power is lost, at {} processes end", all.len(), some.len());
    let at = |places: Vec<usize>, crash| places.into_iter().map(move |place| (place, crash));
    let crashes: Vec<(usize, Crash)> = at(all, Crash::Power).chain(at(some, Crash::Process)).collect();
    for whom in Whom::ALL {
        let runs = crashes.iter().map(|(place, crash)| scenario(engine, *place, whom, *crash));
        let reports = hold_every_promise(runs.collect());
        let expected = crashes.iter().filter_map(|(place, _)| places.get(place - 1).copied());
        let hit = reports.iter().map(|report| report.crashed.as_ref().unwrap());
        assert_eq!(counted(hit.map(|crashed| (crashed.node, crashed.step))), counted(expected), "{whom:?}");
        reports.iter().for_each(nothing_is_lost);
    }
}

/// What clients brought to a node that did not crash is committed.
fn nothing_is_lost(report: &Report) {
    let Crashed { hit, .. } = report.crashed.as_ref().unwrap();
    let stay = AUTHORS.iter().filter(|(author, _)| !hit.contains(author));
    let expected: usize = stay.map(|(_, transactions)| transactions).sum();
    assert!(report.transactions >= FRESH + expected, "{report}");
}

#[test]
fn a_crash_at_any_place_of_the_pipeline_breaks_no_promise_under_hotstuff() {
    crash_everywhere(EngineKind::HotStuff);
}

#[test]
fn a_crash_at_any_place_of_the_pipeline_breaks_no_promise_under_pbft() {
    crash_everywhere(EngineKind::Pbft);
}

#[test]
fn a_crash_at_any_place_of_the_pipeline_breaks_no_promise_under_raft() {
    crash_everywhere(EngineKind::Raft);
}
