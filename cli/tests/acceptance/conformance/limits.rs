//! Every limit: what is at it passes, what is above it is refused, and the next call is answered.

use super::both::{Both, in_short};
use super::wire::{Heard, Http, Socket};
use super::world::{PATIENCE, hex};
use crate::network::{Testnet, until};
use serde_json::{Value, json};
use witan_testnet::rpc::{TransactionState, Wait};
use witan_types::{Key, Op, SignedTransaction};

/// The most bytes of a request, by default.
const BODY: usize = 1024 * 1024;
/// What a node with small limits is told.
pub(crate) const SMALL: &str =
    "max_connections = 6\nmax_response_bytes = 4000\nmax_batch = 3\nmax_body_bytes = 5000\n";

/// A call that, written out, has this many bytes.
fn call_of(bytes: usize) -> Vec<u8> {
    let start = r#"{"jsonrpc":"2.0","id":1,"method":"node_version","note":""#;
    format!("{start}{}\"}}", "x".repeat(bytes - start.len() - 2)).into_bytes()
}

/// Messages at and above a limit, over both transports.
async fn messages(rpc: &str, limit: usize) {
    let mut http = Http::connect(rpc).await;
    let mut socket = Socket::connect(rpc, "/ws").await.unwrap();
    assert_eq!(in_short(&http.post(&call_of(limit)).await.unwrap().body), "1 ok");
    assert!(socket.send(&call_of(limit)).await);
    assert_eq!(in_short(&socket.text().await), "1 ok");
    let too_large = "null -32007 REQUEST_TOO_LARGE";
    for _ in 0..2 {
        let reply = http.post(&call_of(limit + 1)).await.unwrap();
        assert_eq!((reply.status, in_short(&reply.body).as_str()), (413, too_large));
        assert!(socket.send(&call_of(limit + 1)).await);
        assert_eq!(in_short(&socket.text().await), too_large);
    }
    assert_eq!(in_short(&http.post(&call_of(100)).await.unwrap().body), "1 ok", "the connection goes on");
    assert!(socket.send(&call_of(100)).await);
    assert_eq!(in_short(&socket.text().await), "1 ok", "the connection goes on");
    socket.send_in_pieces(&call_of(limit + 1), limit / 2).await;
    assert!(matches!(socket.hear().await, Heard::Pong(_)));
    assert_eq!(in_short(&socket.text().await), too_large, "in pieces, too");

    // A frame that says it is far above: told before it is read, and closed.
    let mut socket = Socket::connect(rpc, "/ws").await.unwrap();
    let length = u64::try_from(limit * 100).unwrap().to_be_bytes();
    assert!(socket.raw(&[&[0x81, 0xff][..], &length, &[0; 4]].concat()).await);
    assert_eq!(in_short(&socket.text().await), too_large);
    assert!(matches!(socket.hear().await, Heard::Closed(_)));
}

/// Pages, keys and values.
async fn contents(testnet: &Testnet) {
    let rpc = &testnet.network.node("n0").unwrap().rpc;
    let mut both = Both::connect(rpc).await;
    for limit in [1, 1000] {
        both.result("chain_listBlocks", json!({"group": 1, "limit": limit})).await;
        both.result("state_scan", json!({"prefix": "0x", "limit": limit})).await;
        both.result("shard_locks", json!({"group": 1, "limit": limit})).await;
    }
    let key = format!("0x{}", "61".repeat(256));
    both.result("state_get", json!({"key": key})).await;
    both.result("state_getMany", json!({"keys": vec![key; 128]})).await;

    let client = testnet.client("n0");
    let put = |key: usize, value: usize| Op::Put { key: Key(vec![b'k'; key]), value: vec![b'v'; value] };
    let submit = async |ops: Vec<Op>| client.submit(&testnet.signed(ops), Wait::Committed, PATIENCE).await;
    let most: Vec<Op> = (0..128).map(|place| put(1 + place, 0)).collect();
    for ops in [vec![put(256, 65_536)], most.clone()] {
        assert_eq!(submit(ops).await.unwrap().status, TransactionState::Committed);
    }
    let whole = largest(testnet);
    assert_eq!(
        client.submit(&whole, Wait::Committed, PATIENCE).await.unwrap().status,
        TransactionState::Committed
    );
    let above = [
        (vec![put(257, 1)], "MALFORMED"),
        (vec![put(1, 65_537)], "TOO_LARGE"),
        ([most, vec![put(200, 0)]].concat(), "MALFORMED"),
        (vec![put(1, 60_000), put(2, 60_000), put(3, 11_000)], "TOO_LARGE"),
    ];
    for (ops, reason) in above {
        let [answer, _] = both.call("tx_submit", &json!({"tx": hex(&testnet.signed(ops))})).await;
        let error = &answer["error"];
        assert_eq!((&error["code"], &error["data"]["reason"]), (&json!(-32020), &json!(reason)), "{answer}");
    }
}

/// A transaction of exactly the most bytes.
fn largest(testnet: &Testnet) -> SignedTransaction {
    let put = |key: &str, value: usize| Op::Put { key: Key::from(key), value: vec![b'v'; value] };
    let of = |last: usize| testnet.signed(vec![put("large/0", 65_536), put("large/1", last)]);
    let missing = 131_072 - of(60_000).size();
    let whole = of(60_000 + missing);
    assert_eq!(whole.size(), 131_072);
    whole
}

/// The limits of a node with the usual settings.
pub(crate) async fn by_default(testnet: &Testnet) {
    messages(&testnet.network.node("n1").unwrap().rpc, BODY).await;
    contents(testnet).await;
}

/// The limits of n1, which has [`SMALL`] ones.
pub(crate) async fn small(testnet: &Testnet) {
    let rpc = &testnet.network.node("n1").unwrap().rpc;
    messages(rpc, 5000).await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"node_version"}"#;
    let status = r#"{"jsonrpc":"2.0","id":2,"method":"node_status"}"#;
    let mut both = Both::connect(rpc).await;
    let cases = [
        (format!("[{call},{call},{call}]"), "[1 ok, 1 ok, 1 ok]"),
        (format!("[{call},{call},{call},{call}]"), "null -32010 BATCH_TOO_LARGE"),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"rpc.discover"}"#.into(), "1.5 -32008 RESPONSE_TOO_LARGE"),
        (format!("[{status},{status},{status}]"), "[2 ok, 2 ok, 2 -32011 BATCH_RESPONSE_TOO_LARGE]"),
    ];
    for (body, expected) in cases {
        let answers = both.send(body.as_bytes(), true).await;
        assert_eq!(answers, [expected, expected], "{body}");
    }
    drop(both);
    connections(rpc).await;
}

/// As many connections as there may be, of either kind; one more is closed, and one fewer makes room.
async fn connections(rpc: &str) {
    let mut open = until("six connections fit", async || {
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut http = Http::connect(rpc).await;
            http.post(&call_of(100)).await?;
            open.push((http, Socket::connect(rpc, "/ws").await.ok()?));
        }
        Some(open)
    })
    .await;
    assert!(Http::connect(rpc).await.post(&call_of(100)).await.is_none(), "a seventh is closed");
    assert!(Socket::connect(rpc, "/ws").await.is_err(), "a seventh is closed");
    for (http, socket) in &mut open {
        assert_eq!(in_short(&http.post(&call_of(100)).await.unwrap().body), "1 ok", "the others go on");
        assert!(socket.send(&call_of(100)).await);
        assert_eq!(in_short(&socket.text().await), "1 ok", "the others go on");
    }
    open.pop();
    until("there is room again", async || Http::connect(rpc).await.post(&call_of(100)).await).await;
}

/// As many subscriptions as a connection may have; one more is refused, and one fewer makes room.
pub(crate) async fn subscriptions(testnet: &Testnet) {
    let rpc = &testnet.network.node("n0").unwrap().rpc;
    let mut socket = Socket::connect(rpc, "/ws").await.unwrap();
    let known = testnet_has(testnet, "consensus_subscribe").await;
    if !known {
        return;
    }
    let mut first = Value::Null;
    for number in 1..=65 {
        let call =
            json!({"jsonrpc": "2.0", "id": number, "method": "consensus_subscribe", "params": {"group": 1}});
        assert!(socket.send(call.to_string().as_bytes()).await);
        let answer = answer_to(&mut socket, number).await;
        match number {
            1 => first = answer["result"].clone(),
            65 => assert_eq!(answer["error"]["code"], -32006, "{answer}"),
            _ => assert!(answer["error"].is_null(), "{answer}"),
        }
    }
    let end = json!({"jsonrpc": "2.0", "id": 66, "method": "consensus_unsubscribe", "params": [first]});
    assert!(socket.send(end.to_string().as_bytes()).await);
    assert_eq!(answer_to(&mut socket, 66).await["result"], true);
    let deadline = std::time::Instant::now() + crate::network::DEADLINE;
    for number in 67.. {
        let call =
            json!({"jsonrpc": "2.0", "id": number, "method": "consensus_subscribe", "params": {"group": 1}});
        assert!(socket.send(call.to_string().as_bytes()).await);
        if answer_to(&mut socket, number).await["error"].is_null() {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "the one that ended makes room");
    }
}

async fn testnet_has(testnet: &Testnet, method: &str) -> bool {
    let rpc = &testnet.network.node("n0").unwrap().rpc;
    let document = Both::connect(rpc).await.result("rpc.discover", json!({})).await;
    document.to_string().contains(&format!("\"{method}\""))
}

/// The answer to a call, news left aside.
async fn answer_to(socket: &mut Socket, id: u64) -> Value {
    loop {
        let answer: Value = serde_json::from_slice(&socket.text().await).unwrap();
        if answer["id"] == id {
            return answer;
        }
        assert!(answer["method"].is_string(), "neither the answer nor news: {answer}");
    }
}
