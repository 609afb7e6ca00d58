//! A client that sees its transaction through: a node that does not answer is left for another one, with the same bytes.

use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use witan_rpc::methods::SubmitTransaction;
use witan_rpc::parameter::TxInput;
use witan_rpc::{
    At, Client, ClientError, RpcError, Subscriber, TransactionState, TxStatusView, ValueView, Wait,
};
use witan_types::{SignedTransaction, TxId, Wire as _};

/// How long a client waits for one node.
const ONE_NODE: Duration = Duration::from_secs(4);
/// How much later than it was asked to a node may answer before it is left as if it were gone.
const ANSWER_GRACE: Duration = Duration::from_secs(1);
/// Between two nodes that did not answer.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest that a client heeds a node that says when to come again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A node, as far as a client with a transaction needs it.
pub trait Reach {
    /// `tx_submit` of signed bytes.
    fn submit(
        &self,
        bytes: Vec<u8>,
        wait: Wait,
        within: Duration,
    ) -> impl Future<Output = Result<TxStatusView, ClientError>> + Send;

    /// `tx_get`.
    fn transaction(&self, id: TxId) -> impl Future<Output = Result<TxStatusView, ClientError>> + Send;

    /// `state_getMany`, strict: the values in the order of the keys.
    fn strict_read(
        &self,
        keys: &[Vec<u8>],
    ) -> impl Future<Output = Result<Vec<Option<ValueView>>, ClientError>> + Send;
}

impl<R: Reach + Sync> Reach for &R {
    async fn submit(
        &self,
        bytes: Vec<u8>,
        wait: Wait,
        within: Duration,
    ) -> Result<TxStatusView, ClientError> {
        R::submit(self, bytes, wait, within).await
    }

    async fn transaction(&self, id: TxId) -> Result<TxStatusView, ClientError> {
        R::transaction(self, id).await
    }

    async fn strict_read(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<ValueView>>, ClientError> {
        R::strict_read(self, keys).await
    }
}

/// The call that submits these bytes.
fn submission(bytes: Vec<u8>, wait: Wait, within: Duration) -> SubmitTransaction {
    let timeout_ms = Some(u64::try_from(within.as_millis()).unwrap_or(u64::MAX));
    SubmitTransaction { tx: TxInput::Bytes(bytes), wait: Some(wait), timeout_ms, encoding: None }
}

impl Reach for Client {
    async fn submit(
        &self,
        bytes: Vec<u8>,
        wait: Wait,
        within: Duration,
    ) -> Result<TxStatusView, ClientError> {
        self.call(&submission(bytes, wait, within)).await
    }

    async fn transaction(&self, id: TxId) -> Result<TxStatusView, ClientError> {
        Client::transaction(self, id).await
    }

    async fn strict_read(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<ValueView>>, ClientError> {
        let read = self.strict_states(keys).await?;
        Ok(read.items.into_iter().map(|item| item.value).collect())
    }
}

/// Over one WebSocket, so that many calls may wait at once.
impl Reach for Subscriber {
    async fn submit(
        &self,
        bytes: Vec<u8>,
        wait: Wait,
        within: Duration,
    ) -> Result<TxStatusView, ClientError> {
        self.call(&submission(bytes, wait, within)).await
    }

    async fn transaction(&self, id: TxId) -> Result<TxStatusView, ClientError> {
        let tx_id = witan_rpc::parameter::IdText(id);
        self.call(&witan_rpc::methods::GetTransaction { tx_id, encoding: None, prove: None }).await
    }

    async fn strict_read(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<ValueView>>, ClientError> {
        let keys = keys.iter().map(|key| witan_rpc::encoding::write_hex(key)).collect();
        let request =
            witan_rpc::methods::GetManyStates { keys, at: None::<At>, encoding: None, strict: Some(true) };
        Ok(self.call(&request).await?.items.into_iter().map(|item| item.value).collect())
    }
}

/// What became of a transaction.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A node told how it ended.
    Ended(Box<TxStatusView>),
    /// Refused by every node that answered, before it came to any block.
    Refused {
        /// The name of the reason: `MEMPOOL_FULL`, `EXPIRED`, ...
        reason: String,
        /// The same with the values concerned.
        detail: String,
    },
    /// Nobody could tell in time.
    Unknown,
}

impl Fate {
    /// Whether it had its effect.
    pub fn is_committed(&self) -> bool {
        matches!(self, Fate::Ended(status) if status.status == TransactionState::Committed)
    }
}

/// For how long, and where, to ask.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Which node to begin with; the others follow in turn.
    pub first: usize,
    /// For how long.
    pub until: Instant,
}

/// How a client saw its transaction through.
#[derive(Clone, Debug)]
pub struct Journey {
    /// What became of it.
    pub fate: Fate,
    /// The place of the node that told.
    pub told_by: usize,
    /// How often the same bytes went to another node.
    pub moves: u32,
}

/// Why a node gave no outcome.
enum Setback {
    /// It is certain that the node did not take it.
    NotTaken { reason: String, detail: String, pause: Duration },
    /// The node may have it.
    Unclear,
    /// No node will take it.
    Rejected { reason: String, detail: String },
}

/// Submits to one node after another until one tells how the transaction ended.
pub async fn see_through<R: Reach>(nodes: &[R], signed: &SignedTransaction, patience: Patience) -> Journey {
    see_bytes_through(nodes, signed.id(), &signed.encode(), patience).await
}

/// The same with what is signed and encoded already.
pub async fn see_bytes_through<R: Reach>(nodes: &[R], id: TxId, bytes: &[u8], patience: Patience) -> Journey {
    let (mut moves, mut may_be_taken, mut refused) = (0_u32, false, None);
    loop {
        let turn = patience.first.wrapping_add(usize::try_from(moves).unwrap_or(usize::MAX));
        let place = turn.checked_rem(nodes.len()).unwrap_or(0);
        let Some(node) = nodes.get(place).filter(|_| Instant::now() < patience.until) else {
            let fate = match refused {
                Some((reason, detail)) if !may_be_taken => Fate::Refused { reason, detail },
                _ => Fate::Unknown,
            };
            return Journey { fate, told_by: place, moves };
        };
        let submitted = node.submit(bytes.to_vec(), Wait::Committed, ONE_NODE);
        let answer = timeout(ONE_NODE + ANSWER_GRACE, submitted).await;
        match answer.map_or(Err(Setback::Unclear), outcome) {
            Ok(status) => return Journey { fate: Fate::Ended(status), told_by: place, moves },
            Err(Setback::Unclear) => {
                may_be_taken = true;
                sleep(PAUSE).await;
            }
            Err(Setback::NotTaken { reason, detail, pause }) => {
                refused = Some((reason, detail));
                sleep(pause.clamp(PAUSE, LONGEST_PAUSE)).await;
            }
            Err(Setback::Rejected { reason, detail }) => {
                let fate = judge_refusal(nodes, id, reason, detail).await;
                return Journey { fate, told_by: place, moves };
            }
        }
        moves = moves.saturating_add(1);
    }
}

/// How it ended, or why that is not known.
fn outcome(answer: Result<TxStatusView, ClientError>) -> Result<Box<TxStatusView>, Setback> {
    let error = match answer {
        Ok(status) if status.status.is_final() => return Ok(Box::new(status)),
        Ok(_) => return Err(Setback::Unclear),
        Err(error) => error,
    };
    let detail = error.to_string();
    let Some(known) = error.rpc() else { return Err(Setback::Unclear) };
    let reason = known.reason().to_owned();
    Err(match known {
        RpcError::Rejected { .. } => Setback::Rejected { reason, detail },
        RpcError::MempoolFull { retry_after_ms } | RpcError::RateLimited { retry_after_ms } => {
            Setback::NotTaken { reason, detail, pause: Duration::from_millis(*retry_after_ms) }
        }
        RpcError::NotReady { .. } => Setback::NotTaken { reason, detail, pause: PAUSE },
        _ => Setback::Unclear,
    })
}

/// A transaction that was taken in before may be refused as expired later: what came of it is still known.
async fn judge_refusal<R: Reach>(nodes: &[R], id: TxId, reason: String, detail: String) -> Fate {
    match look_up(nodes, id).await {
        Some((_, status)) if status.status.is_final() => Fate::Ended(Box::new(status)),
        _ => Fate::Refused { reason, detail },
    }
}

/// How a transaction stands, from the first node that knows of it, with that node's place.
pub async fn look_up<R: Reach>(nodes: &[R], id: TxId) -> Option<(usize, TxStatusView)> {
    for (place, node) in nodes.iter().enumerate() {
        match timeout(ONE_NODE, node.transaction(id)).await {
            Ok(Ok(status)) if status.status != TransactionState::Unknown => return Some((place, status)),
            _ => {}
        }
    }
    None
}
