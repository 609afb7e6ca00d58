//! A table travels in snapshots: one encoding for each, and nothing else is read.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use witan_types::Wire;
use witan_types::codec::encode;

/// A lock as it travels.
type PlainLock = (Key, Holder, Mode, u64);
type Locks = Vec<PlainLock>;
/// A claim as it travels: since and id, attempt, until, keys.
type PlainClaim = ((u64, TxId), u64, u64, Vec<(Key, Mode)>);
type Claimed = Vec<PlainClaim>;

fn decode(locks: Locks, claims: Claimed) -> Result<LockTable, String> {
    LockTable::decode(&encode(&(TIMEOUT_MS, locks, claims))).map_err(|error| error.to_string())
}

fn lock(key: &str, number: u8, mode: Mode) -> PlainLock {
    let id = TxId(witan_types::Hash([number; 32]));
    (Key::from(key), Holder { id, attempt: 1 }, mode, 5)
}

fn claim(since_ms: u64, number: u8, keys: &[&str]) -> PlainClaim {
    let id = TxId(witan_types::Hash([number; 32]));
    ((since_ms, id), 1, 9, keys.iter().map(|key| (Key::from(*key), Mode::Read)).collect())
}

#[test]
fn a_table_is_encoded_as_it_was_first() {
    let decoded = decode(vec![lock("k", 7, add(-1))], vec![claim(3, 8, &["k"])]).unwrap();
    let expected = [
        &[0xe8, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, b'k'][..],
        &[7; 32],
        &[1, 0, 0, 0, 0, 0, 0, 0, 2, 1],
        &1_u128.to_le_bytes(),
        &[5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
        &[8; 32],
        &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, b'k', 0],
    ];
    assert_eq!(decoded.encode(), expected.concat());
}

#[test]
fn the_largest_table_has_as_many_bytes_as_the_limit_says_and_none_is_larger() {
    let long = |number: usize| {
        let mut key = vec![b'k'; MAX_KEY_BYTES];
        key[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Key(key)
    };
    let locks = |count: usize| -> Locks {
        (0..count)
            .map(|number| {
                let holder = holder(u32::try_from(number / MAX_KEYS).unwrap());
                (long(number), holder, add(1), 5)
            })
            .collect()
    };
    let claims = |count: u64, keys: usize| -> Claimed {
        let modes: Vec<_> = (0..keys).map(|number| (long(number), add(1))).collect();
        (0..count).map(|since| ((since, id(u32::try_from(since).unwrap())), 1, 9, modes.clone())).collect()
    };
    let most = MAX_CLAIMS as u64;
    let largest = decode(locks(MAX_LOCKS), claims(most, MAX_KEYS)).unwrap();
    assert_eq!(largest.encode().len(), LockTable::MAX_BYTES);
    assert!(decode(locks(MAX_LOCKS + 1), vec![]).is_err());
    assert!(decode(vec![], claims(most + 1, 1)).is_err());
    assert!(decode(vec![], claims(1, MAX_KEYS + 1)).is_err());
    let mut greedy = locks(MAX_KEYS + 1);
    greedy.iter_mut().for_each(|lock| lock.1 = holder(0));
    assert!(decode(greedy, vec![]).unwrap_err().contains("more locks than a transaction"));
}

#[test]
fn a_length_that_is_claimed_but_not_there_costs_nothing() {
    for claimed in [1_u32, 1_000, 1 << 20, u32::MAX] {
        for list in 0..2_usize {
            let start = [&TIMEOUT_MS.to_le_bytes()[..], &vec![0; 4 * list], &claimed.to_le_bytes()].concat();
            assert!(LockTable::decode(&start).is_err(), "{claimed} items claimed");
        }
    }
    assert!(LockTable::decode(&vec![0; LockTable::MAX_BYTES + 1]).is_err());
}

#[test]
fn locks_and_claims_that_no_table_holds_are_refused() {
    let hostile: [Locks; 7] = [
        vec![lock("b", 1, Mode::Read), lock("a", 1, Mode::Read)],
        vec![lock("a", 2, Mode::Read), lock("a", 1, Mode::Read)],
        vec![lock("a", 1, Mode::Read), lock("a", 1, Mode::Read)],
        vec![lock("a", 1, Mode::Read), lock("a", 2, Mode::Write)],
        vec![lock("a", 1, Mode::Read), lock("a", 2, add(1))],
        vec![lock("a", 1, Mode::Add(Delta::Up(u128::MAX))), lock("a", 2, add(1))],
        vec![lock("a", 1, Mode::Add(Delta::down(u128::MAX))), lock("a", 2, add(-1))],
    ];
    for locks in hostile {
        assert!(decode(locks.clone(), vec![]).is_err(), "{locks:?}");
    }
    let hostile: [Claimed; 5] = [
        vec![claim(2, 1, &["a"]), claim(1, 2, &["a"])],
        vec![claim(1, 1, &["a"]), claim(1, 1, &["a"])],
        vec![claim(1, 1, &["a"]), claim(2, 1, &["a"])],
        vec![claim(1, 1, &["b", "a"])],
        vec![claim(1, 1, &["a", "a"])],
    ];
    for claims in hostile {
        assert!(decode(vec![], claims.clone()).is_err(), "{claims:?}");
    }
}

#[test]
fn a_change_by_nothing_downwards_has_no_encoding() {
    let mut bytes = encode(&Delta::down(1));
    assert_eq!(borsh::from_slice::<Delta>(&bytes).unwrap(), Delta::down(1));
    bytes[1] = 0;
    assert!(borsh::from_slice::<Delta>(&bytes).is_err());
}

fn wishes() -> impl Strategy<Value = (u32, u64, BTreeMap<Key, Mode>)> {
    let mode =
        prop_oneof![Just(Mode::Read), Just(Mode::Write), any::<i64>().prop_map(|delta| add(delta.into()))];
    let modes = vec(("[a-d]", mode), 0..4);
    (0..12_u32, 0..4_u64, modes).prop_map(|(number, attempt, modes)| {
        (number, attempt, modes.into_iter().map(|(key, mode)| (Key::from(&*key), mode)).collect())
    })
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself_and_nothing_shorter_or_longer_does(
        wishes in vec(wishes(), 0..30), extra in any::<u8>(),
    ) {
        let mut table = table();
        for (number, attempt, modes) in wishes {
            let holder = Holder { id: id(number), attempt };
            // A holder that asks again is refused, which is no matter here.
            table.take(&Request { holder, modes, ..request(number, &[]) }, &nothing, GENESIS_MS).ok();
        }
        let mut bytes = table.encode();
        prop_assert_eq!(LockTable::decode(&bytes), Ok(table));
        prop_assert!(LockTable::decode(&bytes[..bytes.len() - 1]).is_err());
        bytes.push(extra);
        prop_assert!(LockTable::decode(&bytes).is_err());
    }

    #[test]
    fn what_decodes_is_the_one_encoding_of_its_table(
        locks in vec(("[ab]", 0..3_u8, 0..4_usize), 0..4), claims in vec((0..3_u64, 0..3_u8, vec("[ab]", 0..3)), 0..3),
    ) {
        let modes = [Mode::Read, Mode::Write, add(1), add(-1)];
        let locks = locks.iter().map(|(key, number, mode)| lock(key, *number, modes[*mode])).collect::<Locks>();
        let keys = |keys: &[String]| keys.iter().map(|key| (Key::from(&**key), Mode::Write)).collect();
        let claims = claims
            .iter()
            .map(|(since, number, list)| ((*since, lock("", *number, add(0)).1.id), 1, 9, keys(list)))
            .collect::<Claimed>();
        let bytes = encode(&(TIMEOUT_MS, locks, claims));
        if let Ok(table) = LockTable::decode(&bytes) {
            prop_assert_eq!(table.encode(), bytes);
        }
    }
}
