//! Twins: a validator that runs twice, with one key and one name. Each of the others talks to one of the two, and to
//! which changes now and then. The world runs the second at a place behind all other nodes.
//!
//! Source: Bano et al., "Twins: BFT Systems Made Robust" (OPODIS 2021).

use crate::sim::world::How;
use std::collections::{BTreeMap, BTreeSet};
use witan_types::sha256;

/// How long an audience stays as it is, in microseconds.
const AUDIENCE: u64 = 1_500_000;

/// Who runs twice.
#[derive(Debug)]
pub(in crate::sim) struct Twins {
    seed: u64,
    /// The second's place, by the first's.
    seconds: BTreeMap<usize, usize>,
    /// Who hears each second that runs, by the first's place; none if the audiences follow from the seed.
    audiences: Option<BTreeMap<usize, BTreeSet<usize>>>,
}

impl Twins {
    pub(super) fn new(seed: u64, firsts: impl Iterator<Item = usize>, nodes: usize) -> Twins {
        Twins { seed, seconds: firsts.zip(nodes..).collect(), audiences: None }
    }

    /// The same before any second runs, with audiences to be named.
    pub(super) fn alone(self) -> Twins {
        Twins { audiences: Some(BTreeMap::new()), ..self }
    }

    /// The second of this node runs from now on, heard by these; or, if by none, does not run.
    pub(super) fn double(&mut self, first: usize, audience: BTreeSet<usize>) {
        if let Some(audiences) = &mut self.audiences {
            audiences.remove(&first);
            if !audience.is_empty() {
                audiences.insert(first, audience);
            }
        }
    }

    /// Whether the node at this place is no second, or one that runs.
    pub(super) fn is_there(&self, at: usize) -> bool {
        let home = self.home(at);
        at == home || self.audiences.as_ref().is_none_or(|audiences| audiences.contains_key(&home))
    }

    /// The places of the firsts, one for each second, in the order of the seconds' places.
    pub(in crate::sim) fn firsts(&self) -> impl Iterator<Item = usize> {
        self.seconds.keys().copied()
    }

    /// The second of the node at this place.
    pub(in crate::sim) fn second(&self, at: usize) -> Option<usize> {
        self.seconds.get(&at).copied()
    }

    /// Whose machine the node at this place stands on: its first's, if it is a second.
    pub(in crate::sim) fn home(&self, at: usize) -> usize {
        let first = self.seconds.iter().find(|(_, second)| **second == at);
        first.map_or(at, |(first, _)| *first)
    }

    /// Who hears what one place sends to another at this moment. None if nobody does.
    pub(in crate::sim) fn hearer(&self, now_us: u64, from: usize, to: usize, how: How) -> Option<usize> {
        let (sender, receiver) = (self.home(from), self.home(to));
        if sender == receiver {
            return None;
        }
        // An answer goes to whoever asked.
        if matches!(how, How::Response(_)) {
            return Some(to);
        }
        let is_second = from != sender;
        if self.seconds.contains_key(&sender) && self.is_seconds(now_us, sender, receiver) != is_second {
            return None;
        }
        match self.second(receiver) {
            Some(second) if self.is_seconds(now_us, receiver, sender) => Some(second),
            _ => Some(receiver),
        }
    }

    /// Whether a node belongs to the audience of the second of `first`.
    fn is_seconds(&self, now_us: u64, first: usize, node: usize) -> bool {
        if let Some(audiences) = &self.audiences {
            return audiences.get(&first).is_some_and(|audience| audience.contains(&node));
        }
        let parts = [self.seed, first as u64, node as u64, now_us / AUDIENCE].map(u64::to_le_bytes);
        let draw = sha256(&[b"audience", parts.as_flattened()]);
        draw.as_bytes().first().is_some_and(|byte| byte % 2 == 0)
    }
}
