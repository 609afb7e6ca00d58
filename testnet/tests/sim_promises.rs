//! A slice of the simulator's runs for each engine: every promise holds in each, and each says something.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use common::hold_every_promise;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use witan_testnet::faults::{Fault, Who};
use witan_testnet::scenario::{Load, Timed};
use witan_testnet::sim::{Attack, Attacks, Plan, Scenario, Signatures, Timetable, run};
use witan_types::genesis::Parameters;
use witan_types::{EngineKind, FaultModel, GroupId};

/// The runs of these seeds under each engine.
fn of_every_engine(seeds: std::ops::RangeInclusive<u64>, nodes: usize) -> Vec<Scenario> {
    let runs = |engine: &EngineKind| {
        let engine = *engine;
        seeds.clone().map(move |seed| Scenario::of(seed, nodes).with(engine))
    };
    EngineKind::ALL.iter().flat_map(runs).collect()
}

/// The engines that withstand liars.
fn byzantine() -> impl Iterator<Item = EngineKind> {
    EngineKind::ALL.into_iter().filter(|engine| engine.faults() == FaultModel::Byzantine)
}

#[test]
fn four_validators_keep_every_promise_under_sixty_seeds_of_faults() {
    hold_every_promise(of_every_engine(1..=60, 4));
}

#[test]
fn seven_validators_keep_every_promise_under_forty_seeds_of_faults() {
    hold_every_promise(of_every_engine(1..=40, 7));
}

#[test]
fn a_group_of_one_two_or_three_keeps_every_promise_too() {
    hold_every_promise((1..=3).flat_map(|nodes| of_every_engine(100..=103, nodes)).collect());
}

#[test]
fn as_many_attackers_as_the_group_withstands_break_no_promise() {
    for engine in byzantine() {
        let run = |(seed, nodes)| Scenario::of(seed, nodes).with(engine).under(Attacks::Drawn);
        let four = (1..=40).map(|seed| (seed, 4));
        let reports = hold_every_promise(four.chain((1..=20).map(|seed| (seed, 7))).map(run).collect());
        let mut accused = BTreeMap::new();
        for report in reports.iter().filter(|report| report.attackers.len() == 1) {
            for attack in report.attackers.values() {
                *accused.entry(*attack).or_insert(0) += report.accusations;
            }
        }
        assert_eq!(accused.len(), Attack::ALL.len(), "every attack is played: {accused:?}");
        for proven in [Attack::Equivocate, Attack::FalseShares] {
            assert!(
                accused.get(&proven) > Some(&0),
                "{engine}: nobody is accused under {proven}: {accused:?}"
            );
        }
    }
}

/// How many transactions are committed in 14 s of clients, and how many blocks in the last four, while this goes wrong.
fn under_load(engine: EngineKind, faults: Vec<Timed>) -> (usize, u64) {
    let looks = BTreeSet::from([Duration::from_secs(10), Duration::from_secs(14)]);
    let parameters = Parameters { base_timeout_ms: 300, max_timeout_ms: 2_000, ..Parameters::default() };
    let load = Some(Load { tps: 60, cross_shard_percent: 0 });
    let (file, lasts) = ("no file".into(), Duration::from_secs(14));
    let timetable = Timetable { file, faults, lasts, looks, load, parameters, forks: false };
    let plan = Plan::Timetable(Arc::new(timetable));
    let report = run(&Scenario::of(2, 4).with(engine).planned(plan)).unwrap();
    assert!(report.violation.is_none() && report.batches >= 100, "{} batches: {report}", report.batches);
    let heights = report.course.samples.iter().map(|sample| sample.standings.first().unwrap().height);
    let heights: Vec<u64> = heights.collect();
    let [before, after] = heights[..] else { panic!("it is looked at twice: {heights:?}") };
    (report.transactions, after - before)
}

#[test]
fn an_author_that_keeps_its_batches_back_takes_little_from_others_and_nothing_afterwards() {
    for engine in byzantine() {
        let lies = Fault::Byzantine { node: Who::Node(1), behaviour: Attack::WithholdBatches };
        let (at, until) = (Duration::from_secs(2), Duration::from_secs(9));
        let calm = under_load(engine, Vec::new());
        let attacked = under_load(engine, vec![Timed { fault: lies, at, until }]);
        println!("{engine}: {calm:?} transactions and blocks, {attacked:?} under attack");
        assert_ne!(attacked, calm, "{engine}: it makes no difference");
        assert!(attacked.0 * 10 >= calm.0 * 9, "{engine}: {attacked:?} under attack, {calm:?} without");
        assert!(attacked.1 * 10 >= calm.1 * 9, "{engine}: {attacked:?} under attack, {calm:?} without");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    for engine in &EngineKind::ALL {
        let trace = |seed| run(&Scenario::of(seed, 4).with(*engine)).unwrap().trace;
        let first: Vec<String> = [1, 2, 3, 20].into_iter().map(trace).collect();
        let again: Vec<String> = [1, 2, 3, 20].into_iter().map(trace).collect();
        assert_eq!(first, again, "the same seed, the same trace: with stand-in and with real signatures");
        let different: BTreeSet<&String> = first.iter().collect();
        assert_eq!(different.len(), first.len(), "another seed, another trace");
    }
}

#[test]
fn a_run_with_attackers_replays_too() {
    for engine in byzantine() {
        for attack in Attack::ALL {
            let scenario = Scenario::of(9, 7).with(engine).under(Attacks::All(attack));
            let [first, again] = [run(&scenario).unwrap(), run(&scenario).unwrap()];
            assert_eq!(first.trace, again.trace, "{attack}");
        }
    }
}

#[test]
fn a_run_with_several_groups_replays_too() {
    let mixed = Scenario::of(20, 4).sharded(3).mixed(&EngineKind::ALL);
    let [first, again] = [run(&mixed).unwrap(), run(&mixed).unwrap()];
    assert_eq!(first.trace, again.trace);
    let others = BTreeMap::from([(GroupId(2), EngineKind::Pbft), (GroupId(3), EngineKind::Raft)]);
    let as_replayed = Scenario { engines: others, ..mixed };
    assert_eq!(run(&as_replayed).unwrap().trace, first.trace, "engines named as the command names them");
}

/// A follower behind the leader's log, on a network that repeats messages: each answer to an old question started another
/// search, and the two talked without end.
#[test]
fn a_follower_behind_a_raft_leaders_log_is_searched_for_once_a_heartbeat() {
    hold_every_promise(vec![Scenario::of(2167, 4).with(EngineKind::Raft).signed(Signatures::StandIn)]);
}

#[test]
fn a_scenario_says_how_to_run_it_again() {
    let scenario = Scenario::of(20, 4);
    assert_eq!(scenario.to_string(), "witan sim run -n 4 --engine hotstuff --seed 20");
    let odd = scenario.clone().signed(Signatures::StandIn).under(Attacks::Drawn);
    let command = "witan sim run -n 4 --engine hotstuff --seed 20 --byzantine --signatures stand-in";
    assert_eq!(odd.to_string(), command);
    let twin = scenario.signed(Signatures::Real).under(Attacks::All(Attack::Twin));
    assert_eq!(twin.to_string(), "witan sim run -n 4 --engine hotstuff --seed 20 --byzantine=twin");
    let sharded = Scenario::of(20, 4).sharded(3);
    assert_eq!(sharded.to_string(), "witan sim run -n 4 --engine hotstuff --shards 3 --seed 20");
    let engines = "--shards 3 --group-engines 2=pbft,3=raft";
    let command = format!("witan sim run -n 4 --engine hotstuff {engines} --seed 20");
    assert_eq!(sharded.mixed(&EngineKind::ALL).to_string(), command);
}
