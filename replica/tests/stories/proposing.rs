//! When blocks are made, and when not.

use crate::cluster::{Cluster, genesis, node};
use std::sync::Arc;
use std::time::Duration;
use witan_ledger::Store as _;
use witan_replica::{Admission, Event, Message, Notice};
use witan_types::Block;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_first_block_is_made_at_once_when_a_quorum_is_connected_and_not_before() {
    let mut cluster = Cluster::of(4, 0);
    cluster.connect(0, 1);
    cluster.run(Duration::from_secs(3));
    assert_eq!(cluster.height(0), 0, "two of four are no quorum");
    cluster.connect(0, 2);
    cluster.connect(1, 2);
    cluster.run(Duration::from_secs(4));
    assert_eq!(cluster.height(0), 1, "and one block is enough for a start");

    let mut whole = Cluster::of(4, 0);
    whole.connect_all();
    whole.run(Duration::from_millis(1));
    assert_eq!(whole.height(0), 1);
    whole.assert_sealed_alike(1);
}

#[test]
fn an_idle_network_makes_a_block_each_idle_interval_and_no_other() {
    let mut cluster = Cluster::running(4, 0);
    let before = cluster.height(0);
    cluster.run(MINUTE);
    assert_eq!(cluster.height(0) - before, 6, "an idle interval is ten seconds");
    assert_eq!(cluster.status(0).consensus.unwrap().consecutive_timeouts, 0, "and nobody grows impatient");
}

#[test]
fn a_transaction_costs_one_block_whoever_takes_it_in() {
    for validators in [1, 4] {
        let mut cluster = Cluster::running(validators, 0);
        for salt in 0..8 {
            let before = cluster.height(0);
            cluster.execute(salt as usize % validators, salt);
            assert_eq!(
                cluster.height(0),
                before + 1,
                "of {validators}: the next leader makes no empty block"
            );
        }
    }
}

#[test]
fn a_leader_waits_at_sixteen_unsealed_blocks_and_goes_on_when_seals_come() {
    let mut cluster = Cluster::running(4, 0);
    cluster.loses = |_, _, message| matches!(message, Message::Shares { .. } | Message::Seals(_));
    for salt in 0..40 {
        let transaction = cluster.put(salt);
        cluster.submit(0, &transaction);
        cluster.run(Duration::from_millis(50));
    }
    let status = cluster.status(0);
    assert_eq!((status.sealed, status.tip.height), (1, 17));
    assert!(status.mempool_count > 0);
    cluster.loses = |_, _, _| false;
    cluster.run(Duration::from_secs(20));
    let status = cluster.status(0);
    assert_eq!((status.sealed, status.mempool_count), (status.tip.height, 0));
    cluster.assert_sealed_alike(status.sealed);
}

#[test]
fn a_single_validator_that_crashed_before_its_seals_were_written_seals_again() {
    let mut cluster = Cluster::running(1, 0);
    cluster.nodes[0].loses_seals = true;
    (0..20).for_each(|salt| {
        cluster.execute(0, salt);
    });
    cluster.crash(0);
    assert_eq!(cluster.nodes[0].disk.read(witan_ledger::Store::sealed_tip), 1);
    cluster.nodes[0].loses_seals = false;
    cluster.restart(0);
    cluster.execute(0, 20);
    cluster.assert_sealed_alike(22);
}

#[test]
fn what_an_engine_says_leaves_only_when_its_record_is_durable() {
    let mut cluster = Cluster::running(4, 0);
    (0..4).for_each(|place| cluster.nodes[place].log_stalls = true);
    (0..4).for_each(|place| cluster.nodes[place].sent.clear());
    let transaction = cluster.put(1);
    (0..4).for_each(|place| {
        cluster.submit(place, &transaction);
    });
    cluster.run(Duration::from_secs(5));
    let engine_messages = |cluster: &Cluster| {
        let sent = cluster.nodes.iter().flat_map(|node| &node.sent);
        sent.filter(|message| matches!(message, Message::Engine(_))).count()
    };
    assert_eq!(engine_messages(&cluster), 0, "a proposal and time-outs wait for four disks");
    (0..4).for_each(|place| cluster.flush_log(place));
    cluster.run(Duration::from_secs(5));
    assert!(engine_messages(&cluster) > 0);
    assert_eq!(cluster.submit(0, &transaction), Admission::Final(2));
}

#[test]
fn users_hear_of_a_block_only_when_it_is_written() {
    let mut cluster = Cluster::running(4, 0);
    let transaction = cluster.execute(0, 1);
    let told = cluster.nodes[3].notices.iter().any(|notice| match notice {
        Notice::Committed(commit) => commit.receipts.iter().any(|receipt| receipt.id == transaction.id()),
        Notice::Sealed(_) | Notice::Expired(_) => false,
    });
    assert!(told);
    let late = cluster.put(2);
    cluster.nodes[0].notices.clear();
    cluster.submit(0, &late);
    assert!(cluster.nodes[0].notices.is_empty(), "nothing is written in the step that takes it in");
}

#[test]
fn a_leader_that_is_cut_off_is_replaced_and_catches_up_when_it_is_back() {
    let mut cluster = Cluster::running(4, 0);
    for round in 0..4 {
        cluster.isolate(round);
        let other = (round + 1) % 4;
        let transaction = cluster.put(round as u64);
        cluster.submit(other, &transaction);
        cluster.run(Duration::from_secs(10));
        assert!(matches!(cluster.submit(other, &transaction), Admission::Final(_)), "round {round}");
        cluster.connect_all();
        cluster.run(Duration::from_secs(10));
        assert!(matches!(cluster.submit(round, &transaction), Admission::Final(_)), "round {round}");
    }
    assert_eq!(cluster.nodes.iter().map(|node| node.accused.len()).sum::<usize>(), 0);
    cluster.step(0, Event::PeerDown(node(3)));
}

#[test]
fn a_leader_that_crashed_does_not_repeat_the_transactions_of_its_undecided_block() {
    let mut cluster = Cluster::running(1, 0);
    let transaction = cluster.put(1);
    cluster.submit(0, &transaction);
    cluster.crash(0);
    cluster.restart(0);
    // The client saw no answer, so it sends the same bytes again.
    cluster.submit(0, &transaction);
    let other = cluster.put(2);
    cluster.submit(0, &other);
    cluster.run(Duration::from_secs(5));
    let carried = cluster.nodes[0].disk.read(|disk| {
        let blocks = (0..=disk.tip().unwrap()).filter_map(|height| disk.block(height));
        let ids =
            |block: Arc<Block>| block.payload.transactions().map(|signed| signed.id()).collect::<Vec<_>>();
        blocks.flat_map(ids).collect::<Vec<_>>()
    });
    assert_eq!(carried, [transaction.id(), other.id()]);
}

/// About so many blocks are made of a second of one transaction every ten milliseconds, with hosts that stretch waiting like this.
fn assert_blocks_in_a_second(cluster: &mut Cluster, stretch: u32, expected: u64) {
    (0..4).for_each(|place| cluster.step(place, Event::Stretch(stretch)));
    cluster.run(Duration::from_millis(400));
    let before = cluster.height(0);
    for _ in 0..100 {
        let transaction = cluster.put(cluster.elapsed.as_millis() as u64);
        assert_eq!(cluster.submit(0, &transaction), Admission::Pending);
        cluster.run(Duration::from_millis(10));
    }
    assert_eq!(cluster.status(0).consensus.unwrap().consecutive_timeouts, 0);
    let made = cluster.height(0) - before;
    assert!(made.abs_diff(expected) <= 1, "{made} blocks with {stretch}, not {expected}");
}

#[test]
fn blocks_keep_a_distance_where_processors_are_short_and_only_there() {
    let mut cluster = Cluster::running(4, 0);
    assert_blocks_in_a_second(&mut cluster, 1, 100);
    assert_blocks_in_a_second(&mut cluster, 3, 1_000 / 120);
    // However short they are.
    assert_blocks_in_a_second(&mut cluster, u32::MAX, 1_000 / 200);
    assert_blocks_in_a_second(&mut cluster, 1, 100);
}

#[test]
fn no_leader_waits_for_more_to_carry_until_others_give_it_up() {
    let mut genesis = genesis(4);
    genesis.parameters.base_timeout_ms = 80;
    let mut cluster = Cluster::of_genesis(genesis, 0);
    cluster.connect_all();
    cluster.run(Duration::from_millis(200));
    // A quarter of the time-out.
    assert_blocks_in_a_second(&mut cluster, 2, 1_000 / 20);
}
