//! A scenario in the simulator: production replicas in virtual time.

use super::error::ScenarioError;
use super::file::Scenario;
use super::seen::Note;
use super::verdict::{Checked, Found, Kind, Verdict};
use crate::faults::Span;
use crate::sim::{self, Plan, Promise, Report, Timetable};
use std::sync::Arc;
use std::time::Duration;
use witan_types::Scheme;

/// Runs a scenario in the simulator.
///
/// # Errors
/// If the simulator can't run such a network.
pub fn simulate(scenario: &Scenario) -> Result<Verdict, ScenarioError> {
    let refuse =
        |why: sim::CannotRun| ScenarioError::CannotRun { name: scenario.file.clone(), why: why.to_string() };
    let report = sim::run(&simulated(scenario)).map_err(refuse)?;
    Ok(verdict(scenario, report))
}

/// The run that the simulator makes of it.
fn simulated(scenario: &Scenario) -> sim::Scenario {
    let network = &scenario.network;
    let timetable = Timetable {
        file: scenario.file.clone(),
        faults: scenario.faults.clone(),
        lasts: scenario.lasts,
        looks: scenario.looks(),
        load: scenario.load,
        parameters: network.parameters(),
        forks: scenario.forks(),
    };
    sim::Scenario {
        followers: 0,
        shards: network.shards,
        root: scenario.speaks_of_root(),
        members: network.members.clone(),
        engine: network.engine,
        engines: network.engines.clone(),
        scheme: Scheme::StandIn,
        plan: Plan::Timetable(Arc::new(timetable)),
        ..sim::Scenario::of(scenario.seed, usize::from(network.nodes))
    }
}

fn verdict(scenario: &Scenario, report: Report) -> Verdict {
    let unbegun = report.course.unbegun.iter();
    let found = Found {
        expectations: scenario.judge(&report.course.samples),
        checks: promises(scenario).map(|promise| checked(&report, promise)).collect(),
        undone: unbegun.map(|fault| format!("no leader was there for: {fault}")).collect(),
    };
    let sum = Note { at: Span(Duration::from_millis(report.virtual_ms)), text: summed(scenario, &report) };
    let mut notes = report.course.notes;
    notes.push(sum);
    Verdict::of(scenario, "simulator", notes, found, report.replay)
}

/// What a run comes to in figures.
fn summed(scenario: &Scenario, report: &Report) -> String {
    let Report { blocks, transactions, across, accusations, .. } = report;
    let mut text = format!("in all {blocks} blocks, {transactions} transactions");
    if scenario.network.shards > 1 {
        let sim::Across { applied, conflicts, late, failed } = across;
        text.push_str(&format!(
            "; across groups {applied} applied, {conflicts} in conflict, {late} late, {failed} failed"
        ));
    }
    if !report.attackers.is_empty() {
        text.push_str(&format!("; {accusations} accusations, each proven by two signatures"));
    }
    text
}

/// The promises that something can be said of: the newest parameters need the root group.
fn promises(scenario: &Scenario) -> impl Iterator<Item = Promise> {
    let changes = scenario.speaks_of_root();
    Promise::ALL.into_iter().filter(move |promise| changes || *promise != Promise::Configuration)
}

/// What the checker of a promise says. The run shows the first promise that breaks; of the others it says that they held
/// up to then, unless they are judged at the end.
fn checked(report: &Report, promise: Promise) -> Checked {
    let kind = Kind::of(promise);
    let at_end = kind == Kind::Liveness || promise == Promise::Serializability;
    let (holds, evidence) = match &report.violation {
        None => (Some(true), String::new()),
        Some(violation) if violation.promise == promise => {
            (Some(false), format!("at {} ms: {}", violation.at_ms, violation.what))
        }
        Some(_) if at_end => (None, "it is judged at the end, and another promise broke before".into()),
        Some(violation) => (Some(true), format!("up to {} ms", violation.at_ms)),
    };
    Checked { promise: promise.to_string(), kind, holds, evidence }
}
