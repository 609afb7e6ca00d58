//! A load under way: what goes out when, and what became of it.

use super::stalls::Stalls;
use super::submission::submit;
use super::{BenchError, BenchNode, process};
use crate::load::{Pace, Prepared, Schedule};
use hdrhistogram::Histogram;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use witan_rpc::Client;
use witan_types::TxId;

/// How long transactions may take to commit after the window.
pub(super) const DRAIN: Duration = Duration::from_secs(15);
/// The longest time to commit that is told apart from longer ones, in microseconds.
const LONGEST_US: u64 = 300_000_000;

/// What the tasks tell the driver.
pub(super) enum Event {
    /// These transactions are committed.
    Committed { ids: Vec<TxId>, seen: Instant },
    /// A node had no room for some of a batch; they go again.
    Full,
    /// A batch was given up, with this many transactions not taken.
    GaveUp { batch: usize, refused: usize, why: String },
}

/// What goes out in one submission.
#[derive(Clone, Copy, Default)]
pub(super) struct Batch {
    /// When it was submitted, or in an open loop when it was due.
    pub(super) since: Option<Instant>,
    /// Transactions neither committed nor given up.
    pub(super) open: usize,
}

/// Processor time so far.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    pub(super) at: Instant,
    pub(super) nodes: Duration,
    pub(super) client: Duration,
}

/// The state of a run.
pub(super) struct Driver<'a> {
    /// The nodes that run.
    nodes: &'a [BenchNode],
    clients: Vec<Client>,
    load: Vec<Prepared>,
    batch: usize,
    batch_of: HashMap<TxId, usize>,
    pub(super) batches: Vec<Batch>,
    pub(super) next: usize,
    pub(super) under_way: usize,
    pace: Pace,
    pub(super) latencies_us: Histogram<u64>,
    /// Batches before this one are warm-up, and their latencies don't count.
    pub(super) counted_from: usize,
    /// Transactions committed so far.
    pub(super) commits: u64,
    pub(super) stalls: Stalls,
    /// The most that a batch went out after it was due.
    pub(super) late: Duration,
    /// Processor time that nodes had used that were killed.
    used_by_killed: Duration,
    pub(super) mempool_full: u64,
    pub(super) failed: u64,
    pub(super) last_failure: String,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        nodes: &'a [BenchNode],
        clients: Vec<Client>,
        (load, batch): (Vec<Prepared>, usize),
        pace: Pace,
    ) -> Driver<'a> {
        let batch = batch.max(1);
        Driver {
            nodes,
            clients,
            batches: load.chunks(batch).map(|part| Batch { since: None, open: part.len() }).collect(),
            batch_of: load.iter().enumerate().map(|(place, one)| (one.id, place / batch)).collect(),
            load,
            batch,
            next: 0,
            under_way: 0,
            pace,
            latencies_us: latencies(),
            counted_from: 0,
            commits: 0,
            stalls: Stalls::new(),
            late: Duration::ZERO,
            used_by_killed: Duration::ZERO,
            mempool_full: 0,
            failed: 0,
            last_failure: "none".into(),
        }
    }

    /// The closed loop: keeps batches under way until `end`, or until the load has run out and the last batch was submitted.
    pub(super) async fn load_until(
        &mut self,
        end: Instant,
        events: &UnboundedSender<Event>,
        inbox: &mut UnboundedReceiver<Event>,
    ) {
        while Instant::now() < end && self.next < self.batches.len() {
            while self.under_way < self.pace.limit() && self.submit_next(Instant::now(), events).is_some() {}
            self.learn_until(end, inbox).await;
        }
    }

    /// The open loop: submits each batch when it is due after `start`, whatever became of those before, until `end`.
    pub(super) async fn offer_until(
        &mut self,
        end: Instant,
        (start, schedule): (Instant, Schedule),
        events: &UnboundedSender<Event>,
        inbox: &mut UnboundedReceiver<Event>,
    ) {
        loop {
            let due = start + schedule.due((self.next * self.batch) as u64);
            let now = Instant::now();
            if due <= now && due < end && self.submit_next(due, events).is_some() {
                self.late = self.late.max(now.saturating_duration_since(due));
            } else if now >= end {
                return;
            } else {
                let wake = if self.next < self.batches.len() { due.min(end) } else { end };
                self.learn_until(wake, inbox).await;
            }
        }
    }

    /// Takes in the next event, if there is one in time.
    async fn learn_until(&mut self, end: Instant, inbox: &mut UnboundedReceiver<Event>) {
        let left = end.saturating_duration_since(Instant::now());
        if let Ok(Some(event)) = timeout(left, inbox.recv()).await {
            self.learn(event);
        }
    }

    pub(super) async fn drain(
        &mut self,
        events: &UnboundedSender<Event>,
        inbox: &mut UnboundedReceiver<Event>,
    ) {
        let end = Instant::now() + DRAIN;
        while self.under_way > 0 && !events.is_closed() && Instant::now() < end {
            self.learn_until(end, inbox).await;
        }
    }

    /// Sends the next batch, each to another node than the one before. None if all were sent.
    fn submit_next(&mut self, since: Instant, events: &UnboundedSender<Event>) -> Option<JoinHandle<()>> {
        let number = self.next;
        self.batches.get_mut(number)?.since = Some(since);
        let task = self.send(number, events)?;
        self.next += 1;
        self.under_way += 1;
        self.stalls.due(since);
        Some(task)
    }

    /// Sends a batch to the node whose turn it is, and to the others if that one doesn't answer.
    fn send(&self, number: usize, events: &UnboundedSender<Event>) -> Option<JoinHandle<()>> {
        let turn = number.checked_rem(self.clients.len())?;
        let mut nodes = self.clients.clone();
        nodes.rotate_left(turn);
        let transactions =
            self.load.chunks(self.batch).nth(number)?.iter().map(|one| one.bytes.clone()).collect();
        Some(tokio::spawn(submit(nodes, number, transactions, events.clone())))
    }

    /// Kills all nodes but the first `live`. What was submitted to them and is not committed goes to the others, as a client does
    /// that loses its connection: nothing that a node has taken is promised before it is committed.
    pub(super) fn kill_all_but(
        &mut self,
        live: usize,
        events: &UnboundedSender<Event>,
    ) -> Result<(), BenchError> {
        let (all, killed) = (self.nodes.len(), self.nodes.get(live..).unwrap_or_default());
        for node in killed {
            self.used_by_killed += process::cpu_time(node.pid).map_err(|why| gone(node, why))?;
            let pid = i32::try_from(node.pid).map_err(|error| gone(node, std::io::Error::other(error)))?;
            kill(Pid::from_raw(pid), Signal::SIGKILL).map_err(|why| gone(node, why.into()))?;
        }
        self.nodes = self.nodes.get(..live).unwrap_or_default();
        self.clients.truncate(live);
        let open = |(number, batch): (usize, &Batch)| {
            (number % all >= live && batch.since.is_some() && batch.open > 0).then_some(number)
        };
        let open: Vec<usize> = self.batches.iter().enumerate().filter_map(open).collect();
        for number in open {
            drop(self.send(number, events));
        }
        Ok(())
    }

    pub(super) fn learn(&mut self, event: Event) {
        match event {
            Event::Committed { ids, seen } => {
                let before = self.commits;
                ids.iter().for_each(|id| self.committed(id, seen));
                if self.commits > before {
                    self.stalls.committed(seen, self.under_way > 0);
                }
            }
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
        let Some(since) = self.batches.get(number).and_then(|batch| batch.since) else {
            return;
        };
        self.commits += 1;
        let after = seen.saturating_duration_since(since);
        self.took(number, after, 1);
        if self.close(number, 1) {
            self.pace.committed(after);
        }
    }

    fn took(&mut self, number: usize, after: Duration, count: u64) {
        if number >= self.counted_from {
            let microseconds = u64::try_from(after.as_micros()).unwrap_or(LONGEST_US).max(1);
            self.latencies_us.saturating_record_n(microseconds, count);
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

    /// Lets what was submitted and never committed count as having taken until now.
    pub(super) fn count_lost(&mut self) {
        let now = Instant::now();
        let after = |batch: &Batch| Some(now.saturating_duration_since(batch.since?));
        let open = self.batches.iter().enumerate().filter(|(_, batch)| batch.open > 0);
        let lost = open.filter_map(|(number, batch)| Some((number, after(batch)?, batch.open as u64)));
        let lost: Vec<_> = lost.collect();
        lost.into_iter().for_each(|(number, after, open)| self.took(number, after, open));
    }

    /// Transactions that were submitted, and neither committed nor given up.
    pub(super) fn open_transactions(&self) -> u64 {
        self.batches.iter().filter(|batch| batch.since.is_some()).map(|batch| batch.open as u64).sum()
    }

    pub(super) fn usage(&self) -> Result<Usage, BenchError> {
        let usage = usage(self.nodes)?;
        Ok(Usage { nodes: usage.nodes + self.used_by_killed, ..usage })
    }

    pub(super) fn resident_bytes(&self) -> Result<Vec<u64>, BenchError> {
        resident_bytes(self.nodes)
    }
}

/// Processor time that these nodes and this process have used.
pub(super) fn usage(nodes: &[BenchNode]) -> Result<Usage, BenchError> {
    let mut sum = Duration::ZERO;
    for node in nodes {
        sum += process::cpu_time(node.pid).map_err(|why| gone(node, why))?;
    }
    let client = process::cpu_time(std::process::id()).unwrap_or_default();
    Ok(Usage { at: Instant::now(), nodes: sum, client })
}

/// The most memory that each had resident.
pub(super) fn resident_bytes(nodes: &[BenchNode]) -> Result<Vec<u64>, BenchError> {
    let bytes = |node: &BenchNode| process::peak_resident_bytes(node.pid).map_err(|why| gone(node, why));
    nodes.iter().map(bytes).collect()
}

fn gone(node: &BenchNode, why: std::io::Error) -> BenchError {
    BenchError::Process { node: node.name.clone(), why }
}

/// An empty record of times to commit, in microseconds.
pub(super) fn latencies() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST_US, 3) {
        Ok(histogram) => histogram,
        Err(error) => panic!("constant bounds: {error}"),
    }
}

#[cfg(test)]
mod tests;
