//! Which keys a transaction locks, and in which mode.

use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::num::NonZeroU128;
use witan_types::transaction::{MAX_CHECKS, MAX_OPS};
use witan_types::{Check, Key, Op, Transaction};

/// The most keys that one transaction uses: one for each check and op, and the balance it pays from.
pub const MAX_KEYS: usize = MAX_CHECKS + MAX_OPS + 1;

/// What an add does to a counter or balance. Each change has one form, so each lock table has one encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Delta {
    /// Adds this much; 0 changes nothing.
    Up(u128),
    /// Takes this much away.
    Down(NonZeroU128),
}

impl Delta {
    /// Changes nothing.
    pub const ZERO: Delta = Delta::Up(0);

    /// Takes `amount` away.
    pub fn down(amount: u128) -> Delta {
        NonZeroU128::new(amount).map_or(Delta::ZERO, Delta::Down)
    }

    /// Both changes as one; `None` if its size is above `u128::MAX`.
    pub fn plus(self, other: Delta) -> Option<Delta> {
        match (self, other) {
            (Delta::Up(one), Delta::Up(two)) => one.checked_add(two).map(Delta::Up),
            (Delta::Down(one), Delta::Down(two)) => one.checked_add(two.get()).map(Delta::Down),
            (Delta::Up(up), Delta::Down(down)) | (Delta::Down(down), Delta::Up(up)) => {
                Some(up.checked_sub(down.get()).map_or_else(|| Delta::down(down.get() - up), Delta::Up))
            }
        }
    }
}

impl From<i128> for Delta {
    fn from(delta: i128) -> Delta {
        if delta < 0 { Delta::down(delta.unsigned_abs()) } else { Delta::Up(delta.unsigned_abs()) }
    }
}

/// How a transaction uses a key, and so what others may do with it until the decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Mode {
    /// Needs its value to stand still.
    Read,
    /// Sets its value, or both reads and changes it.
    Write,
    /// Changes a counter or balance without looking at it, in one direction: with steps in both, the way to the sum could
    /// leave the range although the sum does not, so such a transaction writes.
    Add(Delta),
}

impl Mode {
    /// Whether two transactions may hold these modes on one key. Of two adds, reservations have the last word.
    pub fn is_compatible(self, other: Mode) -> bool {
        matches!((self, other), (Mode::Read, Mode::Read) | (Mode::Add(_), Mode::Add(_)))
    }
}

/// The deltas on a key add up to more than any counter or balance can bear, whatever its value: the transaction fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the transaction's deltas on key {key:?} add up to more than any value can bear")]
pub struct DeltaOverflow {
    /// Which key.
    pub key: Key,
}

/// Everything that a transaction does with one key.
struct Uses {
    reads: bool,
    writes: bool,
    rises: bool,
    falls: bool,
    /// The sum of its adds; `None` once it overflowed.
    sum: Option<Delta>,
}

impl Uses {
    fn add(&mut self, delta: Delta) {
        match delta {
            Delta::Up(_) => self.rises = true,
            Delta::Down(_) => self.falls = true,
        }
        // In order, as execution adds: a step that overflows here overflows there too, from any value.
        self.sum = self.sum.and_then(|sum| sum.plus(delta));
    }

    /// The strongest mode that it takes; `None` if the sum counts and overflowed.
    fn mode(&self) -> Option<Mode> {
        match (self.rises, self.falls) {
            _ if self.writes => Some(Mode::Write),
            (false, false) => Some(Mode::Read),
            (true, true) => Some(Mode::Write),
            _ if self.reads => Some(Mode::Write),
            _ => self.sum.map(Mode::Add),
        }
    }
}

#[derive(Default)]
struct Collector(BTreeMap<Key, Uses>);

impl Collector {
    fn of(&mut self, key: Key) -> &mut Uses {
        let unused =
            || Uses { reads: false, writes: false, rises: false, falls: false, sum: Some(Delta::ZERO) };
        self.0.entry(key).or_insert_with(unused)
    }

    fn check(&mut self, check: &Check) {
        let key = match check {
            Check::Absent { key }
            | Check::Exists { key }
            | Check::Value { key, .. }
            | Check::Version { key, .. } => key.clone(),
            Check::Balance { account, .. } => Key::balance_of(account),
        };
        self.of(key).reads = true;
    }

    fn op(&mut self, transaction: &Transaction, op: &Op) {
        match op {
            Op::Get { key } => self.of(key.clone()).reads = true,
            Op::Put { key, .. } | Op::Delete { key } | Op::Append { key, .. } => {
                self.of(key.clone()).writes = true;
            }
            Op::Add { key, delta } => self.of(key.clone()).add(Delta::from(*delta)),
            Op::Transfer { to, amount } => {
                self.of(Key::balance_of(&transaction.signer)).add(Delta::down(*amount));
                self.of(Key::balance_of(to)).add(Delta::Up(*amount));
            }
            Op::Approve { .. } => {}
        }
    }
}

/// Every key that a transaction uses, with the strongest mode it uses it in: write before all; read with add is write, and
/// so are adds in both directions.
///
/// # Errors
/// If the deltas on a key that the transaction only adds to overflow: it then fails on every value.
pub fn modes_of(transaction: &Transaction) -> Result<BTreeMap<Key, Mode>, DeltaOverflow> {
    let mut collector = Collector::default();
    transaction.checks.iter().for_each(|check| collector.check(check));
    transaction.ops.iter().for_each(|op| collector.op(transaction, op));
    let mode = |(key, uses): (Key, Uses)| match uses.mode() {
        Some(mode) => Ok((key, mode)),
        None => Err(DeltaOverflow { key }),
    };
    collector.0.into_iter().map(mode).collect()
}
