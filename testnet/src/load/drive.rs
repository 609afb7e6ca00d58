//! The open loop: each transaction goes out when it is due, whatever became of those before, and its latency counts from then. So
//! a network that stands still for a second shows as every latency that this second cost (no coordinated omission).

use super::outcome::Outcomes;
use super::report::LoadReport;
use super::series::Series;
use super::{GroupKeys, Layout, LoadError, LoadPlan, Prepared, Schedule, found, presign};
use crate::check::acknowledged::Acknowledged;
use crate::workload::{Fate, Journey, Patience, see_bytes_through, unix_ms};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use witan_rpc::{Subscriber, TransactionState};
use witan_types::{ChainId, Genesis};

/// The most transactions of one load.
pub const MAX_TRANSACTIONS: u64 = 2_000_000;
/// The highest rate.
pub const MAX_RATE: u64 = 100_000;
/// The most connections.
pub const MAX_CLIENTS: usize = 256;
/// Calls that wait on one connection at once: fewer than a node lets wait on one.
const CALLS_OF_CLIENT: usize = 200;
/// How long a transaction lives, at most.
const LIFETIME: Duration = Duration::from_secs(30);
/// A client asks about a transaction for this much longer than it lives.
const GRACE: Duration = Duration::from_secs(5);
/// What is signed at a time.
const SLICE: Duration = Duration::from_secs(1);
/// How many such slices are signed ahead.
const SLICES_AHEAD: usize = 2;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// The time that slices are due after the start, so that the first ones are signed by then.
const LEAD: Duration = Duration::from_millis(500);

/// A node that takes load.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadNode {
    /// Its name.
    pub name: String,
    /// Its RPC address.
    pub rpc: String,
}

/// What to do.
#[derive(Clone, Debug)]
pub struct DrivePlan {
    /// The nodes that take it in turn.
    pub nodes: Vec<LoadNode>,
    /// The bearer token that they ask for, if they do.
    pub token: Option<String>,
    /// Transactions a second.
    pub per_second: u64,
    /// Connections.
    pub clients: usize,
    /// The share of transactions that span two groups, in percent.
    pub across: u32,
    /// Bytes of a signed transaction.
    pub bytes: usize,
    /// For how long.
    pub window: Duration,
    /// The same seed signs the same load.
    pub seed: u64,
}

/// How a load goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Since the first was due.
    pub elapsed: Duration,
    /// Transactions that were due so far.
    pub due: u64,
    /// Transactions of which the end is known.
    pub ended: u64,
    /// Those that were committed.
    pub committed: u64,
    /// Transactions on their way.
    pub in_flight: u64,
    /// Committed a second, lately.
    pub per_second: f64,
    /// Acknowledged transactions that were looked for again after the load, of how many.
    pub verified: Option<(u64, u64)>,
    /// Acknowledged transactions that no node knows any more.
    pub lost: u64,
}

/// A load that is over.
#[derive(Clone, Debug)]
pub struct Driven {
    /// What came of it.
    pub report: LoadReport,
    /// What the network acknowledged.
    pub acknowledged: Vec<Acknowledged>,
}

/// A transaction that has ended.
struct Ended {
    due: Duration,
    at: Duration,
    journey: Journey,
}

/// Loads a network, then looks for everything that it acknowledged.
///
/// # Errors
/// If no node can be reached, or more is asked for than a load may be.
pub async fn drive(
    plan: &DrivePlan,
    genesis: &Genesis,
    tell: &mut dyn FnMut(&Progress),
) -> Result<Driven, LoadError> {
    let schedule = Schedule::per_second(plan.per_second);
    let count = schedule.count(plan.window);
    if count == 0 || count > MAX_TRANSACTIONS {
        return Err(LoadError::Count { count, most: MAX_TRANSACTIONS });
    }
    let (clients, reached) = connect(plan).await?;
    let clients: Arc<[Subscriber]> = clients.into();
    let lifetime = LIFETIME.min(Duration::from_millis(genesis.parameters.max_tx_lifetime_ms / 2));
    let start = Instant::now() + LEAD;
    let signing = Signing {
        chain: genesis.chain(),
        seed: plan.seed,
        bytes: plan.bytes,
        layout: Layout::Spread(Arc::new(GroupKeys::new(genesis)), plan.across),
        schedule,
        count,
        // The clock of the nodes' blocks may be behind or ahead a little.
        starts_at_ms: unix_ms().saturating_add(millis(LEAD + lifetime)),
    };
    let signed = signing.begin();
    let run = Run {
        clients: Arc::clone(&clients),
        schedule,
        start,
        patience: lifetime + GRACE,
        places: Arc::new(Semaphore::new(CALLS_OF_CLIENT.saturating_mul(clients.len()))),
        collected: Collected::new(plan.window),
    };
    let mut collected = run.run(signed, count, tell).await;
    let acknowledged = std::mem::take(&mut collected.acknowledged);
    let mut progress = collected.progress;
    let mut show = |verified, lost| {
        (progress.verified, progress.lost) = (Some((verified, acknowledged.len() as u64)), lost);
        tell(&progress);
    };
    let lost = found::look_again(&clients, reached, &acknowledged, found::LOOK_AGAIN, &mut show).await;
    let acknowledged = acknowledged.into_iter().map(|(entry, _)| entry).collect();
    let report = LoadReport::new(plan, genesis, count, collected.outcomes, collected.series, lost);
    Ok(Driven { report, acknowledged })
}

/// Connections, each to the next node, and to how many nodes. A node that can't be reached is left out; there has to be one
/// that can.
async fn connect(plan: &DrivePlan) -> Result<(Vec<Subscriber>, usize), LoadError> {
    let (mut reached, mut last) = (Vec::new(), None);
    for node in &plan.nodes {
        let connected = match &plan.token {
            Some(token) => Subscriber::connect_with_token(&node.rpc, token).await,
            None => Subscriber::connect(&node.rpc).await,
        };
        match connected {
            Ok(_) => reached.push(node),
            Err(error) => last = Some(error),
        }
    }
    let mut clients = Vec::new();
    for node in reached.iter().cycle().take(plan.clients.clamp(1, MAX_CLIENTS)) {
        clients.push(match &plan.token {
            Some(token) => Subscriber::connect_with_token(&node.rpc, token).await?,
            None => Subscriber::connect(&node.rpc).await?,
        });
    }
    match (clients.is_empty(), last) {
        (false, _) => {
            let nodes = reached.len().min(clients.len());
            Ok((clients, nodes))
        }
        (true, Some(error)) => Err(error.into()),
        (true, None) => Err(LoadError::NoNodes),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Signs a load part by part, a little ahead of when it is due.
struct Signing {
    chain: ChainId,
    seed: u64,
    bytes: usize,
    layout: Layout,
    schedule: Schedule,
    count: u64,
    /// When what is due at the start expires, Unix milliseconds.
    starts_at_ms: u64,
}

impl Signing {
    fn begin(self) -> Receiver<Vec<Prepared>> {
        let (parts, signed) = channel(SLICES_AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut first = 0;
            let slice = self.schedule.count(SLICE).max(1);
            while first < self.count {
                let count = slice.min(self.count - first);
                let due_ms = millis(self.schedule.due(first));
                let part = presign(&LoadPlan {
                    chain: self.chain,
                    seed: self.seed,
                    first,
                    count: usize::try_from(count).unwrap_or(0),
                    bytes: self.bytes,
                    expires_at_ms: self.starts_at_ms.saturating_add(due_ms),
                    layout: self.layout.clone(),
                });
                if parts.blocking_send(part).is_err() {
                    break;
                }
                first += count;
            }
        });
        signed
    }
}

/// What is known so far.
struct Collected {
    outcomes: Outcomes,
    series: Series,
    acknowledged: Vec<(Acknowledged, usize)>,
    progress: Progress,
    /// Committed at the end of the last two seconds or so.
    lately: (Duration, u64),
}

impl Collected {
    fn new(window: Duration) -> Collected {
        Collected {
            outcomes: Outcomes::new(),
            series: Series::new(window),
            acknowledged: Vec::new(),
            progress: Progress::default(),
            lately: (Duration::ZERO, 0),
        }
    }

    fn ended(&mut self, ended: Ended) {
        let Ended { due, at, journey } = ended;
        let latency = at.saturating_sub(due);
        self.progress.ended += 1;
        if let Fate::Ended(status) = &journey.fate
            && status.status == TransactionState::Committed
        {
            self.progress.committed += 1;
            self.series.committed(due, at, latency);
            if let (Some(group), Some(height)) = (status.group, status.height) {
                self.acknowledged.push((Acknowledged { id: status.tx_id, group, height }, journey.told_by));
            }
        }
        self.outcomes.add(&journey, latency);
    }

    fn look(&mut self, elapsed: Duration) -> &Progress {
        let (since, before) = self.lately;
        let seconds = elapsed.saturating_sub(since).as_secs_f64();
        if seconds >= 1.0 {
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = self.progress.committed.saturating_sub(before) as f64 / seconds;
            self.progress.per_second = rate;
            self.lately = (elapsed, self.progress.committed);
        }
        self.progress.elapsed = elapsed;
        self.progress.in_flight = self.progress.due.saturating_sub(self.progress.ended);
        &self.progress
    }
}

/// A load under way.
struct Run {
    clients: Arc<[Subscriber]>,
    schedule: Schedule,
    start: Instant,
    patience: Duration,
    /// One for each call that may wait at once.
    places: Arc<Semaphore>,
    collected: Collected,
}

impl Run {
    async fn run(
        mut self,
        mut signed: Receiver<Vec<Prepared>>,
        count: u64,
        tell: &mut dyn FnMut(&Progress),
    ) -> Collected {
        let (ends, mut ended) = unbounded_channel();
        let mut number = 0;
        let mut ticks = interval(TELL_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut part = Vec::new().into_iter();
        while number < count {
            let Some(next) = part.next() else {
                match signed.recv().await {
                    Some(more) => part = more.into_iter(),
                    None => break,
                }
                continue;
            };
            let due = self.schedule.due(number);
            self.wait_until(due, &mut ended, &mut ticks, tell).await;
            self.send(number, due, next, ends.clone());
            self.collected.series.due(due);
            number += 1;
            self.collected.progress.due = number;
        }
        drop(ends);
        while let Some(end) = self.next_end(&mut ended, &mut ticks, tell).await {
            self.collected.ended(end);
        }
        tell(self.collected.look(self.start.elapsed()));
        self.collected
    }

    /// Until a transaction is due, takes in what has ended.
    async fn wait_until(
        &mut self,
        due: Duration,
        ended: &mut UnboundedReceiver<Ended>,
        ticks: &mut tokio::time::Interval,
        tell: &mut dyn FnMut(&Progress),
    ) {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.start + due) => return,
                _ = ticks.tick() => tell(self.collected.look(self.start.elapsed())),
                Some(end) = ended.recv() => self.collected.ended(end),
            }
        }
    }

    /// The next that ends, once all are sent.
    async fn next_end(
        &mut self,
        ended: &mut UnboundedReceiver<Ended>,
        ticks: &mut tokio::time::Interval,
        tell: &mut dyn FnMut(&Progress),
    ) -> Option<Ended> {
        loop {
            tokio::select! {
                end = ended.recv() => return end,
                _ = ticks.tick() => tell(self.collected.look(self.start.elapsed())),
            }
        }
    }

    fn send(&self, number: u64, due: Duration, next: Prepared, ends: UnboundedSender<Ended>) {
        let (clients, places) = (Arc::clone(&self.clients), Arc::clone(&self.places));
        let (start, patience) = (self.start, self.patience);
        tokio::spawn(async move {
            // Never closed; a transaction that waits for its place is late all the same.
            let _place = places.acquire().await;
            let first = usize::try_from(number % clients.len().max(1) as u64).unwrap_or(0);
            let patience = Patience { first, until: start + due + patience };
            let journey = see_bytes_through(&clients, next.id, &next.bytes, patience).await;
            // Nobody takes it in only if the load was given up.
            ends.send(Ended { due, at: start.elapsed(), journey }).ok();
        });
    }
}
