//! One run: sign, load, measure, wait for what is still under way.

use super::driver::{DRAIN, Driver, Event, Usage, latencies};
use super::report::{AfterKill, BenchReport, Offered, limit_tx_per_s};
use super::submission::follow;
use super::verify_cost::{self, cheapest_verify_us};
use super::{BATCH, BenchError, preload, singles};
use crate::load::{Layout, LoadPlan, Pace, Prepared, Schedule, presign};
use crate::workload::unix_ms;
use hdrhistogram::Histogram;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use witan_rpc::{At, Client, TransactionDetail};
use witan_types::{EngineKind, GroupId, Height};

/// The most transactions that are signed beforehand.
const MAX_PREPARED: usize = 1_500_000;
/// The share of the physical limit that the signed load suffices for.
const SUPPLIED_SHARE: f64 = 0.6;
/// The most single transactions a second that the signed load suffices for.
const SUPPLIED_SINGLES_PER_S: f64 = 20_000.0;
/// Signatures a core makes in a second, at the least: to foresee how long signing takes.
const SIGNATURES_PER_CORE: usize = 15_000;
/// An open loop submits at least this often in a second, unless a batch is one transaction.
const SUBMISSIONS_PER_S: u64 = 20;
/// After a kill the time of the first view changes: stalls in it are told apart from later ones.
const FIRST_VIEW_CHANGES: Duration = Duration::from_secs(2);
/// The share of the offered transactions that is committed within the window where the rate is held.
const HELD_SHARE: f64 = 0.99;

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

/// What decides when the next submission goes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// A closed loop: as many batches under way as keep the median time to commit near this.
    Target(Duration),
    /// A closed loop: so many clients, each with one request outstanding.
    Clients(usize),
    /// An open loop: so many transactions a second, whatever becomes of those before.
    Rate {
        /// Transactions a second.
        per_second: u64,
        /// In the middle of the window so many of the nodes are killed, the last ones first.
        kill: usize,
    },
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
    /// When the next submission goes out.
    pub offer: Offer,
    /// Transactions in a submission; as fits the offer if not given.
    pub batch: Option<usize>,
    /// Bytes of a signed transaction.
    pub tx_bytes: usize,
    /// So many keys are written before the load, which then writes these; otherwise it writes
    /// [`LOAD_KEYS`](crate::load::presign::LOAD_KEYS) that are not there before.
    pub keys: Option<u64>,
    /// The same seed signs the same load.
    pub seed: u64,
}

impl BenchPlan {
    /// Transactions in a submission. A rate that is low goes in smaller ones, so that they don't come in bursts.
    pub(super) fn batch(&self) -> usize {
        let fitting = match self.offer {
            Offer::Target(_) => BATCH,
            Offer::Clients(_) => 1,
            Offer::Rate { per_second, .. } => {
                usize::try_from(per_second / SUBMISSIONS_PER_S).unwrap_or(BATCH)
            }
        };
        self.batch.unwrap_or(fitting).clamp(1, BATCH)
    }

    /// How many transactions to sign.
    fn supply(&self, cores: usize, verify_us: f64) -> usize {
        let time = self.warm_up + self.window;
        let limit = limit_tx_per_s(cores, self.nodes.len(), verify_us) * SUPPLIED_SHARE;
        let per_second = match self.offer {
            Offer::Rate { per_second, .. } => {
                let count = Schedule::per_second(per_second).count(time);
                return usize::try_from(count).unwrap_or(MAX_PREPARED).clamp(1, MAX_PREPARED);
            }
            Offer::Clients(_) if self.batch() == 1 => limit.min(SUPPLIED_SINGLES_PER_S),
            Offer::Clients(_) | Offer::Target(_) => limit,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and a bound follows"
        )]
        let count = (per_second * time.as_secs_f64()) as usize;
        count.clamp(10 * BATCH, MAX_PREPARED)
    }
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

    let count = verify_cost::BATCH;
    let mut load = LoadPlan::scattered(genesis.chain, plan.seed, count, plan.tx_bytes, 0);
    let sample = presign(&load);
    let before_us = cheapest_verify_us(&sample).unwrap_or(f64::INFINITY);
    load.count = plan.supply(cores, before_us);
    let signing = Duration::from_secs((load.count / (SIGNATURES_PER_CORE * cores)) as u64 + 1);
    let needed = signing + plan.warm_up + plan.window + DRAIN;
    if needed > lifetime {
        return Err(BenchError::TooLong { needed, lifetime });
    }
    if let Some(keys) = plan.keys {
        tell(&format!("writing {keys} keys"));
        preload::write(plan, &clients, genesis.chain, keys).await?;
        load.layout = Layout::Scattered(keys);
    }
    // A little under the limit, as block time may lag behind this clock.
    load.expires_at_ms = unix_ms() + u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX) * 9 / 10;
    tell(&format!("signing {} transactions", load.count));
    let prepared = presign(&load);

    tell(&format!("loading for {:?} after {:?} of warm-up", plan.window, plan.warm_up));
    let measured = match plan.offer {
        Offer::Clients(clients) if plan.batch() == 1 => singles::measure(plan, clients, prepared).await?,
        Offer::Target(_) | Offer::Clients(_) | Offer::Rate { .. } => {
            let height = follower.block(plan.group, At::Latest, TransactionDetail::None).await?.height;
            measure(plan, (clients, prepared), follower, height).await?
        }
    };
    let after_us = cheapest_verify_us(&sample).unwrap_or(before_us);

    measured.report(plan, engine, cores, before_us.min(after_us))
}

/// What was measured.
pub(super) struct Measured {
    pub(super) from: Usage,
    pub(super) to: Usage,
    /// Transactions committed in the window.
    pub(super) committed: u64,
    pub(super) latencies_us: Histogram<u64>,
    pub(super) resident_bytes: Vec<u64>,
    pub(super) in_flight: usize,
    pub(super) mempool_full: u64,
    pub(super) failed: u64,
    pub(super) last_failure: String,
    pub(super) lost: u64,
    pub(super) load_ran_out: bool,
    /// Of an open loop.
    pub(super) offered: Option<Offered>,
}

/// Loads in batches and measures.
async fn measure(
    plan: &BenchPlan,
    (clients, load): (Vec<Client>, Vec<Prepared>),
    follower: Client,
    height: Height,
) -> Result<Measured, BenchError> {
    let pace = match plan.offer {
        Offer::Target(target) => Pace::aiming_for(target),
        Offer::Clients(clients) => Pace::fixed(clients),
        Offer::Rate { .. } => Pace::fixed(usize::MAX),
    };
    let driver = Driver::new(&plan.nodes, clients, (load, plan.batch()), pace);
    let (events, inbox) = unbounded_channel();
    let following = tokio::spawn(follow(follower, plan.group, height + 1, events.clone()));
    let measured = match plan.offer {
        Offer::Rate { per_second, kill } => {
            let schedule = Schedule::per_second(per_second);
            OpenLoop { plan, schedule, kill, start: Instant::now(), events, inbox }.measure(driver).await
        }
        Offer::Target(_) | Offer::Clients(_) => closed_loop(plan, driver, (events, inbox)).await,
    };
    following.abort();
    measured
}

type Events = UnboundedSender<Event>;
type Inbox = UnboundedReceiver<Event>;

async fn closed_loop(
    plan: &BenchPlan,
    mut driver: Driver<'_>,
    (events, mut inbox): (Events, Inbox),
) -> Result<Measured, BenchError> {
    driver.load_until(Instant::now() + plan.warm_up, &events, &mut inbox).await;
    driver.latencies_us.reset();
    let from = driver.usage()?;
    driver.load_until(from.at + plan.window, &events, &mut inbox).await;
    let to = driver.usage()?;
    let (latencies_us, in_flight) =
        (std::mem::replace(&mut driver.latencies_us, latencies()), driver.under_way);
    let load_ran_out = driver.next >= driver.batches.len();
    driver.drain(&events, &mut inbox).await;
    let committed = latencies_us.len();
    let measured = Measured { load_ran_out, in_flight, ..Measured::of(driver, (from, to), committed)? };
    Ok(Measured { latencies_us, ..measured })
}

/// A load of which each batch goes out when it is due.
struct OpenLoop<'a> {
    plan: &'a BenchPlan,
    schedule: Schedule,
    kill: usize,
    start: Instant,
    events: Events,
    inbox: Inbox,
}

impl OpenLoop<'_> {
    async fn measure(mut self, mut driver: Driver<'_>) -> Result<Measured, BenchError> {
        let begin = self.start + self.plan.warm_up;
        driver.counted_from = usize::MAX;
        self.offer_until(begin, &mut driver).await;
        driver.counted_from = driver.next;
        driver.stalls.next_phase();
        let (from, before) = (driver.usage()?, driver.commits);
        let end = begin + self.plan.window;
        if self.kill > 0 {
            let middle = begin + self.plan.window / 2;
            self.offer_until(middle, &mut driver).await;
            driver.kill_all_but(self.plan.nodes.len().saturating_sub(self.kill), &self.events)?;
            driver.stalls.next_phase();
            self.offer_until((middle + FIRST_VIEW_CHANGES).min(end), &mut driver).await;
            driver.stalls.next_phase();
        }
        self.offer_until(end, &mut driver).await;
        let (to, committed) = (driver.usage()?, driver.commits.saturating_sub(before));
        let in_flight = driver.under_way;
        driver.drain(&self.events, &mut self.inbox).await;
        driver.count_lost();
        let (late, stalls) = (driver.late, driver.stalls.over(Instant::now()));
        let measured = Measured { in_flight, ..Measured::of(driver, (from, to), committed)? };
        // By the clock: what was refused, or never sent because nothing was left, was due all the same.
        let transactions = self.schedule.count(self.plan.window);
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let held = (committed as f64 + self.plan.batch() as f64) >= transactions as f64 * HELD_SHARE;
        let stall_ms = |phase: usize| stalls.get(phase).map_or(0.0, |stall| stall.as_secs_f64() * 1e3);
        let offered = Offered {
            rate: self.schedule.count(Duration::from_secs(1)),
            transactions,
            held,
            sent_late_ms: late.as_secs_f64() * 1e3,
            stall_ms: stall_ms(1),
            killed: (self.kill > 0).then(|| AfterKill {
                nodes: self.kill,
                stall_ms: stall_ms(2),
                stall_later_ms: stall_ms(3),
            }),
        };
        Ok(Measured { offered: Some(offered), ..measured })
    }

    async fn offer_until(&mut self, end: Instant, driver: &mut Driver<'_>) {
        driver.offer_until(end, (self.start, self.schedule), &self.events, &mut self.inbox).await;
    }
}

impl Measured {
    /// What a driver knows when all is over.
    fn of(driver: Driver<'_>, (from, to): (Usage, Usage), committed: u64) -> Result<Measured, BenchError> {
        Ok(Measured {
            from,
            to,
            committed,
            resident_bytes: driver.resident_bytes()?,
            in_flight: driver.under_way,
            mempool_full: driver.mempool_full,
            failed: driver.failed,
            lost: driver.open_transactions(),
            latencies_us: driver.latencies_us,
            last_failure: driver.last_failure,
            load_ran_out: false,
            offered: None,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn report(
        self,
        plan: &BenchPlan,
        engine: EngineKind,
        cores: usize,
        verify_us: f64,
    ) -> Result<BenchReport, BenchError> {
        let (transactions, batch) = (self.committed, plan.batch());
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
            requests_per_s: tx_per_s / batch as f64,
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
            keys: plan.keys,
            batch,
            in_flight: self.in_flight,
            mempool_full: self.mempool_full,
            failed: self.failed,
            lost: self.lost,
            load_ran_out: self.load_ran_out,
            offered: self.offered,
        })
    }
}

#[cfg(test)]
mod tests;
