//! What clients were told of transactions on lists, recorded to be judged for strict serializability; and what they read
//! of all balances at once.

use super::check::{Promise, Verdict, holds};
use super::report::Across;
use crate::history::{History, MicroOperation, Outcome, Transaction, check};
use std::collections::{BTreeMap, BTreeSet};
use witan_ledger::{AbortReason, Read, Receipt, TransactionOutcome, Value};
use witan_types::{Key, Op, SignedTransaction, TxId};

/// The record of a run.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    history: History,
    /// The place of each transaction in the history.
    places: BTreeMap<TxId, usize>,
    /// The number of each list.
    lists: BTreeMap<Key, u64>,
    /// Transactions that read every balance there is.
    snapshots: BTreeSet<TxId>,
    /// How many of them were told what they read.
    pub(super) snapshots_read: usize,
    /// How each transaction across groups ended that somebody was told of.
    ended: BTreeMap<TxId, TransactionOutcome>,
}

impl Recorder {
    /// A client asks for a transaction; recorded if it appends to lists and reads lists, and does nothing else.
    pub(super) fn invoke(&mut self, now_us: u64, signed: &SignedTransaction) {
        let transaction = &signed.transaction;
        let operations: Option<Vec<MicroOperation>> =
            transaction.ops.iter().map(|op| self.operation(op)).collect();
        let Some(operations) = operations.filter(|_| transaction.checks.is_empty()) else { return };
        self.places.insert(signed.id(), self.history.transactions.len());
        self.history.transactions.push(Transaction {
            client: transaction.salt,
            invoked_us: now_us,
            completed_us: None,
            outcome: Outcome::Unknown,
            operations,
        });
    }

    fn operation(&mut self, op: &Op) -> Option<MicroOperation> {
        match op {
            Op::Append { key, item } => {
                Some(MicroOperation::Append { key: self.list(key)?, value: value_of(item)? })
            }
            Op::Get { key } => Some(MicroOperation::Read { key: self.list(key)?, values: None }),
            Op::Put { .. }
            | Op::Delete { .. }
            | Op::Add { .. }
            | Op::Transfer { .. }
            | Op::Approve { .. } => None,
        }
    }

    fn list(&mut self, key: &Key) -> Option<u64> {
        let next = self.lists.len() as u64;
        key.0.starts_with(b"list").then(|| *self.lists.entry(key.clone()).or_insert(next))
    }

    /// This transaction reads every balance.
    pub(super) fn reads_all_balances(&mut self, id: TxId) {
        self.snapshots.insert(id);
    }

    /// Some node tells its users how a transaction ended. The first to do so counts: what it says is durable.
    pub(super) fn complete(&mut self, now_us: u64, issued: u128, receipt: &Receipt) -> Verdict {
        if !receipt.told.is_empty() {
            self.ended.entry(receipt.id).or_insert_with(|| receipt.outcome.clone());
        }
        let place = self.places.get(&receipt.id);
        let recorded = place.and_then(|place| self.history.transactions.get_mut(*place));
        if let Some(transaction) = recorded.filter(|transaction| transaction.completed_us.is_none()) {
            transaction.completed_us = Some(now_us);
            match &receipt.outcome {
                TransactionOutcome::Applied { reads } => {
                    transaction.outcome = Outcome::Committed;
                    fill(&mut transaction.operations, reads);
                }
                TransactionOutcome::Failed { .. } | TransactionOutcome::Aborted { .. } => {
                    transaction.outcome = Outcome::Aborted;
                }
            }
        }
        match &receipt.outcome {
            TransactionOutcome::Applied { reads } if self.snapshots.remove(&receipt.id) => {
                self.snapshots_read += 1;
                let sum = reads.iter().map(balance).fold(0_u128, u128::saturating_add);
                holds(Promise::Conservation, sum == issued, || {
                    format!(
                        "transaction {} read balances of {sum} at once, genesis issued {issued}",
                        receipt.id
                    )
                })
            }
            _ => Ok(()),
        }
    }

    /// How transactions across groups ended.
    pub(super) fn across(&self) -> Across {
        let mut across = Across::default();
        for outcome in self.ended.values() {
            *match outcome {
                TransactionOutcome::Applied { .. } => &mut across.applied,
                TransactionOutcome::Aborted { reason: AbortReason::Conflict } => &mut across.conflicts,
                TransactionOutcome::Aborted { reason: AbortReason::Deadline } => &mut across.late,
                TransactionOutcome::Aborted { .. } | TransactionOutcome::Failed { .. } => &mut across.failed,
            } += 1;
        }
        across
    }

    /// Judges all that was recorded.
    pub(super) fn judge(&self) -> Verdict {
        let judged = check(&self.history);
        holds(Promise::Serializability, judged.is_ok(), || {
            judged.err().map(|why| why.to_string()).unwrap_or_default()
        })
    }
}

/// What the gets returned, in their order.
fn fill(operations: &mut [MicroOperation], reads: &[Read]) {
    let gets = operations.iter_mut().filter_map(|operation| match operation {
        MicroOperation::Read { values, .. } => Some(values),
        MicroOperation::Append { .. } => None,
    });
    for (values, read) in gets.zip(reads) {
        let items = match read.entry.as_ref().map(|entry| &entry.value) {
            Some(Value::List(items)) => items.iter().filter_map(|item| value_of(item)).collect(),
            _ => Vec::new(),
        };
        *values = Some(items);
    }
}

fn value_of(item: &[u8]) -> Option<u64> {
    item.try_into().ok().map(u64::from_le_bytes)
}

fn balance(read: &Read) -> u128 {
    match read.entry.as_ref().map(|entry| &entry.value) {
        Some(Value::Balance(balance)) => *balance,
        _ => 0,
    }
}
