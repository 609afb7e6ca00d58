//! Raft in the simulator.

use super::Dialect;
use std::collections::{BTreeMap, BTreeSet};
use witan_consensus::raft::{Message, Raft, Record, Term};
use witan_types::{BlockId, ValidatorIndex};

/// What one disk ever held.
#[derive(Debug, Default)]
pub(in crate::sim) struct Held {
    votes: BTreeMap<Term, ValidatorIndex>,
    entries: BTreeSet<BlockId>,
}

impl Dialect for Raft {
    type Promises = Held;

    fn remember(held: &mut Held, record: Record) {
        match record {
            Record::Ballot(ballot) => held.votes.extend(ballot.vote.map(|vote| (ballot.term, vote))),
            Record::Entry(block) => held.entries.extend([block.id()]),
        }
    }

    /// That a match is on disk can't be told from records alone, since a seal may stand for entries.
    fn rests_on(held: &Held, message: &Message) -> bool {
        match message {
            Message::RequestVote(request) => held.votes.contains_key(&request.term),
            Message::VoteReply(reply) => !reply.granted || held.votes.contains_key(&reply.term),
            Message::Append(append) => append.entries.iter().all(|block| held.entries.contains(&block.id())),
            Message::PreVote(_)
            | Message::PreVoteReply(_)
            | Message::Appended(_)
            | Message::HandOver(_)
            | Message::Gone(_) => true,
        }
    }
}
