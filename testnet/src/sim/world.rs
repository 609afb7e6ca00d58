//! The world: nodes, network and clocks behind one heap of events.

use super::attack::Attackers;
use super::chain::Chain;
use super::check::{Broken, Conservation, Innocence, Locking, Order, Verdict, WriteAhead};
use super::clients::Clients;
use super::disk::Disk;
use super::faults::{CLOCK_ERROR_MS, Faults};
use super::ledger_writer::LedgerWriter;
use super::node::{Hosted, Node};
use super::operators::Approving;
use super::pipeline::Pipeline;
use super::plan::{Plan, StallWatch};
use super::random::Random;
use super::recorder::Recorder;
use super::report::Violation;
use super::scenario::{GENESIS_MS, Scenario};
use super::timetable::{Course, Moment};
use super::trace::Trace;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Seq, Tick};
use witan_replica::attack::Attack;
use witan_replica::{Now, Timer, WriteSeq};
use witan_types::{Envelope, Genesis, GroupId, Height, IdentifiedTransaction, NodeId};

/// How often measures are taken, in microseconds.
pub(super) const LOOK_EVERY: u64 = 40_000;
/// How long a forgetful attacker stays up, in microseconds.
pub(super) const FORGETS_AFTER: std::ops::RangeInclusive<u64> = 300_000..=3_000_000;

/// How a message travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    OneWay,
    Request(u64),
    Response(u64),
}

/// A message for the replica of a group on another node: from one of that group, or from one of another group.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) from: usize,
    pub(super) group: GroupId,
    pub(super) how: How,
    pub(super) bytes: Arc<[u8]>,
}

/// Something that reaches one node.
#[derive(Clone, Debug)]
pub(super) enum What {
    Message(Parcel),
    PeerChanged(usize),
    Disk(Work),
    /// One of its groups alone.
    Within(GroupId, Matter),
}

/// What the ledger's writer of a node is done with, or has to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Work {
    LedgerWritten,
    LedgerSynced,
    SyncDue,
}

/// Something that reaches one group of a node from that node itself, or from a client.
#[derive(Clone, Debug)]
pub(super) enum Matter {
    Timer {
        timer: Timer,
        setting: u64,
    },
    LogSynced,
    Durable(Seq),
    BatchesDurable(u64),
    Written(WriteSeq),
    LedgerDurable(WriteSeq),
    RequestExpired(u64),
    /// What another group says, from its replica on this node.
    Envelope(Arc<Envelope>),
    Submit(IdentifiedTransaction),
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// To a node, unless it crashed since: its life is numbered.
    At(usize, u64, What),
    ClientWakes,
    OperatorWakes,
    /// What the plan of the run has for this moment.
    Planned,
    /// Everything heals, in a run that does not draw its faults.
    Heals,
    FaultBegins,
    FaultEnds(u64),
    /// What a scenario has for this moment.
    Timetabled(Moment),
    /// An attacker comes back without its consensus records.
    Forgets(usize),
    Look,
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
    pub(super) clients: Clients,
    pub(super) operators: Approving,
    pub(super) client_pause_us: u64,
    pub(super) attackers: Attackers,
    pub(super) trace: Trace,
    /// Each group, over all nodes.
    pub(super) chains: BTreeMap<GroupId, Chain>,
    pub(super) conservation: Conservation,
    pub(super) recorder: Recorder,
    pub(super) locking: Locking,
    pub(super) stall: StallWatch,
    pub(super) pipeline: Pipeline,
    /// Messages between groups that reached a node.
    pub(super) crossings: u64,
    /// What each node offered to each of its groups: of which group, and from which of its blocks. Kept only if relays
    /// offer nothing again.
    pub(super) offered: BTreeSet<(usize, GroupId, GroupId, Height)>,
    pub(super) innocence: Innocence,
    /// What a scenario wants to be seen.
    pub(super) course: Course,
    /// When all faults healed.
    pub(super) healed_us: Option<u64>,
    pub(super) counts: bool,
    pub(super) batches: u64,
    pub(super) messages: u64,
    pub(super) crashes: u64,
    pub(super) violation: Option<Violation>,
    /// Every node goes on after the heal, in every group.
    pub(super) well: bool,
    /// The groups that were well at some moment after the heal.
    pub(super) rested: BTreeSet<GroupId>,
    pub(super) done: bool,
}

impl World {
    pub(super) fn new(scenario: Scenario) -> World {
        let genesis = scenario.genesis();
        let mut random = Random::of(scenario.seed);
        let places = scenario.attackers();
        let attackers = attackers(&scenario, &places, &genesis);
        let mut homes: Vec<usize> = (0..scenario.all_nodes()).collect();
        homes.extend(attackers.twins().firsts());
        let keys = (0..scenario.nodes).map(|place| scenario.validator_key(place).public()).collect();
        let nodes = homes.iter().map(|home| node(&scenario, *home, &mut random)).collect();
        let drawn_us = [20_000, 40_000, 100_000].get(random.place(3)).copied().unwrap_or(40_000);
        let client_pause_us = scenario.client_pause_us().unwrap_or(drawn_us);
        let chain = |group| (group, Chain::new(&scenario, &genesis, group));
        World {
            ids: homes.iter().map(|home| scenario.node_id(*home)).collect(),
            innocence: Innocence::new(keys, scenario.scheme, places.into_keys().collect()),
            attackers,
            clients: Clients::new(&scenario, &genesis),
            operators: Approving::new(&scenario, &genesis),
            chains: scenario.running().map(chain).collect(),
            conservation: Conservation::new(&genesis),
            recorder: Recorder::default(),
            locking: Locking::default(),
            stall: StallWatch::default(),
            pipeline: Pipeline::default(),
            crossings: 0,
            offered: BTreeSet::new(),
            trace: Trace::new(scenario.running().map(|group| (group, scenario.speech(group))).collect()),
            scenario,
            genesis,
            random,
            now_us: 0,
            heap: BTreeMap::new(),
            numbers: 0,
            nodes,
            faults: Faults::default(),
            links: BTreeMap::new(),
            course: Course::default(),
            client_pause_us,
            healed_us: None,
            counts: false,
            batches: 0,
            messages: 0,
            crashes: 0,
            violation: None,
            well: false,
            rested: BTreeSet::new(),
            done: false,
        }
    }

    /// Runs to the end, or to the first broken promise.
    pub(super) fn run(&mut self) {
        self.follow_faults();
        self.begin_plan();
        self.after(1_000_000, Happening::Look);
        for at in self.attackers.forgetful() {
            self.after(*FORGETS_AFTER.start(), Happening::Forgets(at));
        }
        let survives = self.goes_on_broken();
        while !self.done && (survives || self.violation.is_none()) {
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

    /// Lets something happen to one group of a node, unless the node crashes before.
    pub(super) fn after_within(&mut self, us: u64, at: usize, group: GroupId, matter: Matter) {
        self.after_at(us, at, What::Within(group, matter));
    }

    #[expect(clippy::indexing_slicing, reason = "places of nodes are made here, and nodes never go")]
    pub(super) fn node(&mut self, at: usize) -> &mut Node {
        &mut self.nodes[at]
    }

    /// A group on a node.
    pub(super) fn hosted(&mut self, at: usize, group: GroupId) -> &mut Hosted {
        self.node(at).groups.get_mut(&group).expect("only groups that the node hosts are asked for")
    }

    /// Whether a node hosts a group.
    pub(super) fn hosts(&self, at: usize, group: GroupId) -> bool {
        self.nodes.get(at).is_some_and(|node| node.groups.contains_key(&group))
    }

    /// The groups that a node hosts.
    pub(super) fn groups_of(&self, at: usize) -> Vec<GroupId> {
        self.nodes.get(at).map(|node| node.groups.keys().copied().collect()).unwrap_or_default()
    }

    /// The nodes that host a group.
    pub(super) fn hosts_of(&self, group: GroupId) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| self.hosts(*at, group)).collect()
    }

    /// A group over all nodes.
    pub(super) fn chain(&mut self, group: GroupId) -> &mut Chain {
        self.chains.get_mut(&group).expect("every group of the scenario has its chain")
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

    /// The same, of what a checker saw in one group.
    pub(super) fn note_in(&mut self, group: GroupId, verdict: Verdict) {
        let several = self.scenario.shards > 1 || self.scenario.root;
        let named = |Broken { promise, what }| Broken { promise, what: format!("group {group}: {what}") };
        self.note(if several { verdict.map_err(named) } else { verdict });
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::At(at, life, what) => {
                if self.node(at).life == life {
                    self.reach(at, what);
                }
            }
            Happening::ClientWakes => self.client_wakes(),
            Happening::OperatorWakes => self.operator_wakes(),
            Happening::Planned => self.planned(),
            Happening::Heals => {
                self.counts = true;
                // A chain that has forked as it had to will not go on.
                self.done = self.violation.is_some();
                if !self.done {
                    self.heal();
                }
            }
            Happening::FaultBegins => self.fault_begins(),
            Happening::FaultEnds(number) => {
                self.faults.end(number);
                self.follow_faults();
            }
            Happening::Timetabled(moment) => self.timetabled(moment),
            Happening::Forgets(at) => self.forget(at),
            Happening::Look => self.look(),
        }
    }

    /// A node's clocks.
    pub(super) fn clocks(&mut self, at: usize) -> Now {
        let skew = self.node(at).skew_ms.saturating_add(self.faults.skew(self.home(at)));
        let wall_ms = self.wall_ms().saturating_add_signed(skew);
        let now_us = self.now_us;
        let started = self.node(at).process.as_ref().map_or(now_us, |process| process.started_us);
        Now { tick: Tick(Duration::from_micros(now_us.saturating_sub(started))), wall_ms }
    }

    /// What a clock without error shows; the network is some seconds older than the run.
    pub(super) fn wall_ms(&self) -> u64 {
        GENESIS_MS.saturating_add(10_000 + self.now_us / 1_000)
    }
}

fn attackers(scenario: &Scenario, places: &BTreeMap<usize, Attack>, genesis: &Genesis) -> Attackers {
    let of = |(place, attack): (&usize, &Attack)| (*place, scenario.lies(*place, *attack, genesis));
    let attackers = Attackers::new(places.iter().map(of).collect(), scenario.seed, scenario.all_nodes());
    if matches!(scenario.plan, Plan::Timetable(_)) { attackers.honest_at_first() } else { attackers }
}

/// A node on this machine, before it first starts.
fn node(scenario: &Scenario, home: usize, random: &mut Random) -> Node {
    let hosted = |group| Hosted {
        disk: Disk::new(scenario.disks, matches!(scenario.plan, Plan::CrashInPipeline(_))),
        write_ahead: WriteAhead::new(scenario.speech(group)),
        order: Order::starts(home, None, 0),
        replica: None,
    };
    let drawn_ms = i64::try_from(random.below(2 * CLOCK_ERROR_MS)).unwrap_or(0) - CLOCK_ERROR_MS as i64;
    Node {
        life: 0,
        // Clocks of scenarios are wrong by what they say, and by nothing else.
        skew_ms: if matches!(scenario.plan, Plan::Timetable(_)) { 0 } else { drawn_ms },
        process: None,
        stash: Vec::new(),
        ledger_writer: LedgerWriter::default(),
        groups: scenario
            .running()
            .filter(|group| scenario.is_hosted(*group, home))
            .map(|group| (group, hosted(group)))
            .collect(),
    }
}
