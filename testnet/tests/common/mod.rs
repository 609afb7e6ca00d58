//! What the tests of the simulator share.

use std::num::NonZero;
use witan_testnet::sim::{Report, Scenario, run_all};

/// Runs scenarios on all cores: each has to end, to count, and to keep every promise.
pub(crate) fn hold_every_promise(scenarios: Vec<Scenario>) -> Vec<Report> {
    let count = scenarios.len();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut reports = Vec::new();
    run_all(scenarios, threads, &mut |report| reports.push(report)).unwrap();
    assert_eq!(reports.len(), count, "every run ends");
    let bad = |report: &&Report| report.violation.is_some() || !report.counts;
    let bad: Vec<String> = reports.iter().filter(bad).map(Report::to_string).collect();
    assert!(bad.is_empty(), "{} of {count} runs are not as they should be:\n{}", bad.len(), bad.join("\n\n"));
    reports
}
