//! What a run tells.

use super::check::Promise;
use super::faults::FaultKind;
use super::pipeline::{Crashed, Step};
use super::timetable::Course;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use witan_replica::attack::Attack;
use witan_types::{EngineKind, GroupId};

/// A promise that did not hold.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// What was seen.
    pub what: String,
    /// When, in virtual milliseconds.
    pub at_ms: u64,
    /// The newest events before it, oldest first.
    pub events: Vec<String>,
}

/// The summary of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many validators.
    pub nodes: usize,
    /// The engine of every group that `group_engines` does not name.
    pub engine: EngineKind,
    /// How many groups share the keys.
    pub shards: u32,
    /// The groups that have another engine.
    pub group_engines: BTreeMap<GroupId, EngineKind>,
    /// The command that runs it again.
    pub replay: String,
    /// Who attacked, by place, and how.
    pub attackers: BTreeMap<usize, Attack>,
    /// How often an attacker was accused, with proof.
    pub accusations: u64,
    /// The newest heights of all groups, added up.
    pub blocks: u64,
    /// The highest round, view or term that an honest validator was in, added up over groups; the epoch starts from 0.
    pub views: u64,
    /// Transactions that a node told a client are committed.
    pub transactions: usize,
    /// Batches of transactions that honest nodes wrote down.
    pub batches: u64,
    /// Messages that arrived.
    pub messages: u64,
    /// Messages between groups of a node that arrived before the heal.
    pub crossings: u64,
    /// How transactions that span groups ended.
    pub across: Across,
    /// What each other group committed while one stood still.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub beside_stall: BTreeMap<GroupId, Beside>,
    /// How often the configuration was changed; 0 unless the root group runs.
    pub changes: u64,
    /// How often all balances were read at once.
    pub snapshots: usize,
    /// The longest that a transaction across groups held keys, in milliseconds of block time.
    pub longest_lock_ms: u64,
    /// Crashes of single nodes.
    pub crashes: u64,
    /// How often each kind of fault began.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Virtual time, milliseconds.
    pub virtual_ms: u64,
    /// How long after the heal everything was well again, in virtual milliseconds.
    pub well_after_ms: Option<u64>,
    /// Whether enough blocks were decided in every group under enough kinds of fault for the run to say something.
    pub counts: bool,
    /// The hash of all that happened: the same for the same seed.
    pub trace: String,
    /// The first promise that did not hold.
    pub violation: Option<Violation>,
    /// Where nodes stood in the pipeline, in order, where places of it are enumerated.
    #[serde(skip)]
    pub places: Vec<(usize, Step)>,
    /// The crash at one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crashed: Option<Crashed>,
    /// What a scenario wanted to be seen; its verdict shows it.
    #[serde(skip)]
    pub course: Course,
}

/// How transactions that span groups ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Across {
    /// Applied in all their groups.
    pub applied: usize,
    /// Given up because other transactions held keys that they wanted.
    pub conflicts: usize,
    /// Given up because not every group answered in time.
    pub late: usize,
    /// Without effect for any other reason.
    pub failed: usize,
}

/// What a group committed while another one stood still, told then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Beside {
    /// Transactions of this group alone.
    pub alone: usize,
    /// Transactions that this group coordinated and that did not need the one that stood still.
    pub across: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { seed, nodes, blocks, views, transactions, crashes, trace, .. } = self;
        let (kinds, seconds) = (self.faults.len(), self.virtual_ms / 1_000);
        write!(f, "seed {seed}: {nodes} nodes, ")?;
        if self.shards > 1 {
            write!(f, "{} groups, ", self.shards)?;
        }
        write!(f, "{blocks} blocks in {views} views, {transactions} transactions, ")?;
        if self.shards > 1 {
            let Across { applied, conflicts, late, failed } = self.across;
            write!(
                f,
                "across groups {applied} applied, {conflicts} in conflict, {late} late, {failed} failed, "
            )?;
        }
        if self.changes > 0 {
            write!(f, "{} changes of parameters, ", self.changes)?;
        }
        for (at, attack) in &self.attackers {
            write!(f, "node {at} attacks ({attack}), ")?;
        }
        if !self.attackers.is_empty() {
            write!(f, "{} accusations, ", self.accusations)?;
        }
        write!(f, "{kinds} kinds of fault, {crashes} crashes, {seconds} s, trace {trace}")?;
        if let Some(Crashed { node, step, hit }) = &self.crashed {
            write!(f, ", node {node} was at {step:?} when {hit:?} crashed")?;
        }
        if let Some(after) = self.well_after_ms {
            write!(f, ", well {after} ms after the heal")?;
        }
        if !self.counts {
            f.write_str(", too little happened to count")?;
        }
        let Some(Violation { promise, what, at_ms, events }) = &self.violation else { return Ok(()) };
        write!(f, "\nBROKEN at {at_ms} ms: {promise}\n  {what}\n\nthe last events:\n")?;
        events.iter().try_for_each(|event| writeln!(f, "{event}"))?;
        write!(f, "\nreplay: {}", self.replay)
    }
}
