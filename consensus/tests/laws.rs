//! The laws that every engine obeys, whatever the network and the disks do: decisions ascend without gaps, each once;
//! no two members differ; nobody contradicts itself, even across a crash at any record; whoever is slow catches up;
//! an idle group is quiet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::cluster::{Cluster, Subject, Weather};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::To;
use witan_consensus::hotstuff::HotStuff;
use witan_consensus::pbft::{self, Pbft};
use witan_consensus::raft::{self, Raft};
use witan_types::{Block, Header, Scheme};

impl Subject for Pbft {
    fn commitments(_: usize, _: To, message: &pbft::Message) -> Vec<(String, String)> {
        let at = |what: &str, view: pbft::View, block: pbft::Point| {
            vec![(format!("{what} at {} in view {view}", block.height), format!("{}", block.id))]
        };
        match message {
            pbft::Message::PrePrepare(proposal) => {
                at("prepare", proposal.prepare.view, proposal.prepare.block)
            }
            pbft::Message::Prepare(prepare) => at("prepare", prepare.vote.view, prepare.vote.block),
            pbft::Message::Commit(vote) => at("commit", vote.view, vote.block),
            pbft::Message::ViewChange(change) => {
                vec![(format!("view change to {}", change.view), format!("{:?}", change.claims()))]
            }
            pbft::Message::NewView(_)
            | pbft::Message::Final(_)
            | pbft::Message::Hello(_)
            | pbft::Message::Fetch(_)
            | pbft::Message::Blocks(_)
            | pbft::Message::Gone(_) => Vec::new(),
        }
    }
}

impl Subject for Raft {
    fn commitments(author: usize, to: To, message: &raft::Message) -> Vec<(String, String)> {
        let vote = |term: raft::Term, candidate: usize| {
            vec![(format!("vote in term {term}"), format!("{candidate}"))]
        };
        match (message, to) {
            (raft::Message::RequestVote(request), _) => vote(request.term, author),
            (raft::Message::VoteReply(reply), To::One(candidate)) if reply.granted => {
                vote(reply.term, candidate.at())
            }
            (raft::Message::Append(append), _) => {
                let entry = |block: &Arc<Block>| {
                    let Header { height, tag, .. } = block.header;
                    (format!("entry at {height} of term {tag}"), format!("{}", block.id()))
                };
                append.entries.iter().map(entry).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Foul weather, then fair: the cluster agrees throughout, and everyone moves on once it may.
fn survives_foul_weather<E: Subject>(size: usize, seed: u64, scheme: Scheme, events: usize) {
    let mut cluster = Cluster::<E>::new(size, seed, scheme, Weather::FOUL);
    cluster.run(events);
    cluster.heal();
    let goal = cluster.highest() + 10;
    reaches(&mut cluster, goal, 120_000);
}

/// Every running member decides `goal` within a time.
fn reaches<E: Subject>(cluster: &mut Cluster<E>, goal: u64, within_ms: u128) {
    let deadline = cluster.now_ms() + within_ms;
    while cluster.lowest() < goal {
        assert!(cluster.run(1), "a group with work is never still");
        assert!(cluster.now_ms() < deadline, "no progress: {} of {goal}", cluster.lowest());
    }
}

/// With as many members down as the group withstands, the others go on. Each block waits for a few time-outs at most.
fn goes_on_without_the_faulty<E: Subject>(size: usize, seed: u64) {
    let mut cluster = Cluster::<E>::new(size, seed, Scheme::StandIn, Weather::FAIR);
    reaches(&mut cluster, 105, 60_000);
    let faulty = common::committee::<E>(size, Scheme::StandIn).max_faulty();
    let first = usize::try_from(seed % size as u64).unwrap();
    (0..faulty).for_each(|place| cluster.stop((first + place) % size));
    let goal = cluster.highest() + 20;
    reaches(&mut cluster, goal, 200_000);
}

/// An hour in two halves, neither of them a quorum: nothing is decided, and soon after they meet again something is.
fn meets_again_after_an_hour<E: Subject>(size: usize, seed: u64) {
    let cluster = Cluster::<E>::new(size, seed, Scheme::StandIn, Weather::FAIR);
    meet_again_after_an_hour(cluster, size);
}

fn meet_again_after_an_hour<E: Subject>(mut cluster: Cluster<E>, size: usize) {
    reaches(&mut cluster, 105, 60_000);
    cluster.cut_at(size / 2);
    let (before, hour) = (cluster.highest(), cluster.now_ms() + 3_600_000);
    while cluster.now_ms() < hour {
        assert!(cluster.run(1), "a group with work is never still");
    }
    assert!(cluster.highest() <= before + 8, "no quorum, no decision but of what was under way");
    cluster.heal();
    let goal = cluster.highest() + 1;
    reaches(&mut cluster, goal, 2 * common::MAX_TIMEOUT.as_millis());
}

/// Once the work is done, everyone decides the same height and nothing more is said.
fn falls_silent_without_work<E: Subject>(size: usize, seed: u64) {
    let mut cluster = Cluster::<E>::new(size, seed, Scheme::StandIn, Weather::FAIR);
    reaches(&mut cluster, 105, 120_000);
    cluster.set_work(false);
    assert!(!cluster.run(20_000), "an idle group is quiet");
    assert_eq!(cluster.lowest(), cluster.highest(), "everyone has decided what anyone has");
    cluster.set_work(true);
    let goal = cluster.highest() + 5;
    reaches(&mut cluster, goal, 120_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hotstuff_survives_foul_weather(seed: u64, size in 1_usize..8) {
        survives_foul_weather::<HotStuff>(size, seed, Scheme::StandIn, 4_000);
    }

    #[test]
    fn hotstuff_falls_silent_without_work(seed: u64, size in 1_usize..8) {
        falls_silent_without_work::<HotStuff>(size, seed);
    }

    #[test]
    fn pbft_survives_foul_weather(seed: u64, size in 1_usize..8) {
        survives_foul_weather::<Pbft>(size, seed, Scheme::StandIn, 4_000);
    }

    #[test]
    fn pbft_falls_silent_without_work(seed: u64, size in 1_usize..8) {
        falls_silent_without_work::<Pbft>(size, seed);
    }

    #[test]
    fn raft_survives_foul_weather(seed: u64, size in 1_usize..8) {
        survives_foul_weather::<Raft>(size, seed, Scheme::StandIn, 4_000);
    }

    #[test]
    fn raft_falls_silent_without_work(seed: u64, size in 1_usize..8) {
        falls_silent_without_work::<Raft>(size, seed);
    }

    #[test]
    fn raft_goes_on_without_the_faulty(seed: u64, size in 3_usize..11) {
        goes_on_without_the_faulty::<Raft>(size, seed);
    }

    #[test]
    fn pbft_goes_on_without_the_faulty(seed: u64, size in 4_usize..11) {
        goes_on_without_the_faulty::<Pbft>(size, seed);
    }

    #[test]
    fn hotstuff_goes_on_without_the_faulty(seed: u64, size in 4_usize..11) {
        goes_on_without_the_faulty::<HotStuff>(size, seed);
    }
}

#[test]
fn hotstuff_meets_again_after_an_hour() {
    (4..8).for_each(|size| meets_again_after_an_hour::<HotStuff>(size, 3));
}

#[test]
fn hotstuff_survives_foul_weather_with_real_signatures() {
    survives_foul_weather::<HotStuff>(4, 11, Scheme::Ed25519, 400);
}

#[test]
fn pbft_meets_again_after_an_hour() {
    (4..8).for_each(|size| meets_again_after_an_hour::<Pbft>(size, 3));
}

/// What QBFT of Besu did: after a partition its members waited far apart and for long (hyperledger/besu #7642). HotStuff and
/// PBFT can't: without a quorum they wait in one round or view, and no longer than for any other.
#[test]
#[should_panic(expected = "no progress")]
fn raft_whose_time_outs_have_no_cap_does_not_meet_again_soon() {
    let (fair, day) = (Weather::FAIR, Duration::from_secs(24 * 3600));
    meet_again_after_an_hour(Cluster::<Raft>::with_longest_timeout(4, 3, Scheme::StandIn, fair, day), 4);
}

#[test]
fn without_a_quorum_hotstuff_and_pbft_need_no_cap_on_time_outs() {
    let (fair, day) = (Weather::FAIR, Duration::from_secs(24 * 3600));
    meet_again_after_an_hour(Cluster::<HotStuff>::with_longest_timeout(4, 3, Scheme::StandIn, fair, day), 4);
    meet_again_after_an_hour(Cluster::<Pbft>::with_longest_timeout(4, 3, Scheme::StandIn, fair, day), 4);
}

#[test]
fn pbft_survives_foul_weather_with_real_signatures() {
    survives_foul_weather::<Pbft>(4, 11, Scheme::Ed25519, 400);
}

#[test]
fn raft_meets_again_after_an_hour() {
    [4, 6].into_iter().for_each(|size| meets_again_after_an_hour::<Raft>(size, 3));
}
