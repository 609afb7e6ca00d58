//! JSON-RPC 2.0 over HTTP, to the letter.

use crate::support::{FakeNode, devnet, post, put, send, serve};
use serde_json::{Value, json};
use witan_rpc::encoding::write_hex;
use witan_rpc::*;
use witan_types::Wire as _;

fn call(id: &str, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
}

#[tokio::test]
async fn an_answer_has_the_id_as_it_was_written() {
    let network = devnet().await;
    let address = network.server.local_addr();
    for id in ["7", "-1", "1.50", "1e400", "18446744073709551616", r#""x""#, "null"] {
        for (method, member) in [("node_health", "result"), ("no_such", "error")] {
            let answer = post(address, call(id, method)).await;
            assert_eq!(answer.status, 200);
            let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"{member}":{{"#);
            assert!(answer.body.starts_with(&start), "{}", answer.body);
        }
        let batch = post(address, format!("[{}]", call(id, "node_health"))).await.body;
        assert!(batch.starts_with(&format!(r#"[{{"jsonrpc":"2.0","id":{id},"result":{{"#)), "{batch}");
    }
}

#[tokio::test]
async fn a_notification_is_done_and_not_answered() {
    let network = devnet().await;
    let address = network.server.local_addr();
    let tx = put("k", b"v", 1);
    let notification =
        json!({"jsonrpc": "2.0", "method": "tx_submit", "params": [write_hex(&tx.encode()), "committed"]});
    for body in [notification.to_string(), json!([notification, notification]).to_string()] {
        let answer = post(address, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_eq!(network.node.submitted.lock().unwrap().len(), 3);
    let mixed = json!([notification, {"jsonrpc": "2.0", "id": "a", "method": "node_health"}, 5]);
    let answers = post(address, mixed.to_string()).await.json();
    let ids: Vec<&Value> = answers.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!("a"), &Value::Null]);
    assert_eq!(answers[1]["error"]["code"], -32600);
}

#[tokio::test]
async fn errors_of_the_protocol_have_reasons_too() {
    let config = RpcConfig { devnet: true, max_response_bytes: 2_000, ..RpcConfig::default() };
    let network = serve(FakeNode::default(), config).await;
    let address = network.server.local_addr();
    let batch = format!("[{}]", vec![call("1", "node_status"); 100].join(","));
    let cases = [
        ("hello".to_owned(), -32700, "PARSE_ERROR"),
        ("{}".to_owned(), -32600, "INVALID_REQUEST"),
        (call("1", "no_such"), -32601, "METHOD_NOT_FOUND"),
        (call("1", "rpc.discover"), -32008, "RESPONSE_TOO_LARGE"),
        (format!("[{}]", vec!["1"; 101].join(",")), -32010, "BATCH_TOO_LARGE"),
        (" ".repeat(1024 * 1024 + 1), -32007, "REQUEST_TOO_LARGE"),
    ];
    for (body, code, reason) in cases {
        let error = post(address, body).await.json()["error"].take();
        assert_eq!((&error["code"], &error["data"]["reason"]), (&json!(code), &json!(reason)), "{error}");
        assert!(error["data"]["hint"].is_string() && error["data"]["retryable"] == false, "{error}");
    }
    let answers = post(address, batch).await.json();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 100, "each call is answered, in time or not");
    assert!(answers[0]["result"].is_object());
    assert_eq!(answers[99]["error"]["data"]["reason"], "BATCH_RESPONSE_TOO_LARGE");
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let network = devnet().await;
    let body = call("1", "node_health");
    for kind in ["", "Content-Type: text/plain\r\n"] {
        let headers = format!("{kind}Content-Length: {}\r\n", body.len());
        let answer = send(network.server.local_addr(), "POST", "/", &headers, body.as_bytes()).await;
        assert_eq!(answer.status, 415);
        assert!(answer.json()["error"].is_string());
    }
}
