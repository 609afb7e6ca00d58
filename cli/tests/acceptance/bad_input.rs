//! Bad input gets the answer that is written down, and costs nobody else anything.

use crate::http::{Answer, call, post};
use crate::network::{Testnet, now_ms, put};
use serde_json::{Value, json};
use std::time::Duration;
use witan_testnet::rpc::{TransactionState, Wait};
use witan_types::{Account, ChainId, Hash, Key, Op, SignedTransaction, Transaction, Wire as _};

stories! {
    on_four_validators: [
        each_transaction_that_is_wrong_is_refused_for_what_is_wrong_with_it,
        an_overdraft_fails_as_a_result_and_a_duplicate_is_the_same_transaction,
        each_request_that_is_wrong_gets_its_json_rpc_error,
    ];
}

const REJECTED: i64 = -32020;

/// A transaction's bytes as a parameter.
pub(crate) fn hex(tx: &SignedTransaction) -> Value {
    format!("0x{}", hex::encode(tx.encode())).into()
}

async fn submit(testnet: &Testnet, tx: Value) -> Answer {
    let rpc = &testnet.network.node("n0").unwrap().rpc;
    call(rpc, "tx_submit", json!({"tx": tx, "wait": "committed", "timeoutMs": 30_000})).await
}

/// A transaction that would be right, changed before it is signed.
fn changed(testnet: &Testnet, change: impl FnOnce(&mut Transaction)) -> SignedTransaction {
    let mut transaction = testnet.unsigned(0, vec![put("bad", "input")]);
    change(&mut transaction);
    transaction.sign(&testnet.secret(0))
}

/// Transactions that no mempool takes, each with the reason.
pub(crate) fn refused(testnet: &Testnet) -> Vec<(&'static str, Value, &'static str)> {
    let mut forged = testnet.signed(vec![put("bad", "signature")]);
    forged.signature.0[7] ^= 1;
    let other_signer = testnet.unsigned(0, vec![put("bad", "signer")]).sign(&testnet.secret(1));
    let chain = changed(testnet, |tx| tx.chain = ChainId(Hash([7; 32])));
    let expired = changed(testnet, |tx| tx.expires_at_ms = now_ms() - 60_000);
    let too_far = changed(testnet, |tx| tx.expires_at_ms = now_ms() + 3_600_000);
    let value = |bytes: usize| Op::Put { key: Key::from("large"), value: vec![b'x'; bytes] };
    let large_value = changed(testnet, |tx| tx.ops = vec![value(65_537)]);
    let large = changed(testnet, |tx| tx.ops = vec![value(60_000), value(60_000), value(60_000)]);
    let nothing = changed(testnet, |tx| tx.ops = Vec::new());
    let no_key = changed(testnet, |tx| tx.ops = vec![put("", "no key")]);
    let stranger = Account(testnet.secret(1).public());
    let theirs = changed(testnet, |tx| tx.ops = vec![put(&format!("@{stranger}/home"), "mine")]);
    let own = Account(testnet.secret(0).public());
    let balance = changed(testnet, |tx| tx.ops = vec![put(&format!("@{own}/balance"), "riches")]);
    let whole = hex(&testnet.signed(vec![put("bad", "form")]));
    let whole = whole.as_str().unwrap();
    vec![
        ("a forged signature", hex(&forged), "BAD_SIGNATURE"),
        ("another's signature", hex(&other_signer), "BAD_SIGNATURE"),
        ("another chain", hex(&chain), "WRONG_CHAIN"),
        ("one that expired", hex(&expired), "EXPIRED"),
        ("one that expires too late", hex(&too_far), "EXPIRY_TOO_FAR"),
        ("a value above the limit", hex(&large_value), "TOO_LARGE"),
        ("one above the limit", hex(&large), "TOO_LARGE"),
        ("one that does nothing", hex(&nothing), "MALFORMED"),
        ("a put without a key", hex(&no_key), "MALFORMED"),
        ("bytes cut short", whole[..whole.len() - 2].into(), "MALFORMED"),
        ("bytes too many", format!("{whole}00").into(), "MALFORMED"),
        ("no bytes at all", "0x".into(), "MALFORMED"),
        ("random bytes", format!("0x{}", hex::encode(rand::random::<[u8; 32]>())).into(), "MALFORMED"),
        ("another account's key", hex(&theirs), "FORBIDDEN_KEY"),
        ("a balance by put", hex(&balance), "FORBIDDEN_KEY"),
    ]
}

async fn each_transaction_that_is_wrong_is_refused_for_what_is_wrong_with_it(testnet: &mut Testnet) {
    let before = testnet.pids();
    for (what, tx, reason) in refused(testnet) {
        let answer = submit(testnet, tx).await;
        assert_eq!(answer.error(), (REJECTED, reason), "{what}: {answer:?}");
        let data = &answer.body["error"]["data"];
        assert!(data["hint"].is_string() && data["retryable"] == false, "{what}: {data}");
        testnet.put("n0", "and the next one", what).await;
    }
    let batch: Vec<Value> = refused(testnet).into_iter().map(|(_, tx, _)| tx).collect();
    let good = testnet.signed(vec![put("in bad company", "and yet")]);
    let all: Vec<Value> = batch.iter().cloned().chain([hex(&good)]).collect();
    let rpc = testnet.network.node("n1").unwrap().rpc.clone();
    let answer = call(&rpc, "tx_submitBatch", json!({"txs": all})).await;
    let items = answer.body["result"]["items"].as_array().unwrap();
    let reasons: Vec<_> = items.iter().filter_map(|item| item["error"]["data"]["reason"].as_str()).collect();
    assert_eq!(reasons, refused(testnet).iter().map(|(_, _, reason)| *reason).collect::<Vec<_>>());
    assert_eq!(items.last().unwrap()["txId"], good.id().to_string());

    testnet.goes_on("bad transactions").await;
    assert_eq!(testnet.text_at("n2", "bad").await, None, "nothing of them was done");
    assert_eq!(testnet.text_at("n2", "in bad company").await.as_deref(), Some("and yet"));
    assert_eq!(testnet.pids(), before, "no node died of it");
    testnet.same_chain(&testnet.names()).await;
}

async fn an_overdraft_fails_as_a_result_and_a_duplicate_is_the_same_transaction(testnet: &mut Testnet) {
    let to = Account(testnet.secret(1).public());
    let overdraft =
        testnet.signed(vec![Op::Transfer { to, amount: u128::from(u64::MAX) }, put("paid", "yes")]);
    let answer = submit(testnet, hex(&overdraft)).await;
    let result = &answer.body["result"];
    assert_eq!(
        (result["status"].as_str(), result["result"]["reason"].as_str()),
        (Some("failed"), Some("INSUFFICIENT_BALANCE")),
        "{answer:?}"
    );
    assert_eq!(testnet.text_at("n0", "paid").await, None, "all or nothing");

    let tx = testnet.signed(vec![Op::Transfer { to, amount: 5 }]);
    let first = submit(testnet, hex(&tx)).await.body["result"].clone();
    assert_eq!(first["status"], "committed");
    for node in testnet.names() {
        let again =
            testnet.client(&node).submit(&tx, Wait::Committed, Duration::from_secs(30)).await.unwrap();
        assert_eq!((again.tx_id, again.status), (tx.id(), TransactionState::Committed), "through {node}");
        assert_eq!(again.height, first["height"].as_u64(), "through {node}");
    }
    let received = testnet.client("n3").account(to, witan_testnet::rpc::At::Latest).await.unwrap();
    assert_eq!(received.balance, witan_testnet::local::BALANCE + 5, "paid once");
    testnet.goes_on("an overdraft and duplicates").await;
    testnet.same_chain(&testnet.names()).await;
}

async fn each_request_that_is_wrong_gets_its_json_rpc_error(testnet: &mut Testnet) {
    let before = testnet.pids();
    let rpc = testnet.network.node("n0").unwrap().rpc.clone();
    let version = json!({"jsonrpc": "2.0", "id": 1, "method": "node_version"});
    let many = Value::Array(vec![version.clone(); 101]).to_string();
    let large = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"node_version","params":{{"x":"{}"}}}}"#,
        "y".repeat(2 << 20)
    );
    let posted: [(&str, &[u8], i64); 8] = [
        ("no JSON", b"{\"jsonrpc\": \"2.0\", ", -32700),
        ("no UTF-8", b"\xff\xfe\xfd", -32700),
        ("an empty body", b"", -32700),
        ("no request", b"{\"id\": 1, \"hello\": 1}", -32600),
        ("no requests", b"[]", -32600),
        ("a body of 2 MiB", large.as_bytes(), -32007),
        ("a batch over the limit", many.as_bytes(), -32010),
        ("deep nesting", &[b'['; 100_000], -32700),
    ];
    for (what, body, code) in posted {
        let answer = post(&rpc, body).await;
        assert_eq!(answer.error().0, code, "{what}: {answer:?}");
        testnet.put("n0", "and the next one", what).await;
    }
    let good = hex(&testnet.signed(vec![put("one of", "too many")]));
    let called = [
        ("an unknown method", "state_destroy", json!({}), -32601),
        ("no key", "state_get", json!({}), -32602),
        ("a key that is a number", "state_get", json!({"key": 7}), -32602),
        ("an unknown parameter", "state_get", json!({"key": "0x00", "color": "red"}), -32602),
        ("a height that is not there", "chain_getBlock", json!({"group": 1, "at": 1_000_000}), -32032),
        ("a group that is not there", "chain_getBlock", json!({"group": 9, "at": 1}), -32030),
        ("an unknown transaction form", "tx_submit", json!({"tx": 5}), -32602),
        ("too many transactions", "tx_submitBatch", json!({"txs": vec![good; 101]}), -32602),
        ("a cursor made up", "state_scan", json!({"prefix": "0x61", "cursor": "mine"}), -32034),
    ];
    for (what, method, params, code) in called {
        let answer = call(&rpc, method, params).await;
        assert_eq!((answer.status, answer.error().0), (200, code), "{what}: {answer:?}");
        testnet.put("n0", "and the next one", what).await;
    }
    testnet.goes_on("bad requests").await;
    assert_eq!(testnet.text_at("n2", "one of").await, None, "nothing of a refused batch was done");
    assert_eq!(testnet.pids(), before, "no node died of it");
}
