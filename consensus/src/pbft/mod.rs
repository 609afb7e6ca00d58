//! PBFT: three signed phases a height, several heights under way at once over a chain of blocks.
//!
//! The leader of a height proposes a block on the one below (pre-prepare). Members that accept it say so (prepare), and
//! once a quorum did, promise to report it in every view change (commit); a quorum of commits makes it final, with all
//! its ancestors. If work waits and nothing becomes final, members give the view up, and report what they know; the new
//! view proposes again what may have become final, and goes on from there. Leaders rotate by height within a view, so a
//! slow one holds the group up for a while and not for good.
//!
//! Source: Castro and Liskov, "Practical Byzantine Fault Tolerance" (OSDI 1999), and Castro's thesis (MIT 2001), with
//! blocks in a chain in place of numbered requests. Checkpoints (section 4.3) are the seals that the host gives.
//! [`rules`] holds what may be signed and what a new view chooses; [`state`] what survives a crash.

pub mod certificate;
mod faults;
pub mod message;
mod pacemaker;
pub mod reports;
pub mod rules;
pub mod state;
mod sync;
mod tally;
mod view_change;
mod voting;

pub use certificate::{FinalCertificate, Finality, Kind, PreparedCertificate};
pub use faults::PlantedFault;
pub use message::{Hello, Message, PrePrepare, Prepare, Vote, WINDOW};
pub use pacemaker::{TURN_HEIGHTS, Timer, leader_of};
pub use reports::{Claim, Claims, NewView, Signatory, ViewChange};
pub use rules::{Point, View};
pub use state::{Commit, Record};
pub use tally::VIEW_WINDOW;
pub use voting::IN_FLIGHT;

use crate::engine::{
    Engine, EngineStatus, Input, Instance, Outputs, Rejected, Seq, Setup, Tick, To, Verdict, Verified,
};
use crate::fetch::Fetching;
use crate::judging::Accused;
use crate::pacing::{Doubts, Ration};
use crate::planted::Planted;
use crate::tree::{Kept, Place, Tree};
use faults::{Court, Judge};
use pacemaker::Running;
use state::Promises;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tally::Votes;
use witan_types::{
    Block, BlockId, Committee, EngineKind, FaultModel, Header, Height, SealedHeader, Signature, SignerSet,
    ValidatorIndex,
};

/// How many records may be written before one of the views, which may be old, is written again so that all before it
/// can go.
const REWRITE_AFTER: Seq = 512;

/// A proposal that waits to be accepted.
#[derive(Clone, Debug)]
struct Held {
    view: View,
    id: BlockId,
    block: Arc<Block>,
    /// The leader's signature on its prepare.
    signature: Signature,
    asked: bool,
    verdict: Option<Verdict>,
}

/// A final block above the decided ones: it is decided once it and its ancestors are held.
#[derive(Clone, Debug)]
struct Target {
    block: Point,
    holders: SignerSet,
    finality: Finality,
}

/// One validator's PBFT instance in one epoch.
#[derive(Clone, Debug)]
pub struct Pbft {
    setup: Setup,
    base: BlockId,
    judge: Judge,
    next_seq: Seq,
    promises: Promises,
    /// Own messages, each with the record it rests on: they count once that is durable.
    own: VecDeque<(Seq, Message)>,
    tree: Tree,
    fetching: Fetching,
    /// The newest decided block, with the proof.
    decided: Place,
    last_final: FinalCertificate,
    /// The highest block handed out as decided, or durable before the start.
    emitted: Height,
    target: Option<Target>,
    /// What the view must propose again, and who prepared it.
    chosen: BTreeMap<Height, (BlockId, SignerSet)>,
    /// What was accepted in the view, above the decided blocks, without gaps.
    accepted: BTreeMap<Height, BlockId>,
    held: BTreeMap<Height, Held>,
    prepares: Votes,
    commits: Votes,
    /// The last view change of each member.
    view_changes: BTreeMap<ValidatorIndex, ViewChange>,
    /// Views given up since a block was decided.
    failures: u64,
    doubts: Doubts,
    accused: Accused,
    /// When each member last got unasked what it lacks, and when it was last asked for that.
    answered: Ration,
    greeted: Ration,
    running: Running,
    pending: bool,
    wanted: Option<crate::engine::Turn>,
    now: Tick,
    out: Outputs<Pbft>,
}

impl Engine for Pbft {
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    const KIND: EngineKind = EngineKind::Pbft;
    const VERSION: u16 = 1;
    const FAULTS: FaultModel = FaultModel::Byzantine;

    fn open(setup: Setup, records: Vec<(Seq, Record)>) -> (Pbft, Outputs<Pbft>) {
        Pbft::start(setup, records, Judge(Planted::none()))
    }

    fn verify(
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<Verified<Message>, Rejected> {
        Pbft::judge(Court { instance, committee, judge: Judge(Planted::none()) }, from, message)
    }

    fn blocks(message: &Message) -> Vec<&Arc<Block>> {
        message.blocks()
    }

    fn step(&mut self, now: Tick, input: Input<Pbft>) -> Outputs<Pbft> {
        self.now = now;
        match input {
            Input::Message(verified) => {
                let from = verified.from();
                self.on_message(from, verified.into_message());
            }
            Input::Timeout(timer) => self.on_timer(timer),
            Input::Payload(turn, draft) => self.propose(&turn, draft),
            Input::Validated(id, verdict) => {
                if let Some(held) = self.held.values_mut().find(|held| held.id == id) {
                    held.verdict = Some(verdict);
                }
            }
            Input::Durable(seq) => self.on_durable(seq),
            Input::Stable(sealed) => self.on_stable(sealed),
            Input::Pending(pending) => self.pending = pending,
            Input::Leaving => {} // The next turn has another leader anyway.
        }
        self.settle()
    }

    fn status(&self) -> EngineStatus {
        let view = self.promises.view;
        let next = self.decided.height.saturating_add(1);
        let asks = |change: &ViewChange| change.view > self.entered_view();
        let committed = self.promises.slots.iter().filter(|(_, slot)| slot.commit.is_some());
        EngineStatus {
            view,
            leader: Some(self.leader(next)),
            decided: self.decided.height,
            certified: committed.map(|(height, _)| *height).max().unwrap_or(0).max(self.decided.height),
            consecutive_timeouts: u32::try_from(self.failures).unwrap_or(u32::MAX),
            timed_out: self
                .view_changes
                .iter()
                .filter(|(_, change)| asks(change))
                .map(|(from, _)| *from)
                .collect(),
            timer_running: self.running.is_counting_down(),
        }
    }

    fn view_timer(&self) -> Option<Timer> {
        self.running.counts_down()
    }
}

impl Pbft {
    /// Like [`Engine::open`], with a mistake planted: for tests of the tests.
    #[cfg(any(test, feature = "planted-faults"))]
    pub fn open_with_fault(
        setup: Setup,
        records: Vec<(Seq, Record)>,
        fault: PlantedFault,
    ) -> (Pbft, Outputs<Pbft>) {
        Pbft::start(setup, records, Judge(Planted::one(fault)))
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
        Pbft::judge(Court { instance, committee, judge: Judge(Planted::one(fault)) }, from, message)
    }

    fn judge(
        court: Court<'_>,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<Verified<Message>, Rejected> {
        message.verify(&court, from)?;
        Ok(Verified::new(from, message))
    }

    fn start(setup: Setup, records: Vec<(Seq, Record)>, judge: Judge) -> (Pbft, Outputs<Pbft>) {
        let base = setup.base.id();
        let tree = Tree::new(&setup.stable, base);
        let finality = setup.stable_seal.clone().map_or(Finality::Base, Finality::Seal);
        let mut engine = Pbft {
            base,
            judge,
            next_seq: records.iter().map(|(seq, _)| seq.saturating_add(1)).max().unwrap_or(1),
            promises: Promises::default(),
            own: VecDeque::new(),
            decided: tree.root(),
            tree,
            fetching: Fetching::default(),
            last_final: FinalCertificate { header: setup.stable.clone(), finality },
            emitted: setup.durable,
            target: None,
            chosen: BTreeMap::new(),
            accepted: BTreeMap::new(),
            held: BTreeMap::new(),
            prepares: Votes::default(),
            commits: Votes::default(),
            view_changes: BTreeMap::new(),
            failures: 0,
            doubts: Doubts::default(),
            accused: Accused::default(),
            answered: Ration::default(),
            greeted: Ration::default(),
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

    /// Takes up what the records tell. What was given is durable, so it counts at once.
    fn restore(&mut self, records: Vec<(Seq, Record)>) {
        for (seq, record) in records {
            if let Record::Block(block) = &record {
                let kept = Kept { block: Arc::clone(block), seq: Some(seq) };
                self.fetching.adopt(block.id(), kept);
            }
            self.promises.restore(seq, record);
        }
        self.promises.forget_up_to(self.tree.root().height);
        self.fetching.attach(&mut self.tree);
        self.start_view();
        self.restore_accepted();
        let entered = self.promises.new_view.clone().filter(|_| self.judge.start_is_remembered());
        entered.into_iter().for_each(|entered| self.on_final(entered.given.decided));
        let me = self.setup.me;
        for slot in self.promises.slots.clone().into_values() {
            slot.prepare.into_iter().for_each(|prepare| self.on_prepare(me, &prepare.given));
            slot.commit.into_iter().for_each(|commit| self.on_commit(me, &commit.given.vote));
        }
        let asked = self.promises.open_view_change().cloned();
        asked.into_iter().for_each(|asked| self.on_view_change(me, asked));
    }

    /// Draws every conclusion from what the step changed, and hands out what it said.
    fn settle(&mut self) -> Outputs<Pbft> {
        self.attach();
        self.advance_decided();
        self.accept_heights();
        self.commit_prepared();
        self.fetch_missing();
        self.want_payload();
        self.run_timers();
        std::mem::take(&mut self.out)
    }

    fn on_message(&mut self, from: ValidatorIndex, message: Message) {
        self.doubts.heard(from);
        match message {
            Message::PrePrepare(proposal) => self.on_pre_prepare(from, proposal),
            Message::Prepare(prepare) => self.on_prepare(from, &prepare),
            Message::Commit(vote) => self.on_commit(from, &vote),
            Message::ViewChange(view_change) => self.on_view_change(from, view_change),
            Message::NewView(new_view) => self.on_new_view(new_view),
            Message::Final(certificate) => self.on_final(certificate),
            Message::Hello(hello) => self.on_hello(from, hello),
            Message::Fetch(fetch) => self.on_fetch(from, fetch),
            Message::Blocks(blocks) => {
                let behind = self.fetching.take(blocks);
                self.out.behind = self.out.behind.max(behind);
            }
            Message::Gone(height) => self.on_gone(height),
        }
    }

    /// Whether it may prepare and commit: it is in the view, and has decided what the view starts from.
    fn takes_part(&self) -> bool {
        let decided = self.decided.height;
        self.promises.is_active() && self.judge.may_take_part(self.promises.start(), decided)
    }

    fn leader(&self, height: Height) -> ValidatorIndex {
        leader_of(self.promises.view, height, self.setup.committee.size())
    }

    /// The newest view it took part in.
    fn entered_view(&self) -> View {
        let view = self.promises.view;
        if self.promises.is_active() { view } else { view.saturating_sub(1) }
    }

    /// Whether a proof that verified is also one of this epoch's chain.
    fn is_grounded(&self, certificate: &FinalCertificate) -> bool {
        certificate.finality != Finality::Base || certificate.header.id() == self.base
    }

    /// Learns of a final block.
    fn on_final(&mut self, certificate: FinalCertificate) {
        if self.is_grounded(&certificate) {
            let (block, holders) = (certificate.point(), certificate.holders());
            self.aim_for(Target { block, holders, finality: certificate.finality });
        }
    }

    fn aim_for(&mut self, target: Target) {
        let known = self.target.as_ref().map_or(self.decided.height, |known| known.block.height);
        if target.block.height > known.max(self.decided.height) {
            self.target = Some(target);
        }
    }

    /// Hands out the newest final block known and its ancestors, oldest first, each once, as soon as all are held.
    fn advance_decided(&mut self) {
        let Some(Target { block, finality, .. }) = self.target.clone() else { return };
        let path = self.tree.path_down(block.id, self.decided.height);
        let (Some(newest), Some(oldest)) = (path.first(), path.last()) else { return };
        if oldest.parent != self.decided.id {
            return; // Two final blocks at one height: more than f members lied, and nothing here can mend that.
        }
        for place in &path {
            let proposer = self.tree.get(place.id).map(|kept| kept.block.header.proposer);
            proposer.into_iter().for_each(|proposer| self.doubts.succeeded(proposer));
        }
        for place in self.judge.handed_out(&path, self.decided, self.emitted) {
            self.out.decided.extend(self.tree.get(place.id).map(|kept| Arc::clone(&kept.block)));
        }
        let header = self.tree.get(newest.id).map(|kept| kept.block.header.clone());
        header.into_iter().for_each(|header| {
            self.stand_at(*newest, FinalCertificate { header, finality: finality.clone() })
        });
    }

    /// Leaves behind what belonged to heights up to a decided block.
    fn stand_at(&mut self, decided: Place, proof: FinalCertificate) {
        (self.decided, self.last_final) = (decided, proof);
        self.emitted = self.emitted.max(decided.height);
        self.target.take_if(|target| target.block.height <= decided.height);
        let next = decided.height.saturating_add(1);
        self.chosen = self.chosen.split_off(&next);
        self.accepted = self.accepted.split_off(&next);
        self.held = self.held.split_off(&next);
        self.failures = 0;
        self.restore_accepted();
        self.forget_votes();
    }

    fn on_stable(&mut self, sealed: SealedHeader) {
        let SealedHeader { header, seal } = sealed;
        let id = header.id();
        let is_ahead = header.height > self.decided.height;
        if header.height <= self.tree.root().height || (!is_ahead && self.tree.place(id).is_none()) {
            return;
        }
        self.tree.reroot(&header, id);
        self.promises.forget_up_to(header.height);
        if header.height >= self.decided.height {
            let proof = FinalCertificate { header, finality: Finality::Seal(seal) };
            self.stand_at(self.tree.root(), proof);
        }
        self.attach();
        self.truncate();
    }

    /// Names the oldest record still needed. Those of the views are written again if they have become old.
    fn truncate(&mut self) {
        let heights =
            [self.tree.oldest_record(), self.fetching.oldest_record(), self.promises.oldest_height_record()];
        let oldest = heights.into_iter().flatten().min().unwrap_or(self.next_seq);
        let is_old = |seq: Seq| seq.saturating_add(REWRITE_AFTER) < oldest;
        if let Some(entered) = self.promises.new_view.clone().filter(|entered| is_old(entered.seq)) {
            let seq = self.write(Record::NewView(entered.given.clone()));
            self.promises.new_view = Some(state::Recorded { seq, given: entered.given });
        }
        if let Some(asked) = self.promises.view_change.clone().filter(|asked| is_old(asked.seq)) {
            let seq = self.write(Record::ViewChange(asked.given.clone()));
            self.promises.view_change = Some(state::Recorded { seq, given: asked.given });
        }
        self.out.truncate = self.promises.view_records().chain([oldest]).min();
    }

    /// Says what was just recorded, and counts it once the record is durable.
    fn promise(&mut self, record: Record, said: Message, counted: Message) -> Seq {
        let seq = self.write(record);
        self.own.push_back((seq, counted));
        self.out.send.push((To::All, said));
        seq
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

    fn header(&self, id: BlockId) -> Option<Header> {
        self.tree.get(id).map(|kept| kept.block.header.clone())
    }
}
