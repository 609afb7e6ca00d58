//! The world: nodes, network and clocks behind one heap of events, and the course of a run.

use super::check::{
    Agreement, Bounds, Broken, Conservation, Durability, Liveness, Order, Promise, Seals, Standing, Verdict,
    WriteAhead, rejected,
};
use super::clients::Clients;
use super::disk::Disk;
use super::faults::{CLOCK_ERROR_MS, Fault, Faults};
use super::random::Random;
use super::report::{Report, Violation};
use super::scenario::{Disks, GENESIS_MS, GROUP, Scenario};
use super::trace::{Line, Trace};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Seq, Tick};
use witan_ledger::{Pooled, Store as _};
use witan_replica::{Event, Group, MessageVerifier, NoCache, Now, Source, Ticket, Timer, WriteSeq};
use witan_types::{Genesis, NodeId, SignedTransaction};

/// A run counts if it decided this many blocks while faults came and went.
const BLOCKS_UNDER_FAULTS: u64 = 50;
/// And if there were this many kinds of them.
const KINDS_OF_FAULT: usize = 3;
/// Faults come and go for at least this long, and until the run counts; microseconds.
const FAULTS_AT_LEAST: u64 = 10_000_000;
/// A run that does not count after this long never will; microseconds.
const FAULTS_AT_MOST: u64 = 240_000_000;
/// A group whose disks break their word may never go on; microseconds.
const PLANTED_AT_MOST: u64 = 20_000_000;
/// How often measures are taken, in microseconds.
const LOOK_EVERY: u64 = 40_000;

/// After the heal a refused client comes again after this long; microseconds.
const SUBMIT_AGAIN: u64 = 300_000;

/// How a message travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    OneWay,
    Request(u64),
    Response(u64),
}

/// Something that reaches one node.
#[derive(Clone, Debug)]
pub(super) enum What {
    Message { from: usize, how: How, bytes: Arc<[u8]> },
    Timer { timer: Timer, setting: u64 },
    LogSynced,
    LedgerSynced,
    Durable(Seq),
    Written(WriteSeq),
    PeerChanged(usize),
    RequestExpired(u64),
    Submit(Arc<SignedTransaction>),
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// To a node, unless it crashed since: its life is numbered.
    At(usize, u64, What),
    ClientWakes,
    FaultBegins,
    FaultEnds(u64),
    Look,
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) group: Box<dyn Group>,
    pub(super) verifier: MessageVerifier,
    pub(super) started_us: u64,
    /// The newest setting of each timer.
    pub(super) timers: BTreeMap<Timer, u64>,
    /// Open requests, and whom they went to.
    pub(super) requests: BTreeMap<u64, usize>,
    /// Whom to answer: the node, and its name for the request.
    pub(super) questions: BTreeMap<Ticket, (usize, u64)>,
    /// The connection to each peer that the replica knows of.
    pub(super) told: BTreeMap<usize, u64>,
}

/// A node: its disk, and its process while it runs.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) disk: Disk,
    pub(super) write_ahead: WriteAhead,
    pub(super) order: Order,
    /// Ascends with each crash.
    pub(super) life: u64,
    /// How wrong its wall clock always is, in milliseconds.
    skew_ms: i64,
    pub(super) running: Option<Running>,
    /// What happened while it stood still.
    stash: Vec<What>,
}

/// A whole run.
#[derive(Debug)]
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) genesis: Genesis,
    pub(super) random: Random,
    pub(super) now_us: u64,
    heap: BTreeMap<(u64, u64), Happening>,
    /// Ascends: breaks ties in the heap, and numbers whatever needs a number.
    pub(super) numbers: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) ids: Vec<NodeId>,
    pub(super) faults: Faults,
    /// The connection between two nodes, the lower place first; each is numbered.
    pub(super) links: BTreeMap<(usize, usize), u64>,
    clients: Clients,
    client_pause_us: u64,
    pub(super) trace: Trace,
    pub(super) agreement: Agreement,
    pub(super) seals: Seals,
    pub(super) durability: Durability,
    conservation: Conservation,
    pub(super) liveness: Option<Liveness>,
    counts: bool,
    messages: u64,
    crashes: u64,
    violation: Option<Violation>,
    /// Every node goes on after the heal.
    well: bool,
    done: bool,
}

impl World {
    pub(super) fn new(scenario: Scenario) -> World {
        let genesis = scenario.genesis();
        let mut random = Random::of(scenario.seed);
        let node = |place| Node {
            disk: Disk::new(scenario.disks),
            write_ahead: WriteAhead::default(),
            order: Order::starts(place, None, 0),
            life: 0,
            skew_ms: i64::try_from(random.below(2 * CLOCK_ERROR_MS)).unwrap_or(0) - CLOCK_ERROR_MS as i64,
            running: None,
            stash: Vec::new(),
        };
        let nodes = (0..scenario.all_nodes()).map(node).collect();
        let client_pause_us = [20_000, 40_000, 100_000].get(random.place(3)).copied().unwrap_or(40_000);
        World {
            ids: (0..scenario.all_nodes()).map(|place| scenario.node_id(place)).collect(),
            clients: Clients::new(&scenario, genesis.chain()),
            seals: Seals::new(&genesis, GROUP, scenario.scheme),
            conservation: Conservation::new(&genesis),
            scenario,
            genesis,
            random,
            now_us: 0,
            heap: BTreeMap::new(),
            numbers: 0,
            nodes,
            faults: Faults::default(),
            links: BTreeMap::new(),
            client_pause_us,
            trace: Trace::new(),
            agreement: Agreement::default(),
            durability: Durability::default(),
            liveness: None,
            counts: false,
            messages: 0,
            crashes: 0,
            violation: None,
            well: false,
            done: false,
        }
    }

    /// Runs to the end, or to the first broken promise.
    pub(super) fn run(&mut self) {
        self.follow_faults();
        for first in [Happening::ClientWakes, Happening::FaultBegins, Happening::Look] {
            self.after(1_000_000, first);
        }
        while !self.done && self.violation.is_none() {
            let Some(((at, _), happening)) = self.heap.pop_first() else { return };
            self.now_us = at;
            self.happen(happening);
        }
        if self.violation.is_none() {
            self.look_at_disks();
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn after(&mut self, us: u64, happening: Happening) {
        let number = self.number();
        self.heap.insert((self.now_us.saturating_add(us), number), happening);
    }

    /// Lets something happen to a node, unless it crashes before.
    pub(super) fn after_at(&mut self, us: u64, at: usize, what: What) {
        let life = self.node(at).life;
        self.after(us, Happening::At(at, life, what));
    }

    #[expect(clippy::indexing_slicing, reason = "places of nodes are made here, and nodes never go")]
    pub(super) fn node(&mut self, at: usize) -> &mut Node {
        &mut self.nodes[at]
    }

    /// Remembers the first promise that did not hold.
    pub(super) fn note(&mut self, verdict: Verdict) {
        let Err(Broken { promise, what }) = verdict else { return };
        if self.violation.is_none() && !self.scenario.unchecked.contains(&promise) {
            let (at_ms, events) = (self.now_us / 1_000, self.trace.newest());
            self.violation = Some(Violation { promise, what, at_ms, events });
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::At(at, life, what) => {
                if self.node(at).life == life {
                    self.reach(at, what);
                }
            }
            Happening::ClientWakes => self.client_wakes(),
            Happening::FaultBegins => self.fault_begins(),
            Happening::FaultEnds(number) => {
                self.faults.end(number);
                self.follow_faults();
            }
            Happening::Look => self.look(),
        }
    }

    /// The disk works on while the process stands still; everything else waits.
    fn reach(&mut self, at: usize, what: What) {
        match what {
            What::LogSynced => self.log_synced(at),
            What::LedgerSynced => self.ledger_synced(at),
            what if self.faults.is_paused(at) => self.node(at).stash.push(what),
            What::Message { from, how, bytes } => self.message(at, from, how, bytes),
            What::Timer { timer, setting } => self.timer(at, timer, setting),
            What::Durable(seq) => {
                self.trace.event(self.now_us, at, Line::Disk("records durable up to", seq));
                self.step(at, Event::Durable(seq));
            }
            What::Written(seq) => {
                self.trace.event(self.now_us, at, Line::Disk("ledger written up to", seq));
                self.step(at, Event::Written(seq));
            }
            What::PeerChanged(peer) => self.peer_changed(at, peer),
            What::RequestExpired(id) => {
                let asked = self.node(at).running.as_mut().and_then(|running| running.requests.remove(&id));
                if let Some(peer) = asked.and_then(|peer| self.ids.get(peer).copied()) {
                    self.trace.event(self.now_us, at, Line::Host("a request failed"));
                    self.step(at, Event::RequestFailed(peer));
                }
            }
            What::Submit(transaction) => self.submit(at, transaction),
        }
    }

    /// A node's clocks.
    pub(super) fn clocks(&mut self, at: usize) -> Now {
        let skew = self.node(at).skew_ms.saturating_add(self.faults.skew(at));
        let wall_ms = self.wall_ms().saturating_add_signed(skew);
        let now_us = self.now_us;
        let started = self.node(at).running.as_ref().map_or(now_us, |running| running.started_us);
        Now { tick: Tick(Duration::from_micros(now_us.saturating_sub(started))), wall_ms }
    }

    /// What a clock without error shows; the network is some seconds older than the run.
    fn wall_ms(&self) -> u64 {
        GENESIS_MS.saturating_add(10_000 + self.now_us / 1_000)
    }

    pub(super) fn step(&mut self, at: usize, event: Event) {
        let now = self.clocks(at);
        let Some(running) = &mut self.node(at).running else { return };
        let effects = running.group.step(now, event);
        self.obey(at, effects);
    }

    fn message(&mut self, at: usize, from: usize, how: How, bytes: Arc<[u8]>) {
        let name = match how {
            How::OneWay => "message",
            How::Request(_) => "request",
            How::Response(_) => "response",
        };
        self.trace.event(self.now_us, at, Line::Message { from, how: name, bytes: Arc::clone(&bytes) });
        self.messages += 1;
        let ticket = Ticket(self.number());
        let Some(sender) = self.ids.get(from).copied() else { return };
        let Some(running) = &mut self.node(at).running else { return };
        let source = match how {
            How::OneWay => Source::Node(sender),
            How::Request(id) => {
                running.questions.insert(ticket, (from, id));
                Source::Request(sender, ticket)
            }
            How::Response(id) if running.requests.remove(&id).is_some() => Source::Node(sender),
            How::Response(_) => return,
        };
        match running.verifier.verify(&NoCache, sender, &bytes) {
            Ok(message) => self.step(at, Event::Message(source, message)),
            Err(why) => self.note(Err(rejected(at, from, &why))),
        }
        let unanswered = self.node(at).running.as_ref().is_some_and(|running| !running.questions.is_empty());
        self.note(super::check::holds(Promise::Order, !unanswered, || {
            format!("node {at} leaves a request open")
        }));
    }

    fn timer(&mut self, at: usize, timer: Timer, setting: u64) {
        let Some(running) = &mut self.node(at).running else { return };
        if running.timers.get(&timer) != Some(&setting) {
            return;
        }
        running.timers.remove(&timer);
        self.trace.event(self.now_us, at, Line::Timer(timer.clone()));
        self.step(at, Event::Timer(timer));
    }

    fn submit(&mut self, at: usize, transaction: Arc<SignedTransaction>) {
        let pooled = Pooled::new(transaction);
        self.trace.event(self.now_us, at, Line::Client(pooled.id));
        let ticket = Ticket(self.number());
        let (id, transaction) = (pooled.id, Arc::clone(&pooled.transaction));
        self.step(at, Event::Submit(ticket, vec![pooled]));
        let waits = self.node(at).running.as_ref().is_some_and(|running| running.group.is_pending(&id));
        // A full mempool may refuse it: then the client comes again.
        if !waits && self.liveness.as_ref().is_some_and(|liveness| liveness.misses(at, &id)) {
            self.after_at(SUBMIT_AGAIN, at, What::Submit(transaction));
        }
    }

    fn client_wakes(&mut self) {
        if self.liveness.is_some() {
            return;
        }
        let pause = self.random.within(1..=2 * self.client_pause_us);
        self.after(pause, Happening::ClientWakes);
        let wall_ms = self.wall_ms();
        let Some(transaction) = self.clients.next(&mut self.random, wall_ms) else { return };
        let transaction = Arc::new(transaction);
        for _ in 0..=u64::from(self.random.chance(20)) {
            let at = self.random.place(self.nodes.len());
            self.after_at(500, at, What::Submit(Arc::clone(&transaction)));
        }
    }

    fn fault_begins(&mut self) {
        let kinds = self.faults.counts.len();
        self.counts = self.agreement.newest() >= BLOCKS_UNDER_FAULTS && kinds >= KINDS_OF_FAULT;
        let planted = self.scenario.disks != Disks::Honest;
        let most = if planted { PLANTED_AT_MOST } else { FAULTS_AT_MOST };
        if self.now_us >= most || (self.counts && self.now_us >= FAULTS_AT_LEAST) {
            return self.heal();
        }
        let pause = self.random.within(20_000..=900_000);
        self.after(pause, Happening::FaultBegins);
        let drawn = Fault::draw(&mut self.random, self.nodes.len());
        let kind = drawn.first().map(|(fault, _)| fault.kind());
        kind.into_iter().for_each(|kind| *self.faults.counts.entry(kind).or_default() += 1);
        for (fault, lasts) in drawn {
            self.trace.event(self.now_us, 0, Line::Fault(format!("{fault:?} for {lasts} us")));
            let number = self.faults.begin(fault);
            self.after(lasts, Happening::FaultEnds(number));
        }
        self.follow_faults();
    }

    /// The end of all faults. Each node gets a new transaction, which every node must commit.
    fn heal(&mut self) {
        self.trace.event(self.now_us, 0, Line::Fault("all faults heal".into()));
        self.faults.end_all();
        self.follow_faults();
        let (newest, max_timeout_ms) = (self.agreement.newest(), self.genesis.parameters.max_timeout_ms);
        let mut liveness = Liveness::healed(self.now_us, newest, max_timeout_ms, self.nodes.len());
        let wall_ms = self.wall_ms();
        for at in 0..self.nodes.len() {
            if let Some(transaction) = self.clients.lasting(&mut self.random, wall_ms) {
                liveness.submitted(transaction.id());
                self.after_at(1_000, at, What::Submit(Arc::new(transaction)));
            }
        }
        self.liveness = Some(liveness);
    }

    /// Brings nodes and connections to where the faults want them.
    fn follow_faults(&mut self) {
        for at in 0..self.nodes.len() {
            let (down, runs) = (self.faults.is_down(at), self.node(at).running.is_some());
            if down && runs {
                self.crash(at);
            } else if !down && !runs {
                self.start(at);
            }
            if !self.faults.is_paused(at) {
                for what in std::mem::take(&mut self.node(at).stash) {
                    self.after_at(0, at, what);
                }
            }
        }
        self.follow_links();
    }

    fn crash(&mut self, at: usize) {
        self.trace.event(self.now_us, at, Line::Host("crash"));
        self.crashes += 1;
        let World { nodes, random, conservation, .. } = self;
        let Some(node) = nodes.get_mut(at) else { return };
        node.running = None;
        node.life += 1;
        node.stash.clear();
        let survived = node.disk.crash(random);
        node.write_ahead.synced(&survived);
        let verdict = conservation.on_disk(at, &node.disk.store);
        self.note(verdict);
    }

    fn standings(&self) -> Option<Vec<Standing>> {
        let standing = |node: &Node| {
            let running = node.running.as_ref()?;
            let now = Now { tick: Tick(Duration::ZERO), wall_ms: 0 };
            let executed = running.group.status(now).tip.height;
            let (flushed, sealed) = (node.disk.store.tip().unwrap_or(0), node.disk.store.sealed_tip());
            Some(Standing { executed, flushed, sealed })
        };
        self.nodes.iter().map(standing).collect()
    }

    /// Takes measures, and notices the end.
    fn look(&mut self) {
        self.after(LOOK_EVERY, Happening::Look);
        for at in 0..self.nodes.len() {
            let (now, records) = (self.clocks(at), self.node(at).disk.log_length());
            if let Some(running) = &self.node(at).running {
                let bounds = Bounds { node: at, records, requests: running.requests.len() };
                let verdict = bounds.look(&running.group.status(now));
                self.note(verdict);
            }
        }
        if let (Some(liveness), Some(standings)) = (&self.liveness, self.standings()) {
            let in_time = liveness.in_time(self.now_us, &standings);
            self.well = liveness.is_reached(&standings);
            self.done = self.well || in_time.is_err();
            self.note(in_time);
        }
    }

    fn look_at_disks(&mut self) {
        for at in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(at) else { return };
            let durable = self.durability.at_end(at, &node.disk.store);
            let conserved = self.conservation.on_disk(at, &node.disk.store);
            self.note(durable);
            self.note(conserved);
        }
    }

    /// The summary so far.
    pub(super) fn report(self) -> Report {
        Report {
            seed: self.scenario.seed,
            nodes: self.scenario.nodes,
            replay: self.scenario.to_string(),
            blocks: self.agreement.newest(),
            transactions: self.durability.count(),
            messages: self.messages,
            crashes: self.crashes,
            faults: self.faults.counts,
            virtual_ms: self.now_us / 1_000,
            well_after_ms: self
                .liveness
                .filter(|_| self.well)
                .map(|liveness| liveness.since(self.now_us) / 1_000),
            counts: self.counts,
            trace: self.trace.hash(),
            violation: self.violation,
        }
    }
}
