//! What would become of a transaction in the next block: the code that executes blocks, on an overlay that is thrown away.
//! Each group's part is tried on the newest state of that group, so across groups this is no snapshot.

#[cfg(test)]
mod tests;

use super::overlay::Overlay;
use super::{Execution, Executor, MAX_READ_BYTES, Part, StateView, Stop, Stopped, bytes_of, keys};
use crate::dealings::Dealings;
use crate::error::LedgerError;
use crate::locks::{Holder, Outcome, Request};
use crate::records::Record;
use crate::store::Store;
use crate::two_phase::{Coordinated, ParticipantStage, Participated, Place, Prepare, Refusal};
use crate::value::{AbortReason, Entry, FailureReason, Read, TransactionOutcome, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use witan_types::{Genesis, GroupId, Header, Key, Op, Scheme, SignedTransaction, Transaction, TxId, Wire};

/// What would become of a transaction's part in one group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PartOutcome {
    /// It would be applied.
    Applied {
        /// What its gets of this group return, in order.
        reads: Vec<Read>,
        /// Each key of this group that it changes, ascending, with what it would hold; none if it would be gone.
        writes: Vec<(Key, Option<Entry>)>,
    },
    /// It would fail.
    Failed(FailureReason),
    /// It would wait.
    Deferred(Stopped),
    /// It has executed before, or is pending: nothing more would happen.
    Repeated,
    /// Its time has passed.
    Expired,
    /// It expires later than any transaction may; the latest possible expiry, Unix milliseconds.
    ExpiryTooFar(u64),
}

/// A part of a transaction that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TriedPart {
    /// What would become of it.
    pub outcome: PartOutcome,
    /// Its keys that others hold, or claim since they have waited for longer, with one of those: ascending by key.
    pub locked: Vec<(Key, TxId)>,
}

/// What would become of a transaction in all its groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Simulated {
    /// It would end so.
    Ends(TransactionOutcome),
    /// It would wait for this, in this group.
    Waits(GroupId, Stopped),
    /// It has executed before, or is pending.
    Repeated,
    /// Its time has passed.
    Expired,
    /// It expires later than any transaction may; the latest possible expiry, Unix milliseconds.
    ExpiryTooFar(u64),
}

/// The state that a store holds.
struct Stored<'a>(&'a dyn Store);

impl StateView for Stored<'_> {
    fn entry(&self, key: &Key) -> Option<Entry> {
        self.0.entry(key)
    }
}

/// Tries the part that a transaction has in a group, in a block of this time after `tip`, the newest block that the store
/// holds. The store must not change meanwhile. The signature is not judged.
///
/// It costs what the transaction may cost in a block, and one look at each record of a transaction that is under way.
///
/// # Errors
/// If a record can't be read: the disk is damaged.
pub fn try_part(
    store: &dyn Store,
    genesis: &Genesis,
    tip: &Header,
    time_ms: u64,
    signed: &SignedTransaction,
) -> Result<TriedPart, LedgerError> {
    let (id, transaction) = (signed.id(), &signed.transaction);
    let mut dealings = restore(store, genesis, tip.group, id, transaction)?;
    dealings.forget(time_ms);
    let locked = blockers(&dealings, store, id, transaction, time_ms);
    let place = dealings.place(transaction);
    let max_tx_lifetime_ms = dealings.agreed.parameters().max_tx_lifetime_ms;
    let early = match place {
        Place::Elsewhere => None,
        Place::Here | Place::Across(_) => {
            let latest_ms = time_ms.saturating_add(max_tx_lifetime_ms);
            let expires_at_ms = transaction.expires_at_ms;
            if dealings.coordinated(&id).is_some() || store.find_transaction(&id).is_some() {
                Some(PartOutcome::Repeated)
            } else if expires_at_ms <= tip.time_ms || expires_at_ms < time_ms {
                Some(PartOutcome::Expired)
            } else {
                (expires_at_ms > latest_ms).then_some(PartOutcome::ExpiryTooFar(latest_ms))
            }
        }
    };
    if let Some(outcome) = early {
        return Ok(TriedPart { outcome, locked: Vec::new() });
    }
    let view = Stored(store);
    let executor = Executor {
        overlay: Overlay::new(&view),
        dealings: &mut dealings,
        now_ms: time_ms,
        height: tip.height.saturating_add(1),
        max_tx_lifetime_ms: genesis.parameters.max_tx_lifetime_ms,
        index: 0,
        receipt_bytes: 0,
        result: Execution::default(),
    };
    let outcome = match place {
        Place::Here | Place::Across(_) => executor.try_own(signed, id),
        Place::Elsewhere => executor.try_for_another(signed, id),
    };
    Ok(TriedPart { outcome, locked })
}

impl Executor<'_> {
    /// As the group that takes the transaction in.
    fn try_own(mut self, signed: &SignedTransaction, id: TxId) -> PartOutcome {
        self.take(signed, id);
        if let Some((_, stopped)) = self.result.deferred.pop() {
            return PartOutcome::Deferred(stopped);
        }
        match self.result.receipts.pop().map(|receipt| receipt.outcome) {
            Some(TransactionOutcome::Applied { reads }) => {
                PartOutcome::Applied { reads, writes: self.overlay.into_changes() }
            }
            Some(
                TransactionOutcome::Failed { reason }
                | TransactionOutcome::Aborted { reason: AbortReason::Failed(reason) },
            ) => PartOutcome::Failed(reason),
            // It was locked and tried, and the others are asked: what follows is what a commit does.
            Some(TransactionOutcome::Aborted { .. }) | None => self.commit_tried(&signed.transaction),
        }
    }

    /// As a group that another one asks.
    fn try_for_another(mut self, signed: &SignedTransaction, id: TxId) -> PartOutcome {
        let Some(source) = super::groups_of(&signed.transaction, |key| self.dealings.slots.owner(key)).next()
        else {
            return PartOutcome::Failed(FailureReason::ForbiddenKey);
        };
        let (since_ms, transaction) = (self.now_ms, signed.clone());
        let prepare = Prepare { attempt: 1, since_ms, transaction, is_signed: true };
        match self.prepare(source, id, &prepare) {
            Ok(_) => self.commit_tried(&signed.transaction),
            Err(Refusal::Failed(reason)) => PartOutcome::Failed(reason),
            Err(Refusal::Conflict) => {
                let key = keys(&signed.transaction).find(|key| self.dealings.owns(key));
                PartOutcome::Deferred(key.map_or(Stopped::Room, |key| Stopped::Key(key.into_owned())))
            }
            Err(Refusal::Full) => PartOutcome::Deferred(Stopped::Room),
        }
    }

    fn commit_tried(mut self, transaction: &Transaction) -> PartOutcome {
        match self.run_ops(transaction, Part::Mine, MAX_READ_BYTES) {
            Ok(reads) => PartOutcome::Applied { reads, writes: self.overlay.into_changes() },
            Err(Stop::Failed(reason)) => PartOutcome::Failed(reason),
            Err(Stop::Deferred) => PartOutcome::Deferred(Stopped::Full),
        }
    }
}

/// The dealings of a group as its records tell them, without the transactions under way that share no key with this one:
/// those neither stop nor change it.
fn restore(
    store: &dyn Store,
    genesis: &Genesis,
    group: GroupId,
    id: TxId,
    transaction: &Transaction,
) -> Result<Dealings, LedgerError> {
    let mut dealings = Dealings::start(genesis, group, Scheme::Ed25519);
    let wanted: BTreeSet<Key> = keys(transaction).map(std::borrow::Cow::into_owned).collect();
    let mut result = Ok(());
    store.visit_reserved(&Key(vec![0]), &mut |key, entry| {
        match Record::of(&key) {
            // The last of all: what was said, which nothing here asks for.
            Some(Record::Sent(..)) => return ControlFlow::Break(()),
            Some(record) if !concerns(record, &entry, id, &wanted) => {}
            _ => result = dealings.restore(&key, &entry),
        }
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    result?;
    dealings.restored();
    Ok(dealings)
}

/// Whether a record may matter. One that can't be read does: whoever restores it says so.
fn concerns(record: Record, entry: &Entry, id: TxId, wanted: &BTreeSet<Key>) -> bool {
    let Value::Record(bytes) = &entry.value else { return false };
    let shares = |other: &SignedTransaction| keys(&other.transaction).any(|key| wanted.contains(&*key));
    match record {
        Record::Coordinated(other) if other != id => {
            Coordinated::decode(bytes).map_or(true, |known| shares(&known.transaction))
        }
        Record::Participated(_) => Participated::decode(bytes).map_or(true, |known| match &known.stage {
            ParticipantStage::Prepared { transaction, .. } => shares(transaction),
            ParticipantStage::Refused | ParticipantStage::Decided { .. } => false,
        }),
        _ => true,
    }
}

/// The keys that others keep the transaction from.
fn blockers(
    dealings: &Dealings,
    store: &dyn Store,
    id: TxId,
    transaction: &Transaction,
    now_ms: u64,
) -> Vec<(Key, TxId)> {
    let since_ms = dealings.locks.claimed_since(&id).unwrap_or(now_ms);
    let holder = Holder { id, attempt: 0 };
    let blocked = |(key, mode)| {
        let modes = BTreeMap::from([(key, mode)]);
        let request = Request { holder, since_ms, expires_at_ms: transaction.expires_at_ms, modes };
        match dealings.locks.judge(&request, &|key| store.entry(key).map(|entry| entry.value)) {
            Outcome::Conflict { key, holder } => Some((key, holder.id)),
            Outcome::Granted | Outcome::Impossible { .. } | Outcome::Full => None,
        }
    };
    dealings.modes_here(transaction).unwrap_or_default().into_iter().filter_map(blocked).collect()
}

/// What would become of a transaction, given each of its groups' parts: the outcome of its coordinator if nothing else happened
/// meanwhile. `owner` says whose a key is; a part that is missing counts as one that would wait.
pub fn put_together(
    transaction: &Transaction,
    owner: impl Fn(&Key) -> GroupId,
    mut parts: BTreeMap<GroupId, PartOutcome>,
) -> Simulated {
    let Some(coordinator) = super::groups_of(transaction, &owner).next() else {
        return Simulated::Ends(TransactionOutcome::Failed { reason: FailureReason::ForbiddenKey });
    };
    let own = match parts.remove(&coordinator) {
        Some(PartOutcome::Applied { reads, .. }) => reads,
        Some(PartOutcome::Failed(reason)) => return Simulated::Ends(TransactionOutcome::Failed { reason }),
        Some(PartOutcome::Deferred(stopped)) => return Simulated::Waits(coordinator, stopped),
        Some(PartOutcome::Repeated) => return Simulated::Repeated,
        Some(PartOutcome::Expired) => return Simulated::Expired,
        Some(PartOutcome::ExpiryTooFar(latest_ms)) => return Simulated::ExpiryTooFar(latest_ms),
        None => return Simulated::Waits(coordinator, Stopped::Room),
    };
    let abort = |reason| Simulated::Ends(TransactionOutcome::Aborted { reason: AbortReason::Failed(reason) });
    let failed = |part: &PartOutcome| match part {
        PartOutcome::Failed(reason) => Some(*reason),
        _ => None,
    };
    // Whoever only waits is asked again, until the one that fails has said so.
    if let Some(reason) = parts.values().find_map(failed) {
        return abort(reason);
    }
    let (mut reads, is_alone) = (BTreeMap::from([(coordinator, own)]), parts.is_empty());
    for (group, part) in parts {
        match part {
            PartOutcome::Applied { reads: read, .. } => drop(reads.insert(group, read)),
            PartOutcome::Deferred(stopped) => return Simulated::Waits(group, stopped),
            _ => return Simulated::Waits(group, Stopped::Room),
        }
    }
    if !is_alone && reads.values().map(|reads| bytes_of(reads)).sum::<usize>() > MAX_READ_BYTES {
        return abort(FailureReason::ReadTooLarge);
    }
    let mut reads: BTreeMap<GroupId, _> =
        reads.into_iter().map(|(group, reads)| (group, reads.into_iter())).collect();
    let read = |op: &Op| match op {
        Op::Get { key } => reads.get_mut(&owner(key))?.next(),
        _ => None,
    };
    Simulated::Ends(TransactionOutcome::Applied { reads: transaction.ops.iter().filter_map(read).collect() })
}
