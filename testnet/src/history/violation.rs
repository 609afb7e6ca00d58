//! What can be wrong with a history, in words. The names are Adya's and Elle's.

use super::{Cycle, Key, Value};
use std::fmt;

/// A transaction as reports name it: `T7 (client 2)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionName {
    /// Its place in the history, from 0.
    pub number: usize,
    /// Its client.
    pub client: u64,
}

/// Why a recording is no history: a mistake of the recorder, which says nothing about the system.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Times run backwards.
    #[error("{0} completed before it was invoked")]
    CompletedBeforeInvoked(TransactionName),
    /// It is committed or aborted at no time, or unknown at a time.
    #[error("{0} must have a completion time if its outcome is known, and none if it is unknown")]
    CompletionAgainstOutcome(TransactionName),
    /// It is committed and what it read is not there, or unknown and it is.
    #[error("{0} must have the lists that it read if it committed, and none if its outcome is unknown")]
    ReadAgainstOutcome(TransactionName),
    /// Two appends can't be told apart, or one was recorded twice.
    #[error("{first} and {second} both append {value} to key {key}, where each value may be appended once")]
    ValueNotUnique {
        /// The earlier in the history.
        first: TransactionName,
        /// The later, or the same again.
        second: TransactionName,
        /// To which list.
        key: Key,
        /// What both append.
        value: Value,
    },
}

/// Why a history is not strictly serializable.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    /// The recording itself is wrong.
    #[error("this is no history: {0}")]
    Malformed(#[from] Malformed),
    /// An append took effect twice.
    #[error("duplicate append: {reader} read {value} twice in key {key}")]
    DuplicateAppend {
        /// Who saw it.
        reader: TransactionName,
        /// In which list.
        key: Key,
        /// What stands there twice.
        value: Value,
    },
    /// A value from nowhere (Elle: garbage read).
    #[error("garbage read: {reader} read {value} in key {key}, which nobody appended there")]
    GarbageRead {
        /// Who saw it.
        reader: TransactionName,
        /// In which list.
        key: Key,
        /// What it saw.
        value: Value,
    },
    /// A transaction that had no effect had one (Adya: G1a).
    #[error(
        "aborted read: {reader} read {value} in key {key}, which {writer} appended, and {writer} aborted"
    )]
    AbortedRead {
        /// Who saw it.
        reader: TransactionName,
        /// Who appended it and aborted.
        writer: TransactionName,
        /// In which list.
        key: Key,
        /// What it saw.
        value: Value,
    },
    /// The state in the middle of a transaction was seen (Adya: G1b).
    #[error(
        "intermediate read: {reader} read key {key} up to {value} of {writer}, without the append of {missing} that {writer} made after it"
    )]
    IntermediateRead {
        /// Who saw it.
        reader: TransactionName,
        /// Whose appends it saw a part of.
        writer: TransactionName,
        /// In which list.
        key: Key,
        /// The newest that it saw.
        value: Value,
        /// The writer's next append to the same list.
        missing: Value,
    },
    /// A transaction does not see what it did or saw itself (Elle: internal).
    #[error(
        "internal inconsistency: operation {operation} of {transaction} reads key {key} other than its own appends and earlier reads make it"
    )]
    InternalInconsistency {
        /// Which transaction.
        transaction: TransactionName,
        /// Which of its operations, from 0.
        operation: usize,
        /// Which list it reads there.
        key: Key,
    },
    /// Two reads of a list that only grows, of which neither begins with the other (Elle: incompatible order).
    #[error(
        "incompatible orders: at place {place} of key {key}, from 0, {first} read {first_value} and {second} read {second_value}"
    )]
    IncompatibleOrders {
        /// Which list.
        key: Key,
        /// Where they part, from 0.
        place: usize,
        /// Who read one order.
        first: TransactionName,
        /// What it read there.
        first_value: Value,
        /// Who read the other.
        second: TransactionName,
        /// What that one read there.
        second_value: Value,
    },
    /// A list holds a transaction's appends in another order than it made them, or one of them without an earlier one.
    #[error(
        "misordered appends: {reader} read {value} of {writer} in key {key}, and not before it the {missing} that {writer} appended earlier"
    )]
    MisorderedAppends {
        /// Who saw it.
        reader: TransactionName,
        /// Whose appends they are.
        writer: TransactionName,
        /// In which list.
        key: Key,
        /// The later append, which stands there.
        value: Value,
        /// The earlier append, which does not stand before it.
        missing: Value,
    },
    /// Appends alone are in no order (Adya: G0).
    #[error("write cycle:\n{0}")]
    WriteCycle(Cycle),
    /// Information flows in a circle: appends and reads of them are in no order (Adya: G1c).
    #[error("information cycle:\n{0}")]
    InformationCycle(Cycle),
    /// Some read missed an append that must precede it (Adya: G-single with one anti-dependency, G2 with more).
    #[error("anti-dependency cycle:\n{0}")]
    AntiDependencyCycle(Cycle),
    /// Serializable, in no order that respects real time. A committed append that a later read lacks comes out so.
    #[error("real-time cycle (serializable, but not strictly):\n{0}")]
    RealTimeCycle(Cycle),
}

impl fmt::Display for TransactionName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "T{} (client {})", self.number, self.client)
    }
}
