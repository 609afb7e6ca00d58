//! The same message over both transports, and what came of it.

use super::wire::{Http, Socket};
use futures::future::join;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// One client with a connection of each kind.
pub(crate) struct Both {
    http: Http,
    socket: Socket,
    fences: u64,
}

/// An answer, with its id as it was written.
#[derive(Deserialize)]
struct Answer<'a> {
    jsonrpc: String,
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(default, borrow)]
    result: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

/// An answer in short: `1 ok`, `null -32600 INVALID_REQUEST`, `[...]` for a batch, `nothing`.
pub(crate) fn in_short(answer: &[u8]) -> String {
    let text = std::str::from_utf8(answer).expect("an answer in UTF-8");
    match text.as_bytes().first() {
        None => "nothing".into(),
        Some(b'[') => {
            let answers: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            let answers: Vec<String> = answers.iter().map(|answer| one_in_short(answer.get())).collect();
            format!("[{}]", answers.join(", "))
        }
        Some(_) => one_in_short(text),
    }
}

fn one_in_short(text: &str) -> String {
    let answer: Answer<'_> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(answer.jsonrpc, "2.0", "{text}");
    let Some(error) = answer.error else {
        return format!("{} ok", answer.id);
    };
    assert!(answer.result.is_none(), "either a result or an error: {text}");
    let error: Value = serde_json::from_str(error.get()).unwrap();
    check_error(&error);
    format!("{} {} {}", answer.id, error["code"], error["data"]["reason"].as_str().unwrap())
}

/// Checks what every error has.
pub(crate) fn check_error(error: &Value) {
    assert!(error["code"].is_i64() && !error["message"].as_str().unwrap_or_default().is_empty(), "{error}");
    let data = &error["data"];
    let named = |name: &str| data[name].as_str().is_some_and(|text| !text.is_empty());
    assert!(named("reason") && named("hint") && data["retryable"].is_boolean(), "{error}");
}

impl Both {
    pub(crate) async fn connect(rpc: &str) -> Both {
        let socket = Socket::connect(rpc, "/ws").await.unwrap();
        Both { http: Http::connect(rpc).await, socket, fences: 0 }
    }

    /// Sends the same bytes over HTTP and WebSocket; what is answered, each in short.
    pub(crate) async fn send(&mut self, message: &[u8], answered: bool) -> [String; 2] {
        let reply = self.http.post(message).await.expect("an answer over HTTP");
        let expected = if reply.body.is_empty() { 204 } else { 200 };
        assert_eq!(reply.status, expected, "{}", reply.text());
        assert!(self.socket.send(message).await);
        let over_socket = if answered {
            in_short(&self.socket.text().await)
        } else {
            // Twice, since answers may overtake each other; one that is later still is heard with the next message.
            self.fence().await;
            self.fence().await;
            "nothing".into()
        };
        [in_short(&reply.body), over_socket]
    }

    /// A call of which the answer has to be the next thing heard.
    async fn fence(&mut self) {
        self.fences += 1;
        let id = format!("fence {}", self.fences);
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "node_version"}).to_string();
        assert!(self.socket.send(call.as_bytes()).await);
        assert_eq!(in_short(&self.socket.text().await), format!("\"{id}\" ok"), "and nothing before");
    }

    /// Calls a method over both at the same time; the two answers, whole.
    pub(crate) async fn call(&mut self, method: &str, params: &Value) -> [Value; 2] {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        assert!(self.socket.send(request.as_bytes()).await);
        let (reply, told) = join(self.http.post(request.as_bytes()), self.socket.text()).await;
        let reply = reply.expect("an answer over HTTP");
        assert_eq!(reply.status, 200, "{method} {params}: {}", reply.text());
        [&reply.body, &told].map(|answer| {
            let answer: Value = serde_json::from_slice(answer).unwrap();
            assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(1)), "{answer}");
            if !answer["error"].is_null() {
                check_error(&answer["error"]);
            }
            answer
        })
    }

    /// Calls a method that must succeed; its result over HTTP.
    pub(crate) async fn result(&mut self, method: &str, params: Value) -> Value {
        let [mut answer, _] = self.call(method, &params).await;
        assert!(answer["error"].is_null(), "{method} {params}: {answer}");
        answer["result"].take()
    }
}
