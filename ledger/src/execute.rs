//! Execution: what a block does to state. A function of the state before, the group's dealings with other groups, which
//! are part of it, and the block alone, so every node comes to the same result.

mod overlay;
mod simulate;
#[cfg(test)]
mod tests;

pub use simulate::{PartOutcome, Simulated, TriedPart, put_together, try_part};

use crate::dealings::Dealings;
use crate::locks::{Holder, Outcome, Request};
use crate::two_phase::{Message, Place, PlantedFault, Prepare};
use crate::value::{Entry, FailureReason, Parties, Read, Receipt, Told, TransactionOutcome, Value, Version};
use overlay::Overlay;
use std::borrow::Cow;
use std::collections::BTreeSet;
use witan_types::{
    Block, Check, Envelope, GroupId, Hash, Height, IdentifiedTransaction, Key, Lookup, Op, SignedTransaction,
    Transaction, TxId, Wire,
};

/// The most bytes that the gets of one transaction may return, keys and versions included.
pub const MAX_READ_BYTES: usize = 256 * 1024;
/// The most bytes that the receipts of one block may take.
pub const MAX_RECEIPT_BYTES: usize = 1024 * 1024;
/// Once a block has loaded or returned this many bytes of keys and entries, its other transactions are deferred. One
/// alone stays far below: 64 KiB for each check and op.
pub const MAX_LOADED_BYTES: usize = 64 * 1024 * 1024;
/// No receipt takes more bytes than this beside what its gets returned and whom it names.
const RECEIPT_BYTES: usize = 64;
/// What a receipt takes for each group that took part.
const TOLD_BYTES: usize = 12;

/// The state before a block, as execution reads it.
pub trait StateView {
    /// What a key holds.
    fn entry(&self, key: &Key) -> Option<Entry>;
}

/// What stopped a transaction that may execute in a later block.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stopped {
    /// A transaction that is not decided yet holds this key, or one that waited longer claims it.
    Key(Key),
    /// No more may be sent to this group now.
    Group(GroupId),
    /// The block has no room left.
    Full,
    /// The group has no room for it until others have ended.
    Room,
    /// Its first key is another group's.
    Elsewhere,
}

/// What a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// One for each transaction that ended, in order.
    pub receipts: Vec<Receipt>,
    /// Whom the transaction of each receipt concerns.
    pub parties: Vec<Parties>,
    /// Each changed key once, ascending, with its new entry or `None` if it is gone.
    pub changes: Vec<(Key, Option<Entry>)>,
    /// Transactions that could not execute in this block but may in a later one, and why.
    pub deferred: Vec<(TxId, Stopped)>,
    /// Transactions without effect or receipt: repeated or expired.
    pub skipped: Vec<TxId>,
    /// Transactions of several groups that are pending from here on.
    pub started: Vec<TxId>,
    /// Keys that are free again, or freer than they were.
    pub freed: BTreeSet<Key>,
    /// The root of what the block says to other groups.
    pub outbox_root: Hash,
}

/// Why a transaction stops before its end.
pub(crate) enum Stop {
    Failed(FailureReason),
    Deferred,
}

impl From<FailureReason> for Stop {
    fn from(reason: FailureReason) -> Stop {
        Stop::Failed(reason)
    }
}

/// How much of a transaction runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// All of it: every key is this group's.
    Whole,
    /// What it does with keys of this group.
    Mine,
}

/// Executes a block: what other groups say, then what is due, then its transactions, each in order. `seen` says which
/// ids executed in earlier blocks. Signatures of its transactions are judged before a vote, and not again.
pub(crate) fn execute_block(
    view: &dyn StateView,
    block: &Block,
    seen: &dyn Fn(&IdentifiedTransaction) -> bool,
    max_tx_lifetime_ms: u64,
    dealings: &mut Dealings,
) -> Execution {
    let mut executor = Executor {
        overlay: Overlay::new(view),
        dealings,
        now_ms: block.header.time_ms,
        height: block.header.height,
        max_tx_lifetime_ms,
        index: 0,
        receipt_bytes: 0,
        result: Execution::default(),
    };
    executor.dealings.forget(block.header.time_ms);
    executor.decide_alone();
    if executor.dealings.planted.is(PlantedFault::DeadlineBeforeVotes) {
        executor.settle_due();
    }
    executor.hear(&block.payload.envelopes);
    executor.settle_due();
    // What this block decided is not seen yet, and no longer pending.
    let mut done: Lookup<TxId, ()> = Lookup::default();
    for receipt in &executor.result.receipts {
        done.insert(receipt.id, ());
    }
    for signed in block.payload.transactions() {
        let id = signed.id();
        let is_pending = executor.dealings.coordinated(&id).is_some()
            && !executor.dealings.planted.is(PlantedFault::PendingIsUnseen);
        let expired = signed.transaction.expires_at_ms < block.header.time_ms;
        if expired || is_pending || seen(signed) || done.insert(id, ()).is_some() {
            executor.result.skipped.push(id);
        } else {
            executor.take(signed, id);
        }
        executor.next_index();
    }
    let is_idle = block.payload.envelopes.is_empty() && block.payload.transactions().next().is_none();
    executor.finish(is_idle)
}

/// Executes one block.
pub(crate) struct Executor<'a> {
    pub(crate) overlay: Overlay<'a>,
    pub(crate) dealings: &'a mut Dealings,
    /// The block's time, Unix milliseconds.
    pub(crate) now_ms: u64,
    pub(crate) height: Height,
    pub(crate) max_tx_lifetime_ms: u64,
    /// The place of what executes now among all that the block executes.
    index: u32,
    receipt_bytes: usize,
    pub(crate) result: Execution,
}

impl Executor<'_> {
    /// Obeys what other groups say. Users' signatures in it are judged here, all at once: that a group asks is no proof
    /// that its user did.
    fn hear(&mut self, envelopes: &[Envelope]) {
        let mut heard = Vec::new();
        let me = self.dealings.me;
        for envelope in envelopes.iter().filter(|envelope| envelope.contents.destination == me) {
            let Dealings { channels, records, planted, .. } = &mut *self.dealings;
            if planted.is(PlantedFault::GapsAreConsumed) {
                channels.skip_gap(envelope);
            }
            let news = channels.receive(envelope, records);
            let replayed = planted.is(PlantedFault::NoReplayCursor);
            let news = if replayed { envelope.contents.messages.as_slice() } else { news };
            // What is no message is consumed like any other, and asks for nothing.
            let messages = news.iter().filter_map(|bytes| Message::decode(bytes).ok());
            heard.extend(messages.map(|message| (envelope.source(), message)));
        }
        let mut signed: Vec<bool> = self.signed(&heard);
        signed.reverse();
        for (source, message) in heard {
            match message {
                Message::Prepare { attempt, since_ms, transaction } => {
                    let is_signed = signed.pop().unwrap_or(false);
                    self.on_prepare(source, Prepare { attempt, since_ms, transaction, is_signed });
                }
                Message::Vote { id, attempt, answer } => self.on_vote(source, id, attempt, answer),
                Message::Decision { id, attempt, verdict } => self.on_decision(source, id, attempt, verdict),
                Message::Configure(told) => {
                    let Dealings { agreed, records, planted, .. } = &mut *self.dealings;
                    if !planted.is(PlantedFault::ParametersUnheard) {
                        agreed.obey(source, told, records);
                    }
                }
            }
            self.next_index();
        }
    }

    /// For each prepare, in order, whether its transaction is its signer's.
    fn signed(&self, heard: &[(GroupId, Message)]) -> Vec<bool> {
        let transactions = heard.iter().filter_map(|(_, message)| match message {
            Message::Prepare { transaction, .. } => Some(transaction.signed()),
            Message::Vote { .. } | Message::Decision { .. } | Message::Configure(_) => None,
        });
        let items: Vec<_> = transactions.collect();
        let bad: BTreeSet<usize> = self.dealings.scheme.verify_batch(&items).into_iter().collect();
        (0..items.len()).map(|place| !bad.contains(&place)).collect()
    }

    /// A transaction of the block's own.
    fn take(&mut self, signed: &SignedTransaction, id: TxId) {
        match self.dealings.place(&signed.transaction) {
            Place::Here if self.dealings.me == GroupId::ROOT => {
                self.execute_approval(&signed.transaction, id)
            }
            Place::Here => self.execute(&signed.transaction, id),
            Place::Across(_) if signed.transaction.check_form().is_err() => {
                let outcome = TransactionOutcome::Failed { reason: FailureReason::ForbiddenKey };
                self.receipt(&signed.transaction, id, outcome, Vec::new());
            }
            Place::Across(participants) => self.coordinate(signed, id, participants),
            Place::Elsewhere => self.defer(id, Stopped::Elsewhere),
        }
    }

    /// A transaction of this group alone: it passes no lock and no claim either.
    fn execute(&mut self, transaction: &Transaction, id: TxId) {
        if self.is_full() {
            return self.defer(id, Stopped::Full);
        }
        let outcome = match self.look_at_locks(transaction, id) {
            Some(Outcome::Conflict { key, .. }) => return self.defer(id, Stopped::Key(key)),
            Some(Outcome::Impossible { reason, .. }) => TransactionOutcome::Failed { reason },
            Some(Outcome::Granted | Outcome::Full) | None => {
                let room = self.receipt_room() - RECEIPT_BYTES;
                match self.run(transaction, Part::Whole, room) {
                    Ok(reads) => {
                        self.overlay.keep();
                        TransactionOutcome::Applied { reads }
                    }
                    Err(Stop::Failed(reason)) => {
                        self.overlay.undo();
                        TransactionOutcome::Failed { reason }
                    }
                    Err(Stop::Deferred) => {
                        self.overlay.undo();
                        return self.defer(id, Stopped::Full);
                    }
                }
            }
        };
        self.dealings.locks.drop_claim(&id);
        self.receipt(transaction, id, outcome, Vec::new());
    }

    /// What the locks say to a transaction of this group alone. If they refuse it, it claims what it wants, so that it is
    /// not passed by for ever.
    fn look_at_locks(&mut self, transaction: &Transaction, id: TxId) -> Option<Outcome> {
        if self.dealings.locks.is_empty() {
            return None;
        }
        // Without modes it fails whatever it meets, and says why when it runs.
        let modes = self.dealings.modes_here(transaction)?;
        let committed = self.committed(&modes);
        let since_ms = self.dealings.locks.claimed_since(&id).unwrap_or(self.now_ms);
        let holder = Holder { id, attempt: 0 };
        let request = Request { holder, since_ms, expires_at_ms: transaction.expires_at_ms, modes };
        let outcome = self.dealings.locks.judge(&request, &|key| committed.get(key).cloned().flatten());
        let claims = !self.dealings.planted.is(PlantedFault::NoClaims);
        if claims && matches!(outcome, Outcome::Conflict { .. }) {
            self.dealings.locks.leave_claim(&request, self.now_ms);
        }
        Some(outcome)
    }

    pub(crate) fn defer(&mut self, id: TxId, stopped: Stopped) {
        self.result.deferred.push((id, stopped));
    }

    /// Leaves the receipt of a transaction that ended.
    pub(crate) fn receipt(
        &mut self,
        transaction: &Transaction,
        id: TxId,
        outcome: TransactionOutcome,
        told: Vec<Told>,
    ) {
        self.receipt_bytes += RECEIPT_BYTES + TOLD_BYTES * told.len() + bytes_read(&outcome);
        let (expires_at_ms, index) = (transaction.expires_at_ms, self.index);
        self.result.receipts.push(Receipt { id, expires_at_ms, index, outcome, told });
        self.result.parties.push(Parties::of(transaction));
    }

    /// Bytes that are left for receipts.
    pub(crate) fn receipt_room(&self) -> usize {
        MAX_RECEIPT_BYTES.saturating_sub(self.receipt_bytes)
    }

    /// Whether the block has done or told as much as one may.
    pub(crate) fn is_full(&self) -> bool {
        self.receipt_room() < RECEIPT_BYTES || self.overlay.loaded_bytes() >= MAX_LOADED_BYTES
    }

    /// Whether judging what other groups ask has loaded its share of a block: the rest is for the group's own.
    pub(crate) fn has_heard_its_fill(&self) -> bool {
        self.overlay.loaded_bytes() >= MAX_LOADED_BYTES / 2
    }

    fn finish(self, is_idle: bool) -> Execution {
        let mut result = self.result;
        let (outbox_root, mut changes) = self.dealings.close(self.height, is_idle);
        // Reserved keys sort before all others.
        changes.append(&mut self.overlay.into_changes());
        result.freed = self.dealings.locks.freed();
        Execution { changes, outbox_root, ..result }
    }

    /// What comes next has another place in the block.
    pub(crate) fn next_index(&mut self) {
        self.index = self.index.saturating_add(1);
    }

    fn version(&self) -> Version {
        Version::new(0, self.height, self.index)
    }

    /// Checks on the state before, then ops in order; whatever it wrote is undone by the caller if it stops, or kept.
    pub(crate) fn run(
        &mut self,
        transaction: &Transaction,
        part: Part,
        room: usize,
    ) -> Result<Vec<Read>, Stop> {
        // Judged before a vote: what does not pass here was voted in by a faulty quorum, and has no effect.
        transaction.check_form().map_err(|_| FailureReason::ForbiddenKey)?;
        if !transaction.checks.iter().all(|check| !self.is_mine(part, &check_key(check)) || self.holds(check))
        {
            return Err(Stop::Failed(FailureReason::CheckFailed));
        }
        self.run_ops(transaction, part, room)
    }

    /// The ops in order, without the checks.
    pub(crate) fn run_ops(
        &mut self,
        transaction: &Transaction,
        part: Part,
        room: usize,
    ) -> Result<Vec<Read>, Stop> {
        let mut reads = Reads { list: Vec::new(), bytes: 0, room };
        for op in &transaction.ops {
            self.apply(transaction, op, part, &mut reads)?;
        }
        Ok(reads.list)
    }

    fn is_mine(&self, part: Part, key: &Key) -> bool {
        part == Part::Whole || self.dealings.owns(key)
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
        part: Part,
        reads: &mut Reads,
    ) -> Result<(), Stop> {
        let version = self.version();
        match op {
            Op::Transfer { to, amount } => {
                let (from, to) = (Key::balance_of(&transaction.signer), Key::balance_of(to));
                if self.is_mine(part, &from) {
                    self.overlay.debit(&from, *amount, version)?;
                }
                if self.is_mine(part, &to) {
                    self.overlay.credit(&to, *amount, version)?;
                }
            }
            Op::Put { key, .. }
            | Op::Delete { key }
            | Op::Append { key, .. }
            | Op::Add { key, .. }
            | Op::Get { key }
                if !self.is_mine(part, key) => {}
            Op::Put { key, value } => self.overlay.put(key, Value::Bytes(value.clone()), version),
            Op::Delete { key } => self.overlay.delete(key),
            Op::Append { key, item } => self.overlay.append(key, item, version)?,
            Op::Add { key, delta } => self.overlay.add(key, *delta, version)?,
            Op::Get { key } => {
                let bytes = key.0.len() + self.overlay.size(key);
                reads.charge(bytes)?;
                self.overlay.charge(bytes);
                reads.list.push(Read { key: key.clone(), entry: self.overlay.entry(key).cloned() });
            }
            // The root group's alone, which executes it elsewhere.
            Op::Approve { .. } => return Err(Stop::Failed(FailureReason::ForbiddenKey)),
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

/// What the encoding of these reads takes.
pub(crate) fn bytes_of(reads: &[Read]) -> usize {
    reads.iter().map(|read| READ_BYTES + read.key.0.len() + overlay::encoded_bytes(read.entry.as_ref())).sum()
}

fn bytes_read(outcome: &TransactionOutcome) -> usize {
    match outcome {
        TransactionOutcome::Applied { reads } => bytes_of(reads),
        TransactionOutcome::Failed { .. } | TransactionOutcome::Aborted { .. } => 0,
    }
}

/// The key that a check looks at.
fn check_key(check: &Check) -> Cow<'_, Key> {
    match check {
        Check::Absent { key }
        | Check::Exists { key }
        | Check::Value { key, .. }
        | Check::Version { key, .. } => Cow::Borrowed(key),
        Check::Balance { account, .. } => Cow::Owned(Key::balance_of(account)),
    }
}

/// Every key that a transaction reads or writes, balances included.
pub fn keys(transaction: &Transaction) -> impl Iterator<Item = Cow<'_, Key>> {
    let checked = transaction.checks.iter().map(check_key);
    let pays = transaction.ops.iter().any(|op| matches!(op, Op::Transfer { .. }));
    let payer = pays.then(|| Cow::Owned(Key::balance_of(&transaction.signer)));
    let used = transaction.ops.iter().filter_map(|op| match op {
        Op::Put { key, .. }
        | Op::Delete { key }
        | Op::Append { key, .. }
        | Op::Add { key, .. }
        | Op::Get { key } => Some(Cow::Borrowed(key)),
        Op::Transfer { to, .. } => Some(Cow::Owned(Key::balance_of(to))),
        Op::Approve { .. } => None,
    });
    checked.chain(payer).chain(used)
}

/// The groups that a transaction concerns, the one that takes it in first, others as often as it uses a key of theirs;
/// `owner` says whose a key is. An approval of a change uses no key, and is the root group's.
pub fn groups_of(
    transaction: &Transaction,
    owner: impl Fn(&Key) -> GroupId,
) -> impl Iterator<Item = GroupId> {
    let is_approval = |op: &Op| matches!(op, Op::Approve { .. });
    let root = transaction.ops.iter().any(is_approval).then_some(GroupId::ROOT);
    keys(transaction).map(move |key| owner(&key)).chain(root)
}
