//! What a node's host does: it starts the process, opens its groups, and obeys each replica's effects in their order.

use super::check::{MEMPOOL, Order, WriteAhead};
use super::disk::SharedStore;
#[cfg(feature = "planted-faults")]
use super::engines::{open_with_fault, open_with_ledger_fault, open_with_replica_fault};
use super::node::{Process, Replica};
use super::pipeline::Step;
use super::scenario::{Disks, Relays};
use super::trace::Line;
use super::world::{How, Matter, Parcel, World};
use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use witan_ledger::{LedgerError, Store as _};
use witan_replica::{
    Effects, Identity, LedgerWrite, Notice, Now, Open, Opened, Relay, Timer, WriteSeq, open_group,
};
use witan_types::{Envelope, GroupId, ValidatorIndex};

/// How long a sync takes, in microseconds.
const SYNC: std::ops::RangeInclusive<u64> = 200..=5_000;
/// How long a slow one takes, in microseconds.
const SLOW_SYNC: std::ops::RangeInclusive<u64> = 20_000..=400_000;
/// A late envelope takes this many times as long as others.
const LATE_ENVELOPE: u64 = 100;
/// How long it takes until a host hears of what its disk or its network did, in microseconds.
pub(super) const HEARING: std::ops::RangeInclusive<u64> = 10..=2_000;

impl World {
    /// Starts a node's process from what its disks hold.
    pub(super) fn start(&mut self, at: usize) {
        self.trace.event(self.now_us, at, Line::Host("start"));
        self.node(at).process = Some(Process { started_us: self.now_us, told: BTreeMap::new() });
        for group in self.groups_of(at) {
            self.open(at, group);
        }
    }

    /// Opens one of its groups.
    fn open(&mut self, at: usize, group: GroupId) {
        let now = self.clocks(at);
        let home = self.home(at);
        let place = self.scenario.place_in(group, home).map(ValidatorIndex);
        let validator = place.map(|place| (place, self.scenario.validator_key(home)));
        let Some(id) = self.ids.get(at).copied() else { return };
        let forgets = self.attackers.forgets(at);
        let hosted = self.hosted(at, group);
        if forgets {
            hosted.disk.lose_log();
        }
        let store = hosted.disk.store.clone();
        hosted.order = Order::starts(at, store.tip(), store.sealed_tip());
        let (records, batches) = (hosted.disk.records(), hosted.disk.batches());
        let open = Open {
            genesis: &self.genesis,
            group,
            identity: Identity { node: id, validator },
            store,
            records,
            batches,
            mempool: MEMPOOL,
            min_batch_bytes: self.scenario.min_batch_bytes(),
            seed: self.scenario.seed,
            scheme: self.scenario.scheme,
        };
        let (replica, verifier, effects) = match self.open_replica(open, now) {
            Ok(opened) => opened,
            Err(error) => panic!("node {at} does not start group {group} from its disk: {error}"),
        };
        self.hosted(at, group).replica = Some(Replica::new(replica, verifier));
        self.obey(at, group, effects);
    }

    fn open_replica(&self, open: Open<'_, SharedStore>, now: Now) -> Result<Opened, LedgerError> {
        #[cfg(feature = "planted-faults")]
        if let Some(fault) = self.scenario.rule_fault_of(open.group) {
            return open_with_fault(open, now, fault);
        }
        #[cfg(feature = "planted-faults")]
        if let Some(fault) = self.scenario.ledger_fault {
            return open_with_ledger_fault(open, now, fault);
        }
        #[cfg(feature = "planted-faults")]
        if let Some(fault) = self.scenario.replica_fault {
            return open_with_replica_fault(open, now, fault);
        }
        open_group(open, now)
    }

    /// Does what a replica asks, in the order of the fields.
    pub(super) fn obey(&mut self, at: usize, group: GroupId, mut effects: Effects) {
        let life = self.node(at).life;
        self.hand_to_disks(at, group, &mut effects);
        if self.node(at).life == life {
            self.speak(at, group, &mut effects);
        }
        if self.node(at).life == life {
            self.settle(at, group, effects);
        }
    }

    /// What goes to the disks; unless the node goes down before.
    fn hand_to_disks(&mut self, at: usize, group: GroupId, effects: &mut Effects) {
        let Effects { batches, forget_batches, persist, truncate, writes, .. } = effects;
        let steps = [
            (batches.is_empty(), Step::BatchToWrite),
            (forget_batches.is_empty(), Step::ForgetToWrite),
            (persist.is_empty(), Step::RecordsToWrite),
            (writes.is_empty(), Step::BlockToWrite),
        ];
        if steps.into_iter().any(|(is_none, step)| !is_none && self.passes(at, step)) {
            return;
        }
        self.keep_batches(at, group, mem::take(batches), mem::take(forget_batches));
        self.persist(at, group, mem::take(persist), *truncate);
        self.write(at, group, mem::take(writes));
    }

    /// What leaves for other nodes.
    fn speak(&mut self, at: usize, group: GroupId, effects: &mut Effects) {
        for outgoing in mem::take(&mut effects.send) {
            self.send(at, group, &outgoing);
        }
        for (node, message) in mem::take(&mut effects.requests) {
            self.request(at, group, node, &message);
        }
        for (ticket, message) in mem::take(&mut effects.replies) {
            let replica = self.hosted(at, group).replica.as_mut();
            let asked = replica.and_then(|replica| replica.questions.remove(&ticket));
            if let Some((to, id)) = asked {
                let how = How::Response(id);
                self.carry(to, Parcel { from: at, group, how, bytes: message.bytes() });
            }
        }
        for relay in mem::take(&mut effects.relays) {
            self.pass_on(at, relay);
        }
        for message in mem::take(&mut effects.gossip) {
            self.gossip(at, group, &message);
        }
    }

    /// What stays within the node, or goes to its users.
    fn settle(&mut self, at: usize, group: GroupId, effects: Effects) {
        for (timer, after) in effects.timers {
            self.set_timer(at, group, timer, after);
        }
        for (ticket, admissions) in effects.admissions {
            self.trace.number(ticket.0);
            self.trace.bytes(format!("{admissions:?}").as_bytes());
        }
        for notice in effects.notices {
            self.tell(at, group, &notice);
        }
        for evidence in effects.accuse {
            let verdict = self.innocence.accused(at, &evidence);
            self.note_in(group, verdict);
        }
    }

    /// What one group of a node says to another goes to that one's replica on the node, and to other nodes.
    fn pass_on(&mut self, at: usize, relay: Relay) {
        let Relay { to, envelope, nodes } = &relay;
        if self.faults.staged.is_unheard(envelope.source(), *to) {
            return;
        }
        let said = (at, *to, envelope.source(), envelope.seal.outcome.height);
        if self.scenario.relays == Relays::OfferOnce && !self.offered.insert(said) {
            return;
        }
        if !nodes.is_empty() {
            let parcel = Parcel { from: at, group: *to, how: How::OneWay, bytes: relay.bytes() };
            let places: Vec<usize> = nodes.iter().filter_map(|node| self.place_of(node)).collect();
            places.into_iter().for_each(|place| self.carry(place, parcel.clone()));
        }
        if self.hosts(at, *to) {
            self.hand_over(at, *to, envelope);
        }
    }

    /// Inside a node it is lost now and then, comes twice, or overtakes what was said before.
    fn hand_over(&mut self, at: usize, to: GroupId, envelope: &Arc<Envelope>) {
        let times = match self.random.below(10) {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        for _ in 0..times {
            let late = if self.random.chance(10) { LATE_ENVELOPE } else { 1 };
            let takes = self.random.within(HEARING).saturating_mul(late);
            self.after_within(takes, at, to, Matter::Envelope(Arc::clone(envelope)));
        }
    }

    fn keep_batches(&mut self, at: usize, group: GroupId, batches: Vec<(u64, Vec<u8>)>, forgotten: Vec<u64>) {
        if self.is_honest(at) {
            self.batches += batches.len() as u64;
        }
        for (number, batch) in &batches {
            self.trace.number(*number);
            self.trace.bytes(batch);
        }
        self.hosted(at, group).disk.write_batches(batches, forgotten);
    }

    fn persist(&mut self, at: usize, group: GroupId, records: Vec<(u64, Vec<u8>)>, truncate: Option<u64>) {
        for (seq, record) in &records {
            self.trace.number(*seq);
            self.trace.bytes(record);
        }
        let newest = records.last().map(|(seq, _)| *seq);
        self.hosted(at, group).disk.write_log(records, truncate);
        if let (Disks::ReportEarly, Some(seq)) = (self.scenario.disks, newest) {
            self.after_within(50, at, group, Matter::Durable(seq));
        }
        self.sync_log(at, group);
    }

    fn sync_log(&mut self, at: usize, group: GroupId) {
        if self.hosted(at, group).disk.start_log_sync() {
            let takes = self.sync_time(at);
            self.after_within(takes, at, group, Matter::LogSynced);
        }
    }

    pub(super) fn sync_time(&mut self, at: usize) -> u64 {
        let home = self.home(at);
        let slow = self.faults.has_slow_disk(home) || self.scenario.disks == Disks::ReportEarly;
        let takes = self.random.within(if slow { SLOW_SYNC } else { SYNC });
        takes.saturating_add(self.faults.staged.sync_takes_longer(home))
    }

    pub(super) fn log_synced(&mut self, at: usize, group: GroupId) {
        let covers = self.hosted(at, group).disk.syncs();
        if self.passes_sync(at, covers, false) {
            return;
        }
        let World { nodes, random, .. } = self;
        let hosted = nodes.get_mut(at).and_then(|node| node.groups.get_mut(&group));
        let Some(hosted) = hosted else { return };
        let synced = hosted.disk.finish_log_sync(random);
        hosted.write_ahead.synced(&synced);
        if self.passes_sync(at, covers, true) {
            return;
        }
        if let Some((number, _)) = synced.batches.last() {
            let heard = self.random.within(HEARING);
            self.after_within(heard, at, group, Matter::BatchesDurable(*number));
        }
        if let Some((seq, _)) = synced.records.last().filter(|_| self.scenario.disks != Disks::ReportEarly) {
            let heard = self.random.within(HEARING);
            self.after_within(heard, at, group, Matter::Durable(*seq));
        }
        self.sync_log(at, group);
    }

    fn write(&mut self, at: usize, group: GroupId, writes: Vec<(WriteSeq, LedgerWrite)>) {
        if self.is_honest(at) {
            writes.iter().for_each(|(seq, write)| self.check_write(at, group, *seq, write));
        }
        self.hosted(at, group).disk.take_ledger(writes);
        self.write_ledgers(at);
    }

    fn check_write(&mut self, at: usize, group: GroupId, seq: WriteSeq, write: &LedgerWrite) {
        let verdict = self.hosted(at, group).order.writes(seq);
        self.note_in(group, verdict);
        match write {
            LedgerWrite::Block(commit) => {
                self.trace.bytes(commit.outcome.block_id.0.as_bytes());
                let ascends = self.hosted(at, group).order.executes(commit.outcome.height);
                let agrees = self.chain(group).agreement.executed(at, &commit.outcome);
                self.note_in(group, agrees.and(ascends));
            }
            LedgerWrite::Seal(seal) => {
                self.trace.number(seal.outcome.height);
                let ascends = self.hosted(at, group).order.seals(seal.outcome.height);
                let chain = self.chain(group);
                let valid = chain.seals.sealed(at, seal, &chain.agreement);
                self.note_in(group, valid.and(ascends));
            }
        }
    }

    fn set_timer(&mut self, at: usize, group: GroupId, timer: Timer, after: Duration) {
        let setting = self.number();
        let us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.trace.number(us);
        if let Some(replica) = &mut self.hosted(at, group).replica {
            replica.timers.insert(timer.clone(), setting);
        }
        self.after_within(us, at, group, Matter::Timer { timer, setting });
    }

    /// News for users: a committed block acknowledges its transactions.
    fn tell(&mut self, at: usize, group: GroupId, notice: &Notice) {
        if !self.is_honest(at) {
            return;
        }
        let hosted = self.hosted(at, group);
        let durable = WriteAhead::tells(at, notice, &hosted.disk.store);
        let ascends = match notice {
            Notice::Committed(commit) => hosted.order.tells_committed(commit.outcome.height),
            Notice::Sealed(sealed) => hosted.order.tells_sealed(sealed.header.height),
            Notice::Expired(_) => Ok(()),
        };
        self.note_in(group, durable.and(ascends));
        if let Notice::Committed(commit) = notice {
            self.trace.number(commit.outcome.height);
            let chain = self.chain(group);
            let once = chain.durability.acknowledge(commit);
            if let Some(liveness) = &mut chain.liveness {
                commit.receipts.iter().for_each(|receipt| liveness.committed(at, &receipt.id));
            }
            self.note_in(group, once);
            self.locking.committed(commit);
            let stalled = self.faults.stalled();
            self.stall.committed(commit, stalled);
            for receipt in &commit.receipts {
                let told = self.recorder.complete(self.now_us, self.conservation.issued, receipt);
                self.note_in(group, told);
            }
        }
    }
}
