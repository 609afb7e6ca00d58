//! Who may call a node, how often, and what its owner alone may do.

use crate::command::{run, text, witan};
use crate::http::call;
use crate::network::{DEADLINE, Testnet, on_four_validators, until};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use witan_types::EngineKind;

/// Calls a second that one address may make of the node that limits its own machine.
const LIMIT: u32 = 20;

#[test]
fn a_node_is_open_to_whom_its_owner_lets_in() {
    on_four_validators(EngineKind::HotStuff, async |testnet| {
        a_token_is_asked_for(testnet).await;
        too_many_calls_are_told_when_to_come_again(testnet).await;
        the_owner_is_obeyed(testnet).await;
    });
}

async fn a_token_is_asked_for(testnet: &mut Testnet) {
    let home = testnet.network.node("n1").unwrap().home.clone();
    let token = home.join("rpc.token");
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&token);
    file.unwrap().write_all(b"a-token-of-many-characters\n").unwrap();
    set(testnet, "n1", "auth = \"off\"", "auth = \"rpc.token\"").await;
    let rpc = testnet.network.node("n1").unwrap().rpc.clone();

    let refused = call(&rpc, "node_version", json!({})).await;
    assert_eq!((refused.status, refused.error()), (401, (-32041, "UNAUTHORIZED")));
    let said = run(&["state", "get", "greeting", "--rpc", &rpc]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("bearer token"), "{said:?}");
    let said = run(&["state", "get", "greeting", "--rpc", &rpc, "--rpc-token", text(&token)]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = run(&["explain", "--rpc", &rpc]).await;
    assert!(said.code == Some(1) && said.stderr.contains("--rpc-token"), "{said:?}");
    let said = run(&["explain", "--rpc", &rpc, "--rpc-token", text(&token)]).await;
    assert!(said.code == Some(0) && said.stdout.contains("n1"), "{said:?}");
    who_follows_shows_it_too(testnet, &rpc, &token).await;
}

async fn who_follows_shows_it_too(testnet: &Testnet, rpc: &str, token: &Path) {
    let ending = testnet.put("n0", "followed", "x").await.tx_id.to_string();
    let watch = ["tx", "watch", &ending, "--rpc", rpc];
    for command in
        [&watch[..], &["chain", "blocks", "--follow", "--rpc", rpc], &["state", "watch", "a", "--rpc", rpc]]
    {
        let said = run(command).await;
        assert_eq!(said.code, Some(1), "{said:?}");
        for named in ["bearer token", "--rpc-token"] {
            assert!(said.stderr.contains(named), "{said:?}");
        }
    }
    let said = run(&[&watch[..], &["--rpc-token", text(token)]].concat()).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("committed"), "{said:?}");

    // Commands without an end are heard until they have told something.
    let follow = ["chain", "blocks", "--follow", "--group", "1", "--from", "0", "--rpc", rpc];
    let mut blocks = witan(&[&follow[..], &["--rpc-token", text(token)]].concat()).spawn().unwrap();
    let mut lines = BufReader::new(blocks.stdout.take().unwrap()).lines();
    let first = tokio::time::timeout(DEADLINE, lines.next_line()).await.expect("a block").unwrap();
    assert!(first.as_ref().is_some_and(|line| line.starts_with("block 0 of group 1 ")), "{first:?}");
}

async fn too_many_calls_are_told_when_to_come_again(testnet: &mut Testnet) {
    set(testnet, "n2", "limit_loopback = false", "limit_loopback = true").await;
    set(testnet, "n2", "requests_per_second = 1000", &format!("requests_per_second = {LIMIT}")).await;
    let rpc = testnet.network.node("n2").unwrap().rpc.clone();
    let mut last = None;
    for _ in 0..LIMIT * 20 {
        let answer = call(&rpc, "node_version", json!({})).await;
        if !answer.body["error"].is_null() {
            last = Some(answer);
            break;
        }
    }
    let refused = last.expect("twenty times the limit as fast as it answers");
    assert_eq!((refused.status, refused.error()), (200, (-32040, "RATE_LIMITED")));
    let data = &refused.body["error"]["data"];
    assert_eq!(data["retryable"], true);
    assert!(data["retryAfterMs"].as_u64().unwrap() > 0, "{data}");
}

async fn the_owner_is_obeyed(testnet: &mut Testnet) {
    let socket = testnet.network.node("n3").unwrap().home.join("data/admin.sock");
    assert_eq!(
        ask(&socket, "admin_setLogFilter", json!(["warn,witan_node=debug"])).await["result"]["filter"],
        "warn,witan_node=debug"
    );
    let bundle = ask(&socket, "admin_debugBundle", json!([])).await;
    assert_eq!(bundle["result"]["status"]["name"], "n3");
    assert_eq!(ask(&socket, "admin_snapshot", json!([])).await["error"]["data"]["reason"], "UNSUPPORTED");
    let rpc = testnet.network.node("n3").unwrap().rpc.clone();
    assert_eq!(call(&rpc, "admin_shutdown", json!([])).await.error().0, -32601, "not on the public port");

    // With n2 gone and n3 silent, two of the three votes are left: nothing commits until n3 speaks again.
    testnet.network.stop("n2").await.unwrap();
    assert_eq!(ask(&socket, "admin_pauseVoting", json!([])).await["result"]["paused"], true);
    let body = json!({"tx": signed(testnet), "timeoutMs": 3_000});
    let waited = call(&testnet.network.node("n0").unwrap().rpc.clone(), "tx_submit", body.clone()).await;
    assert_eq!(waited.error(), (-32023, "WAIT_TIMEOUT"), "{waited:?}");
    assert_eq!(ask(&socket, "admin_resumeVoting", json!([])).await["result"]["paused"], false);
    let body = json!({"tx": body["tx"], "timeoutMs": 60_000});
    let answer = call(&testnet.network.node("n0").unwrap().rpc.clone(), "tx_submit", body).await;
    assert_eq!(answer.body["result"]["status"], "committed", "{answer:?}");

    assert_eq!(ask(&socket, "admin_shutdown", json!([])).await["result"]["stopping"], true);
    until("the node that was told to has stopped", async || {
        testnet.network.pid("n3").is_none().then_some(())
    })
    .await;
}

fn signed(testnet: &Testnet) -> String {
    use witan_types::Wire as _;
    format!("0x{}", hex::encode(testnet.signed(vec![crate::network::put("access", "granted")]).encode()))
}

/// Starts a node again with one line of its configuration changed.
async fn set(testnet: &mut Testnet, node: &str, line: &str, wanted: &str) {
    testnet.network.stop(node).await.unwrap();
    let path: PathBuf = testnet.network.node(node).unwrap().home.join("config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let changed = if config.contains(line) {
        config.replace(line, wanted)
    } else {
        config.replace("[rpc]\n", &format!("[rpc]\n{wanted}\n"))
    };
    assert_ne!(changed, config, "{node} has a section for RPC");
    std::fs::write(&path, changed).unwrap();
    testnet.network.start(node).unwrap();
    let rpc = testnet.network.node(node).unwrap().rpc.clone();
    let address = rpc.strip_prefix("http://").unwrap().to_owned();
    until(&format!("{node} listens"), async || {
        tokio::net::TcpStream::connect(&address).await.ok().map(|_| ())
    })
    .await;
}

/// Calls a method on an owner's socket.
async fn ask(socket: &Path, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n",
        body.len()
    );
    let talk = async {
        let mut stream = UnixStream::connect(socket).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(DEADLINE, talk).await.expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
