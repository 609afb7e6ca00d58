//! The typed client of subscriptions, over WebSocket.

use super::{Answer, ClientError, MAX_BYTES, Named, bearer, no_answer, unreachable_node};
use crate::error::RpcError;
use crate::method::Method;
use crate::methods::{GetBlock, GetNodeStatus};
use crate::parameter::{At, IdText, Since, TransactionDetail};
use crate::subscription::Subscription;
use crate::subscriptions::{SubscribeBlocks, SubscribeConsensus, SubscribeState, SubscribeTransactions};
use crate::view::{BlockNews, ConsensusNews, Last, Notification, Position, StateNews, Told, TransactionNews};
use hyper::header::HeaderMap;
use jsonrpsee::core::client::{
    ClientT as _, Subscription as Stream, SubscriptionClientT as _, SubscriptionCloseReason,
};
use jsonrpsee_ws_client::{PingConfig, WsClient, WsClientBuilder};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use witan_types::{Account, GroupId, TxId};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of one node's subscriptions. Clones share its connection, and connect again when it is lost.
#[derive(Clone)]
pub struct Subscriber {
    url: Arc<str>,
    /// What opens each connection: the token, if the node asks for one.
    headers: HeaderMap,
    socket: Arc<Mutex<Option<Arc<WsClient>>>>,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subscriber of {}", self.url)
    }
}

/// A subscription that [`Following`] can take up again where it stood.
pub trait Follow: Subscription + Sync {
    /// Of one that reads chains: the group it is bound to, and where it begins.
    fn chains(&mut self) -> Option<(Option<GroupId>, &mut Option<Since>)>;

    /// Where its reader stands after these news, if it reads chains.
    fn position(news: &Self::News) -> Option<Position>;
}

impl Follow for SubscribeBlocks {
    fn chains(&mut self) -> Option<(Option<GroupId>, &mut Option<Since>)> {
        Some((self.group, &mut self.since))
    }

    fn position(news: &BlockNews) -> Option<Position> {
        let BlockNews::Block(followed) = news;
        Some(followed.next)
    }
}

impl Follow for SubscribeTransactions {
    fn chains(&mut self) -> Option<(Option<GroupId>, &mut Option<Since>)> {
        self.account.is_some().then_some((self.group, &mut self.since))
    }

    fn position(news: &TransactionNews) -> Option<Position> {
        match news {
            TransactionNews::Tx(transaction) => Some(transaction.next),
            TransactionNews::Status(_) => None,
        }
    }
}

impl Follow for SubscribeState {
    fn chains(&mut self) -> Option<(Option<GroupId>, &mut Option<Since>)> {
        Some((self.group, &mut self.since))
    }

    fn position(news: &StateNews) -> Option<Position> {
        let StateNews::Change(change) = news;
        Some(change.next)
    }
}

impl Follow for SubscribeConsensus {
    fn chains(&mut self) -> Option<(Option<GroupId>, &mut Option<Since>)> {
        None
    }

    fn position(_: &ConsensusNews) -> Option<Position> {
        None
    }
}

impl Subscriber {
    /// Connects to the node at `url`, such as `http://127.0.0.1:27000` or `ws://127.0.0.1:27000`.
    ///
    /// # Errors
    /// If there is no node at that address, or it asks for a token.
    pub async fn connect(url: &str) -> Answer<Subscriber> {
        Subscriber::open(url, HeaderMap::new()).await
    }

    /// The same with a node that asks for a bearer token (`rpc.auth`), as [`Client::with_token`](super::Client::with_token) does.
    ///
    /// # Errors
    /// If there is no node at that address, it takes another token, or this one can't stand in a header.
    pub async fn connect_with_token(url: &str, token: &str) -> Answer<Subscriber> {
        Subscriber::open(url, bearer::headers(url, token)?).await
    }

    async fn open(url: &str, headers: HeaderMap) -> Answer<Subscriber> {
        let url = match url.strip_prefix("http") {
            Some(rest) => format!("ws{rest}"),
            None => url.to_owned(),
        };
        let subscriber = Subscriber { url: url.into(), headers, socket: Arc::default() };
        subscriber.socket().await?;
        Ok(subscriber)
    }

    /// The connection, which is made anew if it was lost.
    async fn socket(&self) -> Answer<Arc<WsClient>> {
        let mut socket = self.socket.lock().await;
        if let Some(connected) = socket.as_ref().filter(|socket| socket.is_connected()) {
            return Ok(Arc::clone(connected));
        }
        let builder = WsClientBuilder::new().connection_timeout(CONNECT_TIMEOUT);
        let builder = builder.request_timeout(super::REQUEST_TIMEOUT).enable_ws_ping(PingConfig::new());
        let builder = builder.max_request_size(MAX_BYTES).max_response_size(MAX_BYTES);
        let builder = builder.set_headers(self.headers.clone());
        let connected =
            builder.build(&self.url).await.map_err(|error| unreachable_node(&error, &self.url))?;
        Ok(Arc::clone(socket.insert(Arc::new(connected))))
    }

    /// Calls any method of the table over the connection; many calls may wait at once.
    ///
    /// # Errors
    /// The node's error, or why there is no answer.
    pub async fn call<M: Method + Sync>(&self, request: &M) -> Answer<M::Answer> {
        let answer = self.socket().await?.request(M::NAME, Named(request)).await;
        answer.map_err(|error| no_answer(error, M::NAME, &self.url))
    }

    /// Starts any subscription of the table. One that reads chains and names no place begins with the next block.
    ///
    /// # Errors
    /// The node's error, or why there is no answer.
    pub async fn follow<S: Follow>(&self, mut request: S) -> Answer<Following<S>> {
        let positions = match request.chains() {
            Some((group, since)) => self.positions(group, since.take()).await?,
            None => BTreeMap::new(),
        };
        let subscriber = self.clone();
        let mut following =
            Following { subscriber, request, positions, stream: None, seq: 0, is_over: false };
        following.subscribe().await?;
        Ok(following)
    }

    /// Where to begin in each group. Known before anything was told, so that nothing is left out if the connection is lost.
    async fn positions(
        &self,
        group: Option<GroupId>,
        since: Option<Since>,
    ) -> Answer<BTreeMap<GroupId, Position>> {
        let given = match (since, group) {
            (None, _) => Vec::new(),
            (Some(Since::Positions(positions)), _) => positions,
            (Some(Since::Height(height)), Some(group)) => vec![Position { group, height, index: 0 }],
            (Some(Since::Height(_)), None) => {
                let expected = "positions for several groups, or a group beside a height";
                return Err(ClientError::Rpc(RpcError::parameter("from", expected)));
            }
        };
        let groups = match group {
            Some(group) => vec![group],
            None => {
                let status = self.call(&GetNodeStatus {}).await?;
                status.groups.into_iter().map(|group| group.group).collect()
            }
        };
        let mut positions: BTreeMap<GroupId, Position> =
            given.into_iter().map(|position| (position.group, position)).collect();
        for group in groups {
            if let Slot::Vacant(slot) = positions.entry(group) {
                let (at, txs) = (Some(At::Latest), Some(TransactionDetail::None));
                let newest = self.call(&GetBlock { group, at, txs, encoding: None }).await?;
                let height = newest.height.saturating_add(1);
                slot.insert(Position { group, height, index: 0 });
            }
        }
        Ok(positions)
    }

    /// Follows the blocks of one group or of all groups of the node. `since` is the first block not seen yet.
    ///
    /// # Errors
    /// As [`Subscriber::follow`].
    pub async fn blocks(
        &self,
        group: Option<GroupId>,
        since: Option<Since>,
    ) -> Answer<Following<SubscribeBlocks>> {
        self.follow(SubscribeBlocks { group, since, txs: None, encoding: None }).await
    }

    /// Follows a transaction until it is over, sealed and applied.
    ///
    /// # Errors
    /// As [`Subscriber::follow`].
    pub async fn transaction(&self, id: TxId) -> Answer<Following<SubscribeTransactions>> {
        let tx_id = Some(IdText(id));
        self.follow(SubscribeTransactions { tx_id, account: None, group: None, since: None, encoding: None })
            .await
    }

    /// Follows the transactions that an account signs or that transfer to it.
    ///
    /// # Errors
    /// As [`Subscriber::follow`].
    pub async fn account(
        &self,
        account: Account,
        since: Option<Since>,
    ) -> Answer<Following<SubscribeTransactions>> {
        let account = Some(IdText(account));
        self.follow(SubscribeTransactions { tx_id: None, account, group: None, since, encoding: None }).await
    }

    /// Follows the keys that start with `prefix`.
    ///
    /// # Errors
    /// As [`Subscriber::follow`].
    pub async fn state(&self, prefix: &[u8], since: Option<Since>) -> Answer<Following<SubscribeState>> {
        let prefix = crate::encoding::write_hex(prefix);
        self.follow(SubscribeState { prefix, group: None, since, encoding: None }).await
    }

    /// Follows how consensus stands in one group or in all groups of the node.
    ///
    /// # Errors
    /// As [`Subscriber::follow`].
    pub async fn consensus(&self, group: Option<GroupId>) -> Answer<Following<SubscribeConsensus>> {
        self.follow(SubscribeConsensus { group }).await
    }
}

/// A subscription, with the place where it stands.
pub struct Following<S: Subscription> {
    subscriber: Subscriber,
    request: S,
    positions: BTreeMap<GroupId, Position>,
    stream: Option<Stream<Notification<S::News>>>,
    /// The number of the newest notification of `stream`.
    seq: u64,
    is_over: bool,
}

impl<S: Subscription + fmt::Debug> fmt::Debug for Following<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following")
            .field("request", &self.request)
            .field("positions", &self.positions)
            .finish()
    }
}

impl<S: Follow> Following<S> {
    /// The next news; none once the node has told everything. One that fell behind goes on where it stood. May be dropped
    /// while it waits.
    ///
    /// # Errors
    /// The node's error, or the loss of the connection. Called again after that, it connects again and goes on where it
    /// stood: each of the news of chains is given once, and none is left out.
    pub async fn next(&mut self) -> Answer<Option<S::News>> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            if self.stream.is_none() {
                self.subscribe().await?;
            }
            let Some(stream) = &mut self.stream else { continue };
            match stream.next().await {
                Some(Ok(notification)) => {
                    if let Some(news) = self.take(notification)? {
                        return Ok(Some(news));
                    }
                }
                Some(Err(error)) => {
                    self.stream = None;
                    return Err(ClientError::Answer { method: S::NAME, why: error.to_string() });
                }
                None => {
                    let reason = self.stream.take().and_then(|stream| stream.close_reason());
                    if !matches!(reason, Some(SubscriptionCloseReason::Lagged)) {
                        let url = self.subscriber.url.to_string();
                        return Err(ClientError::Transport { url, why: "the connection was lost".into() });
                    }
                }
            }
        }
    }

    /// Where it stands in each chain: what `since` takes to go on after the news given so far.
    pub fn positions(&self) -> Vec<Position> {
        self.positions.values().copied().collect()
    }

    fn take(&mut self, notification: Notification<S::News>) -> Answer<Option<S::News>> {
        let Notification { seq, told } = notification;
        if seq != self.seq.saturating_add(1) {
            self.stream = None;
            let why = format!("notification {seq} came after {}", self.seq);
            return Err(ClientError::Answer { method: S::NAME, why });
        }
        self.seq = seq;
        match told {
            Told::News(news) => {
                if let Some(position) = S::position(&news) {
                    self.positions.insert(position.group, position);
                }
                Ok(Some(news))
            }
            Told::Last(last) => {
                self.stream = None;
                match last {
                    Last::End => self.is_over = true,
                    Last::Lagged { .. } => {}
                    Last::Error { error, .. } => return Err(error.into()),
                }
                Ok(None)
            }
        }
    }

    async fn subscribe(&mut self) -> Answer<()> {
        if let Some((_, since)) = self.request.chains() {
            *since = Some(Since::Positions(self.positions.values().copied().collect()));
        }
        let socket = self.subscriber.socket().await?;
        let stream = socket.subscribe(S::NAME, Named(&self.request), S::UNSUBSCRIBE).await;
        self.stream = Some(stream.map_err(|error| no_answer(error, S::NAME, &self.subscriber.url))?);
        self.seq = 0;
        Ok(())
    }
}
