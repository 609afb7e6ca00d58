//! What is asked of the lock table, and what it answers.

use super::claim::Age;
use super::mode::{MAX_KEYS, Mode};
use crate::value::FailureReason;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{Key, TxId};

/// Who holds locks: one attempt of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Holder {
    /// Which transaction.
    pub id: TxId,
    /// Which of its attempts.
    pub attempt: u64,
}

/// Everything that one attempt asks for in this group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Who asks.
    pub holder: Holder,
    /// Block time of the transaction's first execution at its coordinator, the same for each attempt: its rank among
    /// claims. Unix milliseconds.
    pub since_ms: u64,
    /// When the transaction expires, and its claim with it. Unix milliseconds.
    pub expires_at_ms: u64,
    /// The keys of this group that it uses, of those that [`modes_of`](super::modes_of) names; at most [`MAX_KEYS`].
    pub modes: BTreeMap<Key, Mode>,
}

impl Request {
    pub(super) fn age(&self) -> Age {
        Age { since_ms: self.since_ms, id: self.holder.id }
    }
}

/// What comes of asking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All locks are free, and after [`take`](super::LockTable::take) held.
    Granted,
    /// A lock or an older claim stands in the way: it may be tried again later.
    Conflict {
        /// The first such key.
        key: Key,
        /// Who holds or claims it; one of them if there are several.
        holder: Holder,
    },
    /// No room for so many locks, or none beside those that the oldest claim wants: it may be tried again later.
    Full,
    /// An add that no outcome of the transactions that hold the key makes room for: the transaction fails.
    Impossible {
        /// The first such key.
        key: Key,
        /// Why it fails.
        reason: FailureReason,
    },
}

/// A mistake of whoever asks: nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// The holder has locks already.
    #[error("attempt {} of transaction {} holds locks already", .0.attempt, .0.id)]
    AlreadyHeld(Holder),
    /// More keys than a transaction may use.
    #[error("{0} keys, above the limit of {MAX_KEYS}")]
    TooManyKeys(usize),
    /// A key longer than keys are.
    #[error("a key has {0} bytes, above the limit of {MAX_KEY_BYTES}")]
    KeyLength(usize),
}

/// A lock as lists show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldLock<'a> {
    /// Which key.
    pub key: &'a Key,
    /// How it is held.
    pub mode: Mode,
    /// By whom.
    pub holder: Holder,
    /// Block time when it was taken; Unix milliseconds.
    pub taken_at_ms: u64,
}
