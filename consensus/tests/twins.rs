//! Every schedule of a few rounds with a validator that runs twice: no fork, and the enumeration finds mistakes in the rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::stage::Staged;
use common::twins::{Partings, play_all};
use witan_consensus::hotstuff::{HotStuff, PlantedFault};

/// No schedule of this many phases forks the chain, and some decide.
fn no_schedule_forks<E: Staged + Clone>(phases: usize, partings: Partings) {
    let played = play_all::<E>(phases, partings, None);
    println!("{phases} phases, {partings:?}: {played:?}");
    assert_eq!(played.forked, 0, "{played:?}");
    assert!(played.decided > 0, "some schedule decides something: {played:?}");
}

#[test]
fn no_schedule_of_three_rounds_forks_hotstuff() {
    no_schedule_forks::<HotStuff>(3, Partings::All);
}

#[test]
fn no_schedule_of_four_rounds_that_parts_the_twins_forks_hotstuff() {
    no_schedule_forks::<HotStuff>(4, Partings::OfTwins);
}

#[test]
fn the_enumeration_finds_order_votes_after_a_time_out() {
    let played = play_all::<HotStuff>(3, Partings::All, Some(PlantedFault::OrderVoteAfterTimeout));
    assert!(played.forked > 0, "{played:?}");
}
