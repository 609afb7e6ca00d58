//! The replica: engine, ledger, mempool, sealing and catching up, behind one step function.

use crate::event::{
    Class, Effects, Event, LedgerWrite, Notice, Now, Outgoing, Recipient, Source, Timer, WriteSeq,
};
use crate::hosting::Hosted;
use crate::intake::Intake;
use crate::message::{Heartbeat, Message};
use crate::proposing::Proposing;
use crate::sealing::Sealing;
use crate::sync::CatchUp;
use crate::verify::{Content, MessageVerifier, VerifiedMessage};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{
    Engine, EngineStatus, Evidence, Input, Instance, Outputs, Seq, Setup, Verdict, Verified,
};
use witan_ledger::mempool::Limits;
use witan_ledger::{BlockCommit, Ledger, LedgerError, Mempool, ProofWindow, Store};
use witan_types::genesis::Parameters;
use witan_types::{
    Block, Committee, EngineKind, Epoch, Genesis, GroupId, Header, Height, NodeId, Outcome, Scheme, Seal,
    SealShare, SealedHeader, SecretKey, TxId, ValidatorIndex, Wire,
};

/// Milliseconds between heartbeats.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(1000);

/// Who this node is in the group.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its network identity.
    pub node: NodeId,
    /// Its place and key, if it votes.
    pub validator: Option<(ValidatorIndex, SecretKey)>,
}

/// What a replica starts from.
#[derive(Debug)]
pub struct Open<'a, S> {
    /// The network's genesis, checked.
    pub genesis: &'a Genesis,
    /// Which group.
    pub group: GroupId,
    /// Who this node is.
    pub identity: Identity,
    /// The flushed ledger.
    pub store: S,
    /// Every consensus record on disk, ascending.
    pub records: Vec<(Seq, Vec<u8>)>,
    /// Bounds of the mempool.
    pub mempool: Limits,
    /// Where the engine's jitter comes from.
    pub seed: u64,
    /// How signatures are judged: [`Scheme::Ed25519`] outside the simulator.
    pub scheme: Scheme,
}

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
    /// Validators that can be reached, this one included.
    pub connected_validators: Vec<ValidatorIndex>,
    /// Validators that make a quorum.
    pub quorum: usize,
    /// The newest sealed height a peer told of.
    pub best_peer: Height,
    /// Whether this node is fetching blocks it missed.
    pub syncing: bool,
}

/// A replica of some engine, as the host sees it.
pub trait Group: Send + Debug {
    /// Takes one event.
    fn step(&mut self, now: Now, event: Event) -> Effects;
    /// How it stands.
    fn status(&self, now: Now) -> GroupStatus;
    /// The trees of the newest blocks, for making proofs elsewhere.
    fn proofs(&self) -> ProofWindow;
    /// Whether the transaction waits in the mempool.
    fn is_pending(&self, id: &TxId) -> bool;
}

/// One group on one node.
#[derive(Debug)]
pub struct Replica<E: Engine, S: Store> {
    pub(crate) group: GroupId,
    pub(crate) committee: Committee,
    pub(crate) parameters: Parameters,
    pub(crate) validators: Vec<NodeId>,
    pub(crate) identity: Identity,
    pub(crate) engine: Option<Hosted<E>>,
    pub(crate) ledger: Ledger<S>,
    pub(crate) mempool: Mempool,
    pub(crate) sealing: Sealing,
    pub(crate) proposing: Proposing,
    pub(crate) intake: Intake,
    pub(crate) catch_up: CatchUp,
    written: WriteSeq,
    unwritten: VecDeque<(WriteSeq, Unwritten)>,
}

/// What follows once a ledger write is durable.
#[derive(Debug)]
enum Unwritten {
    Block(Arc<BlockCommit>, Vec<TxId>),
    Seal(Box<SealedHeader>),
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// Opens the group from what is on disk.
    ///
    /// # Errors
    /// If the ledger on disk contradicts itself or the genesis.
    pub fn open(open: Open<'_, S>, now: Now) -> Result<(Self, MessageVerifier, Effects), LedgerError> {
        let Open { genesis, group, identity, store, records, mempool, seed, scheme } = open;
        let committee = genesis.committee(group).ok_or(LedgerError::UnknownGroup(group))?.under(scheme);
        let validators: Vec<NodeId> = genesis.validators.iter().map(|validator| validator.node).collect();
        let instance = Instance { chain: genesis.chain(), group, epoch: Epoch(1) };
        let verifier = MessageVerifier::new::<E>(instance, committee.clone(), &validators);
        let (ledger, genesis_commit) = Ledger::open(store, genesis, group)?;
        let sealed = ledger.store().sealed_tip();
        let mut replica = Replica {
            group,
            committee,
            parameters: genesis.parameters.clone(),
            validators,
            identity,
            engine: None,
            ledger,
            mempool: Mempool::new(mempool),
            sealing: Sealing::new(sealed),
            proposing: Proposing::new(now),
            intake: Intake::default(),
            catch_up: CatchUp::default(),
            written: 0,
            unwritten: VecDeque::new(),
        };
        let mut effects = Effects::default();
        if let Some(commit) = genesis_commit {
            replica.write_block(commit, Vec::new(), &mut effects);
        }
        replica.remake_shares();
        replica.open_engine(now, genesis.base_header(group), instance, (records, seed), &mut effects);
        effects.timers.push((Timer::Heartbeat, HEARTBEAT / 10));
        replica.settle(now, &mut effects);
        Ok((replica, verifier, effects))
    }

    fn open_engine(
        &mut self,
        now: Now,
        base: Header,
        instance: Instance,
        records: (Vec<(Seq, Vec<u8>)>, u64),
        effects: &mut Effects,
    ) {
        let Some((me, key)) = self.identity.validator.clone() else { return };
        let (records, seed) = records;
        let sealed = self.sealing.sealed();
        let stable = match self.ledger.block(sealed) {
            Some(block) if sealed > 0 => block.header.clone(),
            _ => base.clone(),
        };
        let durable = records.last().map_or(0, |(seq, _)| *seq);
        let setup = Setup {
            instance,
            committee: self.committee.clone(),
            me,
            key,
            base,
            stable,
            durable: self.ledger.tip().height,
            base_timeout: Duration::from_millis(self.parameters.base_timeout_ms),
            max_timeout: Duration::from_millis(self.parameters.max_timeout_ms),
            seed,
        };
        let (engine, mut outputs) = E::open(setup, decode_records::<E>(&records));
        let mut hosted = Hosted::new(engine, durable, self.validators.clone());
        hosted.hold(&mut outputs);
        self.engine = Some(hosted);
        let mut inputs = VecDeque::new();
        self.obey(now, outputs, &mut inputs, effects);
        self.drive(now, inputs, effects);
    }

    /// After a restart the shares above the last seal are made again from the stored results.
    fn remake_shares(&mut self) {
        for height in self.sealing.sealed().saturating_add(1)..=self.ledger.tip().height {
            if let Some(outcome) = self.ledger.outcome(height) {
                self.sealing.executed(outcome.clone());
                self.own_share(outcome);
            }
        }
    }

    /// Gives inputs to the engine, one after another, and does what it says.
    pub(crate) fn drive(&mut self, now: Now, mut inputs: VecDeque<Input<E>>, effects: &mut Effects) {
        while let Some(input) = inputs.pop_front() {
            let Some(engine) = &mut self.engine else { return };
            let outputs = engine.step(now.tick, input);
            self.obey(now, outputs, &mut inputs, effects);
        }
    }

    /// Gives one input to the engine and does what it says.
    pub(crate) fn tell(&mut self, now: Now, input: Input<E>, effects: &mut Effects) {
        self.drive(now, VecDeque::from([input]), effects);
    }

    fn obey(
        &mut self,
        now: Now,
        outputs: Outputs<E>,
        inputs: &mut VecDeque<Input<E>>,
        effects: &mut Effects,
    ) {
        effects.persist.extend(outputs.persist.iter().map(|(seq, record)| (*seq, record.encode())));
        effects.truncate = effects.truncate.max(outputs.truncate);
        let timers = outputs.timers.into_iter();
        effects.timers.extend(timers.map(|(timer, after)| (Timer::Engine(timer.encode()), after)));
        if outputs.want.is_some() {
            self.proposing.turn = outputs.want;
        }
        for block in outputs.validate {
            let id = block.id();
            if let Some(verdict) = self.judge(now, id, block, effects) {
                inputs.push_back(Input::Validated(id, verdict));
            }
        }
        for block in outputs.decided {
            self.decide(now, block, effects);
        }
        if let Some(height) = outputs.behind {
            self.catch_up.wanted = self.catch_up.wanted.max(height);
        }
        effects.accuse.extend(outputs.accuse);
    }

    /// A final block from the engine. Catching up may have executed it already.
    fn decide(&mut self, now: Now, block: Arc<Block>, effects: &mut Effects) {
        if block.header.height <= self.ledger.tip().height {
            return;
        }
        let outcome = self.execute(now, block, effects);
        if let Some(share) = self.own_share(outcome) {
            effects
                .send
                .push(outgoing(Class::Consensus, &Message::Shares { again: false, shares: vec![share] }));
        }
        self.seal_ready(effects);
    }

    /// Executes the next block of the chain and hands it to the disk.
    pub(crate) fn execute(&mut self, now: Now, block: Arc<Block>, effects: &mut Effects) -> Outcome {
        let executed = self.ledger.execute(block);
        let commit = executed.commit;
        for receipt in &commit.receipts {
            self.mempool.remove(&receipt.id);
            self.intake.forget(&receipt.id);
        }
        let expired = self.mempool.expire(commit.block.header.time_ms);
        expired.iter().for_each(|id| self.intake.forget(id));
        self.proposing.executed(now, &commit.block.header);
        let outcome = commit.outcome.clone();
        self.sealing.executed(outcome.clone());
        self.write_block(commit, expired, effects);
        outcome
    }

    /// Signs a result, if this node votes.
    fn own_share(&mut self, outcome: Outcome) -> Option<SealShare> {
        let (me, key) = self.identity.validator.as_ref()?;
        let share = SealShare::sign(outcome, *me, key);
        self.sealing.add_own(share.clone());
        Some(share)
    }

    /// Turns shares into seals as far as they reach.
    pub(crate) fn seal_ready(&mut self, effects: &mut Effects) {
        while let Some(seal) = self.sealing.next_seal(&self.committee) {
            self.write_seal(seal, effects);
        }
    }

    fn write_block(&mut self, commit: BlockCommit, expired: Vec<TxId>, effects: &mut Effects) {
        let commit = Arc::new(commit);
        self.written = self.written.saturating_add(1);
        effects.writes.push((self.written, LedgerWrite::Block(Arc::clone(&commit))));
        self.unwritten.push_back((self.written, Unwritten::Block(commit, expired)));
    }

    /// Hands a seal to the disk; its block's proposer tells the nodes outside the group.
    pub(crate) fn write_seal(&mut self, seal: Seal, effects: &mut Effects) {
        let Some(block) = self.ledger.block(seal.outcome.height) else { return };
        let sealed = SealedHeader { header: block.header.clone(), seal };
        if self.engine.is_some() && self.place() == Some(sealed.header.proposer) {
            effects.gossip.push(sealed.clone());
        }
        self.written = self.written.saturating_add(1);
        effects.writes.push((self.written, LedgerWrite::Seal(Box::new(sealed.seal.clone()))));
        self.unwritten.push_back((self.written, Unwritten::Seal(Box::new(sealed))));
    }

    fn place(&self) -> Option<ValidatorIndex> {
        self.identity.validator.as_ref().map(|(place, _)| *place)
    }

    /// Ledger writes up to `seq` are durable: users may hear of them, and the engine may forget what is sealed.
    fn on_written(&mut self, now: Now, seq: WriteSeq, effects: &mut Effects) {
        let mut stable = None;
        while self.unwritten.front().is_some_and(|(next, _)| *next <= seq) {
            match self.unwritten.pop_front() {
                Some((_, Unwritten::Block(commit, expired))) => {
                    self.ledger.flushed(commit.outcome.height);
                    effects.notices.push(Notice::Committed(commit));
                    if !expired.is_empty() {
                        effects.notices.push(Notice::Expired(expired));
                    }
                }
                Some((_, Unwritten::Seal(sealed))) => {
                    effects.notices.push(Notice::Sealed(sealed.clone()));
                    stable = Some(*sealed);
                }
                None => return,
            }
        }
        if let Some(sealed) = stable {
            self.tell(now, Input::Stable(sealed), effects);
        }
    }

    fn on_message(&mut self, now: Now, source: Source, message: VerifiedMessage, effects: &mut Effects) {
        match message.0 {
            Content::Engine(message) => {
                if let Ok(message) = message.downcast::<Verified<E::Message>>() {
                    self.tell(now, Input::Message(*message), effects);
                }
            }
            Content::Transactions(transactions) => self.on_transactions(now, source, transactions, effects),
            Content::Plain(message) => self.on_plain(now, source.node(), message, effects),
        }
    }

    fn on_plain(&mut self, now: Now, from: NodeId, message: Message, effects: &mut Effects) {
        match message {
            Message::Shares { again, shares } => self.on_shares(from, again, shares, effects),
            Message::Seals(seals) => self.on_seals(&seals, effects),
            Message::Heartbeat(heartbeat) => self.on_heartbeat(now, from, heartbeat, effects),
            Message::Blocks(blocks) => self.on_blocks(now, from, blocks, effects),
            Message::SealedHeader(sealed) => self.on_sealed_header(now, from, &sealed, effects),
            // Answered, if at all, by the reply that every request gets.
            Message::BlocksRequest { .. }
            | Message::Accepted
            | Message::Engine(_)
            | Message::Transactions(_) => {}
        }
    }

    fn on_shares(&mut self, from: NodeId, again: bool, shares: Vec<SealShare>, effects: &mut Effects) {
        let sealed = self.sealing.sealed();
        let mut seals = Vec::new();
        for share in shares {
            if again && share.outcome.height <= sealed {
                seals.extend(self.ledger.store().seal(share.outcome.height));
            } else if let Some((first, second)) = self.sealing.add(share) {
                effects.accuse.extend(self.evidence(&first, &second));
            }
        }
        if !seals.is_empty() {
            let bytes = Message::Seals(seals).bytes();
            effects.send.push(Outgoing { to: Recipient::Node(from), class: Class::Sync, bytes });
        }
        self.seal_ready(effects);
    }

    fn on_seals(&mut self, seals: &[Seal], effects: &mut Effects) {
        for seal in seals {
            if self.sealing.accept(seal) {
                self.write_seal(seal.clone(), effects);
            }
        }
        self.seal_ready(effects);
    }

    fn evidence(&self, first: &SealShare, second: &SealShare) -> Option<Evidence> {
        let key = *self.committee.key(first.validator)?;
        let signed = |share: &SealShare| witan_types::Signed {
            key,
            message: share.outcome.signing_bytes(),
            signature: share.signature,
        };
        let conflict = "two results of one block";
        Some(Evidence {
            validator: first.validator,
            key,
            conflict,
            first: signed(first),
            second: signed(second),
        })
    }

    /// How this node stands, for its peers.
    pub(crate) fn heartbeat(&self, now: Now) -> Heartbeat {
        Heartbeat { wall_ms: now.wall_ms, executed: self.ledger.tip().height, sealed: self.sealing.sealed() }
    }

    fn on_timer(&mut self, now: Now, timer: Timer, effects: &mut Effects) {
        match timer {
            Timer::Engine(bytes) => {
                if let Ok(timer) = E::Timer::decode(&bytes) {
                    self.tell(now, Input::Timeout(timer), effects);
                }
            }
            Timer::Heartbeat => self.on_beat(now, effects),
            Timer::Propose => {}
            Timer::Revalidate => self.revalidate(now, effects),
        }
    }

    /// Once a second: tell how we stand, send again what may have been lost, notice that we are behind.
    fn on_beat(&mut self, now: Now, effects: &mut Effects) {
        effects.timers.push((Timer::Heartbeat, HEARTBEAT));
        let shares = self.sealing.unsealed_shares();
        if self.catch_up.is_sealing_stuck(self.sealing.sealed()) && !shares.is_empty() {
            effects.send.push(outgoing(Class::Sync, &Message::Shares { again: true, shares }));
        }
        self.relay_again(now, effects);
        self.beat(now, effects);
    }

    /// What may follow from any event: the engine hears whether work waits, the leader's turn may be answered, and
    /// what waited for records is released.
    fn settle(&mut self, now: Now, effects: &mut Effects) {
        let pending = self.has_work(now);
        if self.engine.as_mut().is_some_and(|engine| engine.pending_changed(pending)) {
            self.tell(now, Input::Pending(pending), effects);
        }
        self.answer_turn(now, effects);
        if let Some(engine) = &mut self.engine {
            effects.send.extend(engine.released());
        }
    }

    fn reply(&mut self, now: Now, source: Source, message: &VerifiedMessage, effects: &mut Effects) {
        let Source::Request(_, ticket) = source else { return };
        let answer = match &message.0 {
            Content::Plain(Message::Heartbeat(_)) => Message::Heartbeat(self.heartbeat(now)),
            Content::Plain(Message::BlocksRequest { from }) => Message::Blocks(self.sealed_blocks(*from)),
            Content::Plain(_) | Content::Engine(_) | Content::Transactions(_) => Message::Accepted,
        };
        effects.replies.push((ticket, answer));
    }
}

/// A message for every other validator.
pub(crate) fn outgoing(class: Class, message: &Message) -> Outgoing {
    Outgoing { to: Recipient::Validators, class, bytes: message.bytes() }
}

fn decode_records<E: Engine>(records: &[(Seq, Vec<u8>)]) -> Vec<(Seq, E::Record)> {
    let decode = |(seq, bytes): &(Seq, Vec<u8>)| match E::Record::decode(bytes) {
        Ok(record) => (*seq, record),
        Err(error) => panic!("consensus record {seq} was written by this node and can't be read: {error}"),
    };
    records.iter().map(decode).collect()
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
            Event::Written(seq) => self.on_written(now, seq, &mut effects),
            Event::PeerUp(node) => self.on_peer_up(now, node, &mut effects),
            Event::PeerDown(node) => self.catch_up.peer_down(&node),
            Event::RequestFailed(node) => self.on_request_failed(now, node, &mut effects),
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
            best_peer: self.catch_up.best_peer(),
            syncing: self.catch_up.is_syncing(),
        }
    }

    fn proofs(&self) -> ProofWindow {
        self.ledger.proofs()
    }

    fn is_pending(&self, id: &TxId) -> bool {
        self.mempool.contains(id)
    }
}

/// The host's verdict in the engine's words.
pub(crate) fn verdict(validity: witan_ledger::Validity) -> Option<Verdict> {
    match validity {
        witan_ledger::Validity::Valid => Some(Verdict::Valid),
        witan_ledger::Validity::Never => Some(Verdict::Never),
        witan_ledger::Validity::NotYet => None,
    }
}
