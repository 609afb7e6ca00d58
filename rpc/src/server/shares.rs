//! What a server has only so much of, shared out among callers: connections, subscriptions, calls under way, bytes.

use super::source::Source;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One caller may take this part of all.
const PART_OF_ONE: usize = 4;
/// This part is kept for this machine, so that who looks after the node gets in.
const PART_KEPT: usize = 16;

/// So much in all, and so much for one caller. This machine itself, where proxies and those who look after the node
/// call from, may take all.
#[derive(Debug)]
pub(super) struct Shares {
    all: usize,
    /// For callers elsewhere together.
    elsewhere: usize,
    /// For one of them.
    one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    elsewhere: usize,
    by: HashMap<Source, usize>,
}

/// What one caller has taken; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Arc<Shares>,
    source: Source,
    amount: usize,
}

/// There is not as much left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    /// For anybody.
    All(usize),
    /// For this caller, who may have so much.
    One(usize),
}

impl Shares {
    /// So much in all, of which one caller elsewhere may have a quarter.
    pub(super) fn new(all: usize) -> Arc<Shares> {
        let one = all.div_ceil(PART_OF_ONE);
        Arc::new(Shares { all, elsewhere: all.saturating_sub(all / PART_KEPT), one, taken: Mutex::default() })
    }

    /// So much, for one caller alone.
    pub(super) fn of_one(all: usize) -> Arc<Shares> {
        Arc::new(Shares { all, elsewhere: all, one: all, taken: Mutex::default() })
    }

    /// Takes a share.
    ///
    /// # Errors
    /// If there is not as much left.
    pub(super) fn take(self: &Arc<Self>, source: Source, amount: usize) -> Result<Share, Full> {
        let mut share = Share { of: Arc::clone(self), source, amount: 0 };
        share.grow(amount).map(|()| share)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes more.
    ///
    /// # Errors
    /// If there is not as much left; it is then what it was.
    pub(super) fn grow(&mut self, amount: usize) -> Result<(), Full> {
        let of = &self.of;
        let mut taken = of.lock();
        let fits = |taken: usize, max: usize| taken.checked_add(amount).filter(|sum| *sum <= max);
        let all = fits(taken.all, of.all).ok_or(Full::All(of.all))?;
        if !self.source.is_local() {
            let elsewhere = fits(taken.elsewhere, of.elsewhere).ok_or(Full::All(of.elsewhere))?;
            let before = taken.by.get(&self.source).copied().unwrap_or_default();
            let one = fits(before, of.one).ok_or(Full::One(of.one))?;
            taken.by.insert(self.source, one);
            taken.elsewhere = elsewhere;
        }
        taken.all = all;
        drop(taken);
        self.amount = self.amount.saturating_add(amount);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        taken.all = taken.all.saturating_sub(self.amount);
        if self.source.is_local() {
            return;
        }
        taken.elsewhere = taken.elsewhere.saturating_sub(self.amount);
        if let Some(one) = taken.by.get_mut(&self.source) {
            *one = one.saturating_sub(self.amount);
            if *one == 0 {
                taken.by.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests;
