//! What Raft writes down before it says anything, and what it remembers of it after a crash at any record.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::raft::{Stage, append, entries, root};
use common::{base, setup};
use witan_consensus::engine::{Draft, Engine as _, Input, Outputs, Tick};
use witan_consensus::raft::{End, Message, Raft, Record, Reply, Request, Term};
use witan_types::{Payload, Scheme};

/// What is said to member 0, one after the other.
fn say_each(stage: &mut Stage, messages: &[(usize, Message)]) {
    messages.iter().for_each(|(from, message)| stage.say(*from, 0, message.clone()));
}

/// A candidate of `term`, whose log is as long as anyone's, asks for a vote.
fn asks(term: Term) -> Message {
    Message::RequestVote(Request { term, end: End { term: 9, height: 999 }, handed_over: true })
}

/// For whom member 0 voted in a term, by what it says.
fn votes(stage: &Stage, term: Term) -> Vec<usize> {
    let granted = Message::VoteReply(Reply { term, granted: true });
    let mut votes: Vec<usize> =
        stage.pool.iter().filter(|letter| letter.message == granted).map(|letter| letter.to).collect();
    votes.dedup();
    votes
}

#[test]
fn a_crash_at_any_record_of_an_election_frees_no_vote_that_was_given() {
    let story = [(1, asks(1)), (2, asks(3)), (1, asks(2)), (3, asks(4)), (4, asks(4)), (4, asks(7))];
    let mut whole = Stage::raft(5, None);
    say_each(&mut whole, &story);
    let records = whole.disk(0).len();
    assert!(records >= 4);
    for said in 0..=story.len() {
        let mut stage = Stage::raft(5, None);
        say_each(&mut stage, &story[..said]);
        // All of what was said rests on these; the step after them writes some of its records, and says nothing.
        let held = stage.disk(0).len();
        for count in held..=records {
            let mut again = stage.clone();
            say_each(&mut again, &story[said..]);
            again.pool.clone_from(&stage.pool);
            again.restart_with(0, count);
            for term in 1..=7 {
                (1..5).for_each(|candidate| again.say(candidate, 0, asks(term)));
                let given = votes(&again, term);
                assert!(given.len() <= 1, "{said} steps, {count} records: {given:?} in term {term}");
            }
            assert_eq!(votes(&again, 7).len(), 1);
        }
    }
}

#[test]
fn a_candidate_that_comes_back_has_voted_for_itself() {
    let mut stage = Stage::raft(3, None);
    stage.stand(0);
    stage.deliver(|letter| letter.is_pre_vote());
    assert_eq!(stage.term(0), 1);
    stage.restart(0);
    assert_eq!(stage.term(0), 1);
    stage.lose(|_| true);
    say_each(&mut stage, &[(1, asks(1))]);
    assert!(votes(&stage, 1).is_empty());
}

#[test]
fn a_crash_at_any_record_of_a_log_leaves_a_log_that_is_a_beginning_of_it() {
    let mut whole = Stage::raft(3, None);
    let setup = whole.setup(0).clone();
    let (old, new) = (entries(&setup, &base(), &[1, 1, 1, 1]), entries(&setup, &base(), &[2, 2]));
    say_each(&mut whole, &[(1, append(1, root(), &old, 100)), (2, append(2, root(), &new, 101))]);
    let records: Vec<Record> = whole.disk(0).iter().map(|(_, record)| record.clone()).collect();
    assert_eq!(records.len(), 8, "two ballots and six entries");
    assert_eq!(whole.decided(0).len(), 1);
    for count in 0..=records.len() {
        let mut stage = whole.clone();
        stage.restart_with(0, count);
        let is_entry = |record: &&Record| matches!(record, Record::Entry(_));
        let written = records[..count].iter().filter(is_entry).count();
        let expected = if written > old.len() { written - old.len() } else { written };
        assert_eq!(stage.end(0), 100 + u64::try_from(expected).unwrap(), "after {count} records");
        assert!(stage.decided(0).is_empty(), "what is committed is learned again");
        // Whatever it is, the leader brings it to its own.
        say_each(&mut stage, &[(2, append(2, root(), &new, 102))]);
        assert_eq!((stage.end(0), stage.decided(0).len()), (102, 2));
        assert!(!stage.has_forked());
    }
}

/// A member alone, that has work, with its disk in the story's hands.
fn alone() -> (Raft, Outputs<Raft>) {
    let (mut engine, opened) = Raft::open(setup::<Raft>(0, 1, Scheme::StandIn, 1), Vec::new());
    assert!(opened.timers.is_empty(), "without work it waits for nothing");
    let mut outputs = engine.step(Tick::default(), Input::Pending(true));
    let (timer, wait) = outputs.timers.remove(0);
    let outputs = engine.step(Tick(wait), Input::Timeout(timer));
    (engine, outputs)
}

#[test]
fn a_member_alone_leads_once_its_vote_is_on_disk() {
    let (mut engine, outputs) = alone();
    let [(seq, Record::Ballot(_))] = outputs.persist[..] else { panic!("a ballot: {outputs:?}") };
    assert!(outputs.want.is_none() && engine.status().leader.is_none());
    let outputs = engine.step(Tick::default(), Input::Durable(seq));
    assert!(outputs.want.is_some() && engine.status().leader.is_some());
}

#[test]
fn a_member_alone_decides_a_block_once_it_is_on_disk() {
    // etcd, issue 14370: a cluster of one answered before its disk did.
    let (mut engine, outputs) = alone();
    let seq = outputs.persist[0].0;
    let turn = engine.step(Tick::default(), Input::Durable(seq)).want.unwrap();
    let draft = Draft { time_ms: turn.parent_time_ms + 1, payload: Payload::default() };
    let outputs = engine.step(Tick::default(), Input::Payload(turn, draft));
    let [(entry, Record::Entry(_))] = outputs.persist[..] else { panic!("an entry: {outputs:?}") };
    assert!(outputs.decided.is_empty() && engine.status().decided == 100);
    assert!(engine.step(Tick::default(), Input::Durable(seq)).decided.is_empty(), "that is the ballot");
    let outputs = engine.step(Tick::default(), Input::Durable(entry));
    assert_eq!(outputs.decided.len(), 1);
}
