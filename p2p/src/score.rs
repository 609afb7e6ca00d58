//! Who has misbehaved how much lately, and how many bytes a peer may have delivered.

use std::collections::BTreeMap;
use tokio::time::Instant;
use witan_types::NodeId;

/// The points at which a peer is disconnected and refused for a time: two forgeries or five malformed messages, with
/// some seconds between them.
pub(crate) const BAN_POINTS: f64 = 90.0;
/// How fast points fade.
const POINTS_FORGIVEN_A_SECOND: f64 = 1.0;
/// The most nodes with points at a time. One more forgets whoever has the fewest.
const MAX_SCORED: usize = 4096;

/// What a peer did wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misbehaviour {
    /// Bytes that don't decode, or decode to something its sender should know is invalid.
    Malformed,
    /// A signature, seal or proof that doesn't verify.
    Forged,
    /// A claimed size over its bound.
    Oversized,
    /// A validator's stream without being one.
    Unauthorized,
    /// More than it may send.
    Flooding,
    /// An answer that is of no use, or none where one was due.
    Useless,
    /// A node of another chain.
    WrongChain,
}

impl Misbehaviour {
    fn points(self) -> f64 {
        match self {
            Misbehaviour::Useless => 2.0,
            Misbehaviour::Flooding => 5.0,
            Misbehaviour::Malformed | Misbehaviour::Unauthorized => 20.0,
            Misbehaviour::Forged | Misbehaviour::Oversized => 50.0,
            Misbehaviour::WrongChain => BAN_POINTS,
        }
    }
}

/// Points of nodes, fading with time.
#[derive(Default, Debug)]
pub(crate) struct Scores {
    nodes: BTreeMap<NodeId, Score>,
}

#[derive(Debug)]
struct Score {
    points: f64,
    at: Instant,
}

impl Score {
    fn now(&self, now: Instant) -> f64 {
        let faded = now.saturating_duration_since(self.at).as_secs_f64() * POINTS_FORGIVEN_A_SECOND;
        (self.points - faded).max(0.0)
    }
}

impl Scores {
    /// Counts a fault. `true` if the node is to be refused now; its points start from zero then.
    pub(crate) fn report(&mut self, node: NodeId, fault: Misbehaviour, now: Instant) -> bool {
        let points = self.nodes.get(&node).map_or(0.0, |score| score.now(now)) + fault.points();
        if points >= BAN_POINTS {
            self.nodes.remove(&node);
            return true;
        }
        if self.nodes.len() >= MAX_SCORED && !self.nodes.contains_key(&node) {
            self.forget_least(now);
        }
        self.nodes.insert(node, Score { points, at: now });
        false
    }

    fn forget_least(&mut self, now: Instant) {
        let least = self.nodes.iter().min_by(|left, right| left.1.now(now).total_cmp(&right.1.now(now)));
        if let Some(node) = least.map(|(node, _)| *node) {
            self.nodes.remove(&node);
        }
    }
}

/// A token bucket: so many bytes a second, and twice that at once.
#[derive(Debug)]
pub(crate) struct Allowance {
    bytes: f64,
    rate: f64,
    at: Instant,
}

impl Allowance {
    pub(crate) fn new(bytes_per_second: usize, now: Instant) -> Allowance {
        let rate = f64::from(u32::try_from(bytes_per_second).unwrap_or(u32::MAX));
        Allowance { bytes: 2.0 * rate, rate, at: now }
    }

    /// Takes `bytes`, if they are there.
    pub(crate) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.bytes = (self.bytes + elapsed * self.rate).min(2.0 * self.rate);
        let wanted = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        let enough = wanted <= self.bytes;
        if enough {
            self.bytes -= wanted;
        }
        enough
    }
}

#[cfg(test)]
mod tests;
