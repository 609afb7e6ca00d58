//! Requests as bytes on a socket: what no well-behaved client would send.

use crate::network::DEADLINE;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The code and `data.reason` of a JSON-RPC error.
    pub(crate) fn error(&self) -> (i64, &str) {
        let error = &self.body["error"];
        let code = error["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"));
        (code, error["data"]["reason"].as_str().unwrap_or_default())
    }
}

/// Posts a body to a node's RPC address.
pub(crate) async fn post(rpc: &str, body: &[u8]) -> Answer {
    let head =
        format!("POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    exchange(rpc, &head, body).await
}

/// Gets a path of a node's RPC address.
pub(crate) async fn get(rpc: &str, path: &str) -> Answer {
    exchange(rpc, &format!("GET {path} HTTP/1.1\r\n"), b"").await
}

/// Calls a method.
pub(crate) async fn call(rpc: &str, method: &str, params: Value) -> Answer {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    post(rpc, request.to_string().as_bytes()).await
}

async fn exchange(rpc: &str, head: &str, body: &[u8]) -> Answer {
    let host = rpc.strip_prefix("http://").unwrap();
    let talk = async {
        let mut stream = TcpStream::connect(host).await.unwrap();
        let head = format!("{head}Host: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let answer = tokio::time::timeout(DEADLINE, talk).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {answer:?}"));
    let status = head.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    Answer { status, body: serde_json::from_str(body).unwrap_or_else(|_| body.into()) }
}
