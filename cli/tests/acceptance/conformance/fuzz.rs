//! Requests at random, most of them nearly right, against every node over both transports: each is answered as the
//! specification says, no node dies, grows or stops to commit.
//!
//! `WITAN_FUZZ_REQUESTS` sets how many (`make fuzz` sends 100,000), `WITAN_FUZZ_SEED` repeats a run.

mod maker;

use super::wire::{Http, Socket};
use super::world::{World, hex, hex_key, keys};
use crate::network::{Testnet, put};
use futures::future::join_all;
use maker::{Expected, Maker, Message};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use witan_testnet::rpc::Encoding;
use witan_testnet::rpc::transaction_json::signed_to_json;

/// Requests in `make test`.
const REQUESTS: usize = 5_000;
/// How many parts the requests are sent in. Memory is measured after each: the first ones fill caches and buffers, by the
/// same mix as the last.
const PARTS: usize = 4;
/// How much a node may grow over the second half of the requests. A leak of one kilobyte a request is 50 MB in the
/// 100,000 of a long run, of which each node gets a quarter; what a node keeps for good (blocks, receipts, their keys) goes
/// to disk through buffers of bounded size.
const MAX_GROWTH_MB: u64 = 48;

/// Codes that an answer may have: those of the contract and those of the protocol. Not among them: an internal error.
const CODES: [i64; 22] = [
    -32700, -32600, -32601, -32602, -32006, -32007, -32008, -32010, -32011, -32020, -32022, -32023, -32024,
    -32030, -32031, -32032, -32033, -32034, -32040, -32041, -32042, -32043,
];

/// A setting from the environment.
fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

/// What one client counts.
#[derive(Default)]
struct Counts {
    requests: usize,
    by_code: BTreeMap<i64, usize>,
}

/// One client: its requests and its connection.
struct Client {
    maker: Maker,
    rpc: String,
    way: Way,
    counts: Counts,
}

/// Over which transport a client talks.
enum Way {
    Http(Http),
    Socket(Socket),
}

impl Client {
    async fn work(&mut self, requests: usize) {
        for _ in 0..requests {
            let message = self.message();
            self.counts.requests += 1;
            let answer = match &mut self.way {
                Way::Http(http) => over_http(http, &message).await,
                Way::Socket(socket) => over_socket(socket, &message).await,
            };
            if let Err(fault) = answer.and_then(|answer| self.judge(&message.expected, &answer)) {
                let body: String = String::from_utf8_lossy(&message.body).chars().take(2_000).collect();
                panic!("{fault}\n{} at {} to: {body}", self.counts.requests, self.rpc);
            }
        }
    }

    /// The next message. Whether there is an answer has to be known where answers come in any order.
    fn message(&mut self) -> Message {
        loop {
            let message = self.maker.next();
            if message.expected != Expected::Anything || matches!(self.way, Way::Http(_)) {
                return message;
            }
        }
    }

    /// Whether an answer is what the specification says.
    fn judge(&mut self, expected: &Expected, answer: &str) -> Result<(), String> {
        let fault = |what: &str| Err(format!("{what}, {expected:?} was expected: {answer}"));
        let answers: Vec<&RawValue> = match answer.as_bytes().first() {
            None => Vec::new(),
            Some(b'[') => serde_json::from_str(answer).map_err(|error| format!("{error}: {answer}"))?,
            Some(_) => vec![serde_json::from_str(answer).map_err(|error| format!("{error}: {answer}"))?],
        };
        let mut ids = Vec::new();
        for answer in answers {
            ids.push(self.one(answer)?);
        }
        let is_array = answer.starts_with('[');
        let right = match expected {
            Expected::One(id) => !is_array && ids == [id.clone()],
            Expected::Many(expected) => is_array && ids == *expected,
            Expected::Nothing => answer.is_empty(),
            Expected::ParseError => !is_array && ids == ["null"] && answer.contains("-32700"),
            Expected::Anything => !is_array || !ids.is_empty(),
        };
        if right { Ok(()) } else { fault("another answer") }
    }

    /// Judges one answer; its id as it was written.
    fn one(&mut self, answer: &RawValue) -> Result<String, String> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shape<'a> {
            jsonrpc: String,
            #[serde(borrow)]
            id: &'a RawValue,
            #[serde(default, borrow)]
            result: Option<&'a RawValue>,
            #[serde(default)]
            error: Option<Value>,
        }
        let fault = |what: &str| Err(format!("{what}: {answer}"));
        let Ok(shape) = serde_json::from_str::<Shape<'_>>(answer.get()) else {
            return fault("no JSON-RPC answer");
        };
        if shape.jsonrpc != "2.0" || shape.result.is_some() == shape.error.is_some() {
            return fault("no JSON-RPC answer");
        }
        let code = shape.error.as_ref().map_or(0, |error| error["code"].as_i64().unwrap_or(i64::MIN));
        *self.counts.by_code.entry(code).or_default() += 1;
        if let Some(error) = &shape.error {
            let named = |name: &str| error["data"][name].is_string();
            if !CODES.contains(&code) || !error["message"].is_string() || !named("reason") || !named("hint") {
                return fault("an error of another form, or one that there must not be");
            }
        } else if let Ok(answer) = serde_json::from_str::<Value>(answer.get()) {
            let items = answer["result"]["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            if items.iter().any(|item| item["error"]["code"] == -32603) {
                return fault("an internal error within");
            }
            self.maker.learn(&answer);
        }
        Ok(shape.id.get().to_owned())
    }
}

async fn over_http(http: &mut Http, message: &Message) -> Result<String, String> {
    let reply = http.post(&message.body).await.ok_or("the connection was closed")?;
    match reply.status {
        200 if !reply.body.is_empty() => Ok(reply.text().to_owned()),
        204 if reply.body.is_empty() => Ok(String::new()),
        status => Err(format!("status {status}: {}", reply.text())),
    }
}

/// What is answered to a message; to one that has no answer, a call after it is answered next.
async fn over_socket(socket: &mut Socket, message: &Message) -> Result<String, String> {
    if !socket.send(&message.body).await {
        return Err("the connection was closed".into());
    }
    if message.expected != Expected::Nothing {
        return next_answer(socket).await;
    }
    socket.send(br#"{"jsonrpc":"2.0","id":"fence","method":"node_version"}"#).await;
    let answer = next_answer(socket).await?;
    if answer.contains(r#""id":"fence""#) { Ok(String::new()) } else { Ok(answer) }
}

/// The next message that is no news of a subscription.
async fn next_answer(socket: &mut Socket) -> Result<String, String> {
    loop {
        match socket.hear().await {
            super::wire::Heard::Text(text) => {
                let text = String::from_utf8(text).map_err(|error| error.to_string())?;
                if !text.starts_with(r#"{"jsonrpc":"2.0","method":"#) {
                    return Ok(text);
                }
            }
            other => return Err(format!("{other:?} instead of an answer")),
        }
    }
}

/// Right values of parameters: what the network holds, and transactions it has not seen.
async fn known(testnet: &Testnet, world: &World) -> BTreeMap<String, Vec<Value>> {
    let [first, second] = keys(testnet, "fuzz").await;
    let mut txs: Vec<Value> = Vec::new();
    for number in 0..200 {
        let value = number.to_string();
        let one = match number % 4 {
            0 => vec![put(&first, &value)],
            1 => vec![put(&second, &value)],
            2 => vec![put(&first, &value), put(&second, &value)],
            _ => vec![put(&format!("fuzz/{number}"), &value)],
        };
        let signed = testnet.signed(one);
        // Either form.
        txs.push(match number % 3 {
            0 => signed_to_json(&signed, Encoding::Hex).unwrap().into(),
            _ => hex(&signed).into(),
        });
    }
    let hex_keys: Vec<Value> =
        world.keys.iter().chain([&first, &second]).map(|key| hex_key(key).into()).collect();
    let ids = [&world.committed.0, &world.crossing].map(|id| json!(id));
    [
        ("key", hex_keys.clone()),
        ("prefix", vec!["0x".into(), "0x66".into(), hex_key("conformance/").into()]),
        ("start", hex_keys),
        ("end", vec!["0x67".into(), "0xff".into()]),
        ("tx", txs),
        ("unsigned", vec![world.unsigned.clone()]),
        ("account", world.accounts.iter().map(|account| json!(account)).collect()),
        ("txId", ids.into()),
        ("height", (1..20).map(Value::from).collect()),
        ("cursor", Vec::new()),
    ]
    .map(|(name, values)| (name.to_owned(), values))
    .into()
}

/// Megabytes of memory that each node's process holds.
fn memory(testnet: &Testnet) -> BTreeMap<String, u64> {
    let of = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    };
    testnet.pids().into_iter().map(|(name, pid)| (name, of(pid.expect("the node lives")))).collect()
}

/// One client over each transport at each node.
async fn clients(testnet: &Testnet, world: &World, seed: u64) -> Vec<Client> {
    let known = known(testnet, world).await;
    let mut clients = Vec::new();
    for node in testnet.names() {
        let rpc = testnet.network.node(&node).unwrap().rpc.clone();
        let document = Http::connect(&rpc)
            .await
            .exchange("GET /openrpc.json HTTP/1.1\r\nHost: localhost\r\n\r\n", b"")
            .await;
        let document: Value = serde_json::from_slice(&document.unwrap().body).unwrap();
        let socket = Socket::connect(&rpc, "/ws").await.unwrap();
        for way in [Way::Http(Http::connect(&rpc).await), Way::Socket(socket)] {
            let maker = Maker::new(seed + clients.len() as u64, &document, known.clone());
            clients.push(Client { maker, rpc: rpc.clone(), way, counts: Counts::default() });
        }
    }
    clients
}

/// Sends everything; checks what is written above.
pub(crate) async fn requests_at_random(testnet: &Testnet, world: &World) {
    let seed: u64 = setting("WITAN_FUZZ_SEED", rand::random_range(0..1_000_000_000));
    let requests: usize = setting("WITAN_FUZZ_REQUESTS", REQUESTS);
    println!("    WITAN_FUZZ_SEED={seed} WITAN_FUZZ_REQUESTS={requests}");
    let (before, started) = (testnet.pids(), Instant::now());
    let mut clients = clients(testnet, world, seed).await;
    let each = requests.div_ceil(clients.len() * PARTS);
    let mut sizes = Vec::new();
    for _ in 0..PARTS {
        join_all(clients.iter_mut().map(|client| client.work(each))).await;
        sizes.push(memory(testnet));
    }
    let took = started.elapsed();

    let mut by_code: BTreeMap<i64, usize> = BTreeMap::new();
    for client in &clients {
        for (code, count) in &client.counts.by_code {
            *by_code.entry(*code).or_default() += count;
        }
    }
    let sent: usize = clients.iter().map(|client| client.counts.requests).sum();
    println!(
        "    {sent} messages in {:.1} s; answers by code, 0 for results: {by_code:?}",
        took.as_secs_f64()
    );
    println!("    megabytes after each of {PARTS} parts: {sizes:?}");
    assert!(sent >= requests);
    assert!(by_code.get(&0).is_some_and(|right| *right * 3 >= sent), "a third of the answers are results");
    assert_eq!(testnet.pids(), before, "no node died");
    let (middle, end) = (&sizes[PARTS / 2 - 1], &sizes[PARTS - 1]);
    for (node, end) in end {
        let grown = end.saturating_sub(middle[node]);
        assert!(grown <= MAX_GROWTH_MB, "{node} grew by {grown} MB, to {end} MB, over the second half");
    }
    for node in testnet.names() {
        let log = std::fs::read_to_string(testnet.network.log_path(&node).unwrap()).unwrap();
        assert!(!log.contains("panicked"), "the log of {node} has a panic");
    }
    for (node, key) in testnet.names().iter().zip(world.keys.iter().cycle()) {
        testnet.put(node, key, "after the fuzzer").await;
    }
}
