//! JSON-RPC 2.0 to the letter, and HTTP and WebSocket around it.

use super::both::{Both, in_short};
use super::wire::{Heard, Http, Socket, host_of};
use crate::network::Testnet;
use serde_json::json;

/// A call of a method that needs nothing, under this id.
fn call(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"node_version"}}"#)
}

/// A call of a method with parameters.
fn with(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"shard_forKey","params":{params}}}"#)
}

const TOLD: &str = r#"{"jsonrpc":"2.0","method":"node_version"}"#;
const PARSE: &str = "null -32700 PARSE_ERROR";
const INVALID: &str = "null -32600 INVALID_REQUEST";
const PARAMETER: &str = "1 -32602 BAD_PARAMETER";

/// Ids: what the specification allows is answered as it was written.
fn ids() -> Vec<(String, String)> {
    let kept = [
        "1",
        "0",
        "-1",
        "-0",
        "1.0",
        "1.5",
        "1e3",
        "1e400",
        "18446744073709551615",
        "18446744073709551616",
        "null",
        r#""""#,
        r#""text""#,
        r#""\u0000 \" 😀""#,
    ];
    let wrong = ["true", "[]", "{}", r#"{"id":1}"#, r#""\ud800""#];
    let kept = kept.map(|id| (call(id), format!("{id} ok")));
    kept.into_iter().chain(wrong.map(|id| (call(id), INVALID.into()))).collect()
}

/// Requests alone.
fn requests() -> Vec<(String, String)> {
    let spaces = " \t\r\n".repeat(200);
    let cases = [
        (TOLD, "nothing"),
        (r#"{"jsonrpc":"2.0","method":"no_such_method"}"#, "nothing"),
        (r#"{"jsonrpc":"2.0","method":"shard_forKey","params":[7]}"#, "nothing"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no_such_method"}"#, "1 -32601 METHOD_NOT_FOUND"),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, "1 -32601 METHOD_NOT_FOUND"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"node_Version"}"#, "1 -32601 METHOD_NOT_FOUND"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"admin_shutdown"}"#, "1 -32601 METHOD_NOT_FOUND"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"node_version"}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"jsonrpc":2.0,"id":1,"method":"node_version"}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"id":1,"method":"node_version"}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"method":"node_version"}"#, INVALID),
        (r#"{"jsonrpc":"2.0","id":1}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":1}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":["node_version"]}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"node_version","params":"x"}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"node_version","params":7}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"node_version","params":null}"#, "1 ok"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"node_version","params":[]}"#, "1 ok"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"node_version","params":{}}"#, "1 ok"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"node_version","extra":[{}]}"#, "1 ok"),
        (r#"{"jsonrpc":"2.0","id":1,"\u006dethod":"node\u005fversion"}"#, "1 ok"),
        (r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"node_version"}"#, INVALID),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x","method":"node_version"}"#, "1 -32600 INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"node_version"}"#, "1 -32600 INVALID_REQUEST"),
        ("{}", INVALID),
        ("7", INVALID),
        ("\"node_version\"", INVALID),
        ("null", INVALID),
    ];
    let mut cases: Vec<_> = cases.map(|(body, short)| (body.to_owned(), short.to_owned())).into();
    cases.push((format!("{spaces}{}{spaces}", call("1")), "1 ok".into()));
    cases
}

/// Parameters.
fn parameters() -> Vec<(String, String)> {
    let deep = format!(r#"{{"key":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let cases = [
        (r#"{"key":"0x61"}"#, "1 ok"),
        (r#"["0x61"]"#, "1 ok"),
        (r#"["a","utf8"]"#, "1 ok"),
        (r#"{"encoding":"utf8","key":"a"}"#, "1 ok"),
        (r#"{"key":"0x61","encoding":null}"#, "1 ok"),
        (r#"{"k\u0065y":"0x61"}"#, "1 ok"),
        ("{}", PARAMETER),
        ("[]", PARAMETER),
        (r#"["0x61","hex",3]"#, PARAMETER),
        (r#"{"key":"0x61","color":"red"}"#, PARAMETER),
        (r#"{"KEY":"0x61"}"#, PARAMETER),
        (r#"{"key":"0x61","key":"0x61"}"#, PARAMETER),
        (r#"{"key":7}"#, PARAMETER),
        (r#"{"key":1e400}"#, PARAMETER),
        (r#"{"key":null}"#, PARAMETER),
        (r#"{"key":"0x6"}"#, PARAMETER),
        (r#"{"key":"0x00"}"#, PARAMETER),
        (r#"{"key":"\ud800","encoding":"utf8"}"#, PARAMETER),
        (&*deep, PARAMETER),
    ];
    cases.map(|(params, short)| (with(params), short.to_owned())).into()
}

/// Numbers where whole ones are wanted.
fn numbers() -> Vec<(String, String)> {
    let cases = [
        ("0", "1 ok"),
        ("-0", PARAMETER),
        ("0.0", PARAMETER),
        ("0e0", PARAMETER),
        ("-1", PARAMETER),
        ("1.5", PARAMETER),
        ("\"1\"", PARAMETER),
        ("1e400", PARAMETER),
        ("4294967296", PARAMETER),
        ("18446744073709551616", PARAMETER),
        ("9", "1 -32030 NOT_FOUND"),
        ("4294967295", "1 -32030 NOT_FOUND"),
    ];
    let call = |group: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"consensus_status","params":{{"group":{group}}}}}"#)
    };
    cases.map(|(group, short)| (call(group), short.to_owned())).into()
}

/// Batches.
fn batches() -> Vec<(String, String)> {
    let one = call("1");
    let full = vec![one.clone(); 100].join(",");
    vec![
        ("[]".into(), INVALID.into()),
        (format!("[{one}]"), "[1 ok]".into()),
        (format!("[{one},{}]", call("1")), "[1 ok, 1 ok]".into()),
        (format!("[{one},{TOLD},{}]", call("\"b\"")), "[1 ok, \"b\" ok]".into()),
        (format!("[{TOLD}]"), "nothing".into()),
        (format!("[{TOLD},{TOLD}]"), "nothing".into()),
        ("[1]".into(), format!("[{INVALID}]")),
        (
            format!("[1,{one},{{\"id\":2}},null]"),
            format!("[{INVALID}, 1 ok, 2 -32600 INVALID_REQUEST, {INVALID}]"),
        ),
        (format!("[[{one}]]"), format!("[{INVALID}]")),
        (format!("[{},{}]", call("-1.5"), call("{}")), format!("[-1.5 ok, {INVALID}]")),
        (format!("[{},{}]", with("{}"), with("[\"0x61\"]")), format!("[{PARAMETER}, 1 ok]")),
        (format!("[{one},"), PARSE.into()),
        (format!("[{full}]"), format!("[{}]", vec!["1 ok"; 100].join(", "))),
        (format!("[{full},{one}]"), "null -32010 BATCH_TOO_LARGE".into()),
    ]
}

/// What is no JSON in UTF-8.
fn broken() -> Vec<Vec<u8>> {
    let invalid = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node_version\",\"note\":\"\xff\"}".to_vec();
    let mut marked = "\u{feff}".as_bytes().to_vec();
    marked.extend(call("1").into_bytes());
    let texts = [
        "",
        " ",
        "{",
        "hello",
        "{\"jsonrpc\": \"2.0\", ",
        "{'jsonrpc':'2.0'}",
        "[1,2",
        "01",
        "NaN",
        "{\"a\":1,}",
        "\"\u{1}\"",
    ];
    let trailing = [format!("{0}{0}", call("1")), format!("{}x", call("1")), "[".repeat(100_000)];
    let texts = texts.map(|text| text.as_bytes().to_vec()).into_iter();
    texts.chain(trailing.map(String::into_bytes)).chain([invalid, marked, b"\xff\xfe".to_vec()]).collect()
}

/// Every message over both transports: what is expected of it, and the same from both.
pub(crate) async fn json_rpc(testnet: &Testnet) {
    let mut both = Both::connect(&testnet.network.node("n0").unwrap().rpc).await;
    let tables = [ids(), requests(), parameters(), numbers(), batches()];
    let cases = tables.into_iter().flatten().map(|(body, short)| (body.into_bytes(), short));
    let broken = broken().into_iter().map(|body| (body, PARSE.to_owned()));
    for (body, expected) in cases.chain(broken) {
        let shown: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        let answers = both.send(&body, expected != "nothing").await;
        assert_eq!(answers, [&*expected, &*expected], "over HTTP and WebSocket: {shown}");
    }
}

/// HTTP around it.
pub(crate) async fn http(testnet: &Testnet) {
    let rpc = &testnet.network.node("n1").unwrap().rpc;
    let host = host_of(rpc);
    let body = call("1");
    let length = format!("Content-Length: {}\r\n", body.len());
    let json = format!("Content-Type: application/json\r\n{length}");
    let cases = [
        ("POST / HTTP/1.1", json.clone(), true, 200),
        ("POST / HTTP/1.1", format!("Content-Type: Application/JSON; charset=UTF-8\r\n{length}"), true, 200),
        ("POST / HTTP/1.1", format!("Content-Type: text/plain\r\n{length}"), true, 415),
        ("POST / HTTP/1.1", length.clone(), true, 415),
        ("POST /nowhere HTTP/1.1", json.clone(), true, 404),
        ("POST /ws HTTP/1.1", json.clone(), true, 405),
        ("PUT / HTTP/1.1", json.clone(), true, 405),
        ("GET / HTTP/1.1", String::new(), false, 405),
        ("GET /ws HTTP/1.1", String::new(), false, 405),
        ("GET /livez HTTP/1.1", String::new(), false, 200),
        ("GET /readyz HTTP/1.1", String::new(), false, 200),
        ("GET /openrpc.json HTTP/1.1", String::new(), false, 200),
        ("GET /livez HTTP/1.1", "Origin: https://evil.example\r\n".into(), false, 403),
        ("GET /livez HTTP/1.1", format!("Origin: http://{host}\r\n"), false, 200),
    ];
    for (line, headers, has_body, status) in cases {
        let mut client = Http::connect(rpc).await;
        let body: &[u8] = if has_body { body.as_bytes() } else { b"" };
        let reply = client.exchange(&format!("{line}\r\nHost: {host}\r\n{headers}\r\n"), body).await.unwrap();
        assert_eq!(reply.status, status, "{line} {headers}: {}", reply.text());
        assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_ok(), "JSON, even then");
    }
    for named in ["evil.example", "evil.example:80", "127.0.0.1.evil.example"] {
        let mut client = Http::connect(rpc).await;
        let head = format!("POST / HTTP/1.1\r\nHost: {named}\r\n{json}\r\n");
        assert_eq!(client.exchange(&head, body.as_bytes()).await.unwrap().status, 403, "{named}");
    }
    let mut client = Http::connect(rpc).await;
    for _ in 0..3 {
        assert_eq!(
            in_short(&client.post(body.as_bytes()).await.unwrap().body),
            "1 ok",
            "one connection, many calls"
        );
    }
}

/// WebSocket around it.
pub(crate) async fn websocket(testnet: &Testnet) {
    let rpc = &testnet.network.node("n2").unwrap().rpc;
    assert_eq!(Socket::connect(rpc, "/nowhere").await.err(), Some(404));
    let mut socket = Socket::connect(rpc, "/").await.unwrap();
    socket.send_in_pieces(call("\"in pieces\"").as_bytes(), 7).await;
    assert_eq!(socket.hear().await, Heard::Pong(b"between".to_vec()));
    assert_eq!(in_short(&socket.text().await), "\"in pieces\" ok");
    assert!(socket.frame(true, 2, call("2").as_bytes()).await);
    assert_eq!(in_short(&socket.text().await), "2 ok", "a binary message is JSON all the same");
    for number in 0..50 {
        assert!(socket.send(call(&number.to_string()).as_bytes()).await);
    }
    let mut answered = Vec::new();
    for _ in 0..50 {
        answered.push(in_short(&socket.text().await));
    }
    answered.sort_unstable();
    let mut expected: Vec<String> = (0..50).map(|number| format!("{number} ok")).collect();
    expected.sort_unstable();
    assert_eq!(answered, expected, "calls at the same time are answered each");
    assert!(socket.frame(true, 8, &1000_u16.to_be_bytes()).await);
    assert_eq!(socket.hear().await, Heard::Closed(Some(1000)));

    // A frame that breaks the protocol ends this connection, and no other one.
    let mut other = Socket::connect(rpc, "/ws").await.unwrap();
    for bytes in [&[0xff, 0xff, 0xff][..], &[0x83, 0x80, 0, 0, 0, 0], &[0x80, 0x80, 0, 0, 0, 0]] {
        let mut socket = Socket::connect(rpc, "/ws").await.unwrap();
        socket.raw(bytes).await;
        assert!(matches!(socket.hear().await, Heard::Closed(_)), "{bytes:?}");
    }
    let asked = json!({"jsonrpc": "2.0", "id": 9, "method": "node_health"}).to_string();
    assert!(other.send(asked.as_bytes()).await);
    assert_eq!(in_short(&other.text().await), "9 ok");
}
