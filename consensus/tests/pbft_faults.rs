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
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_consensus::engine::Input;
use witan_consensus::fetch::Blocks;
use witan_consensus::pbft::{
    FinalCertificate, Finality, Kind, Message, NewView, PlantedFault, Point, PrePrepare, Prepare,
    PreparedCertificate, ViewChange, Vote,
};
use witan_types::codec::encode;
use witan_types::{Block, QuorumSignatures, ValidatorIndex, sha256};

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

/// Everyone prepares and commits the block of 3 at height 101 in view 0; only 1 hears the commits, and decides it.
fn one_decides(stage: &mut Stage) {
    stage.deliver(|letter| letter.is_pre_prepare(0, 101));
    stage.deliver(|letter| letter.is_prepare(0, 101));
    stage.deliver(|letter| letter.is_commit(0, 101) && letter.to == 1);
    assert_eq!(stage.decided(1).len(), 1);
    stage.lose(|_| true);
}

/// What 2 and 3 report when they ask for view 5, and what 0, the liar that makes it, claims.
fn reports(stage: &mut Stage, lie: Vec<PreparedCertificate>) -> BTreeMap<ValidatorIndex, ViewChange> {
    assert_eq!(leader(5, 101), 0);
    let asking = [0, 2, 3];
    for _ in 0..8 {
        let behind = asking.into_iter().filter(|place| stage.view(*place) < 5).collect::<Vec<_>>();
        behind.into_iter().for_each(|place| stage.change_view(place));
        stage.deliver(|letter| matches!(letter.message, Message::ViewChange(_)) && letter.is_among(&asking));
    }
    let setup = stage.setup(0).clone();
    let decided = FinalCertificate { header: base(), finality: Finality::Base };
    let claimed = ViewChange::sign(&setup.instance, &setup.key, 5, decided, lie);
    let mut reports = BTreeMap::from([(ValidatorIndex(0), claimed)]);
    for letter in &stage.pool {
        match &letter.message {
            Message::ViewChange(change) if change.view == 5 && letter.from != 0 => {
                reports.insert(ValidatorIndex(u16::try_from(letter.from).unwrap()), change.clone())
            }
            _ => None,
        };
    }
    stage.lose(|_| true);
    assert_eq!(reports.len(), 3);
    reports
}

/// 0 makes view 5 of these reports, changes it, and proposes `another` block in it. If 2 and 3 believe that, it is decided.
fn zero_makes_view(
    stage: &mut Stage,
    reports: &BTreeMap<ValidatorIndex, ViewChange>,
    change: impl Fn(&mut NewView),
    another: Option<Arc<Block>>,
) {
    let setup = stage.setup(0).clone();
    let mut new_view = NewView::sign(&setup.instance, &setup.key, 5, reports).unwrap();
    change(&mut new_view);
    let NewView { view, signatories, decided, prepared, .. } = &new_view;
    let grounds = sha256(&[b"witan pbft grounds", &encode(signatories), &encode(decided), &encode(prepared)]);
    let bytes = Kind::NewView.signing_bytes(&setup.instance, &(*view, grounds));
    new_view.signature = setup.key.sign_bytes(&bytes);
    let message = Message::NewView(new_view);
    let believed = [2, 3].map(|place| stage.verify(0, place, message.clone()));
    for (place, verified) in [2, 3].into_iter().zip(believed) {
        verified.into_iter().for_each(|verified| stage.give(place, Input::Message(verified)));
    }
    let block = another.unwrap_or_else(|| block(&setup, 0, &base(), base().time_ms + 9));
    let point = Point { height: 101, id: block.id() };
    for place in [2, 3] {
        let proposal = PrePrepare::sign(&setup.instance, &setup.key, 5, Arc::clone(&block));
        let is_own = block.header.proposer == ValidatorIndex(0);
        let prepare = Vote::sign(&setup.instance, &setup.key, Kind::Prepare, 5, point);
        let blocks = Message::Blocks(Blocks(vec![Arc::clone(&block)]));
        stage.say(0, place, blocks);
        stage.say(0, place, if is_own { Message::PrePrepare(proposal) } else { said(prepare) });
    }
    stage.run(&[2, 3], 5, 101);
    let commit = Vote::sign(&setup.instance, &setup.key, Kind::Commit, 5, point);
    [2, 3].iter().for_each(|place| stage.say(0, *place, Message::Commit(commit.clone())));
}

/// A prepare for a block that the view did not propose itself.
fn said(vote: Vote) -> Message {
    Message::Prepare(Prepare { vote, leader: None })
}

#[test]
fn a_new_view_that_leaves_out_what_its_members_claim_forks() {
    forks_only_under(PlantedFault::ClaimsUnproven, |stage| {
        one_decides(stage);
        let reports = reports(stage, Vec::new());
        zero_makes_view(stage, &reports, |new_view| new_view.prepared.clear(), None);
    });
}

#[test]
fn a_new_view_of_one_member_said_thrice_forks() {
    forks_only_under(PlantedFault::SignatoryRepeated, |stage| {
        one_decides(stage);
        let reports = reports(stage, Vec::new());
        let thrice = |new_view: &mut NewView| {
            new_view.signatories = vec![new_view.signatories[0].clone(); 3];
            new_view.prepared.clear();
        };
        zero_makes_view(stage, &reports, thrice, None);
    });
}

#[test]
fn a_new_view_that_rests_on_a_certificate_nobody_signed_forks() {
    forks_only_under(PlantedFault::ProofsUnchecked, |stage| {
        one_decides(stage);
        let another = block(stage.setup(0), 0, &base(), base().time_ms + 9);
        let header = another.header.clone();
        let forged = PreparedCertificate { view: 4, header, signatures: QuorumSignatures::default() };
        let reports = reports(stage, vec![forged]);
        zero_makes_view(stage, &reports, |_| (), Some(another));
    });
}

#[test]
fn a_certificate_that_claims_a_later_view_forks() {
    forks_only_under(PlantedFault::ViewUnbound, |stage| {
        // The block of view 0 is prepared, and only 0 has all prepares: nobody else can report it.
        let first = proposed_by(stage, 3);
        stage.deliver(|letter| letter.is_pre_prepare(0, 101));
        let prepares = stage.pool.iter().filter_map(|letter| match &letter.message {
            Message::Prepare(it) if it.vote.block.id == first.id() => {
                Some((ValidatorIndex(u16::try_from(letter.from).unwrap()), it.vote.signature))
            }
            _ => None,
        });
        let signatures = QuorumSignatures::collect(prepares.collect::<BTreeMap<_, _>>());
        stage.lose(|_| true);
        // View 2 starts anew. Its block is committed by all, and decided by 1.
        stage.ask_for(&[1, 2, 3], 2);
        stage.deliver(|letter| letter.is_pre_prepare(2, 101) && letter.is_among(&[1, 2, 3]));
        stage.deliver(|letter| letter.is_prepare(2, 101) && letter.is_among(&[1, 2, 3]));
        stage.deliver(|letter| letter.is_commit(2, 101) && letter.to == 1 && letter.from != 0);
        assert_eq!(stage.decided(1).len(), 1);
        stage.lose(|_| true);
        let inflated = PreparedCertificate { view: 4, header: first.header.clone(), signatures };
        let reports = reports(stage, vec![inflated]);
        zero_makes_view(stage, &reports, |_| (), Some(first));
    });
}
