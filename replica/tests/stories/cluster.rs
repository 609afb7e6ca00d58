//! A whole group in memory: its nodes, their disks, and a network that delivers at once.

use crate::disk::Disk;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use witan_consensus::engine::{Evidence, Instance, Seq, Tick};
use witan_consensus::hotstuff::HotStuff;
use witan_ledger::mempool::Limits;
use witan_ledger::{LedgerError, Store};
use witan_replica::{
    Admission, Effects, Event, Group, GroupStatus, Identity, LedgerWrite, Message, MessageVerifier, NoCache,
    Notice, Now, Open, OtherGroup, Recipient, Replica, Source, Ticket, Timer, VerifiedMessage, WriteSeq,
};
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{
    Account, Committee, EngineKind, Epoch, FaultModel, Genesis, GroupId, Hash, Height, IdentifiedTransaction,
    Key, NodeId, Op, Scheme, SecretKey, SignedTransaction, Transaction, ValidatorIndex, Wire,
};

/// The wall clock when a run starts.
pub(crate) const START_MS: u64 = 1_000_000_000;
pub(crate) const GROUP: GroupId = GroupId(1);

pub(crate) fn key(place: usize) -> SecretKey {
    SecretKey::from_seed([place as u8 + 1; 32]).under(Scheme::StandIn)
}

pub(crate) fn node(place: usize) -> NodeId {
    NodeId(Hash([place as u8 + 101; 32]))
}

pub(crate) fn client() -> SecretKey {
    SecretKey::from_seed([77; 32]).under(Scheme::StandIn)
}

pub(crate) fn genesis(validators: usize) -> Genesis {
    let validator = |place: usize| GenesisValidator {
        name: format!("n{place}"),
        key: key(place).public(),
        node: node(place),
    };
    let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    Genesis {
        name: "stories".into(),
        time_ms: START_MS,
        devnet: true,
        permissioned: false,
        validators: (0..validators).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![group(0), group(1)],
        balances: vec![],
        parameters: Parameters::default(),
    }
}

pub(crate) fn verifier(genesis: &Genesis) -> MessageVerifier {
    verifier_under(genesis, FaultModel::Byzantine)
}

/// The verifier of a group whose members may do this wrong.
pub(crate) fn verifier_under(genesis: &Genesis, faults: FaultModel) -> MessageVerifier {
    verifier_among(genesis, faults, BTreeMap::new())
}

/// The same, beside other groups.
pub(crate) fn verifier_among(
    genesis: &Genesis,
    faults: FaultModel,
    others: BTreeMap<GroupId, OtherGroup>,
) -> MessageVerifier {
    let keys = genesis.validators.iter().map(|validator| validator.key).collect();
    let committee = Committee::new(keys, faults).under(Scheme::StandIn);
    let instance = Instance { chain: genesis.chain(), group: GROUP, epoch: Epoch(1) };
    let nodes: Vec<NodeId> = genesis.validators.iter().map(|validator| validator.node).collect();
    MessageVerifier::new::<HotStuff>(instance, committee, &nodes, others)
}

/// A transaction that sets a key to its salt.
pub(crate) fn put(genesis: &Genesis, salt: u64, expires_at_ms: u64) -> SignedTransaction {
    put_at(Key::from("key"), genesis, salt, expires_at_ms)
}

/// A transaction that sets this key to its salt.
pub(crate) fn put_at(key: Key, genesis: &Genesis, salt: u64, expires_at_ms: u64) -> SignedTransaction {
    let op = Op::Put { key, value: salt.to_be_bytes().to_vec() };
    let signer = Account(client().public());
    Transaction { chain: genesis.chain(), signer, salt, expires_at_ms, checks: vec![], ops: vec![op] }
        .sign(&client())
}

/// One node: its replica, and what its host and its disks hold.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) replica: Option<Replica<HotStuff, Disk>>,
    pub(crate) disk: Disk,
    log: BTreeMap<Seq, Vec<u8>>,
    pub(crate) batches: BTreeMap<u64, Vec<u8>>,
    timers: BTreeMap<Timer, Duration>,
    /// While set, nothing becomes durable: it waits here.
    pub(crate) log_stalls: bool,
    /// Batches don't become durable.
    pub(crate) batches_stall: bool,
    stalled: Vec<(Seq, Vec<u8>)>,
    /// While set, seals are lost on their way to the disk.
    pub(crate) loses_seals: bool,
    /// What is written to the ledger can be read, but is not durable.
    pub(crate) ledger_unsynced: bool,
    /// How far this node's wall clock is ahead of all others'.
    pub(crate) clock_ahead_ms: u64,
    pub(crate) sent: Vec<Message>,
    pub(crate) asked: Vec<(NodeId, Message)>,
    pub(crate) replies: Vec<(Ticket, Message)>,
    pub(crate) admissions: Vec<Admission>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) accused: Vec<Evidence>,
}

impl Node {
    fn new() -> Node {
        Node {
            replica: None,
            disk: Disk::default(),
            log: BTreeMap::new(),
            batches: BTreeMap::new(),
            timers: BTreeMap::new(),
            log_stalls: false,
            batches_stall: false,
            stalled: vec![],
            loses_seals: false,
            ledger_unsynced: false,
            clock_ahead_ms: 0,
            sent: vec![],
            asked: vec![],
            replies: vec![],
            admissions: vec![],
            notices: vec![],
            accused: vec![],
        }
    }
}

/// What is on its way: to whom, and what.
type Parcel = (usize, Event);
/// Whether the network loses a message between two places.
pub(crate) type Loses = fn(usize, usize, &Message) -> bool;

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) genesis: Genesis,
    pub(crate) nodes: Vec<Node>,
    pub(crate) verifier: MessageVerifier,
    /// From how many bytes on transactions travel in batches.
    pub(crate) min_batch_bytes: usize,
    pub(crate) elapsed: Duration,
    pub(crate) loses: Loses,
    pub(crate) on_the_way: VecDeque<Parcel>,
    links: BTreeSet<(usize, usize)>,
    next_ticket: u64,
}

impl Cluster {
    /// Validators, then followers; all opened, none connected.
    pub(crate) fn of(validators: usize, followers: usize) -> Cluster {
        Cluster::of_genesis(genesis(validators), followers)
    }

    /// The validators of a genesis, then followers; all opened, none connected.
    pub(crate) fn of_genesis(genesis: Genesis, followers: usize) -> Cluster {
        let nodes = genesis.validators.len() + followers;
        let mut cluster = Cluster {
            verifier: verifier(&genesis),
            min_batch_bytes: witan_replica::MIN_BATCH_BYTES,
            genesis,
            nodes: (0..nodes).map(|_| Node::new()).collect(),
            elapsed: Duration::ZERO,
            loses: |_, _, _| false,
            on_the_way: VecDeque::new(),
            links: BTreeSet::new(),
            next_ticket: 0,
        };
        (0..nodes).for_each(|place| cluster.open(place).unwrap());
        cluster
    }

    /// The same, connected, with the first block made.
    pub(crate) fn running(validators: usize, followers: usize) -> Cluster {
        let mut cluster = Cluster::of(validators, followers);
        cluster.connect_all();
        cluster.run(Duration::from_millis(200));
        cluster
    }

    pub(crate) fn now(&self) -> Now {
        Now { tick: Tick(self.elapsed), wall_ms: START_MS + self.elapsed.as_millis() as u64 }
    }

    /// Starts a node from its disks.
    pub(crate) fn open(&mut self, place: usize) -> Result<(), LedgerError> {
        let is_validator = place < self.genesis.validators.len();
        let validator = is_validator.then(|| (ValidatorIndex(place as u16), key(place)));
        let node_state = &mut self.nodes[place];
        node_state.timers.clear();
        let open = Open {
            genesis: &self.genesis,
            group: GROUP,
            identity: Identity { node: node(place), validator },
            store: node_state.disk.clone(),
            records: node_state.log.iter().map(|(seq, bytes)| (*seq, bytes.clone())).collect(),
            batches: node_state.batches.iter().map(|(number, bytes)| (*number, bytes.clone())).collect(),
            min_batch_bytes: self.min_batch_bytes,
            mempool: Limits::default(),
            seed: place as u64,
            scheme: Scheme::StandIn,
        };
        let now = Now { tick: Tick(self.elapsed), wall_ms: START_MS + self.elapsed.as_millis() as u64 };
        let (replica, _, effects) = Replica::open(open, now)?;
        node_state.replica = Some(replica);
        self.obey(place, effects);
        Ok(())
    }

    /// Takes a node down; what was on its way to it is lost.
    pub(crate) fn crash(&mut self, place: usize) {
        self.nodes[place].replica = None;
        self.nodes[place].stalled.clear();
        (0..self.nodes.len()).for_each(|other| self.disconnect(place, other));
        self.on_the_way.retain(|(to, _)| *to != place);
    }

    pub(crate) fn restart(&mut self, place: usize) {
        self.open(place).unwrap();
        (0..self.nodes.len()).for_each(|other| self.connect(place, other));
    }

    pub(crate) fn connect(&mut self, one: usize, other: usize) {
        if one != other && self.links.insert((one.min(other), one.max(other))) {
            self.on_the_way.push_back((one, Event::PeerUp(node(other))));
            self.on_the_way.push_back((other, Event::PeerUp(node(one))));
        }
    }

    pub(crate) fn disconnect(&mut self, one: usize, other: usize) {
        if self.links.remove(&(one.min(other), one.max(other))) {
            self.on_the_way.push_back((one, Event::PeerDown(node(other))));
            self.on_the_way.push_back((other, Event::PeerDown(node(one))));
        }
    }

    pub(crate) fn connect_all(&mut self) {
        for one in 0..self.nodes.len() {
            (0..one).for_each(|other| self.connect(one, other));
        }
    }

    pub(crate) fn isolate(&mut self, place: usize) {
        (0..self.nodes.len()).for_each(|other| self.disconnect(place, other));
    }

    pub(crate) fn status(&self, place: usize) -> GroupStatus {
        self.nodes[place].replica.as_ref().unwrap().status(self.now())
    }

    pub(crate) fn height(&self, place: usize) -> Height {
        self.status(place).tip.height
    }

    /// A put that expires in a minute.
    pub(crate) fn put(&self, salt: u64) -> SignedTransaction {
        put(&self.genesis, salt, self.now().wall_ms + 60_000)
    }

    /// Submits at a node, and says what it answered.
    pub(crate) fn submit(&mut self, place: usize, transaction: &SignedTransaction) -> Admission {
        let pooled = IdentifiedTransaction::from(transaction.clone());
        self.next_ticket += 1;
        self.step(place, Event::Submit(Ticket(self.next_ticket), vec![pooled]));
        self.nodes[place].admissions.pop().unwrap()
    }

    /// Submits and lets a block be made of it.
    pub(crate) fn execute(&mut self, place: usize, salt: u64) -> SignedTransaction {
        let transaction = self.put(salt);
        assert_eq!(self.submit(place, &transaction), Admission::Pending);
        self.run(Duration::from_millis(20));
        transaction
    }

    pub(crate) fn judged(&self, from: usize, message: &Message) -> VerifiedMessage {
        self.verifier.verify(&NoCache, node(from), &message.bytes()).unwrap()
    }

    /// Delivers a message at once.
    pub(crate) fn tell(&mut self, from: usize, to: usize, message: &Message) {
        let event = Event::Message(Source::Node(node(from)), self.judged(from, message));
        self.step(to, event);
    }

    /// Delivers a request at once, and gives back all answers to it.
    pub(crate) fn ask(&mut self, from: usize, to: usize, message: &Message) -> Vec<Message> {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let event = Event::Message(Source::Request(node(from), ticket), self.judged(from, message));
        self.step(to, event);
        let replies = std::mem::take(&mut self.nodes[to].replies);
        replies.into_iter().filter(|(to, _)| *to == ticket).map(|(_, answer)| answer).collect()
    }

    pub(crate) fn step(&mut self, place: usize, event: Event) {
        let mut now = self.now();
        now.wall_ms += self.nodes[place].clock_ahead_ms;
        if let Some(replica) = &mut self.nodes[place].replica {
            let effects = replica.step(now, event);
            self.obey(place, effects);
        }
    }

    /// Everything that is made durable becomes so in the next event.
    fn obey(&mut self, place: usize, effects: Effects) {
        self.persist(place, effects.persist, effects.truncate);
        self.persist_batches(place, effects.batches, &effects.forget_batches);
        self.write(place, effects.writes);
        for outgoing in effects.send {
            let message = Message::decode(&outgoing.bytes).unwrap();
            self.nodes[place].sent.push(message.clone());
            let is_meant = |to: usize| match outgoing.to {
                Recipient::Validators => to < self.genesis.validators.len(),
                Recipient::Node(id) => id == node(to),
            };
            let recipients: Vec<usize> = (0..self.nodes.len()).filter(|to| is_meant(*to)).collect();
            for to in recipients {
                self.send(place, to, &message);
            }
        }
        for (to, message) in effects.requests {
            self.nodes[place].asked.push((to, message.clone()));
            self.request(place, to, &message);
        }
        let elapsed = self.elapsed;
        let node_state = &mut self.nodes[place];
        node_state.timers.extend(effects.timers.into_iter().map(|(timer, after)| (timer, elapsed + after)));
        node_state.replies.extend(effects.replies);
        node_state.admissions.extend(effects.admissions.into_iter().flat_map(|(_, list)| list));
        node_state.notices.extend(effects.notices);
        node_state.accused.extend(effects.accuse);
    }

    fn persist(&mut self, place: usize, records: Vec<(Seq, Vec<u8>)>, truncate: Option<Seq>) {
        let node_state = &mut self.nodes[place];
        node_state.stalled.extend(records);
        if node_state.log_stalls {
            return;
        }
        let records = std::mem::take(&mut node_state.stalled);
        let newest = records.last().map(|(seq, _)| *seq);
        node_state.log.extend(records);
        if let Some(first) = truncate {
            node_state.log = node_state.log.split_off(&first);
        }
        if let Some(seq) = newest {
            self.on_the_way.push_back((place, Event::Durable(seq)));
        }
    }

    fn persist_batches(&mut self, place: usize, batches: Vec<(u64, Vec<u8>)>, forgotten: &[u64]) {
        let newest = batches.last().map(|(number, _)| *number);
        if self.nodes[place].batches_stall {
            return;
        }
        let held = &mut self.nodes[place].batches;
        held.extend(batches);
        held.retain(|number, _| !forgotten.contains(number));
        self.on_the_way.extend(newest.map(|number| (place, Event::BatchesDurable(number))));
    }

    /// Ends a stall of the log.
    pub(crate) fn flush_log(&mut self, place: usize) {
        self.nodes[place].log_stalls = false;
        self.persist(place, vec![], None);
    }

    /// What comes together is flushed together.
    fn write(&mut self, place: usize, writes: Vec<(WriteSeq, LedgerWrite)>) {
        let node = &mut self.nodes[place];
        let lost = |write: &LedgerWrite| node.loses_seals && matches!(write, LedgerWrite::Seal(_));
        let mut written = None;
        for (seq, write) in writes.into_iter().take_while(|(_, write)| !lost(write)) {
            node.disk.write(write);
            written = Some(seq);
        }
        let is_synced = !node.ledger_unsynced;
        self.on_the_way.extend(written.map(|seq| (place, Event::Written(seq))));
        let durable = written.filter(|_| is_synced);
        self.on_the_way.extend(durable.map(|seq| (place, Event::LedgerDurable(seq))));
    }

    fn is_linked(&self, one: usize, other: usize) -> bool {
        self.links.contains(&(one.min(other), one.max(other)))
    }

    fn send(&mut self, from: usize, to: usize, message: &Message) {
        if self.is_linked(from, to) && !(self.loses)(from, to, message) {
            let event = Event::Message(Source::Node(node(from)), self.judged(from, message));
            self.on_the_way.push_back((to, event));
        }
    }

    fn request(&mut self, from: usize, to: NodeId, message: &Message) {
        let place = (0..self.nodes.len()).find(|place| node(*place) == to).unwrap();
        if !self.is_linked(from, place) || (self.loses)(from, place, message) {
            self.on_the_way.push_back((from, Event::RequestFailed(to)));
            return;
        }
        for answer in self.ask(from, place, message) {
            self.send(place, from, &answer);
        }
    }

    /// Delivers what is on its way, and what comes of it.
    pub(crate) fn deliver(&mut self) {
        for _ in 0..200_000 {
            let Some((to, event)) = self.on_the_way.pop_front() else { return };
            self.step(to, event);
        }
        panic!("this group never comes to rest");
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.elapsed + time;
        self.deliver();
        while let Some((at, place, timer)) = self.next_timer().filter(|(at, ..)| *at <= end) {
            self.elapsed = self.elapsed.max(at);
            self.nodes[place].timers.remove(&timer);
            self.step(place, Event::Timer(timer));
            self.deliver();
        }
        self.elapsed = end;
    }

    fn next_timer(&self) -> Option<(Duration, usize, Timer)> {
        let running = self.nodes.iter().enumerate().filter(|(_, node)| node.replica.is_some());
        let timers = running
            .flat_map(|(place, node)| node.timers.iter().map(move |(timer, at)| (*at, place, timer.clone())));
        timers.min()
    }

    /// Asserts that all nodes hold the same sealed chain up to here.
    pub(crate) fn assert_sealed_alike(&self, height: Height) {
        let sealed = |place: usize| {
            self.nodes[place]
                .disk
                .read(|store| (store.outcome(height), store.seal(height).map(|seal| seal.outcome)))
        };
        for place in 0..self.nodes.len() {
            let (executed, sealed_here) = sealed(place);
            assert!(executed.is_some(), "node {place} has no block {height}");
            assert_eq!(executed, sealed_here, "node {place} holds a seal of block {height}");
            assert_eq!(executed, sealed(0).0, "node {place} agrees on block {height}");
        }
    }
}

/// The engine message of the block that node 0 to 3 proposed last.
pub(crate) fn proposal(cluster: &Cluster) -> (usize, witan_consensus::hotstuff::Proposal) {
    use witan_consensus::hotstuff::Message as Inner;
    let sent = cluster.nodes.iter().enumerate().flat_map(|(place, node)| {
        node.sent.iter().filter_map(move |message| match message {
            Message::Engine(bytes) => match Inner::decode(bytes).unwrap() {
                Inner::Proposal(proposal) => Some((place, proposal)),
                _ => None,
            },
            _ => None,
        })
    });
    sent.max_by_key(|(_, proposal)| proposal.block.header.height).unwrap()
}
