//! The nodes of a network as one: talks to one of them until it fails to answer, then to the next.

use super::pipeline::{Answer, Fate, Network};
use crate::commands::remote::{failed, now_ms};
use crate::context::Context;
use crate::error::CliError;
use futures::future::join_all;
use std::time::Duration;
use witan_testnet::rpc::{
    Client, ClientError, GenesisView, Rejection, RpcError, TransactionState, TxStatusView,
};
use witan_types::TxId;

/// How long a node may take to answer before the next one is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait before the same bytes go to a node that is not ready, in milliseconds.
const NOT_READY_MS: u64 = 500;

/// Clients of the nodes, the one in use named by its place.
pub(super) struct Pool {
    clients: Vec<Client>,
    current: usize,
}

impl Pool {
    /// The node that the command line means, and after it the others of the local network.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn find(context: &Context) -> Result<Pool, CliError> {
        let mut urls = vec![context.rpc_url()?];
        if let Ok(network) = context.network()
            && network.description().nodes.iter().any(|node| urls.contains(&node.rpc))
        {
            let others = network.description().nodes.iter().map(|node| node.rpc.clone());
            urls.extend(others.filter(|url| !urls.contains(url)).collect::<Vec<_>>());
        }
        let token = context.rpc_token()?;
        let client = |url: &String| Client::with_timeout_and_token(url, ANSWER_WITHIN, token.as_deref());
        let clients = urls.iter().map(client);
        Ok(Pool { clients: clients.collect::<Result<_, _>>().map_err(failed)?, current: 0 })
    }

    pub(super) async fn genesis(&self) -> Result<GenesisView, ClientError> {
        self.client().genesis().await
    }

    #[expect(clippy::indexing_slicing, reason = "`current` is a place in the list, which is never empty")]
    fn client(&self) -> &Client {
        &self.clients[self.current]
    }

    /// Goes on to the next node after one that did not answer.
    fn next(&mut self) {
        self.current = (self.current + 1) % self.clients.len();
    }
}

impl Network for Pool {
    async fn submit(&mut self, transactions: &[&[u8]]) -> Result<Vec<Answer>, String> {
        let mut last = String::new();
        for _ in 0..self.clients.len() {
            let bytes = transactions.iter().map(|bytes| bytes.to_vec()).collect();
            match self.client().submit_batch(bytes).await {
                Ok(items) if items.len() == transactions.len() => {
                    return Ok(items
                        .into_iter()
                        .map(|item| item.map_or_else(refusal, |_| Answer::Taken))
                        .collect());
                }
                Ok(items) => last = format!("{} answers to {} transactions", items.len(), transactions.len()),
                Err(error) if error.rpc().is_some_and(RpcError::retryable) => {
                    let answer = refusal(error);
                    return Ok(transactions.iter().map(|_| answer.clone()).collect());
                }
                Err(error) => last = error.to_string(),
            }
            self.next();
        }
        Err(last)
    }

    async fn fates(&mut self, ids: &[TxId]) -> Result<Vec<Fate>, String> {
        let mut last = String::new();
        for _ in 0..self.clients.len() {
            let client = self.client();
            let statuses = join_all(ids.iter().map(|id| client.transaction(*id))).await;
            match statuses.into_iter().collect::<Result<Vec<_>, _>>() {
                Ok(statuses) => return Ok(statuses.into_iter().map(fate).collect()),
                Err(error) => last = error.to_string(),
            }
            self.next();
        }
        Err(last)
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }

    async fn pause(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// What a refused transaction means for an import.
fn refusal(error: ClientError) -> Answer {
    let text = error.to_string();
    match error {
        ClientError::Rpc(
            RpcError::MempoolFull { retry_after_ms } | RpcError::RateLimited { retry_after_ms },
        ) => Answer::Later(retry_after_ms),
        ClientError::Rpc(RpcError::Rejected { reason, .. }) => match reason {
            // A clock that is far from the network's makes a transaction that expires too far ahead: a new one may do.
            Rejection::Expired | Rejection::ExpiryTooFar => Answer::Expired,
            Rejection::TooLarge | Rejection::Malformed | Rejection::ForbiddenKey => {
                Answer::Refused(reason.name().to_owned())
            }
            Rejection::BadSignature | Rejection::WrongChain => Answer::Hopeless(text),
        },
        ClientError::Rpc(RpcError::Unauthorized) => Answer::Hopeless(text),
        ClientError::Rpc(_)
        | ClientError::Other(_)
        | ClientError::Transport { .. }
        | ClientError::Answer { .. } => Answer::Later(NOT_READY_MS),
    }
}

fn fate(status: TxStatusView) -> Fate {
    match status.status {
        TransactionState::Unknown => Fate::Unknown,
        TransactionState::Accepted | TransactionState::Pending => Fate::Waiting,
        TransactionState::Committed => Fate::Committed,
        TransactionState::Expired => Fate::Expired,
        TransactionState::Failed | TransactionState::Aborted => {
            let reason = status.result.and_then(|result| result.reason);
            Fate::Failed(reason.unwrap_or_else(|| status.status.name().to_uppercase()))
        }
    }
}
