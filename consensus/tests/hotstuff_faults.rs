//! The mutation gate of HotStuff's rules: each story ends with two different final blocks under its planted fault, and
//! with one chain without it. A rule that one of these lets go unbroken would be a rule nobody needs.
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
use common::stage::Letter;
use std::sync::Arc;
use witan_consensus::hotstuff::{
    Kind, Message, PlantedFault, Proposal, QuorumCertificate, TimeoutCertificate, Vote,
};

/// Plays a story with and without its fault.
fn forks_only_under(fault: PlantedFault, story: impl Fn(&mut Stage)) {
    let mut honest = Stage::of_four();
    story(&mut honest);
    assert!(!honest.has_forked(), "the rules hold");
    let mut faulty = Stage::of_four_with(Some(fault));
    story(&mut faulty);
    assert!(faulty.has_forked(), "the story finds the fault");
}

/// Everyone gives the current round up and hears of it.
fn all_give_up(stage: &mut Stage, members: &[usize], round: u64) {
    members.iter().for_each(|place| stage.give_up(*place));
    stage.deliver(|letter| {
        letter.is_timeout(round) && members.contains(&letter.from) && members.contains(&letter.to)
    });
}

/// Round `round` runs from its proposal to a decision, among these members.
fn runs(stage: &mut Stage, members: &[usize], round: u64) {
    let among = |letter: &Letter<Message>| members.contains(&letter.from) && members.contains(&letter.to);
    stage.deliver(|letter| letter.is_proposal(round) && among(letter));
    stage.deliver(|letter| letter.is_vote(round) && among(letter));
    stage.deliver(|letter| letter.is_fetching() && among(letter));
    stage.deliver(|letter| letter.is_order_vote(round) && among(letter));
}

#[test]
fn an_order_vote_that_forgets_its_lock_in_a_crash_forks() {
    forks_only_under(PlantedFault::OrderVoteWithoutLock, |stage| {
        // Everyone certifies the block of round 1 and casts an order vote; only 2 hears the others', and decides.
        stage.deliver(|letter| letter.is_proposal(1));
        stage.deliver(|letter| letter.is_vote(1));
        stage.deliver(|letter| letter.is_order_vote(1) && letter.to == 2);
        assert_eq!(stage.decided(2).len(), 1);
        // The others crash before anything else. Whoever forgot the certificate goes on from below it.
        stage.lose(|_| true);
        let others = [0, 1, 3];
        others.iter().for_each(|place| stage.restart(*place));
        while stage.round(0) < 3 {
            let round = stage.round(0);
            all_give_up(stage, &others, round);
        }
        runs(stage, &others, 3);
        assert!(!stage.decided(0).is_empty(), "the block of round 3 is decided");
    });
}

#[test]
fn an_order_vote_after_giving_its_round_up_forks() {
    forks_only_under(PlantedFault::OrderVoteAfterTimeout, |stage| {
        // Everyone votes in round 1, the votes are late, everyone gives the round up without a certificate.
        stage.deliver(|letter| letter.is_proposal(1));
        all_give_up(stage, &[0, 1, 2, 3], 1);
        // The block of round 2 stands beside that of round 1, and everyone votes for it.
        stage.deliver(|letter| letter.is_proposal(2));
        // Now the late votes arrive: whoever still casts order votes on them lets 3 decide the block of round 1.
        stage.deliver(|letter| letter.is_vote(1));
        stage.deliver(|letter| letter.is_order_vote(1) && letter.to == 3);
        runs(stage, &[0, 1, 2], 2);
    });
}

#[test]
fn a_vote_below_what_a_timeout_certificate_reports_forks() {
    forks_only_under(PlantedFault::TimeoutMaximumIgnored, |stage| {
        // The block of round 1 is certified everywhere and decided by 0.
        stage.deliver(|letter| letter.is_proposal(1));
        stage.deliver(|letter| letter.is_vote(1));
        stage.deliver(|letter| letter.is_order_vote(1) && letter.to == 0);
        assert_eq!(stage.decided(0).len(), 1);
        stage.lose(|_| true);
        // Round 2 is given up, and its time-out certificate tells of round 1. The leader of round 3 lies: it extends the
        // base instead.
        all_give_up(stage, &[0, 1, 2], 2);
        let tc = opening_certificate(stage);
        let (setup, base) = (stage.setup(3).clone(), common::base());
        let lie = block(&setup, 3, &base, base.time_ms + 9);
        let justify = QuorumCertificate::of_base(base.id());
        let proposal = Proposal::sign(&setup.instance, &setup.key, lie, justify, Some(tc));
        stage.lose(|_| true);
        (0..3).for_each(|place| stage.say(3, place, Message::Proposal(proposal.clone())));
        stage.deliver(|letter| letter.is_vote(3) && letter.to != 3);
        stage.deliver(|letter| letter.is_order_vote(3) && letter.to != 3);
    });
}

#[test]
fn a_timeout_that_reports_less_than_its_lock_forks() {
    forks_only_under(PlantedFault::TimeoutBelowLock, |stage| {
        // The block of round 1 is certified everywhere and decided by 2.
        stage.deliver(|letter| letter.is_proposal(1));
        stage.deliver(|letter| letter.is_vote(1));
        stage.deliver(|letter| letter.is_order_vote(1) && letter.to == 2);
        assert_eq!(stage.decided(2).len(), 1);
        stage.lose(|_| true);
        // Rounds 2 and 3 are given up. Whoever reports less than its lock lets the certificate of round 3 tell of nothing, and
        // the leader of round 4 lies: it extends the base.
        all_give_up(stage, &[0, 1, 3], 2);
        all_give_up(stage, &[0, 1, 3], 3);
        let tc = opening_certificate(stage);
        let setup = stage.setup(0).clone();
        let lie = block(&setup, 4, &common::base(), common::base().time_ms + 9);
        let justify = QuorumCertificate::of_base(common::base().id());
        let proposal = Proposal::sign(&setup.instance, &setup.key, Arc::clone(&lie), justify, Some(tc));
        stage.lose(|_| true);
        [1, 3].iter().for_each(|place| stage.say(0, *place, Message::Proposal(proposal.clone())));
        let vote = |kind| Vote::sign(&setup.instance, &setup.key, kind, 4, lie.id());
        let members = [1, 3];
        members.iter().for_each(|place| stage.say(0, *place, Message::Vote(vote(Kind::Vote))));
        stage.deliver(|letter| letter.is_vote(4) && members.contains(&letter.to));
        members.iter().for_each(|place| stage.say(0, *place, Message::OrderVote(vote(Kind::OrderVote))));
        stage.deliver(|letter| letter.is_order_vote(4) && members.contains(&letter.to));
    });
}

/// The time-out certificate by which member 0 is in its round, as it tells it when it gives that up too.
fn opening_certificate(stage: &mut Stage) -> TimeoutCertificate {
    let copy = stage.pool.len();
    let mut other = Vec::new();
    std::mem::swap(&mut other, &mut stage.pool);
    let asked = stage
        .verify(3, 0, Message::Hello(witan_consensus::hotstuff::Hello { round: 0, decided: 0 }))
        .unwrap();
    stage.give(0, witan_consensus::engine::Input::Message(asked));
    let answers = std::mem::replace(&mut stage.pool, other);
    assert_eq!(copy, stage.pool.len());
    let certificate = answers.into_iter().find_map(|letter| match letter.message {
        Message::Certificates(certificates) => certificates.tc,
        _ => None,
    });
    certificate.expect("the round was opened by a time-out certificate")
}

#[test]
fn a_commit_across_a_gap_of_rounds_forks() {
    forks_only_under(PlantedFault::CommitAcrossGap, |stage| {
        // Rounds 1 and 2 are voted on and given up before their votes arrive; only 3 has seen the certificate of round 1.
        stage.deliver(|letter| letter.is_proposal(1));
        all_give_up(stage, &[0, 1, 2, 3], 1);
        stage.deliver(|letter| letter.is_proposal(2));
        stage.deliver(|letter| letter.is_vote(1) && letter.to == 3);
        all_give_up(stage, &[0, 1, 2, 3], 2);
        // So 3 extends the block of round 1 in round 3. Only 1 sees that certified: across the gap, it proves nothing.
        stage.deliver(|letter| letter.is_proposal(3));
        stage.deliver(|letter| letter.is_vote(3) && letter.to == 1);
        stage.lose(|letter| letter.is_vote(3));
        // For the late certificate of round 2 reaches 0, who leads round 4 and goes on from there.
        stage.deliver(|letter| letter.is_vote(2) && letter.to == 0);
        all_give_up(stage, &[0, 2, 3], 3);
        runs(stage, &[0, 2, 3], 4);
        assert!(!stage.decided(0).is_empty(), "the block of round 4 is decided");
    });
}
