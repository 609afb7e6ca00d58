//! One run: sign, load, measure, wait for what is still under way.

use super::report::{BenchReport, limit_tx_per_s};
use super::verify_cost::cheapest_verify_us;
use super::{BATCH, BenchError, process};
use crate::load::{LoadPlan, Pace, Prepared, presign};
use crate::workload::unix_ms;
use hdrhistogram::Histogram;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use witan_rpc::{At, BlockTransactions, Client, ClientError, RpcError, TransactionDetail};
use witan_types::{EngineKind, GroupId, Height, TxId};

/// How often the follower asks for the next block: what the time to commit is blurred by, upwards.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(5);
/// How long transactions may take to commit after the window.
const DRAIN: Duration = Duration::from_secs(15);
/// The most transactions that are signed beforehand.
const MAX_PREPARED: usize = 1_500_000;
/// The share of the physical limit that the signed load suffices for.
const SUPPLIED_SHARE: f64 = 0.6;
/// Signatures a core makes in a second, at the least: to foresee how long signing takes.
const SIGNATURES_PER_CORE: usize = 15_000;
/// The longest time to commit that is told apart from longer ones, in microseconds.
const LONGEST_US: u64 = 300_000_000;

/// A running validator.
#[derive(Clone, Debug)]
pub struct BenchNode {
    /// Its name.
    pub name: String,
    /// Its RPC address.
    pub rpc: String,
    /// Its process.
    pub pid: u32,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct BenchPlan {
    /// The validators that run.
    pub nodes: Vec<BenchNode>,
    /// The group that is loaded.
    pub group: GroupId,
    /// Before the window, so that it measures a network at work.
    pub warm_up: Duration,
    /// What is measured.
    pub window: Duration,
    /// The time to commit that the client aims for with the number of batches under way.
    pub target: Duration,
    /// Batches under way, if not chosen by `target`.
    pub in_flight: Option<usize>,
    /// Bytes of a signed transaction.
    pub tx_bytes: usize,
    /// The same seed signs the same load.
    pub seed: u64,
}

/// Runs the benchmark; `tell` hears what happens.
///
/// # Errors
/// If a node is gone, or nothing commits.
pub async fn run(plan: &BenchPlan, tell: &mut dyn FnMut(&str)) -> Result<BenchReport, BenchError> {
    let first = plan.nodes.first().ok_or(BenchError::NoNodes)?;
    let clients: Vec<Client> =
        plan.nodes.iter().map(|node| Client::new(&node.rpc)).collect::<Result<_, _>>()?;
    let follower = Client::new(&first.rpc)?;
    let genesis = follower.genesis().await?;
    let engine = genesis.genesis.engine(plan.group).ok_or(BenchError::NoGroup(plan.group))?;
    let lifetime = Duration::from_millis(genesis.genesis.parameters.max_tx_lifetime_ms);
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);

    let count = super::verify_cost::BATCH;
    let mut load = LoadPlan::scattered(genesis.chain, plan.seed, count, plan.tx_bytes, 0);
    let before_us = cheapest_verify_us(&presign(&load)).unwrap_or(f64::INFINITY);
    load.count = supply(plan, cores, before_us);
    let signing = Duration::from_secs((load.count / (SIGNATURES_PER_CORE * cores)) as u64 + 1);
    let needed = signing + plan.warm_up + plan.window + DRAIN;
    if needed > lifetime {
        return Err(BenchError::TooLong { needed, lifetime });
    }
    // A little under the limit, as block time may lag behind this clock.
    load.expires_at_ms = unix_ms() + u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX) * 9 / 10;
    tell(&format!("signing {} transactions", load.count));
    let prepared = presign(&load);

    tell(&format!("loading for {:?} after {:?} of warm-up", plan.window, plan.warm_up));
    let height = follower.block(plan.group, At::Latest, TransactionDetail::None).await?.height;
    let sample = prepared.get(..prepared.len().min(super::verify_cost::BATCH)).unwrap_or_default().to_vec();
    let measured = Run::new(plan, clients, prepared).measure(follower, height).await?;
    let after_us = cheapest_verify_us(&sample).unwrap_or(before_us);

    measured.report(plan, engine, cores, before_us.min(after_us))
}

/// How many transactions to sign.
fn supply(plan: &BenchPlan, cores: usize, verify_us: f64) -> usize {
    let seconds = (plan.warm_up + plan.window).as_secs_f64();
    let wanted = limit_tx_per_s(cores, plan.nodes.len(), verify_us) * SUPPLIED_SHARE * seconds;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and a bound follows"
    )]
    let count = wanted as usize;
    count.clamp(10 * BATCH, MAX_PREPARED)
}

/// What the tasks tell the run.
enum Event {
    /// A block was read, with these transactions.
    Block { ids: Vec<TxId>, seen: Instant },
    /// A node had no room for some of a batch; they go again.
    Full,
    /// A batch was given up, with this many transactions not taken.
    GaveUp { batch: usize, refused: usize, why: String },
}

/// A batch of the load.
#[derive(Clone, Copy, Default)]
struct Batch {
    submitted: Option<Instant>,
    /// Transactions neither committed nor given up.
    open: usize,
}

/// Processor time so far.
#[derive(Clone, Copy)]
struct Usage {
    at: Instant,
    nodes: Duration,
    client: Duration,
}

/// The state of a run.
struct Run<'a> {
    plan: &'a BenchPlan,
    clients: Vec<Client>,
    load: Vec<Prepared>,
    batch_of: HashMap<TxId, usize>,
    batches: Vec<Batch>,
    next: usize,
    under_way: usize,
    pace: Pace,
    latencies_us: Histogram<u64>,
    mempool_full: u64,
    failed: u64,
    last_failure: String,
}

/// What was measured.
struct Measured {
    from: Usage,
    to: Usage,
    latencies_us: Histogram<u64>,
    resident_bytes: Vec<u64>,
    in_flight: usize,
    mempool_full: u64,
    failed: u64,
    last_failure: String,
    lost: u64,
    load_ran_out: bool,
}

impl<'a> Run<'a> {
    fn new(plan: &'a BenchPlan, clients: Vec<Client>, load: Vec<Prepared>) -> Run<'a> {
        let batches = load.chunks(BATCH).map(|part| Batch { submitted: None, open: part.len() }).collect();
        let batch_of = load.iter().enumerate().map(|(place, one)| (one.id, place / BATCH)).collect();
        let pace = plan.in_flight.map_or_else(|| Pace::aiming_for(plan.target), Pace::fixed);
        Run {
            plan,
            clients,
            load,
            batch_of,
            batches,
            next: 0,
            under_way: 0,
            pace,
            latencies_us: latencies(),
            mempool_full: 0,
            failed: 0,
            last_failure: "none".into(),
        }
    }

    async fn measure(mut self, follower: Client, height: Height) -> Result<Measured, BenchError> {
        let (events, mut inbox) = unbounded_channel();
        let following = tokio::spawn(follow(follower, self.plan.group, height + 1, events.clone()));
        let start = Instant::now();
        self.load_until(start + self.plan.warm_up, &events, &mut inbox).await;
        self.latencies_us.reset();
        let from = self.usage()?;
        self.load_until(from.at + self.plan.window, &events, &mut inbox).await;
        let to = self.usage()?;
        let (latencies_us, in_flight) =
            (std::mem::replace(&mut self.latencies_us, latencies()), self.under_way);
        let load_ran_out = self.next >= self.batches.len();
        self.drain(&events, &mut inbox).await;
        following.abort();
        Ok(Measured {
            from,
            to,
            latencies_us,
            resident_bytes: self.resident_bytes()?,
            in_flight,
            mempool_full: self.mempool_full,
            failed: self.failed,
            last_failure: self.last_failure.clone(),
            lost: self.open_transactions(),
            load_ran_out,
        })
    }

    /// Keeps batches under way until `end`, or until the load has run out and the last batch was submitted.
    async fn load_until(
        &mut self,
        end: Instant,
        events: &UnboundedSender<Event>,
        inbox: &mut UnboundedReceiver<Event>,
    ) {
        while Instant::now() < end && self.next < self.batches.len() {
            while self.under_way < self.pace.limit() && self.submit_next(events).is_some() {}
            let left = end.saturating_duration_since(Instant::now());
            if let Ok(Some(event)) = timeout(left, inbox.recv()).await {
                self.learn(event);
            }
        }
    }

    async fn drain(&mut self, events: &UnboundedSender<Event>, inbox: &mut UnboundedReceiver<Event>) {
        let end = Instant::now() + DRAIN;
        while self.under_way > 0 && !events.is_closed() {
            let left = end.saturating_duration_since(Instant::now());
            match timeout(left, inbox.recv()).await {
                Ok(Some(event)) => self.learn(event),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Sends the next batch, each to another node than the one before.
    fn submit_next(&mut self, events: &UnboundedSender<Event>) -> Option<JoinHandle<()>> {
        let number = self.next;
        let client = self.clients.get(number % self.clients.len().max(1))?.clone();
        let batch = self.batches.get_mut(number)?;
        let transactions = self.load.chunks(BATCH).nth(number)?.iter().map(|one| one.bytes.clone()).collect();
        self.next += 1;
        self.under_way += 1;
        batch.submitted = Some(Instant::now());
        Some(tokio::spawn(submit(client, number, transactions, events.clone())))
    }

    fn learn(&mut self, event: Event) {
        match event {
            Event::Block { ids, seen } => ids.iter().for_each(|id| self.committed(id, seen)),
            Event::Full => {
                self.mempool_full += 1;
                self.pace.refused();
            }
            Event::GaveUp { batch, refused, why } => {
                self.failed += 1;
                self.last_failure = why;
                self.close(batch, refused);
            }
        }
    }

    fn committed(&mut self, id: &TxId, seen: Instant) {
        let Some(number) = self.batch_of.remove(id) else {
            return;
        };
        let Some(submitted) = self.batches.get(number).and_then(|batch| batch.submitted) else {
            return;
        };
        let after = seen.saturating_duration_since(submitted);
        self.latencies_us.saturating_record(u64::try_from(after.as_micros()).unwrap_or(LONGEST_US).max(1));
        if self.close(number, 1) {
            self.pace.committed(after);
        }
    }

    /// Takes transactions off a batch; says whether those were its last.
    fn close(&mut self, number: usize, count: usize) -> bool {
        let Some(batch) = self.batches.get_mut(number) else {
            return false;
        };
        let was_open = batch.open > 0;
        batch.open = batch.open.saturating_sub(count);
        let closed = was_open && batch.open == 0;
        self.under_way -= usize::from(closed && self.under_way > 0);
        closed
    }

    /// Transactions that were submitted, and neither committed nor given up.
    fn open_transactions(&self) -> u64 {
        self.batches.iter().filter(|batch| batch.submitted.is_some()).map(|batch| batch.open as u64).sum()
    }

    fn usage(&self) -> Result<Usage, BenchError> {
        let mut nodes = Duration::ZERO;
        for node in &self.plan.nodes {
            nodes += process::cpu_time(node.pid).map_err(|why| gone(node, why))?;
        }
        let client = process::cpu_time(std::process::id()).unwrap_or_default();
        Ok(Usage { at: Instant::now(), nodes, client })
    }

    fn resident_bytes(&self) -> Result<Vec<u64>, BenchError> {
        let bytes = |node: &BenchNode| process::peak_resident_bytes(node.pid).map_err(|why| gone(node, why));
        self.plan.nodes.iter().map(bytes).collect()
    }
}

fn gone(node: &BenchNode, why: std::io::Error) -> BenchError {
    BenchError::Process { node: node.name.clone(), why }
}

fn latencies() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST_US, 3) {
        Ok(histogram) => histogram,
        Err(error) => panic!("constant bounds: {error}"),
    }
}

/// Submits a batch; what finds no room goes again, with the same bytes, when the node says.
async fn submit(client: Client, batch: usize, mut rest: Vec<Vec<u8>>, events: UnboundedSender<Event>) {
    while !rest.is_empty() {
        let retry_after = match client.submit_batch(rest.clone()).await {
            Ok(items) => {
                let (full, after, failure) = sort_out(&rest, items);
                if let Some((refused, why)) = failure {
                    events.send(Event::GaveUp { batch, refused, why }).ok();
                }
                rest = full;
                after
            }
            Err(error) => match full_for(&error) {
                Some(after) => after,
                None => {
                    events.send(Event::GaveUp { batch, refused: rest.len(), why: error.to_string() }).ok();
                    return;
                }
            },
        };
        if !rest.is_empty() {
            events.send(Event::Full).ok();
            sleep(retry_after).await;
        }
    }
}

type Items = Vec<Result<(TxId, witan_rpc::TransactionState), ClientError>>;

/// The transactions that found no room, when to try them again, and how many were refused with a last reason.
fn sort_out(batch: &[Vec<u8>], items: Items) -> (Vec<Vec<u8>>, Duration, Option<(usize, String)>) {
    let (mut full, mut after, mut failure) = (Vec::new(), Duration::ZERO, None);
    for (bytes, item) in batch.iter().zip(items) {
        let Err(error) = item else {
            continue;
        };
        match full_for(&error) {
            Some(time) => {
                full.push(bytes.clone());
                after = after.max(time);
            }
            None => {
                let count = failure.as_ref().map_or(0, |(count, _)| *count);
                failure = Some((count + 1, error.to_string()));
            }
        }
    }
    (full, after, failure)
}

/// How long to wait, if the error says that there is no room now.
fn full_for(error: &ClientError) -> Option<Duration> {
    match error.rpc() {
        Some(RpcError::MempoolFull { retry_after_ms } | RpcError::RateLimited { retry_after_ms }) => {
            Some(Duration::from_millis((*retry_after_ms).clamp(1, 1_000)))
        }
        _ => None,
    }
}

/// Reads block after block and tells which transactions are in each.
async fn follow(client: Client, group: GroupId, mut height: Height, events: UnboundedSender<Event>) {
    while !events.is_closed() {
        let Ok(block) = client.block(group, At::Height(height), TransactionDetail::Ids).await else {
            sleep(FOLLOW_INTERVAL).await;
            continue;
        };
        let seen = Instant::now();
        let ids = match block.txs {
            Some(BlockTransactions::Ids(ids)) => ids.into_iter().map(|id| id.0).collect(),
            Some(BlockTransactions::Full(_)) | None => Vec::new(),
        };
        events.send(Event::Block { ids, seen }).ok();
        height += 1;
    }
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn report(
        self,
        plan: &BenchPlan,
        engine: EngineKind,
        cores: usize,
        verify_us: f64,
    ) -> Result<BenchReport, BenchError> {
        let transactions = self.latencies_us.len();
        if transactions == 0 {
            return Err(BenchError::NothingCommitted { refused: self.failed, last: self.last_failure });
        }
        let seconds = self.to.at.duration_since(self.from.at).as_secs_f64();
        let tx_per_s = transactions as f64 / seconds;
        let quantile_ms = |quantile| self.latencies_us.value_at_quantile(quantile) as f64 / 1e3;
        let per_tx = |time: Duration| time.as_secs_f64() * 1e6 / transactions as f64;
        let nodes_us = per_tx(self.to.nodes.saturating_sub(self.from.nodes));
        let client_us = per_tx(self.to.client.saturating_sub(self.from.client));
        let megabytes: Vec<f64> = self.resident_bytes.iter().map(|bytes| *bytes as f64 / 1e6).collect();
        Ok(BenchReport {
            engine,
            faults: engine.faults(),
            nodes: plan.nodes.len(),
            cores,
            seconds,
            transactions,
            tx_per_s,
            p50_ms: quantile_ms(0.5),
            p95_ms: quantile_ms(0.95),
            p99_ms: quantile_ms(0.99),
            max_ms: self.latencies_us.max() as f64 / 1e3,
            cpu_us_per_tx: nodes_us,
            client_cpu_us_per_tx: client_us,
            total_cpu_us_per_tx: nodes_us + client_us,
            rss_mb: megabytes.iter().copied().fold(0.0, f64::max),
            rss_mb_per_node: megabytes,
            verify_us,
            share_of_limit: tx_per_s / limit_tx_per_s(cores, plan.nodes.len(), verify_us),
            tx_bytes: plan.tx_bytes,
            batch: BATCH,
            in_flight: self.in_flight,
            mempool_full: self.mempool_full,
            failed: self.failed,
            lost: self.lost,
            load_ran_out: self.load_ran_out,
        })
    }
}

#[cfg(test)]
mod tests;
