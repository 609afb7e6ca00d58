//! Transactions for groups that this node does not host, kept until they are final or expired: they are handed over to one
//! member after another until one has taken them in, and again now and then, since that one may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use witan_ledger::{Limits, Mempool, Refusal};
use witan_replica::Admission;
use witan_types::{GroupId, IdentifiedTransaction, NodeId, TxId};

use super::message::{HANDED_BYTES, MAX_HANDED};

/// A transaction that no member has taken in is offered to the next one after this long.
pub(crate) const OFFER_AGAIN: Duration = Duration::from_secs(1);
/// One that a member has taken in is handed over again after this long.
pub(crate) const HAND_AGAIN: Duration = Duration::from_secs(3);

/// What is kept, within the bounds of a mempool.
#[derive(Debug)]
pub(crate) struct Kept {
    pool: Mempool,
    waiting: BTreeMap<TxId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    group: GroupId,
    /// When it is due to be handed over, by the node's monotonic clock.
    due: Duration,
    /// The members that say that it is final, or that they will never take it in.
    ended: BTreeSet<NodeId>,
}

impl Kept {
    pub(crate) fn new(limits: Limits) -> Kept {
        Kept { pool: Mempool::new(limits), waiting: BTreeMap::new() }
    }

    /// Keeps a transaction whose signature was verified, to be handed over at once by the caller. Says whether it is new: one
    /// that is kept already stays so.
    ///
    /// # Errors
    /// If a bound would not hold.
    pub(crate) fn keep(
        &mut self,
        now: Duration,
        group: GroupId,
        pooled: IdentifiedTransaction,
    ) -> Result<bool, Refusal> {
        let id = pooled.id();
        match self.pool.add(pooled) {
            Ok(()) => {
                let due = now.saturating_add(OFFER_AGAIN);
                self.waiting.insert(id, Waiting { group, due, ended: BTreeSet::new() });
                Ok(true)
            }
            Err(Refusal::Duplicate) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// A member said this of a transaction that was handed to it. It is over once `enough` members say so: fewer may all lie.
    pub(crate) fn heard(
        &mut self,
        now: Duration,
        id: &TxId,
        member: NodeId,
        admission: &Admission,
        enough: usize,
    ) {
        let Some(waiting) = self.waiting.get_mut(id) else { return };
        match admission {
            Admission::Final(_) | Admission::Expired | Admission::ExpiryTooFar(_) | Admission::Elsewhere => {
                waiting.ended.insert(member);
                waiting.due = now.saturating_add(OFFER_AGAIN);
                if waiting.ended.len() >= enough {
                    self.end(id);
                }
            }
            Admission::Pending | Admission::Started => waiting.due = now.saturating_add(HAND_AGAIN),
            Admission::MempoolFull | Admission::SignerFull => waiting.due = now.saturating_add(OFFER_AGAIN),
        }
    }

    /// It is final, as a proof says, or refused.
    pub(crate) fn end(&mut self, id: &TxId) {
        self.pool.remove(id);
        self.waiting.remove(id);
    }

    /// Forgets what has expired by this time; Unix milliseconds.
    pub(crate) fn expire(&mut self, time_ms: u64) {
        for id in self.pool.expire(time_ms) {
            self.waiting.remove(&id);
        }
    }

    /// What is due, as much as one question holds for each group; due again soon if nobody is heard to take it.
    pub(crate) fn due(&mut self, now: Duration) -> BTreeMap<GroupId, Vec<IdentifiedTransaction>> {
        let mut due: BTreeMap<GroupId, (usize, Vec<IdentifiedTransaction>)> = BTreeMap::new();
        for (id, waiting) in self.waiting.iter_mut().filter(|(_, waiting)| waiting.due <= now) {
            let Some(pooled) = self.pool.get(id) else { continue };
            let (bytes, list) = due.entry(waiting.group).or_default();
            if list.len() < MAX_HANDED && (list.is_empty() || *bytes + pooled.size() <= HANDED_BYTES) {
                *bytes += pooled.size();
                list.push(pooled.clone());
                waiting.due = now.saturating_add(OFFER_AGAIN);
            }
        }
        due.into_iter().map(|(group, (_, list))| (group, list)).collect()
    }

    /// The group of a transaction that is kept.
    pub(crate) fn group_of(&self, id: &TxId) -> Option<GroupId> {
        self.waiting.get(id).map(|waiting| waiting.group)
    }
}

#[cfg(test)]
mod tests;
