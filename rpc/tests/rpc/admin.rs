//! The owner's socket.

use jsonrpsee::core::async_trait;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use witan_rpc::RpcError;
use witan_rpc::server::{AdminBackend, start_admin};
use witan_types::NodeId;

/// Notes down what it is asked to do.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn note(&self, what: impl ToString) -> Result<(), RpcError> {
        self.0.lock().unwrap().push(what.to_string());
        Ok(())
    }
}

#[async_trait]
impl AdminBackend for Notes {
    async fn add_peer(&self, peer: &str) -> Result<NodeId, RpcError> {
        self.note(format!("add {peer}")).map(|()| NodeId::default())
    }

    async fn remove_peer(&self, node: NodeId) -> Result<(), RpcError> {
        self.note(format!("remove {node}"))
    }

    async fn set_log_filter(&self, filter: &str) -> Result<(), RpcError> {
        self.note(format!("filter {filter}"))
    }

    async fn pause_voting(&self, paused: bool) -> Result<(), RpcError> {
        self.note(format!("paused {paused}"))
    }

    async fn shut_down(&self) -> Result<(), RpcError> {
        self.note("shut down")
    }

    async fn debug_bundle(&self) -> Result<Value, RpcError> {
        Ok(json!({"version": 1}))
    }
}

/// A socket in a folder of its own, with who answers there.
async fn socket() -> (tempfile::TempDir, PathBuf, Arc<Notes>) {
    let folder = tempfile::tempdir().unwrap();
    let (path, notes) = (folder.path().join("admin.sock"), Arc::new(Notes::default()));
    start_admin(&path, Arc::clone(&notes) as Arc<dyn AdminBackend>).await.unwrap();
    (folder, path, notes)
}

async fn call(path: &Path, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n{body}",
        body.len()
    );
    let mut socket = UnixStream::connect(path).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn the_owner_is_obeyed_and_nobody_else_can_open_the_socket() {
    let (_folder, path, notes) = socket().await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let id = format!("0x{}", "11".repeat(32));
    let calls = [
        ("admin_addPeer", json!({"peer": "someone"})),
        ("admin_removePeer", json!([id])),
        ("admin_setLogFilter", json!({"filter": "debug"})),
        ("admin_pauseVoting", json!([])),
        ("admin_resumeVoting", json!([])),
        ("admin_shutdown", json!([])),
    ];
    for (method, params) in calls {
        assert!(call(&path, method, params).await["error"].is_null(), "{method}");
    }
    let asked = notes.0.lock().unwrap().clone();
    let removed = format!("remove {id}");
    assert_eq!(asked, ["add someone", &removed, "filter debug", "paused true", "paused false", "shut down"]);
    assert_eq!(call(&path, "admin_debugBundle", json!([])).await["result"], json!({"version": 1}));
}

#[tokio::test]
async fn what_this_release_has_not_is_said_and_what_is_wrong_is_named() {
    let (_folder, path, _) = socket().await;
    for method in ["admin_snapshot", "admin_prune"] {
        let error = call(&path, method, json!([])).await["error"].take();
        assert_eq!((&error["code"], &error["data"]["reason"]), (&json!(-32043), &json!("UNSUPPORTED")));
    }
    let error = call(&path, "admin_removePeer", json!({"nodeId": "x"})).await["error"].take();
    assert_eq!((&error["code"], &error["data"]["parameter"]), (&json!(-32602), &json!("nodeId")));
    assert_eq!(
        call(&path, "state_get", json!(["0x61"])).await["error"]["code"],
        -32601,
        "users' methods are not here"
    );
}

#[tokio::test]
async fn a_socket_that_an_ended_process_left_is_taken_over() {
    let (folder, path, _) = socket().await;
    start_admin(&path, Arc::new(Notes::default())).await.unwrap();
    assert_eq!(call(&path, "admin_pauseVoting", json!([])).await["result"], json!({"paused": true}));
    drop(folder);
}
