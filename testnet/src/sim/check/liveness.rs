//! Liveness after heal: within a stated number of the longest time-outs every honest node has new blocks of the group, all
//! stand at one sealed height, and what clients submitted after the heal is committed everywhere.

use super::{Promise, Verdict, holds};
use std::collections::{BTreeMap, BTreeSet};
use witan_types::{Height, TxId};

/// The blocks that every node must gain.
const BLOCKS: u64 = 5;
/// The longest time-outs that this may take.
const TIMEOUTS: u64 = 20;

/// How a node stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) struct Standing {
    /// Executed here.
    pub(in crate::sim) executed: Height,
    /// Flushed here.
    pub(in crate::sim) flushed: Height,
    /// Sealed here, and the seal flushed.
    pub(in crate::sim) sealed: Height,
}

/// What must happen, and until when.
#[derive(Debug)]
pub(in crate::sim) struct Liveness {
    target: Height,
    deadline_us: u64,
    fresh: BTreeSet<TxId>,
    /// Transactions of `fresh` that each honest node has committed.
    committed: BTreeMap<usize, BTreeSet<TxId>>,
}

impl Liveness {
    /// The heal, when the newest block anywhere was at this height, and who must go on from it.
    pub(in crate::sim) fn healed(
        at_us: u64,
        newest: Height,
        max_timeout_ms: u64,
        honest: impl Iterator<Item = usize>,
    ) -> Liveness {
        let deadline_us = at_us.saturating_add(TIMEOUTS * max_timeout_ms * 1_000);
        let committed = honest.map(|at| (at, BTreeSet::new())).collect();
        let target = newest.saturating_add(BLOCKS);
        Liveness { target, deadline_us, fresh: BTreeSet::new(), committed }
    }

    /// A client submitted this after the heal.
    pub(in crate::sim) fn submitted(&mut self, id: TxId) {
        self.fresh.insert(id);
    }

    /// Whether a node has not committed a transaction that was submitted after the heal.
    pub(in crate::sim) fn misses(&self, node: usize, id: &TxId) -> bool {
        let committed = self.committed.get(&node).is_some_and(|committed| committed.contains(id));
        self.fresh.contains(id) && !committed
    }

    /// A node told its users of a committed transaction.
    pub(in crate::sim) fn committed(&mut self, node: usize, id: &TxId) {
        if let Some(committed) = self.committed.get_mut(&node).filter(|_| self.fresh.contains(id)) {
            committed.insert(*id);
        }
    }

    /// Whether all of it has happened.
    pub(in crate::sim) fn is_reached(&self, standings: &[Standing]) -> bool {
        let together = standings.windows(2).all(|pair| pair.first() == pair.last());
        let far = |stands: &Standing| {
            let Standing { executed, flushed, sealed } = *stands;
            executed >= self.target && flushed == executed && sealed == executed
        };
        let fresh = self.committed.values().all(|committed| committed.len() == self.fresh.len());
        together && standings.iter().all(far) && fresh
    }

    /// Whether there is still time.
    pub(in crate::sim) fn in_time(&self, now_us: u64, standings: &[Standing]) -> Verdict {
        holds(Promise::Liveness, now_us < self.deadline_us, || {
            let fresh: Vec<usize> = self.committed.values().map(BTreeSet::len).collect();
            let (target, expected) = (self.target, self.fresh.len());
            format!(
                "{TIMEOUTS} longest time-outs after the heal not all nodes stand together at height {target} or above \
                 with all {expected} new transactions; committed are {fresh:?}, nodes stand at {standings:?}"
            )
        })
    }
}
