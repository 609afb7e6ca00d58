//! Raft, told as stories: who says what to whom, and what must come of it. Many are others' bugs.
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
use common::stage::{Drafts, Letter, ids, shuffle};
use common::{BASE_TIMEOUT, Choices, MAX_TIMEOUT, base, sealed};
use witan_consensus::engine::{Input, Verdict};
use witan_consensus::raft::{Ballot, End, IN_FLIGHT, Message, Record, Reply, Request, Term};
use witan_types::{Height, Scheme, ValidatorIndex};

const ALL: [usize; 3] = [0, 1, 2];

/// 0 leads term 1, everyone has heard it, and nothing is on its way.
fn led_by_zero() -> Stage {
    let mut stage = Stage::raft(3, None);
    assert!(stage.elect(0, &[1, 2]));
    stage.replicate(&ALL);
    stage
}

/// A leader is heard for a while: what was lost on the way to a follower is asked for and sent again.
fn beat(stage: &mut Stage, leader: usize) {
    for _ in 0..4 {
        stage.say_present(leader);
        stage.replicate(&ALL);
    }
}

fn says(stage: &Stage, from: usize, matches: impl Fn(&Letter<Message>) -> bool) -> bool {
    stage.pool.iter().any(|letter| letter.from == from && matches(letter))
}

/// Everyone's log equals that of 0, and so does what everyone decided.
fn assert_agreed(stage: &Stage) {
    for place in ALL {
        assert_eq!(ids(stage.decided(place)), ids(stage.decided(0)));
        assert_eq!(ids(&stage.entries(place)), ids(&stage.entries(0)));
    }
    assert!(!stage.has_forked());
}

/// A candidate asks for a vote.
fn asks(term: Term, end: End, handed_over: bool) -> Message {
    Message::RequestVote(Request { term, end, handed_over })
}

/// Whether `from` grants its vote in this term.
fn grants(stage: &Stage, from: usize, term: Term) -> bool {
    let granted = Message::VoteReply(Reply { term, granted: true });
    says(stage, from, |letter| letter.message == granted)
}

#[test]
fn a_first_leader_is_elected_fast_and_starts_its_term_with_a_block_at_once() {
    let mut stage = Stage::raft(3, None);
    let waits = ALL.map(|place| stage.timers(place)[0].1);
    assert_eq!(waits.iter().filter(|wait| **wait < BASE_TIMEOUT / 2).count(), 1, "one goes ahead: {waits:?}");
    let first = ALL.into_iter().min_by_key(|place| waits[*place]).unwrap();
    stage.fire_timers(first);
    stage.deliver(|letter| letter.is_pre_vote() || letter.is_vote());
    assert!(stage.leads(first) && stage.term(first) == 1);
    let turn = stage.wanted(first).expect("it wants a block").clone();
    assert_eq!((turn.height, turn.tag, turn.at_once), (101, 1, true));
    stage.append(first, &ALL);
    assert!(ALL.iter().all(|place| stage.decided(*place).len() == 1));
    assert!(!stage.wanted(first).expect("it wants the next").at_once);
}

#[test]
fn a_leader_has_a_few_blocks_under_way_and_no_more() {
    let mut stage = led_by_zero();
    for _ in 0..10 {
        stage.draft(0);
    }
    assert_eq!(stage.end(0), 100 + IN_FLIGHT);
    assert!(stage.wanted(0).is_none() && stage.decided(0).is_empty());
    let turn_after = |stage: &mut Stage| {
        stage.replicate(&[0, 1]);
        stage.wanted(0).cloned().expect("what is decided makes room")
    };
    let turn = turn_after(&mut stage);
    assert_eq!(turn.height, 101 + IN_FLIGHT);
    assert!(turn.ancestors.is_empty(), "all below it are decided");
}

#[test]
fn a_log_that_differs_is_searched_term_by_term_and_replaced() {
    let mut stage = Stage::raft(3, None);
    let setup = stage.setup(0).clone();
    let shared = entries(&setup, &base(), &[1]);
    // 2 followed leaders of terms 1, 2 and 3, which nobody else heard of.
    let stray = entries(&setup, &shared[0].header, &[2, 2, 2, 2, 3, 3, 3, 3]);
    stage.say(1, 2, append(1, root(), &shared, 100));
    stage.say(1, 2, append(3, point(&shared[0]), &stray, 100));
    // 0 has others of terms 1 and 4.
    let kept = entries(&setup, &shared[0].header, &[1, 1, 1, 4, 4, 4, 4, 4, 4, 4]);
    stage.say(1, 0, append(1, root(), &shared, 100));
    stage.say(1, 0, append(4, point(&shared[0]), &kept, 100));
    assert_eq!((stage.end(0), stage.end(2)), (111, 109));
    assert!(stage.elect(0, &[1]));
    stage.append(0, &[0, 2]);
    assert_eq!(stage.decided(0).len(), 12);
    assert_eq!(ids(stage.decided(0)), ids(stage.decided(2)));
    assert_eq!(ids(&stage.entries(0)), ids(&stage.entries(2)));
}

#[test]
fn a_search_takes_no_more_questions_than_there_are_terms() {
    let mut stage = Stage::raft(3, None);
    let setup = stage.setup(0).clone();
    let stray = entries(&setup, &base(), &[1, 1, 1, 1, 1, 3, 3, 3, 3, 3]);
    let kept = entries(&setup, &base(), &[2, 2, 2, 2, 2, 4, 4, 4, 4, 4]);
    stage.say(1, 2, append(3, root(), &stray, 100));
    stage.say(1, 0, append(4, root(), &kept, 100));
    assert!(stage.elect(0, &[1]));
    let mut conflicts = 0;
    while let Some(at) = stage.pool.iter().position(|letter| letter.is_between(&[0, 2])) {
        let letter = stage.pool.remove(at);
        conflicts += usize::from(letter.is_conflict());
        stage.say(letter.from, letter.to, letter.message);
    }
    assert!((1..=4).contains(&conflicts), "{conflicts}");
    assert_eq!(ids(&stage.entries(0)), ids(&stage.entries(2)));
}

#[test]
fn a_second_answer_to_one_question_does_not_lead_the_search_too_far_down() {
    for stray in [&[1, 1][..], &[]] {
        let mut stage = Stage::raft(3, None);
        let setup = stage.setup(0).clone();
        stage.say(1, 2, append(1, root(), &entries(&setup, &base(), stray), 100));
        stage.say(1, 0, append(2, root(), &entries(&setup, &base(), &[2, 2]), 100));
        assert!(stage.elect(0, &[1]));
        // Two heartbeats ask the same before either is answered.
        stage.say_present(0);
        stage.deliver(|letter| letter.to == 2 && letter.is_append());
        assert_eq!(stage.pool.iter().filter(|letter| letter.is_conflict()).count(), 2);
        while let Some(at) = stage.pool.iter().position(|letter| letter.is_between(&[0, 2])) {
            let letter = stage.pool.remove(at);
            assert!(!matches!(letter.message, Message::Gone(_)), "0 has all that 2 lacks");
            stage.say(letter.from, letter.to, letter.message);
        }
        assert_eq!(ids(&stage.entries(0)), ids(&stage.entries(2)));
    }
}

#[test]
fn a_leader_that_hears_no_quorum_steps_down_and_its_tail_is_replaced() {
    let mut stage = led_by_zero();
    for _ in 0..3 {
        stage.draft(0);
    }
    stage.lose(|_| true);
    assert!(stage.leads(0));
    stage.now += BASE_TIMEOUT * 2;
    stage.say_present(0);
    stage.draft(0);
    assert!(!stage.leads(0) && stage.end(0) == 103, "it makes no more blocks");
    assert!(stage.elect(1, &[2]));
    stage.append(1, &[1, 2]);
    assert_eq!((stage.end(0), stage.decided(1).len()), (103, 1));
    // The old leader hears of the new one.
    stage.say_present(1);
    stage.append(1, &ALL);
    assert_eq!(stage.decided(0).len(), 2);
    assert_agreed(&stage);
}

#[test]
fn a_leader_that_one_other_answers_stays() {
    let mut stage = led_by_zero();
    for _ in 0..20 {
        stage.now += BASE_TIMEOUT / 4;
        stage.say_present(0);
        stage.replicate(&[0, 1]);
    }
    assert!(stage.leads(0) && stage.term(1) == 1);
}

#[test]
fn a_member_that_comes_back_without_news_does_not_disturb_a_leader_that_is_heard() {
    let mut stage = led_by_zero();
    stage.append(0, &ALL);
    stage.restart(2);
    stage.fire_timers(2);
    assert!(says(&stage, 2, Letter::is_pre_vote), "it knows of no leader, and asks");
    stage.deliver(|_| true);
    assert!(stage.leads(0) && ALL.iter().all(|place| stage.term(*place) == 1));
    assert_eq!(stage.status(2).leader, Some(ValidatorIndex(0)), "the leader says that it is there");
}

#[test]
fn a_candidate_of_a_later_term_does_not_end_the_term_of_a_leader_that_is_heard() {
    let mut stage = led_by_zero();
    stage.say(2, 1, asks(9, End { term: 8, height: 300 }, false));
    assert_eq!(stage.term(1), 1);
    assert!(stage.pool.is_empty(), "it is not even answered");
    // A while later nobody is heard.
    stage.now += BASE_TIMEOUT;
    stage.say(2, 1, asks(9, End { term: 8, height: 300 }, false));
    assert!(grants(&stage, 1, 9));
}

#[test]
fn a_member_that_is_cut_off_does_not_raise_its_term() {
    let mut stage = led_by_zero();
    let mut asked = 0;
    for _ in 0..100 {
        stage.now += BASE_TIMEOUT;
        stage.say_present(0);
        stage.fire_timers(2);
        asked += stage.pool.iter().filter(|letter| letter.is_pre_vote()).count();
        stage.replicate(&[0, 1]);
    }
    assert!(asked > 20, "{asked}");
    assert_eq!(stage.term(2), 1);
    let waits: Vec<_> = stage.timers(2).iter().map(|(_, wait)| *wait).collect();
    assert!(waits.iter().all(|wait| *wait <= MAX_TIMEOUT * 2), "{waits:?}");
    // So it is no trouble when it is back.
    stage.append(0, &[0, 1]);
    beat(&mut stage, 0);
    assert!(stage.leads(0) && stage.term(0) == 1);
    assert_agreed(&stage);
}

#[test]
fn a_split_vote_is_resolved_in_a_later_term() {
    let mut stage = Stage::raft(4, None);
    // 0 and 1 stand at once; 2 votes for the one and 3 for the other.
    for (place, other) in [(0, 1), (1, 0)] {
        stage.fire_timers(place);
        stage.fire_timers(place);
        stage.deliver(|letter| letter.is_pre_vote() && letter.to != other && letter.from != other);
    }
    stage.deliver(|letter| letter.is_vote() && letter.is_between(&[0, 2]));
    stage.deliver(|letter| letter.is_vote() && letter.is_between(&[1, 3]));
    stage.deliver(|letter| letter.is_vote());
    assert!((0..4).all(|place| stage.term(place) == 1 && !stage.leads(place)));
    assert!(stage.elect(1, &[0, 2, 3]));
    assert_eq!(stage.term(1), 2);
    stage.append(1, &[0, 1, 2, 3]);
    assert!((0..4).all(|place| stage.decided(place).len() == 1));
}

#[test]
fn a_leader_that_leaves_makes_the_furthest_follower_leader_without_a_time_out() {
    let mut stage = led_by_zero();
    stage.append(0, &[0, 1]);
    stage.give(0, Input::Leaving);
    let heirs: Vec<usize> = stage.pool.iter().map(|letter| letter.to).collect();
    assert_eq!(heirs, [1], "2 lacks a block");
    // No time passes, and 2 has just heard 0.
    stage.deliver(|letter| !letter.is_replication());
    assert!(stage.leads(1) && stage.term(1) == 2);
    stage.append(1, &[1, 2]);
    assert_eq!(stage.decided(2).len(), 2);
    // Whoever does not lead has nothing to hand over.
    stage.give(2, Input::Leaving);
    assert!(stage.pool.is_empty());
}

#[test]
fn a_member_that_lost_its_disk_is_not_asked_without_end() {
    let mut stage = led_by_zero();
    (0..3).for_each(|_| stage.append(0, &ALL));
    assert_eq!(stage.end(2), 103);
    stage.restart_with(2, 0);
    // It can't be helped before the next term: the leader goes on with the other, and asks it no more than each heartbeat.
    for _ in 0..10 {
        stage.say_present(0);
        let mut conflicts = 0;
        while let Some(at) = stage.pool.iter().position(Letter::is_replication) {
            let letter = stage.pool.remove(at);
            conflicts += usize::from(letter.is_conflict());
            stage.say(letter.from, letter.to, letter.message);
            assert!(conflicts < 3, "a conversation without end");
        }
    }
    stage.append(0, &[0, 1]);
    assert_eq!(stage.decided(1).len(), 4);
}

#[test]
fn a_follower_that_needs_what_is_truncated_asks_for_sealed_blocks_and_goes_on_from_there() {
    let mut stage = led_by_zero();
    (0..4_120).for_each(|_| stage.append(0, &[0, 1]));
    let newest = stage.decided(0).last().unwrap().header.clone();
    [0, 1].iter().for_each(|place| stage.give(*place, Input::Stable(sealed(&newest, 3, Scheme::StandIn))));
    beat(&mut stage, 0);
    let needed = stage.behind(2).expect("it is behind");
    assert!(needed > 100 && needed < newest.height && stage.decided(2).is_empty());
    // It fetches sealed blocks, and meets the log.
    stage.give(2, Input::Stable(sealed(&newest, 3, Scheme::StandIn)));
    stage.now += BASE_TIMEOUT;
    beat(&mut stage, 0);
    stage.append(0, &ALL);
    let decided: Vec<Height> = stage.decided(2).iter().map(|block| block.header.height).collect();
    assert_eq!(decided, [newest.height + 1]);
    assert!(!stage.has_forked());
}

/// Sealed blocks come in rounds that take longer than a leader under load needs for as many blocks: whoever once had to fetch them
/// would always have to.
#[test]
fn a_follower_that_was_slow_finds_what_it_needs_in_the_log_though_it_is_stable() {
    let mut stage = led_by_zero();
    (0..1_000).for_each(|_| stage.append(0, &[0, 1]));
    let newest = stage.decided(0).last().unwrap().header.clone();
    [0, 1].iter().for_each(|place| stage.give(*place, Input::Stable(sealed(&newest, 3, Scheme::StandIn))));
    beat(&mut stage, 0);
    stage.append(0, &ALL);
    assert_eq!((stage.behind(2), stage.decided(2).len()), (None, 1_001));
}

#[test]
fn repeated_and_late_appends_change_nothing() {
    let mut stage = led_by_zero();
    let setup = stage.setup(0).clone();
    let all = entries(&setup, &base(), &[1, 1, 1, 1]);
    stage.say(0, 2, append(1, root(), &all, 100));
    let before = stage.disk(2).to_vec();
    // What is shorter is no reason to drop what follows: it may only be late.
    for late in [&all[..1], &all[..0], &all[..3], &all[..]] {
        stage.say(0, 2, append(1, root(), late, 100));
    }
    stage.say(0, 2, append(1, point(&all[0]), &all[1..3], 100));
    assert_eq!((stage.end(2), stage.disk(2)), (104, &before[..]));
    // Nor does an old commit height take anything back.
    stage.say(0, 2, append(1, root(), &all, 103));
    stage.say(0, 2, append(1, root(), &all, 101));
    assert_eq!((stage.status(2).decided, stage.decided(2).len()), (103, 3));
}

#[test]
fn messages_in_any_order_some_twice_bring_everyone_the_same_log() {
    for seed in 0..50 {
        let mut stage = led_by_zero();
        stage.drafts = Drafts::AtOnce;
        stage.draft(0);
        let mut choices = Choices(seed);
        for _ in 0..600 {
            shuffle(&mut stage.pool, &mut choices);
            let Some(letter) = stage.pool.pop() else {
                stage.say_present(0);
                continue;
            };
            if choices.once_in(5) {
                stage.pool.push(letter.clone());
            }
            stage.say(letter.from, letter.to, letter.message);
        }
        stage.drafts = Drafts::WhenTold;
        beat(&mut stage, 0);
        assert!(stage.leads(0) && stage.decided(0).len() > 20, "{}", stage.decided(0).len());
        assert_agreed(&stage);
    }
}

#[test]
fn what_is_committed_is_not_judged_again_and_the_rest_waits_for_the_ledger() {
    let mut stage = led_by_zero();
    stage.verdict = None;
    let setup = stage.setup(0).clone();
    let all = entries(&setup, &base(), &[1, 1, 1, 1]);
    stage.say(0, 2, append(1, root(), &all, 102));
    assert_eq!((stage.end(2), stage.decided(2).len()), (102, 2));
    assert_eq!(stage.asked(2), [all[2].id(), all[3].id()], "of the committed ones nobody asks");
    assert!(!says(&stage, 2, |letter| letter.is_matched(103)));
    // Once approved, oldest first, they are on disk and acknowledged.
    stage.give(2, Input::Validated(all[3].id(), Verdict::Valid));
    assert_eq!(stage.end(2), 102);
    stage.give(2, Input::Validated(all[2].id(), Verdict::Valid));
    assert!(stage.end(2) == 104 && says(&stage, 2, |letter| letter.is_matched(104)));
    // Sent again, they are not judged again.
    stage.say(0, 2, append(1, root(), &all, 102));
    assert_eq!(stage.asked(2).len(), 2);
}

#[test]
fn what_the_ledger_refuses_is_not_taken_until_it_is_committed() {
    let mut stage = led_by_zero();
    stage.verdict = Some(Verdict::Never);
    let setup = stage.setup(0).clone();
    let all = entries(&setup, &base(), &[1, 1]);
    stage.say(0, 2, append(1, root(), &all, 100));
    assert!(stage.end(2) == 100 && !says(&stage, 2, |letter| letter.is_matched(101)));
    // A quorum of others thinks otherwise: then so it is.
    stage.say(0, 2, append(1, root(), &all, 102));
    assert_eq!(ids(stage.decided(2)), ids(&all));
}

#[test]
fn a_follower_takes_for_committed_only_what_it_knows_to_be_the_leaders() {
    let mut stage = led_by_zero();
    let setup = stage.setup(0).clone();
    let all = entries(&setup, &base(), &[1, 1, 1]);
    stage.say(0, 2, append(1, root(), &all, 100));
    stage.say(1, 2, append(2, point(&all[0]), &[], 103));
    assert_eq!(stage.status(2).decided, 101, "what follows may not be in the log of 1");
    stage.say(1, 2, append(2, point(&all[2]), &[], 103));
    assert_eq!(stage.status(2).decided, 103);
}

#[test]
fn a_leader_of_an_older_term_is_told_that_it_is_over() {
    let mut stage = led_by_zero();
    stage.draft(0);
    let old: Vec<Letter<Message>> = stage.pool.drain(..).filter(|letter| letter.to == 2).collect();
    assert!(stage.elect(1, &[2]));
    stage.lose(|_| true);
    assert!(stage.leads(0) && stage.term(2) == 2);
    for letter in old {
        stage.say(letter.from, letter.to, letter.message);
    }
    assert_eq!(stage.end(2), 100, "nothing of it is taken");
    stage.deliver(|letter| letter.to == 0);
    assert!(!stage.leads(0) && stage.term(0) == 2);
}

#[test]
fn an_idle_group_says_nothing() {
    let mut stage = led_by_zero();
    stage.append(0, &ALL);
    ALL.iter().for_each(|place| stage.give(*place, Input::Pending(false)));
    for _ in 0..10 {
        stage.now += MAX_TIMEOUT;
        ALL.iter().for_each(|place| stage.fire_timers(*place));
    }
    assert!(stage.pool.is_empty() && ALL.iter().all(|place| !stage.status(*place).timer_running));
    // Nobody was heard for long, and yet the leader goes on at once.
    stage.give(0, Input::Pending(true));
    stage.say_present(0);
    assert!(stage.leads(0));
    stage.append(0, &ALL);
    assert_eq!(stage.decided(2).len(), 2);
}

#[test]
fn a_ballot_written_long_ago_is_written_again_before_it_is_truncated() {
    let mut stage = Stage::raft(1, None);
    stage.fire_timers(0);
    assert!(stage.leads(0), "it has its own vote");
    for _ in 0..600 {
        stage.append(0, &[0]);
    }
    let term = stage.term(0);
    let newest = stage.decided(0).last().unwrap().header.clone();
    assert_eq!(newest.height, 700);
    stage.give(0, Input::Stable(sealed(&newest, 1, Scheme::StandIn)));
    assert!(stage.truncated(0) > 600);
    let kept = Record::Ballot(Ballot { term, vote: Some(ValidatorIndex(0)) });
    assert!(stage.disk(0).iter().any(|(_, record)| *record == kept));
    assert!(stage.disk(0).len() < 10);
    stage.restart_from(0, &newest);
    assert_eq!(stage.term(0), term);
}
