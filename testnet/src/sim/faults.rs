//! What goes wrong, and for how long. A fault is a state of the world that begins and ends; undoing is forgetting it.

use super::random::Random;
use super::staged::Staged;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use witan_types::GroupId;

/// How far apart honest clocks may be in either direction, in milliseconds.
pub(super) const CLOCK_ERROR_MS: u64 = 150;

/// How long a node stays down, in microseconds.
const DOWN: RangeInclusive<u64> = 1_000..=1_500_000;

/// The kinds of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Some messages are lost.
    Loss,
    /// Some messages arrive twice.
    Duplication,
    /// Messages take long, and overtake each other.
    Delay,
    /// One node does not hear another.
    OneWayCut,
    /// Two sides do not hear each other.
    Partition,
    /// Two nodes lose their connection, and know it.
    Disconnect,
    /// A node crashes and loses what was not synced.
    Crash,
    /// Several nodes crash at one moment.
    PowerLoss,
    /// A node's disk takes long to sync.
    SlowDisk,
    /// A node's wall clock is wrong.
    ClockSkew,
    /// A node stands still, and hears everything at once afterwards.
    Pause,
    /// No validator hears another in one group.
    Stall,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultKind::Loss => "loss",
            FaultKind::Duplication => "duplication",
            FaultKind::Delay => "delay",
            FaultKind::OneWayCut => "one-way cut",
            FaultKind::Partition => "partition",
            FaultKind::Disconnect => "disconnect",
            FaultKind::Crash => "crash",
            FaultKind::PowerLoss => "power loss",
            FaultKind::SlowDisk => "slow disk",
            FaultKind::ClockSkew => "clock skew",
            FaultKind::Pause => "pause",
            FaultKind::Stall => "stall",
        })
    }
}

/// One fault while it lasts. Nodes are named by place.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Loss { percent: u64 },
    Duplication { percent: u64 },
    Delay { up_to_us: u64 },
    OneWayCut { from: usize, to: usize },
    Partition { side: BTreeSet<usize>, noticed: bool },
    Disconnect { one: usize, other: usize },
    Crash { node: usize },
    PowerLoss { node: usize },
    SlowDisk { node: usize },
    ClockSkew { node: usize, ms: i64 },
    Pause { node: usize },
    Stall(GroupId),
}

impl Fault {
    /// What begins at one moment among this many nodes, and how long each lasts in microseconds.
    pub(super) fn draw(random: &mut Random, nodes: usize) -> Vec<(Fault, u64)> {
        let fault = match random.below(14) {
            0 => return power_loss(random, nodes, 60),
            1 => return power_loss(random, nodes, 100),
            kind => Fault::draw_one(random, nodes, kind),
        };
        let lasts = match fault {
            Fault::Crash { .. } => random.within(DOWN),
            _ => random.within(50_000..=2_500_000),
        };
        vec![(fault, lasts)]
    }

    fn draw_one(random: &mut Random, nodes: usize, kind: u64) -> Fault {
        let node = random.place(nodes);
        let other = (node + 1 + random.place(nodes.saturating_sub(1))) % nodes.max(1);
        match kind {
            2 => Fault::Loss { percent: random.within(2..=40) },
            3 => Fault::Duplication { percent: random.within(5..=60) },
            4 => Fault::Delay { up_to_us: random.within(50_000..=1_000_000) },
            5 => Fault::OneWayCut { from: node, to: other },
            6 => Fault::Partition {
                side: (0..nodes).filter(|_| random.chance(50)).collect(),
                noticed: random.chance(50),
            },
            7 => Fault::Disconnect { one: node, other },
            8 | 9 => Fault::Crash { node },
            10 => Fault::SlowDisk { node },
            11 | 12 => Fault::ClockSkew { node, ms: skew(random) },
            _ => Fault::Pause { node },
        }
    }

    pub(super) fn kind(&self) -> FaultKind {
        match self {
            Fault::Loss { .. } => FaultKind::Loss,
            Fault::Duplication { .. } => FaultKind::Duplication,
            Fault::Delay { .. } => FaultKind::Delay,
            Fault::OneWayCut { .. } => FaultKind::OneWayCut,
            Fault::Partition { .. } => FaultKind::Partition,
            Fault::Disconnect { .. } => FaultKind::Disconnect,
            Fault::Crash { .. } => FaultKind::Crash,
            Fault::PowerLoss { .. } => FaultKind::PowerLoss,
            Fault::SlowDisk { .. } => FaultKind::SlowDisk,
            Fault::ClockSkew { .. } => FaultKind::ClockSkew,
            Fault::Pause { .. } => FaultKind::Pause,
            Fault::Stall(_) => FaultKind::Stall,
        }
    }
}

/// The power of this share of the nodes, in percent, goes at one moment and comes back at one after another.
fn power_loss(random: &mut Random, nodes: usize, percent: u64) -> Vec<(Fault, u64)> {
    let hit: Vec<usize> = (0..nodes).filter(|_| random.chance(percent)).collect();
    hit.into_iter().map(|node| (Fault::PowerLoss { node }, random.within(DOWN))).collect()
}

/// Within what validators forgive, and sometimes far beyond.
fn skew(random: &mut Random) -> i64 {
    let most = if random.chance(30) { 5_000 } else { 400 };
    let amount = i64::try_from(random.below(most)).unwrap_or(0);
    if random.chance(50) { amount } else { -amount }
}

/// The faults that last.
#[derive(Debug, Default)]
pub(super) struct Faults {
    active: BTreeMap<u64, Fault>,
    begun: u64,
    /// What a scenario stages beside them.
    pub(super) staged: Staged,
    /// How often each kind began, however many nodes it hit.
    pub(super) counts: BTreeMap<FaultKind, u64>,
}

impl Faults {
    /// Begins a fault; the number names it.
    pub(super) fn begin(&mut self, fault: Fault) -> u64 {
        self.begun += 1;
        self.active.insert(self.begun, fault);
        self.begun
    }

    pub(super) fn end(&mut self, number: u64) {
        self.active.remove(&number);
    }

    pub(super) fn end_all(&mut self) {
        self.active.clear();
        self.staged.end_all();
    }

    fn all(&self) -> impl Iterator<Item = &Fault> {
        self.active.values()
    }

    /// The share of messages that are lost, in percent.
    pub(super) fn loss(&self) -> u64 {
        let loss = |fault: &Fault| if let Fault::Loss { percent } = fault { *percent } else { 0 };
        self.all().map(loss).max().unwrap_or(0)
    }

    /// The share of messages that arrive twice, in percent.
    pub(super) fn duplication(&self) -> u64 {
        let share = |fault: &Fault| if let Fault::Duplication { percent } = fault { *percent } else { 0 };
        self.all().map(share).max().unwrap_or(0)
    }

    /// The most that a message takes longer, in microseconds.
    pub(super) fn delay(&self) -> u64 {
        let delay = |fault: &Fault| if let Fault::Delay { up_to_us } = fault { *up_to_us } else { 0 };
        self.all().map(delay).max().unwrap_or(0)
    }

    /// Whether messages from one to the other vanish unnoticed.
    pub(super) fn is_cut(&self, from: usize, to: usize) -> bool {
        let is_drawn = self.all().any(|fault| match fault {
            Fault::OneWayCut { from: deaf_to, to: deaf } => (*deaf_to, *deaf) == (from, to),
            Fault::Partition { side, noticed: false } => side.contains(&from) != side.contains(&to),
            _ => false,
        });
        is_drawn || self.staged.is_cut(from, to)
    }

    /// Whether all messages of a group vanish.
    pub(super) fn is_stalled(&self, group: GroupId) -> bool {
        self.all().any(|fault| matches!(fault, Fault::Stall(stalled) if *stalled == group))
    }

    /// The group whose messages all vanish, if there is one.
    pub(super) fn stalled(&self) -> Option<GroupId> {
        self.all().find_map(|fault| if let Fault::Stall(stalled) = fault { Some(*stalled) } else { None })
    }

    /// Whether the two have lost their connection.
    pub(super) fn is_disconnected(&self, a: usize, b: usize) -> bool {
        self.all().any(|fault| match fault {
            Fault::Disconnect { one, other } => (*one, *other) == (a, b) || (*one, *other) == (b, a),
            Fault::Partition { side, noticed: true } => side.contains(&a) != side.contains(&b),
            _ => false,
        })
    }

    pub(super) fn is_down(&self, at: usize) -> bool {
        let is_drawn = self.all().any(|fault| match fault {
            Fault::Crash { node } | Fault::PowerLoss { node } => *node == at,
            _ => false,
        });
        is_drawn || self.staged.is_down(at)
    }

    pub(super) fn is_paused(&self, at: usize) -> bool {
        let is_drawn = self.all().any(|fault| matches!(fault, Fault::Pause { node } if *node == at));
        is_drawn || self.staged.is_paused(at)
    }

    pub(super) fn has_slow_disk(&self, at: usize) -> bool {
        self.all().any(|fault| matches!(fault, Fault::SlowDisk { node } if *node == at))
    }

    /// How wrong the node's wall clock is beyond the usual, in milliseconds.
    pub(super) fn skew(&self, at: usize) -> i64 {
        let skews = self.all().filter_map(|fault| match fault {
            Fault::ClockSkew { node, ms } if *node == at => Some(*ms),
            _ => None,
        });
        skews.last().unwrap_or(0).saturating_add(self.staged.skew(at))
    }
}
