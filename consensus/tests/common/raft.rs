//! Raft on the stage: its messages by kind, its elections, its blocks. Leaders have a payload when the story says so.

use super::stage::{Drafts, Letter, Staged};
use super::{MAX_TIMEOUT, base};
use std::sync::Arc;
use witan_consensus::engine::{Engine as _, Input, Outputs, Seq, Setup};
use witan_consensus::raft::{
    Append, AppendResult, Appended, Message, PlantedFault, Point, Raft, Record, Term, Timer,
};
use witan_types::{Block, Header, Height, Payload, ValidatorIndex};

/// A stage of Raft members.
pub type Stage = super::stage::Stage<Raft>;

impl Staged for Raft {
    type Fault = PlantedFault;

    fn open_with(
        setup: Setup,
        records: Vec<(Seq, Record)>,
        fault: Option<PlantedFault>,
    ) -> (Raft, Outputs<Raft>) {
        match fault {
            Some(fault) => Raft::open_with_fault(setup, records, fault),
            None => Raft::open(setup, records),
        }
    }

    fn is_greeting(_: &Message) -> bool {
        false
    }
}

impl Letter<Message> {
    /// Whether it asks who would vote, or answers.
    pub fn is_pre_vote(&self) -> bool {
        matches!(self.message, Message::PreVote(_) | Message::PreVoteReply(_))
    }

    /// Whether it asks for a vote, or answers.
    pub fn is_vote(&self) -> bool {
        matches!(self.message, Message::RequestVote(_) | Message::VoteReply(_))
    }

    /// Whether it is a leader's.
    pub fn is_append(&self) -> bool {
        matches!(self.message, Message::Append(_))
    }

    /// Whether it is a leader's and has entries.
    pub fn has_entries(&self) -> bool {
        matches!(&self.message, Message::Append(append) if !append.entries.is_empty())
    }

    /// Whether it says that the logs differ.
    pub fn is_conflict(&self) -> bool {
        matches!(&self.message, Message::Appended(Appended { result: AppendResult::Conflict(_), .. }))
    }

    /// Whether it says that a log is the leader's up to this height.
    pub fn is_matched(&self, height: Height) -> bool {
        matches!(&self.message, Message::Appended(it) if it.result == AppendResult::Matched(height))
    }

    /// Whether it is a leader's or an answer to it.
    pub fn is_replication(&self) -> bool {
        matches!(self.message, Message::Append(_) | Message::Appended(_) | Message::Gone(_))
    }

    /// Whether it is between these two, or within one group of them.
    pub fn is_between(&self, members: &[usize]) -> bool {
        members.contains(&self.from) && members.contains(&self.to)
    }
}

impl Stage {
    /// Members whose leaders wait for the story's payloads.
    pub fn raft(size: usize, fault: Option<PlantedFault>) -> Stage {
        let mut stage = Stage::new(size, fault);
        stage.drafts = Drafts::WhenTold;
        stage
    }

    /// Whether a member leads.
    pub fn leads(&self, place: usize) -> bool {
        self.status(place).leader == Some(self.setup(place).me)
    }

    /// The term a member is in.
    pub fn term(&self, place: usize) -> Term {
        self.status(place).view
    }

    /// A member waits until it asks who would vote for it; what was on its way before is lost.
    pub fn stand(&mut self, place: usize) {
        self.lose(|_| true);
        for _ in 0..10 {
            if self.pool.iter().any(|letter| letter.from == place && letter.is_pre_vote()) {
                return;
            }
            self.now += MAX_TIMEOUT * 2;
            self.fire_timers(place);
        }
        panic!("{place} never asks for votes");
    }

    /// A member asks these for their votes, up to three times. If it leads now, it has said so to everyone.
    pub fn elect(&mut self, place: usize, voters: &[usize]) -> bool {
        let members: Vec<usize> = voters.iter().copied().chain([place]).collect();
        for _ in 0..3 {
            self.stand(place);
            self.deliver(|letter| {
                (letter.is_pre_vote() || letter.is_vote())
                    && letter.is_between(&members)
                    && (letter.from == place || letter.to == place)
            });
            self.lose(|letter| letter.from != place || !letter.is_append());
            if self.leads(place) {
                return true;
            }
        }
        false
    }

    /// A leader's heartbeat: it says that it is there.
    pub fn say_present(&mut self, place: usize) {
        let term = self.term(place);
        self.give(place, Input::Timeout(Timer::Heartbeat(term)));
    }

    /// What leaders say is heard among these, and answered, until nothing more comes of it; others hear nothing.
    pub fn replicate(&mut self, members: &[usize]) {
        self.deliver(|letter| letter.is_replication() && letter.is_between(members));
        self.lose(|letter| !letter.is_between(members));
    }

    /// A leader makes a block and these hear of it.
    pub fn append(&mut self, leader: usize, members: &[usize]) {
        self.draft(leader);
        self.replicate(members);
    }

    /// The last heights of a member's log: what it holds at most.
    pub fn end(&self, place: usize) -> Height {
        self.status(place).certified
    }

    /// The entries on a member's disk, each height as it was written last.
    pub fn entries(&self, place: usize) -> Vec<Arc<Block>> {
        let mut entries: Vec<Arc<Block>> = Vec::new();
        for (_, record) in self.disk(place) {
            if let Record::Entry(block) = record {
                entries.retain(|held| held.header.height < block.header.height);
                entries.push(Arc::clone(block));
            }
        }
        entries
    }
}

/// Entries above `parent`, one for each of these terms.
pub fn entries(setup: &Setup, parent: &Header, terms: &[Term]) -> Vec<Arc<Block>> {
    let mut parent = parent.clone();
    let mut entries = Vec::new();
    for term in terms {
        let payload = Payload::default();
        let header = Header {
            chain: setup.instance.chain,
            group: setup.instance.group,
            epoch: setup.instance.epoch,
            height: parent.height + 1,
            tag: *term,
            parent: parent.id(),
            proposer: ValidatorIndex(0),
            time_ms: parent.time_ms + 1,
            payload_root: payload.root(),
        };
        parent = header.clone();
        entries.push(Arc::new(Block { header, payload }));
    }
    entries
}

/// Where the base stands in every log.
pub fn root() -> Point {
    Point { height: base().height, term: 0, id: base().id() }
}

/// An entry's place.
pub fn point(block: &Block) -> Point {
    Point { height: block.header.height, term: block.header.tag, id: block.id() }
}

/// What a leader of `term` would say.
pub fn append(term: Term, prev: Point, entries: &[Arc<Block>], commit: Height) -> Message {
    Message::Append(Append { term, prev, entries: entries.to_vec(), commit })
}
