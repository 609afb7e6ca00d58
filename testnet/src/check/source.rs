//! What a check reads of a node: public RPC, and nothing else.

use super::CheckError;
use crate::workload::Reach;
use std::future::Future;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use witan_rpc::methods::MAX_PAGE;
use witan_rpc::server::ScanRange;
use witan_rpc::{
    At, BlockView, Client, ClientError, EpochView, Explanation, LockView, NodeStatus, Order, RpcError,
    SealView, TxStatusView, ValueView, Wait,
};
use witan_types::{Epoch, GroupId, Height, TxId};

/// How long a node may take to answer a read, or to begin answering a submission.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long a node may take to say how it is; one that takes longer is not asked anything else.
const STATUS_WITHIN: Duration = Duration::from_secs(5);
/// How often a call is made again that a node's limits refused.
const MAX_TRIES: u32 = 50;
/// The most pages of a scan or of a list of locks that are read.
const MAX_PAGES: usize = 200;

/// What the keys that accounts own begin with, their balances among them.
const ACCOUNTS: &[u8] = b"@";

type Answer<T> = Result<T, ClientError>;

/// All balances that a node lists, and whether those are all there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    /// The key of each balance, with what it holds.
    pub items: Vec<(Vec<u8>, u128)>,
    /// False if there are more than a check reads.
    pub complete: bool,
}

/// A node as checks see it. What a real one answers comes through [`Node`]; tests give answers of their own.
pub trait Source: Reach {
    /// The node's name for people.
    fn name(&self) -> &str;
    /// `node_status`.
    fn status(&self) -> impl Future<Output = Answer<NodeStatus>>;
    /// `node_explain`.
    fn explain(&self) -> impl Future<Output = Answer<Explanation>>;
    /// `chain_listBlocks`, ascending from a height.
    fn blocks(
        &self,
        group: GroupId,
        from: Height,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<BlockView>>>;
    /// `chain_getSeal`.
    fn seal(&self, group: GroupId, height: Height) -> impl Future<Output = Answer<SealView>>;
    /// `chain_getEpoch`, with its proof.
    fn epoch(&self, group: GroupId, epoch: Epoch) -> impl Future<Output = Answer<EpochView>>;
    /// `shard_locks`, all pages.
    fn locks(&self, group: GroupId) -> impl Future<Output = Answer<Vec<LockView>>>;
    /// `state_scan` of everything that accounts own, for the balances among it.
    fn balances(&self) -> impl Future<Output = Answer<Balances>>;
}

/// A node behind its RPC address.
#[derive(Clone, Debug)]
pub struct Node {
    name: String,
    client: Client,
}

impl Node {
    /// The node of this name at this address, and the token that it asks for, if it does.
    ///
    /// # Errors
    /// If the address or the token can't be used.
    pub fn new(name: &str, url: &str, token: Option<&str>) -> Result<Node, CheckError> {
        let client = Client::with_timeout_and_token(url, ANSWER_WITHIN, token);
        let refuse = |error: ClientError| CheckError::Address { name: name.into(), why: error.to_string() };
        Ok(Node { name: name.into(), client: client.map_err(refuse)? })
    }
}

/// Calls again when a node's limits refused it, as soon as the node says.
async fn patiently<T, F: Future<Output = Answer<T>>>(mut call: impl FnMut() -> F) -> Answer<T> {
    for _ in 0..MAX_TRIES {
        match call().await {
            Err(ClientError::Rpc(RpcError::RateLimited { retry_after_ms })) => {
                sleep(Duration::from_millis(retry_after_ms.clamp(1, 1_000))).await;
            }
            answer => return answer,
        }
    }
    call().await
}

impl Reach for Node {
    async fn submit(&self, bytes: Vec<u8>, wait: Wait, within: Duration) -> Answer<TxStatusView> {
        patiently(|| Reach::submit(&self.client, bytes.clone(), wait, within)).await
    }

    async fn transaction(&self, id: TxId) -> Answer<TxStatusView> {
        patiently(|| Reach::transaction(&self.client, id)).await
    }

    async fn strict_read(&self, keys: &[Vec<u8>]) -> Answer<Vec<Option<ValueView>>> {
        patiently(|| Reach::strict_read(&self.client, keys)).await
    }
}

impl Source for Node {
    fn name(&self) -> &str {
        &self.name
    }

    async fn status(&self) -> Answer<NodeStatus> {
        let silent = || {
            let why = format!("it says nothing for {} s", STATUS_WITHIN.as_secs());
            Err(ClientError::Transport { url: self.client.url().to_owned(), why })
        };
        timeout(STATUS_WITHIN, patiently(|| self.client.status())).await.unwrap_or_else(|_| silent())
    }

    async fn explain(&self) -> Answer<Explanation> {
        patiently(|| self.client.explain()).await
    }

    async fn blocks(&self, group: GroupId, from: Height, limit: u32) -> Answer<Vec<BlockView>> {
        let page = || self.client.blocks(group, Some(from), Order::Asc, limit, None);
        Ok(patiently(page).await?.items)
    }

    async fn seal(&self, group: GroupId, height: Height) -> Answer<SealView> {
        patiently(|| self.client.seal(group, height)).await
    }

    async fn epoch(&self, group: GroupId, epoch: Epoch) -> Answer<EpochView> {
        patiently(|| self.client.epoch(group, Some(epoch), true)).await
    }

    async fn locks(&self, group: GroupId) -> Answer<Vec<LockView>> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = patiently(|| self.client.locks(group, MAX_PAGE, cursor.clone())).await?;
            all.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(all)
    }

    async fn balances(&self) -> Answer<Balances> {
        let range = ScanRange::prefix(ACCOUNTS.to_vec());
        let (mut found, mut cursor) = (Balances::default(), None);
        for _ in 0..MAX_PAGES {
            let page = || self.client.scan(&range, MAX_PAGE, cursor.clone(), At::Latest);
            let page = patiently(page).await?;
            found.items.extend(page.items.into_iter().filter_map(|item| match item.value {
                Some(ValueView::Balance(balance)) => {
                    let key: &[u8] = item.key.as_ref();
                    Some((key.to_vec(), balance))
                }
                _ => None,
            }));
            cursor = page.next_cursor;
            if cursor.is_none() {
                found.complete = true;
                break;
            }
        }
        Ok(found)
    }
}
