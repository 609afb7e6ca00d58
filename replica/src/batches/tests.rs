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
        |by: u16| batches.acknowledged(&mine, ValidatorIndex(by), Signature([0; 64]), QUORUM);
    assert!(acknowledge(0).is_none() && acknowledge(1).is_none() && acknowledge(1).is_none());
    let word = acknowledge(3).unwrap();
    assert_eq!(word.held_by.signers.iter().map(|place| place.0).collect::<Vec<_>>(), [0, 1, 3]);
    batches.certified(NOW, word);
    assert_eq!(ready(&batches), [mine]);
    let late = batches.acknowledged(&mine, ValidatorIndex(2), Signature([0; 64]), QUORUM);
    assert!(late.is_none(), "said once");
}

#[test]
fn what_is_ready_keeps_its_order_until_a_final_block_carries_it() {
    let mut batches = Batches::default();
    for salt in [3, 1, 2] {
        batches.certified(NOW, held(name(salt)));
    }
    assert_eq!(ready(&batches), [3, 1, 2].map(name));
    batches.decided(&name(1).digest);
    assert_eq!(ready(&batches), [3, 2].map(name));
    batches.executed(7, name(1).digest, EXPIRY_MS);
    batches.certified(NOW, held(name(1)));
    assert_eq!(ready(&batches), [3, 2].map(name), "and no later one should");
    assert_eq!(batches.done_at(&name(1).digest), Some(7));
}

#[test]
fn a_name_that_is_not_the_batchs_own_counts_for_nothing_once_it_is_here() {
    let mut batches = Batches::default();
    let lie = BatchName { bytes: 1, until_ms: u64::MAX, ..name(1) };
    batches.certified(NOW, held(lie));
    assert_eq!(ready(&batches), [lie]);
    let (own, number) = hold(&mut batches, 1, 1);
    assert!(ready(&batches).is_empty());
    assert_eq!(batches.durable_up_to(number), [(ValidatorIndex(1), own)], "its own name is what is signed");
    assert!(batches.is_durable(&own) && !batches.is_durable(&lie));
    batches.certified(NOW, held(lie));
    let signed = |name: &BatchName, batches: &mut Batches| {
        let acks =
            [0, 1, 2].map(|by| batches.acknowledged(name, ValidatorIndex(by), Signature([0; 64]), QUORUM));
        acks.into_iter().flatten().count()
    };
    assert_eq!((signed(&lie, &mut batches), ready(&batches)), (0, Vec::new()));
    assert_eq!(signed(&own, &mut batches), 1);
}

#[test]
fn a_batch_that_comes_after_its_block_takes_nobodys_room() {
    let mut batches = Batches::default();
    batches.executed(4, name(1).digest, EXPIRY_MS);
    let (_, number) = hold(&mut batches, 1, 1);
    assert_eq!(batches.overdue(NOW).count(), 0);
    assert_eq!(batches.forget(4, 0), [number]);
    assert!(batches.bytes_of.values().all(|bytes| *bytes == 0));
}

#[test]
fn an_author_gets_room_for_so_many_bytes_until_blocks_carry_them() {
    let mut batches = Batches::default();
    let author = ValidatorIndex(1);
    let large = |salt| list(salt, MAX_BATCH_BYTES - 1_000);
    let mut names = Vec::new();
    while names.last().is_none_or(|name| batches.wants(author, name)) {
        let salt = names.len() as u64;
        if let Some(name) = names.last() {
            batches.hold(NOW, author, *name, large(salt - 1), &[]);
        }
        names.push(BatchName::of(&large(salt)));
    }
    let (first, last) = (names[0], names[names.len() - 1]);
    assert_eq!(names.len(), MAX_AUTHOR_BYTES / first.bytes as usize + 1);
    assert!(!batches.wants(author, &first), "it is here");
    assert!(batches.wants(ValidatorIndex(2), &last), "others have room of their own");
    batches.executed(1, first.digest, EXPIRY_MS);
    assert!(batches.wants(author, &last));
    assert!(!batches.wants(author, &first), "done");
    let huge = BatchName::of(&list(0, MAX_BATCH_BYTES));
    assert!(!batches.wants(ValidatorIndex(2), &huge), "no block has room for it");
}

#[test]
fn batches_known_by_name_alone_are_bounded() {
    let mut batches = Batches::default();
    for salt in 0..=MAX_NAMED as u64 {
        batches.certified(NOW, held(name(salt)));
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
    assert!(batches.is_durable(&one) && !batches.is_durable(&two));
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
    let overdue: Vec<BatchName> = batches.overdue(NOW).map(|known| known.name).collect();
    assert_eq!(overdue, [name(1)]);
    batches.overdue(NOW).for_each(|known| known.sent(later));
    assert_eq!(batches.overdue(NOW).count(), 0);
}

#[test]
fn a_batch_that_brings_nothing_any_more_is_put_aside_and_takes_no_room_of_its_author() {
    let mut batches = Batches::default();
    let (spent, _) = hold(&mut batches, 1, 1);
    let (other, _) = hold(&mut batches, 1, 2);
    let both = batches.bytes_of[&ValidatorIndex(1)];
    for name in [spent, other] {
        batches.certified(NOW, held(name));
    }
    let executed = list(1, 10);
    let is_executed = |known: &IdentifiedTransaction| known.id() == executed[0].id();
    batches.put_spent_aside(is_executed);
    batches.put_spent_aside(is_executed);
    assert_eq!(ready(&batches), [other]);
    assert_eq!(batches.bytes_of[&ValidatorIndex(1)], both - spent.bytes as usize);
    assert!(batches.transactions(&spent.digest).is_some(), "a leader that can't know may name it");
    assert_eq!(batches.overdue(NOW).map(|known| known.name).collect::<Vec<_>>(), [other]);
    // Whatever becomes of it gives its room back once.
    batches.executed(5, spent.digest, EXPIRY_MS);
    batches.executed(6, other.digest, EXPIRY_MS);
    assert_eq!((batches.bytes_of[&ValidatorIndex(1)], batches.spent_bytes), (0, 0));
}
