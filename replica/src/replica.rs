//! The replica: engine, ledger, mempool, sealing and catching up, behind one step function.

use crate::batches::Batches;
use crate::dissemination::Dissemination;
use crate::event::{Class, Effects, Event, Now, Outgoing, Recipient, Source, Timer, WriteSeq};
use crate::executing::Unwritten;
use crate::faults::Planted;
use crate::hosting::Hosted;
use crate::intake::Intake;
use crate::message::{BatchContents, Message};
use crate::open::Identity;
use crate::proposing::Proposing;
use crate::relaying::Inbox;
use crate::relaying::abroad::Route;
use crate::sealing::Sealing;
use crate::sync::CatchUp;
use crate::verify::{Content, VerifiedMessage};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::time::Duration;
use witan_consensus::engine::{Engine, EngineStatus, Input, Verified};
use witan_ledger::{Ledger, Mempool, ProofWindow, Store};
use witan_types::{
    Committee, EngineKind, GroupId, Header, Height, NodeId, Outcome, SealedHeader, TxId, ValidatorIndex, Wire,
};

/// How a group stands on this node.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// Which group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// The newest executed block.
    pub tip: Header,
    /// What came out of it.
    pub outcome: Outcome,
    /// The newest sealed height.
    pub sealed: Height,
    /// The engine, if this node votes.
    pub consensus: Option<EngineStatus>,
    /// Transactions waiting.
    pub mempool_count: usize,
    /// Their bytes.
    pub mempool_bytes: usize,
    /// Validators that can be reached and vote, this one included.
    pub connected_validators: Vec<ValidatorIndex>,
    /// Validators that make a quorum.
    pub quorum: usize,
    /// The newest sealed height that an honest validator can be taken to have, by what validators say.
    pub sealed_elsewhere: Height,
    /// Whether this node is fetching blocks it missed.
    pub syncing: bool,
    /// Whether work waits for a block.
    pub has_work: bool,
    /// How long until the current view is given up, if this node votes and its timer runs.
    pub next_timeout: Option<Duration>,
    /// How many milliseconds the clocks of other validators are ahead of this node's, as far as they said lately.
    pub clocks_ahead_ms: Vec<(ValidatorIndex, i64)>,
}

/// A replica of some engine, as the host sees it.
pub trait Group: Send + Debug {
    /// Takes one event.
    fn step(&mut self, now: Now, event: Event) -> Effects;
    /// How it stands.
    fn status(&self, now: Now) -> GroupStatus;
    /// The trees of the newest blocks, for making proofs elsewhere.
    fn proofs(&self) -> ProofWindow;
    /// Whether the transaction waits in the mempool or for other groups, or was executed and has not expired: whoever finds
    /// no receipt of it on disk learns so that one is on its way there.
    fn is_pending(&self, id: &TxId) -> bool;
    /// Whether something it said still waits for the records it rests on.
    fn holds_back(&self) -> bool;
}

/// One group on one node.
#[derive(Debug)]
pub struct Replica<E: Engine, S: Store> {
    pub(crate) group: GroupId,
    pub(crate) committee: Committee,
    pub(crate) validators: Vec<NodeId>,
    /// Validators of the network that are no members of the group, and as a rule have no replica of it.
    pub(crate) outsiders: Vec<NodeId>,
    pub(crate) identity: Identity,
    pub(crate) engine: Option<Hosted<E>>,
    pub(crate) ledger: Ledger<S>,
    pub(crate) mempool: Mempool,
    pub(crate) sealing: Sealing,
    pub(crate) proposing: Proposing,
    pub(crate) inbox: Inbox,
    /// Where the next offer begins of more than can be offered at once.
    pub(crate) offered: usize,
    /// To which nodes what this group says goes over the network, by the group it is for.
    pub(crate) abroad: BTreeMap<GroupId, Route>,
    pub(crate) intake: Intake,
    pub(crate) batches: Batches,
    pub(crate) dissemination: Dissemination,
    pub(crate) catch_up: CatchUp,
    /// How many times as long as usual blocks and batches wait for more to carry.
    pub(crate) stretch: u32,
    /// The block time for which the host was asked to wake this replica; Unix milliseconds.
    pub(crate) due_timer: Option<u64>,
    /// The newest ledger write handed out.
    pub(crate) written: WriteSeq,
    /// The writes not known to be in the store yet.
    pub(crate) unwritten: VecDeque<(WriteSeq, Unwritten)>,
    /// Sealed headers that are written and may not be durable yet.
    pub(crate) undurable: VecDeque<(WriteSeq, Box<SealedHeader>)>,
    pub(crate) planted: Planted,
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    fn on_message(&mut self, now: Now, source: Source, message: VerifiedMessage, effects: &mut Effects) {
        match message.0 {
            Content::Engine(message, blocks) => {
                if let Ok(message) = message.downcast::<Verified<E::Message>>() {
                    self.proposing.arrived = blocks;
                    self.tell(now, Input::Message(*message), effects);
                    self.proposing.arrived = Vec::new();
                }
            }
            Content::Transactions(transactions) => self.on_transactions(now, source, transactions, effects),
            Content::Batch(batch) => self.on_batch(now, source.node(), batch, effects),
            Content::Plain(message) => self.on_plain(now, source.node(), *message, effects),
        }
    }

    fn on_plain(&mut self, now: Now, from: NodeId, message: Message, effects: &mut Effects) {
        match message {
            Message::Shares { again, shares } => self.on_shares(from, again, shares, effects),
            Message::Seals(seals) => self.on_seals(seals, effects),
            Message::Heartbeat(heartbeat) => self.on_heartbeat(now, from, heartbeat, effects),
            Message::Blocks(blocks) => self.on_blocks(now, from, blocks, effects),
            Message::SealedHeader(sealed) => self.on_sealed_header(now, from, &sealed, effects),
            Message::Envelope(envelope) => self.on_envelope(envelope),
            Message::BatchHeld { name, by, signature } => self.on_held(now, &name, by, signature, effects),
            Message::BatchReady(held) => self.on_batch_ready(now, held),
            Message::Batches(lists) => {
                let lists = lists.into_iter().map(|BatchContents(list)| list).collect();
                self.on_batches(now, from, lists, effects);
            }
            // Answered, if at all, by the reply that every request gets.
            Message::BlocksRequest { .. }
            | Message::BatchesRequest(_)
            | Message::Accepted
            | Message::Engine(_)
            | Message::Batch(_)
            | Message::Transactions(_) => {}
        }
    }

    fn on_timer(&mut self, now: Now, timer: Timer, effects: &mut Effects) {
        match timer {
            Timer::Engine(bytes) => {
                if let Ok(timer) = E::Timer::decode(&bytes) {
                    self.tell(now, Input::Timeout(timer), effects);
                }
            }
            Timer::Heartbeat => self.on_beat(now, effects),
            Timer::Gather => self.gather(now, effects),
            Timer::Propose => {}
            Timer::Due => self.due_timer = None,
            Timer::Revalidate => self.revalidate(now, effects),
        }
    }

    /// Once a second: tell how we stand, send again what may have been lost, notice that we are behind.
    fn on_beat(&mut self, now: Now, effects: &mut Effects) {
        if self.catch_up.is_sealing_stuck(self.sealing.sealed()) {
            self.share_again(effects);
        }
        self.relay_again(now, effects);
        self.batches_again(now, effects);
        self.offer_again(effects);
        self.beat(now, effects);
    }

    /// What may follow from any event: the engine hears whether work waits, the leader's turn may be answered, and
    /// what waited for records is released.
    pub(crate) fn settle(&mut self, now: Now, effects: &mut Effects) {
        self.look_for_leader(now, effects);
        let pending = self.has_work(now);
        if self.engine.as_mut().is_some_and(|engine| engine.pending_changed(pending)) {
            self.tell(now, Input::Pending(pending), effects);
        }
        self.answer_turn(now, effects);
        self.wake_when_due(now, effects);
        if let Some(engine) = &mut self.engine {
            effects.send.extend(engine.released());
        }
    }

    /// Every request gets exactly one answer, in the step that takes it.
    fn reply(&mut self, now: Now, source: Source, message: &VerifiedMessage, effects: &mut Effects) {
        let Source::Request(node, ticket) = source else { return };
        let answer = match &message.0 {
            Content::Plain(message) => match &**message {
                Message::Heartbeat(_) => Message::Heartbeat(self.heartbeat(now)),
                Message::BlocksRequest { from } => Message::Blocks(self.sealed_blocks(now, node, *from)),
                Message::BatchesRequest(digests) if self.validators.contains(&node) => {
                    Message::Batches(self.batches_asked_for(digests).into_iter().map(BatchContents).collect())
                }
                _ => Message::Accepted,
            },
            Content::Engine(..) | Content::Transactions(_) | Content::Batch(_) => Message::Accepted,
        };
        effects.replies.push((ticket, answer));
    }
}

/// A message for every other validator.
pub(crate) fn outgoing(class: Class, message: &Message) -> Outgoing {
    Outgoing { to: Recipient::Validators, class, bytes: message.bytes() }
}

impl<E: Engine + Send, S: Store + Send> Group for Replica<E, S> {
    fn step(&mut self, now: Now, event: Event) -> Effects {
        let mut effects = Effects::default();
        match event {
            Event::Message(source, message) => {
                self.reply(now, source, &message, &mut effects);
                self.on_message(now, source, message, &mut effects);
            }
            Event::Submit(ticket, transactions) => self.on_submit(now, ticket, transactions, &mut effects),
            Event::Timer(timer) => self.on_timer(now, timer, &mut effects),
            Event::Durable(seq) => self.tell(now, Input::Durable(seq), &mut effects),
            Event::BatchesDurable(number) => self.on_batches_durable(now, number, &mut effects),
            Event::Written(seq) => self.on_written(now, seq, &mut effects),
            Event::LedgerDurable(seq) => self.on_ledger_durable(now, seq, &mut effects),
            Event::PeerUp(node) => self.on_peer_up(now, node, &mut effects),
            Event::PeerDown(node) => self.catch_up.peer_down(&node),
            Event::RequestFailed(node) => {
                self.on_request_failed(&node);
                self.on_batches_unanswered(now, &node, &mut effects);
            }
            Event::Envelope(envelope) => self.on_envelope(envelope),
            Event::Stretch(times) => self.stretch = times.max(1),
            Event::Leaving => {
                self.hand_on(now, &mut effects);
                self.tell(now, Input::Leaving, &mut effects);
            }
        }
        self.settle(now, &mut effects);
        effects
    }

    fn status(&self, now: Now) -> GroupStatus {
        GroupStatus {
            group: self.group,
            engine: E::KIND,
            tip: self.ledger.tip().clone(),
            outcome: self.ledger.tip_outcome().clone(),
            sealed: self.sealing.sealed(),
            consensus: self.engine.as_ref().map(|hosted| hosted.engine().status()),
            mempool_count: self.mempool.len(),
            mempool_bytes: self.mempool.bytes(),
            connected_validators: self.connected_validators(now),
            quorum: self.committee.quorum(),
            sealed_elsewhere: self.sealed_elsewhere(),
            syncing: self.catch_up.is_syncing(),
            has_work: self.has_work(now),
            next_timeout: self.engine.as_ref().and_then(|hosted| hosted.next_timeout(now.tick)),
            clocks_ahead_ms: self.clocks_ahead_ms(now),
        }
    }

    fn proofs(&self) -> ProofWindow {
        self.ledger.proofs()
    }

    fn is_pending(&self, id: &TxId) -> bool {
        self.mempool.contains(id) || self.ledger.remembers(id)
    }

    fn holds_back(&self) -> bool {
        self.engine.as_ref().is_some_and(Hosted::holds_back)
    }
}
