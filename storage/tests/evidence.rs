//! Evidence survives a restart, the first of each kind is kept, and there is never more than so much of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::open;
use witan_storage::{
    EvidencePlace, LogBatch, MAX_EVIDENCE, MAX_EVIDENCE_MESSAGE_BYTES, MAX_EVIDENCE_OF_ONE, SignedMessage,
    Storage, StoredEvidence,
};
use witan_types::{Epoch, GroupId, PublicKey, Signature, ValidatorIndex};

fn evidence(group: u32, validator: u16, conflict: &str, seen_ms: u64) -> StoredEvidence {
    let signed = |message: &[u8]| SignedMessage { message: message.to_vec(), signature: Signature([1; 64]) };
    StoredEvidence {
        group: GroupId(group),
        epoch: Epoch(1),
        validator: ValidatorIndex(validator),
        conflict: conflict.to_owned(),
        key: PublicKey([7; 32]),
        first: signed(b"this"),
        second: signed(b"that"),
        seen_ms,
    }
}

fn keep(storage: &Storage, evidence: Vec<StoredEvidence>) {
    let mut batch = LogBatch::new();
    batch.keep_evidence(evidence);
    assert!(!batch.is_empty());
    storage.consensus_log().commit(batch).unwrap();
}

fn all(storage: &Storage) -> Vec<StoredEvidence> {
    storage.consensus_log().evidence(None, usize::MAX).unwrap()
}

#[test]
fn evidence_survives_a_restart_and_is_listed_in_order_from_any_place_on() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    let kept =
        [evidence(0, 3, "b", 1), evidence(1, 0, "a", 2), evidence(1, 0, "b", 3), evidence(2, 1, "a", 4)];
    keep(&storage, kept.iter().rev().cloned().collect());
    drop(storage);
    let storage = open(dir.path()).unwrap();
    assert_eq!(all(&storage), kept);
    let log = storage.consensus_log();
    let from = EvidencePlace {
        group: GroupId(1),
        epoch: Epoch(1),
        validator: ValidatorIndex(0),
        conflict: "b".to_owned(),
    };
    assert_eq!(log.evidence(Some(&from), 1).unwrap(), kept[2..3]);
    assert_eq!(log.evidence(Some(&from), 9).unwrap(), kept[2..]);
    assert_eq!(log.evidence(None, 2).unwrap(), kept[..2]);
}

#[test]
fn the_first_of_each_kind_is_kept_also_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    keep(&storage, vec![evidence(1, 0, "a", 1), evidence(1, 0, "a", 2)]);
    drop(storage);
    let storage = open(dir.path()).unwrap();
    keep(&storage, vec![evidence(1, 0, "a", 3)]);
    assert_eq!(all(&storage), [evidence(1, 0, "a", 1)]);
}

#[test]
fn one_liar_does_not_take_the_room_of_others_and_there_is_a_bound_in_all() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    let kinds = |validator| (0..20).map(move |kind| evidence(1, validator, &format!("kind {kind:02}"), 1));
    keep(&storage, kinds(0).collect());
    assert_eq!(all(&storage).len(), MAX_EVIDENCE_OF_ONE);
    keep(&storage, (1..300).flat_map(kinds).collect());
    assert_eq!(all(&storage).len(), MAX_EVIDENCE);
    keep(&storage, vec![evidence(0, 0, "late", 1)]);
    assert_eq!(all(&storage).len(), MAX_EVIDENCE);
}

#[test]
fn what_is_too_long_is_not_kept_and_costs_what_comes_with_it_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    let mut long = evidence(1, 0, "a", 1);
    long.second.message = vec![0; MAX_EVIDENCE_MESSAGE_BYTES];
    let mut too_long = evidence(1, 1, "a", 1);
    too_long.second.message = vec![0; MAX_EVIDENCE_MESSAGE_BYTES + 1];
    let mut batch = LogBatch::new();
    batch.append(GroupId(1), Epoch(1), [(0, b"record".to_vec())]);
    batch.keep_evidence([too_long, long.clone()]);
    let log = storage.consensus_log();
    log.commit(batch).unwrap();
    assert_eq!(log.load(GroupId(1), Epoch(1)).unwrap(), [(0, b"record".to_vec())]);
    assert_eq!(all(&storage), [long]);
}
