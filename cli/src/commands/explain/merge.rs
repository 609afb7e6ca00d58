//! One paragraph for a network, of what its nodes say: those that don't answer first, then those that can't reach each
//! other, then whatever else the nodes find.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use witan_testnet::rpc::{Explanation, Finding};
use witan_types::GroupId;

/// Findings of nodes that the paragraph tells.
const MAX_TOLD: usize = 5;
/// What nodes say of others that don't answer, which is told already.
const OF_OTHERS: [&str; 4] = ["NO_QUORUM", "GROUP_WITHOUT_QUORUM", "DEAD_LEADER", "VALIDATOR_DOWN"];

/// What a node said.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Answer {
    name: String,
    answers: bool,
    explanation: Option<Explanation>,
    /// Whether its process runs.
    #[serde(skip)]
    runs: bool,
}

impl Answer {
    pub(super) fn new(name: String, runs: bool, explanation: Option<Explanation>) -> Answer {
        Answer { name, answers: explanation.is_some(), explanation, runs }
    }
}

/// A group, by genesis.
#[derive(Clone, Debug)]
pub(super) struct GroupFacts {
    pub(super) group: GroupId,
    pub(super) members: Vec<String>,
    pub(super) quorum: usize,
}

/// The paragraph.
pub(super) fn summary(groups: &[GroupFacts], answers: &[Answer]) -> String {
    let all: Vec<&str> = answers.iter().map(|answer| answer.name.as_str()).collect();
    let silent: Vec<&Answer> = answers.iter().filter(|answer| !answer.answers).collect();
    if silent.len() == all.len() {
        return nobody(&all, &silent);
    }
    let mut sentences = Vec::new();
    if !silent.is_empty() {
        sentences.extend(of_silent(groups, &silent));
    }
    let (apart, told) = of_apart(answers);
    sentences.extend(apart);
    sentences.extend(of_findings(answers, &silent, &told));
    if sentences.is_empty() {
        sentences.push(format!("All is well with {}.", listed(&all)));
    }
    sentences.extend(of_groups(groups, answers));
    sentences.join(" ")
}

fn nobody(all: &[&str], silent: &[&Answer]) -> String {
    if silent.iter().all(|answer| !answer.runs) {
        let names = listed(all);
        return format!(
            "{names} don't run, so nothing happens: `witan testnet up` starts them with their keys and data."
        );
    }
    let running: Vec<&str> = silent.iter().filter(|it| it.runs).map(|it| it.name.as_str()).collect();
    format!("{} don't answer, though {} runs: see `witan testnet logs`.", listed(all), listed(&running))
}

/// Nodes that don't answer, what comes of it, and what to do.
fn of_silent(groups: &[GroupFacts], silent: &[&Answer]) -> Vec<String> {
    let names: Vec<&str> = silent.iter().map(|answer| answer.name.as_str()).collect();
    let dont = if names.len() == 1 { "doesn't" } else { "don't" };
    let left =
        |facts: &GroupFacts| facts.members.iter().filter(|name| !names.contains(&name.as_str())).count();
    let hit = |facts: &&GroupFacts| left(facts) < facts.members.len();
    let dead: Vec<&GroupFacts> =
        groups.iter().filter(hit).filter(|facts| left(facts) < facts.quorum).collect();
    let consequence = match dead.as_slice() {
        [] => {
            let spare = groups.iter().filter(hit).map(|facts| left(facts) - facts.quorum).min();
            match spare {
                Some(0) => {
                    "; every group still has the votes it needs, and would stop with one fewer".to_owned()
                }
                _ => "; every group still has the votes it needs".to_owned(),
            }
        }
        dead => {
            let mut alike: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
            for facts in dead {
                alike.entry((left(facts), facts.quorum)).or_default().push(facts.group.to_string());
            }
            let votes = |((left, quorum), groups): (&(usize, usize), &Vec<String>)| match groups.as_slice() {
                [only] => {
                    format!("group {only} has {left} of the {quorum} votes it needs and makes no block")
                }
                several => {
                    format!(
                        "groups {} have {left} of the {quorum} votes they need and make no block",
                        listed(several)
                    )
                }
            };
            let votes: Vec<String> = alike.iter().map(votes).collect();
            format!(", so {}", listed(&votes))
        }
    };
    let mut sentences = vec![format!("{} {dont} answer{consequence}.", listed(&names))];
    let (running, stopped): (Vec<&Answer>, Vec<&Answer>) = silent.iter().copied().partition(|it| it.runs);
    if !stopped.is_empty() {
        let names: Vec<&str> = stopped.iter().map(|answer| answer.name.as_str()).collect();
        let verb = if names.len() == 1 { "does" } else { "do" };
        sentences.push(format!(
            "{} {verb} not run: `witan testnet start {}`.",
            listed(&names),
            names.join(" ")
        ));
    }
    if !running.is_empty() {
        let names: Vec<&str> = running.iter().map(|answer| answer.name.as_str()).collect();
        let verb = if names.len() == 1 { "runs and says" } else { "run and say" };
        sentences.push(format!(
            "{} {verb} nothing: see `witan testnet logs {}`.",
            listed(&names),
            names.join(" ")
        ));
    }
    sentences
}

/// Nodes that answer and can't reach each other; and which nodes that tells of.
fn of_apart(answers: &[Answer]) -> (Vec<String>, BTreeSet<String>) {
    let answering: BTreeSet<&str> =
        answers.iter().filter(|it| it.answers).map(|it| it.name.as_str()).collect();
    // Of a node with another genesis that says more.
    let strays: BTreeSet<&str> = answers
        .iter()
        .filter_map(|answer| answer.explanation.as_ref())
        .flat_map(|said| &said.findings)
        .filter(|finding| finding.reason == "WRONG_GENESIS")
        .flat_map(|finding| finding.nodes.iter().map(String::as_str))
        .collect();
    let mut cuts: Vec<(&str, BTreeSet<&str>)> = Vec::new();
    for answer in answers.iter().filter(|answer| !strays.contains(answer.name.as_str())) {
        let groups = answer.explanation.iter().flat_map(|said| &said.groups);
        let missing = groups.flat_map(|group| group.missing.iter().map(String::as_str));
        let cut: BTreeSet<&str> =
            missing.filter(|name| answering.contains(name) && !strays.contains(name)).collect();
        if !cut.is_empty() {
            cuts.push((&answer.name, cut));
        }
    }
    cuts.sort_by_key(|(_, cut)| std::cmp::Reverse(cut.len()));
    let (mut sentences, mut told) = (Vec::new(), BTreeMap::<&str, &BTreeSet<&str>>::new());
    for (name, cut) in &cuts {
        if cut.iter().all(|other| told.get(other).is_some_and(|theirs| theirs.contains(name))) {
            continue;
        }
        let others: Vec<&str> = cut.iter().copied().collect();
        sentences.push(format!(
            "{name} answers but can't reach {}, though {} too: the network between them is cut, so repair it; whichever part has a quorum goes on alone.",
            listed(&others),
            if others.len() == 1 { "that one answers" } else { "those answer" }
        ));
        told.insert(name, cut);
    }
    let named = cuts.iter().flat_map(|(name, cut)| cut.iter().chain([name]).map(|it| (*it).to_owned()));
    (sentences, named.collect())
}

/// Whether a node says that it is of another chain than the others.
fn is_stray(answer: &Answer) -> bool {
    let mut findings = answer.explanation.iter().flat_map(|said| &said.findings);
    findings.any(|finding| finding.reason == "WRONG_GENESIS" && finding.nodes.contains(&answer.name))
}

/// What the nodes find, each once, without what was told before.
fn of_findings(answers: &[Answer], silent: &[&Answer], apart: &BTreeSet<String>) -> Vec<String> {
    let known = |name: &String| silent.iter().any(|it| it.name == *name) || apart.contains(name);
    let is_told =
        |finding: &Finding| OF_OTHERS.contains(&finding.reason.as_str()) && finding.nodes.iter().all(known);
    let mut seen = BTreeSet::new();
    let fresh: Vec<&Finding> = answers
        .iter()
        .filter_map(|answer| Some((is_stray(answer), answer.explanation.as_ref()?)))
        .flat_map(|(stray, said)| said.findings.iter().map(move |finding| (stray, finding)))
        // A node of another chain reaches nobody of this one, which says nothing of the others.
        .filter(|(stray, finding)| !(*stray && OF_OTHERS.contains(&finding.reason.as_str())))
        .map(|(_, finding)| finding)
        .filter(|finding| !is_told(finding))
        .filter(|finding| seen.insert((&finding.reason, finding.group, &finding.nodes)))
        .collect();
    let mut sentences: Vec<String> =
        fresh.iter().take(MAX_TOLD).map(|finding| format!("{} {}", finding.text, finding.fix)).collect();
    if fresh.len() > MAX_TOLD {
        sentences.push(format!("{} more findings: see --json.", fresh.len() - MAX_TOLD));
    }
    sentences
}

/// How far each group with keys is, as the node says that is furthest.
fn of_groups(groups: &[GroupFacts], answers: &[Answer]) -> Option<String> {
    let said = |group: GroupId| {
        let all = answers.iter().filter_map(|answer| answer.explanation.as_ref());
        let views = all.flat_map(|said| &said.groups).filter(move |view| view.group == group);
        views.max_by_key(|view| (view.leader.is_some(), view.height))
    };
    let keys = groups.iter().filter(|facts| facts.group != GroupId::ROOT);
    let states: Vec<String> = keys
        .filter_map(|facts| said(facts.group))
        .map(|view| {
            let leader = view.leader.as_ref().map_or(String::new(), |leader| format!(", led by {leader}"));
            format!("group {} ({}) is at block {}{leader}", view.group, view.engine.label(), view.height)
        })
        .collect();
    let mut text = listed(&states);
    let first = text.get(..1)?.to_uppercase();
    text.replace_range(..1, &first);
    (!states.is_empty()).then(|| format!("{text}."))
}

/// `n0`, `n0 and n1`, `n0, n1 and n2`.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests;
