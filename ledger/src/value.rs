//! What state holds, and what a transaction leaves behind.

#[cfg(test)]
mod tests;

use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeSet;
use witan_types::codec::{bounded, bounded_bytes, encode};
use witan_types::genesis::MAX_GROUPS;
use witan_types::transaction::{MAX_OPS, MAX_VALUE_BYTES};
use witan_types::{Account, GroupId, Hash, Height, Key, Op, Transaction, TxId, Wire, sha256};

/// The most items a list may have; its bytes are bounded by [`MAX_VALUE_BYTES`] too.
pub const MAX_LIST_ITEMS: usize = 16_384;

/// The most bytes that a group keeps under one reserved key.
pub const MAX_RECORD_BYTES: usize = 768 * 1024;

/// A typed value.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Value {
    /// What put wrote.
    Bytes(#[borsh(deserialize_with = "bounded_bytes::<MAX_VALUE_BYTES, _>")] Vec<u8>),
    /// What append built, oldest first.
    List(#[borsh(deserialize_with = "bounded::<MAX_LIST_ITEMS, _, _>")] Vec<Vec<u8>>),
    /// What add counted.
    Counter(i128),
    /// An account's balance.
    Balance(u128),
    /// What a group remembers under a reserved key. No transaction reads or writes it.
    Record(#[borsh(deserialize_with = "bounded_bytes::<MAX_RECORD_BYTES, _>")] Vec<u8>),
}

/// When a key was last written: (slot incarnation: 32 bits, height: 64 bits, index in block: 32 bits), ascending, so a
/// moved or deleted key never repeats one. 0 stands for absent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Version(pub u128);

impl Version {
    /// The version of a write by the `index`-th transaction of the block at `height`.
    pub fn new(incarnation: u32, height: Height, index: u32) -> Version {
        Version((u128::from(incarnation) << 96) | (u128::from(height) << 32) | u128::from(index))
    }

    /// The height of the block that wrote it.
    pub fn height(self) -> Height {
        #[expect(clippy::cast_possible_truncation, reason = "the middle 64 bits are wanted")]
        let height = (self.0 >> 32) as u64;
        height
    }
}

/// A key's value with its version.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// When it was written.
    pub version: Version,
}

impl Entry {
    /// The hash that the Merkle tree's leaf commits to, beside the key.
    pub fn hash(&self) -> Hash {
        sha256(&[b"witan entry", &encode(self)])
    }
}

impl Wire for Entry {
    const MAX_BYTES: usize = MAX_RECORD_BYTES + 32;
}

/// Why a transaction executed without effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum FailureReason {
    /// A check did not hold.
    CheckFailed,
    /// A transfer of more than the balance.
    InsufficientBalance,
    /// An op on a value of another type.
    WrongType,
    /// A counter, balance or list out of its range.
    Overflow,
    /// Gets returned more than `MAX_READ_BYTES`.
    ReadTooLarge,
    /// A write that the signer may not make.
    ForbiddenKey,
    /// An approval by an account that is none of the operators.
    NotAnOperator,
    /// An approval of a change that does not make the next version.
    StaleVersion,
    /// An approval of a change that can't be.
    BadChange,
}

impl FailureReason {
    /// The name users meet.
    pub fn name(self) -> &'static str {
        match self {
            FailureReason::CheckFailed => "CHECK_FAILED",
            FailureReason::InsufficientBalance => "INSUFFICIENT_BALANCE",
            FailureReason::WrongType => "WRONG_TYPE",
            FailureReason::Overflow => "OVERFLOW",
            FailureReason::ReadTooLarge => "READ_TOO_LARGE",
            FailureReason::ForbiddenKey => "FORBIDDEN_KEY",
            FailureReason::NotAnOperator => "NOT_AN_OPERATOR",
            FailureReason::StaleVersion => "STALE_VERSION",
            FailureReason::BadChange => "BAD_CHANGE",
        }
    }
}

/// Why a transaction across groups was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum AbortReason {
    /// Other transactions held keys it wanted until it expired.
    Conflict,
    /// Not every group answered in time.
    Deadline,
    /// It would have failed in another group than its coordinator's.
    Failed(FailureReason),
}

impl AbortReason {
    /// The name users meet.
    pub fn name(self) -> &'static str {
        match self {
            AbortReason::Conflict => "CONFLICT",
            AbortReason::Deadline => "DEADLINE",
            AbortReason::Failed(reason) => reason.name(),
        }
    }
}

/// What a get returned.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Read {
    /// Which key.
    pub key: Key,
    /// What it held then, the transaction's earlier ops included.
    pub entry: Option<Entry>,
}

/// How an executed transaction ended.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum TransactionOutcome {
    /// All of it happened.
    Applied {
        /// What its gets returned, in order.
        #[borsh(deserialize_with = "bounded::<MAX_OPS, _, _>")]
        reads: Vec<Read>,
    },
    /// Nothing of it happened.
    Failed {
        /// Why.
        reason: FailureReason,
    },
    /// Nothing of it happened in any group.
    Aborted {
        /// Why.
        reason: AbortReason,
    },
}

/// The place of a decision in the channel to a group that took part: the transaction is applied there once that many
/// messages and one more are consumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Told {
    /// The group.
    pub group: GroupId,
    /// The place in the channel from the coordinator.
    pub place: u64,
}

/// The trace that an executed transaction leaves in its block.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// Which transaction.
    pub id: TxId,
    /// When it expires: how long its id must be remembered. Unix milliseconds.
    pub expires_at_ms: u64,
    /// Its place among all that the block executed: messages of other groups, then decisions that were due, then
    /// transactions.
    pub index: u32,
    /// How it ended.
    pub outcome: TransactionOutcome,
    /// The groups that took part beside the coordinator's, and where they are told. None if no other group did.
    #[borsh(deserialize_with = "bounded::<MAX_GROUPS, _, _>")]
    pub told: Vec<Told>,
}

impl Receipt {
    /// The leaf of the block's receipts root.
    pub fn hash(&self) -> Hash {
        sha256(&[b"witan receipt", &encode(self)])
    }
}

impl Wire for Receipt {
    const MAX_BYTES: usize = 1024 * 1024;
}

/// Whom a transaction concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parties {
    /// Who signed it.
    pub signer: Account,
    /// Whom it pays, each once, its signer left out.
    pub recipients: BTreeSet<Account>,
}

impl Parties {
    /// Those of a transaction.
    pub fn of(transaction: &Transaction) -> Parties {
        let signer = transaction.signer;
        let paid = transaction.ops.iter().filter_map(|op| match op {
            Op::Transfer { to, .. } => Some(*to),
            _ => None,
        });
        Parties { signer, recipients: paid.filter(|to| *to != signer).collect() }
    }
}
