//! The walk that finds the keys of a slot: on a disk, at a height, within its bounds.

use super::*;
use std::sync::Arc;
use witan_ledger::{BlockCommit, Value, Version};
use witan_storage::{Options, Storage};
use witan_types::{Block, BlockId, ChainId, Hash, Header, Outcome, Payload};

const GROUP: GroupId = GroupId(1);

/// A store with one block for each list of changes.
fn store(folder: &std::path::Path, blocks: Vec<Vec<(Key, Option<Entry>)>>) -> LedgerStore {
    let options = Options { on_failure: Arc::new(|error| panic!("{error}")), ..Options::default() };
    let storage = Storage::open(folder, options).unwrap();
    storage.set_identity(ChainId::default()).unwrap();
    let store = storage.ledger(GROUP);
    for (height, mut changes) in (0..).zip(blocks) {
        changes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (chain, epoch) = (ChainId::default(), Epoch(1));
        let header = Header {
            chain,
            group: GROUP,
            epoch,
            height,
            tag: 0,
            parent: BlockId::default(),
            proposer: ValidatorIndex(0),
            time_ms: height,
            payload_root: Hash::ZERO,
        };
        let outcome = Outcome {
            chain,
            group: GROUP,
            epoch,
            height,
            block_id: header.id(),
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            outbox_root: Hash::ZERO,
            next_epoch: None,
        };
        let block = Arc::new(Block { header, payload: Payload::default() });
        store.commit_blocks(&[BlockCommit { block, outcome, receipts: Vec::new(), changes }], &[]).unwrap();
    }
    store
}

fn key(number: usize) -> Key {
    Key::from(format!("{{street}}/{number:05}").as_str())
}

fn entry(bytes: usize) -> Option<Entry> {
    Some(Entry { value: Value::Bytes(vec![7; bytes]), version: Version::new(0, 0, 0) })
}

fn street() -> u16 {
    slot_of(&key(0))
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
    assert_eq!(keys(walk(&store, street(), 0, None)), [key(1), key(2)]);
    assert_eq!(keys(walk(&store, street(), 1, None)), [key(2), key(3)]);
    assert_eq!(keys(walk(&store, street(), 1, Some(2))), [key(2), key(3)]);
    assert_eq!(keys(walk(&store, street(), 1, Some(1))), [key(2)], "it ends once it has all that there are");
    assert_eq!(keys(walk(&store, street() ^ 1, 1, None)), []);
}

#[test]
fn a_walk_ends_at_more_keys_or_bytes_than_a_proof_may_hold() {
    let folder = tempfile::tempdir().unwrap();
    let most: Vec<_> = (0..MAX_SLOT_ENTRIES).map(|n| (key(n), entry(1))).collect();
    let large: Vec<_> = (0..20).map(|n| (key(n), entry(60_000))).collect();
    let store = store(folder.path(), vec![most, vec![(key(MAX_SLOT_ENTRIES), entry(1))], large]);
    assert_eq!(keys(walk(&store, street(), 0, None)).len(), MAX_SLOT_ENTRIES);
    assert_eq!(walk(&store, street(), 1, None), Err(Walked::TooMuch));
    assert_eq!(walk(&store, street(), 2, Some(20)), Err(Walked::TooMuch), "by their bytes alone");
}
