//! A scenario in the simulator: production replicas in virtual time.

use super::error::ScenarioError;
use super::file::Scenario;
use super::verdict::{Checked, Found, Kind, Verdict};
use crate::sim::{self, Plan, Promise, Report, Timetable};
use std::sync::Arc;
use witan_types::{GroupId, Scheme};

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
        root: speaks_of_root(scenario),
        members: network.members.clone(),
        engine: network.engine,
        engines: network.engines.clone(),
        scheme: Scheme::StandIn,
        plan: Plan::Timetable(Arc::new(timetable)),
        ..sim::Scenario::of(scenario.seed, usize::from(network.nodes))
    }
}

/// Operators and the root group are simulated where a scenario has something to say of it.
fn speaks_of_root(scenario: &Scenario) -> bool {
    let leader = crate::faults::Who::Leader(GroupId::ROOT);
    scenario.network.engines.contains_key(&GroupId::ROOT)
        || scenario.expectations.iter().any(|expected| expected.group == GroupId::ROOT)
        || scenario.faults.iter().any(|timed| timed.fault.named().contains(&leader))
}

fn verdict(scenario: &Scenario, report: Report) -> Verdict {
    let unbegun = report.course.unbegun.iter();
    let found = Found {
        expectations: scenario.judge(&report.course.samples),
        checks: Promise::ALL.into_iter().map(|promise| checked(scenario, &report, promise)).collect(),
        undone: unbegun.map(|fault| format!("no leader was there for: {fault}")).collect(),
    };
    Verdict::of(scenario, "simulator", report.course.notes, found, report.replay)
}

/// What the checker of a promise says. The run shows the first promise that breaks; of the others it says that they held
/// up to then.
fn checked(scenario: &Scenario, report: &Report, promise: Promise) -> Checked {
    let kind = Kind::of(promise);
    let broken = report.violation.as_ref();
    let (holds, evidence) = match broken {
        Some(violation) if violation.promise == promise => {
            (Some(false), format!("at {} ms: {}", violation.at_ms, violation.what))
        }
        // What is looked at after the heal was not, since the run ended before.
        Some(_) if kind == Kind::Liveness => (None, "the run ended before the heal".into()),
        _ => (Some(true), String::new()),
    };
    let holds =
        if promise == Promise::Configuration && !speaks_of_root(scenario) { Some(true) } else { holds };
    Checked { promise: promise.to_string(), kind, holds, evidence }
}
