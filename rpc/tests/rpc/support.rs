//! A node in memory behind a real socket.

mod backend;
mod proofs;

use crate::chain::FakeChain;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use witan_rpc::server::Backend;
use witan_rpc::*;
use witan_types::*;

/// The height of the fake chain.
pub const TIP: Height = 12;

/// What the fake node knows.
pub struct FakeNode {
    pub state: BTreeMap<Vec<u8>, ValueView>,
    pub ready: bool,
    pub submitted: Mutex<Vec<SignedTransaction>>,
    /// The last fault staged.
    pub fault: Mutex<Option<FaultView>>,
    /// What every submission meets, if it is not taken.
    pub refusal: Option<RpcError>,
    /// Whether what is submitted is never decided.
    pub undecided: bool,
    /// What grows while others follow it.
    pub chain: FakeChain,
}

impl Default for FakeNode {
    fn default() -> Self {
        let bytes = |text: &str| ValueView::Bytes(text.as_bytes().into());
        let state = BTreeMap::from([
            (b"binary".to_vec(), ValueView::Bytes(vec![0xff, 0x00].into())),
            (b"counter".to_vec(), ValueView::Counter(-5)),
            (b"list".to_vec(), ValueView::List(vec![b"a".as_slice().into(), b"b".as_slice().into()])),
            (b"name".to_vec(), bytes("witan")),
            (b"name2".to_vec(), bytes("second")),
            (b"name3".to_vec(), bytes("third")),
        ]);
        let (submitted, fault, chain) = (Mutex::default(), Mutex::default(), FakeChain::default());
        FakeNode { state, ready: true, submitted, fault, refusal: None, undecided: false, chain }
    }
}

/// A block's id in the fake chain.
pub fn block_id(height: Height) -> BlockId {
    BlockId(sha256(&[&height.to_be_bytes()]))
}

/// The secret that signs the tests' transactions.
pub fn secret() -> SecretKey {
    SecretKey::from_seed([9; 32])
}

/// A signed transaction that puts `value` at `key`.
pub fn put(key: &str, value: &[u8], salt: u64) -> SignedTransaction {
    let ops = vec![Op::Put { key: Key::from(key), value: value.to_vec() }];
    let signer = Account(secret().public());
    let chain = ChainId(Hash([3; 32]));
    Transaction { chain, signer, salt, expires_at_ms: 60_000, checks: Vec::new(), ops }.sign(&secret())
}

impl FakeNode {
    pub fn point(&self, at: At) -> Result<ReadPoint, RpcError> {
        let tip = self.chain.tip();
        let height = match at {
            At::Latest => tip,
            At::Sealed => tip - 1,
            At::Height(height) if height > tip => return Err(RpcError::FutureHeight { height: tip }),
            At::Height(height) if height < 2 => return Err(RpcError::Pruned { oldest_height: 2 }),
            At::Height(height) => height,
        };
        Ok(ReadPoint { group: GroupId(1), height, block_id: block_id(height) })
    }

    pub fn group(&self, group: GroupId) -> Result<(), RpcError> {
        if group == GroupId(1) { Ok(()) } else { Err(RpcError::not_found(format!("group {group}"))) }
    }

    fn item(&self, key: &[u8]) -> ScanItem {
        let value = self.state.get(key).cloned();
        let version = if value.is_some() { 1 << 70 } else { 0 };
        ScanItem { key: key.into(), value, version }
    }

    fn block_view(&self, height: Height, txs: Option<BlockTransactions>) -> BlockView {
        BlockView {
            group: GroupId(1),
            height,
            block_id: block_id(height),
            parent: block_id(height.saturating_sub(1)),
            tag: height,
            epoch: Epoch(1),
            proposer: ValidatorIndex(0),
            time_ms: 1000 + height,
            payload_root: Hash::ZERO,
            state_root: Some(Hash([height as u8; 32])),
            receipts_root: None,
            tx_count: 1,
            sealed: height < TIP,
            txs,
        }
    }

    fn take(&self, tx: SignedTransaction) -> Result<TxStatusView, RpcError> {
        if !tx.verify(Scheme::Ed25519) {
            return Err(RpcError::rejected(Rejection::BadSignature, "the signature is not the signer's"));
        }
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let id = tx.id();
        self.submitted.lock().unwrap().push(tx);
        Ok(TxStatusView::outside_blocks(id, TransactionState::Accepted))
    }
}

/// A server of a fake node.
pub struct Network {
    pub server: RpcServer,
    pub node: Arc<FakeNode>,
    pub client: Client,
}

/// Starts a server of `node` under `config`.
pub async fn serve(node: FakeNode, config: RpcConfig) -> Network {
    serve_shared(Arc::new(node), config).await
}

/// Starts a server of a node that may have others.
pub async fn serve_shared(node: Arc<FakeNode>, config: RpcConfig) -> Network {
    let server = start(config, Arc::clone(&node) as Arc<dyn Backend>).await.unwrap();
    let client = Client::new(&format!("http://{}", server.local_addr())).unwrap();
    Network { server, node, client }
}

/// A devnet server of the usual fake node.
pub async fn devnet() -> Network {
    serve(FakeNode::default(), RpcConfig { devnet: true, ..RpcConfig::default() }).await
}

/// One HTTP answer.
pub struct Reply {
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }
}

/// Sends one raw HTTP request; `headers` each end in CRLF, and the connection closes after the answer.
pub async fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
    let host =
        if headers.to_lowercase().contains("host:") { String::new() } else { format!("Host: {address}\r\n") };
    let head = format!("{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// Posts `body` as JSON.
pub async fn post(address: SocketAddr, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    send(address, "POST", "/", &headers, body).await
}

/// Gets `path`.
pub async fn get(address: SocketAddr, path: &str) -> Reply {
    send(address, "GET", path, "", b"").await
}

impl Network {
    /// Calls a method with these parameters, and answers the whole JSON-RPC response.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let request = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        post(self.server.local_addr(), request.to_string()).await.json()
    }

    /// Calls a method that must succeed.
    pub async fn result(&self, method: &str, params: Value) -> Value {
        let mut answer = self.call(method, params).await;
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Calls a method that must fail.
    pub async fn error(&self, method: &str, params: Value) -> Value {
        let mut answer = self.call(method, params).await;
        assert!(answer["result"].is_null(), "{method}: {answer}");
        answer["error"].take()
    }
}
