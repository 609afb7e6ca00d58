//! How a scenario shows: what theory expects before it runs, what happens as it goes, and the verdict.

use crate::error::CliError;
use crate::output::{Output, Shade};
use std::path::Path;
use witan_testnet::scenario::{Outcome, Scenario, Staged, Verdict};

/// Reads a scenario, with another seed if one is given.
///
/// # Errors
/// What is wrong with the file, and where.
pub(super) fn open(file: &Path, seed: Option<u64>) -> Result<Scenario, CliError> {
    let scenario = Scenario::open(file).map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(match seed {
        Some(seed) => scenario.seeded(seed),
        None => scenario,
    })
}

/// Says what is about to go wrong, and what theory expects.
pub(super) fn announce(scenario: &Scenario, output: Output) {
    if output.is_json() {
        return;
    }
    output.text(&output.shade(Shade::Bold, scenario.name.clone()));
    output.text(&scenario.about);
    output.text("");
    for Staged { fault, at, until, theory } in scenario.staged() {
        output.text(&format!("{at} to {until}: {fault}"));
        theory.iter().for_each(|line| output.text(&format!("      {line}")));
    }
    for expected in &scenario.expectations {
        output.text(&format!("expected: {expected}, because {}", expected.because));
    }
    output.text("");
}

/// Says how it ended.
///
/// # Errors
/// The exit code, unless it passed.
pub(super) fn conclude(verdict: &Verdict, output: Output) -> Result<(), CliError> {
    let shade = if verdict.outcome == Outcome::Pass { Shade::Green } else { Shade::Red };
    output.result(verdict, || output.shade(shade, format!("\n{verdict}")));
    match verdict.outcome.exit_code() {
        0 => Ok(()),
        code => Err(CliError::Exit(code)),
    }
}
