//! One fault from beginning to end: what theory expects, what happens, and a verdict.

use super::probe::Probe;
use super::stage::{Stage, StageError};
use super::theory::{Forks, GroupTheory, Progress, Theory};
use super::watch::{Conflict, Heights, Watch, highest};
use super::{Fault, Span, millis};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use witan_types::{GroupId, Height};

/// What was under way when a fault began may still end: blocks count from this much later.
const SETTLES: Duration = Duration::from_secs(2);
/// A group that has to change leaders may need so long for the next block: shorter looks prove no halt.
const ENOUGH: Duration = Duration::from_secs(8);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long after the heal every node may take to be level and to go on. Time-outs that grew meanwhile have to pass.
const RECOVERY: Duration = Duration::from_secs(90);

/// The most conflicts that people are shown.
const SHOWN: usize = 2;

/// What became of a group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSeen {
    /// Which.
    pub group: GroupId,
    /// What theory expected.
    pub expected: Progress,
    /// The highest block soon after the fault began, and when it ended.
    pub from: Height,
    /// See `from`.
    pub to: Height,
    /// Whether that is what theory expected; none if it was looked at for too short.
    pub as_expected: Option<bool>,
}

/// What became of a network after the heal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// Every node that could had gone on after so long.
    After(Span),
    /// These did not.
    Never {
        /// Their names.
        late: Vec<String>,
    },
    /// There was nothing to wait for: a chain has forked, or what is still staged keeps every group from going on.
    NotJudged,
}

/// How a rehearsal ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As theory expects.
    AsExpected,
    /// It lasted for too short to tell.
    TooShort,
    /// A group halted or went on, or did not recover, against theory.
    Liveness,
    /// A chain forked that theory says can't fork.
    Safety,
}

/// The verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What was staged; empty for a heal.
    pub faults: Vec<Fault>,
    /// What theory expected.
    pub theory: Option<Theory>,
    /// For how long it lasted.
    pub lasted: Option<Span>,
    /// What each group did that holds keys; the root group is mostly idle, which proves nothing.
    pub groups: Vec<GroupSeen>,
    /// Different blocks at one height.
    pub conflicts: Vec<Conflict>,
    /// How many heights were compared.
    pub compared: usize,
    /// What became of it after the heal.
    pub recovery: Recovery,
    /// The end.
    pub outcome: Outcome,
}

/// Stages a fault, watches while it lasts, heals it, and watches until all is well.
///
/// # Errors
/// If it can't be staged or ended.
pub async fn rehearse(
    stage: &mut Stage,
    fault: &Fault,
    lasts: Duration,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Verdict, StageError> {
    let theory = expects(stage, fault).await?;
    let mut probe = Probe::of(stage.network(), &stage.network().genesis()?);
    let mut watch = Watch::begin(stage.network()).await;
    let id = stage.begin(fault, Some(lasts)).await?;
    let begun = Instant::now();
    let during = watch_while(stage, &mut watch, &mut probe, begun, lasts, tell).await;
    stage.end(id).await?;
    tell("healed");
    let (from, to) = during?;
    let recovery = recover(stage, &mut watch, &mut probe, tell).await;
    let groups = seen(&theory, &from, &to, lasts, probe.is_some());
    let outcome = judge(&theory, &groups, watch.conflicts(), &recovery);
    Ok(Verdict {
        faults: vec![fault.clone()],
        theory: Some(theory),
        lasted: Some(Span(lasts)),
        groups,
        conflicts: watch.conflicts().to_vec(),
        compared: watch.compared(),
        recovery,
        outcome,
    })
}

/// What theory expects once this fault is staged beside those that are.
///
/// # Errors
/// If it makes no sense on this network.
pub async fn expects(stage: &Stage, fault: &Fault) -> Result<Theory, StageError> {
    let mut all: Vec<Fault> = stage.staged().iter().map(|staged| staged.now.clone()).collect();
    all.push(stage.resolve(fault).await?);
    Ok(Theory::of(&stage.setting(), &all))
}

/// Ends all faults, and watches until all is well.
///
/// # Errors
/// If one can't be ended.
pub async fn heal(stage: &mut Stage, tell: &mut (dyn FnMut(&str) + Send)) -> Result<Verdict, StageError> {
    let mut probe = Probe::of(stage.network(), &stage.network().genesis()?);
    let faults: Vec<Fault> = stage.staged().iter().map(|staged| staged.now.clone()).collect();
    let theory = Theory::of(&stage.setting(), &faults);
    let mut watch = Watch::begin(stage.network()).await;
    watch.look(stage.network()).await;
    stage.heal().await?;
    tell("healed");
    let recovery = recover(stage, &mut watch, &mut probe, tell).await;
    let outcome = judge(&theory, &[], watch.conflicts(), &recovery);
    Ok(Verdict {
        faults,
        theory: Some(theory),
        lasted: None,
        groups: Vec::new(),
        conflicts: watch.conflicts().to_vec(),
        compared: watch.compared(),
        recovery,
        outcome,
    })
}

/// Looks until the fault's time is up. Returns the heights once it had settled, and at its end.
async fn watch_while(
    stage: &mut Stage,
    watch: &mut Watch,
    probe: &mut Option<Probe>,
    begun: Instant,
    lasts: Duration,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<(Heights, Heights), StageError> {
    let settled_at = SETTLES.min(lasts / 2);
    let (mut from, mut told) = (None, Vec::new());
    loop {
        if let Some(probe) = probe {
            probe.send(stage.network());
        }
        let heights = watch.look(stage.network()).await;
        if from.is_none() && begun.elapsed() >= settled_at {
            from = Some(heights.clone());
        }
        if let Some(conflict) = watch.conflicts().get(told.len()) {
            tell(&format!("FORK: {conflict}"));
            told.push(conflict.clone());
        }
        tell(&line(&heights, begun.elapsed(), lasts));
        let left = lasts.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok((from.unwrap_or_else(|| heights.clone()), heights));
        }
        sleep(left.min(LOOK)).await;
    }
}

/// Waits until every node that can has gone on, beyond what anybody had, in each of its groups that holds keys: what is
/// staged beside the fault that ended still keeps some from it.
async fn recover(
    stage: &Stage,
    watch: &mut Watch,
    probe: &mut Option<Probe>,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Recovery {
    let left: Vec<Fault> = stage.staged().iter().map(|staged| staged.now.clone()).collect();
    let goals = goals(&Theory::of(&stage.setting(), &left), &watch.highest());
    if goals.is_empty() {
        return Recovery::NotJudged;
    }
    let healed = Instant::now();
    let mut late = Vec::new();
    while healed.elapsed() < RECOVERY {
        if let Some(probe) = probe {
            probe.send(stage.network());
        }
        let heights = watch.look(stage.network()).await;
        // No wait mends a chain that has forked.
        if !watch.conflicts().is_empty() {
            return Recovery::NotJudged;
        }
        late = goals.iter().filter(|goal| !goal.is_reached(&heights)).map(|goal| goal.node.clone()).collect();
        if late.is_empty() {
            return Recovery::After(Span(Duration::from_millis(millis(healed.elapsed()))));
        }
        tell(&line(&heights, healed.elapsed(), RECOVERY));
        sleep(LOOK).await;
    }
    late.dedup();
    Recovery::Never { late }
}

/// A node that has to go on in a group.
struct Goal {
    group: GroupId,
    node: String,
    above: Height,
}

impl Goal {
    /// A node that does not answer has not reached it.
    fn is_reached(&self, heights: &Heights) -> bool {
        heights
            .get(&self.group)
            .and_then(|nodes| nodes.get(&self.node))
            .is_some_and(|height| *height > self.above)
    }
}

/// Who has to go on: the members that hear each other, of each group that theory says goes on.
fn goals(theory: &Theory, highest: &BTreeMap<GroupId, Height>) -> Vec<Goal> {
    let goes_on = |group: &&GroupTheory| {
        group.group != GroupId::ROOT && matches!(group.progress, Progress::GoesOn | Progress::GoesOnSlowly)
    };
    let of_group = |group: &GroupTheory| {
        let (group, above) = (group.group, highest.get(&group.group).copied().unwrap_or_default());
        move |node: String| Goal { group, node, above }
    };
    let groups = theory.groups.iter().filter(goes_on);
    groups.flat_map(|group| group.together.iter().cloned().map(of_group(group))).collect()
}

fn seen(theory: &Theory, from: &Heights, to: &Heights, lasts: Duration, works: bool) -> Vec<GroupSeen> {
    let with_keys = theory.groups.iter().filter(|group| group.group != GroupId::ROOT);
    // A short look proves no halt, and neither does an idle group.
    let proves = lasts >= ENOUGH && works;
    let look = |group: &GroupTheory| {
        let (from, to) = (highest(from, group.group), highest(to, group.group));
        let as_expected = match (group.progress, to > from) {
            (Progress::MayHalt, _) | (Progress::GoesOn | Progress::GoesOnSlowly, true) => Some(true),
            (Progress::Halts, true) => Some(false),
            (Progress::Halts, false) => proves.then_some(true),
            (Progress::GoesOn | Progress::GoesOnSlowly, false) => proves.then_some(false),
        };
        GroupSeen { group: group.group, expected: group.progress, from, to, as_expected }
    };
    with_keys.map(look).collect()
}

fn judge(theory: &Theory, groups: &[GroupSeen], conflicts: &[Conflict], recovery: &Recovery) -> Outcome {
    let may_fork = |group: GroupId| {
        theory.groups.iter().any(|expected| expected.group == group && expected.forks == Forks::Possible)
    };
    if conflicts.iter().any(|conflict| !may_fork(conflict.group)) {
        return Outcome::Safety;
    }
    let halted = groups.iter().any(|group| group.as_expected == Some(false));
    if halted || matches!(recovery, Recovery::Never { .. }) {
        return Outcome::Liveness;
    }
    if groups.iter().any(|group| group.as_expected.is_none()) {
        Outcome::TooShort
    } else {
        Outcome::AsExpected
    }
}

fn line(heights: &Heights, passed: Duration, of: Duration) -> String {
    let groups = heights.iter().map(|(group, nodes)| {
        let heights: Vec<String> = nodes.iter().map(|(node, height)| format!("{node} {height}")).collect();
        format!("group {group}: {}", heights.join(" "))
    });
    let groups: Vec<String> = groups.collect();
    format!("{:>3} of {} s  {}", passed.as_secs(), of.as_secs(), groups.join("   "))
}

impl fmt::Display for GroupSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupSeen { group, expected, from, to, as_expected } = self;
        let mark = match as_expected {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "?",
        };
        let did = if to > from { format!("went on from {from} to {to}") } else { format!("stood at {to}") };
        write!(f, "{mark} group {group} {did}; theory: {expected}")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(f, "  {group}")?;
        }
        for conflict in self.conflicts.iter().take(SHOWN) {
            writeln!(f, "  ✗ fork: {conflict}")?;
        }
        if self.conflicts.len() > SHOWN {
            writeln!(
                f,
                "  ✗ and at more heights: `witan testnet check --no-write` lists them with their seals"
            )?;
        }
        if self.conflicts.is_empty() {
            writeln!(f, "  ✓ no two nodes differ at any of {} heights", self.compared)?;
            match &self.recovery {
                Recovery::After(after) => {
                    writeln!(
                        f,
                        "  ✓ {} s after the heal every node that could had gone on",
                        after.0.as_secs()
                    )?;
                }
                Recovery::Never { late } => {
                    writeln!(
                        f,
                        "  ✗ {} did not go on within {} s of the heal",
                        late.join(", "),
                        RECOVERY.as_secs()
                    )?;
                }
                Recovery::NotJudged => {
                    writeln!(
                        f,
                        "  - what is still staged keeps every group from going on, so no recovery is judged"
                    )?;
                }
            }
        }
        f.write_str(match (self.outcome, self.conflicts.is_empty()) {
            (Outcome::AsExpected, true) => "verdict: PASS, as theory expects",
            (Outcome::AsExpected, false) => "verdict: the chain FORKED, as theory says it may",
            (Outcome::TooShort, _) => "verdict: none, it lasted for too short to tell; take a longer --for",
            (Outcome::Liveness, _) => "verdict: FAIL (liveness), not what theory expects",
            (Outcome::Safety, _) => "verdict: FAIL (SAFETY), theory says that this can't fork",
        })
    }
}

#[cfg(test)]
mod tests;
