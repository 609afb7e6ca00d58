//! What a stored ledger tells users of transactions across groups: how far each is, and what it locks. Read from flushed
//! records alone, on any thread. A record that can't be read is told as absent: no ledger opens over one.

use super::{COORDINATED, PARTICIPATED, Record};
use crate::channels::Incoming;
use crate::locks::{Mode, modes_of};
use crate::store::Store;
use crate::two_phase::{Coordinated, CoordinatorStage, ParticipantStage, Participated, Verdict};
use crate::value::{Entry, Told, Value};
use std::ops::ControlFlow;
use witan_types::{GroupId, Height, Key, Transaction, TxId, Wire};

/// The newest step of a transaction in a group that takes part in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The coordinator asked, and no block here has answered.
    Asked,
    /// This block voted yes: the keys here are locked until the decision.
    Prepared(Height),
    /// This block voted no: nothing is locked here.
    Refused(Height),
    /// The transaction is visible here; since which block is forgotten some time after it expired.
    Applied(Option<Height>),
    /// An attempt was given up, and nothing is locked here; forgotten likewise.
    Released(Option<Height>),
}

/// A lock that is held until its transaction is decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredLock {
    /// On which key.
    pub key: Key,
    /// By which transaction.
    pub id: TxId,
    /// What others may do with the key meanwhile.
    pub mode: Mode,
    /// At the coordinator, the block of the transaction's first execution; at a participant, the one that voted.
    pub since_height: Height,
    /// The groups without whose word the lock stays: at a participant the coordinator, at the coordinator those that have not
    /// voted.
    pub awaits: Vec<GroupId>,
}

/// Where a list of locks goes on: at this record of a transaction, at this key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockPlace {
    /// The reserved key of the record.
    pub record: Key,
    /// The key that comes next; empty for the first.
    pub key: Key,
}

impl LockPlace {
    /// Whether a list of locks can go on there: at a record of a transaction.
    pub fn is_of_a_transaction(&self) -> bool {
        matches!(Record::of(&self.record), Some(Record::Coordinated(_) | Record::Participated(_)))
    }
}

/// What a group remembers of a transaction that is pending there.
pub fn coordinated(store: &dyn Store, id: &TxId) -> Option<Coordinated> {
    read(store, Record::Coordinated(*id))
}

/// Whether a group has obeyed the decision on a transaction that it takes part in.
pub fn has_heard(store: &dyn Store, coordinator: GroupId, told: &Told) -> bool {
    read::<Incoming>(store, Record::Incoming(coordinator)).is_some_and(|it| it.consumed > told.place)
}

/// How many messages of a group were consumed, by the entry under [`Record::Incoming`] of it; none if it is no such entry.
pub fn consumed(cursor: &Entry) -> Option<u64> {
    let Value::Record(bytes) = &cursor.value else { return None };
    Incoming::decode(bytes).ok().map(|incoming| incoming.consumed)
}

/// The newest step of a transaction in a group that takes part in it. `told` is the coordinator's decision, once there is
/// one, and whether that was to commit: it tells what the group no longer remembers.
pub fn step(store: &dyn Store, coordinator: GroupId, id: &TxId, told: Option<(&Told, bool)>) -> Step {
    let known: Option<Participated> = read(store, Record::Participated(*id));
    match known.map(|known| (known.stage, known.voted_at)) {
        Some((ParticipantStage::Prepared { .. }, voted_at)) => Step::Prepared(voted_at),
        Some((ParticipantStage::Refused, voted_at)) => Step::Refused(voted_at),
        Some((ParticipantStage::Decided { verdict: Verdict::Commit, height }, _)) => {
            Step::Applied(Some(height))
        }
        Some((ParticipantStage::Decided { height, .. }, _)) => Step::Released(Some(height)),
        None => match told.filter(|(told, _)| has_heard(store, coordinator, told)) {
            Some((_, true)) => Step::Applied(None),
            Some((_, false)) => Step::Released(None),
            None => Step::Asked,
        },
    }
}

/// The locks of the group that owns these keys, transaction by transaction, at most `limit` from a place on; and where the
/// rest begins. Transactions that are over are remembered for a while, and there may be any number of them: after
/// `most_records` of all the rest begins, though fewer locks were found or none.
pub fn locks(
    store: &dyn Store,
    owns: &dyn Fn(&Key) -> bool,
    from: Option<&LockPlace>,
    limit: usize,
    most_records: usize,
) -> (Vec<StoredLock>, Option<LockPlace>) {
    let first = Key(vec![0, COORDINATED]);
    let (mut found, mut next, mut left) = (Vec::new(), None, most_records);
    store.visit_reserved(from.map_or(&first, |from| &from.record), &mut |record, entry| {
        if record.0.get(1).is_none_or(|kind| *kind > PARTICIPATED) {
            return ControlFlow::Break(());
        }
        if left == 0 {
            next = Some(LockPlace { record, key: Key(Vec::new()) });
            return ControlFlow::Break(());
        }
        left -= 1;
        let Value::Record(bytes) = entry.value else { return ControlFlow::Continue(()) };
        let start = from.filter(|from| from.record == record).map(|from| &from.key);
        for lock in locks_of(&record, &bytes).into_iter().filter(|lock| owns(&lock.key)) {
            if start.is_some_and(|start| lock.key < *start) {
                continue;
            }
            if found.len() == limit {
                next = Some(LockPlace { record, key: lock.key });
                return ControlFlow::Break(());
            }
            found.push(lock);
        }
        ControlFlow::Continue(())
    });
    (found, next)
}

/// The locks of one record's transaction in all groups, ascending by key; none unless it holds them now.
fn locks_of(record: &Key, bytes: &[u8]) -> Vec<StoredLock> {
    match Record::of(record) {
        Some(Record::Coordinated(id)) => match Coordinated::decode(bytes) {
            Ok(Coordinated {
                stage: CoordinatorStage::Preparing { votes, .. },
                transaction,
                since_height,
                participants,
                ..
            }) => {
                let voted = |group: &GroupId| votes.iter().any(|vote| vote.group == *group);
                let awaits = participants.into_iter().filter(|group| !voted(group)).collect();
                locks_on(id, &transaction.transaction, since_height, awaits)
            }
            _ => Vec::new(),
        },
        Some(Record::Participated(id)) => match Participated::decode(bytes) {
            Ok(Participated {
                stage: ParticipantStage::Prepared { transaction, .. },
                voted_at,
                coordinator,
                ..
            }) => locks_on(id, &transaction.transaction, voted_at, vec![coordinator]),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn locks_on(
    id: TxId,
    transaction: &Transaction,
    since_height: Height,
    awaits: Vec<GroupId>,
) -> Vec<StoredLock> {
    let modes = modes_of(transaction).unwrap_or_default();
    let lock = |(key, mode)| StoredLock { key, id, mode, since_height, awaits: awaits.clone() };
    modes.into_iter().map(lock).collect()
}

fn read<T: Wire>(store: &dyn Store, record: Record) -> Option<T> {
    let Value::Record(bytes) = store.entry(&record.key())?.value else { return None };
    T::decode(&bytes).ok()
}

#[cfg(test)]
mod tests;
