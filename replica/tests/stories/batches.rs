//! Transactions that travel ahead of proposals, in batches.

use crate::cluster::{Cluster, node};
use std::time::Duration;
use witan_ledger::Store as _;
use witan_replica::message::BatchContents;
use witan_replica::{Admission, Event, Message, NoCache, Rejection, Ticket};
use witan_types::{
    BatchName, HeldBatch, IdentifiedTransaction, QuorumSignatures, Signature, SignedTransaction,
    ValidatorIndex,
};

/// How many transactions a batch of these stories has.
const COUNT: u64 = 40;

/// Four validators, and transactions that are more than a few.
fn with_load() -> (Cluster, Vec<SignedTransaction>) {
    let cluster = Cluster::running(4, 0);
    let list = (0..COUNT).map(|salt| cluster.put(salt)).collect();
    (cluster, list)
}

/// Submits all of them at once.
fn submit_all(cluster: &mut Cluster, place: usize, list: &[SignedTransaction]) {
    let known = list.iter().cloned().map(IdentifiedTransaction::from).collect();
    cluster.step(place, Event::Submit(Ticket(1_000_000), known));
    let admissions = std::mem::take(&mut cluster.nodes[place].admissions);
    assert_eq!(admissions, vec![Admission::Pending; list.len()]);
}

/// Every node has executed all of them in whole blocks, once each, and the chain is sealed alike.
fn all_have(cluster: &Cluster, list: &[SignedTransaction]) {
    for (place, state) in cluster.nodes.iter().enumerate() {
        for signed in list {
            assert!(state.disk.read(|store| store.find_transaction(&signed.id()).is_some()), "node {place}");
        }
        assert_eq!(cluster.status(place).mempool_count, 0, "node {place}");
        let tip = cluster.height(place);
        let blocks = (1..=tip).map(|height| state.disk.read(|store| store.block(height).unwrap()));
        let whole: Vec<_> = blocks.collect();
        assert!(whole.iter().all(|block| block.is_whole()), "what is on disk carries what it names");
        let carried: usize = whole.iter().map(|block| block.payload.transactions().count()).sum();
        assert_eq!(carried, list.len());
    }
}

/// The proposals that a node sent, by how many batches they name and how many transactions they carry themselves.
fn proposed(cluster: &Cluster) -> Vec<(usize, usize)> {
    use witan_consensus::hotstuff::Message as Inner;
    use witan_types::Wire as _;
    let sent = cluster.nodes.iter().flat_map(|state| &state.sent);
    let engine = sent.filter_map(|message| match message {
        Message::Engine(bytes) => Inner::decode(bytes).ok(),
        _ => None,
    });
    let proposals = engine.filter_map(|message| match message {
        Inner::Proposal(proposal) => Some(proposal.block),
        _ => None,
    });
    let counts = proposals.map(|block| (block.payload.named().count(), block.payload.transactions().count()));
    counts.filter(|counts| *counts != (0, 0)).collect()
}

#[test]
fn many_transactions_travel_once_and_blocks_carry_their_name() {
    let (mut cluster, list) = with_load();
    submit_all(&mut cluster, 1, &list);
    cluster.run(Duration::from_secs(2));
    all_have(&cluster, &list);
    assert_eq!(proposed(&cluster), [(1, 0)], "one proposal, with one name");
    let sent = |message: &&Message| matches!(message, Message::Batch(_) | Message::Transactions(_));
    let times: Vec<usize> =
        cluster.nodes.iter().map(|state| state.sent.iter().filter(sent).count()).collect();
    assert_eq!(times, [0, 1, 0, 0], "and the transactions left one node once");
}

#[test]
fn a_few_transactions_go_into_the_block_themselves() {
    let mut cluster = Cluster::running(4, 0);
    cluster.execute(1, 1);
    cluster.run(Duration::from_secs(1));
    assert_eq!(proposed(&cluster), [(0, 1)]);
}

#[test]
fn what_comes_close_together_travels_together() {
    let (mut cluster, list) = with_load();
    for signed in &list {
        assert_eq!(cluster.submit(2, signed), Admission::Pending);
    }
    cluster.run(Duration::from_secs(2));
    all_have(&cluster, &list);
    let travelled =
        |message: &&Message| matches!(message, Message::Batch(list) if list.len() as u64 == COUNT - 1);
    assert_eq!(
        cluster.nodes[2].sent.iter().filter(travelled).count(),
        1,
        "all but the first, which waited for nobody"
    );
}

#[test]
fn nobody_says_that_it_holds_a_batch_before_its_disk_does() {
    let (mut cluster, list) = with_load();
    cluster.nodes[3].batches_stall = true;
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_millis(500));
    let holds = |message: &Message| matches!(message, Message::BatchHeld { .. });
    assert!(!cluster.nodes[3].sent.iter().any(holds));
    assert!(cluster.nodes[2].sent.iter().any(holds));
    all_have(&cluster, &list);
}

#[test]
fn a_member_that_misses_a_batch_votes_all_the_same_and_fetches_it_to_execute() {
    let (mut cluster, list) = with_load();
    cluster.loses = |_, to, message| to == 3 && matches!(message, Message::Batch(_));
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_millis(500));
    all_have(&cluster, &list);
    let asked =
        cluster.nodes[3].asked.iter().filter(|(_, message)| matches!(message, Message::BatchesRequest(_)));
    assert_eq!(asked.count(), 1);
    assert_eq!(cluster.status(0).consensus.unwrap().consecutive_timeouts, 0, "and nobody waited for it");
}

#[test]
fn a_holder_that_does_not_answer_is_not_the_last_one_asked() {
    let (mut cluster, list) = with_load();
    cluster.loses = |from, to, message| {
        (to == 3 && matches!(message, Message::Batch(_)))
            || (from == 3 && to != 2 && matches!(message, Message::BatchesRequest(_)))
    };
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_secs(10));
    all_have(&cluster, &list);
    let asked: Vec<_> = cluster.nodes[3]
        .asked
        .iter()
        .filter(|(_, message)| matches!(message, Message::BatchesRequest(_)))
        .map(|(to, _)| *to)
        .collect();
    assert!(asked.contains(&node(2)) && asked.len() <= 3, "{asked:?}");
}

#[test]
fn whoever_has_nothing_is_not_waited_for() {
    let (mut cluster, list) = with_load();
    cluster.loses = |_, to, message| to == 3 && matches!(message, Message::Batch(_) | Message::Batches(_));
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_millis(200));
    let asked = |cluster: &Cluster| {
        let asked = cluster.nodes[3].asked.iter();
        let asked = asked.filter(|(_, message)| matches!(message, Message::BatchesRequest(_)));
        asked.map(|(to, _)| (0..4).find(|place| node(*place) == *to).unwrap()).collect::<Vec<_>>()
    };
    let first = asked(&cluster);
    assert_eq!(first.len(), 1, "its answer is on its way");
    cluster.tell(first[0], 3, &Message::Batches(vec![]));
    assert_eq!(asked(&cluster).len(), 2, "at once");
    assert_ne!(asked(&cluster)[1], first[0]);
    for _ in 0..9 {
        let last = asked(&cluster).pop().unwrap();
        cluster.tell(last, 3, &Message::Batches(vec![]));
    }
    assert!(asked(&cluster).len() <= 4, "but not without end");
}

#[test]
fn a_batch_that_no_quorum_gets_holds_its_transactions_up_for_seconds_and_not_for_ever() {
    let (mut cluster, mut list) = with_load();
    cluster.loses = |_, _, message| matches!(message, Message::BatchHeld { .. });
    submit_all(&mut cluster, 0, &list);
    let others: Vec<SignedTransaction> = (COUNT..2 * COUNT).map(|salt| cluster.put(salt)).collect();
    submit_all(&mut cluster, 1, &others);
    list.extend(others);
    cluster.run(Duration::from_secs(2));
    assert_eq!(cluster.height(0), 1, "they wait for the batch");
    cluster.run(Duration::from_secs(8));
    all_have(&cluster, &list);
    assert!(proposed(&cluster).iter().all(|(named, _)| *named == 0));
    // A quorum holds it after all, when every block is long made; its author comes back later still.
    cluster.loses = |_, _, _| false;
    cluster.run(Duration::from_secs(8));
    cluster.crash(0);
    cluster.restart(0);
    cluster.run(Duration::from_secs(8));
    all_have(&cluster, &list);
}

#[test]
fn what_a_final_block_carries_is_not_carried_again_by_a_leader_that_could_not_execute_it() {
    let (mut cluster, list) = with_load();
    cluster.loses = |_, to, message| {
        let brings = |message: &Message| matches!(message, Message::Batches(_) | Message::Blocks(_));
        to == 2 && (brings(message) || matches!(message, Message::Batch(_) | Message::BatchReady(_)))
    };
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_millis(100));
    let few: Vec<SignedTransaction> = (COUNT..COUNT + 8).map(|salt| cluster.put(salt)).collect();
    for signed in &few {
        assert_eq!(cluster.submit(0, signed), Admission::Pending);
        cluster.run(Duration::from_millis(300));
    }
    assert!(cluster.height(2) + 4 < cluster.height(0), "it waits for the batch");
    // The word that a quorum holds it comes when it is long final.
    cluster.loses = |_, to, message| to == 2 && matches!(message, Message::Batches(_) | Message::Blocks(_));
    let word =
        cluster.nodes[0].sent.iter().find(|message| matches!(message, Message::BatchReady(_))).cloned();
    cluster.tell(0, 2, &word.unwrap());
    let more = cluster.put(COUNT + 8);
    assert_eq!(cluster.submit(2, &more), Admission::Pending);
    cluster.run(Duration::from_millis(500));
    cluster.loses = |_, _, _| false;
    cluster.run(Duration::from_secs(8));
    all_have(&cluster, &[list, few, vec![more]].concat());
}

#[test]
fn who_keeps_a_batch_back_keeps_no_transaction_from_others() {
    let (mut cluster, list) = with_load();
    let known = list.iter().cloned().map(IdentifiedTransaction::from).collect();
    // Node 3 tells one member of a batch of what others submit later, and nothing more.
    cluster.loses = |_, to, message| to == 3 && matches!(message, Message::BatchHeld { .. });
    cluster.tell(3, 0, &Message::Batch(known));
    for signed in &list {
        assert_eq!(cluster.submit(0, signed), Admission::Pending);
    }
    cluster.run(Duration::from_secs(8));
    all_have(&cluster, &list);
}

#[test]
fn a_member_that_restarts_still_has_the_batches_that_it_said_it_holds() {
    let (mut cluster, list) = with_load();
    // Nobody hears that a quorum holds it, so no block names it.
    cluster.loses = |_, _, message| matches!(message, Message::BatchReady(_) | Message::Engine(_));
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_millis(100));
    for place in 0..4 {
        cluster.crash(place);
    }
    for place in 0..4 {
        cluster.restart(place);
    }
    assert!(cluster.nodes.iter().all(|state| state.batches.len() == 1), "on every disk");
    cluster.loses = |_, to, message| to == 2 && matches!(message, Message::Batch(_));
    cluster.run(Duration::from_secs(8));
    for state in &cluster.nodes {
        assert!(
            list.iter().all(|signed| state.disk.read(|store| store.find_transaction(&signed.id()).is_some()))
        );
    }
}

#[test]
fn batches_leave_the_disk_once_the_blocks_that_carry_them_are_safe_there() {
    let (mut cluster, list) = with_load();
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_secs(1));
    all_have(&cluster, &list);
    let more = cluster.put(COUNT);
    cluster.submit(0, &more);
    cluster.run(Duration::from_secs(1));
    assert!(cluster.nodes.iter().all(|state| state.batches.is_empty()));
}

#[test]
fn what_a_loss_of_power_takes_from_all_ledgers_is_executed_again_from_the_logs() {
    let (mut cluster, list) = with_load();
    cluster.nodes.iter_mut().for_each(|state| state.ledger_unsynced = true);
    let synced: Vec<_> = cluster.nodes.iter().map(|state| state.disk.copy()).collect();
    submit_all(&mut cluster, 0, &list);
    cluster.run(Duration::from_secs(1));
    all_have(&cluster, &list);
    let chain = cluster.nodes[0].disk.read(Clone::clone);
    assert!(cluster.nodes.iter().all(|state| state.batches.len() == 1), "kept until the ledger is durable");
    for (place, disk) in synced.into_iter().enumerate() {
        cluster.crash(place);
        cluster.nodes[place].disk = disk;
    }
    for place in 0..4 {
        cluster.restart(place);
    }
    cluster.run(Duration::from_secs(2));
    all_have(&cluster, &list);
    let again = (1..=chain.tip().unwrap()).map(|height| cluster.nodes[0].disk.outcome(height));
    assert!((1..).zip(again).all(|(height, outcome)| outcome == chain.outcome(height)));
}

#[test]
fn a_quorums_word_that_is_none_is_refused() {
    let (cluster, list) = with_load();
    let known: Vec<IdentifiedTransaction> = list.iter().cloned().map(Into::into).collect();
    let parts = [0, 1, 2].map(|place| (ValidatorIndex(place), Signature([7; 64])));
    let nothing = HeldBatch { name: BatchName::of(&known), held_by: QuorumSignatures::collect(parts) };
    let judged = cluster.verifier.verify(&NoCache, node(1), &Message::BatchReady(nothing).bytes());
    assert_eq!(judged.unwrap_err(), Rejection::Seal);
}

#[test]
fn what_a_block_carried_itself_is_given_to_who_knows_it_by_name_alone() {
    let mut cluster = Cluster::running(4, 0);
    let transaction = cluster.execute(1, 1);
    cluster.run(Duration::from_secs(1));
    let carried = vec![IdentifiedTransaction::from(transaction)];
    let digest = BatchName::of(&carried).digest;
    let answers = cluster.ask(2, 0, &Message::BatchesRequest(vec![digest]));
    assert_eq!(answers, [Message::Batches(vec![BatchContents(carried.clone())])]);
    cluster.crash(0);
    cluster.restart(0);
    cluster.run(Duration::from_millis(10));
    let answers = cluster.ask(2, 0, &Message::BatchesRequest(vec![digest]));
    assert_eq!(answers, [Message::Batches(vec![BatchContents(carried)])], "after a restart too");
}

#[test]
fn what_is_gathered_for_a_batch_goes_into_no_block_of_its_own_node_before() {
    let mut cluster = Cluster::running(4, 0);
    cluster.nodes.iter_mut().for_each(|state| state.batches_stall = true);
    let some =
        |cluster: &Cluster, from: u64| (from..from + COUNT).map(|salt| cluster.put(salt)).collect::<Vec<_>>();
    // The first batch of each leaves at once, and no quorum says that it holds it: the rest is gathered meanwhile.
    for (place, from) in (0..4).flat_map(|place| [(place, 0), (place, COUNT)]) {
        let list = some(&cluster, from + place as u64 * 2 * COUNT);
        submit_all(&mut cluster, place, &list);
    }
    cluster.run(Duration::from_millis(30));
    assert_eq!(proposed(&cluster), []);
}
