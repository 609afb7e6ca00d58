//! What a run of a scenario comes to.

use super::file::{Liveness, Right, Safety, Scenario};
use super::seen::Note;
use crate::faults::Span;
use crate::sim::Promise;
use serde::Serialize;
use std::fmt;

/// What a run comes to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The scenario's name.
    pub scenario: String,
    /// What it shows.
    pub about: String,
    /// Where it ran: `simulator` or `processes`.
    pub stage: &'static str,
    /// The seed.
    pub seed: u64,
    /// What went wrong, as was meant, and what theory expects of each.
    pub faults: Vec<Staged>,
    /// What happened when.
    pub timeline: Vec<Note>,
    /// Each expectation, and whether it was seen.
    pub expectations: Vec<Seen>,
    /// What each checker says.
    pub checks: Vec<Checked>,
    /// Which verdict would be right.
    pub right: Right,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not pass; empty if it did.
    pub reasons: Vec<String>,
    /// The command that runs it again.
    pub replay: String,
}

/// A fault as it was meant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Staged {
    /// What goes wrong.
    pub fault: String,
    /// When it begins.
    pub at: Span,
    /// When it ends.
    pub until: Span,
    /// What theory expects, group by group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub theory: Vec<String>,
}

/// An expectation, and what was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// What was expected.
    pub expectation: String,
    /// Why.
    pub because: String,
    /// Whether it was seen.
    pub seen: bool,
    /// What was seen.
    pub evidence: String,
}

/// What a checker says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// What it looks after.
    pub promise: String,
    /// What breaking it means.
    pub kind: Kind,
    /// Whether it held; none if nothing could be said.
    pub holds: Option<bool>,
    /// What was seen, if it did not hold or nothing could be said; `up to` a time, if it was looked after until then alone.
    pub evidence: String,
}

impl Kind {
    /// What it means that this promise is broken.
    pub fn of(promise: Promise) -> Kind {
        match promise {
            Promise::Agreement => Kind::Fork,
            Promise::ValidSeals | Promise::Durability | Promise::Serializability | Promise::Conservation => {
                Kind::OneChain
            }
            Promise::Liveness | Promise::NoOrphans | Promise::Configuration => Kind::Liveness,
            Promise::Order
            | Promise::WriteAhead
            | Promise::Innocence
            | Promise::Bounds
            | Promise::NoPanic => Kind::Safety,
        }
    }
}

/// What it means that a promise is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// There are two chains, which is what a scenario may expect.
    Fork,
    /// Something that rests on there being one chain, and goes with it.
    OneChain,
    /// Something else happened that never may.
    Safety,
    /// Something does not happen that must.
    Liveness,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// All is as theory says.
    Pass,
    /// Something expected was not seen.
    Fail,
    /// A group does not go on that should.
    Liveness,
    /// Something happened that never may, and that theory does not expect here.
    Safety,
}

impl Outcome {
    /// What the command exits with.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Pass => 0,
            Outcome::Fail => 1,
            Outcome::Liveness => 3,
            Outcome::Safety => 4,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Pass => "PASS",
            Outcome::Fail => "FAIL",
            Outcome::Liveness => "LIVENESS",
            Outcome::Safety => "SAFETY",
        })
    }
}

/// What was found, before it is judged.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) expectations: Vec<Seen>,
    pub(super) checks: Vec<Checked>,
    /// What could not be done as the scenario has it.
    pub(super) undone: Vec<String>,
}

impl Verdict {
    /// What a run comes to in which this was found.
    pub(super) fn of(
        scenario: &Scenario,
        stage: &'static str,
        timeline: Vec<Note>,
        found: Found,
        replay: String,
    ) -> Verdict {
        let (outcome, reasons) = judge(scenario.right, &found);
        let Found { expectations, checks, .. } = found;
        Verdict {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            stage,
            seed: scenario.seed,
            faults: scenario.staged(),
            timeline,
            expectations,
            checks,
            right: scenario.right,
            outcome,
            reasons,
            replay,
        }
    }
}

/// Judges what was found: the worst that was not to be expected, and all reasons.
fn judge(right: Right, found: &Found) -> (Outcome, Vec<String>) {
    let forked = found.checks.iter().any(|check| check.kind == Kind::Fork && check.holds == Some(false));
    let may_fork = right.safety == Safety::Broken;
    let mut worst = Outcome::Pass;
    let mut reasons = Vec::new();
    let mut note = |outcome: Outcome, reason: String| {
        if outcome.exit_code() > worst.exit_code() {
            worst = outcome;
        }
        reasons.push(reason);
    };
    for check in found.checks.iter().filter(|check| check.holds == Some(false)) {
        let Checked { promise, evidence, .. } = check;
        match check.kind {
            Kind::Fork | Kind::OneChain if may_fork && forked => {}
            Kind::Fork | Kind::OneChain | Kind::Safety => {
                note(Outcome::Safety, format!("{promise} is broken: {evidence}"))
            }
            Kind::Liveness if right.liveness == Liveness::Lost => {}
            Kind::Liveness => note(Outcome::Liveness, format!("{promise} is lost: {evidence}")),
        }
    }
    if may_fork && !forked {
        note(Outcome::Fail, "theory says that the chain forks, and no checker found that".into());
    }
    for unsure in found.checks.iter().filter(|check| check.holds.is_none()) {
        // Whoever looks for a fork and finds it has nothing more to look at, nor has whoever expects a group to stand still.
        let expected =
            (forked && may_fork) || (unsure.kind == Kind::Liveness && right.liveness == Liveness::Lost);
        if !expected {
            note(Outcome::Fail, format!("{} could not be checked: {}", unsure.promise, unsure.evidence));
        }
    }
    for missed in found.expectations.iter().filter(|seen| !seen.seen) {
        note(Outcome::Fail, format!("not seen: {}; {}", missed.expectation, missed.evidence));
    }
    found.undone.iter().for_each(|undone| note(Outcome::Fail, undone.clone()));
    (worst, reasons)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for seen in &self.expectations {
            let Seen { expectation, because, evidence, .. } = seen;
            let mark = if seen.seen { "seen" } else { "NOT SEEN" };
            writeln!(f, "{mark}: {expectation}, because {because}\n      {evidence}")?;
        }
        let held = self.checks.iter().filter(|check| check.holds == Some(true));
        let name = |check: &Checked| match check.evidence.strip_prefix("up to ") {
            Some(until) => format!("{} (up to {until})", check.promise),
            None => check.promise.clone(),
        };
        let held = held.map(name).collect::<Vec<_>>().join(", ");
        if !held.is_empty() {
            writeln!(f, "held: {held}")?;
        }
        for Checked { promise, holds, evidence, .. } in &self.checks {
            match holds {
                Some(true) => {}
                Some(false) => writeln!(f, "BROKEN: {promise}\n      {evidence}")?,
                None => writeln!(f, "not checked: {promise}\n      {evidence}")?,
            }
        }
        write!(f, "{}: {} (seed {})", self.outcome, self.scenario, self.seed)?;
        if self.outcome == Outcome::Pass && self.right.safety == Safety::Broken {
            f.write_str(": SAFETY is broken, as theory says, and that was found")?;
        }
        self.reasons.iter().try_for_each(|reason| write!(f, "\n  - {reason}"))?;
        if self.outcome != Outcome::Pass {
            write!(f, "\nagain: {}", self.replay)?;
        }
        Ok(())
    }
}
