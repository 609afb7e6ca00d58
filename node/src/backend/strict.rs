//! Strict reads: a transaction of gets, signed by this node and ordered like any other, so that what it returns is one
//! moment of all groups, after everything that was committed before it. Those of the same groups that wait at the same time
//! share one.

mod gathering;

pub(crate) use gathering::StrictRead;

use super::elsewhere::Found;
use super::{NodeBackend, RETRY_AFTER_MS, stopping};
use futures::future::join_all;
use gathering::{Gathering, Groups, Together};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use witan_ledger::execute::MAX_READ_BYTES;
use witan_ledger::{AbortReason, FailureReason, Store as _};
use witan_rpc::parameter::Wait;
use witan_rpc::view::{ManyValues, ReadPoint, ReadView, ScanItem, TransactionState, TxStatusView};
use witan_rpc::{NoSnapshot, RpcError};
use witan_types::{Account, IdentifiedTransaction, Key, Op, SignedTransaction, Transaction};

/// How long a strict read may wait for its keys, by this node's clock.
const LIFETIME: Duration = Duration::from_secs(5);
/// How much longer its outcome is waited for: by then it has expired by block time too, while blocks are made.
const GRACE: Duration = Duration::from_secs(5);
/// Strict reads that may wait, and as many again that may wait to be taken up.
pub(crate) const MAX_STRICT_READS: usize = 4_096;

/// Makes transactions of the strict reads that come, until nobody can send one any more.
pub(crate) async fn serve_strict_reads(backend: Arc<NodeBackend>, mut reads: mpsc::Receiver<StrictRead>) {
    let (mut gathering, mut under_way) = (Gathering::default(), JoinSet::<Groups>::new());
    loop {
        let has_room = gathering.waiting() + under_way.len() < MAX_STRICT_READS;
        tokio::select! {
            read = reads.recv(), if has_room => match read {
                Some(read) => gathering.add(Instant::now(), backend.groups_of(&read.keys), read),
                None => return,
            },
            Some(ended) = under_way.join_next() => match ended {
                Ok(groups) => gathering.ended(&groups),
                Err(error) => tracing::error!(%error, "a strict read broke off"),
            },
            () = reach(gathering.next_due()) => {}
        }
        // Those that came at the same time go together.
        while gathering.waiting() < MAX_STRICT_READS
            && let Ok(read) = reads.try_recv()
        {
            gathering.add(Instant::now(), backend.groups_of(&read.keys), read);
        }
        for together in gathering.ready(Instant::now()) {
            let backend = Arc::clone(&backend);
            under_way.spawn(async move { backend.read_together(together).await });
        }
    }
}

/// Returns then, or never.
async fn reach(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

impl NodeBackend {
    pub(super) async fn read_strictly(&self, keys: Vec<Key>) -> Result<ManyValues, RpcError> {
        let (answer, told) = oneshot::channel();
        match self.strict_reads.try_send(StrictRead { keys, answer }) {
            Ok(()) => told.await.map_err(|_| stopping())?,
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(RpcError::MempoolFull { retry_after_ms: RETRY_AFTER_MS })
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(stopping()),
        }
    }

    fn groups_of(&self, keys: &[Key]) -> Groups {
        keys.iter().map(|key| self.group_of(key)).collect()
    }

    /// Reads for all of them at once. If that fails each is read alone: what is in the way of one need not be in the way
    /// of the others.
    async fn read_together(&self, together: Together) -> Groups {
        let keys = together.keys();
        let Together { groups, reads } = together;
        match self.read_once(keys).await {
            Ok(read) => {
                let values = by_key(&read);
                for StrictRead { keys, answer } in reads {
                    tell(answer, Ok(part_of(&values, read.at.clone(), &keys)));
                }
            }
            Err(_) if reads.len() > 1 => {
                let alone = reads.into_iter().filter(|read| !read.answer.is_closed());
                join_all(alone.map(|read| self.read_alone(read))).await;
            }
            Err(unread) => reads.into_iter().for_each(|read| tell(read.answer, Err(unread.clone()))),
        }
        groups
    }

    async fn read_alone(&self, read: StrictRead) {
        let StrictRead { keys, answer } = read;
        let read = self.read_once(keys.clone()).await;
        tell(answer, read.map(|read| part_of(&by_key(&read), read.at.clone(), &keys)));
    }

    async fn read_once(&self, keys: Vec<Key>) -> Result<ManyValues, RpcError> {
        let transaction = self.read_of(keys).sign(&self.reader);
        let timeout = LIFETIME.saturating_add(GRACE);
        let pooled = IdentifiedTransaction::from(transaction);
        let group = self.coordinator_of(&pooled)?;
        let found = if self.elsewhere.has(group) {
            self.submit_elsewhere(group, pooled, Wait::Committed, Instant::now() + timeout).await
        } else {
            let transaction = SignedTransaction::clone(&pooled);
            self.submit_and_wait(transaction, Wait::Committed, timeout).await.map(|status| {
                let outcome = status.height.and_then(|height| self.stores.get(&group)?.outcome(height));
                Found { status, block_id: outcome.map(|outcome| outcome.block_id) }
            })
        };
        match found {
            Ok(found) => what_it_read(found),
            Err(RpcError::WaitTimeout { .. }) => Err(RpcError::ReadAborted { reason: NoSnapshot::Deadline }),
            Err(error) => Err(error),
        }
    }

    /// The transaction that reads these keys.
    fn read_of(&self, keys: Vec<Key>) -> Transaction {
        let lifetime_ms = self.genesis.parameters.max_tx_lifetime_ms / 2;
        let lifetime_ms = lifetime_ms.min(u64::try_from(LIFETIME.as_millis()).unwrap_or(u64::MAX));
        Transaction {
            chain: self.chain,
            signer: Account(self.reader.public()),
            salt: rand::random(),
            expires_at_ms: self.now_ms().saturating_add(lifetime_ms),
            checks: Vec::new(),
            ops: keys.into_iter().map(|key| Op::Get { key }).collect(),
        }
    }

    /// The later of this node's clock and the newest block's: a clock that is behind makes no read that is void at once.
    fn now_ms(&self) -> u64 {
        let blocks = self.shared.views().into_iter().map(|view| view.status.tip.time_ms);
        blocks.fold(self.shared.clock.wall_ms(), u64::max)
    }
}

fn what_it_read(found: Found) -> Result<ManyValues, RpcError> {
    let TxStatusView { status: state, result, group, height, .. } = found.status;
    let result = result.unwrap_or_default();
    if state != TransactionState::Committed {
        return Err(no_snapshot(result.reason.as_deref()));
    }
    let decided = group.zip(height).ok_or_else(|| RpcError::internal("a read in no block"))?;
    let block_id = found.block_id.ok_or_else(|| RpcError::internal("a read in a block that is gone"))?;
    let at = ReadPoint { group: decided.0, height: decided.1, block_id };
    let item = |ReadView { key, value, version }| ScanItem { key, value, version };
    Ok(ManyValues { items: result.reads.into_iter().map(item).collect(), at: vec![at] })
}

fn by_key(read: &ManyValues) -> BTreeMap<&[u8], &ScanItem> {
    read.items.iter().map(|item| (item.key.bytes(), item)).collect()
}

/// What one of those who read together asked for, in the order in which it did.
fn part_of(values: &BTreeMap<&[u8], &ScanItem>, at: Vec<ReadPoint>, keys: &[Key]) -> ManyValues {
    let items = keys.iter().filter_map(|key| values.get(key.0.as_slice())).map(|item| (*item).clone());
    ManyValues { items: items.collect(), at }
}

/// Whoever hung up need not be told.
fn tell(answer: oneshot::Sender<Result<ManyValues, RpcError>>, read: Result<ManyValues, RpcError>) {
    drop(answer.send(read));
}

/// Why a read did not commit. One that expired met what was in its way in the first group, or no block was made.
fn no_snapshot(reason: Option<&str>) -> RpcError {
    if reason == Some(FailureReason::ReadTooLarge.name()) {
        let expected =
            format!("keys with values of at most {MAX_READ_BYTES} bytes together for a strict read");
        return RpcError::parameter("keys", expected);
    }
    let conflict = reason == Some(AbortReason::Conflict.name());
    let reason = if conflict { NoSnapshot::Conflict } else { NoSnapshot::Deadline };
    RpcError::ReadAborted { reason }
}
