//! What becomes of transactions from clients and from peers.

use crate::cluster::{Cluster, GROUP, genesis, put, put_at};
use std::time::Duration;
use witan_ledger::{first_owner, slot_of};
use witan_replica::message::Heartbeat;
use witan_replica::{Admission, Group as _, Message, Notice};
use witan_types::genesis::GenesisGroup;
use witan_types::{EngineKind, GroupId, Key};

#[test]
fn the_same_transaction_again_is_pending_and_then_final() {
    let mut cluster = Cluster::running(4, 0);
    let transaction = cluster.put(1);
    assert_eq!(cluster.submit(0, &transaction), Admission::Pending);
    assert_eq!(cluster.submit(0, &transaction), Admission::Pending);
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.submit(0, &transaction), Admission::Final(2));
    assert_eq!(cluster.submit(3, &transaction), Admission::Final(2));
    cluster.run(Duration::from_secs(300));
    assert_eq!(cluster.submit(0, &transaction), Admission::Final(2), "long after it expired");
    assert_eq!(cluster.status(0).mempool_count, 0);
}

#[test]
fn a_transaction_of_another_groups_keys_is_not_taken_in_from_anyone() {
    let mut genesis = genesis(4);
    genesis.groups.push(GenesisGroup::of_all(GroupId(2), EngineKind::HotStuff));
    let elsewhere = |key: &Key| first_owner(&genesis, slot_of(key)) != GROUP;
    let key = (0_u32..).map(|number| Key(number.to_string().into_bytes())).find(elsewhere).unwrap();
    let mut cluster = Cluster::of_genesis(genesis, 1);
    cluster.connect_all();
    let transaction = put_at(key, &cluster.genesis, 1, cluster.now().wall_ms + 1_000);
    assert_eq!(cluster.submit(0, &transaction), Admission::Elsewhere);
    let message = Message::Transactions(vec![transaction.into()]);
    cluster.nodes[0].sent.clear();
    assert_eq!(cluster.ask(4, 0, &message), [Message::Accepted]);
    assert_eq!(cluster.status(0).mempool_count, 0);
    assert!(!cluster.nodes[0].sent.contains(&message), "nor passed on");
}

#[test]
fn a_transaction_is_known_at_every_moment_until_its_block_is_told() {
    let mut cluster = Cluster::running(4, 0);
    let transaction = cluster.put(1);
    assert_eq!(cluster.submit(0, &transaction), Admission::Pending);
    let tells = |notice: &Notice| match notice {
        Notice::Committed(commit) => commit.receipts.iter().any(|receipt| receipt.id == transaction.id()),
        Notice::Sealed(_) | Notice::Expired(_) => false,
    };
    for _ in 0..10_000 {
        if cluster.nodes[0].notices.iter().any(tells) {
            return;
        }
        let replica = cluster.nodes[0].replica.as_ref().unwrap();
        assert!(replica.is_pending(&transaction.id()), "executed, and not on disk yet");
        // One event at a time; if there is none, a moment passes.
        match cluster.on_the_way.pop_front() {
            Some((place, event)) => cluster.step(place, event),
            None => cluster.run(Duration::from_millis(1)),
        }
    }
    panic!("the transaction is never told");
}

#[test]
fn a_transaction_that_expires_leaves_with_a_notice() {
    let mut cluster = Cluster::running(4, 0);
    cluster.run(Duration::from_secs(5));
    let time = cluster.status(0).tip.time_ms;
    let expired = put(&cluster.genesis, 1, time);
    assert_eq!(cluster.submit(0, &expired), Admission::Expired);
    let expiring = put(&cluster.genesis, 1, time + 1);
    assert_eq!(cluster.submit(0, &expiring), Admission::Pending);
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.status(0).mempool_count, 0);
    assert!(cluster.nodes[0].notices.contains(&Notice::Expired(vec![expiring.id()])));
    assert_eq!(cluster.submit(0, &expiring), Admission::Expired);
}

#[test]
fn a_transaction_that_expires_beyond_the_networks_memory_is_refused() {
    let mut cluster = Cluster::running(4, 0);
    let latest = cluster.now().wall_ms + cluster.genesis.parameters.max_tx_lifetime_ms;
    let too_far = put(&cluster.genesis, 1, latest + 1);
    assert_eq!(cluster.submit(0, &too_far), Admission::ExpiryTooFar(latest));
    let far = put(&cluster.genesis, 1, latest);
    assert_eq!(cluster.submit(0, &far), Admission::Pending);
}

#[test]
fn transactions_by_request_are_accepted_and_relayed_to_the_validators() {
    let mut cluster = Cluster::running(4, 1);
    let transaction = cluster.put(1);
    let message = Message::Transactions(vec![transaction.clone().into()]);
    cluster.nodes[0].sent.clear();
    assert_eq!(cluster.ask(4, 0, &message), [Message::Accepted]);
    assert!(cluster.nodes[0].sent.contains(&message));
    cluster.nodes[0].sent.clear();
    assert_eq!(cluster.ask(4, 0, &message), [Message::Accepted], "again, but not relayed again");
    assert!(!cluster.nodes[0].sent.contains(&message));
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.submit(3, &transaction), Admission::Final(2));
}

#[test]
fn every_request_is_answered_once_in_its_step() {
    let mut cluster = Cluster::running(4, 1);
    cluster.execute(0, 1);
    let heartbeat = Heartbeat { wall_ms: 1, executed: 1, sealed: 1, votes: false };
    let answers = cluster.ask(4, 0, &Message::Heartbeat(heartbeat));
    let status = cluster.status(0);
    let expected = Heartbeat {
        wall_ms: cluster.now().wall_ms,
        executed: status.tip.height,
        sealed: status.sealed,
        votes: true,
    };
    assert_eq!(answers, [Message::Heartbeat(expected)]);
    let blocks = cluster.ask(4, 0, &Message::BlocksRequest { from: 0 });
    assert!(matches!(&blocks[..], [Message::Blocks(blocks)] if blocks.len() == 2));
    assert_eq!(cluster.ask(4, 0, &Message::BlocksRequest { from: u64::MAX }), [Message::Blocks(vec![])]);
    let others = [Message::Accepted, Message::Blocks(vec![]), Message::Seals(vec![]), blocks[0].clone()];
    for message in others {
        assert_eq!(cluster.ask(4, 0, &message), [Message::Accepted], "{message:?}");
    }
}

#[test]
fn a_transaction_whose_message_was_lost_is_sent_again() {
    let mut cluster = Cluster::running(4, 1);
    for (place, salt) in [(0, 1), (4, 2)] {
        cluster.loses = |_, _, message| matches!(message, Message::Transactions(_));
        let transaction = cluster.put(salt);
        cluster.submit(place, &transaction);
        cluster.run(Duration::from_millis(10));
        cluster.loses = |_, _, _| false;
        cluster.run(Duration::from_secs(5));
        assert!(matches!(cluster.submit(2, &transaction), Admission::Final(_)), "from node {place}");
    }
}

#[test]
fn a_validator_whose_clock_runs_ahead_takes_in_only_what_the_others_clocks_let_into_a_block() {
    let mut cluster = Cluster::running(4, 0);
    cluster.nodes[0].clock_ahead_ms = 3_600_000;
    cluster.run(Duration::from_secs(2));
    let latest = cluster.now().wall_ms + cluster.genesis.parameters.max_tx_lifetime_ms;
    let by_own_clock = put(&cluster.genesis, 1, latest + 1_000_000);
    assert_eq!(cluster.submit(0, &by_own_clock), Admission::ExpiryTooFar(latest));
}
