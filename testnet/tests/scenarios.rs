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
                    println!("{:>6} ms  {} {}", started.elapsed().as_millis(), verdict.outcome, scenario.name);
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
    let bad: Vec<String> = verdicts
        .iter()
        .filter(|verdict| verdict.outcome != Outcome::Pass)
        .map(Verdict::to_string)
        .collect();
    assert!(bad.is_empty(), "{} did not pass:\n{}", bad.len(), bad.join("\n\n"));
}
