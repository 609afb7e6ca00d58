//! Claims: what a refused transaction still wants. They keep younger ones from overtaking it for ever, as in wound-wait
//! (Rosenkrantz, Stearns and Lewis 1978) the older goes first; but here no lock that is held is ever taken away.

use super::Holder;
use super::mode::Mode;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use witan_types::{Key, TxId};

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

/// All claims, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Claims(BTreeMap<Age, Claim>);

impl Claims {
    /// Puts the claim of a transaction in the place of what it claimed before. The youngest goes if there are too many,
    /// which may be this one.
    pub(super) fn renew(&mut self, age: Age, claim: Claim) {
        self.remove(&age.id);
        self.0.insert(age, claim);
        if self.0.len() > MAX_CLAIMS {
            self.0.pop_last();
        }
    }

    /// Whether the transaction had one.
    pub(super) fn remove(&mut self, id: &TxId) -> bool {
        let before = self.0.len();
        self.0.retain(|age, _| age.id != *id);
        self.0.len() < before
    }

    /// Drops those whose time is over.
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.0.retain(|_, claim| claim.until_ms > now_ms);
    }

    /// All, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Age, &Claim)> {
        self.0.iter()
    }

    /// Those that go before a transaction of this age, the oldest first.
    pub(super) fn older(&self, age: Age) -> impl Iterator<Item = (Holder, &Claim)> {
        let others = self.0.range(..age).filter(move |(other, _)| other.id != age.id);
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
