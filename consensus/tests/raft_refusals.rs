//! What Raft's members refuse before any state sees it: they trust each other not to lie, and yet nothing that one says by
//! mistake may harm another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::raft::{Stage, append, entries, point, root};
use common::{base, instance};
use std::sync::Arc;
use witan_consensus::engine::Rejected;
use witan_consensus::raft::{AppendResult, Appended, End, Message, Point, Reply, Request, Term};
use witan_types::{Block, ChainId, Epoch, GroupId, Hash, Header, ValidatorIndex};

/// Why 0 refuses what 1 says.
fn refusal(message: Message) -> Option<Rejected> {
    Stage::raft(3, None).verify(1, 0, message).err()
}

fn log(terms: &[Term]) -> Vec<Arc<Block>> {
    entries(Stage::raft(3, None).setup(0), &base(), terms)
}

/// The block under another header.
fn with(block: &Block, change: impl Fn(&mut Header)) -> Arc<Block> {
    let mut header = block.header.clone();
    change(&mut header);
    Arc::new(Block { header, payload: block.payload.clone() })
}

fn is_no_log(message: Message) -> bool {
    refusal(message) == Some(Rejected::Inconsistent("entries that are no log"))
}

#[test]
fn what_a_leader_says_is_accepted() {
    assert_eq!(refusal(append(1, root(), &[], 100)), None);
    assert_eq!(refusal(append(3, root(), &log(&[1, 1, 2, 3]), 102)), None);
    let all = log(&[1, 1, 2]);
    assert_eq!(refusal(append(5, point(&all[0]), &all[1..], 0)), None);
}

#[test]
fn entries_that_are_no_log_are_refused() {
    let all = log(&[1, 2, 2]);
    assert!(is_no_log(append(2, root(), &all[1..], 100)), "a gap below");
    assert!(is_no_log(append(2, root(), &[Arc::clone(&all[0]), Arc::clone(&all[2])], 100)), "a gap between");
    assert!(is_no_log(append(2, root(), &[Arc::clone(&all[1]), Arc::clone(&all[0])], 100)), "no order");
    let stranger = with(&all[1], |header| header.parent.0 = Hash([9; 32]));
    assert!(is_no_log(append(2, root(), &[Arc::clone(&all[0]), stranger], 100)), "another's child");
    assert!(is_no_log(append(2, root(), &log(&[2, 1]), 100)), "terms that fall");
    let late = Point { term: 3, ..root() };
    assert!(is_no_log(append(3, late, &log(&[2]), 100)), "a term below the one before");
    let highest = Point { height: u64::MAX, ..root() };
    assert!(is_no_log(append(3, highest, &log(&[2]), 100)), "no height follows the highest");
}

#[test]
fn terms_that_nobody_leads_are_refused() {
    let no_term = Some(Rejected::Inconsistent("a term that nobody leads"));
    let request = |term| Request { term, end: End::default(), handed_over: false };
    for term in [0, (1 << 62) + 1, u64::MAX] {
        assert_eq!(refusal(append(term, root(), &[], 100)), no_term);
        assert_eq!(refusal(Message::PreVote(request(term))), no_term);
        assert_eq!(refusal(Message::RequestVote(request(term))), no_term);
        assert_eq!(refusal(Message::HandOver(term)), no_term);
    }
    let no_entry = Some(Rejected::Inconsistent("an entry of no term so far"));
    assert_eq!(refusal(append(1, root(), &log(&[0]), 100)), no_entry, "the base's term");
    assert_eq!(refusal(append(1, root(), &log(&[1, 2]), 100)), no_entry, "above the leader's");
    assert_eq!(refusal(append(1, Point { term: 2, ..root() }, &[], 100)), no_entry);
}

#[test]
fn blocks_of_another_chain_or_with_another_payload_are_refused() {
    let [block] = &log(&[1])[..] else { panic!("one block") };
    let changes: [fn(&mut Header); 5] = [
        |header| header.chain = ChainId(Hash([1; 32])),
        |header| header.group = GroupId(instance().group.0 + 1),
        |header| header.epoch = Epoch(instance().epoch.0 + 1),
        |header| header.payload_root = Hash([1; 32]),
        |header| header.height = 0,
    ];
    for change in changes {
        assert!(refusal(append(1, root(), &[with(block, change)], 100)).is_some());
    }
}

#[test]
fn strangers_are_refused_whatever_they_say() {
    let stage = Stage::raft(3, None);
    let appended = Appended { term: 1, result: AppendResult::Matched(100) };
    let request = Request { term: 1, end: End::default(), handed_over: false };
    let reply = Reply { term: 1, granted: true };
    for message in [
        append(1, root(), &[], 100),
        Message::Appended(appended),
        Message::PreVote(request),
        Message::RequestVote(request),
        Message::PreVoteReply(reply),
        Message::VoteReply(reply),
        Message::HandOver(1),
        Message::Gone(300),
    ] {
        let refused = stage.verify(3, 0, message).err();
        assert_eq!(refused, Some(Rejected::NotAMember(ValidatorIndex(3))));
    }
}
