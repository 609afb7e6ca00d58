use super::*;
use crate::fixtures::{account, put, signed, transaction};
use proptest::collection::vec;
use proptest::prelude::*;

/// What sizes are counted in: more than a transaction takes that writes nothing.
const UNIT: usize = 200;

/// A transaction of a signer that expires at a time and takes so many units.
fn waiting(signer: u8, salt: u64, expires_at_ms: u64, units: usize) -> IdentifiedTransaction {
    let of_length = |length: usize| {
        let mut transaction = transaction(salt, vec![], vec![put("key", &"v".repeat(length))]);
        (transaction.signer, transaction.expires_at_ms) = (account(signer), expires_at_ms);
        IdentifiedTransaction::from(signed(transaction))
    };
    let known = of_length(units * UNIT - of_length(0).size());
    assert_eq!(known.size(), units * UNIT);
    known
}

fn small() -> Limits {
    Limits { max_transactions: 6, max_bytes: 1_000 * UNIT, max_per_signer: 3 }
}

fn filled(pooled: impl IntoIterator<Item = IdentifiedTransaction>) -> Mempool {
    let mut mempool = Mempool::new(Limits::default());
    for pooled in pooled {
        mempool.add(pooled).unwrap();
    }
    mempool
}

fn salts(taken: &[&IdentifiedTransaction]) -> Vec<u64> {
    taken.iter().map(|signed| signed.transaction.salt).collect()
}

#[test]
fn transactions_leave_in_the_order_they_came() {
    let mempool = filled([5, 1, 9, 3].map(|salt| waiting(1, salt, 100, 10)));
    assert_eq!(salts(&mempool.take(1_000 * UNIT, 0, &|_| false)), [5, 1, 9, 3]);
    assert_eq!(salts(&mempool.take(25 * UNIT, 0, &|_| false)), [5, 1]);
    assert_eq!(mempool.len(), 4, "taking removes nothing");
}

#[test]
fn what_a_block_may_not_hold_is_passed_over() {
    let excluded = waiting(1, 2, 100, 10);
    let id = excluded.id();
    let mempool = filled([waiting(1, 1, 49, 10), excluded, waiting(1, 3, 50, 10), waiting(1, 4, 100, 5_000)]);
    assert_eq!(salts(&mempool.take(1_000 * UNIT, 50, &|other| *other == id)), [3]);
}

#[test]
fn a_large_transaction_is_not_overtaken_for_ever() {
    let mut mempool = filled([waiting(1, 1, 100, 60), waiting(1, 2, 100, 90), waiting(1, 3, 100, 10)]);
    assert_eq!(salts(&mempool.take(100 * UNIT, 0, &|_| false)), [1]);
    assert!(mempool.remove(&waiting(1, 1, 100, 60).id()));
    assert_eq!(salts(&mempool.take(100 * UNIT, 0, &|_| false)), [2, 3]);
}

#[test]
fn each_bound_refuses_with_its_own_reason() {
    let mut mempool = Mempool::new(small());
    for salt in 0..3 {
        assert_eq!(mempool.add(waiting(1, salt, 100, 100)), Ok(()));
    }
    assert_eq!(mempool.add(waiting(1, 0, 100, 100)), Err(Refusal::Duplicate));
    assert_eq!(mempool.add(waiting(1, 3, 100, 100)), Err(Refusal::SignerFull));
    assert_eq!(mempool.add(waiting(2, 3, 100, 701)), Err(Refusal::Full));
    for signer in 2..5 {
        assert_eq!(mempool.add(waiting(signer, 0, 100, 1)), Ok(()));
    }
    assert_eq!(mempool.add(waiting(5, 0, 100, 1)), Err(Refusal::Full));
}

#[test]
fn a_removed_transaction_makes_room_for_its_signer() {
    let mut mempool = Mempool::new(Limits { max_per_signer: 1, ..small() });
    let first = waiting(1, 1, 100, 10);
    assert_eq!(mempool.add(first.clone()), Ok(()));
    assert_eq!(mempool.get(&first.id()), Some(&first));
    assert!(mempool.remove(&first.id()));
    assert!(!mempool.remove(&first.id()));
    assert_eq!(mempool.get(&first.id()), None);
    assert_eq!(mempool.add(waiting(1, 2, 100, 10)), Ok(()));
}

#[test]
fn what_expired_leaves_and_is_named_and_what_expires_now_stays() {
    let mut mempool = filled([waiting(1, 1, 70, 10), waiting(1, 2, 50, 10), waiting(1, 3, 60, 10)]);
    assert_eq!(mempool.expire(60), [waiting(1, 2, 50, 10).id()]);
    assert_eq!(salts(&mempool.take(1_000 * UNIT, 60, &|_| false)), [1, 3]);
    assert_eq!(mempool.expire(u64::MAX).len(), 2);
    assert_eq!((mempool.len(), mempool.bytes(), mempool.is_empty()), (0, 0, true));
}

#[derive(Clone, Debug)]
enum Step {
    Add(IdentifiedTransaction),
    Remove(IdentifiedTransaction),
    Expire(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = (1..4_u8, 0..6_u64, 0..100_u64, 1..400_usize);
    let any = any.prop_map(|(signer, salt, expiry, size)| waiting(signer, salt, expiry / 50 * 50, size));
    vec(
        prop_oneof![
            6 => any.clone().prop_map(Step::Add),
            2 => any.prop_map(Step::Remove),
            1 => (0..100_u64).prop_map(Step::Expire),
        ],
        0..60,
    )
}

proptest! {
    #[test]
    fn bounds_and_counts_hold_whatever_happens(steps in steps()) {
        let mut mempool = Mempool::new(small());
        let mut expected: Vec<IdentifiedTransaction> = Vec::new();
        for step in steps {
            match step {
                Step::Add(pooled) => {
                    let of_signer = |other: &&IdentifiedTransaction| {
                        other.transaction.signer == pooled.transaction.signer
                    };
                    let bytes: usize = expected.iter().map(|other| other.size()).sum();
                    let fits = expected.len() < 6 && bytes + pooled.size() <= 1_000 * UNIT;
                    let refusal = if expected.iter().any(|other| other.id() == pooled.id()) {
                        Some(Refusal::Duplicate)
                    } else if !fits {
                        Some(Refusal::Full)
                    } else {
                        (expected.iter().filter(of_signer).count() >= 3).then_some(Refusal::SignerFull)
                    };
                    prop_assert_eq!(mempool.add(pooled.clone()).err(), refusal);
                    if refusal.is_none() {
                        expected.push(pooled);
                    }
                }
                Step::Remove(pooled) => {
                    let here = expected.iter().any(|other| other.id() == pooled.id());
                    prop_assert_eq!(mempool.remove(&pooled.id()), here);
                    expected.retain(|other| other.id() != pooled.id());
                }
                Step::Expire(time) => {
                    let before = expected.len();
                    expected.retain(|other| other.transaction.expires_at_ms >= time);
                    prop_assert_eq!(mempool.expire(time).len(), before - expected.len());
                }
            }
            prop_assert_eq!(mempool.iter().cloned().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(mempool.bytes(), expected.iter().map(|pooled| pooled.size()).sum::<usize>());
            prop_assert!(expected.iter().all(|pooled| mempool.contains(&pooled.id())));
        }
    }
}

#[test]
fn what_came_since_a_number_is_told_in_order_whatever_left() {
    let mut mempool = filled([5, 1].map(|salt| waiting(1, salt, 100, 10)));
    let mark = mempool.next_arrival();
    let (gone, kept) = (waiting(1, 9, 100, 10), waiting(1, 3, 100, 10));
    mempool.add(gone.clone()).unwrap();
    mempool.add(kept.clone()).unwrap();
    mempool.remove(&gone.id());
    assert_eq!(mempool.since(mark).collect::<Vec<_>>(), [(mark + 1, &kept)]);
    assert_eq!(mempool.since(mempool.next_arrival()).count(), 0);
}

#[test]
fn what_is_parked_is_offered_again_once_its_obstacle_is_gone() {
    let [first, second, third] = [1, 2, 3].map(|salt| waiting(1, salt, 10_000 + salt, 10));
    let mut mempool = filled([first.clone(), second.clone(), third.clone()]);
    mempool.park(&first.id(), Parked::Key(Key::from("k")));
    mempool.park(&second.id(), Parked::Group(GroupId(2)));
    let offered = |mempool: &Mempool| -> Vec<TxId> {
        mempool.take(1 << 20, 0, &|_| false).iter().map(|pooled| pooled.id()).collect()
    };
    assert_eq!((offered(&mempool), mempool.unparked()), (vec![third.id()], 1));
    assert_eq!(mempool.parked_until_ms(), Some(10_001), "the first of them to expire");
    assert!(mempool.is_parked_for(&GroupId(2)) && !mempool.is_parked_for(&GroupId(3)));
    assert!(!mempool.unpark(|parked| *parked == Parked::Key(Key::from("other"))));
    assert!(mempool.unpark(|parked| *parked == Parked::Key(Key::from("k"))));
    assert_eq!(offered(&mempool), [first.id(), third.id()], "in the order of their arrival");
    assert_eq!(mempool.parked_until_ms(), Some(10_002));
    assert!(mempool.remove(&second.id()));
    assert_eq!((mempool.unparked(), mempool.parked_until_ms()), (2, None));
}
