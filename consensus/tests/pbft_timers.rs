//! PBFT in time: how long members wait, for whom, and which timers no longer mean anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::pbft::{Stage, leader};
use common::{BASE_TIMEOUT, MAX_TIMEOUT, sealed};
use std::time::Duration;
use witan_consensus::engine::Input;
use witan_consensus::pbft::{TURN_HEIGHTS, Timer, View};
use witan_types::{Height, Scheme};

const ALL: [usize; 4] = [0, 1, 2, 3];

/// How long a member meant to wait for a decision above `height` in `view`, at the last.
fn patience(stage: &Stage, place: usize, view: View, height: Height) -> Duration {
    let timers = stage.timers(place).iter().rev();
    let wait =
        timers.filter(|(timer, _)| *timer == Timer::Progress(view, height)).map(|(_, wait)| *wait).next();
    wait.expect("it waits")
}

/// Whether a wait is this long, or up to a tenth longer.
fn is_about(wait: Duration, expected: Duration) -> bool {
    wait >= expected && wait <= expected * 11 / 10
}

/// What is under way runs until these members have decided `goal`; what is decided is sealed every eight blocks.
fn reach(stage: &mut Stage, members: &[usize], goal: Height) {
    while members.iter().any(|place| stage.status(*place).decided < goal) {
        let at = stage.pool.iter().position(|letter| letter.is_among(members)).expect("something is said");
        let letter = stage.pool.remove(at);
        let (to, before) = (letter.to, stage.decided(letter.to).len());
        stage.say(letter.from, letter.to, letter.message);
        if let Some(newest) = stage.decided(to)[before..].iter().rfind(|block| block.header.height % 8 == 0) {
            let newest = sealed(&newest.header.clone(), 4, Scheme::StandIn);
            stage.give(to, Input::Stable(newest));
        }
    }
}

#[test]
fn waits_grow_by_half_with_each_failed_view_up_to_a_cap_and_start_over_with_a_decision() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    // Twelve views in a row bring nothing, though their leaders are there.
    for view in 1..=12 {
        stage.ask_for(&ALL, view);
        stage.lose(|_| true);
    }
    let mut expected = BASE_TIMEOUT;
    for view in 0..=12 {
        assert!(is_about(patience(&stage, 2, view, 100), expected), "view {view}");
        expected = (expected + expected / 2).min(MAX_TIMEOUT);
    }
    assert_eq!(expected, MAX_TIMEOUT);
    // The last of them brings a block at last: what comes next is waited for no longer than at first.
    ALL.iter().for_each(|place| stage.say_again(*place));
    stage.run(&ALL, 12, 101);
    assert!(is_about(patience(&stage, 2, 12, 101), BASE_TIMEOUT));
}

#[test]
fn a_new_view_is_waited_for_from_when_a_quorum_asks_for_it() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    let waits = |stage: &Stage| stage.timers(2).iter().any(|(timer, _)| *timer == Timer::NewView(1));
    stage.change_view(2);
    stage.change_view(1);
    stage.deliver(|letter| letter.is_view_change(1) && letter.to == 2);
    assert!(!waits(&stage), "two are no quorum");
    stage.change_view(0);
    stage.deliver(|letter| letter.is_view_change(1) && letter.to == 2);
    assert!(waits(&stage));
    // It never comes: then the next one is asked for.
    stage.give(2, Input::Timeout(Timer::NewView(1)));
    assert_eq!(stage.view(2), 2);
}

#[test]
fn a_leader_whose_last_turn_failed_is_waited_for_less_and_the_one_after_it_is_not() {
    let mut stage = Stage::of_four();
    let others = [0, 1, 2];
    // 3 leads at first, and is silent.
    stage.lose(|letter| letter.from == 3);
    stage.ask_for(&others, 1);
    let turn = (100 / TURN_HEIGHTS..).map(|turn| turn * TURN_HEIGHTS).find(|height| leader(1, *height) == 3);
    let before = turn.expect("it leads again in view 1") - 1;
    reach(&mut stage, &others, before);
    assert!(is_about(patience(&stage, 2, 1, before - 1), BASE_TIMEOUT));
    assert!(is_about(patience(&stage, 2, 1, before), BASE_TIMEOUT / 8), "it was never heard of since");
    // Only f turns in a row are so short: among f + 1 leaders one is honest, and has its full time.
    stage.lose(|_| true);
    stage.ask_for(&others, 2);
    assert!(patience(&stage, 2, 2, before) >= BASE_TIMEOUT);
}

#[test]
fn a_leader_that_failed_and_was_heard_of_since_is_given_half_its_time() {
    let mut stage = Stage::of_four();
    stage.lose(|_| true);
    stage.ask_for(&ALL, 1);
    let turn = (100 / TURN_HEIGHTS..).map(|turn| turn * TURN_HEIGHTS).find(|height| leader(1, *height) == 3);
    let before = turn.expect("it leads again in view 1") - 1;
    reach(&mut stage, &ALL, before);
    assert!(is_about(patience(&stage, 2, 1, before), BASE_TIMEOUT / 2));
}

#[test]
fn timers_of_what_is_over_are_ignored() {
    let mut stage = Stage::of_four();
    stage.run(&ALL, 0, 101);
    stage.lose(|_| true);
    for stale in [
        Timer::Progress(0, 100),
        Timer::NewView(0),
        Timer::NewView(1),
        Timer::Resend(0, 100),
        Timer::Progress(7, 101),
    ] {
        stage.give(0, Input::Timeout(stale));
        assert!(stage.view(0) == 0 && stage.pool.is_empty(), "{stale:?}");
    }
    stage.give(0, Input::Timeout(Timer::Progress(0, 101)));
    assert_eq!(stage.view(0), 1);
    stage.lose(|_| true);
    for stale in [Timer::Progress(0, 101), Timer::Progress(1, 101), Timer::NewView(1), Timer::Resend(0, 101)]
    {
        stage.give(0, Input::Timeout(stale));
        assert!(stage.view(0) == 1 && stage.pool.is_empty(), "{stale:?}");
    }
}

#[test]
fn without_work_nobody_counts_down_and_with_work_everybody_does() {
    let mut stage = Stage::of_four();
    stage.run(&ALL, 0, 101);
    assert!(ALL.iter().all(|place| stage.status(*place).timer_running));
    let mut idle = Stage::of_four();
    idle.lose(|_| true);
    idle.give(0, Input::Pending(false));
    assert!(!idle.status(0).timer_running);
    idle.give(0, Input::Timeout(Timer::Progress(0, 100)));
    assert_eq!(idle.view(0), 0, "a timer set before there was no work is stale");
}
