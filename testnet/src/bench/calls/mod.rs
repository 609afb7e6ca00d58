//! What single calls cost: throughput and times of a few methods against one node, over HTTP with kept connections and over
//! WebSocket, beside a plain server's method that does nothing, in turn within one run.

mod connection;
pub mod no_op;
mod report;

pub use report::{CallsReport, MethodFigures};

use super::BenchError;
use crate::load::presign::{LoadPlan, Prepared, presign};
pub(super) use connection::{Connection, Transport};
use hdrhistogram::Histogram;
use report::Round;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use witan_rpc::encoding::write_hex;
use witan_rpc::{Client, Wait};
use witan_types::{Account, ChainId, Key, Op, SecretKey, Transaction, sha256};

/// The keys that are read, each with the bytes of its value.
const SHORT: (&str, usize) = ("bench/short", 32);
const LONG: (&str, usize) = ("bench/long", 256);
/// Bytes of a signed transaction.
const BYTES: usize = 256;
/// Transactions in a batch.
const BATCH: usize = 100;
/// The most single submissions signed for a round, and the most batches.
const SUBMISSIONS: usize = 8_000;
const BATCHES: usize = 300;
/// How long transactions of the load live, in milliseconds.
const LIFETIME_MS: u64 = 90_000;
/// How often a node is asked whether it has work left.
const SETTLE_INTERVAL: Duration = Duration::from_millis(20);
/// The slowest call that is told apart, in microseconds.
const SLOWEST_US: u64 = 60_000_000;

/// What to measure.
#[derive(Clone, Debug)]
pub struct CallsPlan {
    /// The node's address.
    pub node: SocketAddr,
    /// The address of the plain server.
    pub no_op: SocketAddr,
    /// Connections that call at the same time, each one call after another.
    pub connections: usize,
    /// How long each method is called in a round.
    pub window: Duration,
    /// How many rounds.
    pub rounds: usize,
    /// The same seed signs the same transactions.
    pub seed: u64,
}

/// A method under measurement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Method {
    NoOp,
    StateGet,
    StateGetLong,
    Submit,
    SubmitBatch,
}

impl Method {
    const ALL: [Method; 5] =
        [Method::NoOp, Method::StateGet, Method::StateGetLong, Method::Submit, Method::SubmitBatch];

    fn name(self) -> &'static str {
        match self {
            Method::NoOp => "no-op",
            Method::StateGet => "state_get of 32 bytes",
            Method::StateGetLong => "state_get of 256 bytes",
            Method::Submit => "tx_submit",
            Method::SubmitBatch => "tx_submitBatch of 100",
        }
    }
}

/// Measures every method over every transport, round after round.
///
/// # Errors
/// If a server does not answer, or answers with an error.
pub async fn run_calls(plan: &CallsPlan) -> Result<CallsReport, BenchError> {
    let client = Client::new(&format!("http://{}", plan.node))?;
    let genesis = client.genesis().await?;
    write_values(&client, genesis.chain, plan.seed).await?;
    let mut bodies = Bodies { plan, signed: 0, chain: genesis.chain };
    let mut report = CallsReport::new(plan.connections, plan.rounds);
    for _ in 0..plan.rounds {
        for transport in Transport::ALL {
            for method in Method::ALL {
                let calls = bodies.of(method);
                let address = if method == Method::NoOp { plan.no_op } else { plan.node };
                let round = measure(plan, transport, address, calls).await;
                let round = round
                    .map_err(|error| BenchError::Calls { method: method.name(), why: error.to_string() })?;
                report.add(method.name(), transport.name(), round);
                settle(&client).await?;
            }
        }
    }
    Ok(report)
}

/// Waits until the node has nothing left to do of what was measured last, so that what comes next is measured alone.
async fn settle(client: &Client) -> Result<(), BenchError> {
    while client.mempools(None).await?.iter().any(|mempool| mempool.transactions > 0) {
        tokio::time::sleep(SETTLE_INTERVAL).await;
    }
    Ok(())
}

/// Puts the values that are read.
async fn write_values(client: &Client, chain: ChainId, seed: u64) -> Result<(), BenchError> {
    let key = SecretKey::from_seed(sha256(&[b"witan calls", &seed.to_le_bytes()]).0);
    let transaction = Transaction {
        chain,
        signer: Account(key.public()),
        salt: seed,
        expires_at_ms: unix_ms() + LIFETIME_MS,
        checks: Vec::new(),
        ops: [SHORT, LONG].map(|(key, bytes)| Op::Put { key: Key::from(key), value: vec![7; bytes] }).into(),
    };
    client.submit(&transaction.sign(&key), Wait::Applied, Duration::from_secs(10)).await?;
    Ok(())
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The bodies of requests.
struct Bodies<'a> {
    plan: &'a CallsPlan,
    /// Transactions signed so far: the next ones differ.
    signed: u64,
    chain: ChainId,
}

impl Bodies<'_> {
    fn sign(&mut self, count: usize) -> Vec<Prepared> {
        let seed = self.plan.seed.wrapping_add(self.signed);
        self.signed = self.signed.wrapping_add(count as u64);
        presign(&LoadPlan::scattered(self.chain, seed, count, BYTES, unix_ms() + LIFETIME_MS))
    }

    fn of(&mut self, method: Method) -> Calls {
        let request = |method: &str, params: String| {
            format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}")
                .into_bytes()
        };
        let key = |(key, _): (&str, usize)| format!("{{\"key\":\"{}\"}}", write_hex(key.as_bytes()));
        let quoted = |one: &Prepared| format!("\"{}\"", write_hex(&one.bytes));
        match method {
            Method::NoOp => Calls::again(request("no_op", key(SHORT))),
            Method::StateGet => Calls::again(request("state_get", key(SHORT))),
            Method::StateGetLong => Calls::again(request("state_get", key(LONG))),
            Method::Submit => {
                let one = |one: &Prepared| request("tx_submit", format!("[{}]", quoted(one)));
                Calls::each(self.sign(SUBMISSIONS).iter().map(one).collect())
            }
            Method::SubmitBatch => {
                let signed = self.sign(BATCHES * BATCH);
                let batch = |batch: &[Prepared]| {
                    let all = batch.iter().map(quoted).collect::<Vec<_>>().join(",");
                    request("tx_submitBatch", format!("[[{all}]]"))
                };
                Calls::each(signed.chunks(BATCH).map(batch).collect())
            }
        }
    }
}

/// The requests of one measurement, shared by its connections.
struct Calls {
    bodies: Vec<Vec<u8>>,
    /// How many were taken.
    taken: AtomicUsize,
    /// Whether the first one is sent over and over.
    again: bool,
}

impl Calls {
    fn again(body: Vec<u8>) -> Calls {
        Calls { bodies: vec![body], taken: AtomicUsize::new(0), again: true }
    }

    fn each(bodies: Vec<Vec<u8>>) -> Calls {
        Calls { bodies, taken: AtomicUsize::new(0), again: false }
    }

    fn next(&self) -> Option<&[u8]> {
        let place = if self.again { 0 } else { self.taken.fetch_add(1, Ordering::Relaxed) };
        self.bodies.get(place).map(Vec::as_slice)
    }
}

/// Calls one method on all connections until the time is over or there is nothing left to send.
async fn measure(
    plan: &CallsPlan,
    transport: Transport,
    address: SocketAddr,
    calls: Calls,
) -> io::Result<Round> {
    let calls = Arc::new(calls);
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        connections.push(Connection::open(transport, address, None).await?);
    }
    let started = Instant::now();
    let until = started + plan.window;
    let callers = connections
        .into_iter()
        .map(|connection| tokio::spawn(call_until(connection, Arc::clone(&calls), until)));
    let mut times = Histogram::new_with_max(SLOWEST_US, 3).map_err(io::Error::other)?;
    for caller in callers.collect::<Vec<_>>() {
        times.add(caller.await.map_err(io::Error::other)??).map_err(io::Error::other)?;
    }
    Ok(Round { times, seconds: started.elapsed().as_secs_f64() })
}

/// One call after another on one connection; how long each took, in microseconds.
async fn call_until(
    mut connection: Connection,
    calls: Arc<Calls>,
    until: Instant,
) -> io::Result<Histogram<u64>> {
    let mut times = Histogram::new_with_max(SLOWEST_US, 3).map_err(io::Error::other)?;
    while Instant::now() < until {
        let Some(body) = calls.next() else { break };
        let sent = Instant::now();
        let answer = connection.call(body).await?;
        let took = u64::try_from(sent.elapsed().as_micros()).unwrap_or(SLOWEST_US);
        if !answer.windows(RESULT.len()).any(|part| part == RESULT) {
            return Err(io::Error::other(String::from_utf8_lossy(answer).into_owned()));
        }
        times.saturating_record(took);
    }
    Ok(times)
}

/// What every answer with a result holds.
const RESULT: &[u8] = b"\"result\":";
