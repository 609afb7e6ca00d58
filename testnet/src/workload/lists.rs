//! Lists: clients append to lists of all groups and read them, several in one transaction, and what they were told is
//! judged for strict serializability.

use super::submit::{Fate, Patience, see_through};
use super::unix_ms;
use crate::history::{History, MicroOperation, Outcome, Summary, Transaction as Recorded, Violation, check};
use rand::RngExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use witan_rpc::{Client, ClientError, TransactionState, TxStatusView, ValueView};
use witan_types::{Account, ChainId, Key, Op, SecretKey, SignedTransaction, Transaction};

/// A client asks about a transaction for this much longer than it lives.
const GRACE: Duration = Duration::from_secs(5);
/// A list is left for a new one after about this many transactions of the run.
const ROTATE_EVERY: u64 = 400;

/// Who plays, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ListsPlan {
    /// Clients that work at once, one transaction after another each.
    pub clients: usize,
    /// How many lists are in use at one time.
    pub lists: u64,
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
}

struct Run<'a> {
    clients: &'a [Client],
    key: &'a SecretKey,
    chain: ChainId,
    plan: &'a ListsPlan,
    start: Instant,
    /// The next value; each is appended once.
    next: AtomicU64,
    history: Mutex<History>,
    across: AtomicU64,
}

/// Plays, and judges the whole history.
///
/// # Errors
/// If no node answers at first; or, inside, why the history is not strictly serializable.
pub async fn run_lists(
    clients: &[Client],
    key: &SecretKey,
    plan: &ListsPlan,
) -> Result<Result<ListsReport, Violation>, ClientError> {
    let no_nodes = || ClientError::Transport { url: String::new(), why: "no node was named".into() };
    let chain = clients.first().ok_or_else(no_nodes)?.genesis().await?.chain;
    let run = Run {
        clients,
        key,
        chain,
        plan,
        start: Instant::now(),
        next: AtomicU64::new(1),
        history: Mutex::default(),
        across: AtomicU64::new(0),
    };
    futures::future::join_all((0..plan.clients as u64).map(|client| run.work(client))).await;
    let history = run.history.into_inner().unwrap_or_else(PoisonError::into_inner);
    let across = usize::try_from(run.across.into_inner()).unwrap_or(usize::MAX);
    Ok(check(&history).map(|summary| ListsReport { summary, across }))
}

impl Run<'_> {
    async fn work(&self, client: u64) {
        while self.start.elapsed() < self.plan.window {
            let (signed, mut operations) = self.draw();
            let invoked_us = self.micros();
            let first = rand::rng().random_range(0..self.clients.len().max(1));
            let patience = Patience { first, until: Instant::now() + self.plan.lifetime + GRACE };
            let fate = see_through(self.clients, &signed, patience).await;
            let (outcome, completed_us) = self.judge(&fate, &mut operations);
            let recorded = Recorded { client, invoked_us, completed_us, outcome, operations };
            self.history.lock().unwrap_or_else(PoisonError::into_inner).transactions.push(recorded);
        }
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
            let list = value / ROTATE_EVERY * self.plan.lists + rng.random_range(0..self.plan.lists.max(1));
            let key =
                Key(format!("list/{:x}/{list}", self.chain.0.0.first().copied().unwrap_or(0)).into_bytes());
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
        *values = Some(match &read.value {
            Some(ValueView::List(items)) => items.iter().filter_map(|item| value_of(item.as_ref())).collect(),
            _ => Vec::new(),
        });
    }
}

fn value_of(item: &[u8]) -> Option<u64> {
    item.try_into().ok().map(u64::from_le_bytes)
}
