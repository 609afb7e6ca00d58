//! PBFT, told as stories: who says what to whom, and what must come of it. Many are others' bugs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::pbft::{Stage, block, leader};
use common::stage::{Letter, ids, shuffle};
use common::{Choices, base, sealed};
use std::sync::Arc;
use witan_consensus::engine::Input;
use witan_consensus::fetch::{Blocks, Fetch};
use witan_consensus::pbft::{
    FinalCertificate, Finality, Hello, Kind, Message, Point, PrePrepare, Prepare, Record, TURN_HEIGHTS,
    Timer, VIEW_WINDOW, View, ViewChange, Vote, WINDOW,
};
use witan_types::{BlockId, Hash, Height, Scheme};

const ALL: [usize; 4] = [0, 1, 2, 3];

/// View 0 runs as it should among these members until each has decided `count` blocks.
fn run_among(stage: &mut Stage, members: &[usize], count: usize) {
    let done = |stage: &Stage| members.iter().all(|place| stage.decided(*place).len() >= count);
    while !done(stage) {
        let at = stage.pool.iter().position(|letter| letter.is_among(members)).expect("something is said");
        let letter = stage.pool.remove(at);
        stage.say(letter.from, letter.to, letter.message);
    }
}

/// Everyone decides `count` blocks, and the last of them is sealed.
fn run_and_seal(stage: &mut Stage, count: usize) {
    run_among(stage, &ALL, count);
    let header = stage.decided(0)[count - 1].header.clone();
    ALL.iter().for_each(|place| stage.give(*place, Input::Stable(sealed(&header, 4, Scheme::StandIn))));
}

/// Everyone prepares and commits the heights up to `height` in view 0, and nobody hears of the commits.
fn commit_unheard(stage: &mut Stage, height: Height) {
    for height in 101..=height {
        stage.deliver(|letter| letter.is_pre_prepare(0, height));
        stage.deliver(|letter| letter.is_prepare(0, height));
    }
    stage.lose(|_| true);
}

fn heights(stage: &Stage, place: usize) -> Vec<Height> {
    stage.decided(place).iter().map(|block| block.header.height).collect()
}

fn says(stage: &Stage, from: usize, matches: impl Fn(&Letter<Message>) -> bool) -> bool {
    stage.pool.iter().any(|letter| letter.from == from && matches(letter))
}

/// A block at 101 that nobody proposed.
fn stranger(name: u8) -> Point {
    Point { height: 101, id: BlockId(Hash([name; 32])) }
}

/// A vote of a liar.
fn vote(stage: &Stage, place: usize, kind: Kind, view: View, block: Point) -> Message {
    let setup = stage.setup(place);
    let vote = Vote::sign(&setup.instance, &setup.key, kind, view, block);
    if kind == Kind::Commit {
        Message::Commit(vote)
    } else {
        Message::Prepare(Prepare { vote, leader: None })
    }
}

#[test]
fn a_block_is_decided_after_three_phases() {
    let mut stage = Stage::of_four();
    stage.deliver(|letter| letter.is_pre_prepare(0, 101));
    assert!(ALL.iter().all(|place| !says(&stage, *place, |letter| letter.is_commit(0, 101))));
    stage.deliver(|letter| letter.is_prepare(0, 101));
    assert!(ALL.iter().all(|place| stage.decided(*place).is_empty()), "a prepared block is not decided");
    stage.deliver(|letter| letter.is_commit(0, 101));
    assert!(ALL.iter().all(|place| heights(&stage, *place) == [101]));
}

#[test]
fn several_heights_are_under_way_at_once_and_are_decided_in_order() {
    for seed in 0..50 {
        let mut stage = Stage::of_four();
        let (mut choices, mut steps) = (Choices(seed), 0);
        assert!(says(&stage, 3, |letter| letter.is_pre_prepare(0, 104)), "before any other is decided");
        while ALL.iter().any(|place| stage.decided(*place).len() < 8) && steps < 10_000 {
            shuffle(&mut stage.pool, &mut choices);
            let letter = stage.pool.pop().expect("something is said");
            stage.say(letter.from, letter.to, letter.message);
            steps += 1;
            if steps % 50 == 0 {
                ALL.iter().for_each(|place| stage.say_again(*place));
                ALL.iter().for_each(|place| stage.give(*place, Input::Timeout(Timer::Fetch)));
            }
        }
        for place in ALL {
            let found = heights(&stage, place);
            assert!(found.len() >= 8 && found.iter().copied().eq(101..101 + found.len() as u64));
        }
        assert!(!stage.has_forked());
    }
}

#[test]
fn commits_of_a_height_decide_everything_below_it_oldest_first() {
    let mut stage = Stage::of_four();
    for height in 101..=104 {
        stage.deliver(|letter| letter.is_pre_prepare(0, height));
        stage.deliver(|letter| letter.is_prepare(0, height));
    }
    stage.deliver(|letter| letter.is_commit(0, 104) && letter.to == 0);
    assert_eq!(heights(&stage, 0), [101, 102, 103, 104]);
}

#[test]
fn a_leader_that_proposes_two_blocks_is_accused_with_proof_and_forks_nobody() {
    let mut stage = Stage::of_four();
    let setup = stage.setup(3).clone();
    let another = block(&setup, 3, &base(), 9_000);
    let lie = PrePrepare::sign(&setup.instance, &setup.key, 0, Arc::clone(&another));
    stage.say(3, 2, Message::PrePrepare(lie));
    // Whoever was told of the one block sees the leader's signature on the other in a peer's prepare.
    stage.run(&ALL, 0, 101);
    let [evidence] = stage.accused(0) else { panic!("one accusation") };
    assert_eq!(evidence.validator, setup.me);
    assert_eq!(evidence.conflict, "two blocks prepared at a height in a view");
    assert_ne!(evidence.first.message, evidence.second.message);
    for part in [&evidence.first, &evidence.second] {
        assert!(setup.committee.scheme().verify(&evidence.key, &part.message, &part.signature));
    }
    stage.give(2, Input::Timeout(Timer::Fetch));
    stage.deliver(Letter::is_fetch);
    assert!(ALL.iter().all(|place| heights(&stage, *place) == [101]) && !stage.has_forked());
    assert!(stage.decided(2)[0].id() != another.id(), "three of four were told of the first");
}

#[test]
fn a_member_that_a_leader_deceived_takes_part_again_once_it_knows_the_truth() {
    let mut stage = Stage::of_four();
    let last = TURN_HEIGHTS * 4 - 1;
    stage.run(&ALL, 0, last - 1);
    // At the last height of its turn, 3 tells 2 of another block than everyone else.
    stage.lose(|letter| letter.to == 2);
    let setup = stage.setup(3).clone();
    let lie = block(&setup, 3, &stage.decided(2).last().unwrap().header.clone(), 9_000);
    stage.say(3, 2, Message::PrePrepare(PrePrepare::sign(&setup.instance, &setup.key, 0, lie)));
    stage.deliver(|letter| letter.is_pre_prepare(0, last));
    // The next leader's block stands on the true one, and reaches 2 before the truth does.
    assert_eq!(leader(0, last + 1), 0);
    stage.deliver(|letter| letter.is_pre_prepare(0, last + 1));
    stage.deliver(|letter| letter.is_prepare(0, last));
    stage.deliver(|letter| letter.is_commit(0, last));
    assert!(!says(&stage, 2, |letter| letter.is_prepare(0, last + 1)));
    stage.give(2, Input::Timeout(Timer::Fetch));
    stage.deliver(Letter::is_fetch);
    assert_eq!(stage.status(2).decided, last);
    assert!(says(&stage, 2, |letter| letter.is_prepare(0, last + 1)));
}

#[test]
fn two_prepares_or_commits_at_a_height_are_accused_once_and_count_once() {
    let conflicts = [
        (Kind::Prepare, "two blocks prepared at a height in a view"),
        (Kind::Commit, "two blocks committed at a height in a view"),
    ];
    for (kind, conflict) in conflicts {
        let mut stage = Stage::of_four();
        stage.deliver(|letter| letter.is_pre_prepare(0, 101));
        if kind == Kind::Commit {
            stage.deliver(|letter| letter.is_prepare(0, 101));
        }
        for name in 0..5 {
            let lie = vote(&stage, 2, kind, 0, stranger(name));
            stage.say(2, 0, lie);
        }
        let [evidence] = stage.accused(0) else { panic!("one accusation") };
        assert_eq!((evidence.validator.at(), evidence.conflict), (2, conflict));
        // With the liar's true vote there would be three.
        let is_vote = |letter: &Letter<Message>| letter.is_prepare(0, 101) || letter.is_commit(0, 101);
        stage.deliver(|letter| is_vote(letter) && letter.to == 0 && letter.from == 2);
        match kind {
            Kind::Prepare => assert!(!says(&stage, 0, |letter| letter.is_commit(0, 101))),
            _ => {
                stage.deliver(|letter| is_vote(letter) && letter.to == 0 && letter.from == 3);
                assert!(stage.decided(0).is_empty());
            }
        }
    }
}

#[test]
fn a_commit_and_a_view_change_that_hides_it_are_accused_in_either_order() {
    for commit_first in [true, false] {
        let mut stage = Stage::of_four();
        let setup = stage.setup(2).clone();
        let of_base = FinalCertificate { header: base(), finality: Finality::Base };
        let change = ViewChange::sign(&setup.instance, &setup.key, 1, of_base, Vec::new());
        let change = Message::ViewChange(change);
        let commit = vote(&stage, 2, Kind::Commit, 0, stranger(7));
        let (first, second) = if commit_first { (commit, change) } else { (change, commit) };
        stage.say(2, 0, first);
        assert!(stage.accused(0).is_empty());
        stage.say(2, 0, second);
        let [evidence] = stage.accused(0) else { panic!("one accusation") };
        assert_eq!(evidence.conflict, "a commit and a view change that hides it");
        for part in [&evidence.first, &evidence.second] {
            assert!(setup.committee.scheme().verify(&evidence.key, &part.message, &part.signature));
        }
    }
}

#[test]
fn a_prepared_block_keeps_its_id_through_view_changes_whoever_leads_them() {
    let mut stage = Stage::of_four();
    commit_unheard(&mut stage, 102);
    // In view 2 as in view 1, everyone prepares again what view 0 left, and nobody hears enough of it.
    stage.ask_for(&ALL, 1);
    stage.lose(|_| true);
    stage.ask_for(&ALL, 2);
    stage.run(&ALL, 2, 103);
    for place in ALL {
        let proposers: Vec<usize> =
            stage.decided(place).iter().map(|block| block.header.proposer.at()).collect();
        assert_eq!(proposers, [leader(0, 101), leader(0, 102), leader(2, 103)]);
        assert_eq!(heights(&stage, place), [101, 102, 103]);
    }
    assert!(!stage.has_forked());
}

#[test]
fn a_member_that_never_saw_a_block_that_the_view_proposes_again_fetches_it_and_prepares_it() {
    let mut stage = Stage::of_four();
    stage.lose(|letter| letter.to == 2);
    commit_unheard(&mut stage, 101);
    stage.ask_for(&ALL, 1);
    assert!(!says(&stage, 2, |letter| letter.is_prepare(1, 101)));
    stage.deliver(Letter::is_fetch);
    assert!(says(&stage, 2, |letter| letter.is_prepare(1, 101)));
}

#[test]
fn after_giving_a_view_up_nobody_commits_in_it_even_after_a_crash() {
    let mut stage = Stage::of_four();
    stage.deliver(|letter| letter.is_pre_prepare(0, 101));
    stage.change_view(0);
    stage.deliver(|letter| letter.is_prepare(0, 101) && letter.to == 0);
    assert!(!says(&stage, 0, |letter| letter.is_commit(0, 101)));
    stage.restart(0);
    assert_eq!(stage.view(0), 1, "it still asks for the next view");
    let prepares = [1, 2].map(|place| (place, prepare_of(&stage, place)));
    prepares.into_iter().for_each(|(place, prepare)| stage.say(place, 0, prepare));
    assert!(!says(&stage, 0, |letter| letter.is_commit(0, 101)));
}

/// The prepare at 101 in view 0 that a member has said.
fn prepare_of(stage: &Stage, place: usize) -> Message {
    let record = stage.disk(place).iter().find_map(|(_, record)| match record {
        Record::Prepare(prepare) if prepare.vote.block.height == 101 => Some(prepare.clone()),
        _ => None,
    });
    Message::Prepare(record.expect("it has prepared"))
}

#[test]
fn a_lost_new_view_is_asked_for_and_given_again() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    stage.ask_for(&[0, 1, 3], 1);
    stage.change_view(2);
    stage.lose(|letter| letter.to == 2 || letter.from == 2);
    // It says its view change again: whoever is in the view answers.
    stage.say_again(2);
    stage.deliver(|letter| letter.is_view_change(1) && letter.from == 2);
    stage.deliver(|letter| letter.is_new_view(1) && letter.to == 2);
    stage.say_again(0);
    stage.deliver(|letter| letter.is_pre_prepare(1, 101) && letter.to == 2);
    assert!(says(&stage, 2, |letter| letter.is_prepare(1, 101)), "it takes part");
}

#[test]
fn a_lost_view_change_is_said_again() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    ALL.iter().for_each(|place| stage.change_view(*place));
    stage.lose(|_| true);
    ALL.iter().for_each(|place| stage.say_again(*place));
    stage.deliver(|letter| letter.is_view_change(1));
    assert!(says(&stage, leader(1, 101), |letter| letter.is_new_view(1)));
}

#[test]
fn view_changes_of_f_plus_one_others_make_a_member_join_and_those_of_f_do_not() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    stage.change_view(1);
    stage.deliver(|letter| letter.is_view_change(1) && letter.to == 0);
    assert_eq!(stage.view(0), 0);
    stage.change_view(2);
    stage.deliver(|letter| letter.is_view_change(1) && letter.to == 0);
    assert_eq!(stage.view(0), 1);
}

#[test]
fn a_member_that_heard_only_commits_fetches_the_block_and_decides_it() {
    let mut stage = Stage::of_four();
    for height in 101..=103 {
        stage.deliver(|letter| letter.is_pre_prepare(0, height) && letter.to != 2);
        stage.deliver(|letter| letter.is_prepare(0, height) && letter.to != 2);
    }
    stage.deliver(|letter| letter.is_commit(0, 103) && letter.to == 2);
    assert!(stage.decided(2).is_empty());
    stage.give(2, Input::Timeout(Timer::Fetch));
    stage.deliver(Letter::is_fetch);
    assert_eq!(heights(&stage, 2), [101, 102, 103]);
}

#[test]
fn decided_blocks_that_are_not_sealed_survive_a_crash_of_all_members_at_once() {
    let mut stage = Stage::of_four();
    run_among(&mut stage, &ALL, 6);
    let before = ids(&stage.decided(0)[..6]);
    stage.lose(|_| true);
    ALL.iter().for_each(|place| stage.restart(*place));
    assert!(
        ALL.iter().all(|place| stage.decided(*place).is_empty()),
        "what was decided has to be heard again"
    );
    run_among(&mut stage, &ALL, 6);
    assert!(ALL.iter().all(|place| ids(&stage.decided(*place)[..6]) == before));
}

#[test]
fn a_member_whose_peers_have_truncated_says_so_and_goes_on_from_a_sealed_block() {
    let mut stage = Stage::of_four();
    run_among(&mut stage, &[0, 1, 3], 10);
    stage.lose(|_| true);
    let tenth = stage.decided(0)[9].header.clone();
    [0, 1, 3].iter().for_each(|place| stage.give(*place, Input::Stable(sealed(&tenth, 4, Scheme::StandIn))));
    stage.say(2, 0, Message::Hello(Hello { view: 0, decided: 100 }));
    for _ in 0..5 {
        stage.deliver(|letter| letter.from == 2 || letter.to == 2);
        stage.give(2, Input::Timeout(Timer::Fetch));
    }
    assert_eq!(stage.behind(2), Some(110));
    stage.lose(|_| true);
    stage.give(2, Input::Stable(sealed(&tenth, 4, Scheme::StandIn)));
    ALL.iter().for_each(|place| stage.say_again(*place));
    run_among(&mut stage, &ALL, 2);
    let first = stage.decided(2)[0].header.clone();
    assert_eq!((first.height, first.parent), (111, tenth.id()));
}

#[test]
fn a_stable_block_truncates_the_log_and_a_restart_needs_no_more() {
    let mut stage = Stage::of_four();
    run_among(&mut stage, &ALL, 10);
    let records = stage.disk(0).len();
    let (eighth, tail) = (stage.decided(0)[7].header.clone(), ids(&stage.decided(0)[8..10]));
    stage.give(0, Input::Stable(sealed(&eighth, 4, Scheme::StandIn)));
    assert!(stage.truncated(0) > records as u64 / 2, "most records are gone");
    stage.restart_from(0, &eighth);
    ALL.iter().for_each(|place| stage.say_again(*place));
    run_among(&mut stage, &ALL, 12);
    assert_eq!(ids(&stage.decided(0)[..2]), tail);
}

#[test]
fn leaders_take_turns_by_height_within_a_view() {
    let mut stage = Stage::of_four();
    for count in [20, 40, 60, 80] {
        run_and_seal(&mut stage, count);
    }
    assert!(ALL.iter().all(|place| stage.view(*place) == 0), "no view was given up");
    for block in stage.decided(0) {
        let turn = usize::try_from(block.header.height / TURN_HEIGHTS).unwrap();
        assert_eq!(block.header.proposer.at(), turn % 4);
    }
}

#[test]
fn a_repeated_proposal_gets_the_same_prepare_and_a_restarted_leader_says_the_same_again() {
    let mut stage = Stage::of_four();
    let proposal = |stage: &Stage| {
        let found = stage.pool.iter().find(|letter| letter.is_pre_prepare(0, 101) && letter.to == 0);
        found.expect("it proposes").message.clone()
    };
    let first = proposal(&stage);
    stage.lose(|_| true);
    stage.restart(3);
    assert_eq!(proposal(&stage), first, "it says the same again");
    (0..2).for_each(|_| stage.say(3, 0, first.clone()));
    let mut prepares =
        stage.pool.iter().filter(|letter| letter.from == 0 && letter.is_prepare(0, 101) && letter.to == 3);
    let (one, two) = (prepares.next().unwrap(), prepares.next().unwrap());
    assert_eq!(one.message, two.message);
}

#[test]
fn votes_of_far_views_and_heights_are_not_kept() {
    let mut stage = Stage::of_four();
    let highest = 100 + 2 * WINDOW as u64;
    // Only a vote that was kept can be found to conflict.
    let mut is_kept = |kind: Kind, view: View, height: Height| {
        let before = stage.accused(0).len();
        for name in [1, 2] {
            let lie = vote(&stage, 2, kind, view, Point { height, id: BlockId(Hash([name; 32])) });
            stage.say(2, 0, lie);
        }
        stage.accused(0).len() > before
    };
    let far = [
        (VIEW_WINDOW + 1, 101),
        (u64::MAX, 101),
        (0, highest + 1),
        (0, u64::MAX),
        (0, 50), // Long decided.
    ];
    for (view, height) in far {
        assert!(!is_kept(Kind::Prepare, view, height), "view {view}, height {height}");
        assert!(!is_kept(Kind::Commit, view, height), "view {view}, height {height}");
    }
    assert!(is_kept(Kind::Prepare, VIEW_WINDOW, 101));
    assert!(is_kept(Kind::Commit, 0, highest));
}

#[test]
fn blocks_that_nobody_asked_for_are_not_taken() {
    let mut stage = Stage::of_four();
    let lie = block(&stage.setup(1).clone(), 1, &base(), 9_000);
    stage.lose(|_| true);
    stage.say(1, 0, Message::Blocks(Blocks(vec![Arc::clone(&lie)])));
    stage.say(2, 0, Message::Fetch(Fetch { block: lie.id(), above: 100 }));
    assert!(matches!(stage.pool.last().unwrap().message, Message::Gone(100)));
}

#[test]
fn a_block_is_believed_to_be_the_base_only_if_it_is() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    let mut elsewhere = base();
    elsewhere.height += 9;
    let lie = FinalCertificate { header: elsewhere, finality: Finality::Base };
    stage.say(1, 0, Message::Final(lie.clone()));
    let setup = stage.setup(1).clone();
    let change = ViewChange::sign(&setup.instance, &setup.key, 1, lie, Vec::new());
    stage.say(1, 0, Message::ViewChange(change));
    stage.give(0, Input::Timeout(Timer::Fetch));
    assert!(stage.pool.is_empty(), "no fetch, no answer");
    assert!(stage.status(0).timed_out.is_empty());
}

#[test]
fn a_lone_member_decides_only_what_its_disk_holds() {
    use witan_consensus::engine::{Draft, Engine, Tick};
    use witan_consensus::pbft::Pbft;
    let setup = common::setup::<Pbft>(0, 1, Scheme::StandIn, 1);
    let (mut engine, opened) = Pbft::open(setup, Vec::new());
    let turn = opened.want.expect("it leads every height");
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
