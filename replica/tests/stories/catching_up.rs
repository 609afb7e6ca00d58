//! Nodes that were away, crashed or fed nonsense come back.

use crate::cluster::{Cluster, node};
use std::time::Duration;
use witan_ledger::{LedgerError, Store};
use witan_replica::message::Heartbeat;
use witan_replica::{Event, Message};

fn requests_for_blocks(cluster: &Cluster, place: usize) -> usize {
    let asked = &cluster.nodes[place].asked;
    asked.iter().filter(|(_, message)| matches!(message, Message::BlocksRequest { .. })).count()
}

fn lie(cluster: &Cluster, sealed: u64) -> Message {
    Message::Heartbeat(Heartbeat { wall_ms: cluster.now().wall_ms, executed: sealed, sealed, votes: true })
}

#[test]
fn a_follower_catches_up_by_seals_over_several_answers() {
    let mut cluster = Cluster::running(4, 1);
    cluster.isolate(4);
    (0..300).for_each(|salt| {
        cluster.execute(salt as usize % 4, salt);
    });
    assert_eq!((cluster.height(0), cluster.height(4)), (301, 1));
    (0..4).for_each(|other| cluster.connect(4, other));
    cluster.run(Duration::from_secs(2));
    cluster.assert_sealed_alike(301);
}

#[test]
fn a_validator_that_was_away_longer_than_engines_remember_fetches_sealed_blocks() {
    let mut cluster = Cluster::running(4, 0);
    cluster.isolate(3);
    (0..60).for_each(|salt| {
        cluster.execute(salt as usize % 3, salt);
        cluster.run(Duration::from_millis(1_500));
    });
    cluster.connect_all();
    cluster.run(Duration::from_secs(10));
    assert!(requests_for_blocks(&cluster, 3) > 0);
    let height = cluster.height(0);
    cluster.assert_sealed_alike(height);
    let before = cluster.nodes[3].sent.len();
    cluster.execute(3, 1_000);
    assert!(cluster.nodes[3].sent[before..].iter().any(|message| matches!(message, Message::Shares { .. })));
    cluster.assert_sealed_alike(height + 1);
}

#[test]
fn a_validator_that_lost_its_seals_fetches_just_those_and_votes_again() {
    let mut cluster = Cluster::running(4, 0);
    cluster.nodes[3].loses_seals = true;
    (0..30).for_each(|salt| {
        cluster.execute(0, salt);
    });
    assert_eq!(cluster.nodes[3].disk.read(|store| (store.tip(), store.sealed_tip())), (Some(31), 1));
    cluster.crash(3);
    cluster.nodes[3].loses_seals = false;
    cluster.run(Duration::from_secs(5));
    cluster.restart(3);
    cluster.run(Duration::from_secs(10));
    (1..=31).for_each(|height| cluster.assert_sealed_alike(height));
    // With node 0 away, nothing is decided without node 3.
    cluster.crash(0);
    cluster.execute(1, 1_000);
    cluster.run(Duration::from_secs(10));
    assert!(cluster.height(1) > 31);
}

#[test]
fn nodes_that_crash_one_after_another_under_load_lose_nothing() {
    let mut cluster = Cluster::running(4, 1);
    let mut all = vec![];
    for salt in 0..60_u64 {
        let place = salt as usize % 5;
        let transaction = cluster.put(salt);
        let keeper = (place + 1) % 5;
        // What it does in its last moments may not reach its disks.
        cluster.nodes[place].log_stalls = salt % 3 == 0;
        cluster.nodes[place].loses_seals = salt % 4 == 0;
        cluster.submit(keeper, &transaction);
        all.push((keeper, transaction));
        cluster.run(Duration::from_millis(salt * 7 % 50));
        cluster.crash(place);
        cluster.nodes[place].log_stalls = false;
        cluster.nodes[place].loses_seals = false;
        cluster.run(Duration::from_millis(100 + salt * 37));
        cluster.restart(place);
        cluster.run(Duration::from_millis(salt * 13));
    }
    cluster.run(Duration::from_secs(20));
    cluster.assert_sealed_alike(cluster.height(0));
    for (_, transaction) in all {
        let found =
            |place: usize| cluster.nodes[place].disk.find_transaction(&transaction.id()).map(|(at, _)| at);
        assert_eq!(found(0), found(4));
    }
}

#[test]
fn a_node_that_crashed_before_genesis_was_written_starts_again() {
    let mut cluster = Cluster::of(4, 0);
    cluster.crash(2);
    cluster.nodes[2].disk = Default::default();
    cluster.connect_all();
    cluster.run(Duration::from_secs(1));
    cluster.restart(2);
    cluster.execute(0, 1);
    cluster.run(Duration::from_secs(2));
    cluster.assert_sealed_alike(cluster.height(0));
}

#[test]
fn a_ledger_with_a_seal_above_its_tip_is_refused() {
    let mut cluster = Cluster::running(4, 0);
    cluster.execute(0, 1);
    let seal = cluster.nodes[0].disk.seal(2).unwrap();
    cluster.crash(0);
    cluster.nodes[0].disk = Default::default();
    cluster.open(0).unwrap();
    cluster.deliver();
    cluster.crash(0);
    cluster.nodes[0].disk.put_seal(seal);
    let refused = LedgerError::Missing { what: "block", height: 2, tip: 0 };
    assert_eq!(cluster.open(0), Err(refused));
}

#[test]
fn a_peer_that_boasts_and_has_nothing_is_asked_now_and_then_only() {
    let mut cluster = Cluster::running(4, 1);
    cluster.isolate(4);
    cluster.connect(4, 3);
    cluster.deliver();
    cluster.loses = |from, to, message| (from, to) == (3, 4) && matches!(message, Message::Heartbeat(_));
    let boast = lie(&cluster, u64::MAX);
    cluster.tell(3, 4, &boast);
    let before = requests_for_blocks(&cluster, 4);
    cluster.run(Duration::from_secs(10));
    let asked = requests_for_blocks(&cluster, 4) - before;
    assert!(asked <= 12, "{asked}: no more than one each second, and one after each block that came");
}

#[test]
fn a_useless_answer_is_not_asked_for_again_at_once() {
    let mut cluster = Cluster::running(4, 1);
    cluster.isolate(4);
    let boast = lie(&cluster, u64::MAX);
    let old = cluster.ask(1, 0, &Message::BlocksRequest { from: 1 }).remove(0);
    assert!(matches!(&old, Message::Blocks(blocks) if !blocks.is_empty()));
    cluster.deliver();
    cluster.step(4, Event::PeerUp(node(3)));
    cluster.tell(3, 4, &boast);
    let before = requests_for_blocks(&cluster, 4);
    for _ in 0..50 {
        cluster.tell(3, 4, &old);
    }
    assert!(requests_for_blocks(&cluster, 4) - before <= 1);
}

#[test]
fn a_request_that_fails_is_not_made_again_at_once() {
    let mut cluster = Cluster::of(4, 1);
    cluster.loses = |_, _, message| matches!(message, Message::BlocksRequest { .. });
    cluster.connect_all();
    cluster.execute(0, 1);
    cluster.run(Duration::from_secs(5));
    assert!(requests_for_blocks(&cluster, 4) > 1, "it is made again, to several peers");
    cluster.loses = |_, _, _| false;
    cluster.run(Duration::from_secs(3));
    cluster.assert_sealed_alike(2);
}

#[test]
fn sealed_blocks_that_nobody_asked_for_are_ignored() {
    let mut cluster = Cluster::running(4, 1);
    cluster.isolate(4);
    cluster.execute(0, 1);
    let blocks = cluster.ask(1, 0, &Message::BlocksRequest { from: 2 }).remove(0);
    cluster.tell(3, 4, &blocks);
    assert_eq!(cluster.height(4), 1);
}

#[test]
fn one_liar_makes_nobody_believe_that_they_are_behind() {
    let mut cluster = Cluster::running(4, 1);
    let boast = lie(&cluster, u64::MAX);
    for (liar, kind) in [(4, "a stranger"), (3, "one of four validators")] {
        cluster.ask(liar, 0, &boast);
        cluster.tell(liar, 0, &boast);
        assert!(cluster.status(0).sealed_elsewhere <= cluster.height(0), "{kind}");
    }
}

#[test]
fn strangers_share_what_is_served_in_a_second_and_validators_do_not() {
    let mut cluster = Cluster::running(4, 1);
    let request = Message::BlocksRequest { from: 1 };
    let is_full = |answer: &[Message]| matches!(answer, [Message::Blocks(blocks)] if !blocks.is_empty());
    let served = (0..100_000).take_while(|_| is_full(&cluster.ask(4, 0, &request))).count();
    assert!((1..100_000).contains(&served), "{served} answers until strangers have had their share");
    assert!(is_full(&cluster.ask(1, 0, &request)), "a validator is served all the same");
    cluster.run(Duration::from_millis(1_100));
    assert!(is_full(&cluster.ask(4, 0, &request)), "and the next second is another one");
}
