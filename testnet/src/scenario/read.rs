//! Reading a scenario: all of it is judged before anything starts.

use super::error::ScenarioError;
use super::expect::Expectation;
use super::file::{
    Load, MAX_EXPECTATIONS, MAX_FAULTS, MAX_FILE, MAX_LASTS, MAX_NODES, MAX_TPS, Network, Right, Scenario,
    Timed,
};
use crate::faults::{Fault, Span, Who};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use toml::Spanned;
use witan_types::genesis::MAX_GROUPS;
use witan_types::{EngineKind, FaultModel, GroupId};

/// The file as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    about: Spanned<String>,
    nodes: Spanned<u16>,
    engine: EngineKind,
    #[serde(default = "one")]
    shards: Spanned<u32>,
    #[serde(default)]
    group_engines: BTreeMap<Spanned<String>, EngineKind>,
    #[serde(default)]
    group_nodes: BTreeMap<Spanned<String>, Vec<Who>>,
    #[serde(default)]
    permissioned: bool,
    #[serde(default)]
    block_time: Span,
    #[serde(default = "seed")]
    seed: u64,
    lasts: Spanned<Span>,
    load: Option<Spanned<Load>>,
    #[serde(default)]
    fault: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    expect: Vec<Spanned<Expectation>>,
    #[serde(default)]
    verdict: Right,
}

fn one() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

fn seed() -> u64 {
    1
}

/// The keys of a fault that say when, and not what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    at: Span,
    r#for: Option<Span>,
    every: Option<Span>,
    times: Option<u32>,
}

const TIMES: [&str; 4] = ["at", "for", "every", "times"];

/// Judges parts of a file, and knows where they stand.
struct Judge<'a> {
    name: &'a str,
    text: &'a str,
}

/// A judgement of something that stands at an offset of the file.
type Judged<T> = Result<T, ScenarioError>;

impl Judge<'_> {
    fn nonsense(&self, offset: usize, why: impl Into<String>) -> ScenarioError {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        ScenarioError::Nonsense { name: self.name.to_owned(), line, why: why.into() }
    }

    fn holds(&self, holds: bool, offset: usize, why: impl FnOnce() -> String) -> Judged<()> {
        if holds { Ok(()) } else { Err(self.nonsense(offset, why())) }
    }
}

impl Scenario {
    /// Reads a file and judges all that it says.
    ///
    /// # Errors
    /// The file, the line, and what was expected there.
    pub fn open(path: &Path) -> Result<Scenario, ScenarioError> {
        let refuse =
            |error: std::io::Error| ScenarioError::File { path: path.into(), why: error.to_string() };
        let text = std::fs::read_to_string(path).map_err(refuse)?;
        Scenario::read(&path.display().to_string(), &text)
    }

    /// Reads the text of a file and judges all that it says.
    ///
    /// # Errors
    /// The file, the line, and what was expected there.
    pub fn read(file: &str, text: &str) -> Result<Scenario, ScenarioError> {
        let judge = Judge { name: file, text };
        judge.holds(text.len() <= MAX_FILE, 0, || {
            format!("{} bytes: at most {MAX_FILE} are read", text.len())
        })?;
        let refuse =
            |error: toml::de::Error| ScenarioError::Text { name: file.into(), why: error.to_string() };
        let written: Written = toml::from_str(text).map_err(refuse)?;
        let network = network(&judge, &written)?;
        let lasts = written.lasts.get_ref().0;
        judge.holds(lasts <= MAX_LASTS && !lasts.is_zero(), written.lasts.span().start, || {
            format!("lasts {}: more than 0s, at most {}", Span(lasts), Span(MAX_LASTS))
        })?;
        let about = written.about.get_ref().trim();
        judge.holds(!about.is_empty(), written.about.span().start, || "about says nothing".into())?;
        if let Some(load) = &written.load {
            let Load { tps, cross_shard_percent } = *load.get_ref();
            judge.holds((1..=MAX_TPS).contains(&tps), load.span().start, || {
                format!("{tps} transactions a second: 1 to {MAX_TPS} are possible")
            })?;
            judge.holds(cross_shard_percent <= 100, load.span().start, || {
                format!("cross-shard-percent is {cross_shard_percent}: at most 100")
            })?;
        }
        let faults = faults(&judge, &network, lasts, &written.fault)?;
        let expectations = expectations(&judge, &network, lasts, &written.expect)?;
        let name =
            Path::new(file).file_stem().map_or(file.into(), |stem| stem.to_string_lossy().into_owned());
        let load = written.load.as_ref().map(|load| *load.get_ref());
        let (about, seed, right) = (about.to_owned(), written.seed, written.verdict);
        let file = file.to_owned();
        Ok(Scenario { name, file, about, network, seed, lasts, load, faults, expectations, right })
    }
}

fn network(judge: &Judge<'_>, written: &Written) -> Judged<Network> {
    let (nodes, shards) = (*written.nodes.get_ref(), *written.shards.get_ref());
    judge.holds((1..=MAX_NODES).contains(&nodes), written.nodes.span().start, || {
        format!("{nodes} nodes: 1 to {MAX_NODES} are possible")
    })?;
    let fits = usize::try_from(shards).is_ok_and(|shards| (1..MAX_GROUPS).contains(&shards));
    judge.holds(fits, written.shards.span().start, || {
        format!("{shards} shards: 1 to {} are possible", MAX_GROUPS - 1)
    })?;
    let group = |name: &Spanned<String>| -> Judged<GroupId> {
        let text = name.get_ref().as_str();
        let id = if text == "root" { Some(0) } else { text.parse().ok() };
        let id = id.filter(|id: &u32| *id <= shards).map(GroupId);
        id.ok_or_else(|| {
            let why = format!("there is no group {text:?}: expected root or 1 to {shards}");
            judge.nonsense(name.span().start, why)
        })
    };
    let mut engines = BTreeMap::new();
    for (name, engine) in &written.group_engines {
        engines.insert(group(name)?, *engine);
    }
    let mut members = BTreeMap::new();
    for (name, whos) in &written.group_nodes {
        let id = group(name)?;
        let places: BTreeSet<u16> = whos.iter().filter_map(|who| who.place()).collect();
        let fits = places.len() == whos.len() && places.last().is_some_and(|last| *last < nodes);
        judge.holds(fits && id != GroupId::ROOT, name.span().start, || {
            format!(
                "the members of group {id} must be some of n0 to n{}, each once, and all are members of the root group",
                nodes.saturating_sub(1)
            )
        })?;
        members.insert(id, places.into_iter().collect());
    }
    let (engine, permissioned, block_time) = (written.engine, written.permissioned, written.block_time.0);
    let network = Network { nodes, engine, shards, engines, members, permissioned, block_time };
    let trusting = (0..=shards).map(GroupId).map(|id| network.engine_of(id));
    let trusting = trusting.into_iter().find(|engine| engine.faults() == FaultModel::Crash);
    judge.holds(trusting.is_none() || permissioned, written.nodes.span().start, || {
        "raft trusts its members not to lie: add `permissioned = true`".into()
    })?;
    Ok(network)
}

/// All faults with their repetitions, in the order in which they begin.
fn faults(
    judge: &Judge<'_>,
    network: &Network,
    lasts: Duration,
    written: &[Spanned<toml::Table>],
) -> Judged<Vec<Timed>> {
    let mut faults = Vec::new();
    for table in written {
        let start = table.span().start;
        let refuse =
            |error: toml::de::Error| judge.nonsense(start, format!("in this fault: {}", error.message()));
        let (times, what): (toml::Table, toml::Table) =
            table.get_ref().clone().into_iter().partition(|(key, _)| TIMES.contains(&key.as_str()));
        let times: Times = toml::Value::Table(times).try_into().map_err(refuse)?;
        let fault: Fault = toml::Value::Table(what).try_into().map_err(refuse)?;
        sense(network, &fault).map_err(|why| judge.nonsense(start, why))?;
        let repeated = repeated(&times, lasts).map_err(|why| judge.nonsense(start, why))?;
        faults.extend(repeated.into_iter().map(|(at, until)| Timed { fault: fault.clone(), at, until }));
        judge.holds(faults.len() <= MAX_FAULTS, start, || {
            format!("more than {MAX_FAULTS} faults, repetitions counted")
        })?;
    }
    faults.sort_by_key(|timed| timed.at);
    one_liar_in_one_way(&faults).map_err(|why| judge.nonsense(0, why))?;
    Ok(faults)
}

/// When a fault begins and ends, each time.
fn repeated(times: &Times, lasts: Duration) -> Result<Vec<(Duration, Duration)>, String> {
    let Times { at, r#for: length, every, times } = times;
    let (every, count) = match (every, times) {
        (None, None) => (Duration::ZERO, 1),
        (Some(every), Some(count)) => (every.0, *count),
        _ => return Err("every and times belong together".into()),
    };
    if count == 0 || usize::try_from(count).map_or(true, |count| count > MAX_FAULTS) {
        return Err(format!("times is {count}: 1 to {MAX_FAULTS} are possible"));
    }
    if length.is_some_and(|length| length.is_zero()) {
        return Err("for is 0s: a fault takes time".into());
    }
    if count > 1 && length.is_none_or(|length| length.0 > every) {
        return Err(format!("for must be given and at most every, which is {}", Span(every)));
    }
    let mut moments = Vec::new();
    for number in 0..count {
        let begins = every.checked_mul(number).and_then(|later| later.checked_add(at.0));
        let begins = begins.filter(|begins| *begins < lasts);
        let begins = begins.ok_or_else(|| format!("it begins after everything heals, at {}", Span(lasts)))?;
        let ends = length.and_then(|length| begins.checked_add(length.0)).unwrap_or(lasts).min(lasts);
        moments.push((begins, ends));
    }
    Ok(moments)
}

/// Whether a fault makes sense on the network.
fn sense(network: &Network, fault: &Fault) -> Result<(), String> {
    if matches!(fault, Fault::Twin { .. } | Fault::Byzantine { .. }) && !network.members.is_empty() {
        return Err("a node that lies or runs twice needs groups of which all nodes are members".into());
    }
    fault.sense(&network.setting(true))
}

fn known(network: &Network, whos: &[Who]) -> Result<(), String> {
    let (nodes, shards) = (network.nodes, network.shards);
    for who in whos {
        match who {
            Who::Node(place) if *place >= nodes => {
                return Err(format!("there is no {who}: they are n0 to n{}", nodes.saturating_sub(1)));
            }
            Who::Leader(group) if group.0 > shards => {
                return Err(format!("there is no group {group}: they are 0 (root) to {shards}"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn one_liar_in_one_way(faults: &[Timed]) -> Result<(), String> {
    let mut twins = BTreeSet::new();
    let mut liars = BTreeSet::new();
    for timed in faults {
        match &timed.fault {
            Fault::Twin { node, .. } => twins.insert(*node),
            Fault::Byzantine { node, .. } => liars.insert(*node),
            _ => continue,
        };
    }
    match twins.intersection(&liars).next() {
        Some(node) => Err(format!("{node} runs twice and lies: one node can do one of these")),
        None => Ok(()),
    }
}

fn expectations(
    judge: &Judge<'_>,
    network: &Network,
    lasts: Duration,
    written: &[Spanned<Expectation>],
) -> Judged<Vec<Expectation>> {
    let mut expectations = Vec::new();
    for spanned in written {
        let (start, expected) = (spanned.span().start, spanned.get_ref());
        let Expectation { from, to, group, nodes, because, .. } = expected;
        judge.holds(from < to && to.0 <= lasts, start, || {
            format!(
                "from {from} to {to}: expected a window within the {} that the scenario lasts",
                Span(lasts)
            )
        })?;
        let there = group.0 <= network.shards;
        judge.holds(there, start, || {
            format!("there is no group {group}: they are 0 (root) to {}", network.shards)
        })?;
        judge.holds(!because.trim().is_empty(), start, || "because says nothing".into())?;
        known(network, nodes).map_err(|why| judge.nonsense(start, why))?;
        let members = network.members_of(*group);
        let outside = nodes.iter().find(|who| who.place().is_none_or(|place| !members.contains(&place)));
        judge.holds(outside.is_none(), start, || {
            let outside = outside.map(Who::to_string).unwrap_or_default();
            format!("{outside} is no node of group {group}: expected its members, by name")
        })?;
        expectations.push(expected.clone());
        judge.holds(expectations.len() <= MAX_EXPECTATIONS, start, || {
            format!("more than {MAX_EXPECTATIONS} expectations")
        })?;
    }
    Ok(expectations)
}
