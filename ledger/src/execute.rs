//! Execution: what a block does to state. A function of the state before and the block alone, so every node comes to
//! the same result.

mod overlay;
#[cfg(test)]
mod tests;

use crate::value::{Entry, FailureReason, Read, Receipt, TransactionOutcome, Value, Version};
use overlay::Overlay;
use std::borrow::Cow;
use std::collections::BTreeSet;
use witan_types::{Block, Check, Key, Op, Transaction, TxId};

/// The most bytes that the gets of one transaction may return, keys and versions included.
pub const MAX_READ_BYTES: usize = 256 * 1024;
/// The most bytes that the receipts of one block may take.
pub const MAX_RECEIPT_BYTES: usize = 1024 * 1024;
/// Once a block has loaded or returned this many bytes of keys and entries, its other transactions are deferred. One
/// alone stays far below: 64 KiB for each check and op.
pub const MAX_LOADED_BYTES: usize = 64 * 1024 * 1024;
/// No receipt takes more bytes than this beside what its gets returned.
const RECEIPT_BYTES: usize = 64;

/// The state before a block, as execution reads it.
pub trait StateView {
    /// What a key holds.
    fn entry(&self, key: &Key) -> Option<Entry>;

    /// Whether a transaction touches a slot that this group does not own; it is deferred then.
    fn is_elsewhere(&self, _transaction: &Transaction) -> bool {
        false
    }
}

/// What a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// One for each transaction that executed, in order.
    pub receipts: Vec<Receipt>,
    /// Each changed key once, ascending, with its new entry or `None` if it is gone.
    pub changes: Vec<(Key, Option<Entry>)>,
    /// Transactions that could not execute in this block but may in a later one.
    pub deferred: Vec<TxId>,
    /// Transactions without effect or receipt: repeated or expired.
    pub skipped: Vec<TxId>,
}

/// Why a transaction stops before its end.
enum Stop {
    Failed(FailureReason),
    Deferred,
}

impl From<FailureReason> for Stop {
    fn from(reason: FailureReason) -> Stop {
        Stop::Failed(reason)
    }
}

/// Executes the transactions of a block in order. `seen` says which ids executed in earlier blocks. Signatures are
/// judged before a vote, and not again.
pub fn execute_block(view: &dyn StateView, block: &Block, seen: &dyn Fn(&TxId) -> bool) -> Execution {
    let mut executor =
        Executor { overlay: Overlay::new(view), receipt_bytes: 0, result: Execution::default() };
    let mut done = BTreeSet::new();
    for (index, signed) in (0..).zip(block.payload.transactions()) {
        let (transaction, id) = (&signed.transaction, signed.id());
        let expired = transaction.expires_at_ms < block.header.time_ms;
        if expired || seen(&id) || !done.insert(id) {
            executor.result.skipped.push(id);
        } else {
            executor.execute(transaction, id, index, Version::new(0, block.header.height, index));
        }
    }
    let mut result = executor.result;
    result.changes = executor.overlay.into_changes();
    result
}

struct Executor<'a> {
    overlay: Overlay<'a>,
    receipt_bytes: usize,
    result: Execution,
}

impl Executor<'_> {
    fn execute(&mut self, transaction: &Transaction, id: TxId, index: u32, version: Version) {
        let room = MAX_RECEIPT_BYTES.saturating_sub(self.receipt_bytes);
        let outcome = match self.run(transaction, version, room) {
            Ok(reads) => {
                self.overlay.keep();
                TransactionOutcome::Applied { reads }
            }
            Err(stop) => {
                self.overlay.undo();
                match stop {
                    Stop::Failed(reason) => TransactionOutcome::Failed { reason },
                    Stop::Deferred => return self.result.deferred.push(id),
                }
            }
        };
        self.receipt_bytes += RECEIPT_BYTES + bytes_read(&outcome);
        self.result.receipts.push(Receipt { id, expires_at_ms: transaction.expires_at_ms, index, outcome });
    }

    /// Checks on the state before, then ops in order; whatever it wrote is undone by the caller if it stops.
    fn run(&mut self, transaction: &Transaction, version: Version, room: usize) -> Result<Vec<Read>, Stop> {
        let full = room < RECEIPT_BYTES || self.overlay.loaded_bytes() >= MAX_LOADED_BYTES;
        if full || self.overlay.is_elsewhere(transaction) {
            return Err(Stop::Deferred);
        }
        // Judged before a vote: what does not pass here was voted in by a faulty quorum, and has no effect.
        transaction.check_form().map_err(|_| FailureReason::ForbiddenKey)?;
        if !transaction.checks.iter().all(|check| self.holds(check)) {
            return Err(Stop::Failed(FailureReason::CheckFailed));
        }
        let mut reads = Reads { list: Vec::new(), bytes: 0, room: room - RECEIPT_BYTES };
        for op in &transaction.ops {
            self.apply(transaction, op, version, &mut reads)?;
        }
        Ok(reads.list)
    }

    fn holds(&mut self, check: &Check) -> bool {
        match check {
            Check::Absent { key } => self.overlay.entry(key).is_none(),
            Check::Exists { key } => self.overlay.entry(key).is_some(),
            Check::Value { key, value } => {
                matches!(self.overlay.entry(key), Some(Entry { value: Value::Bytes(held), .. }) if held == value)
            }
            Check::Version { key, version } => {
                self.overlay.entry(key).map_or(Version::default(), |entry| entry.version) == Version(*version)
            }
            Check::Balance { account, at_least } => {
                self.overlay.balance(&Key::balance_of(account)).is_ok_and(|balance| balance >= *at_least)
            }
        }
    }

    fn apply(
        &mut self,
        transaction: &Transaction,
        op: &Op,
        version: Version,
        reads: &mut Reads,
    ) -> Result<(), Stop> {
        match op {
            Op::Put { key, value } => self.overlay.put(key, Value::Bytes(value.clone()), version),
            Op::Delete { key } => self.overlay.delete(key),
            Op::Append { key, item } => self.overlay.append(key, item, version)?,
            Op::Add { key, delta } => self.overlay.add(key, *delta, version)?,
            Op::Transfer { to, amount } => {
                let (from, to) = (Key::balance_of(&transaction.signer), Key::balance_of(to));
                self.overlay.transfer(&from, &to, *amount, version)?;
            }
            Op::Get { key } => {
                let bytes = key.0.len() + self.overlay.size(key);
                reads.charge(bytes)?;
                self.overlay.charge(bytes);
                reads.list.push(Read { key: key.clone(), entry: self.overlay.entry(key).cloned() });
            }
        }
        Ok(())
    }
}

/// What a transaction's gets return, within the bounds of the transaction and of the block.
struct Reads {
    list: Vec<Read>,
    bytes: usize,
    room: usize,
}

impl Reads {
    /// Counts a read before it is copied.
    fn charge(&mut self, bytes: usize) -> Result<(), Stop> {
        self.bytes += READ_BYTES + bytes;
        if self.bytes > MAX_READ_BYTES {
            Err(Stop::Failed(FailureReason::ReadTooLarge))
        } else if self.bytes > self.room {
            Err(Stop::Deferred)
        } else {
            Ok(())
        }
    }
}

/// What the encoding of a read takes beside key and entry: the key's length and the entry's tag.
const READ_BYTES: usize = 5;

fn bytes_read(outcome: &TransactionOutcome) -> usize {
    match outcome {
        TransactionOutcome::Applied { reads } => reads
            .iter()
            .map(|read| READ_BYTES + read.key.0.len() + overlay::encoded_bytes(read.entry.as_ref()))
            .sum(),
        TransactionOutcome::Failed { .. } => 0,
    }
}

/// Every key that a transaction reads or writes, balances included.
pub fn keys(transaction: &Transaction) -> impl Iterator<Item = Cow<'_, Key>> {
    let checked = transaction.checks.iter().map(|check| match check {
        Check::Absent { key }
        | Check::Exists { key }
        | Check::Value { key, .. }
        | Check::Version { key, .. } => Cow::Borrowed(key),
        Check::Balance { account, .. } => Cow::Owned(Key::balance_of(account)),
    });
    let pays = transaction.ops.iter().any(|op| matches!(op, Op::Transfer { .. }));
    let payer = pays.then(|| Cow::Owned(Key::balance_of(&transaction.signer)));
    let used = transaction.ops.iter().map(|op| match op {
        Op::Put { key, .. }
        | Op::Delete { key }
        | Op::Append { key, .. }
        | Op::Add { key, .. }
        | Op::Get { key } => Cow::Borrowed(key),
        Op::Transfer { to, .. } => Cow::Owned(Key::balance_of(to)),
    });
    checked.chain(payer).chain(used)
}
