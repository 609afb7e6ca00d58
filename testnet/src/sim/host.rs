//! What a node's host does: it starts the process, obeys the replica's effects in their order, and carries messages.

use super::attack::{Letter, Means};
use super::check::{MEMPOOL, Order, WriteAhead};
use super::disk::SharedStore;
#[cfg(feature = "planted-faults")]
use super::engines::open_with_fault;
use super::scenario::{Disks, GROUP};
use super::trace::Line;
use super::world::{How, Running, What, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_ledger::{LedgerError, Store as _};
use witan_replica::{
    Effects, Event, Identity, LedgerWrite, Message, Notice, Now, Open, Opened, Outgoing, Recipient, Timer,
    WriteSeq, open_group,
};
use witan_types::{NodeId, ValidatorIndex};

/// A request is given up after this long; microseconds.
const REQUEST_TIMEOUT: u64 = 3_000_000;
/// How long a message takes, in microseconds.
const TRAVEL: std::ops::RangeInclusive<u64> = 500..=15_000;
/// How long a sync takes, in microseconds.
const SYNC: std::ops::RangeInclusive<u64> = 200..=5_000;
/// How long a slow one takes, in microseconds.
const SLOW_SYNC: std::ops::RangeInclusive<u64> = 20_000..=400_000;
/// How long it takes until a host hears of what its disk or its network did, in microseconds.
const HEARING: std::ops::RangeInclusive<u64> = 10..=2_000;
/// The share of gossip that is lost at any time, in percent.
const GOSSIP_LOSS: u64 = 20;

impl World {
    /// Starts a node's process from what its disk holds.
    pub(super) fn start(&mut self, at: usize) {
        self.trace.event(self.now_us, at, Line::Host("start"));
        let now = self.clocks(at);
        let home = self.home(at);
        let place = u16::try_from(home).ok().filter(|_| home < self.scenario.nodes).map(ValidatorIndex);
        let validator = place.map(|place| (place, self.scenario.validator_key(home)));
        if self.attackers.forgets(at) {
            self.node(at).disk.lose_log();
        }
        let Some(id) = self.ids.get(at).copied() else { return };
        let store = self.node(at).disk.store.clone();
        self.node(at).order = Order::starts(at, store.tip(), store.sealed_tip());
        let open = Open {
            genesis: &self.genesis.clone(),
            group: GROUP,
            identity: Identity { node: id, validator },
            store,
            records: self.node(at).disk.records(),
            mempool: MEMPOOL,
            seed: self.scenario.seed,
            scheme: self.scenario.scheme,
        };
        let (group, verifier, effects) = match self.open(open, now) {
            Ok(opened) => opened,
            Err(error) => panic!("node {at} does not start from its disk: {error}"),
        };
        self.node(at).running = Some(Running {
            group,
            verifier,
            started_us: self.now_us,
            timers: BTreeMap::new(),
            requests: BTreeMap::new(),
            questions: BTreeMap::new(),
            told: BTreeMap::new(),
        });
        self.obey(at, effects);
    }

    fn open(&self, open: Open<'_, SharedStore>, now: Now) -> Result<Opened, LedgerError> {
        #[cfg(feature = "planted-faults")]
        if let Some(fault) = self.scenario.rule_fault {
            return open_with_fault(open, now, fault);
        }
        open_group(open, now)
    }

    /// Does what a replica asks, in the order of the fields.
    pub(super) fn obey(&mut self, at: usize, effects: Effects) {
        self.persist(at, effects.persist, effects.truncate);
        self.write(at, effects.writes);
        for outgoing in effects.send {
            self.send(at, &outgoing);
        }
        for (node, message) in effects.requests {
            self.request(at, node, &message);
        }
        for (ticket, message) in effects.replies {
            let asked = self.node(at).running.as_mut().and_then(|running| running.questions.remove(&ticket));
            if let Some((to, id)) = asked {
                self.carry(at, to, How::Response(id), message.bytes());
            }
        }
        for message in effects.gossip {
            self.gossip(at, &message);
        }
        for (timer, after) in effects.timers {
            self.set_timer(at, timer, after);
        }
        for (ticket, admissions) in effects.admissions {
            self.trace.number(ticket.0);
            self.trace.bytes(format!("{admissions:?}").as_bytes());
        }
        for notice in effects.notices {
            self.tell(at, &notice);
        }
        for evidence in effects.accuse {
            let verdict = self.innocence.accused(at, &evidence);
            self.note(verdict);
        }
    }

    fn persist(&mut self, at: usize, records: Vec<(u64, Vec<u8>)>, truncate: Option<u64>) {
        for (seq, record) in &records {
            self.trace.number(*seq);
            self.trace.bytes(record);
        }
        let newest = records.last().map(|(seq, _)| *seq);
        self.node(at).disk.write_log(records, truncate);
        if let (Disks::ReportEarly, Some(seq)) = (self.scenario.disks, newest) {
            self.after_at(50, at, What::Durable(seq));
        }
        self.sync_log(at);
    }

    fn sync_log(&mut self, at: usize) {
        if self.node(at).disk.start_log_sync() {
            let takes = self.sync_time(at);
            self.after_at(takes, at, What::LogSynced);
        }
    }

    fn sync_time(&mut self, at: usize) -> u64 {
        let slow = self.faults.has_slow_disk(self.home(at)) || self.scenario.disks == Disks::ReportEarly;
        self.random.within(if slow { SLOW_SYNC } else { SYNC })
    }

    pub(super) fn log_synced(&mut self, at: usize) {
        let World { nodes, random, .. } = self;
        let Some(node) = nodes.get_mut(at) else { return };
        let synced = node.disk.finish_log_sync(random);
        node.write_ahead.synced(&synced);
        if let Some((seq, _)) = synced.last().filter(|_| self.scenario.disks != Disks::ReportEarly) {
            let heard = self.random.within(HEARING);
            self.after_at(heard, at, What::Durable(*seq));
        }
        self.sync_log(at);
    }

    fn write(&mut self, at: usize, writes: Vec<(WriteSeq, LedgerWrite)>) {
        if self.is_honest(at) {
            writes.iter().for_each(|(seq, write)| self.check_write(at, *seq, write));
        }
        self.node(at).disk.write_ledger(writes);
        self.sync_ledger(at);
    }

    fn check_write(&mut self, at: usize, seq: WriteSeq, write: &LedgerWrite) {
        let verdict = self.node(at).order.writes(seq);
        self.note(verdict);
        match write {
            LedgerWrite::Block(commit) => {
                self.trace.bytes(commit.outcome.block_id.0.as_bytes());
                let ascends = self.node(at).order.executes(commit.outcome.height);
                let agrees = self.agreement.executed(at, &commit.outcome);
                self.note(agrees.and(ascends));
            }
            LedgerWrite::Seal(seal) => {
                self.trace.number(seal.outcome.height);
                let ascends = self.node(at).order.seals(seal.outcome.height);
                let valid = self.seals.sealed(at, seal, &self.agreement);
                self.note(valid.and(ascends));
            }
        }
    }

    fn sync_ledger(&mut self, at: usize) {
        if self.node(at).disk.start_ledger_sync() {
            let takes = 2 * self.sync_time(at);
            self.after_at(takes, at, What::LedgerSynced);
        }
    }

    pub(super) fn ledger_synced(&mut self, at: usize) {
        if let Some(seq) = self.node(at).disk.finish_ledger_sync() {
            let heard = self.random.within(HEARING);
            self.after_at(heard, at, What::Written(seq));
        }
        self.sync_ledger(at);
    }

    fn set_timer(&mut self, at: usize, timer: Timer, after: Duration) {
        let setting = self.number();
        let us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.trace.number(us);
        if let Some(running) = &mut self.node(at).running {
            running.timers.insert(timer.clone(), setting);
        }
        self.after_at(us, at, What::Timer { timer, setting });
    }

    /// News for users: a committed block acknowledges its transactions.
    fn tell(&mut self, at: usize, notice: &Notice) {
        if !self.is_honest(at) {
            return;
        }
        let node = self.node(at);
        let durable = WriteAhead::tells(at, notice, &node.disk.store);
        let ascends = match notice {
            Notice::Committed(commit) => node.order.tells_committed(commit.outcome.height),
            Notice::Sealed(sealed) => node.order.tells_sealed(sealed.header.height),
            Notice::Expired(_) => Ok(()),
        };
        self.note(durable.and(ascends));
        if let Notice::Committed(commit) = notice {
            self.trace.number(commit.outcome.height);
            let once = self.durability.acknowledge(commit);
            self.note(once);
            for receipt in &commit.receipts {
                self.liveness.iter_mut().for_each(|liveness| liveness.committed(at, &receipt.id));
            }
        }
    }

    fn send(&mut self, at: usize, outgoing: &Outgoing) {
        if self.is_honest(at) {
            let verdict = self.node(at).write_ahead.sends(at, &outgoing.bytes);
            self.note(verdict);
        }
        match outgoing.to {
            Recipient::Validators => {
                for to in (0..self.scenario.nodes).filter(|to| *to != at) {
                    self.carry(at, to, How::OneWay, Arc::clone(&outgoing.bytes));
                }
            }
            Recipient::Node(node) => {
                if let Some(to) = self.place_of(&node) {
                    self.carry(at, to, How::OneWay, Arc::clone(&outgoing.bytes));
                }
            }
        }
    }

    fn place_of(&self, node: &NodeId) -> Option<usize> {
        self.ids.iter().position(|id| id == node)
    }

    fn request(&mut self, at: usize, node: NodeId, message: &Message) {
        let Some(to) = self.place_of(&node) else { return };
        let id = self.number();
        if let Some(running) = &mut self.node(at).running {
            running.requests.insert(id, to);
        }
        let fails_after = if self.link(at, to).is_some() { REQUEST_TIMEOUT } else { 5_000 };
        self.after_at(fails_after, at, What::RequestExpired(id));
        self.carry(at, to, How::Request(id), message.bytes());
    }

    fn gossip(&mut self, at: usize, message: &Message) {
        let bytes = message.bytes();
        for to in 0..self.scenario.all_nodes() {
            if !self.random.chance(GOSSIP_LOSS) {
                self.carry(at, to, How::OneWay, Arc::clone(&bytes));
            }
        }
    }

    /// Sends a message on its way, or what an attacker says in its stead.
    fn carry(&mut self, from: usize, to: usize, how: How, bytes: Arc<[u8]>) {
        self.trace.bytes(&bytes);
        let Some(to) = self.attackers.twins().hearer(self.now_us, from, to, how) else { return };
        if self.is_honest(from) {
            return self.travel(from, to, how, 0, &bytes);
        }
        let World { attackers, random, instance, speech, .. } = self;
        let mut means = Means { random, instance, speech: *speech };
        for said in attackers.say(from, Letter { to, how, bytes }, &mut means) {
            self.trace.bytes(&said.bytes);
            self.travel(from, to, said.how, said.after_us, &said.bytes);
        }
    }

    /// A message may be lost, and one that goes one way may arrive twice.
    fn travel(&mut self, from: usize, to: usize, how: How, after_us: u64, bytes: &Arc<[u8]>) {
        let (sender, receiver) = (self.home(from), self.home(to));
        if self.link(from, to).is_none() || self.faults.is_cut(sender, receiver) {
            return;
        }
        let twice = how == How::OneWay && self.random.chance(self.faults.duplication());
        for _ in 0..=u64::from(twice) {
            if !self.random.chance(self.faults.loss()) {
                let late = self.random.below(self.faults.delay());
                let takes = self.random.within(TRAVEL).saturating_add(late).saturating_add(after_us);
                self.after_at(takes, to, What::Message { from, how, bytes: Arc::clone(bytes) });
            }
        }
    }

    /// The number of the connection between two nodes, while there is one.
    fn link(&self, a: usize, b: usize) -> Option<u64> {
        let (a, b) = (self.home(a), self.home(b));
        self.links.get(&(a.min(b), a.max(b))).copied()
    }

    /// Makes and breaks connections. A node that crashed lost all of them, even if it is back at once.
    pub(super) fn follow_links(&mut self) {
        let nodes = self.scenario.all_nodes();
        for a in 0..nodes {
            for b in a + 1..nodes {
                let runs = |at: usize| self.nodes.get(at).is_some_and(|node| node.running.is_some());
                let wanted = runs(a) && runs(b) && !self.faults.is_disconnected(a, b);
                if wanted == self.links.contains_key(&(a, b)) {
                    continue;
                }
                if wanted {
                    let number = self.number();
                    self.links.insert((a, b), number);
                } else {
                    self.links.remove(&(a, b));
                }
                let second = |at: usize| self.attackers.twins().second(at);
                let twins = [second(a).map(|at| (at, b)), second(b).map(|at| (at, a))];
                for (at, peer) in [(a, b), (b, a)].into_iter().chain(twins.into_iter().flatten()) {
                    let heard = 10 * self.random.within(HEARING);
                    self.after_at(heard, at, What::PeerChanged(peer));
                }
            }
        }
    }

    /// A node hears how its connection to a peer stands now.
    pub(super) fn peer_changed(&mut self, at: usize, peer: usize) {
        let (link, Some(id)) = (self.link(at, peer), self.ids.get(peer).copied()) else { return };
        let Some(running) = &mut self.node(at).running else { return };
        let known = running.told.get(&peer).copied();
        match link {
            Some(number) => running.told.insert(peer, number),
            None => running.told.remove(&peer),
        };
        if known.is_some() && known != link {
            self.trace.event(self.now_us, at, Line::Peer("lost", peer));
            self.step(at, Event::PeerDown(id));
        }
        if link.is_some() && known != link {
            self.trace.event(self.now_us, at, Line::Peer("found", peer));
            self.step(at, Event::PeerUp(id));
        }
    }
}
