//! A client that sees its transaction through: a node that does not answer is left for another one, with the same bytes.

use std::time::Duration;
use tokio::time::{Instant, sleep};
use witan_rpc::{Client, TransactionState, TxStatusView, Wait};
use witan_types::{SignedTransaction, TxId};

/// How long a client waits for one node.
const ONE_NODE: Duration = Duration::from_secs(4);
/// Between two nodes that did not answer.
const PAUSE: Duration = Duration::from_millis(50);

/// What became of a transaction.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A node told how it ended.
    Ended(Box<TxStatusView>),
    /// Refused before it came to any block.
    Refused(String),
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

/// Submits to one node after another until one tells how the transaction ended.
pub(super) async fn see_through(clients: &[Client], signed: &SignedTransaction, patience: Patience) -> Fate {
    let mut turn = patience.first;
    while Instant::now() < patience.until {
        let Some(client) = turn.checked_rem(clients.len()).and_then(|place| clients.get(place)) else {
            break;
        };
        turn = turn.wrapping_add(1);
        match client.submit(signed, Wait::Committed, ONE_NODE).await {
            Ok(status) if status.status.is_final() => return Fate::Ended(Box::new(status)),
            Ok(_) => {}
            Err(error) => match error.rpc() {
                Some(witan_rpc::RpcError::Rejected { .. }) => {
                    return judge_refusal(clients, signed, &error).await;
                }
                _ => sleep(PAUSE).await,
            },
        }
    }
    Fate::Unknown
}

/// A transaction that was taken in before may be refused as expired later: what came of it is still known.
async fn judge_refusal(clients: &[Client], signed: &SignedTransaction, why: &witan_rpc::ClientError) -> Fate {
    match look_up(clients, signed.id()).await {
        Some(status) if status.status.is_final() => Fate::Ended(Box::new(status)),
        _ => Fate::Refused(why.to_string()),
    }
}

/// How a transaction stands, from the first node that knows of it.
pub(super) async fn look_up(clients: &[Client], id: TxId) -> Option<TxStatusView> {
    for client in clients {
        match client.transaction(id).await {
            Ok(status) if status.status != TransactionState::Unknown => return Some(status),
            _ => {}
        }
    }
    None
}
