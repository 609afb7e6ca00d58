//! Seals: made by a quorum, made up for when lost, and never of another result.

use crate::cluster::{Cluster, key};
use std::time::Duration;
use witan_replica::Message;
use witan_types::{Hash, Height, Outcome, QuorumSignatures, Seal, SealShare, ValidatorIndex};

/// What nobody honest signs at this height.
fn another_result(cluster: &Cluster, height: Height) -> Outcome {
    let mut outcome =
        cluster.nodes[0].disk.read(|store| witan_ledger::Store::outcome(store, height)).unwrap();
    outcome.state_root = Hash([9; 32]);
    outcome
}

fn share(outcome: &Outcome, place: usize) -> SealShare {
    SealShare::sign(outcome.clone(), ValidatorIndex(place as u16), &key(place))
}

fn forged_seal(outcome: &Outcome) -> Seal {
    let signatures = (0..3).map(|place| (ValidatorIndex(place as u16), share(outcome, place).signature));
    Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(signatures) }
}

#[test]
fn a_transaction_submitted_anywhere_is_executed_and_sealed_everywhere() {
    let mut cluster = Cluster::running(4, 2);
    for salt in 0..6 {
        let transaction = cluster.execute(salt as usize, salt);
        cluster.run(Duration::from_secs(3));
        for place in 0..6 {
            assert!(
                matches!(cluster.submit(place, &transaction), witan_replica::Admission::Final(_)),
                "{place}"
            );
        }
    }
    cluster.assert_sealed_alike(cluster.height(0));
}

#[test]
fn shares_that_were_lost_are_said_again() {
    let mut cluster = Cluster::running(4, 0);
    cluster.loses = |_, _, message| matches!(message, Message::Shares { again: false, .. });
    cluster.execute(0, 1);
    assert_eq!(cluster.status(0).sealed, 1);
    cluster.run(Duration::from_secs(3));
    cluster.assert_sealed_alike(2);
}

#[test]
fn who_missed_every_share_is_answered_with_the_seal() {
    let mut cluster = Cluster::running(4, 0);
    cluster.loses = |_, to, message| to == 3 && matches!(message, Message::Shares { .. });
    cluster.execute(0, 1);
    assert_eq!((cluster.status(0).sealed, cluster.status(3).sealed), (2, 1));
    cluster.run(Duration::from_secs(3));
    cluster.assert_sealed_alike(2);
}

#[test]
fn a_share_asked_about_many_times_at_once_is_answered_with_one_seal() {
    let mut cluster = Cluster::running(4, 0);
    cluster.execute(0, 1);
    let outcome = cluster.status(0).outcome;
    cluster.nodes[0].sent.clear();
    cluster.tell(3, 0, &Message::Shares { again: true, shares: vec![share(&outcome, 3); 64] });
    assert!(matches!(&cluster.nodes[0].sent[..], [Message::Seals(seals)] if seals.len() == 1));
}

#[test]
fn a_validator_that_signs_two_results_is_accused_once() {
    let mut cluster = Cluster::running(4, 0);
    cluster.loses = |_, _, message| matches!(message, Message::Shares { .. } | Message::Seals(_));
    cluster.execute(0, 1);
    let truth = cluster.status(0).outcome;
    let lie = another_result(&cluster, 2);
    for _ in 0..3 {
        cluster.tell(3, 0, &Message::Shares { again: false, shares: vec![share(&truth, 3), share(&lie, 3)] });
    }
    let accused = &cluster.nodes[0].accused;
    assert_eq!(accused.len(), 1);
    assert_eq!((accused[0].validator, accused[0].key), (ValidatorIndex(3), key(3).public()));
}

#[test]
fn one_liar_neither_stops_a_seal_nor_the_node() {
    let mut cluster = Cluster::running(4, 0);
    cluster.loses = |from, _, message| from == 3 && matches!(message, Message::Shares { .. });
    let transaction = cluster.put(1);
    cluster.submit(0, &transaction);
    cluster.run(Duration::from_secs(1));
    let lie = another_result(&cluster, 2);
    (0..3)
        .for_each(|to| cluster.tell(3, to, &Message::Shares { again: false, shares: vec![share(&lie, 3)] }));
    cluster.execute(1, 2);
    assert_eq!(cluster.status(0).sealed, 3);
}

#[test]
#[should_panic(expected = "the quorum sealed")]
fn a_node_whose_result_is_not_the_sealed_one_stops() {
    let mut cluster = Cluster::running(4, 0);
    cluster.loses = |_, _, message| matches!(message, Message::Shares { .. } | Message::Seals(_));
    cluster.execute(0, 1);
    let seal = forged_seal(&another_result(&cluster, 2));
    cluster.tell(1, 0, &Message::Seals(vec![seal]));
}

#[test]
#[should_panic(expected = "this node's execution diverged")]
fn a_node_stops_as_soon_as_an_honest_validator_must_have_another_result() {
    let mut cluster = Cluster::running(4, 0);
    cluster.loses = |_, _, message| matches!(message, Message::Shares { .. } | Message::Seals(_));
    cluster.execute(0, 1);
    let lie = another_result(&cluster, 2);
    cluster.tell(1, 0, &Message::Shares { again: false, shares: vec![share(&lie, 1), share(&lie, 2)] });
}
