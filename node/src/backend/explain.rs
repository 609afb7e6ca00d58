//! What this node is doing, or why it isn't: facts are collected ([`collect`]) and judged ([`findings`]), and a paragraph
//! is made of that. Judging and wording are pure.

mod collect;
mod findings;
mod kept;
mod situation;
mod words;

use findings::Found;
use kept::Kept;
use situation::{GroupSituation, Lock, Situation};
use std::time::Duration;
use witan_rpc::view::{ExplainedGroup, Explanation, Health};
use words::{listed, seconds};

/// Findings that the paragraph tells; the list has them all.
const MAX_TOLD: usize = 4;
/// Groups that the paragraph tells of.
const MAX_GROUPS_TOLD: usize = 4;
/// A group whose last block is older is idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// The locks that were found lately.
#[derive(Debug, Default)]
pub(crate) struct LocksSeen(Kept<Vec<Lock>>);

/// What the node does, or what keeps it from doing it.
fn explain(situation: &Situation) -> Explanation {
    let found = findings::judge(situation);
    let groups: Vec<ExplainedGroup> =
        situation.groups.iter().map(|group| describe(situation, group)).collect();
    let ready = found.iter().all(|found| found.ready);
    let is_up = situation.live && !situation.stopping && !situation.groups.is_empty();
    Explanation {
        summary: summary(situation, &found),
        progressing: is_up && groups.iter().all(|group| group.progressing),
        ready,
        findings: found.into_iter().map(|found| found.finding).collect(),
        groups,
    }
}

/// Whether the node lives and works, and why not.
fn health(situation: &Situation) -> Health {
    let found: Vec<Found> = findings::judge(situation).into_iter().filter(|found| !found.ready).collect();
    let mut reasons: Vec<String> = Vec::new();
    for Found { finding, .. } in &found {
        if !reasons.contains(&finding.reason) {
            reasons.push(finding.reason.clone());
        }
    }
    let details = found.iter().map(|found| format!("{} {}", found.finding.text, found.finding.fix)).collect();
    Health { live: situation.live, ready: found.is_empty(), reasons, details }
}

fn describe(situation: &Situation, group: &GroupSituation) -> ExplainedGroup {
    let missing = group.missing().into_iter().map(|member| member.name.clone()).collect();
    ExplainedGroup {
        group: group.group,
        engine: group.engine,
        height: group.height,
        sealed_height: group.sealed,
        leader: group.leader_name().map(str::to_owned),
        view: group.view,
        next_timeout_ms: group.next_timeout_ms,
        missing,
        reached: group.reached(),
        quorum: group.quorum,
        progressing: situation.live && group.is_progressing(),
    }
}

fn summary(situation: &Situation, found: &[Found]) -> String {
    let mut sentences: Vec<String> = Vec::new();
    for Found { finding, .. } in found.iter().take(MAX_TOLD) {
        sentences.push(finding.text.clone());
        sentences.push(finding.fix.clone());
    }
    if found.len() > MAX_TOLD {
        sentences.push(format!("{} more things are wrong: see the findings.", found.len() - MAX_TOLD));
    }
    let keys: Vec<&GroupSituation> = situation.groups.iter().filter(|group| group.group.0 != 0).collect();
    let told = if keys.is_empty() { situation.groups.iter().collect() } else { keys };
    let states: Vec<String> = told.iter().take(MAX_GROUPS_TOLD).map(|group| state_of(group)).collect();
    if !states.is_empty() {
        let states = states.join("; ");
        let more = told.len().saturating_sub(MAX_GROUPS_TOLD);
        let more = if more > 0 { format!("; and {more} more groups") } else { String::new() };
        let me = &situation.node;
        let intro = if found.is_empty() { format!("{me} is well: ") } else { format!("{me} sees ") };
        sentences.push(format!("{intro}{states}{more}."));
    }
    sentences.join(" ")
}

/// What one group does: its height, who leads, who is reached, and the next time-out.
fn state_of(group: &GroupSituation) -> String {
    let doing = match () {
        () if !group.is_progressing() => "stopped",
        () if group.has_work || group.still < IDLE_AFTER => "committing",
        () => "idle",
    };
    let mut text =
        format!("group {} ({}) {doing} at block {}", group.group, group.engine.label(), group.height);
    if group.sealed < group.height {
        text += &format!(", sealed up to {}", group.sealed);
    }
    if let Some(leader) = group.leader_name() {
        text += &format!(", led by {leader} in view {}", group.view);
    }
    let reached: Vec<&str> =
        group.members.iter().filter(|it| it.reached).map(|it| it.name.as_str()).collect();
    text += &format!(", reaching {} ({} of {} needed)", listed(&reached), reached.len(), group.quorum);
    if let Some(next) = group.next_timeout_ms {
        text += &format!(", next time-out in {}", seconds(next));
    }
    text
}

#[cfg(test)]
mod tests;
