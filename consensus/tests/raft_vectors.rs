//! Known answers for everything that Raft puts on the wire or into its log: see `common/vectors.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::vectors::{block, check, wire};
use std::sync::Arc;
use witan_consensus::raft::{
    Append, AppendResult, Appended, Ballot, End, Message, Point, Record, Reply, Request, Term, Timer,
};
use witan_types::{BlockId, Hash, ValidatorIndex};

fn request(handed_over: bool) -> Request {
    Request { term: 3, end: End { term: 2, height: 5 }, handed_over }
}

fn appended(result: AppendResult) -> Message {
    Message::Appended(Appended { term: 3, result })
}

fn append(term: Term, commit: u64, is_empty: bool) -> Message {
    let prev = Point { height: 4, term: 1, id: BlockId(Hash([3; 32])) };
    let entries = if is_empty { Vec::new() } else { vec![block(2)] };
    Message::Append(Append { term, prev, entries, commit })
}

fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let reply = |granted| Reply { term: 3, granted };
    vec![
        ("pre-vote", wire(&Message::PreVote(request(false)))),
        ("pre-vote-reply", wire(&Message::PreVoteReply(reply(true)))),
        ("request-vote", wire(&Message::RequestVote(request(true)))),
        ("vote-reply", wire(&Message::VoteReply(reply(false)))),
        ("append", wire(&append(3, 4, false))),
        ("append-empty", wire(&append(3, 4, true))),
        ("appended-matched", wire(&appended(AppendResult::Matched(5)))),
        ("appended-conflict", wire(&appended(AppendResult::Conflict(End { term: 2, height: 5 })))),
        ("hand-over", wire(&Message::HandOver(3))),
        ("gone", wire(&Message::Gone(4))),
        ("record-ballot", wire(&Record::Ballot(Ballot { term: 3, vote: Some(ValidatorIndex(1)) }))),
        ("record-ballot-no-vote", wire(&Record::Ballot(Ballot { term: 3, vote: None }))),
        ("record-entry", wire(&Record::Entry(Arc::clone(&block(2))))),
        ("timer-election", wire(&Timer::Election(7))),
        ("timer-heartbeat", wire(&Timer::Heartbeat(3))),
    ]
}

#[test]
fn every_message_and_record_has_the_bytes_it_always_had() {
    check("raft", &vectors());
}
