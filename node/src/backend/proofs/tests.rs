//! The walk that finds the keys of a slot: on a disk, at a height, within its bounds.

use super::*;
use crate::backend::fixtures::store;
use witan_ledger::{Value, Version};

fn key(number: usize) -> Key {
    Key::from(format!("{{street}}/{number:05}").as_str())
}

fn entry(bytes: usize) -> Option<Entry> {
    Some(Entry { value: Value::Bytes(vec![7; bytes]), version: Version::new(0, 0, 0) })
}

fn street() -> u16 {
    slot_of(&key(0))
}

/// No walk here takes so long.
fn later() -> Instant {
    Instant::now() + WALK_WITHIN
}

fn keys(found: Result<Vec<SlotEntry>, Walked>) -> Vec<Key> {
    found.unwrap().into_iter().map(|one| one.key).collect()
}

#[test]
fn a_walk_finds_the_keys_of_the_slot_at_the_height_asked_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere: Vec<_> = (0..50).map(|n| (Key::from(format!("key {n}").as_str()), entry(1))).collect();
    assert!(
        elsewhere.iter().all(|(key, _)| slot_of(key) != street()),
        "none of them is of the slot by chance"
    );
    let reserved = (Key(b"\0i1234".to_vec()), entry(1));
    let first = [elsewhere, vec![reserved, (key(2), entry(1)), (key(1), entry(1))]].concat();
    let store = store(folder.path(), vec![first, vec![(key(1), None), (key(3), entry(2))]]);
    assert_eq!(keys(walk(&store, street(), 0, None, later())), [key(1), key(2)]);
    assert_eq!(keys(walk(&store, street(), 1, None, later())), [key(2), key(3)]);
    assert_eq!(keys(walk(&store, street(), 1, Some(2), later())), [key(2), key(3)]);
    assert_eq!(
        keys(walk(&store, street(), 1, Some(1), later())),
        [key(2)],
        "it ends once it has all that there are"
    );
    assert_eq!(keys(walk(&store, street() ^ 1, 1, None, later())), []);
}

#[test]
fn a_walk_ends_at_more_keys_or_bytes_than_a_proof_may_hold() {
    let folder = tempfile::tempdir().unwrap();
    let most: Vec<_> = (0..MAX_SLOT_ENTRIES).map(|n| (key(n), entry(1))).collect();
    let large: Vec<_> = (0..20).map(|n| (key(n), entry(60_000))).collect();
    let store = store(folder.path(), vec![most, vec![(key(MAX_SLOT_ENTRIES), entry(1))], large]);
    assert_eq!(keys(walk(&store, street(), 0, None, later())).len(), MAX_SLOT_ENTRIES);
    assert_eq!(walk(&store, street(), 1, None, later()), Err(Walked::TooMuch));
    assert_eq!(walk(&store, street(), 2, Some(20), later()), Err(Walked::TooMuch), "by their bytes alone");
}

#[test]
fn a_walk_looks_at_the_clock_also_among_keys_that_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let many = || (0..=WALK_STEPS).map(|n| Key::from(format!("gone {n}").as_str()));
    let written = many().map(|key| (key, entry(1))).collect();
    let store = store(folder.path(), vec![written, many().map(|key| (key, None)).collect()]);
    assert_eq!(walk(&store, street(), 1, None, Instant::now()), Err(Walked::TooLong));
    assert_eq!(keys(walk(&store, street(), 1, None, later())), []);
}
