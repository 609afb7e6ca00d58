//! HotStuff, told as stories: what scripts (`scripts/hotstuff`) tell less well, such as long runs, bounds, and lies
//! that must not verify.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::hotstuff::{Stage, block};
use common::stage::{Letter, ids};
use common::{BASE_TIMEOUT, MAX_TIMEOUT, base, sealed};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Input, Rejected};
use witan_consensus::fetch::Blocks;
use witan_consensus::hotstuff::{
    Hello, Kind, Message, Proposal, QuorumCertificate, ROUND_WINDOW, Record, Timer, Vote,
};
use witan_types::{BlockId, Hash, Scheme, Wire};

/// Rounds run as they should until `members` have decided `count` blocks; nobody else hears anything.
fn run_among(stage: &mut Stage, members: &[usize], count: usize) {
    let done = |stage: &Stage| members.iter().all(|place| stage.decided(*place).len() >= count);
    let hears = |letter: &Letter<Message>| members.contains(&letter.from) && members.contains(&letter.to);
    for _ in 0..10_000 {
        if done(stage) {
            return;
        }
        match stage.pool.iter().position(hears) {
            Some(at) => {
                let letter = stage.pool.remove(at);
                stage.say(letter.from, letter.to, letter.message);
            }
            None => members.iter().for_each(|place| stage.give_up(*place)),
        }
    }
    assert!(done(stage), "the rounds run");
}

fn give_up_among(stage: &mut Stage, members: &[usize], round: u64) {
    members.iter().for_each(|place| stage.give_up(*place));
    stage.deliver(|letter| {
        letter.is_timeout(round) && members.contains(&letter.from) && members.contains(&letter.to)
    });
}

#[test]
fn a_member_far_behind_fetches_and_decides_every_ancestor_oldest_first() {
    let mut stage = Stage::of_four();
    run_among(&mut stage, &[0, 1, 2], 40);
    stage.lose(|_| true);
    stage.resend(3);
    stage.say(3, 0, Message::Hello(Hello { round: stage.round(3), decided: 100 }));
    for _ in 0..20 {
        stage.deliver(|letter| {
            (letter.from == 3 || letter.to == 3)
                && (letter.is_fetching() || matches!(letter.message, Message::Certificates(_)))
        });
        stage.give(3, Input::Timeout(Timer::Fetch));
    }
    let heights: Vec<u64> = stage.decided(3).iter().map(|block| block.header.height).collect();
    assert_eq!(heights, (101..101 + heights.len() as u64).collect::<Vec<_>>());
    assert!(heights.len() >= 39 && !stage.has_forked());
}

#[test]
fn a_member_whose_peers_have_truncated_says_so_and_goes_on_from_a_sealed_block() {
    let mut stage = Stage::of_four();
    run_among(&mut stage, &[0, 1, 2], 10);
    stage.lose(|_| true);
    let tenth = stage.decided(0)[9].header.clone();
    (0..3).for_each(|place| stage.give(place, Input::Stable(sealed(&tenth, 4, Scheme::StandIn))));
    stage.say(3, 0, Message::Hello(Hello { round: stage.round(3), decided: 100 }));
    for _ in 0..5 {
        stage.deliver(|letter| letter.from == 3 || letter.to == 3);
        stage.give(3, Input::Timeout(Timer::Fetch));
    }
    assert_eq!(stage.behind(3), Some(110));
    stage.lose(|_| true);
    stage.give(3, Input::Stable(sealed(&tenth, 4, Scheme::StandIn)));
    (0..4).for_each(|place| stage.resend(place));
    run_among(&mut stage, &[0, 1, 2, 3], 2);
    let first = stage.decided(3)[0].header.clone();
    assert_eq!((first.height, first.parent), (111, tenth.id()));
}

#[test]
fn a_stable_block_truncates_the_log_and_a_restart_needs_no_more() {
    let mut stage = Stage::of_four();
    run_among(&mut stage, &[0, 1, 2, 3], 10);
    let records = stage.disk(0).len();
    let eighth = stage.decided(0)[7].header.clone();
    stage.give(0, Input::Stable(sealed(&eighth, 4, Scheme::StandIn)));
    assert!(stage.truncated(0) > records as u64 / 2, "most records are gone");
    let promised = last_state(stage.disk(0));
    stage.restart_from(0, &eighth);
    assert_eq!(last_state(stage.disk(0)).promises, promised.promises);
    run_among(&mut stage, &[0, 1, 2, 3], 12);
}

fn last_state(disk: &[(u64, Record)]) -> witan_consensus::hotstuff::SafetyState {
    let states = disk.iter().rev().find_map(|(_, record)| match record {
        Record::Safety(state) => Some((**state).clone()),
        Record::Block(_) => None,
    });
    states.expect("something was signed")
}

#[test]
fn votes_of_far_rounds_are_not_kept() {
    let mut stage = Stage::of_four();
    let setup = stage.setup(3).clone();
    let far = |round| Vote::sign(&setup.instance, &setup.key, Kind::Vote, round, BlockId(Hash([1; 32])));
    let other = |round| Vote::sign(&setup.instance, &setup.key, Kind::Vote, round, BlockId(Hash([2; 32])));
    // Only a vote that was kept can be found to conflict.
    for round in [ROUND_WINDOW + 2, 1 << 40, u64::MAX] {
        stage.say(3, 0, Message::Vote(far(round)));
        stage.say(3, 0, Message::Vote(other(round)));
        assert!(stage.accused(0).is_empty());
    }
    stage.say(3, 0, Message::Vote(far(ROUND_WINDOW)));
    stage.say(3, 0, Message::Vote(other(ROUND_WINDOW)));
    assert_eq!(stage.accused(0).len(), 1);
}

#[test]
fn blocks_that_nobody_asked_for_are_not_taken() {
    let mut stage = Stage::of_four();
    let setup = stage.setup(1).clone();
    let lie = block(&setup, 1, &base(), 9_000);
    stage.lose(|_| true);
    stage.say(1, 0, Message::Blocks(Blocks(vec![Arc::clone(&lie)])));
    let fetch = witan_consensus::fetch::Fetch { block: lie.id(), above: 100 };
    stage.say(2, 0, Message::Fetch(fetch));
    assert!(matches!(stage.pool.last().unwrap().message, Message::Gone(100)));
}

#[test]
fn a_member_that_asks_for_blocks_without_end_is_answered_now_and_then_only() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    let fetch = witan_consensus::fetch::Fetch { block: base().id(), above: 0 };
    (0..100).for_each(|_| stage.say(2, 0, Message::Fetch(fetch)));
    assert_eq!(stage.pool.len(), 1);
}

#[test]
fn timeouts_grow_by_half_to_a_cap_and_are_said_again_at_the_base_rate() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    for round in 1..=12 {
        give_up_among(&mut stage, &[0, 1, 2], round);
        stage.lose(|_| true);
    }
    let waits: Vec<Duration> = stage
        .timers(0)
        .iter()
        .filter_map(|(timer, wait)| match timer {
            Timer::Round(_) => Some(*wait),
            Timer::Resend(_) | Timer::Fetch => None,
        })
        .collect();
    assert!(waits[0] >= BASE_TIMEOUT && waits[0] <= BASE_TIMEOUT * 11 / 10);
    assert!(waits[1] >= BASE_TIMEOUT * 3 / 2 && waits[1] <= BASE_TIMEOUT * 165 / 100);
    assert!(waits.iter().all(|wait| *wait <= MAX_TIMEOUT * 11 / 10) && *waits.last().unwrap() >= MAX_TIMEOUT);
    let resend = |timer: &Timer| matches!(timer, Timer::Resend(_));
    assert!(stage.timers(0).iter().all(|(timer, wait)| !resend(timer) || *wait <= BASE_TIMEOUT));
}

#[test]
fn certificates_of_round_zero_are_believed_for_the_base_alone() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    let setup = stage.setup(1).clone();
    let mut elsewhere = base();
    elsewhere.time_ms += 1;
    let lie = block(&setup, 1, &elsewhere, 9_000);
    let justify = QuorumCertificate::of_base(elsewhere.id());
    let proposal = Proposal::sign(&setup.instance, &setup.key, lie, justify, None);
    stage.say(1, 0, Message::Proposal(proposal));
    assert!(stage.pool.is_empty(), "no vote, no fetch");
}

/// Every kind of message that a running group says, with its author.
fn sample() -> (Stage, Vec<(usize, Message)>) {
    let mut stage = Stage::of_four();
    let mut said: Vec<(usize, Message)> = Vec::new();
    let mut keep =
        |stage: &Stage| said.extend(stage.pool.iter().map(|letter| (letter.from, letter.message.clone())));
    stage.deliver(|letter| letter.is_proposal(1));
    keep(&stage);
    stage.deliver(|letter| letter.is_vote(1));
    keep(&stage);
    give_up_among(&mut stage, &[0, 1, 2, 3], 2);
    keep(&stage);
    stage.deliver(|letter| letter.is_proposal(3));
    stage.give_up(0);
    keep(&stage);
    stage.say(3, 0, Message::Hello(Hello { round: 0, decided: 0 }));
    keep(&stage);
    said.sort_by_key(|(from, message)| (*from, message.encode()));
    said.dedup();
    (stage, said)
}

proptest! {
    #[test]
    fn no_changed_byte_of_a_signed_message_verifies(pick: prop::sample::Index, at: prop::sample::Index, flip in 1_u8..) {
        let (stage, said) = sample();
        let signed: Vec<_> = said.into_iter().filter(|(_, message)| !matches!(message, Message::Hello(_))).collect();
        let (from, message) = pick.get(&signed);
        let mut bytes = message.encode();
        *at.get_mut(&mut bytes) ^= flip;
        if let Ok(changed) = Message::decode(&bytes) {
            prop_assert!(stage.verify(*from, 2, changed).is_err());
        }
        prop_assert!(stage.verify(*from, 2, message.clone()).is_ok());
    }

    #[test]
    fn what_one_member_signed_does_not_verify_as_anothers(pick: prop::sample::Index, other in 0_usize..6) {
        let (stage, said) = sample();
        let authored = |message: &Message| !matches!(message, Message::Certificates(_) | Message::Hello(_));
        let signed: Vec<_> = said.into_iter().filter(|(_, message)| authored(message)).collect();
        let (from, message) = pick.get(&signed).clone();
        prop_assert_eq!(stage.verify(other, 2, message).is_ok(), other == from);
    }
}

#[test]
fn a_timeout_certificate_that_hides_its_highest_certificate_is_refused() {
    let (stage, said) = sample();
    let (from, mut proposal) = said
        .into_iter()
        .find_map(|(from, message)| match message {
            Message::Proposal(proposal) if proposal.tc.is_some() => Some((from, proposal)),
            _ => None,
        })
        .expect("round 3 was opened by a time-out certificate");
    let setup = stage.setup(from).clone();
    let genuine = proposal.clone();
    let tc = proposal.tc.as_mut().unwrap();
    tc.high_qc = QuorumCertificate::of_base(base().id());
    let sign = |proposal: &Proposal| {
        let Proposal { block, justify, tc, .. } = proposal.clone();
        Message::Proposal(Proposal::sign(&setup.instance, &setup.key, block, justify, tc))
    };
    assert!(matches!(stage.verify(from, 0, sign(&proposal)), Err(Rejected::Inconsistent(_))));
    // Nor do lower rounds under the same signatures pass.
    proposal.tc.as_mut().unwrap().high_rounds.fill(0);
    assert_eq!(
        stage.verify(from, 0, sign(&proposal)).err(),
        Some(Rejected::BadSignature("a time-out certificate"))
    );
    // Nor no certificate at all.
    let stripped = Proposal { tc: None, ..genuine.clone() };
    assert!(stage.verify(from, 0, sign(&stripped)).is_err());
    assert!(stage.verify(from, 0, sign(&genuine)).is_ok());
}

#[test]
fn a_lone_member_decides_only_what_its_disk_holds() {
    use witan_consensus::engine::{Draft, Engine, Tick};
    use witan_consensus::hotstuff::HotStuff;
    let setup = common::setup::<HotStuff>(0, 1, witan_types::Scheme::StandIn, 1);
    let (mut engine, opened) = HotStuff::open(setup, Vec::new());
    let turn = opened.want.expect("it leads every round");
    let draft = Draft { time_ms: 9_000, payload: Default::default() };
    let mut outputs = engine.step(Tick::default(), Input::Payload(turn, draft));
    for _ in 0..2 {
        assert!(outputs.decided.is_empty(), "nothing counts before its record is durable");
        let (seq, _) = outputs.persist.last().cloned().expect("a record");
        assert!(engine.step(Tick::default(), Input::Durable(seq - 1)).decided.is_empty());
        outputs = engine.step(Tick::default(), Input::Durable(seq));
    }
    assert_eq!(ids(&outputs.decided).len(), 1);
}
