//! Raft, for members that trust each other not to lie: a leader, elected for a term, appends blocks to everybody's log;
//! what a majority holds is committed.
//!
//! An entry is a block, its place is its height, and its header's tag is the term it was first proposed in. Since block
//! ids chain, equal ids mean equal logs up to there. Candidates ask before they campaign (pre-vote), a leader that hears
//! no quorum steps down (check-quorum), and a new leader's first block commits what earlier terms left. Time-outs and
//! heartbeats run only while there is work, so an idle group is quiet.
//!
//! Sources: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (USENIX ATC 2014, extended
//! version), figure 2; Ongaro's thesis (Stanford 2014). [`rules`] holds what may be voted for, replaced and committed;
//! [`state`] what survives a crash.

mod election;
mod faults;
mod following;
mod leading;
mod log;
pub mod message;
mod pacemaker;
pub mod rules;
pub mod state;

pub use faults::PlantedFault;
pub use leading::{IN_FLIGHT, MAX_APPENDS};
pub use message::{Append, AppendResult, Appended, Message, Point, Reply, Request};
pub use pacemaker::Timer;
pub use rules::{Ballot, End, Term};
pub use state::Record;

use crate::engine::{
    Engine, EngineStatus, Input, Instance, Outputs, Rejected, Seq, Setup, Tick, To, Verified,
};
use crate::pacing::Ration;
use crate::planted::Planted;
use election::Votes;
use faults::Judge;
use following::Incoming;
use leading::Leading;
use log::Log;
use pacemaker::Running;
use state::Recorded;
use std::sync::Arc;
use witan_types::{Block, BlockId, Committee, EngineKind, FaultModel, Height, SealedHeader, ValidatorIndex};

/// How many records may be written before the ballot, which may be old, is written again so that all before it can go.
const REWRITE_AFTER: Seq = 512;

/// What a member does in its term.
#[derive(Clone, Debug)]
enum Role {
    /// Takes what the leader says.
    Follower,
    /// Asks whether it would be elected in the next term.
    PreCandidate(Votes),
    /// Asks to be elected.
    Candidate(Votes),
    /// Leads.
    Leader(Leading),
}

/// One validator's Raft instance in one epoch.
#[derive(Clone, Debug)]
pub struct Raft {
    setup: Setup,
    base: BlockId,
    judge: Judge,
    next_seq: Seq,
    durable: Seq,
    recorded: Recorded,
    log: Log,
    /// The height of the newest stable block.
    stable: Height,
    /// The highest height known to be committed.
    commit: Height,
    /// The highest block handed out as decided, or durable before the start.
    emitted: Height,
    role: Role,
    leader: Option<ValidatorIndex>,
    /// When the leader was last heard.
    heard: Option<Tick>,
    incoming: Incoming,
    /// Elections in a row that brought no leader.
    failures: u64,
    /// When each member was last told that its entries are gone.
    told_gone: Ration,
    running: Running,
    pending: bool,
    wanted: Option<crate::engine::Turn>,
    now: Tick,
    out: Outputs<Raft>,
}

impl Engine for Raft {
    type Message = Message;
    type Record = Record;
    type Timer = Timer;
    const KIND: EngineKind = EngineKind::Raft;
    const VERSION: u16 = 1;
    const FAULTS: FaultModel = FaultModel::Crash;

    fn open(setup: Setup, records: Vec<(Seq, Record)>) -> (Raft, Outputs<Raft>) {
        Raft::start(setup, records, Judge(Planted::none()))
    }

    fn verify(
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<Verified<Message>, Rejected> {
        message.verify(instance, committee, from)?;
        Ok(Verified::new(from, message))
    }

    fn blocks(message: &Message) -> Vec<&Arc<Block>> {
        message.blocks()
    }

    fn step(&mut self, now: Tick, input: Input<Raft>) -> Outputs<Raft> {
        self.now = now;
        match input {
            Input::Message(verified) => {
                let from = verified.from();
                self.on_message(from, verified.into_message());
            }
            Input::Timeout(timer) => self.on_timer(timer),
            Input::Payload(turn, draft) => self.propose(&turn, draft),
            Input::Validated(id, verdict) => self.incoming.judged(id, verdict),
            Input::Durable(seq) => self.on_durable(seq),
            Input::Stable(sealed) => self.on_stable(&sealed),
            Input::Pending(pending) => self.pending = pending,
            Input::Leaving => self.hand_over(),
        }
        self.settle()
    }

    fn status(&self) -> EngineStatus {
        EngineStatus {
            view: self.term(),
            leader: self.leader,
            decided: self.commit,
            certified: self.log.last().height.max(self.commit),
            consecutive_timeouts: u32::try_from(self.failures).unwrap_or(u32::MAX),
            timed_out: Vec::new(),
            timer_running: self.running.is_counting_down(),
        }
    }

    fn view_timer(&self) -> Option<Timer> {
        self.running.counts_down()
    }
}

impl Raft {
    /// Like [`Engine::open`], with a mistake planted: for tests of the tests.
    #[cfg(any(test, feature = "planted-faults"))]
    pub fn open_with_fault(
        setup: Setup,
        records: Vec<(Seq, Record)>,
        fault: PlantedFault,
    ) -> (Raft, Outputs<Raft>) {
        Raft::start(setup, records, Judge(Planted::one(fault)))
    }

    fn start(setup: Setup, records: Vec<(Seq, Record)>, judge: Judge) -> (Raft, Outputs<Raft>) {
        let base = setup.base.id();
        let mut log = Log::new(&setup.stable, base);
        let newest = records.iter().map(|(seq, _)| *seq).max().unwrap_or(0);
        let recorded = state::restore(&mut log, records);
        let mut engine = Raft {
            base,
            judge,
            next_seq: newest.saturating_add(1),
            durable: newest,
            recorded,
            stable: setup.stable.height,
            commit: setup.stable.height,
            log,
            emitted: setup.durable,
            role: Role::Follower,
            leader: None,
            heard: None,
            incoming: Incoming::default(),
            failures: 0,
            told_gone: Ration::default(),
            running: Running::default(),
            pending: false,
            wanted: None,
            now: Tick::default(),
            out: Outputs::default(),
            setup,
        };
        let outputs = engine.settle();
        (engine, outputs)
    }

    /// Draws every conclusion from what the step changed, and hands out what it said.
    fn settle(&mut self) -> Outputs<Raft> {
        self.take_in();
        self.advance_commit();
        self.decide();
        self.replicate();
        self.want_payload();
        self.run_timers();
        std::mem::take(&mut self.out)
    }

    fn on_message(&mut self, from: ValidatorIndex, message: Message) {
        match message {
            Message::PreVote(request) => self.on_pre_vote(from, request),
            Message::PreVoteReply(reply) => self.on_pre_vote_reply(from, reply),
            Message::RequestVote(request) => self.on_request_vote(from, request),
            Message::VoteReply(reply) => self.on_vote_reply(from, reply),
            Message::Append(append) => self.on_append(from, append),
            Message::Appended(appended) => self.on_appended(from, appended),
            Message::HandOver(term) => self.on_hand_over(from, term),
            Message::Gone(stable) => {
                // A hint, for the host to check.
                if stable > self.commit {
                    self.out.behind = self.out.behind.max(Some(stable));
                }
            }
        }
    }

    fn term(&self) -> Term {
        self.recorded.ballot.term
    }

    /// Enters a later term, as a follower of nobody yet (figure 2, "All Servers").
    fn enter_term(&mut self, term: Term) {
        if term > self.term() {
            self.record_ballot(Ballot { term, vote: None });
            self.follow(None);
        }
    }

    /// Becomes a follower.
    fn follow(&mut self, leader: Option<ValidatorIndex>) {
        if !matches!(self.role, Role::Follower) || self.leader != leader {
            self.role = Role::Follower;
            self.leader = leader;
            self.incoming.forget();
            self.wanted = None;
        }
    }

    fn record_ballot(&mut self, ballot: Ballot) {
        self.recorded.ballot = ballot;
        if self.judge.ballot_is_saved() {
            self.recorded.seq = Some(self.write(Record::Ballot(ballot)));
        }
    }

    fn write(&mut self, record: Record) -> Seq {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        self.out.persist.push((seq, record));
        seq
    }

    fn say(&mut self, to: ValidatorIndex, message: Message) {
        self.out.send.push((To::One(to), message));
    }

    /// Puts a block on top of the log. It goes to disk before anything that rests on it leaves.
    fn append_entry(&mut self, block: Arc<Block>) {
        let seq = if self.judge.entry_is_saved() { self.write(Record::Entry(Arc::clone(&block))) } else { 0 };
        self.log.push(log::Entry::new(block, seq));
    }

    fn on_durable(&mut self, durable: Seq) {
        self.durable = self.durable.max(durable);
        self.count_own_vote();
    }

    /// Hands out what is committed, oldest first, each once.
    fn decide(&mut self) {
        let from = self.judge.first_undecided(self.emitted, self.commit);
        let decided = self.log.from(from).take_while(|entry| entry.block.header.height <= self.commit);
        let decided: Vec<Arc<Block>> = decided.map(|entry| Arc::clone(&entry.block)).collect();
        self.emitted = decided.last().map_or(self.emitted, |block| block.header.height);
        self.out.decided.extend(decided);
    }

    fn on_stable(&mut self, sealed: &SealedHeader) {
        let header = &sealed.header;
        let known = self.log.at(header.height).map(|point| point.id);
        let is_behind = header.height <= self.stable;
        if is_behind || (header.height <= self.commit && known != Some(header.id())) {
            return;
        }
        if !self.log.settle_at(header, self.base) {
            self.incoming.forget();
        }
        self.stable = header.height;
        self.commit = self.commit.max(header.height);
        self.emitted = self.emitted.max(header.height);
        self.truncate();
    }

    /// Names the oldest record still needed. The ballot is written again if its record has become old.
    fn truncate(&mut self) {
        let oldest = self.log.oldest_record(self.stable).unwrap_or(self.next_seq);
        if self.recorded.seq.is_some_and(|seq| seq.saturating_add(REWRITE_AFTER) < oldest) {
            self.recorded.seq = Some(self.write(Record::Ballot(self.recorded.ballot)));
        }
        self.out.truncate = self.recorded.seq.into_iter().chain([oldest]).min();
    }
}
