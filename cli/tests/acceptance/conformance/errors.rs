//! Every error code of the contract, provoked, each with its reason and its own fields.

use super::both::Both;
use super::shape::differs;
use super::world::{World, hex, hex_key};
use crate::bad_input::refused;
use crate::network::{DEADLINE, Testnet, put, until};
use futures::future::join;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Codes of the contract that this suite can't provoke, each with the reason.
pub(crate) const EXEMPT: [(i64, &str); 2] = [
    (-32040, "a devnet does not limit its own machine unless told to: access.rs"),
    (-32041, "no node here asks for a token: access.rs"),
];

/// A call that fails with this code and reason, and a template of the error's `data`.
struct Wrong {
    method: &'static str,
    params: Value,
    code: i64,
    reason: &'static str,
    data: Value,
}

fn wrong(method: &'static str, params: Value, code: i64, reason: &'static str, data: Value) -> Wrong {
    Wrong { method, params, code, reason, data }
}

fn parameter(method: &'static str, params: Value, name: &str) -> Wrong {
    wrong(method, params, -32602, "BAD_PARAMETER", json!({"parameter": name, "expected": "<text>"}))
}

fn parameters(world: &World) -> Vec<Wrong> {
    let key = hex_key(&world.keys[0]);
    let tx = hex(&world.fresh[0]);
    let long = format!("0x{}", "61".repeat(257));
    let changed = |name: &str, value: Value| {
        let mut unsigned = world.unsigned.clone();
        unsigned[name] = value;
        json!({ "unsigned": unsigned })
    };
    vec![
        parameter("state_get", json!({"key": long}), "key"),
        parameter("state_get", json!({"key": key, "at": "newest"}), "at"),
        parameter("state_get", json!({"key": key, "at": -1}), "at"),
        parameter("state_get", json!({"key": key, "prove": 1}), "prove"),
        parameter("state_get", json!({"key": key, "encoding": "HEX"}), "encoding"),
        parameter("state_get", json!({"key": key, "strict": true, "prove": true}), "prove"),
        parameter("state_getMany", json!({"keys": key}), "keys"),
        parameter("state_getMany", json!({"keys": [key, 5]}), "keys"),
        parameter("state_getMany", json!({"keys": [], "strict": true}), "keys"),
        parameter("state_getMany", json!({"keys": vec![key.clone(); 129]}), "keys"),
        parameter("state_scan", json!({}), "prefix"),
        parameter("state_scan", json!({"prefix": "0x61", "start": "0x61"}), "prefix"),
        parameter("state_scan", json!({"prefix": "0x61", "limit": 0}), "limit"),
        parameter("state_scan", json!({"prefix": "0x61", "limit": 1001}), "limit"),
        parameter("state_account", json!({"account": world.accounts[0].to_uppercase()}), "account"),
        parameter("chain_listBlocks", json!({"group": 1, "limit": 1001}), "limit"),
        parameter("chain_listBlocks", json!({"group": 1, "order": "up"}), "order"),
        parameter("chain_getBlock", json!({"group": 1, "txs": "all"}), "txs"),
        parameter("chain_getSeal", json!({"group": 1, "height": "latest"}), "height"),
        parameter("shard_locks", json!({"group": 1, "limit": 1001}), "limit"),
        parameter("tx_get", json!({"txId": "0x00"}), "txId"),
        parameter("tx_submit", json!({"tx": "00"}), "tx"),
        parameter("tx_submit", json!({"tx": tx, "wait": "forever"}), "wait"),
        parameter("tx_submit", json!({"tx": tx, "timeoutMs": 120_001}), "timeoutMs"),
        parameter("tx_submitBatch", json!({"txs": vec![tx.clone(); 101]}), "txs"),
        parameter("tx_prepare", changed("salt", json!("18446744073709551616")), "unsigned.salt"),
        parameter("tx_prepare", changed("salt", json!("+1")), "unsigned.salt"),
        parameter("tx_prepare", changed("ops", json!([{"op": "burn"}])), "unsigned.ops[0].op"),
        parameter(
            "tx_prepare",
            changed("ops", json!(vec![json!({"op": "get", "key": "0x61"}); 129])),
            "unsigned.ops",
        ),
        parameter("tx_prepare", changed("more", json!(1)), "unsigned.more"),
    ]
}

fn places(world: &World) -> Vec<Wrong> {
    let key = hex_key(&world.keys[0]);
    let far = 1_u64 << 40;
    let absent = |method, params| wrong(method, params, -32030, "NOT_FOUND", json!({"what": "<text>"}));
    let future =
        |method, params| wrong(method, params, -32032, "FUTURE_HEIGHT", json!({"height": "<number>"}));
    let cursor = |method, params| wrong(method, params, -32034, "CURSOR_INVALID", json!({}));
    vec![
        absent("chain_getBlock", json!({"group": 9})),
        absent("chain_listBlocks", json!({"group": 9})),
        absent("chain_getSeal", json!({"group": 9, "height": 1})),
        absent("consensus_status", json!({"group": 9})),
        absent("consensus_validators", json!({"group": 9})),
        absent("mempool_status", json!({"group": 9})),
        absent("shard_locks", json!({"group": 9})),
        future("chain_getBlock", json!({"group": 1, "at": far})),
        future("chain_getBlock", json!({"group": 1, "at": u64::MAX})),
        future("chain_getSeal", json!({"group": 1, "height": far})),
        future("state_get", json!({"key": key, "at": far})),
        future("state_scan", json!({"prefix": "0x61", "at": far})),
        // Blocks are not pruned in this release, but nothing before the first block is proved.
        wrong(
            "state_get",
            json!({"key": key, "prove": true, "at": 0}),
            -32031,
            "PRUNED",
            json!({"oldestHeight": "<number>"}),
        ),
        cursor("state_scan", json!({"prefix": "0x61", "cursor": "mine"})),
        cursor("state_scan", json!({"prefix": "0x61", "cursor": "0x"})),
        cursor("state_scan", json!({"prefix": "0x61", "cursor": "0xffffffffffffffff"})),
        cursor("chain_listBlocks", json!({"group": 1, "cursor": "0x00"})),
        cursor("shard_locks", json!({"group": 1, "cursor": "zzz"})),
    ]
}

/// Makes a wrong call over both transports and checks the error; its code.
async fn check(both: &mut Both, wrong: &Wrong) -> i64 {
    let faults = faults(both, wrong).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    wrong.code
}

/// Makes a wrong call over both transports; how the errors differ from what is written.
async fn faults(both: &mut Both, wrong: &Wrong) -> Vec<String> {
    let mut faults = Vec::new();
    for answer in both.call(wrong.method, &wrong.params).await {
        let shown: String = wrong.params.to_string().chars().take(200).collect();
        let error = &answer["error"];
        let right = error["code"] == wrong.code && error["data"]["reason"] == wrong.reason;
        let fault =
            if right { differs(&error["data"], &wrong.data, "data") } else { Some(wrong.reason.to_owned()) };
        faults.extend(fault.map(|fault| format!("{} {shown}: {fault} was expected: {answer}", wrong.method)));
    }
    faults
}

/// What goes wrong while the network works.
///
/// Returns the codes that were met.
pub(crate) async fn while_it_works(testnet: &Testnet, world: &World) -> BTreeSet<i64> {
    let mut codes = BTreeSet::new();
    let mut both = Both::connect(&testnet.network.node("n0").unwrap().rpc).await;
    let mut different = Vec::new();
    let rejected = refused(testnet).into_iter().map(|(_, tx, reason)| {
        let data = json!({"detail": "<text>", "retryable": false});
        wrong("tx_submit", json!({"tx": tx}), -32020, reason, data)
    });
    for wrong in parameters(world).into_iter().chain(places(world)).chain(rejected) {
        different.extend(faults(&mut both, &wrong).await);
        codes.insert(wrong.code);
    }
    assert!(different.is_empty(), "{} errors are wrong:\n{}", different.len(), different.join("\n"));
    let page = both.result("chain_listBlocks", json!({"group": 1, "limit": 1})).await;
    for params in [json!({"group": 1, "order": "asc"}), json!({"group": 0}), json!({"group": 2})] {
        let mut params = params;
        params["cursor"] = page["nextCursor"].clone();
        check(&mut both, &wrong("chain_listBlocks", params, -32034, "CURSOR_INVALID", json!({}))).await;
    }
    let mut elsewhere = Both::connect(&testnet.network.node("n3").unwrap().rpc).await;
    let data = json!({"group": 2, "nodes": ["<text>"]});
    check(&mut elsewhere, &wrong("chain_getBlock", json!({"group": 2}), -32030, "NOT_FOUND", data)).await;
    codes
}

/// What goes wrong while too few nodes run: n2 with a mempool of two transactions, and n3. Returns the codes that were met.
pub(crate) async fn without_quorum(testnet: &mut Testnet, world: &World) -> BTreeSet<i64> {
    for node in ["n0", "n1"] {
        testnet.network.kill(node).await.unwrap();
    }
    let key = hex_key(&world.keys[0]);
    let tx = testnet.signed(vec![put(&world.keys[0], "while nobody decides")]);
    let id = tx.id().to_string();
    let [rpc, other] = ["n2", "n3"].map(|node| testnet.network.node(node).unwrap().rpc.clone());
    let (mut waiting, mut reading) = (Both::connect(&rpc).await, Both::connect(&other).await);
    let status = json!({"txId": id, "status": "accepted", "retryable": true});
    let waits = json!({"tx": hex(&tx), "timeoutMs": 200});
    let timeout = wrong("tx_submit", waits, -32023, "WAIT_TIMEOUT", status);
    let strict = json!({"key": key, "strict": true});
    let aborted = wrong("state_get", strict, -32024, "DEADLINE", json!({"retryable": true}));
    let (timeout, aborted) = join(check(&mut waiting, &timeout), check(&mut reading, &aborted)).await;

    let more = testnet.signed(vec![put(&world.keys[0], "and one more")]);
    waiting.call("tx_submit", &json!({"tx": hex(&more), "wait": "accepted"})).await;
    let full = hex(&testnet.signed(vec![put(&world.keys[0], "one too many")]));
    let data = json!({"retryAfterMs": "<number>", "retryable": true});
    let full = json!({"tx": full, "wait": "accepted"});
    let full = check(&mut waiting, &wrong("tx_submit", full, -32022, "MEMPOOL_FULL", data)).await;

    testnet.network.kill("n2").await.unwrap();
    let lost = json!({"key": hex_key(&world.keys[1])});
    let data = json!({"detail": "<text>", "retryable": true});
    let lost = check(&mut reading, &wrong("state_get", lost, -32033, "NO_QUORUM", data)).await;

    testnet.network.start_all().unwrap();
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    let again =
        testnet.client("n1").submit(&tx, witan_testnet::rpc::Wait::Committed, DEADLINE).await.unwrap();
    assert_eq!(
        again.status,
        witan_testnet::rpc::TransactionState::Committed,
        "what timed out, once there is a quorum"
    );
    until("every node is ready", async || {
        for node in testnet.names() {
            if !testnet.client(&node).status().await.ok()?.ready {
                return None;
            }
        }
        Some(())
    })
    .await;
    [timeout, aborted, full, lost].into()
}
