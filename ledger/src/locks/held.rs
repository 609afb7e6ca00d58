//! The locks that are held on one key.

use super::mode::Mode;
use super::request::Holder;
use super::reservation::Reservations;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;

/// One lock of a holder on a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Lock {
    pub(super) mode: Mode,
    /// Block time; Unix milliseconds.
    pub(super) taken_at_ms: u64,
}

/// The locks on one key, all compatible: reads alone, adds alone, or one write.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct KeyLocks {
    held: BTreeMap<Holder, Lock>,
    reserved: Reservations,
}

impl KeyLocks {
    /// A holder whose mode excludes this one. All modes held on a key are of one kind, so the first stands for all.
    pub(super) fn excludes(&self, mode: Mode) -> Option<Holder> {
        let (holder, lock) = self.held.first_key_value()?;
        (!lock.mode.is_compatible(mode)).then_some(*holder)
    }

    /// Whether the lock is held now; nothing changes otherwise.
    pub(super) fn hold(&mut self, holder: Holder, lock: Lock) -> bool {
        let reserved = match lock.mode {
            Mode::Add(delta) => self.reserved.with(delta),
            Mode::Read | Mode::Write => Some(self.reserved),
        };
        match reserved {
            Some(reserved) if self.excludes(lock.mode).is_none() => {
                self.reserved = reserved;
                self.held.insert(holder, lock);
                true
            }
            _ => false,
        }
    }

    pub(super) fn release(&mut self, holder: &Holder) {
        if let Some(Lock { mode: Mode::Add(delta), .. }) = self.held.remove(holder) {
            self.reserved = self.reserved.without(delta);
        }
    }

    /// Some holder, the first in their order.
    pub(super) fn first(&self) -> Option<Holder> {
        self.held.keys().next().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// What its adds reserve.
    pub(super) fn reserved(&self) -> Reservations {
        self.reserved
    }

    /// Every lock, ascending by holder.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Holder, &Lock)> {
        self.held.iter()
    }
}
