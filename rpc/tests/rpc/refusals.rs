//! Bad input gets a clear answer and costs nothing else.

use crate::support::{FakeNode, TIP, devnet, get, post, put, send, serve};
use serde_json::{Value, json};
use std::time::Duration;
use witan_rpc::encoding::write_hex;
use witan_rpc::*;
use witan_types::{GroupId, Wire};

/// What is expected of whoever names a key that starts with a zero byte.
const RESERVED: &str = "a key in hex; those that start with a zero byte are reserved";

#[tokio::test]
async fn an_unknown_method_is_answered_by_the_standard_code() {
    let network = devnet().await;
    assert_eq!(network.error("state_burn", json!({})).await["code"], -32601);
    assert_eq!(network.error("admin_shutdown", json!({})).await["code"], -32601);
}

#[tokio::test]
async fn a_wrong_parameter_is_named_with_what_was_expected() {
    let cases = [
        ("state_get", json!({}), "key", "text, got nothing"),
        ("state_get", json!({"key": 7}), "key", "text, got 7"),
        ("state_get", json!({"key": "zz"}), "key", "a key in hex; got hex without its leading 0x"),
        ("state_get", json!({"key": "0x"}), "key", "a key of 1 to 256 bytes, got none"),
        (
            "state_get",
            json!({"key": "0x00", "at": "newest"}),
            "at",
            r#""latest", "sealed" or a height, got "newest""#,
        ),
        (
            "state_get",
            json!({"key": "0x00", "att": 1}),
            "att",
            "no such parameter; the method takes key, at, prove, strict, encoding",
        ),
        (
            "state_get",
            json!(["0x00", 1, true, false, "hex", 6]),
            "params",
            "at most 5 (key, at, prove, strict, encoding), got 6",
        ),
        (
            "state_get",
            json!({"key": "0x00", "encoding": "rot13"}),
            "encoding",
            r#""hex", "utf8" or "base64", got "rot13""#,
        ),
        ("chain_getBlock", json!({"group": -1}), "group", "a group's number, got -1"),
        ("chain_listBlocks", json!({"group": 1, "limit": 0}), "limit", "1 to 1000, got 0"),
        ("state_scan", json!({}), "prefix", "prefix, or start and end; 0x for every key"),
        ("state_account", json!(["witan1nobody"]), "account", r#"an account, witan1..., got "witan1nobody""#),
        ("tx_submit", json!({"tx": "0x00", "timeoutMs": 999_999}), "timeoutMs", "at most 120000, got 999999"),
        ("tx_submit", json!({"tx": {"chain": 1}}), "tx.chain", "the chain's id, 0x and 64 hex digits, got 1"),
        ("node_status", json!({"x": 1}), "x", "no such parameter; the method takes no parameters"),
    ];
    all_refused(&cases).await;
}

/// Checks that each of these requests is refused: its method, what it says, and the parameter with what was expected of it.
async fn all_refused(cases: &[(&str, Value, &str, &str)]) {
    let network = devnet().await;
    for (method, params, parameter, expected) in cases {
        let error = network.error(method, params.clone()).await;
        assert_eq!(error["code"], -32602, "{error}");
        assert_eq!(
            (&error["data"]["parameter"], &error["data"]["expected"]),
            (&json!(parameter), &json!(expected))
        );
        assert_eq!(error["message"], format!("parameter `{parameter}`: expected {expected}"));
    }
}

#[tokio::test]
async fn reserved_keys_and_strict_reads_at_other_blocks_are_refused() {
    let cases = [
        ("state_get", json!({"key": "0x0063"}), "key", RESERVED),
        ("state_getMany", json!({"keys": ["0x61", "0x00"]}), "keys[1]", RESERVED),
        ("state_scan", json!({"prefix": "0x00"}), "prefix", RESERVED),
        ("state_scan", json!({"start": "0x0001"}), "start", RESERVED),
        (
            "state_getMany",
            json!({"keys": [], "strict": true}),
            "keys",
            "at least one key for a strict read, got none",
        ),
        (
            "state_get",
            json!({"key": "0x61", "at": 3, "strict": true}),
            "at",
            "none beside strict, which reads at a block of its own",
        ),
        (
            "state_get",
            json!({"key": "0x61", "prove": true, "strict": true}),
            "prove",
            "none beside strict: prove reads at the newest sealed block",
        ),
        ("shard_locks", json!({"group": 1, "limit": 1001}), "limit", "1 to 1000, got 1001"),
    ];
    all_refused(&cases).await;
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let network = devnet().await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"state_get","params":{"key":"0x00","key":"0x01"}}"#;
    assert_eq!(post(network.server.local_addr(), body).await.json()["error"]["code"], -32602);
}

#[tokio::test]
async fn a_transaction_of_wrong_form_is_rejected_with_the_reason() {
    let network = devnet().await;
    let mut forged = put("k", b"v", 1);
    forged.signature.0[5] ^= 1;
    let mut trailing = put("k", b"v", 1).encode();
    trailing.push(0);
    let mut empty = put("k", b"v", 1);
    empty.transaction.ops.clear();
    let cases = [
        (vec![0xde, 0xad], "MALFORMED"),
        (trailing, "MALFORMED"),
        (empty.encode(), "MALFORMED"),
        (vec![0; 200 * 1024], "TOO_LARGE"),
        (put("k", &vec![7; 65_537], 1).encode(), "TOO_LARGE"),
        (put("@witan1somebody/x", b"v", 1).encode(), "FORBIDDEN_KEY"),
        (forged.encode(), "BAD_SIGNATURE"),
    ];
    for (bytes, reason) in cases {
        let error = network.error("tx_submit", json!([write_hex(&bytes)])).await;
        assert_eq!((&error["code"], &error["data"]["reason"]), (&json!(-32020), &json!(reason)));
        assert_eq!(error["data"]["retryable"], false);
    }
    assert!(network.node.submitted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn errors_of_the_node_reach_the_client_typed() {
    let network = devnet().await;
    let client = &network.client;
    let tx = put("k", b"v", 1);
    let error = client.submit(&tx, Wait::Committed, Duration::ZERO).await.unwrap_err();
    let timeout = RpcError::WaitTimeout { tx_id: tx.id(), status: TransactionState::Accepted };
    assert_eq!(error.rpc(), Some(&timeout));
    let error = client.state(b"k", At::Height(TIP + 1), false).await.unwrap_err();
    assert_eq!((error.code(), error.rpc()), (Some(-32032), Some(&RpcError::FutureHeight { height: TIP })));
    let error = client.state(b"k", At::Height(1), false).await.unwrap_err();
    assert_eq!(error.rpc(), Some(&RpcError::Pruned { oldest_height: 2 }));
    let error = client.consensus(GroupId(9)).await.unwrap_err();
    assert_eq!(error.rpc(), Some(&RpcError::not_found("group 9")));
}

#[tokio::test]
async fn what_the_node_refuses_is_passed_on() {
    let full = RpcError::MempoolFull { retry_after_ms: 40 };
    let quorum = RpcError::NotReady { reason: NotReady::NoQuorum, detail: "2 of 3".into() };
    let chain = RpcError::rejected(Rejection::WrongChain, "for another chain");
    for refusal in [full, quorum, chain] {
        let node = FakeNode { refusal: Some(refusal.clone()), ..FakeNode::default() };
        let network = serve(node, RpcConfig { devnet: true, ..RpcConfig::default() }).await;
        let error =
            network.client.submit(&put("k", b"v", 1), Wait::Accepted, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.rpc(), Some(&refusal));
    }
}

#[tokio::test]
async fn a_cursor_of_another_query_or_none_at_all_is_refused() {
    let network = devnet().await;
    let page = network.result("state_scan", json!({"prefix": "name", "limit": 1, "encoding": "utf8"})).await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for (prefix, cursor) in
        [("list", cursor), ("name", "0x"), ("name", "nonsense"), ("name", "0xffffffffffffffffffffffffff")]
    {
        let params = json!({"prefix": prefix, "cursor": cursor, "encoding": "utf8"});
        assert_eq!(network.error("state_scan", params).await["code"], -32034);
    }
    let page = network.result("chain_listBlocks", json!({"group": 1, "limit": 1})).await;
    let params = json!({"group": 1, "order": "asc", "cursor": page["nextCursor"]});
    assert_eq!(network.error("chain_listBlocks", params).await["code"], -32034);
}

#[tokio::test]
async fn what_is_no_json_is_a_parse_error() {
    let network = devnet().await;
    let address = network.server.local_addr();
    for body in
        [b"{nonsense".as_slice(), b"hello", b"", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}"]
    {
        let reply = post(address, body).await;
        assert_eq!(reply.json()["error"]["code"], -32700, "{:?}", String::from_utf8_lossy(body));
    }
    let deep =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tx_submit\",\"params\":{}", "[".repeat(100_000));
    assert_eq!(post(address, deep).await.json()["error"]["code"], -32700);
    assert!(network.client.health().await.unwrap().live);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_and_its_sender_hears_why() {
    let network = devnet().await;
    let address = network.server.local_addr();
    let body = vec![b' '; 2 * 1024 * 1024];
    let reply = post(address, &body).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (413, &json!(-32007)));
    assert!(reply.body.contains("1048576"), "{}", reply.body);

    let mut chunked = format!("{:x}\r\n", body.len()).into_bytes();
    chunked.extend_from_slice(&body);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(send(address, "POST", "/", headers, &chunked).await.status, 413);
    assert!(network.client.health().await.unwrap().live);
}

#[tokio::test]
async fn batches_have_a_limit() {
    let network = devnet().await;
    let address = network.server.local_addr();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "node_health"});
    let hundred = post(address, Value::from(vec![call.clone(); 100]).to_string()).await.json();
    assert_eq!(hundred.as_array().unwrap().len(), 100);
    let more = post(address, Value::from(vec![call; 101]).to_string()).await.json();
    assert_eq!(more["error"]["code"], -32010);
    assert!(more.to_string().contains("100"), "{more}");
    let error = network.error("tx_submitBatch", json!([vec!["0x00"; 101]])).await;
    assert_eq!(error["data"]["expected"], "at most 100 transactions, got 101");
}

#[tokio::test]
async fn a_foreign_host_or_site_is_refused() {
    let network = devnet().await;
    let address = network.server.local_addr();
    assert_eq!(send(address, "GET", "/livez", "Host: evil.example\r\n", b"").await.status, 403);
    assert_eq!(send(address, "GET", "/livez", "Origin: https://evil.example\r\n", b"").await.status, 403);
    assert_eq!(send(address, "GET", "/livez", "Host: localhost:1\r\n", b"").await.status, 200);
}

#[tokio::test]
async fn health_is_told_to_probes() {
    let network = devnet().await;
    let address = network.server.local_addr();
    assert_eq!((get(address, "/livez").await.status, get(address, "/readyz").await.status), (200, 200));
    assert_eq!(get(address, "/nowhere").await.status, 404);
    assert_eq!(get(address, "/").await.status, 405);

    let stuck = FakeNode { ready: false, ..FakeNode::default() };
    let network = serve(stuck, RpcConfig::default()).await;
    let reply = get(network.server.local_addr(), "/readyz").await;
    assert_eq!(
        (reply.status, reply.json()),
        (503, json!({"ready": false, "reasons": ["NO_QUORUM"], "details": ["n2 and n3 can't be reached"]}))
    );
    assert_eq!(get(network.server.local_addr(), "/livez").await.status, 200);
}

#[tokio::test]
async fn an_address_above_its_rate_is_told_to_wait_alone_and_in_batches() {
    let config = RpcConfig { calls_per_second: 1, ..RpcConfig::default() };
    let network = serve(FakeNode::default(), config).await;
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "node_health"});
    let batch = post(network.server.local_addr(), Value::from(vec![call; 50]).to_string()).await.json();
    let limited = batch.as_array().unwrap().iter().filter(|answer| answer["error"]["code"] == -32040).count();
    assert!((45..50).contains(&limited), "{limited}");
    let last = &batch[49]["error"]["data"];
    assert_eq!(last["reason"], "RATE_LIMITED");
    assert!(last["retryAfterMs"].as_u64().is_some_and(|wait| (1..=1001).contains(&wait)), "{last}");
}

#[tokio::test]
async fn an_address_in_use_is_refused_with_the_next_step() {
    let network = devnet().await;
    let config = RpcConfig { listen: network.server.local_addr(), ..RpcConfig::default() };
    let error = start(config, std::sync::Arc::new(FakeNode::default())).await.unwrap_err().to_string();
    assert!(error.contains("rpc.listen"), "{error}");
}

#[tokio::test]
async fn a_stopped_server_is_gone() {
    let network = devnet().await;
    network.client.health().await.unwrap();
    let address = network.server.local_addr();
    network.server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(matches!(network.client.health().await, Err(ClientError::Transport { .. })));
}
