//! The one loop that touches the world. It owns the replicas: events come in through one channel, and what replicas
//! ask for goes out to the network, to the disk's two writers and to whoever waits. It never blocks on any of them.

use crate::metrics::Meter;
use crate::rehearsal::Liar;
use crate::shared::Shared;
use crate::stretch::Stretch;
use crate::timers::Timers;
use crate::wire;
use crate::writers::{Durable, FIRST_EPOCH, LedgerJob, LogJob, Writers};
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use witan_consensus::engine::{Evidence, Tick};
use witan_p2p::{Network, Priority, ResponseToken, Topic};
use witan_replica::attack::Attack;
use witan_replica::{
    Admission, Class, Effects, Event, Group, Message, Now, Outgoing, Recipient, Relay, Source, Ticket, Timer,
    VerifiedMessage, WriteSeq,
};
use witan_storage::{SignedMessage, StorageError, StoredEvidence};
use witan_types::{Envelope, GroupId, IdentifiedTransaction, NodeId, Signed, TxId};

/// Events taken before timers are looked at again.
const EVENTS_AT_ONCE: usize = 256;
/// Requests of peers that may wait for an answer.
const MAX_QUESTIONS: usize = 1024;
/// What users may see is at most this old while no block comes.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(50);
/// How often figures are taken that are no events.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);
/// How long what groups say when they leave may wait for the disk.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);
/// The longest the loop sleeps: it shows that it is alive at least this often.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// What reaches the loop.
#[derive(Debug)]
pub(crate) enum Command {
    /// A peer's message, judged.
    Message(GroupId, NodeId, VerifiedMessage),
    /// A peer's request, judged; the token is for the answer.
    Request(GroupId, NodeId, ResponseToken, VerifiedMessage),
    /// A request of ours failed.
    RequestFailed(u64),
    /// A request of ours was answered, with a judged message.
    Response(u64, VerifiedMessage),
    /// A peer came.
    PeerUp(NodeId),
    /// A peer went.
    PeerDown(NodeId),
    /// A client's transactions, judged.
    Submit(GroupId, Vec<IdentifiedTransaction>, oneshot::Sender<Vec<Admission>>),
    /// Whether a transaction waits, in whichever group.
    IsPending(TxId, oneshot::Sender<bool>),
    /// Consensus records and batches are durable.
    Durable(Durable),
    /// Ledger writes can be read.
    Written(GroupId, WriteSeq),
    /// Ledger writes are durable, up to these of each group.
    LedgerDurable(BTreeMap<GroupId, WriteSeq>),
    /// What is verified waits for the processor.
    ProcessorShort,
    /// The disk failed.
    DiskFailed(StorageError),
    /// Stop in order: every group hears of it first, and what it says then still leaves.
    Stop,
}

/// The loop and everything it reaches.
pub(crate) struct EventLoop {
    pub(crate) groups: BTreeMap<GroupId, Box<dyn Group>>,
    /// The nodes of each group's members.
    pub(crate) members: BTreeMap<GroupId, Vec<NodeId>>,
    pub(crate) me: NodeId,
    pub(crate) network: Network,
    pub(crate) writers: Writers,
    pub(crate) shared: Arc<Shared>,
    /// On a development network: this node, should it have to lie.
    liar: Option<Liar>,
    meter: Meter,
    timers: Timers,
    started: Instant,
    /// What users may see has changed since it was published.
    changed: bool,
    published: Duration,
    measured: Duration,
    next_number: u64,
    submissions: BTreeMap<Ticket, oneshot::Sender<Vec<Admission>>>,
    questions: BTreeMap<Ticket, ResponseToken>,
    requests: BTreeMap<u64, (GroupId, NodeId)>,
    /// What groups say to others of this node, until the turn hands it over.
    envelopes: VecDeque<(GroupId, Arc<Envelope>)>,
    stretch: Stretch,
    /// When it ends, once it was told to.
    ends: Option<Instant>,
}

impl EventLoop {
    pub(crate) fn new(
        me: NodeId,
        members: BTreeMap<GroupId, Vec<NodeId>>,
        network: Network,
        writers: Writers,
        shared: Arc<Shared>,
        liar: Option<Liar>,
    ) -> EventLoop {
        EventLoop {
            groups: BTreeMap::new(),
            members,
            me,
            network,
            writers,
            shared,
            liar,
            meter: Meter::default(),
            timers: Timers::default(),
            started: Instant::now(),
            changed: true,
            published: Duration::ZERO,
            measured: Duration::ZERO,
            next_number: 0,
            submissions: BTreeMap::new(),
            questions: BTreeMap::new(),
            requests: BTreeMap::new(),
            envelopes: VecDeque::new(),
            stretch: Stretch::default(),
            ends: None,
        }
    }

    /// The clocks now.
    pub(crate) fn now(&self) -> Now {
        Now { tick: Tick(self.started.elapsed()), wall_ms: self.shared.clock.wall_ms() }
    }

    /// Takes in a group with what it asked for when it was opened.
    pub(crate) fn add_group(&mut self, id: GroupId, group: Box<dyn Group>, effects: Effects) {
        self.groups.insert(id, group);
        self.obey(id, effects);
        self.publish();
    }

    /// Runs until told to stop or until the disk fails.
    ///
    /// # Errors
    /// If the disk failed: nothing more may be promised.
    pub(crate) fn run(mut self, commands: Receiver<Command>) -> Result<(), StorageError> {
        let end = loop {
            if let ControlFlow::Break(end) = self.turn(&commands) {
                break end;
            }
        };
        // The writers finish what waits; their reports find no reader any more.
        drop(commands);
        self.writers.finish();
        end
    }

    /// One turn: all events that wait, then the timers, then what groups say to each other, then what users may see.
    fn turn(&mut self, commands: &Receiver<Command>) -> ControlFlow<Result<(), StorageError>> {
        let left = self.ends.map_or(LONGEST_SLEEP, |end| end.saturating_duration_since(Instant::now()));
        let longest = if self.envelopes.is_empty() { LONGEST_SLEEP } else { Duration::ZERO };
        let sleep = self.timers.until_next(self.started.elapsed()).min(longest).min(left);
        match commands.recv_timeout(sleep) {
            Ok(command) => self.take(command)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return ControlFlow::Break(Ok(())),
        }
        for command in commands.try_iter().take(EVENTS_AT_ONCE) {
            self.take(command)?;
        }
        self.fire_timers();
        self.hand_over();
        if let Some(stretch) = self.stretch.changed(Instant::now()) {
            self.step_all(|| Event::Stretch(stretch));
        }
        if self.has_left() {
            return ControlFlow::Break(Ok(()));
        }
        // Users were sent away before a node leaves.
        if self.ends.is_none() {
            self.publish();
        }
        ControlFlow::Continue(())
    }

    /// Lets every group say its last words, such as who is to lead after it.
    fn leave(&mut self) {
        if self.ends.is_none() {
            self.ends = Some(Instant::now() + LEAVE_WITHIN);
            self.step_all(|| Event::Leaving);
        }
    }

    /// Whether it was told to stop, and nothing waits for the disk any more, or has waited long enough.
    fn has_left(&self) -> bool {
        let is_done =
            |end: Instant| Instant::now() >= end || !self.groups.values().any(|group| group.holds_back());
        self.ends.is_some_and(is_done)
    }

    fn take(&mut self, command: Command) -> ControlFlow<Result<(), StorageError>> {
        match command {
            Command::Stop => self.leave(),
            Command::DiskFailed(error) => return ControlFlow::Break(Err(error)),
            Command::Message(group, from, message) => {
                self.step(group, Event::Message(Source::Node(from), message))
            }
            Command::Request(group, from, token, message) => self.take_request(group, from, token, message),
            Command::Response(id, message) => {
                if let Some((group, from)) = self.requests.remove(&id) {
                    self.step(group, Event::Message(Source::Node(from), message));
                }
            }
            Command::RequestFailed(id) => {
                if let Some((group, from)) = self.requests.remove(&id) {
                    self.step(group, Event::RequestFailed(from));
                }
            }
            Command::PeerUp(node) => self.step_all(|| Event::PeerUp(node)),
            Command::PeerDown(node) => self.step_all(|| Event::PeerDown(node)),
            Command::Submit(group, transactions, answer) => {
                let ticket = self.ticket();
                self.submissions.insert(ticket, answer);
                self.step(group, Event::Submit(ticket, transactions));
            }
            Command::IsPending(id, answer) => {
                let pending = self.groups.values().any(|group| group.is_pending(&id));
                if answer.send(pending).is_err() {
                    tracing::trace!("the asker gave up");
                }
            }
            Command::Durable(Durable { records, batches }) => {
                records.into_iter().for_each(|(group, seq)| self.step(group, Event::Durable(seq)));
                batches
                    .into_iter()
                    .for_each(|(group, number)| self.step(group, Event::BatchesDurable(number)));
            }
            Command::ProcessorShort => self.stretch.saw_shortage(Instant::now()),
            Command::Written(group, seq) => self.step(group, Event::Written(seq)),
            Command::LedgerDurable(writes) => {
                writes.into_iter().for_each(|(group, seq)| self.step(group, Event::LedgerDurable(seq)));
            }
        }
        ControlFlow::Continue(())
    }

    fn take_request(&mut self, group: GroupId, from: NodeId, token: ResponseToken, message: VerifiedMessage) {
        if self.questions.len() < MAX_QUESTIONS {
            let ticket = self.ticket();
            self.questions.insert(ticket, token);
            self.step(group, Event::Message(Source::Request(from, ticket), message));
            self.questions.remove(&ticket);
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.next_number += 1;
        Ticket(self.next_number)
    }

    fn step_all(&mut self, event: impl Fn() -> Event) {
        let ids: Vec<GroupId> = self.groups.keys().copied().collect();
        for id in ids {
            self.step(id, event());
        }
    }

    fn step(&mut self, id: GroupId, event: Event) {
        let now = self.now();
        let Some(group) = self.groups.get_mut(&id) else { return };
        let effects = group.step(now, event);
        self.obey(id, effects);
    }

    fn fire_timers(&mut self) {
        for (group, timer) in self.timers.due(self.started.elapsed()) {
            self.step(group, Event::Timer(timer));
        }
    }

    /// Hands what groups said to the groups it is for. What these say in turn waits for the next turn, so that two groups
    /// that answer each other can't keep the loop from all else.
    fn hand_over(&mut self) {
        for (group, envelope) in std::mem::take(&mut self.envelopes) {
            self.step(group, Event::Envelope(envelope));
        }
    }

    /// Does what a replica asks, in the order of the fields.
    fn obey(&mut self, id: GroupId, effects: Effects) {
        let Effects { persist: records, truncate, batches, forget_batches, .. } = effects;
        let job = LogJob { group: id, records, truncate, batches, forget_batches, evidence: Vec::new() };
        if !job.is_empty() {
            self.writers.log(job);
        }
        self.changed |= !effects.writes.is_empty() || !effects.notices.is_empty();
        if !effects.writes.is_empty() {
            self.stretch.wrote(id, Instant::now());
            self.writers.ledger(LedgerJob { group: id, writes: effects.writes });
        }
        for outgoing in effects.send {
            self.send(id, &outgoing);
        }
        for (node, message) in effects.requests {
            self.next_number += 1;
            self.requests.insert(self.next_number, (id, node));
            let bytes = self.in_own_words(id, node, &message.bytes());
            self.network.request(node, self.next_number, wire::frame(id, &bytes));
        }
        for (ticket, message) in effects.replies {
            if let Some(token) = self.questions.remove(&ticket) {
                let bytes = self.in_own_words(id, token.asker(), &message.bytes());
                self.network.respond(token, wire::frame(id, &bytes));
            }
        }
        for relay in effects.relays {
            self.pass_on(id, relay);
        }
        for message in effects.gossip {
            let topic = match message {
                Message::Transactions(_) => Topic::Transactions(id),
                _ => Topic::SealedHeaders(id),
            };
            self.network.publish(topic, wire::frame(id, &message.bytes()));
        }
        self.set_timers(id, effects.timers);
        for (ticket, admissions) in effects.admissions {
            if let Some(answer) = self.submissions.remove(&ticket) {
                // Nobody waits any more if the client hung up.
                drop(answer.send(admissions));
            }
        }
        if !effects.accuse.is_empty() {
            self.accuse(id, effects.accuse);
        }
        for notice in effects.notices {
            self.meter.notice(&notice);
            self.shared.tell(id, &notice);
        }
    }

    /// Members were caught lying: told at once, and kept by the log's writer, for which nothing waits.
    fn accuse(&mut self, id: GroupId, accused: Vec<Evidence>) {
        let mut kept = Vec::with_capacity(accused.len());
        for evidence in accused {
            tracing::error!(
                group = id.0,
                validator = evidence.validator.0,
                conflict = evidence.conflict,
                "accused"
            );
            self.meter.accused();
            kept.push(stored(id, evidence, self.shared.clock.wall_ms()));
        }
        self.writers.log(LogJob { evidence: kept, ..LogJob::of(id) });
    }

    fn set_timers(&mut self, id: GroupId, timers: Vec<(Timer, Duration)>) {
        let now = self.started.elapsed();
        for (timer, after) in timers {
            self.timers.set((id, timer), now + after);
        }
    }

    fn send(&mut self, id: GroupId, outgoing: &Outgoing) {
        // To others that is a node whose messages are lost: safe under every engine.
        if outgoing.class == Class::Consensus && self.shared.is_voting_paused() {
            return;
        }
        let priority = match outgoing.class {
            Class::Consensus => Priority::Vote,
            Class::Transactions => Priority::Batch,
            Class::Sync => Priority::Sync,
        };
        let members = self.members.get(&id).map(Vec::as_slice).unwrap_or_default();
        let to: Vec<NodeId> = match outgoing.to {
            Recipient::Node(node) => vec![node],
            Recipient::Validators => members.iter().copied().filter(|node| *node != self.me).collect(),
        };
        if let Some(attack) = self.shared.script.attack() {
            return self.lie(attack, id, priority, &to, &outgoing.bytes);
        }
        let frame: Arc<[u8]> = wire::frame(id, &outgoing.bytes).into();
        let late = self.shared.script.proposes_late(id).filter(|_| self.proposes(id, &outgoing.bytes));
        for node in to {
            match late {
                None => self.send_frame(node, priority, Arc::clone(&frame)),
                Some(after) => drop(self.network.send_later(node, priority, Arc::clone(&frame), after)),
            }
        }
    }

    fn proposes(&self, id: GroupId, bytes: &[u8]) -> bool {
        self.liar.as_ref().is_some_and(|liar| liar.proposes(id, bytes))
    }

    /// A rehearsal: says something else than the replica, to each in its own words.
    fn lie(&mut self, attack: Attack, id: GroupId, priority: Priority, to: &[NodeId], bytes: &Arc<[u8]>) {
        for node in to {
            let place = self.place_of(id, *node);
            let Some(liar) = &mut self.liar else {
                self.send_frame(*node, priority, wire::frame(id, bytes).into());
                continue;
            };
            for said in liar.say(attack, id, place, bytes) {
                let frame: Arc<[u8]> = wire::frame(id, &said.bytes).into();
                match said.after_us {
                    0 => self.send_frame(*node, priority, frame),
                    after_us => {
                        let after = Duration::from_micros(after_us);
                        self.network.send_later(*node, priority, frame, after);
                    }
                }
            }
        }
    }

    /// A request or an answer, or what a liar makes of it.
    fn in_own_words(&mut self, id: GroupId, to: NodeId, bytes: &Arc<[u8]>) -> Arc<[u8]> {
        let Some(attack) = self.shared.script.attack() else { return Arc::clone(bytes) };
        let place = self.place_of(id, to);
        let Some(liar) = &mut self.liar else { return Arc::clone(bytes) };
        let said = liar.say(attack, id, place, bytes).into_iter().find(|said| !said.unasked);
        said.map_or_else(|| Arc::clone(bytes), |said| said.bytes)
    }

    fn place_of(&self, id: GroupId, node: NodeId) -> usize {
        let members = self.members.get(&id).map(Vec::as_slice).unwrap_or_default();
        members.iter().position(|member| *member == node).unwrap_or(members.len())
    }

    /// What one group says to another goes to that one's replica on this node, and to other nodes.
    fn pass_on(&mut self, id: GroupId, relay: Relay) {
        if self.shared.script.silences(id, relay.to) {
            return;
        }
        if !relay.nodes.is_empty() {
            let frame: Arc<[u8]> = wire::frame(relay.to, &relay.bytes()).into();
            for node in &relay.nodes {
                self.send_frame(*node, Priority::Sync, Arc::clone(&frame));
            }
        }
        if self.groups.contains_key(&relay.to) {
            self.envelopes.push_back((relay.to, relay.envelope));
        }
    }

    /// A frame that can't be sent is lost, as any message may be; what matters is sent again by who said it.
    fn send_frame(&self, node: NodeId, priority: Priority, frame: Arc<[u8]>) {
        if !self.network.send(node, priority, frame) {
            tracing::trace!(%node, ?priority, "frame not sent");
        }
    }

    /// What users may read of the replicas: at once when a block came, else now and then.
    fn publish(&mut self) {
        self.shared.beat();
        let now = self.now();
        let Tick(elapsed) = now.tick;
        if !self.changed && elapsed.saturating_sub(self.published) < PUBLISH_INTERVAL {
            return;
        }
        let measure = elapsed.saturating_sub(self.measured) >= MEASURE_INTERVAL;
        for (id, group) in &self.groups {
            let status = group.status(now);
            if measure {
                self.meter.status(&status);
            }
            self.shared.publish(*id, status, group.proofs());
        }
        if measure {
            self.meter.network(&self.network.counters());
            self.measured = elapsed;
        }
        (self.changed, self.published) = (false, elapsed);
    }
}

fn stored(group: GroupId, evidence: Evidence, seen_ms: u64) -> StoredEvidence {
    let Evidence { validator, key, conflict, first, second } = evidence;
    let signed = |signed: Signed| SignedMessage { message: signed.message, signature: signed.signature };
    StoredEvidence {
        group,
        epoch: FIRST_EPOCH,
        validator,
        conflict: conflict.to_owned(),
        key,
        first: signed(first),
        second: signed(second),
        seen_ms,
    }
}

#[cfg(test)]
mod tests;
