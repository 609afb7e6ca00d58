//! HotStuff: Jolteon's two-chain protocol with time-out certificates, broadcast votes and order votes.
//!
//! A round's leader proposes a block on the highest certified one. A quorum of votes certifies it and opens the next
//! round; a quorum of order votes on the certificate makes it and its ancestors final, without waiting for the next
//! block. A round without a certificate ends with a quorum of time-outs, which carries the highest certificate among
//! them to the next leader. Two certified blocks of contiguous rounds make the first final too, so order votes are
//! a shorter way and never the only one.
//!
//! Sources: Gelashvili et al., "Jolteon and Ditto: Network-Adaptive Efficient Consensus with Asynchronous Fallback"
//! (FC 2022), figure 2; Yin et al., "HotStuff" (PODC 2019); AIP-89 of the Aptos project (order votes).
//! [`rules`] holds what may be signed and what is final; [`state`] what survives a crash.

pub mod certificate;
mod faults;
pub mod message;
mod pacemaker;
mod reputation;
pub mod rules;
pub mod state;
mod sync;
mod tally;
mod voting;

pub use certificate::{Kind, OrderCertificate, QuorumCertificate, Round, TimeoutCertificate};
pub use faults::PlantedFault;
pub use message::{Certificates, Hello, Message, Proposal, Timeout, Vote};
pub use pacemaker::Timer;
pub use reputation::{TRIAL_TURNS, candidates, home_of, leader_of, skipped};
pub use state::{Record, SafetyState};
pub use tally::ROUND_WINDOW;

use crate::engine::{
    Engine, EngineStatus, Input, Instance, Outputs, Rejected, Seq, Setup, Tick, To, Verdict, Verified,
};
use crate::judging::Accused;
use crate::pacing::Doubts;
use crate::planted::Planted;
use crate::tree::{Kept, Place, Tree};
use faults::{Court, Judge};
use pacemaker::Running;
use reputation::Past;
use rules::Link;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use sync::Sync;
use tally::{Timeouts, Votes};
use witan_types::{
    Block, BlockId, Committee, EngineKind, FaultModel, Height, SealedHeader, Signature, Signed,
    ValidatorIndex,
};

/// A proposal of the current round, until the round ends.
#[derive(Clone, Debug)]
struct Held {
    from: ValidatorIndex,
    id: BlockId,
    proposal: Proposal,
    asked: bool,
    verdict: Option<Verdict>,
}

/// One validator's HotStuff instance in one epoch.
#[derive(Clone, Debug)]
pub struct HotStuff {
    setup: Setup,
    base: BlockId,
    judge: Judge,
    /// What was signed; `unsaved` if it changed since its last record, which is at `saved`.
    state: SafetyState,
    unsaved: bool,
    saved: Option<Seq>,
    next_seq: Seq,
    /// Own messages, each with the record it rests on: they count once that is durable.
    own: VecDeque<(Seq, Message)>,
    /// Own messages of this step, whose record is written at its end.
    own_unsaved: Vec<Message>,
    tree: Tree,
    past: Past,
    decided: Place,
    /// The highest block handed out as decided, or durable before the start.
    emitted: Height,
    entered: Round,
    /// One of each member that may lead the round, at most: who does is known once its parent is here.
    held: Vec<Held>,
    votes: Votes,
    order_votes: Votes,
    timeouts: Timeouts,
    /// The first proposal seen of each round in the window and author.
    proposals: BTreeMap<(Round, ValidatorIndex), (BlockId, Signed)>,
    accused: Accused,
    doubts: Doubts,
    sync: Sync,
    running: Running,
    pending: bool,
    wanted: Option<crate::engine::Turn>,
    now: Tick,
    out: Outputs<HotStuff>,
}

impl Engine for HotStuff {
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    const KIND: EngineKind = EngineKind::HotStuff;
    const VERSION: u16 = 1;
    const FAULTS: FaultModel = FaultModel::Byzantine;

    fn open(setup: Setup, records: Vec<(Seq, Record)>) -> (HotStuff, Outputs<HotStuff>) {
        HotStuff::start(setup, records, Judge(Planted::none()))
    }

    fn verify(
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<Verified<Message>, Rejected> {
        HotStuff::judge(Court { instance, committee, judge: Judge(Planted::none()) }, from, message)
    }

    fn blocks(message: &Message) -> Vec<&Arc<Block>> {
        message.blocks()
    }

    fn step(&mut self, now: Tick, input: Input<HotStuff>) -> Outputs<HotStuff> {
        self.now = now;
        match input {
            Input::Message(verified) => {
                let from = verified.from();
                self.on_message(from, verified.into_message());
            }
            Input::Timeout(timer) => self.on_timer(timer),
            Input::Payload(turn, draft) => self.propose(&turn, draft),
            Input::Validated(id, verdict) => {
                if let Some(held) = self.held.iter_mut().find(|held| held.id == id) {
                    held.verdict = Some(verdict);
                }
            }
            Input::Durable(seq) => self.on_durable(seq),
            Input::Stable(sealed) => self.on_stable(&sealed),
            Input::Pending(pending) => self.pending = pending,
            Input::Leaving => {} // Its turn is a round long.
        }
        self.settle()
    }

    fn status(&self) -> EngineStatus {
        let round = self.state.round();
        EngineStatus {
            view: round,
            leader: Some(self.leader(round)),
            decided: self.decided.height,
            certified: self
                .tree
                .place(self.state.high_qc.block)
                .map_or(self.decided.height, |place| place.height),
            consecutive_timeouts: u32::try_from(self.state.consecutive_timeouts()).unwrap_or(u32::MAX),
            timed_out: self.timeouts.authors(round),
            timer_running: self.running.round == Some(round),
        }
    }

    fn view_timer(&self) -> Option<Timer> {
        let round = self.state.round();
        (self.running.round == Some(round)).then_some(Timer::Round(round))
    }
}

impl HotStuff {
    /// Like [`Engine::open`], with a mistake planted: for tests of the tests.
    #[cfg(any(test, feature = "planted-faults"))]
    pub fn open_with_fault(
        setup: Setup,
        records: Vec<(Seq, Record)>,
        fault: PlantedFault,
    ) -> (HotStuff, Outputs<HotStuff>) {
        HotStuff::start(setup, records, Judge(Planted::one(fault)))
    }

    /// Like [`Engine::verify`], with a mistake planted: for tests of the tests.
    ///
    /// # Errors
    /// As there.
    #[cfg(any(test, feature = "planted-faults"))]
    pub fn verify_with_fault(
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
        message: Message,
        fault: PlantedFault,
    ) -> Result<Verified<Message>, Rejected> {
        HotStuff::judge(Court { instance, committee, judge: Judge(Planted::one(fault)) }, from, message)
    }

    fn judge(
        court: Court<'_>,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<Verified<Message>, Rejected> {
        message.verify(&court, from)?;
        Ok(Verified::new(from, message))
    }

    fn start(setup: Setup, records: Vec<(Seq, Record)>, judge: Judge) -> (HotStuff, Outputs<HotStuff>) {
        let base = setup.base.id();
        let tree = Tree::new(&setup.stable, base);
        let decided = tree.root();
        let past = Past::new(&setup.committee, &setup.proposers);
        let mut engine = HotStuff {
            base,
            judge,
            state: SafetyState::of_base(base),
            unsaved: false,
            saved: None,
            next_seq: records.iter().map(|(seq, _)| seq.saturating_add(1)).max().unwrap_or(1),
            own: VecDeque::new(),
            own_unsaved: Vec::new(),
            tree,
            past,
            decided,
            emitted: setup.durable,
            entered: 0,
            held: Vec::new(),
            votes: Votes::default(),
            order_votes: Votes::default(),
            timeouts: Timeouts::default(),
            proposals: BTreeMap::new(),
            accused: Accused::default(),
            doubts: Doubts::default(),
            sync: Sync::default(),
            running: Running::default(),
            pending: false,
            wanted: None,
            now: Tick::default(),
            out: Outputs::default(),
            setup,
        };
        engine.restore(records);
        engine.greet(To::All);
        engine.resend();
        let outputs = engine.settle();
        (engine, outputs)
    }

    /// Takes up what the records tell. What was signed is durable, so it counts at once.
    fn restore(&mut self, records: Vec<(Seq, Record)>) {
        for (seq, record) in records {
            match record {
                Record::Safety(state) => {
                    self.state = self.judge.remembered(*state);
                    self.saved = Some(seq);
                }
                Record::Block(block) => self.sync.fetching.adopt(block.id(), Kept { block, seq: Some(seq) }),
            }
        }
        let SafetyState { last_vote, last_order_vote, last_timeout, .. } = self.state.clone();
        let me = self.setup.me;
        self.attach();
        last_vote.into_iter().for_each(|vote| self.on_message(me, Message::Vote(vote)));
        last_order_vote.into_iter().for_each(|vote| self.on_message(me, Message::OrderVote(vote)));
        last_timeout.into_iter().for_each(|timeout| self.on_message(me, Message::Timeout(timeout)));
    }

    /// Draws every conclusion from what the step changed, and hands out what it said.
    fn settle(&mut self) -> Outputs<HotStuff> {
        self.attach();
        self.enter_round();
        self.advance_decided();
        self.consider_proposals();
        self.try_order_vote();
        self.fetch_missing();
        self.want_payload();
        self.run_timers();
        self.save();
        std::mem::take(&mut self.out)
    }

    fn on_message(&mut self, from: ValidatorIndex, message: Message) {
        self.doubts.heard(from);
        match message {
            Message::Proposal(proposal) => self.on_proposal(from, proposal),
            Message::Vote(vote) => self.on_vote(from, &vote),
            Message::OrderVote(vote) => self.on_order_vote(from, &vote),
            Message::Timeout(timeout) => self.on_timeout(from, &timeout),
            Message::Certificates(certificates) => self.on_certificates(certificates),
            Message::Hello(hello) => self.on_hello(from, hello),
            Message::Fetch(fetch) => self.on_fetch(from, fetch),
            Message::Blocks(blocks) => self.on_blocks(blocks),
            Message::Gone(height) => self.on_gone(height),
        }
    }

    /// Whether a certificate that verified is also one of this epoch's chain: round 0 belongs to the base alone.
    fn is_grounded(&self, qc: &QuorumCertificate) -> bool {
        qc.round != 0 || qc.block == self.base
    }

    fn on_qc(&mut self, qc: QuorumCertificate) {
        if qc.round > self.state.high_qc.round {
            self.state.high_qc = qc;
        }
    }

    /// Whoever learns of a round only by its time-out certificate learns the highest block to extend with it.
    fn on_tc(&mut self, tc: TimeoutCertificate) {
        if self.judge.learns_highest() {
            self.on_qc(tc.high_qc.clone());
        }
        if tc.round >= self.state.round() {
            self.state.high_tc = Some(tc);
        }
    }

    fn on_order_certificate(&mut self, order: OrderCertificate) {
        if order.round > self.state.order.as_ref().map_or(0, |known| known.round) {
            self.state.order = Some(order);
        }
    }

    fn on_certificates(&mut self, certificates: Certificates) {
        let Certificates { high_qc, tc, order } = certificates;
        let tc_is_grounded = tc.as_ref().is_none_or(|tc| self.is_grounded(&tc.high_qc));
        if self.is_grounded(&high_qc) && tc_is_grounded {
            self.on_qc(high_qc);
            tc.into_iter().for_each(|tc| self.on_tc(tc));
            order.into_iter().for_each(|order| self.on_order_certificate(order));
        }
    }

    /// Leaves behind what belonged to an earlier round.
    fn enter_round(&mut self) {
        let round = self.state.round();
        if round != self.entered {
            self.entered = round;
            match self.state.opening_tc() {
                Some(tc) => self.doubts.failed(self.leader(tc.round)),
                None => {
                    let certified = self.tree.place(self.state.high_qc.block);
                    certified.into_iter().for_each(|block| self.doubts.succeeded(block.proposer));
                }
            }
            self.held.retain(|held| held.proposal.round() == round);
            self.wanted = None;
            let oldest = round.saturating_sub(ROUND_WINDOW);
            self.votes.forget_before(oldest);
            self.order_votes.forget_before(oldest);
            self.timeouts.forget_before(oldest);
            self.proposals = self.proposals.split_off(&(oldest, ValidatorIndex(0)));
        }
    }

    /// Decides what certificates prove final: by order votes (AIP-89), or by two chained certificates.
    fn advance_decided(&mut self) {
        if let Some(order) = self.state.order.as_ref().filter(|order| order.round > self.decided.tag) {
            self.decide(order.block);
        }
        let certified = self.tree.path_down(self.state.high_qc.block, self.decided.height);
        let newest_final = certified.iter().find_map(|child| {
            let parent = self.tree.place(child.parent)?;
            self.judge.is_final(&Link::of(&parent), &Link::of(child)).then_some(parent.id)
        });
        newest_final.into_iter().for_each(|id| self.decide(id));
    }

    /// Hands out a final block and its ancestors, oldest first, each once.
    fn decide(&mut self, id: BlockId) {
        let path = self.tree.path_down(id, self.decided.height);
        let (Some(newest), Some(oldest)) = (path.first(), path.last()) else { return };
        if oldest.parent != self.decided.id {
            return; // Two final blocks at one height: more than f members lied, and nothing here can mend that.
        }
        for place in self.judge.handed_out(&path, self.decided, self.emitted) {
            self.out.decided.extend(self.tree.get(place.id).map(|kept| Arc::clone(&kept.block)));
        }
        self.decided = *newest;
        self.emitted = self.emitted.max(newest.height);
    }

    fn on_stable(&mut self, sealed: &SealedHeader) {
        let (header, id) = (&sealed.header, sealed.header.id());
        let is_ahead = header.height > self.decided.height;
        if header.height <= self.tree.root().height || (!is_ahead && self.tree.place(id).is_none()) {
            return;
        }
        self.past.push(header, self.tree.root().id);
        self.tree.reroot(header, id);
        if is_ahead {
            self.decided = self.tree.root();
            self.emitted = self.emitted.max(header.height);
        }
        self.attach();
        let oldest_block =
            [self.tree.oldest_record(), self.sync.fetching.oldest_record()].into_iter().flatten().min();
        self.out.truncate = self.saved.map(|saved| oldest_block.map_or(saved, |oldest| oldest.min(saved)));
    }

    /// Says what was just signed, and counts it once the state that holds it is durable.
    fn promise(&mut self, message: Message) {
        self.out.send.push((To::All, message.clone()));
        if self.judge.is_saved(&message) {
            self.unsaved = true;
            self.own_unsaved.push(message);
        } else {
            self.on_message(self.setup.me, message);
        }
    }

    fn write(&mut self, record: Record) -> Seq {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        self.out.persist.push((seq, record));
        seq
    }

    /// Writes a block of the tree down, unless it is.
    fn keep(&mut self, id: BlockId) {
        if let Some(block) =
            self.tree.get(id).filter(|kept| kept.seq.is_none()).map(|kept| Arc::clone(&kept.block))
        {
            let seq = self.write(Record::Block(block));
            self.tree.note_record(id, seq);
        }
    }

    /// Writes the state down whole, once a step at most.
    fn save(&mut self) {
        if std::mem::take(&mut self.unsaved) {
            let seq = self.write(Record::Safety(Box::new(self.state.clone())));
            self.saved = Some(seq);
            self.own.extend(self.own_unsaved.drain(..).map(|message| (seq, message)));
        }
    }

    fn on_durable(&mut self, durable: Seq) {
        while let Some((_, message)) = self.own.pop_front_if(|(seq, _)| *seq <= durable) {
            self.on_message(self.setup.me, message);
        }
    }

    /// Names a liar, once for each kind of lie.
    fn accuse(
        &mut self,
        validator: ValidatorIndex,
        conflict: &'static str,
        first: (Vec<u8>, Signature),
        second: (Vec<u8>, Signature),
    ) {
        let evidence = self.accused.evidence(&self.setup.committee, validator, conflict, first, second);
        self.out.accuse.extend(evidence);
    }
}
