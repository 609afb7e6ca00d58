//! The world: nodes, network and clocks behind one heap of events, and the course of a run.

use super::attack::Attackers;
use super::check::{
    Agreement, Broken, Conservation, Durability, Innocence, Liveness, Order, Promise, Seals, Verdict,
    WriteAhead,
};
use super::clients::Clients;
use super::disk::Disk;
use super::engines::Speech;
use super::faults::{CLOCK_ERROR_MS, Fault, Faults};
use super::random::Random;
use super::report::Violation;
use super::scenario::{Disks, GENESIS_MS, GROUP, Scenario};
use super::trace::{Line, Trace};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Instance, Seq, Tick};
use witan_ledger::Pooled;
use witan_replica::{Event, Group, MessageVerifier, NoCache, Now, Source, Ticket, Timer, WriteSeq};
use witan_types::{Epoch, Genesis, NodeId, SignedTransaction};

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
pub(super) const LOOK_EVERY: u64 = 40_000;
/// How long a forgetful attacker stays up, in microseconds.
const FORGETS_AFTER: std::ops::RangeInclusive<u64> = 300_000..=3_000_000;

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
    /// An attacker comes back without its consensus records.
    Forgets(usize),
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
    pub(super) speech: &'static dyn Speech,
    pub(super) instance: Instance,
    pub(super) attackers: Attackers,
    pub(super) trace: Trace,
    pub(super) agreement: Agreement,
    pub(super) seals: Seals,
    pub(super) durability: Durability,
    pub(super) conservation: Conservation,
    pub(super) innocence: Innocence,
    pub(super) liveness: Option<Liveness>,
    pub(super) counts: bool,
    pub(super) messages: u64,
    pub(super) crashes: u64,
    /// The highest round, view or term of an honest node.
    pub(super) views: u64,
    pub(super) violation: Option<Violation>,
    /// Every node goes on after the heal.
    pub(super) well: bool,
    pub(super) done: bool,
}

impl World {
    pub(super) fn new(scenario: Scenario, speech: &'static dyn Speech) -> World {
        let genesis = scenario.genesis();
        let mut random = Random::of(scenario.seed);
        let places = scenario.attackers();
        let of = |(place, attack): (&usize, &_)| (*place, *attack, scenario.validator_key(*place));
        let attackers = Attackers::new(places.iter().map(of).collect(), scenario.seed, scenario.all_nodes());
        let mut homes: Vec<usize> = (0..scenario.all_nodes()).collect();
        homes.extend(attackers.twins().firsts());
        let keys = (0..scenario.nodes).map(|place| scenario.validator_key(place).public()).collect();
        let mut node = |place| Node {
            disk: Disk::new(scenario.disks),
            write_ahead: WriteAhead::new(speech),
            order: Order::starts(place, None, 0),
            life: 0,
            skew_ms: i64::try_from(random.below(2 * CLOCK_ERROR_MS)).unwrap_or(0) - CLOCK_ERROR_MS as i64,
            running: None,
            stash: Vec::new(),
        };
        let nodes = homes.iter().map(|home| node(*home)).collect();
        let client_pause_us = [20_000, 40_000, 100_000].get(random.place(3)).copied().unwrap_or(40_000);
        World {
            ids: homes.iter().map(|home| scenario.node_id(*home)).collect(),
            instance: Instance { chain: genesis.chain(), group: GROUP, epoch: Epoch(1) },
            innocence: Innocence::new(keys, scenario.scheme, places.into_keys().collect()),
            attackers,
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
            speech,
            trace: Trace::new(speech),
            agreement: Agreement::default(),
            durability: Durability::default(),
            liveness: None,
            counts: false,
            messages: 0,
            crashes: 0,
            views: 0,
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
        for at in self.attackers.forgetful() {
            self.after(*FORGETS_AFTER.start(), Happening::Forgets(at));
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

    /// Whether the node follows the protocol: checkers look at no other.
    pub(super) fn is_honest(&self, at: usize) -> bool {
        self.attackers.is_honest(at)
    }

    /// The places of the nodes that follow the protocol.
    pub(super) fn honest(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|at| self.is_honest(*at))
    }

    /// Whose machine a node stands on: faults hit that.
    pub(super) fn home(&self, at: usize) -> usize {
        self.attackers.twins().home(at)
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
            Happening::Forgets(at) => self.forget(at),
            Happening::Look => self.look(),
        }
    }

    /// The disk works on while the process stands still; everything else waits.
    fn reach(&mut self, at: usize, what: What) {
        match what {
            What::LogSynced => self.log_synced(at),
            What::LedgerSynced => self.ledger_synced(at),
            what if self.faults.is_paused(self.home(at)) => self.node(at).stash.push(what),
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
        let skew = self.node(at).skew_ms.saturating_add(self.faults.skew(self.home(at)));
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
            Err(why) => {
                running.questions.remove(&ticket);
                let verdict = self.innocence.rejected(at, self.home(from), &why);
                self.note(verdict);
                // An answer that is refused is none.
                if matches!(how, How::Response(_)) {
                    self.step(at, Event::RequestFailed(sender));
                }
            }
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
        let drawn = Fault::draw(&mut self.random, self.scenario.all_nodes());
        let kind = drawn.first().map(|(fault, _)| fault.kind());
        kind.into_iter().for_each(|kind| *self.faults.counts.entry(kind).or_default() += 1);
        for (fault, lasts) in drawn {
            self.trace.event(self.now_us, 0, Line::Fault(format!("{fault:?} for {lasts} us")));
            let number = self.faults.begin(fault);
            self.after(lasts, Happening::FaultEnds(number));
        }
        self.follow_faults();
    }

    /// The end of all faults. Each honest node gets a new transaction, which every
    /// honest node must commit. Attackers attack on.
    fn heal(&mut self) {
        self.trace.event(self.now_us, 0, Line::Fault("all faults heal".into()));
        self.faults.end_all();
        self.follow_faults();
        let (newest, max_timeout_ms) = (self.agreement.newest(), self.genesis.parameters.max_timeout_ms);
        let mut liveness = Liveness::healed(self.now_us, newest, max_timeout_ms, self.honest());
        let wall_ms = self.wall_ms();
        let honest: Vec<usize> = self.honest().collect();
        for at in honest {
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
            let home = self.home(at);
            let (down, runs) = (self.faults.is_down(home), self.node(at).running.is_some());
            if down && runs {
                self.crash(at);
            } else if !down && !runs {
                self.start(at);
            }
            if !self.faults.is_paused(home) {
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
        let World { nodes, random, conservation, attackers, .. } = self;
        let Some(node) = nodes.get_mut(at) else { return };
        node.running = None;
        node.life += 1;
        node.stash.clear();
        let survived = node.disk.crash(random);
        node.write_ahead.synced(&survived);
        if attackers.is_honest(at) {
            let verdict = conservation.on_disk(at, &node.disk.store);
            self.note(verdict);
        }
    }

    /// A forgetful attacker goes down and is back at once; starting, it forgets.
    fn forget(&mut self, at: usize) {
        let stays = self.random.within(FORGETS_AFTER);
        self.after(stays, Happening::Forgets(at));
        if self.node(at).running.is_some() {
            self.crash(at);
            self.follow_links();
            self.start(at);
            self.follow_links();
        }
    }
}
