//! Who leads under HotStuff, told as stories: a member that keeps failing is skipped, and leads again once it is back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::cluster::{Cluster, Weather};
use common::hotstuff::{Stage, block};
use common::{base, committee, sealed};
use proptest::prelude::*;
use witan_consensus::engine::Input;
use witan_consensus::hotstuff::{
    HotStuff, Message, Proposal, QuorumCertificate, TRIAL_TURNS, home_of, leader_of,
};
use witan_types::{Header, Scheme, ValidatorIndex};

type Members = Cluster<HotStuff>;

/// Everyone decides `blocks` more than anyone has.
fn goes_on(cluster: &mut Members, blocks: u64) {
    let (goal, deadline) = (cluster.highest() + blocks, cluster.now_ms() + 600_000);
    while cluster.lowest() < goal {
        assert!(cluster.run(1) && cluster.now_ms() < deadline, "{} of {goal}", cluster.lowest());
    }
}

/// The newest blocks, oldest first.
fn newest(cluster: &Members, blocks: usize) -> Vec<Header> {
    let mut newest: Vec<Header> = cluster.chain.values().rev().take(blocks).cloned().collect();
    newest.reverse();
    newest
}

fn made_by(blocks: &[Header], member: usize) -> usize {
    blocks.iter().filter(|block| block.proposer.at() == member).count()
}

/// Rounds that brought no block of these.
fn lost_rounds(blocks: &[Header]) -> u64 {
    let rounds = blocks.last().unwrap().tag - blocks[0].tag + 1;
    rounds - blocks.len() as u64
}

/// What every member computes apart from the others must be one thing: the leader that the chain names.
fn every_leader_is_the_one_that_the_chain_names(cluster: &Members, size: usize) {
    let committee = committee::<HotStuff>(size, Scheme::StandIn);
    let blocks: Vec<&Header> = cluster.chain.values().collect();
    for (at, block) in blocks.iter().enumerate() {
        let below = blocks[..at].iter().rev().map(|block| block.proposer);
        assert_eq!(block.proposer, leader_of(block.tag, &committee, below), "at height {}", block.height);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Messages are late and lost, members crash at any record, catch up by seals, come back from their disks: whatever
    /// each of them has decided and forgotten, they name the same leaders, and progress is made.
    #[test]
    fn members_that_hold_different_ends_of_the_chain_agree_on_who_leads(seed: u64, size in 1_usize..8) {
        let mut cluster = Members::new(size, seed, Scheme::StandIn, Weather::FOUL);
        cluster.run(4_000);
        cluster.heal();
        goes_on(&mut cluster, 40);
        every_leader_is_the_one_that_the_chain_names(&cluster, size);
    }

    #[test]
    fn dead_members_are_skipped_and_lead_again_once_they_are_back(seed: u64, large: bool) {
        let (size, dead) = if large { (7, vec![2, 3]) } else { (4, vec![2]) };
        let mut cluster = Members::new(size, seed, Scheme::StandIn, Weather::FAIR);
        goes_on(&mut cluster, 20);
        prop_assert_eq!(lost_rounds(&newest(&cluster, 20)), 0);
        dead.iter().for_each(|member| cluster.stop(*member));
        goes_on(&mut cluster, 3 * size as u64);
        // From now on a dead member is waited for once in so many of its turns.
        let blocks = usize::try_from(2 * TRIAL_TURNS).unwrap() * size;
        goes_on(&mut cluster, blocks as u64);
        let after = newest(&cluster, blocks);
        prop_assert!(dead.iter().all(|member| made_by(&after, *member) == 0));
        let lost = lost_rounds(&after);
        prop_assert!(lost >= dead.len() as u64 && lost <= 3 * dead.len() as u64, "{lost} rounds lost");
        cluster.heal();
        // At worst its trial has just gone by: then its next one is a whole span of turns away.
        goes_on(&mut cluster, (TRIAL_TURNS + 2) * size as u64);
        goes_on(&mut cluster, 4 * size as u64);
        let back = newest(&cluster, 4 * size);
        prop_assert_eq!(lost_rounds(&back), 0);
        prop_assert!(dead.iter().all(|member| made_by(&back, *member) == 4), "all its turns");
        every_leader_is_the_one_that_the_chain_names(&cluster, size);
    }
}

#[test]
fn where_nobody_may_be_faulty_nobody_is_skipped() {
    let mut cluster = Members::new(3, 7, Scheme::StandIn, Weather::FAIR);
    cluster.stop(1);
    goes_on(&mut cluster, 40);
    let blocks = newest(&cluster, 20);
    assert!(lost_rounds(&blocks) >= 9, "each of its turns is lost");
}

#[test]
fn whoever_does_not_lead_a_round_gets_no_vote_and_is_in_nobody_s_way() {
    let mut stage = Stage::of_four();
    let (genuine, rest): (Vec<_>, Vec<_>) =
        stage.pool.drain(..).partition(|letter| letter.is_proposal(1) && letter.to == 0);
    assert!(genuine.len() == 1 && !rest.is_empty());
    let proposal_of = |stage: &Stage, member: usize| {
        let setup = stage.setup(member);
        let mut lie = (*block(setup, 1, &base(), base().time_ms + 1)).clone();
        lie.header.proposer = setup.me;
        let justify = QuorumCertificate::of_base(base().id());
        Message::Proposal(Proposal::sign(&setup.instance, &setup.key, lie.into(), justify, None))
    };
    let (stands_in, other) = (proposal_of(&stage, 2), proposal_of(&stage, 3));
    assert!(stage.verify(3, 0, other).is_err(), "it can't lead the round, whatever the chain shows");
    stage.say(2, 0, stands_in);
    assert!(stage.pool.is_empty() && stage.asked(0).is_empty(), "2 leads round 1 only where 1 is skipped");
    let letter = genuine.into_iter().next().unwrap();
    stage.say(letter.from, letter.to, letter.message);
    assert!(stage.pool.iter().any(|letter| letter.is_vote(1)));
    assert!(stage.accused(0).is_empty(), "two members may propose in a round");
}

#[test]
fn a_member_that_comes_back_from_its_disk_knows_who_is_skipped() {
    let mut stage = Stage::of_four();
    let without_3 = |stage: &mut Stage| {
        while let Some(at) = stage.pool.iter().position(|letter| letter.from != 3 && letter.to != 3) {
            let letter = stage.pool.remove(at);
            stage.say(letter.from, letter.to, letter.message);
            // The round of 3 that is looked at comes after eight blocks without one of it.
            if home_of(stage.round(0), 4) == ValidatorIndex(3) && stage.decided(0).len() >= 9 {
                return;
            }
        }
    };
    while stage.decided(0).len() < 9 {
        without_3(&mut stage);
        (0..3).for_each(|place| stage.give_up(place));
    }
    without_3(&mut stage);
    let leader = stage.status(0).leader.unwrap();
    assert_eq!(home_of(stage.round(0), 4), ValidatorIndex(3));
    assert_ne!(leader, ValidatorIndex(3), "it is skipped");
    let chain: Vec<Header> = stage.decided(0).iter().map(|block| block.header.clone()).collect();
    for header in &chain {
        stage.give(0, Input::Stable(sealed(header, 4, Scheme::StandIn)));
        assert_eq!(stage.status(0).leader, Some(leader), "what becomes stable changes nothing");
    }
    let round = stage.round(0);
    stage.restart_from(0, chain.last().unwrap());
    assert_eq!((stage.round(0), stage.status(0).leader), (round, Some(leader)));
}
