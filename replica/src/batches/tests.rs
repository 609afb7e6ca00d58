use super::*;
use std::time::Duration;
use witan_types::{Account, ChainId, Op, SecretKey, Signature, SignedTransaction, Transaction};

const NOW: Tick = Tick(Duration::ZERO);
const QUORUM: usize = 3;
/// When the transactions of these tests expire.
const EXPIRY_MS: u64 = 1_000;

fn list(salt: u64, bytes: usize) -> Vec<IdentifiedTransaction> {
    let secret = SecretKey::from_seed([1; 32]);
    let ops = vec![Op::Put { key: "key".into(), value: vec![0; bytes] }];
    let (chain, signer) = (ChainId::default(), Account(secret.public()));
    let transaction = Transaction { chain, signer, salt, expires_at_ms: EXPIRY_MS, checks: Vec::new(), ops };
    vec![SignedTransaction { transaction, signature: Signature([0; 64]) }.into()]
}

fn name(salt: u64) -> BatchName {
    BatchName::of(&list(salt, 10))
}

fn hold(batches: &mut Batches, author: u16, salt: u64) -> (BatchName, u64) {
    let (number, _) = batches.hold(NOW, ValidatorIndex(author), name(salt), list(salt, 10), &[]);
    (name(salt), number)
}

/// A quorum's word that says nothing.
fn held(name: BatchName) -> HeldBatch {
    let parts = [0, 1, 2].map(|place| (ValidatorIndex(place), Signature([0; 64])));
    HeldBatch { name, held_by: QuorumSignatures::collect(parts) }
}

fn ready(batches: &Batches) -> Vec<BatchName> {
    batches.ready().map(|known| known.name).collect()
}

#[test]
fn a_quorum_of_acknowledgements_makes_a_batch_ready_once() {
    let mut batches = Batches::default();
    let (mine, _) = hold(&mut batches, 0, 1);
    let mut acknowledge =
        |by: u16| batches.acknowledged(&mine.digest, ValidatorIndex(by), Signature([0; 64]), QUORUM);
    assert!(acknowledge(0).is_none() && acknowledge(1).is_none() && acknowledge(1).is_none());
    let word = acknowledge(3).unwrap();
    assert_eq!(word.held_by.signers.iter().map(|place| place.0).collect::<Vec<_>>(), [0, 1, 3]);
    batches.certified(NOW, None, word);
    assert_eq!(ready(&batches), [mine]);
    let late = batches.acknowledged(&mine.digest, ValidatorIndex(2), Signature([0; 64]), QUORUM);
    assert!(late.is_none(), "said once");
}

#[test]
fn what_is_ready_keeps_its_order_until_a_final_block_carries_it() {
    let mut batches = Batches::default();
    for salt in [3, 1, 2] {
        batches.certified(NOW, None, held(name(salt)));
    }
    assert_eq!(ready(&batches), [3, 1, 2].map(name));
    batches.decided(&name(1).digest);
    assert_eq!(ready(&batches), [3, 2].map(name));
    batches.executed(7, name(1).digest, EXPIRY_MS);
    batches.certified(NOW, None, held(name(1)));
    assert_eq!(ready(&batches), [3, 2].map(name), "and no later one should");
    assert_eq!(batches.done_at(&name(1).digest), Some(7));
}

#[test]
fn a_word_that_is_no_quorums_spoils_neither_the_batch_nor_anothers_word() {
    let mut batches = Batches::default();
    let (theirs, _) = hold(&mut batches, 1, 1);
    batches.certified(NOW, Some(ValidatorIndex(2)), held(theirs));
    assert!(ready(&batches).is_empty(), "only its author is heard about what is here");
    batches.certified(NOW, Some(ValidatorIndex(1)), held(theirs));
    batches.verify_ready(8, |_| false);
    assert!(ready(&batches).is_empty());
    batches.certified(NOW, Some(ValidatorIndex(1)), held(theirs));
    batches.verify_ready(8, |_| true);
    assert_eq!(ready(&batches), [theirs]);
    batches.verify_ready(8, |_| panic!("verified once"));
    let lie = HeldBatch { name: BatchName { bytes: 1, ..name(2) }, ..held(name(2)) };
    let (other, _) = hold(&mut batches, 1, 2);
    batches.certified(NOW, Some(ValidatorIndex(1)), lie);
    assert_eq!(ready(&batches), [theirs], "another name than that of {other:?}");
}

#[test]
fn an_author_gets_room_for_so_many_bytes_until_blocks_carry_them() {
    let mut batches = Batches::default();
    let author = ValidatorIndex(1);
    let large = |salt| list(salt, MAX_AUTHOR_BYTES / 2);
    let names = [1, 2, 3].map(|salt| BatchName::of(&large(salt)));
    assert!(batches.wants(author, &names[0]));
    batches.hold(NOW, author, names[0], large(1), &[]);
    assert!(!batches.wants(author, &names[0]), "it is here");
    assert!(!batches.wants(author, &names[1]), "with keys and signatures it is more than half");
    assert!(batches.wants(ValidatorIndex(2), &names[1]), "others have room of their own");
    batches.executed(1, names[0].digest, EXPIRY_MS);
    assert!(batches.wants(author, &names[1]));
    assert!(!batches.wants(author, &names[0]), "done");
}

#[test]
fn batches_known_by_name_alone_are_bounded() {
    let mut batches = Batches::default();
    for salt in 0..=MAX_NAMED as u64 {
        batches.certified(NOW, Some(ValidatorIndex(1)), held(name(salt)));
    }
    assert_eq!(batches.ready().count(), MAX_NAMED);
}

#[test]
fn a_batch_is_kept_until_its_block_is_stable_or_no_block_may_carry_it() {
    let mut batches = Batches::default();
    let (carried, first) = hold(&mut batches, 0, 1);
    let (waiting, second) = hold(&mut batches, 0, 2);
    batches.executed(5, carried.digest, EXPIRY_MS);
    assert!(batches.forget(4, EXPIRY_MS).is_empty());
    assert_eq!(batches.forget(5, EXPIRY_MS), [first]);
    assert!(batches.holds(&waiting.digest) && !batches.holds(&carried.digest));
    assert_eq!(batches.done_at(&carried.digest), Some(5), "a later block may name it all the same");
    assert_eq!(batches.forget(5, EXPIRY_MS + 1), [second]);
    assert_eq!(batches.done_at(&carried.digest), None);
}

#[test]
fn durable_is_what_was_written_up_to_a_number_and_is_told_once() {
    let mut batches = Batches::default();
    let (one, first) = hold(&mut batches, 0, 1);
    let (two, second) = hold(&mut batches, 2, 2);
    assert_eq!(batches.durable_up_to(first), [(ValidatorIndex(0), one)]);
    assert!(batches.is_durable(&one.digest) && !batches.is_durable(&two.digest));
    assert_eq!(batches.durable_up_to(second), [(ValidatorIndex(2), two)]);
    assert!(batches.durable_up_to(second).is_empty());
}

#[test]
fn what_is_in_no_block_for_long_is_overdue_and_then_counts_as_sent() {
    let mut batches = Batches::default();
    hold(&mut batches, 0, 1);
    let (carried, _) = hold(&mut batches, 0, 2);
    batches.executed(1, carried.digest, EXPIRY_MS);
    let later = Tick(Duration::from_secs(3));
    let overdue = |batches: &mut Batches| batches.overdue(later, NOW).len();
    assert_eq!(overdue(&mut batches), 1);
    assert_eq!(overdue(&mut batches), 0);
}
