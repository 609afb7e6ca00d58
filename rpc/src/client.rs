//! The typed client: a method each over HTTP ([`Client`]), and subscriptions over WebSocket ([`Subscriber`]).
//!
//! ```no_run
//! # async fn read() -> Result<(), witan_rpc::ClientError> {
//! use witan_rpc::{At, Client};
//!
//! let client = Client::new("http://127.0.0.1:27001")?;
//! let greeting = client.state(b"greeting", At::Latest, false).await?;
//! println!("{:?} after block {}", greeting.value, greeting.at.height);
//! # Ok(())
//! # }
//! ```
//!
//! `rpc/examples/hello.rs` is a whole program that signs, submits, reads and follows.

mod bearer;
mod faults;
mod subscriber;

pub use subscriber::{Follow, Following, Subscriber};

use crate::encoding::{Encoding, write_hex};
use crate::error::{ErrorView, RpcError};
use crate::method::Method;
use crate::methods::{
    ClearFaults, Discover, Explain, GetAccount, GetBlock, GetConfiguration, GetConsensus, GetEpoch,
    GetGenesis, GetHealth, GetLightBlock, GetManyStates, GetMempool, GetNetInfo, GetNodeStatus, GetPeers,
    GetSeal, GetShard, GetSlot, GetState, GetTransaction, GetValidators, GetVersion, ListBlocks,
    ListEvidence, ListFaults, ListHistory, ListLocks, ListShards, ListTransactions, PrepareTransaction,
    ScanState, SetFault, SimulateTransaction, SubmitBatch, SubmitTransaction,
};
use crate::parameter::{At, IdText, Order, TransactionDetail, TxInput, Wait};
use crate::server::ScanRange;
use crate::transaction_json::unsigned_to_json;
use crate::view::{
    AccountView, BatchItem, BlockPage, BlockView, ConfigurationView, ConsensusStatusView, EpochView,
    EvidencePage, Explanation, FaultEffect, FaultView, GenesisView, Health, HistoryPage, KeyShardView,
    LightBlockView, LockPage, ManyValues, MempoolView, NetInfo, NodeStatus, PeerView, PreparedView, ScanPage,
    SealView, ShardView, SimulationView, SlotView, StateValue, TransactionPage, TransactionState,
    TxStatusView, ValidatorSetView, VersionView,
};
use jsonrpsee::core::client::{ClientT, Error as TransportError};
use jsonrpsee::core::traits::ToRpcParams;
use jsonrpsee_http_client::{HttpClient, HttpClientBuilder};
use serde_json::value::RawValue;
use std::time::Duration;
use witan_types::{Account, Epoch, GroupId, Height, SignedTransaction, Transaction, TxId};

/// How long a request may take, by default: longer than any wait a submission may ask for.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(crate::methods::MAX_WAIT_MS + 10_000);
/// The most bytes of a request or a response.
const MAX_BYTES: u32 = 64 * 1024 * 1024;

/// Why a call has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The node answered with one of its errors.
    #[error("{0}")]
    Rpc(RpcError),
    /// The node answered with another error: an unknown method, too large a request, ...
    #[error("{} (code {})", .0.message, .0.code)]
    Other(ErrorView),
    /// There was no answer.
    #[error("no answer from {url}: {why}")]
    Transport {
        /// Which node.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The answer is not what the method answers: another version of the node, or no Witan node at all.
    #[error("the answer of {method} can't be read: {why}")]
    Answer {
        /// Which method.
        method: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl ClientError {
    /// The JSON-RPC error code, if the node answered with an error.
    pub fn code(&self) -> Option<i32> {
        match self {
            ClientError::Rpc(error) => Some(error.code()),
            ClientError::Other(view) => Some(view.code),
            ClientError::Transport { .. } | ClientError::Answer { .. } => None,
        }
    }

    /// The node's error, if it is one of the known ones.
    pub fn rpc(&self) -> Option<&RpcError> {
        match self {
            ClientError::Rpc(error) => Some(error),
            ClientError::Other(_) | ClientError::Transport { .. } | ClientError::Answer { .. } => None,
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            ClientError::Rpc(RpcError::Unauthorized) => {
                "show the node's token, which rpc.auth names (--rpc-token FILE)"
            }
            ClientError::Rpc(error) => error.hint(),
            ClientError::Other(_) => "rpc.discover lists every method of the node",
            ClientError::Transport { .. } => "check that the node runs, and its address (--rpc)",
            ClientError::Answer { .. } => "check that the address is a Witan node's, of a matching version",
        }
    }
}

impl From<ErrorView> for ClientError {
    fn from(view: ErrorView) -> ClientError {
        match RpcError::from_view(&view) {
            Some(error) => ClientError::Rpc(error),
            None => ClientError::Other(view),
        }
    }
}

/// A client of one node, over HTTP. Cloning it shares its connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: HttpClient,
    url: String,
}

/// Parameters by name.
struct Named<'a, M>(&'a M);

impl<M: Method> ToRpcParams for Named<'_, M> {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        serde_json::value::to_raw_value(self.0).map(Some)
    }
}

type Answer<T> = Result<T, ClientError>;

impl Client {
    /// A client of the node at `url`, such as `http://127.0.0.1:27000`. Connects when first used.
    ///
    /// # Errors
    /// If `url` is no HTTP address.
    pub fn new(url: &str) -> Answer<Client> {
        Client::with_timeout(url, REQUEST_TIMEOUT)
    }

    /// The same, with another limit on how long a request may take.
    ///
    /// # Errors
    /// If `url` is no HTTP address.
    pub fn with_timeout(url: &str, timeout: Duration) -> Answer<Client> {
        Client::with_timeout_and_token(url, timeout, None)
    }

    /// A client of a node that asks for a bearer token (`rpc.auth`).
    ///
    /// # Errors
    /// If `url` is no HTTP address, or the token can't stand in a header.
    pub fn with_token(url: &str, token: &str) -> Answer<Client> {
        Client::with_timeout_and_token(url, REQUEST_TIMEOUT, Some(token))
    }

    /// A client with a limit of its own on how long a request may take, that shows a token if there is one.
    ///
    /// # Errors
    /// If `url` is no HTTP address, or the token can't stand in a header.
    pub fn with_timeout_and_token(url: &str, timeout: Duration, token: Option<&str>) -> Answer<Client> {
        let headers = token.map(|token| bearer::headers(url, token)).transpose()?;
        let builder = HttpClientBuilder::new().request_timeout(timeout);
        let builder = builder.set_headers(headers.unwrap_or_default());
        let http = builder.max_request_size(MAX_BYTES).max_response_size(MAX_BYTES).build(url);
        let http =
            http.map_err(|error| ClientError::Transport { url: url.to_owned(), why: error.to_string() })?;
        Ok(Client { http, url: url.to_owned() })
    }

    /// The node's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls any method of the table.
    ///
    /// # Errors
    /// The node's error, or why there is no answer.
    pub async fn call<M: Method + Sync>(&self, request: &M) -> Answer<M::Answer> {
        let answer = self.http.request(M::NAME, Named(request)).await;
        answer.map_err(|error| no_answer(error, M::NAME, &self.url))
    }
}

/// Why a call has no result.
fn no_answer(error: TransportError, method: &'static str, url: &str) -> ClientError {
    match error {
        TransportError::Call(object) => ErrorView::from(&object).into(),
        TransportError::ParseError(error) => ClientError::Answer { method, why: error.to_string() },
        error => unreachable_node(&error, url),
    }
}

/// Why a node answers nothing, or refuses to be spoken to.
fn unreachable_node(error: &TransportError, url: &str) -> ClientError {
    match error {
        TransportError::Transport(error) if bearer::is_asked_for(&**error) => {
            ClientError::Rpc(RpcError::Unauthorized)
        }
        error => ClientError::Transport { url: url.to_owned(), why: describe(error) },
    }
}

/// An error with its causes, each once.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// A method each; all fail as [`Client::call`] does.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl Client {
    /// `rpc.discover`.
    pub async fn discover(&self) -> Answer<serde_json::Value> {
        self.call(&Discover {}).await
    }

    /// `node_status`.
    pub async fn status(&self) -> Answer<NodeStatus> {
        self.call(&GetNodeStatus {}).await
    }

    /// `node_health`.
    pub async fn health(&self) -> Answer<Health> {
        self.call(&GetHealth {}).await
    }

    /// `node_explain`.
    pub async fn explain(&self) -> Answer<Explanation> {
        self.call(&Explain {}).await
    }

    /// `fault_set`; a fault without `lasts` stays until it is cleared.
    pub async fn set_fault(&self, effect: FaultEffect, lasts: Option<Duration>) -> Answer<u64> {
        let mut request = SetFault::of(effect);
        request.for_ms = lasts.map(|lasts| u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX));
        Ok(self.call(&request).await?.id)
    }

    /// `fault_list`.
    pub async fn faults(&self) -> Answer<Vec<FaultView>> {
        Ok(self.call(&ListFaults {}).await?.items)
    }

    /// `fault_clear`: one fault, or all; the numbers of those that ended.
    pub async fn clear_faults(&self, id: Option<u64>) -> Answer<Vec<u64>> {
        Ok(self.call(&ClearFaults { id }).await?.cleared)
    }

    /// `node_version`.
    pub async fn version(&self) -> Answer<VersionView> {
        self.call(&GetVersion {}).await
    }

    /// `chain_getGenesis`.
    pub async fn genesis(&self) -> Answer<GenesisView> {
        self.call(&GetGenesis {}).await
    }

    /// `chain_getConfiguration`.
    pub async fn configuration(&self) -> Answer<ConfigurationView> {
        self.call(&GetConfiguration {}).await
    }

    /// `chain_getBlock`.
    pub async fn block(&self, group: GroupId, at: At, txs: TransactionDetail) -> Answer<BlockView> {
        self.call(&GetBlock { group, at: Some(at), txs: Some(txs), encoding: None }).await
    }

    /// `chain_listBlocks`; `cursor` is the page before's.
    pub async fn blocks(
        &self,
        group: GroupId,
        from: Option<Height>,
        order: Order,
        limit: u32,
        cursor: Option<String>,
    ) -> Answer<BlockPage> {
        self.call(&ListBlocks { group, from, order: Some(order), limit: Some(limit), cursor }).await
    }

    /// `chain_getSeal`.
    pub async fn seal(&self, group: GroupId, height: Height) -> Answer<SealView> {
        self.call(&GetSeal { group, height }).await
    }

    /// `chain_getLightBlock`.
    pub async fn light_block(&self, group: GroupId, at: At) -> Answer<LightBlockView> {
        self.call(&GetLightBlock { group, at: Some(at) }).await
    }

    /// `chain_getEpoch`; the newest if none is named.
    pub async fn epoch(&self, group: GroupId, epoch: Option<Epoch>, prove: bool) -> Answer<EpochView> {
        let (epoch, prove) = (epoch.map(|epoch| epoch.0), Some(prove));
        self.call(&GetEpoch { group, epoch, prove }).await
    }

    /// `tx_prepare`.
    pub async fn prepare(&self, transaction: &Transaction) -> Answer<PreparedView> {
        let unsigned = unsigned_to_json(transaction, Encoding::Hex).unwrap_or_default();
        self.call(&PrepareTransaction { unsigned, encoding: None }).await
    }

    /// `tx_submit`.
    pub async fn submit(
        &self,
        tx: &SignedTransaction,
        wait: Wait,
        timeout: Duration,
    ) -> Answer<TxStatusView> {
        let tx = TxInput::Bytes(witan_types::Wire::encode(tx));
        let timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        self.call(&SubmitTransaction { tx, wait: Some(wait), timeout_ms, encoding: None }).await
    }

    /// `tx_submitBatch` of encoded transactions: one answer each, in order.
    pub async fn submit_batch(
        &self,
        txs: Vec<Vec<u8>>,
    ) -> Answer<Vec<Result<(TxId, TransactionState), ClientError>>> {
        let txs = txs.into_iter().map(TxInput::Bytes).collect();
        let answer = self.call(&SubmitBatch { txs, encoding: None }).await?;
        let item = |item| match item {
            BatchItem::Taken { tx_id, status } => Ok((tx_id, status)),
            BatchItem::Refused { error } => Err(error.into()),
        };
        Ok(answer.items.into_iter().map(item).collect())
    }

    /// `tx_get`.
    pub async fn transaction(&self, id: TxId) -> Answer<TxStatusView> {
        self.call(&GetTransaction { tx_id: IdText(id), encoding: None, prove: None }).await
    }

    /// `tx_get` with a proof.
    pub async fn proved_transaction(&self, id: TxId) -> Answer<TxStatusView> {
        self.call(&GetTransaction { tx_id: IdText(id), encoding: None, prove: Some(true) }).await
    }

    /// `tx_list`; `cursor` is the page before's.
    pub async fn transactions(
        &self,
        account: Option<Account>,
        group: Option<GroupId>,
        limit: u32,
        cursor: Option<String>,
    ) -> Answer<TransactionPage> {
        let account = account.map(IdText);
        self.call(&ListTransactions { account, group, limit: Some(limit), cursor }).await
    }

    /// `tx_simulate` of a signed transaction.
    pub async fn simulate(&self, tx: &SignedTransaction) -> Answer<SimulationView> {
        let tx = Some(TxInput::Bytes(witan_types::Wire::encode(tx)));
        self.call(&SimulateTransaction { tx, unsigned: None, encoding: None }).await
    }

    /// `tx_simulate` of one without a signature.
    pub async fn simulate_unsigned(&self, transaction: &Transaction) -> Answer<SimulationView> {
        let unsigned = Some(unsigned_to_json(transaction, Encoding::Hex).unwrap_or_default());
        self.call(&SimulateTransaction { tx: None, unsigned, encoding: None }).await
    }

    /// `state_history`; `cursor` is the page before's.
    pub async fn history(&self, key: &[u8], limit: u32, cursor: Option<String>) -> Answer<HistoryPage> {
        let key = write_hex(key);
        self.call(&ListHistory { key, limit: Some(limit), cursor, encoding: None }).await
    }

    /// `consensus_evidence`; `cursor` is the page before's.
    pub async fn evidence(&self, limit: u32, cursor: Option<String>) -> Answer<EvidencePage> {
        self.call(&ListEvidence { limit: Some(limit), cursor }).await
    }

    /// `state_get`.
    pub async fn state(&self, key: &[u8], at: At, prove: bool) -> Answer<StateValue> {
        let (key, at, prove) = (write_hex(key), Some(at), Some(prove));
        self.call(&GetState { key, at, prove, strict: None, encoding: None }).await
    }

    /// `state_getSlot`.
    pub async fn slot(&self, slot: u16, at: At, prove: bool) -> Answer<SlotView> {
        let (slot, at, prove) = (Some(u32::from(slot)), Some(at), Some(prove));
        self.call(&GetSlot { slot, key: None, at, prove, encoding: None }).await
    }

    /// `state_get`, strict.
    pub async fn strict_state(&self, key: &[u8]) -> Answer<StateValue> {
        let (key, strict) = (write_hex(key), Some(true));
        self.call(&GetState { key, at: None, prove: None, strict, encoding: None }).await
    }

    /// `state_getMany`.
    pub async fn states<K: AsRef<[u8]>>(&self, keys: &[K], at: At) -> Answer<ManyValues> {
        let keys = keys.iter().map(|key| write_hex(key.as_ref())).collect();
        self.call(&GetManyStates { keys, at: Some(at), encoding: None, strict: None }).await
    }

    /// `state_getMany`, strict.
    pub async fn strict_states<K: AsRef<[u8]>>(&self, keys: &[K]) -> Answer<ManyValues> {
        let keys = keys.iter().map(|key| write_hex(key.as_ref())).collect();
        self.call(&GetManyStates { keys, at: None, encoding: None, strict: Some(true) }).await
    }

    /// `state_scan`; `cursor` is the page before's.
    pub async fn scan(
        &self,
        range: &ScanRange,
        limit: u32,
        cursor: Option<String>,
        at: At,
    ) -> Answer<ScanPage> {
        let request = ScanState {
            prefix: None,
            start: Some(write_hex(&range.start)),
            end: range.end.as_ref().map(|end| write_hex(end)),
            limit: Some(limit),
            cursor,
            at: Some(at),
            encoding: None,
        };
        self.call(&request).await
    }

    /// `state_account`.
    pub async fn account(&self, account: Account, at: At) -> Answer<AccountView> {
        self.call(&GetAccount { account: IdText(account), at: Some(at), strict: None }).await
    }

    /// `state_account`, strict.
    pub async fn strict_account(&self, account: Account) -> Answer<AccountView> {
        self.call(&GetAccount { account: IdText(account), at: None, strict: Some(true) }).await
    }

    /// `shard_list`.
    pub async fn shards(&self) -> Answer<Vec<ShardView>> {
        Ok(self.call(&ListShards {}).await?.items)
    }

    /// `shard_forKey`.
    pub async fn shard_of(&self, key: &[u8]) -> Answer<KeyShardView> {
        self.call(&GetShard { key: write_hex(key), encoding: None }).await
    }

    /// `shard_locks`; `cursor` is the page before's.
    pub async fn locks(&self, group: GroupId, limit: u32, cursor: Option<String>) -> Answer<LockPage> {
        self.call(&ListLocks { group, limit: Some(limit), cursor, encoding: None }).await
    }

    /// `mempool_status`.
    pub async fn mempools(&self, group: Option<GroupId>) -> Answer<Vec<MempoolView>> {
        Ok(self.call(&GetMempool { group }).await?.items)
    }

    /// `net_info`.
    pub async fn net_info(&self) -> Answer<NetInfo> {
        self.call(&GetNetInfo {}).await
    }

    /// `net_peers`.
    pub async fn peers(&self) -> Answer<Vec<PeerView>> {
        Ok(self.call(&GetPeers {}).await?.items)
    }

    /// `consensus_status`.
    pub async fn consensus(&self, group: GroupId) -> Answer<ConsensusStatusView> {
        self.call(&GetConsensus { group }).await
    }

    /// `consensus_validators`.
    pub async fn validators(&self, group: GroupId, at: At) -> Answer<ValidatorSetView> {
        self.call(&GetValidators { group, at: Some(at) }).await
    }
}
