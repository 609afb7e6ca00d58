//! Whether a recorded history of list-append transactions is strictly serializable: whether running its transactions
//! one after another, in an order that respects real time, explains all that they read.
//!
//! The method is Elle's (K. Kingsbury and P. Alvaro, "Elle: Inferring Isolation Anomalies from Experimental
//! Observations", VLDB 2020) for lists. Values are unique, so the longest read of a key tells the order of its appends,
//! and what depends on what follows. A history is strictly serializable exactly if no transaction depends on itself.
//! The work is linear in the history, up to sorting.

mod appends;
mod components;
mod cycle;
mod dependency;
mod graph;
mod order;
mod reads;
mod real_time;
#[cfg(test)]
mod tests;
mod violation;

pub use dependency::{Cycle, Dependency, Kind, Step};
pub use violation::{Malformed, TransactionName, Violation};

use appends::Appends;
use graph::Graph;
use order::Orders;

/// Names a list. Whoever records a history numbers the lists.
pub type Key = u64;

/// What is appended to a list, at most once to each.
pub type Value = u64;

/// All that clients asked and were told, in any order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct History {
    /// Finished and unfinished transactions. The place of one here is its number in reports, from 0.
    pub transactions: Vec<Transaction>,
}

/// One transaction as its client saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// Which client (process) asked for it. Reports name it; the check itself goes by times alone, and real time
    /// includes the order of a client that does one thing at a time.
    pub client: u64,
    /// When the client asked, in microseconds of one clock that all clients share.
    pub invoked_us: u64,
    /// When the client was told the outcome, by the same clock. None if and only if the outcome is unknown.
    pub completed_us: Option<u64>,
    /// What the client was told.
    pub outcome: Outcome,
    /// What it does, in order.
    pub operations: Vec<MicroOperation>,
}

/// What a client knows of its transaction's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It took effect.
    Committed,
    /// It had no effect and never will have. What it read is not judged.
    Aborted,
    /// It may have taken effect since its invocation, may yet, or never will. It counts as committed once a committed
    /// transaction reads one of its appends; if none does, nothing that was seen depends on it.
    Unknown,
}

/// One step of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MicroOperation {
    /// Puts a value at the end of a list.
    Append {
        /// Which list.
        key: Key,
        /// What is put there. No other append of the history has this key and this value.
        value: Value,
    },
    /// Reads a whole list.
    Read {
        /// Which list.
        key: Key,
        /// The list as read, oldest append first, the transaction's own earlier ones included. None if the client did
        /// not see it: always if the outcome is unknown, never if it is committed.
        values: Option<Vec<Value>>,
    },
}

/// How much a history that passes held, so that one can tell a check of much from a check of nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Summary {
    /// All transactions of the history.
    pub transactions: usize,
    /// Those whose outcome is committed.
    pub committed: usize,
    /// Those of unknown outcome that took effect, as their appends were read.
    pub inferred: usize,
    /// Keys that were read or appended to.
    pub keys: usize,
    /// Edges between transactions, before search.
    pub edges: EdgeCounts,
}

/// Edges by kind. Edges through a helper node count for each half.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct EdgeCounts {
    /// From an append to the next one of its key.
    pub write_write: usize,
    /// From an append to a read that saw it as the newest.
    pub write_read: usize,
    /// From a read to the first append that it did not see.
    pub read_write: usize,
    /// Into, between and out of moments of real time.
    pub real_time: usize,
}

/// Judges a history. Two times that are equal count as concurrent.
///
/// # Errors
///
/// [`Violation::Malformed`] if it is no history, which is the recorder's fault; otherwise the first reason found why it
/// is not strictly serializable, the most basic kind first. A history with many violations yields one.
pub fn check(history: &History) -> Result<Summary, Violation> {
    let appends = Appends::of(history)?;
    let orders = Orders::of(history, &appends)?;
    reads::check(history, &appends, &orders)?;
    let graph = Graph::of(history, &appends, &orders);
    cycle::none_in(history, &graph)?;
    let of_outcome = |outcome| history.transactions.iter().filter(|one| one.outcome == outcome).count();
    let effective = (0..history.transactions.len()).filter(|one| orders.takes_effect(history, *one)).count();
    Ok(Summary {
        transactions: history.transactions.len(),
        committed: of_outcome(Outcome::Committed),
        inferred: effective - of_outcome(Outcome::Committed),
        keys: orders.keys(),
        edges: graph.counts(),
    })
}

impl History {
    /// The name of a transaction in reports.
    fn name(&self, number: usize) -> TransactionName {
        TransactionName { number, client: self.transactions.get(number).map_or(0, |one| one.client) }
    }

    /// Each committed transaction with its number.
    fn committed(&self) -> impl Iterator<Item = (usize, &Transaction)> {
        let numbered = self.transactions.iter().enumerate();
        numbered.filter(|(_, transaction)| transaction.outcome == Outcome::Committed)
    }
}

impl Transaction {
    /// The lists that it read, in order.
    fn reads(&self) -> impl Iterator<Item = (Key, &[Value])> {
        self.operations.iter().filter_map(|operation| match operation {
            MicroOperation::Read { key, values: Some(values) } => Some((*key, values.as_slice())),
            _ => None,
        })
    }
}
