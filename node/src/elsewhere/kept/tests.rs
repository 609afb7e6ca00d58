//! When kept transactions are handed over, and when they are forgotten.

use super::*;
use witan_types::{Account, ChainId, Hash, Key, Op, SecretKey, Transaction};

const GROUP: GroupId = GroupId(2);
const ENOUGH: usize = 2;

fn pooled(salt: u64, bytes: usize) -> IdentifiedTransaction {
    let key = SecretKey::from_seed([1; 32]);
    let ops = vec![Op::Put { key: Key::from("k"), value: vec![7; bytes] }];
    let (chain, signer) = (ChainId(Hash([7; 32])), Account(key.public()));
    let transaction = Transaction { chain, signer, salt, expires_at_ms: 1_000 + salt, checks: vec![], ops };
    transaction.sign(&key).into()
}

fn node(place: u8) -> NodeId {
    NodeId(Hash([place; 32]))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The ids that are due.
fn due(kept: &mut Kept, now: Duration) -> Vec<TxId> {
    kept.due(now).remove(&GROUP).unwrap_or_default().into_iter().map(|pooled| pooled.id()).collect()
}

fn holding(pooled: &IdentifiedTransaction) -> Kept {
    let mut kept = Kept::new(Limits::default());
    kept.keep(secs(0), GROUP, pooled.clone()).unwrap();
    kept
}

#[test]
fn what_nobody_took_is_offered_every_second_and_what_was_taken_more_rarely() {
    let one = pooled(1, 1);
    let mut kept = holding(&one);
    assert!(due(&mut kept, secs(0)).is_empty(), "the caller has just offered it");
    for second in [1, 2, 3] {
        assert_eq!(due(&mut kept, secs(second)), [one.id()]);
        assert!(due(&mut kept, secs(second)).is_empty(), "once each time");
    }
    kept.heard(secs(3), &one.id(), node(1), &Admission::Pending, ENOUGH);
    assert!(due(&mut kept, secs(5)).is_empty());
    assert_eq!(due(&mut kept, secs(6)), [one.id()]);
    kept.heard(secs(6), &one.id(), node(1), &Admission::MempoolFull, ENOUGH);
    assert_eq!(due(&mut kept, secs(7)), [one.id()], "a member without room is no reason to wait");
}

#[test]
fn it_is_final_once_enough_members_say_so_and_one_is_not_enough() {
    let one = pooled(1, 1);
    let mut kept = holding(&one);
    for _ in 0..3 {
        kept.heard(secs(1), &one.id(), node(1), &Admission::Final(5), ENOUGH);
    }
    assert_eq!(kept.group_of(&one.id()), Some(GROUP), "one member may lie");
    kept.heard(secs(1), &one.id(), node(2), &Admission::Final(5), ENOUGH);
    assert_eq!(kept.group_of(&one.id()), None);
    assert!(due(&mut kept, secs(60)).is_empty());
}

#[test]
fn what_has_expired_or_is_proved_to_be_final_is_forgotten() {
    let (one, two) = (pooled(1, 1), pooled(2, 1));
    let mut kept = holding(&one);
    kept.keep(secs(0), GROUP, two.clone()).unwrap();
    kept.expire(1_002);
    assert_eq!(due(&mut kept, secs(1)), [two.id()]);
    kept.end(&two.id());
    assert!(due(&mut kept, secs(9)).is_empty());
    assert!(kept.keep(secs(9), GROUP, two).is_ok(), "and room is free again");
}

#[test]
fn a_question_hands_over_no_more_than_fits_and_the_rest_comes_next() {
    let mut kept = Kept::new(Limits::default());
    let large: Vec<IdentifiedTransaction> = (0..4).map(|salt| pooled(salt, 60_000)).collect();
    large.iter().for_each(|one| assert_eq!(kept.keep(secs(0), GROUP, one.clone()), Ok(true)));
    let (first, second) = (due(&mut kept, secs(1)), due(&mut kept, secs(1)));
    assert_eq!((first.len(), second.len()), (2, 2));
    assert!(first.iter().all(|id| !second.contains(id)));
}

#[test]
fn the_bounds_of_a_mempool_hold_and_what_is_kept_already_is_no_fault() {
    let mut kept = Kept::new(Limits { max_transactions: 1, ..Limits::default() });
    assert_eq!(kept.keep(secs(0), GROUP, pooled(1, 1)), Ok(true));
    assert_eq!(kept.keep(secs(0), GROUP, pooled(1, 1)), Ok(false));
    assert_eq!(kept.keep(secs(0), GROUP, pooled(2, 1)), Err(Refusal::Full));
}
