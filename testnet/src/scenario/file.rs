//! A scenario as its file says it.

use super::expect::Expectation;
use super::seen::Sample;
use super::verdict::Seen;
use crate::faults::{DiskTrouble, Fault, Who};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use witan_types::genesis::Parameters;
use witan_types::{EngineKind, GroupId};

/// The most nodes of a scenario.
pub(super) const MAX_NODES: u16 = 40;
/// The longest that a scenario lasts before everything heals.
pub(super) const MAX_LASTS: Duration = Duration::from_secs(600);
/// The most faults, repetitions counted.
pub(super) const MAX_FAULTS: usize = 200;
/// The most expectations.
pub(super) const MAX_EXPECTATIONS: usize = 100;
/// The most transactions a second.
pub(super) const MAX_TPS: u32 = 1_000;
/// The most bytes of a file.
pub(super) const MAX_FILE: usize = 64 * 1024;

/// A network, what goes wrong in it and when, and what is to be seen of it. Read with [`Scenario::read`], which judges
/// all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// The file's name without its folder.
    pub name: String,
    /// The file as it was named.
    pub file: String,
    /// What it shows, and what theory expects.
    pub about: String,
    /// The network.
    pub network: Network,
    /// Where chance comes from: all of it in the simulator, the keys of a real network.
    pub seed: u64,
    /// When everything heals, counted from the start; then the checks follow.
    pub lasts: Duration,
    /// What clients ask for meanwhile.
    pub load: Option<Load>,
    /// What goes wrong, each repetition by itself.
    pub faults: Vec<Timed>,
    /// What must be seen.
    pub expectations: Vec<Expectation>,
    /// Which verdict is right.
    pub right: Right,
}

/// A network to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Network {
    /// How many validators.
    pub nodes: u16,
    /// The engine of every group that `engines` does not name.
    pub engine: EngineKind,
    /// How many groups share the keys.
    pub shards: u32,
    /// The engines of single groups.
    pub engines: BTreeMap<GroupId, EngineKind>,
    /// The members of single groups, ascending; all nodes are members of any other.
    pub members: BTreeMap<GroupId, Vec<u16>>,
    /// Whether only the validators may connect.
    pub permissioned: bool,
    /// The least time between blocks.
    pub block_time: Duration,
}

/// What clients ask for: so many transactions a second, whether or not the earlier ones are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Load {
    /// Transactions a second.
    pub tps: u32,
    /// So many of 100 span groups, where there are several.
    #[serde(default)]
    pub cross_shard_percent: u8,
}

/// A fault with its times, counted from the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timed {
    /// What goes wrong.
    pub fault: Fault,
    /// When it begins.
    pub at: Duration,
    /// When it ends; at the latest when everything heals.
    pub until: Duration,
}

/// What the checkers have to find for a run to pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Right {
    /// Whether every node has the same chain.
    pub safety: Safety,
    /// Whether every group goes on after the heal.
    pub liveness: Liveness,
}

/// Whether every node has the same chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Safety {
    /// It has.
    #[default]
    Holds,
    /// The chain forks, and the checkers must find that.
    Broken,
}

/// Whether every group goes on after the heal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Liveness {
    /// It does.
    #[default]
    Holds,
    /// It need not.
    Lost,
}

impl Network {
    /// The groups that hold keys.
    pub fn groups(&self) -> impl Iterator<Item = GroupId> + use<> {
        (1..=self.shards).map(GroupId)
    }

    /// The engine of a group.
    pub fn engine_of(&self, group: GroupId) -> EngineKind {
        self.engines.get(&group).copied().unwrap_or(self.engine)
    }

    /// The members of a group.
    pub fn members_of(&self, group: GroupId) -> Vec<u16> {
        self.members.get(&group).cloned().unwrap_or_else(|| (0..self.nodes).collect())
    }

    /// The numbers that all validators share: those of a real network, in the simulator too, so that times mean the same
    /// in both.
    pub fn parameters(&self) -> Parameters {
        crate::local::parameters(self.block_time)
    }
}

impl Scenario {
    /// The same with another seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Scenario {
        Scenario { seed, ..self }
    }

    /// When the heights of all nodes have to be noted.
    pub fn looks(&self) -> BTreeSet<Duration> {
        self.expectations.iter().flat_map(|expected| [expected.from.0, expected.to.0]).collect()
    }

    /// Whether theory says that the chain forks.
    pub fn forks(&self) -> bool {
        self.right.safety == Safety::Broken
    }

    /// Whether a fault holds a node down, by name, all the time between two moments.
    fn is_down(&self, node: u16, from: Duration, to: Duration) -> bool {
        self.faults.iter().filter(|timed| timed.at <= from && timed.until >= to).any(|timed| {
            match &timed.fault {
                Fault::Kill { nodes }
                | Fault::Pause { nodes }
                | Fault::Disk { nodes, trouble: DiskTrouble::Full | DiskTrouble::FailSync } => {
                    nodes.contains(&Who::Node(node))
                }
                _ => false,
            }
        })
    }

    /// Judges what was seen against each expectation.
    pub(super) fn judge(&self, samples: &[Sample]) -> Vec<Seen> {
        let judge = |expected: &Expectation| {
            let is_down = |node| self.is_down(node, expected.from.0, expected.to.0);
            expected.judge(samples, &self.network.members_of(expected.group), &is_down)
        };
        self.expectations.iter().map(judge).collect()
    }
}
