//! What one who calls too much, or takes nothing, costs: himself, and nobody else.

use crate::socket::Socket;
use crate::support::{FakeNode, Network, get, post, put, serve};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use witan_rpc::encoding::write_hex;
use witan_rpc::*;
use witan_types::Wire as _;

/// Long enough for anything here: a test that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(60);

async fn refused(network: &Network, method: &str) -> Value {
    let mut error = network.error(method, json!({})).await;
    assert!(error["data"]["retryAfterMs"].as_u64().unwrap() > 0, "{error}");
    error["code"].take()
}

/// Submits a transaction that is never decided, on a connection of its own.
async fn wait_for_one(network: &Network, nonce: u64) -> Socket {
    let mut socket = Socket::connect(network.server.local_addr()).await;
    let tx = write_hex(&put("k", b"v", nonce).encode());
    socket.send(nonce, "tx_submit", json!([tx, "committed"])).await;
    socket
}

#[tokio::test]
async fn more_calls_at_a_time_than_there_are_places_are_told_when_to_try_again() {
    let config = RpcConfig { max_calls: 0, ..RpcConfig::default() };
    let network = serve(FakeNode::default(), config).await;
    assert_eq!(refused(&network, "node_version").await, json!(-32040));
}

#[tokio::test]
async fn however_many_wait_for_transactions_others_are_answered() {
    let config = RpcConfig { max_calls: 2, ..RpcConfig::default() };
    let network = serve(FakeNode { undecided: true, ..FakeNode::default() }, config).await;
    let _waiting = (wait_for_one(&network, 1).await, wait_for_one(&network, 2).await);
    let third = async {
        loop {
            // It waits too, until the two before have come to their places.
            let mut socket = wait_for_one(&network, 3).await;
            let answer = tokio::time::timeout(Duration::from_millis(100), socket.next()).await;
            if let Ok(Some(answer)) = answer {
                break answer;
            }
        }
    };
    let answer = tokio::time::timeout(DEADLINE, third).await.unwrap();
    assert_eq!(answer["error"]["data"]["reason"], "RATE_LIMITED");
    assert!(network.client.version().await.is_ok());
}

#[tokio::test]
async fn answers_that_find_no_memory_are_refused_and_free_it_once_taken() {
    let mut node = FakeNode::default();
    node.state.insert(b"large".to_vec(), ValueView::Bytes(vec![7; 50_000].into()));
    let config = RpcConfig { max_pending_bytes: 300_000, ..RpcConfig::default() };
    let network = serve(node, config).await;
    // One that asks for far more than is sent, and reads nothing for now.
    let mut greedy = Socket::connect(network.server.local_addr()).await;
    const CALLS: u64 = 300;
    for id in 0..CALLS {
        greedy.send(id, "state_get", json!([write_hex(b"large")])).await;
    }
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..CALLS {
        let answer = tokio::time::timeout(DEADLINE, greedy.next()).await.unwrap().unwrap();
        match answer["error"]["data"]["reason"].as_str() {
            None => answered += 1,
            Some(reason) => {
                assert_eq!(reason, "RATE_LIMITED");
                refused += 1;
            }
        }
    }
    assert_eq!(answered + refused, CALLS, "each is answered, whole or with the error");
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused");
    let whole = network.result("state_get", json!([write_hex(b"large")])).await;
    assert_eq!(whole["value"].as_str().unwrap().len(), 2 + 2 * 50_000);
}

#[tokio::test]
async fn what_is_no_request_costs_as_calls_do() {
    let config = RpcConfig { calls_per_second: 2, ..RpcConfig::default() };
    for nonsense in ["{", "[]", r#"{"jsonrpc":"2.0","id":1}"#, "[1,2,3,4,5,6,7,8]"] {
        let network = serve(FakeNode::default(), config.clone()).await;
        let mut refused = 0;
        for _ in 0..20 {
            let answer = post(network.server.local_addr(), nonsense).await.json();
            let last = answer.as_array().and_then(|answers| answers.last()).unwrap_or(&answer);
            refused += usize::from(last["error"]["code"] == -32040);
        }
        assert!(refused > 0, "twenty of {nonsense:?} at two a second");
        assert_eq!(get(network.server.local_addr(), "/readyz").await.status, 200, "health is answered");
    }
}

#[tokio::test]
async fn a_devnet_limits_its_own_machine_only_if_told_to() {
    let limited = |limit_loopback| RpcConfig {
        devnet: true,
        calls_per_second: 2,
        limit_loopback,
        ..RpcConfig::default()
    };
    let spared = serve(FakeNode::default(), limited(false)).await;
    let held = serve(FakeNode::default(), limited(true)).await;
    let mut refused = 0;
    for _ in 0..20 {
        assert!(spared.client.version().await.is_ok());
        refused += usize::from(held.client.version().await.is_err());
    }
    assert!(refused > 0, "twenty calls at two a second");
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let network = serve(FakeNode::default(), RpcConfig::default()).await;
    let mut socket = TcpStream::connect(network.server.local_addr()).await.unwrap();
    // The preface, and an empty SETTINGS frame.
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(DEADLINE, socket.read_to_end(&mut answer)).await.unwrap().unwrap_or_default();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
}
