//! The mutation gate of PBFT's rules: each story ends with two different final blocks under its planted fault, and with
//! one chain without it. A rule that one of these lets go unbroken would be a rule nobody needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::base;
use common::pbft::{Stage, block, leader};
use common::stage::Letter;
use std::sync::Arc;
use witan_consensus::pbft::{Kind, Message, PlantedFault, Point, PrePrepare, Vote};
use witan_types::Block;

/// Plays a story with and without its fault.
fn forks_only_under(fault: PlantedFault, story: impl Fn(&mut Stage)) {
    let mut honest = Stage::of_four();
    story(&mut honest);
    assert!(!honest.has_forked(), "the rules hold");
    let mut faulty = Stage::of_four_with(Some(fault));
    story(&mut faulty);
    assert!(faulty.has_forked(), "the story finds the fault");
}

/// 3, which leads the first heights in view 0, says another block at height 101 than its own to some members.
fn say_another_block(stage: &mut Stage, members: &[usize]) -> Arc<Block> {
    let setup = stage.setup(3).clone();
    let another = block(&setup, 3, &base(), base().time_ms + 9);
    let lie = PrePrepare::sign(&setup.instance, &setup.key, 0, Arc::clone(&another));
    members.iter().for_each(|place| stage.say(3, *place, Message::PrePrepare(lie.clone())));
    another
}

/// 3 commits a block at height 101 in view 0, whatever it saw, and says so to one member.
fn commit_falsely(stage: &mut Stage, to: usize, block: &Block) {
    let setup = stage.setup(3).clone();
    let point = Point { height: 101, id: block.id() };
    let vote = Vote::sign(&setup.instance, &setup.key, Kind::Commit, 0, point);
    stage.say(3, to, Message::Commit(vote));
}

/// The block that `from` proposes at 101.
fn proposed_by(stage: &Stage, from: usize) -> Arc<Block> {
    let proposed = stage.pool.iter().find_map(|letter| match &letter.message {
        Message::PrePrepare(it) if letter.from == from && it.prepare.block.height == 101 => {
            Some(Arc::clone(&it.block))
        }
        _ => None,
    });
    proposed.expect("it proposes")
}

#[test]
fn one_certificate_taken_for_all_heights_forks() {
    forks_only_under(PlantedFault::OneCertificateForAll, |stage| {
        // Four heights are prepared and committed in view 0; only 0 hears the commits, and decides them.
        for height in 101..=104 {
            stage.deliver(|letter| letter.is_pre_prepare(0, height));
            stage.deliver(|letter| letter.is_prepare(0, height));
        }
        stage.deliver(|letter| {
            letter.is_of_view(0) && letter.to == 0 && (101..=104).any(|at| letter.is_commit(0, at))
        });
        assert_eq!(stage.decided(0).len(), 4);
        stage.lose(|_| true);
        // View 2 proposes all four again, and prepares only the first of them again.
        let others = [1, 2, 3];
        stage.ask_for(&others, 2);
        stage.deliver(|letter| letter.is_prepare(2, 101) && letter.is_among(&others));
        stage.lose(|_| true);
        // So view 3 must go by the certificates of view 2 at that height, and of view 0 above.
        stage.ask_for(&others, 3);
        stage.run(&others, 3, 102);
        assert_eq!(stage.decided(1).len(), 2);
    });
}

#[test]
fn a_commit_above_one_that_is_not_committed_forks() {
    forks_only_under(PlantedFault::CommitOutOfOrder, |stage| {
        // Everyone prepares two heights, and hears only that the upper one is prepared.
        stage.deliver(|letter| letter.is_pre_prepare(0, 101));
        stage.deliver(|letter| letter.is_pre_prepare(0, 102));
        stage.deliver(|letter| letter.is_prepare(0, 102));
        stage.deliver(|letter| letter.is_commit(0, 102) && letter.to == 0);
        stage.lose(|_| true);
        // Nobody can report the lower one: the next view does without both.
        stage.ask_for(&[1, 2, 3], 2);
        stage.run(&[1, 2, 3], 2, 101);
        assert!(!stage.decided(1).is_empty(), "the block of view 2 is decided");
    });
}

/// Two blocks were prepared at height 101 in view 0: one is decided by 0 and committed by 1, the other committed by 2. The
/// next view can't do right by both.
fn next_view_takes_one_of_two(stage: &mut Stage) {
    stage.lose(|_| true);
    stage.ask_for(&[1, 2, 3], 2);
    stage.deliver(Letter::is_fetch);
    stage.run(&[1, 2, 3], 2, 101);
    assert!(!stage.decided(1).is_empty(), "a block of view 2 is decided");
}

/// 0 and 1 prepare and commit the block of 3, and 0 decides it with a commit that 3 gives nobody else.
fn zero_decides(stage: &mut Stage) {
    let proposed = proposed_by(stage, 3);
    stage.deliver(|letter| letter.is_pre_prepare(0, 101) && letter.to < 2);
    stage.deliver(|letter| letter.is_prepare(0, 101) && letter.is_among(&[0, 1]));
    commit_falsely(stage, 0, &proposed);
    stage.deliver(|letter| letter.is_commit(0, 101) && letter.is_among(&[0, 1]) && letter.to == 0);
    assert_eq!(stage.decided(0).len(), 1);
    stage.lose(|_| true);
}

#[test]
fn a_prepare_forgotten_in_a_crash_forks() {
    forks_only_under(PlantedFault::PrepareWithoutRecord, |stage| {
        zero_decides(stage);
        // 1 crashes. If it forgot its prepare, it and 2 prepare another block of the same view.
        stage.restart(1);
        stage.lose(|_| true);
        say_another_block(stage, &[1, 2]);
        stage.deliver(|letter| letter.is_prepare(0, 101) && letter.to == 2);
        next_view_takes_one_of_two(stage);
    });
}

#[test]
fn a_second_prepare_at_a_height_forks() {
    forks_only_under(PlantedFault::PrepareTwice, |stage| {
        zero_decides(stage);
        say_another_block(stage, &[1, 2]);
        stage.deliver(|letter| letter.is_prepare(0, 101) && letter.to == 2);
        next_view_takes_one_of_two(stage);
    });
}

#[test]
fn a_view_change_that_forgets_what_was_committed_forks() {
    forks_only_under(PlantedFault::ViewChangeForgets, |stage| {
        stage.deliver(|letter| letter.is_pre_prepare(0, 101));
        stage.deliver(|letter| letter.is_prepare(0, 101));
        stage.deliver(|letter| letter.is_commit(0, 101) && letter.to == 0);
        assert_eq!(stage.decided(0).len(), 1);
        stage.lose(|_| true);
        stage.ask_for(&[1, 2, 3], 2);
        stage.run(&[1, 2, 3], 2, 101);
        assert!(!stage.decided(1).is_empty(), "a block of view 2 is decided");
    });
}

#[test]
fn a_block_prepared_on_another_than_the_accepted_one_forks() {
    forks_only_under(PlantedFault::PrepareWithoutParent, |stage| {
        // Everyone has the block of view 0, and nothing comes of it.
        let abandoned = proposed_by(stage, 3);
        stage.deliver(|letter| letter.is_pre_prepare(0, 101));
        stage.lose(|_| true);
        // 0 leads view 1: it proposes a new block, which everyone commits, and lies above it: its next block stands on the
        // abandoned one.
        assert_eq!(leader(1, 101), 0);
        stage.ask_for(&[0, 1, 2, 3], 1);
        stage.deliver(|letter| letter.is_pre_prepare(1, 101));
        stage.deliver(|letter| letter.is_prepare(1, 101));
        let setup = stage.setup(0).clone();
        let lie = block(&setup, 0, &abandoned.header, base().time_ms + 99);
        let lie = PrePrepare::sign(&setup.instance, &setup.key, 1, lie);
        (1..4).for_each(|place| stage.say(0, place, Message::PrePrepare(lie.clone())));
        stage.deliver(|letter| letter.is_prepare(1, 102) && letter.is_among(&[1, 2, 3]));
        // 1 hears the commits of the lower block, 2 first those of the upper one.
        stage.deliver(|letter| letter.is_commit(1, 101) && letter.to == 1);
        stage.deliver(|letter| letter.is_commit(1, 102) && letter.to == 2);
        assert!(!stage.decided(1).is_empty());
    });
}

#[test]
fn a_view_that_forgets_in_a_crash_what_it_started_from_forks() {
    forks_only_under(PlantedFault::StartForgotten, |stage| {
        // Everyone commits the block of view 0; only 0 hears that, and decides it.
        stage.deliver(|letter| letter.is_pre_prepare(0, 101));
        stage.deliver(|letter| letter.is_prepare(0, 101));
        stage.deliver(|letter| letter.is_commit(0, 101) && letter.to == 0);
        stage.lose(|_| true);
        // So view 2 starts from it, and has nothing to propose again at its height.
        stage.ask_for(&[0, 1, 2, 3], 2);
        stage.lose(|_| true);
        // The others crash before their ledgers have the block: they are in view 2, one block below its start.
        let others = [1, 2, 3];
        others.iter().for_each(|place| stage.restart(*place));
        stage.run(&others, 2, 101);
        assert_eq!(stage.decided(0).len(), 1);
        assert!(!stage.decided(2).is_empty(), "a block is decided at that height again");
    });
}
