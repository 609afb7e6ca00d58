//! A hundred runs of the simulator: every promise holds in each, and each says something.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

use std::num::NonZero;
use witan_testnet::sim::{Report, Scenario, run, run_all};

fn hold_every_promise(scenarios: Vec<Scenario>) {
    let count = scenarios.len();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut reports = Vec::new();
    run_all(scenarios, threads, &mut |report| reports.push(report)).unwrap();
    assert_eq!(reports.len(), count, "every run ends");
    let bad = |report: &&Report| report.violation.is_some() || !report.counts;
    let bad: Vec<String> = reports.iter().filter(bad).map(Report::to_string).collect();
    assert!(bad.is_empty(), "{} of {count} runs are not as they should be:\n{}", bad.len(), bad.join("\n\n"));
}

#[test]
fn four_validators_keep_every_promise_under_sixty_seeds_of_faults() {
    hold_every_promise((1..=60).map(|seed| Scenario::of(seed, 4)).collect());
}

#[test]
fn seven_validators_keep_every_promise_under_forty_seeds_of_faults() {
    hold_every_promise((1..=40).map(|seed| Scenario::of(seed, 7)).collect());
}

#[test]
fn a_group_of_one_two_or_three_keeps_every_promise_too() {
    let small = (1..=3).flat_map(|nodes| (100..=103).map(move |seed| Scenario::of(seed, nodes)));
    hold_every_promise(small.collect());
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let trace = |seed| run(&Scenario::of(seed, 4)).unwrap().trace;
    let first: Vec<String> = [1, 2, 3, 20].into_iter().map(trace).collect();
    let again: Vec<String> = [1, 2, 3, 20].into_iter().map(trace).collect();
    assert_eq!(first, again, "the same seed, the same trace: with stand-in and with real signatures");
    let different: std::collections::BTreeSet<&String> = first.iter().collect();
    assert_eq!(different.len(), first.len(), "another seed, another trace");
}
