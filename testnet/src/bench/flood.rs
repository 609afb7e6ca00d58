//! Whether consensus minds what users do to RPC: the time between blocks under a steady load, with nodes at rest and with every
//! node flooded at many times its limit, in turn within one run.

use super::BenchError;
use super::calls::{Connection, Transport};
use crate::load::{LoadPlan, Prepared, Schedule, presign};
use crate::workload::unix_ms;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;
use witan_rpc::encoding::write_hex;
use witan_rpc::{At, Client, Order, TransactionDetail};
use witan_types::{ChainId, GroupId, Height};

/// Where the steady load comes from: another address than the flood's, so that it has a limit of its own.
const LOADED_FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// The load: transactions a second, one after another, each to the next node.
const LOAD_PER_S: u64 = 200;
/// Bytes of a signed transaction of the load.
const LOAD_BYTES: usize = 256;
/// How long its transactions live, in milliseconds.
const LIFETIME_MS: u64 = 90_000;
/// Blocks read at a time.
const PAGE: u32 = 1_000;
/// The longest time between blocks that is told apart, in milliseconds.
const LONGEST_MS: u64 = 600_000;
/// Connections of the flood to each node.
const FLOOD_CONNECTIONS: usize = 16;

/// What to measure.
#[derive(Clone, Debug)]
pub struct FloodPlan {
    /// All nodes.
    pub nodes: Vec<SocketAddr>,
    /// The group whose blocks are timed.
    pub group: GroupId,
    /// How long a node is at rest, and how long it is flooded, in each round.
    pub window: Duration,
    /// How many rounds.
    pub rounds: usize,
    /// The calls a second that a node grants an address.
    pub limit_per_s: u32,
    /// The same seed signs the same load.
    pub seed: u64,
}

/// What the flood came to, as its process tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flooded {
    /// Calls that were answered in whichever way.
    pub calls: u64,
    /// Those that were refused for the limit.
    pub refused: u64,
}

/// Times between blocks. The names of the fields are those of `witan bench --flood --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FloodReport {
    /// Blocks made at rest.
    pub blocks_at_rest: u64,
    /// Blocks made under the flood.
    pub blocks_flooded: u64,
    /// The median time between two blocks at rest, in milliseconds.
    pub p50_at_rest_ms: u64,
    /// The same, 99 of 100.
    pub p99_at_rest_ms: u64,
    /// The median under the flood.
    pub p50_flooded_ms: u64,
    /// The same, 99 of 100.
    pub p99_flooded_ms: u64,
    /// The 99 of 100 under the flood divided by those at rest.
    pub p99_ratio: f64,
    /// Calls of the flood that were answered, a second and node.
    pub flood_calls_per_s: f64,
    /// The same divided by a node's limit.
    pub times_the_limit: f64,
    /// The share of them that was refused for the limit.
    pub refused_share: f64,
    /// Transactions of the load that a node did not take.
    pub load_failed: u64,
}

/// Measures at rest and under `flood`, round after round. `flood` floods all nodes for so long.
///
/// # Errors
/// If a node does not answer.
pub async fn run_flood(
    plan: &FloodPlan,
    flood: impl AsyncFn(Duration) -> io::Result<Flooded>,
) -> Result<FloodReport, BenchError> {
    let first = plan.nodes.first().ok_or(BenchError::NoNodes)?;
    let client = Client::new(&format!("http://{first}"))?;
    let mut load = Load { chain: client.genesis().await?.chain, seed: plan.seed, signed: 0, failed: 0 };
    let (mut rest, mut flooded) = (Intervals::new()?, Intervals::new()?);
    let mut total = Flooded::default();
    for _ in 0..plan.rounds {
        let from = tip(&client, plan.group).await?;
        load.run(plan).await?;
        let between = tip(&client, plan.group).await?;
        let (loaded, told) = tokio::join!(load.run(plan), flood(plan.window));
        loaded?;
        let told = told.map_err(failed)?;
        total = Flooded { calls: total.calls + told.calls, refused: total.refused + told.refused };
        // The flood is over, and what it left of this address's tokens comes back within a second.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let to = tip(&client, plan.group).await?;
        rest.add(&client, plan.group, from, between).await?;
        flooded.add(&client, plan.group, between, to).await?;
    }
    Ok(report(plan, &rest.0, &flooded.0, total, load.failed))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failed(error: impl ToString) -> BenchError {
    BenchError::Calls { method: "flood", why: error.to_string() }
}

async fn tip(client: &Client, group: GroupId) -> Result<Height, BenchError> {
    Ok(client.block(group, At::Latest, TransactionDetail::None).await?.height)
}

/// Times between blocks, in milliseconds.
struct Intervals(Histogram<u64>);

impl Intervals {
    fn new() -> Result<Intervals, BenchError> {
        Histogram::new_with_max(LONGEST_MS, 3).map(Intervals).map_err(failed)
    }

    /// Those of the blocks after `from` up to `to`.
    async fn add(
        &mut self,
        client: &Client,
        group: GroupId,
        from: Height,
        to: Height,
    ) -> Result<(), BenchError> {
        let (mut next, mut before): (Height, Option<u64>) = (from, None);
        while next <= to {
            let page = client.blocks(group, Some(next), Order::Asc, PAGE, None).await?;
            for block in page.items.iter().filter(|block| block.height <= to) {
                if let Some(before) = before {
                    self.0.saturating_record(block.time_ms.saturating_sub(before));
                }
                before = Some(block.time_ms);
            }
            match page.items.last() {
                Some(last) => next = last.height.saturating_add(1),
                None => break,
            }
        }
        Ok(())
    }
}

/// The steady load.
struct Load {
    chain: ChainId,
    seed: u64,
    /// Signed so far.
    signed: u64,
    failed: u64,
}

impl Load {
    /// Sends transactions at their rate for a window. Each goes when it is due, whatever became of those before.
    async fn run(&mut self, plan: &FloodPlan) -> Result<(), BenchError> {
        let count = LOAD_PER_S.saturating_mul(plan.window.as_secs());
        let prepared = self.sign(usize::try_from(count).unwrap_or(0));
        let (lanes, schedule) = (plan.nodes.len(), Schedule::per_second(LOAD_PER_S));
        let started = Instant::now();
        let mut senders = Vec::with_capacity(lanes);
        for (lane, node) in plan.nodes.iter().enumerate() {
            let connection =
                Connection::open(Transport::Http, *node, Some(LOADED_FROM)).await.map_err(failed)?;
            let due = (0_u64..).zip(&prepared).skip(lane).step_by(lanes);
            let due = due.map(|(place, one)| (schedule.due(place), body(one))).collect();
            senders.push(tokio::spawn(send_when_due(connection, due, started)));
        }
        for sender in senders {
            self.failed += sender.await.map_err(failed)?.map_err(failed)?;
        }
        Ok(())
    }

    fn sign(&mut self, count: usize) -> Vec<Prepared> {
        let expires_at_ms = unix_ms().saturating_add(LIFETIME_MS);
        let first = self.signed;
        let plan = LoadPlan::scattered(self.chain, self.seed, count, LOAD_BYTES, expires_at_ms);
        self.signed = self.signed.saturating_add(count as u64);
        presign(&LoadPlan { first, ..plan })
    }
}

fn body(one: &Prepared) -> Vec<u8> {
    let tx = write_hex(&one.bytes);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tx_submit\",\"params\":[\"{tx}\",\"accepted\"]}}")
        .into_bytes()
}

/// Sends each when it is due; how many were not taken.
async fn send_when_due(
    mut connection: Connection,
    due: Vec<(Duration, Vec<u8>)>,
    started: Instant,
) -> io::Result<u64> {
    let mut failed = 0;
    for (at, body) in due {
        tokio::time::sleep_until(started + at).await;
        let answer = connection.call(&body).await?;
        failed += u64::from(contains(answer, b"\"error\""));
    }
    Ok(failed)
}

fn contains(answer: &[u8], wanted: &[u8]) -> bool {
    answer.windows(wanted.len()).any(|part| part == wanted)
}

/// Calls these nodes as fast as they answer, by methods cheap and costly, until the time is over.
///
/// # Errors
/// If a node can't be reached.
pub async fn flood(nodes: &[SocketAddr], window: Duration) -> io::Result<Flooded> {
    let until = Instant::now() + window;
    let mut callers = Vec::new();
    for node in nodes {
        for number in 0..FLOOD_CONNECTIONS {
            let connection = Connection::open(Transport::Http, *node, None).await?;
            callers.push(tokio::spawn(call_on(connection, number, until)));
        }
    }
    let mut total = Flooded::default();
    for caller in callers {
        let one = caller.await.map_err(io::Error::other)??;
        total = Flooded { calls: total.calls + one.calls, refused: total.refused + one.refused };
    }
    Ok(total)
}

/// What the flood calls, in turn.
const FLOOD: [&str; 8] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"state_get","params":["0x61"]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"node_status","params":[]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tx_get","params":["0x0000000000000000000000000000000000000000000000000000000000000000"]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"state_get","params":{"key":"0x62","prove":true}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"mempool_status","params":[]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"state_scan","params":{"prefix":"0x","limit":1000}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"chain_getBlock","params":{"group":1,"txs":"full"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"chain_listBlocks","params":{"group":1,"limit":1000}}"#,
];

async fn call_on(mut connection: Connection, number: usize, until: Instant) -> io::Result<Flooded> {
    let mut told = Flooded::default();
    for body in FLOOD.iter().cycle().skip(number) {
        if Instant::now() >= until {
            break;
        }
        let answer = connection.call(body.as_bytes()).await?;
        told.calls += 1;
        told.refused += u64::from(contains(answer, b"\"RATE_LIMITED\""));
    }
    Ok(told)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn report(
    plan: &FloodPlan,
    rest: &Histogram<u64>,
    flooded: &Histogram<u64>,
    flood: Flooded,
    load_failed: u64,
) -> FloodReport {
    let seconds = plan.window.as_secs_f64() * plan.rounds.max(1) as f64;
    let flood_calls_per_s = flood.calls as f64 / seconds / plan.nodes.len().max(1) as f64;
    let (p99_at_rest_ms, p99_flooded_ms) = (rest.value_at_quantile(0.99), flooded.value_at_quantile(0.99));
    FloodReport {
        blocks_at_rest: rest.len(),
        blocks_flooded: flooded.len(),
        p50_at_rest_ms: rest.value_at_quantile(0.5),
        p99_at_rest_ms,
        p50_flooded_ms: flooded.value_at_quantile(0.5),
        p99_flooded_ms,
        p99_ratio: p99_flooded_ms as f64 / p99_at_rest_ms.max(1) as f64,
        flood_calls_per_s,
        times_the_limit: flood_calls_per_s / f64::from(plan.limit_per_s.max(1)),
        refused_share: flood.refused as f64 / flood.calls.max(1) as f64,
        load_failed,
    }
}

impl fmt::Display for FloodReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:>8} {:>8} {:>8}", "BLOCKS", "COUNT", "P50 MS", "P99 MS")?;
        let row = |name, count, p50, p99| format!("{name:<10} {count:>8} {p50:>8} {p99:>8}");
        writeln!(f, "{}", row("at rest", self.blocks_at_rest, self.p50_at_rest_ms, self.p99_at_rest_ms))?;
        writeln!(f, "{}", row("flooded", self.blocks_flooded, self.p50_flooded_ms, self.p99_flooded_ms))?;
        write!(
            f,
            "p99 flooded / at rest {:.2}; {:.0} calls a second and node, {:.1} times the limit, {:.0} % refused; {} transactions of \
             the load not taken",
            self.p99_ratio,
            self.flood_calls_per_s,
            self.times_the_limit,
            self.refused_share * 100.0,
            self.load_failed
        )
    }
}
