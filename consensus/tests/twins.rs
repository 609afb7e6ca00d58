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
use common::twins::{Partings, Schedules, play_all};
use witan_consensus::hotstuff::{self, HotStuff};
use witan_consensus::pbft::{self, Pbft};

/// A round of HotStuff: a proposal, the votes on it, and what follows from those; then the time-outs.
const ROUND: usize = 3;

/// Three views of PBFT, each long enough for a new view, pre-prepares, prepares and commits, one after the other.
const WHOLE_VIEWS: Schedules<'_> = Schedules { waves: &[4; 3], after: 1, partings: Partings::All };

/// Four views of PBFT. The first ends while the commits are on their way, and the second lets few of them arrive, so the
/// later ones must keep what one member alone decided.
const VIEWS_CUT_SHORT: Schedules<'_> =
    Schedules { waves: &[2, 1, 4, 4], after: 0, partings: Partings::OfTwins };

/// No schedule forks the chain, and some decide.
fn no_schedule_forks<E: Staged + Clone>(schedules: Schedules<'_>) {
    let played = play_all::<E>(schedules, None);
    println!("{schedules:?}: {played:?}");
    assert_eq!(played.forked, 0, "{played:?}");
    assert!(played.decided > 0, "some schedule decides something: {played:?}");
}

/// Some schedule forks the chain of members with this fault.
fn some_schedule_forks<E: Staged + Clone>(schedules: Schedules<'_>, fault: E::Fault) {
    let played = play_all::<E>(schedules, Some(fault));
    println!("{schedules:?}: {played:?}");
    assert!(played.forked > 0, "{played:?}");
}

#[test]
fn no_schedule_of_three_rounds_forks_hotstuff() {
    no_schedule_forks::<HotStuff>(Schedules { waves: &[ROUND; 3], after: 1, partings: Partings::All });
}

#[test]
fn no_schedule_of_four_rounds_that_parts_the_twins_forks_hotstuff() {
    no_schedule_forks::<HotStuff>(Schedules { waves: &[ROUND; 4], after: 1, partings: Partings::OfTwins });
}

#[test]
fn the_enumeration_finds_order_votes_after_a_time_out() {
    let schedules = Schedules { waves: &[ROUND; 3], after: 1, partings: Partings::All };
    some_schedule_forks::<HotStuff>(schedules, hotstuff::PlantedFault::OrderVoteAfterTimeout);
}

#[test]
fn no_schedule_of_three_views_forks_pbft() {
    no_schedule_forks::<Pbft>(WHOLE_VIEWS);
}

#[test]
fn no_schedule_of_views_cut_short_that_parts_the_twins_forks_pbft() {
    no_schedule_forks::<Pbft>(VIEWS_CUT_SHORT);
}

#[test]
fn the_enumeration_finds_view_changes_that_forget() {
    some_schedule_forks::<Pbft>(WHOLE_VIEWS, pbft::PlantedFault::ViewChangeForgets);
}

#[test]
fn the_enumeration_finds_one_certificate_taken_for_all_heights() {
    some_schedule_forks::<Pbft>(VIEWS_CUT_SHORT, pbft::PlantedFault::OneCertificateForAll);
}
