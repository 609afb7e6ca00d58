//! The document's own examples, tried on a live node: what they hold of transactions is signed for this network first.

use super::both::{Both, check_error};
use super::shape::violates;
use super::wire::Socket;
use crate::network::{Testnet, now_ms};
use serde_json::{Map, Value, json};
use witan_testnet::rpc::Encoding;
use witan_testnet::rpc::transaction_json::{signed_to_json, unsigned_from_json, unsigned_to_json};
use witan_types::Account;

/// Tries the example of every method.
pub(crate) async fn every_example(testnet: &Testnet) {
    let rpc = &testnet.network.node("n0").unwrap().rpc;
    let mut both = Both::connect(rpc).await;
    let document = both.result("rpc.discover", json!({})).await;
    let mut salt = 0;
    for method in document["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        let Some(example) = method["examples"].as_array().and_then(|examples| examples.first()) else {
            assert!(name.contains("nsubscribe"), "{name} has no example");
            continue;
        };
        salt += 1;
        let params = made_ours(testnet, example, salt);
        if method["x-subscription"].is_object() {
            starts(rpc, method, &params).await;
            continue;
        }
        for answer in both.call(name, &params).await {
            assert!(answer["error"].is_null(), "{name} {params}: {answer}");
            let fault = violates(&answer["result"], &method["result"]["schema"], &document, "result");
            assert_eq!(fault, None, "{name} {params}: {answer}");
        }
    }
    both.result("fault_clear", json!({})).await;
}

/// The parameters of an example, with its transactions signed for this network.
fn made_ours(testnet: &Testnet, example: &Value, salt: u64) -> Value {
    let given = example["params"].as_array().unwrap().iter();
    let own = |parameter: &Value| {
        let (name, value) = (parameter["name"].as_str().unwrap(), &parameter["value"]);
        let value = match (name, value) {
            ("tx", Value::Object(_)) => signed(testnet, value, salt),
            ("txs", Value::Array(txs)) => txs.iter().map(|value| signed(testnet, value, salt)).collect(),
            ("unsigned", Value::Object(_)) => Value::Object(unsigned(testnet, value, salt)),
            _ => value.clone(),
        };
        (name.to_owned(), value)
    };
    Value::Object(given.map(own).collect())
}

/// A transaction's JSON form with this network's chain, account and time.
fn unsigned(testnet: &Testnet, example: &Value, salt: u64) -> Map<String, Value> {
    let mut json = example.as_object().unwrap().clone();
    json.remove("signature");
    json.insert("chain".into(), testnet.network.description().chain.to_string().into());
    json.insert("signer".into(), Account(testnet.secret(0).public()).to_string().into());
    json.insert("salt".into(), salt.to_string().into());
    json.insert("expiresAtMs".into(), (now_ms() + 60_000).into());
    let transaction = unsigned_from_json(&json, "unsigned", Encoding::Utf8).unwrap();
    unsigned_to_json(&transaction, Encoding::Utf8).unwrap()
}

fn signed(testnet: &Testnet, example: &Value, salt: u64) -> Value {
    let json = unsigned(testnet, example, salt);
    let transaction = unsigned_from_json(&json, "unsigned", Encoding::Utf8).unwrap();
    Value::Object(signed_to_json(&transaction.sign(&testnet.secret(0)), Encoding::Utf8).unwrap())
}

/// Starts a subscription, and ends it.
async fn starts(rpc: &str, method: &Value, params: &Value) {
    let mut socket = Socket::connect(rpc, "/ws").await.unwrap();
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method["name"], "params": params});
    assert!(socket.send(request.to_string().as_bytes()).await);
    let answer: Value = serde_json::from_slice(&socket.text().await).unwrap();
    if !answer["error"].is_null() {
        check_error(&answer["error"]);
    }
    assert!(answer["result"].is_string(), "{request}: {answer}");
}
