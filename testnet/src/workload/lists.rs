//! Lists: clients append to lists of all groups and read them, several in one transaction, and what they were told is
//! judged for strict serializability.

use super::submit::{Fate, Patience, Reach, see_through};
use super::unix_ms;
use crate::history::{History, MicroOperation, Outcome, Summary, Transaction as Recorded, Violation, check};
use rand::RngExt;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use witan_rpc::{TransactionState, TxStatusView, ValueView};
use witan_types::{Account, ChainId, Key, Op, SecretKey, SignedTransaction, Transaction};

/// A client asks about a transaction for this much longer than it lives.
const GRACE: Duration = Duration::from_secs(5);
/// How long a node may take for a strict read.
const READ_WITHIN: Duration = Duration::from_secs(6);
/// Before a client goes on after a read that was not answered.
const PAUSE: Duration = Duration::from_millis(50);
/// A list is left for a new one after about this many transactions of the run.
const ROTATE_EVERY: u64 = 400;

/// Who plays, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ListsPlan {
    /// Clients that work at once, one transaction after another each.
    pub clients: usize,
    /// How many lists are in use at one time.
    pub lists: u64,
    /// In how many of a hundred turns a client asks one node for a strict read of several lists instead.
    pub strict_reads: u32,
    /// For how long.
    pub window: Duration,
    /// How long a transaction lives.
    pub lifetime: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct ListsReport {
    /// How much was judged.
    pub summary: Summary,
    /// Transactions across groups that had their effect.
    pub across: usize,
    /// Strict reads that were answered.
    pub strict_reads: usize,
}

struct Run<'a, R> {
    nodes: &'a [R],
    key: &'a SecretKey,
    chain: ChainId,
    plan: &'a ListsPlan,
    start: Instant,
    /// Sets the lists of this run apart from those of any other.
    tag: u64,
    /// The next value; each is appended once.
    next: AtomicU64,
    history: Mutex<History>,
    across: AtomicU64,
    strict_reads: AtomicU64,
}

/// Plays, and judges the whole history, or tells why it is not strictly serializable.
///
/// # Errors
/// The violation.
pub async fn run_lists<R: Reach>(
    nodes: &[R],
    chain: ChainId,
    key: &SecretKey,
    plan: &ListsPlan,
) -> Result<ListsReport, Violation> {
    let run = Run {
        nodes,
        key,
        chain,
        plan,
        start: Instant::now(),
        tag: rand::rng().random(),
        next: AtomicU64::new(1),
        history: Mutex::default(),
        across: AtomicU64::new(0),
        strict_reads: AtomicU64::new(0),
    };
    futures::future::join_all((0..plan.clients as u64).map(|client| run.work(client))).await;
    let history = run.history.into_inner().unwrap_or_else(PoisonError::into_inner);
    let count = |counted: AtomicU64| usize::try_from(counted.into_inner()).unwrap_or(usize::MAX);
    let (across, strict_reads) = (count(run.across), count(run.strict_reads));
    check(&history).map(|summary| ListsReport { summary, across, strict_reads })
}

impl<R: Reach> Run<'_, R> {
    async fn work(&self, client: u64) {
        while self.start.elapsed() < self.plan.window {
            let strict = rand::rng().random_ratio(self.plan.strict_reads.min(100), 100);
            let recorded = if strict { self.read(client).await } else { Some(self.transact(client).await) };
            match recorded {
                Some(recorded) => {
                    self.history.lock().unwrap_or_else(PoisonError::into_inner).transactions.push(recorded);
                }
                None => sleep(PAUSE).await,
            }
        }
    }

    async fn transact(&self, client: u64) -> Recorded {
        let (signed, mut operations) = self.draw();
        let invoked_us = self.micros();
        let first = rand::rng().random_range(0..self.nodes.len().max(1));
        let patience = Patience { first, until: Instant::now() + self.plan.lifetime + GRACE };
        let fate = see_through(self.nodes, &signed, patience).await.fate;
        let (outcome, completed_us) = self.judge(&fate, &mut operations);
        Recorded { client, invoked_us, completed_us, outcome, operations }
    }

    /// Reads lists at one moment, by the word of one node. A read that is not answered tells nothing.
    async fn read(&self, client: u64) -> Option<Recorded> {
        let lists: BTreeSet<u64> = (0..rand::rng().random_range(2..=4))
            .map(|_| self.list(self.next.load(Ordering::Relaxed)))
            .collect();
        let keys: Vec<Vec<u8>> = lists.iter().map(|list| self.key_of(*list).0).collect();
        let node = self.nodes.get(rand::rng().random_range(0..self.nodes.len().max(1)))?;
        let invoked_us = self.micros();
        let values = timeout(READ_WITHIN, node.strict_read(&keys)).await.ok()?.ok()?;
        let completed_us = Some(self.micros());
        let read = |(list, value): (&u64, &Option<ValueView>)| MicroOperation::Read {
            key: *list,
            values: Some(items_of(value.as_ref())),
        };
        let operations: Vec<MicroOperation> = lists.iter().zip(&values).map(read).collect();
        self.strict_reads.fetch_add(1, Ordering::Relaxed);
        (operations.len() == lists.len()).then_some(Recorded {
            client,
            invoked_us,
            completed_us,
            outcome: Outcome::Committed,
            operations,
        })
    }

    /// One of the lists that are in use when this value is the next.
    fn list(&self, value: u64) -> u64 {
        value / ROTATE_EVERY * self.plan.lists + rand::rng().random_range(0..self.plan.lists.max(1))
    }

    fn key_of(&self, list: u64) -> Key {
        Key(format!("list/{:016x}/{list}", self.tag).into_bytes())
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Two to four steps on lists: their names scatter them over all groups.
    fn draw(&self) -> (SignedTransaction, Vec<MicroOperation>) {
        let mut rng = rand::rng();
        let (mut ops, mut operations) = (Vec::new(), Vec::new());
        for _ in 0..rng.random_range(2..=4) {
            let value = self.next.fetch_add(1, Ordering::Relaxed);
            let list = self.list(value);
            let key = self.key_of(list);
            if rng.random_bool(0.5) {
                ops.push(Op::Append { key, item: value.to_le_bytes().to_vec() });
                operations.push(MicroOperation::Append { key: list, value });
            } else {
                ops.push(Op::Get { key });
                operations.push(MicroOperation::Read { key: list, values: None });
            }
        }
        let transaction = Transaction {
            chain: self.chain,
            signer: Account(self.key.public()),
            salt: rng.random(),
            expires_at_ms: unix_ms() + u64::try_from(self.plan.lifetime.as_millis()).unwrap_or(u64::MAX),
            checks: Vec::new(),
            ops,
        };
        (transaction.sign(self.key), operations)
    }

    fn judge(&self, fate: &Fate, operations: &mut [MicroOperation]) -> (Outcome, Option<u64>) {
        let Fate::Ended(status) = fate else { return (Outcome::Unknown, None) };
        match status.status {
            TransactionState::Committed => {
                self.across.fetch_add(u64::from(!status.phases.is_empty()), Ordering::Relaxed);
                fill(operations, status);
                (Outcome::Committed, Some(self.micros()))
            }
            TransactionState::Failed | TransactionState::Aborted => (Outcome::Aborted, Some(self.micros())),
            // A node that says expired may be one that never saw it.
            TransactionState::Expired
            | TransactionState::Unknown
            | TransactionState::Accepted
            | TransactionState::Pending => (Outcome::Unknown, None),
        }
    }
}

/// What the gets returned, in their order.
fn fill(operations: &mut [MicroOperation], status: &TxStatusView) {
    let reads = status.result.iter().flat_map(|result| &result.reads);
    let gets = operations.iter_mut().filter_map(|operation| match operation {
        MicroOperation::Read { values, .. } => Some(values),
        MicroOperation::Append { .. } => None,
    });
    for (values, read) in gets.zip(reads) {
        *values = Some(items_of(read.value.as_ref()));
    }
}

/// What a list holds, oldest first.
fn items_of(value: Option<&ValueView>) -> Vec<u64> {
    match value {
        Some(ValueView::List(items)) => items.iter().filter_map(|item| value_of(item.as_ref())).collect(),
        _ => Vec::new(),
    }
}

fn value_of(item: &[u8]) -> Option<u64> {
    item.try_into().ok().map(u64::from_le_bytes)
}
