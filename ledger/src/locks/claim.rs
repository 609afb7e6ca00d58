//! Claims: what a refused transaction still wants. They keep younger ones from overtaking it for ever, as in wound-wait
//! (Rosenkrantz, Stearns and Lewis 1978) the older goes first; but here no lock that is held is ever taken away.

use super::Holder;
use super::mode::{MAX_KEYS, Mode};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, BTreeSet};
use witan_types::codec::bounded;
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{Key, TxId, Wire};

/// The most claims that a group keeps; above it the youngest yields.
pub const MAX_CLAIMS: usize = 256;

/// What ranks transactions: the lower is the older.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Age {
    /// Block time of its first execution at its coordinator, the same for each attempt; Unix milliseconds.
    pub since_ms: u64,
    /// Which transaction.
    pub id: TxId,
}

/// What a refused transaction wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Claim {
    /// The attempt that was refused last.
    pub(super) attempt: u64,
    /// The keys it wants.
    pub(super) modes: BTreeMap<Key, Mode>,
    /// Gone in blocks of this time or later; Unix milliseconds.
    pub(super) until_ms: u64,
}

/// A claim as state keeps it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct ClaimRecord {
    since_ms: u64,
    attempt: u64,
    until_ms: u64,
    /// Ascending by key.
    #[borsh(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
    modes: Vec<(Key, Mode)>,
}

impl Wire for ClaimRecord {
    const MAX_BYTES: usize = 32 + MAX_KEYS * (4 + MAX_KEY_BYTES + 18);
}

/// All claims, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Claims {
    by_age: BTreeMap<Age, Claim>,
    ages: BTreeMap<TxId, u64>,
    changed: BTreeSet<TxId>,
    freed: BTreeSet<Key>,
}

impl Claims {
    /// Puts the claim of a transaction in the place of what it claimed before. The youngest goes if there are too many,
    /// which may be this one.
    pub(super) fn renew(&mut self, age: Age, claim: Claim) {
        let is_too_young = self.by_age.len() >= MAX_CLAIMS
            && !self.ages.contains_key(&age.id)
            && self.by_age.last_key_value().is_some_and(|(youngest, _)| *youngest < age);
        if is_too_young {
            return;
        }
        let before = self.ages.get(&age.id).map(|since_ms| Age { since_ms: *since_ms, id: age.id });
        let before = before.and_then(|before| self.by_age.remove(&before));
        self.freed.extend(
            before
                .into_iter()
                .flat_map(|old| old.modes)
                .filter_map(|(key, mode)| (claim.modes.get(&key) != Some(&mode)).then_some(key)),
        );
        self.insert(age, claim);
        if self.by_age.len() > MAX_CLAIMS
            && let Some(youngest) = self.by_age.last_key_value().map(|(age, _)| age.id)
        {
            self.remove(&youngest);
        }
    }

    fn insert(&mut self, age: Age, claim: Claim) {
        self.changed.insert(age.id);
        self.ages.insert(age.id, age.since_ms);
        self.by_age.insert(age, claim);
    }

    /// The transaction holds what it claimed: nothing is free for that.
    pub(super) fn fulfil(&mut self, id: &TxId) {
        if let Some(since_ms) = self.ages.remove(id) {
            self.changed.insert(*id);
            self.by_age.remove(&Age { since_ms, id: *id });
        }
    }

    /// Whether the transaction had one.
    pub(super) fn remove(&mut self, id: &TxId) -> bool {
        let Some(since_ms) = self.ages.remove(id) else { return false };
        self.changed.insert(*id);
        if let Some(claim) = self.by_age.remove(&Age { since_ms, id: *id }) {
            self.freed.extend(claim.modes.into_keys());
        }
        true
    }

    /// Drops those whose time is over.
    pub(super) fn expire(&mut self, now_ms: u64) {
        let is_over = |(_, claim): &(&Age, &Claim)| claim.until_ms <= now_ms;
        let over: Vec<TxId> = self.by_age.iter().filter(is_over).map(|(age, _)| age.id).collect();
        over.iter().for_each(|id| {
            self.remove(id);
        });
    }

    /// The rank of a transaction that has a claim.
    pub(super) fn age_of(&self, id: &TxId) -> Option<Age> {
        self.ages.get(id).map(|since_ms| Age { since_ms: *since_ms, id: *id })
    }

    pub(super) fn record(&self, id: &TxId) -> Option<ClaimRecord> {
        let age = self.age_of(id)?;
        let Claim { attempt, until_ms, modes } = self.by_age.get(&age)?.clone();
        Some(ClaimRecord { since_ms: age.since_ms, attempt, until_ms, modes: modes.into_iter().collect() })
    }

    pub(super) fn restore(&mut self, id: TxId, record: ClaimRecord) {
        let ClaimRecord { since_ms, attempt, until_ms, modes } = record;
        self.insert(Age { since_ms, id }, Claim { attempt, until_ms, modes: modes.into_iter().collect() });
        self.changed.remove(&id);
    }

    pub(super) fn take_changed(&mut self) -> BTreeSet<TxId> {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn take_freed(&mut self) -> BTreeSet<Key> {
        std::mem::take(&mut self.freed)
    }

    /// All, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Age, &Claim)> {
        self.by_age.iter()
    }

    /// Those that go before a transaction of this age, the oldest first.
    pub(super) fn older(&self, age: Age) -> impl Iterator<Item = (Holder, &Claim)> {
        let others = self.by_age.range(..age).filter(move |(other, _)| other.id != age.id);
        others.map(|(other, claim)| (Holder { id: other.id, attempt: claim.attempt }, claim))
    }

    /// The oldest before a transaction of this age of whose wish for `key` the predicate holds; it is asked in order of
    /// age.
    pub(super) fn first_older(
        &self,
        age: Age,
        key: &Key,
        mut holds: impl FnMut(Mode) -> bool,
    ) -> Option<Holder> {
        let wishes = |claim: &Claim| claim.modes.get(key).copied();
        self.older(age).find(|(_, claim)| wishes(claim).is_some_and(&mut holds)).map(|(holder, _)| holder)
    }
}
