//! The gallery of scenarios in the simulator: every file in the folder runs, and each run comes to its verdict.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use witan_testnet::scenario::{Outcome, Scenario, Verdict, simulate};

/// Every file of the gallery.
fn gallery() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files
}

/// Runs scenarios on all cores.
fn verdicts(scenarios: Vec<Scenario>) -> Vec<Verdict> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let (waiting, verdicts) = (Mutex::new(scenarios.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let next = || waiting.lock().unwrap().next();
                for scenario in std::iter::from_fn(next) {
                    let started = std::time::Instant::now();
                    let verdict = simulate(&scenario).unwrap();
                    println!(
                        "{:>6} ms  {} {}",
                        started.elapsed().as_millis(),
                        verdict.outcome,
                        scenario.name
                    );
                    verdicts.lock().unwrap().push(verdict);
                }
            });
        }
    });
    verdicts.into_inner().unwrap()
}

#[test]
fn every_scenario_of_the_gallery_comes_to_its_verdict() {
    let files = gallery();
    assert!(files.len() >= 15, "{} files", files.len());
    let scenarios: Vec<Scenario> = files.iter().map(|file| Scenario::open(file).unwrap()).collect();
    let verdicts = verdicts(scenarios);
    assert_eq!(verdicts.len(), files.len(), "every file of the folder runs");
    let bad: Vec<String> =
        verdicts.iter().filter(|verdict| verdict.outcome != Outcome::Pass).map(Verdict::to_string).collect();
    assert!(bad.is_empty(), "{} did not pass:\n{}", bad.len(), bad.join("\n\n"));
}

/// The figures at the end of a run.
fn figures(name: &str) -> String {
    turned(name, &[]).timeline.last().unwrap().text.clone()
}

#[test]
fn what_scenarios_are_about_happens_in_them() {
    let stalls = figures("participant-stalls");
    assert!(
        !stalls.contains(" 0 late") && !stalls.contains(" 0 applied"),
        "some are given up in time: {stalls}"
    );
    let crash = figures("coordinator-crash");
    assert!(!crash.contains(" 0 applied"), "{crash}");
    let twin = figures("twin-pbft");
    assert!(!twin.contains("; 0 accusations"), "whoever contradicts itself is found out: {twin}");
}

/// A file of the gallery with some of its text replaced: what is expected is wrong then.
fn turned(name: &str, changes: &[(&str, &str)]) -> Verdict {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).with_extension("toml");
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from:?}");
        text = text.replace(from, to);
    }
    simulate(&Scenario::read(name, &text).unwrap()).unwrap()
}

#[test]
fn progress_that_is_expected_where_there_is_none_fails() {
    let verdict = turned("cap", &[("progress = false", "progress = true")]);
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert_eq!(verdict.reasons.len(), 2, "{verdict}");
    assert!(verdict.reasons[0].contains("not seen: group 1 makes progress from 4s to 10s"), "{verdict}");
}

#[test]
fn a_halt_that_is_expected_of_a_healthy_group_fails() {
    let verdict = turned("partition-pbft", &[("progress = true", "progress = false")]);
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert_eq!(verdict.reasons.len(), 2, "before the split, and on the larger side: {verdict}");
}

#[test]
fn a_fork_that_is_expected_and_does_not_come_fails() {
    let pbft = ("[[fault]]", "[verdict]\nsafety = 'broken'\nliveness = 'lost'\n[[fault]]");
    let verdict = turned("twin-pbft", &[pbft]);
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(verdict.reasons[0].contains("no checker found that"), "{verdict}");
    let alone =
        turned("twin-raft", &[("sides = [[\"n0\"], [\"n1\"]]", "sides = [[\"n0\"], [\"n1\", \"n2\"]]")]);
    assert_eq!(alone.outcome, Outcome::Fail, "one side has no majority: {alone}");
}

#[test]
fn a_fork_that_is_not_expected_is_a_matter_of_safety() {
    let verdict = turned("twin-raft", &[("safety = \"broken\"", "safety = \"holds\"")]);
    assert_eq!((verdict.outcome, verdict.outcome.exit_code()), (Outcome::Safety, 4));
    assert!(verdict.reasons[0].contains("agreement is broken"), "{verdict}");
}

#[test]
fn a_fork_is_shown_with_both_blocks() {
    let verdict = turned("twin-raft", &[]);
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict}");
    let text = verdict.to_string();
    assert!(
        text.contains("BROKEN: agreement") && text.contains("SAFETY is broken, as theory says"),
        "{text}"
    );
    assert_eq!(text.matches("block_id").count(), 2, "{text}");
}

#[test]
fn a_scenario_replays_bit_for_bit() {
    let timelines = || turned("leader-flapping", &[]);
    assert_eq!(timelines(), timelines());
    assert_ne!(
        timelines().expectations,
        turned("leader-flapping", &[("lasts", "seed = 8\nlasts")]).expectations
    );
}
