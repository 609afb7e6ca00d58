//! The ledger on disk answers exactly as a naive ledger in memory would, at every height, also after reopening.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHAIN, GROUP, Model, commit_of, entry, open, seal_of, tx_id};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::ops::{Bound, ControlFlow};
use witan_ledger::{Entry, Store as _};
use witan_storage::{LedgerStore, Order, prefix_range};
use witan_types::{BlockId, GroupId, Height, Key, TxId};

/// One block: changes (key to its new value, or deletion), receipts, and whether it gets a seal.
type Step = (Vec<(Key, Option<Vec<u8>>)>, u32, bool);

/// Any key of a transaction: reserved ones, which start with a zero byte, have no history.
fn key() -> impl Strategy<Value = Key> {
    let rest = vec(prop_oneof![Just(0), Just(b'a'), Just(b'b'), Just(0xFF)], 0..3);
    let first = prop_oneof![Just(b'a'), Just(b'b'), Just(0xFF)];
    (first, rest).prop_map(|(first, rest)| Key([vec![first], rest].concat()))
}

fn step() -> impl Strategy<Value = Step> {
    // Some do not fit beside others into one record, some not even alone; nor do that many receipts.
    let value = prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => vec(any::<u8>(), 900..2_100)];
    let value = proptest::option::weighted(0.7, value);
    let receipts = prop_oneof![0_u32..4, 60_u32..70];
    (btree_map(key(), value, 0..12), receipts, any::<bool>())
        .prop_map(|(changes, receipts, sealed)| (changes.into_iter().collect(), receipts, sealed))
}

fn bound() -> impl Strategy<Value = Bound<Key>> {
    prop_oneof![Just(Bound::Unbounded), key().prop_map(Bound::Included), key().prop_map(Bound::Excluded)]
}

fn apply(model: &mut Model, ledger: &LedgerStore, steps: &[Step]) {
    for (changes, receipts, sealed) in steps {
        let height = model.commits.len() as Height;
        let changes = changes
            .iter()
            .map(|(key, value)| (key.clone(), value.as_ref().map(|value| entry(height, 0, value))))
            .collect();
        let commit = commit_of(GROUP, height, changes, *receipts);
        let seals = if *sealed { vec![seal_of(&commit)] } else { vec![] };
        ledger.commit_blocks(std::slice::from_ref(&commit), &seals).unwrap();
        model.seals.extend(seals.into_iter().map(|seal| (height, seal)));
        model.commit(commit);
    }
}

fn assert_same(model: &Model, ledger: &LedgerStore, keys: &[Key]) {
    let tip = model.commits.len() as Height - 1;
    assert_eq!(ledger.tip(), Some(tip));
    assert_eq!(ledger.sealed_tip(), model.seals.keys().max().copied().unwrap_or(0));
    let mut entries = Vec::new();
    ledger.visit_entries(&mut |key, entry| entries.push((key, entry)));
    assert_eq!(entries, model.scan(.., usize::MAX, tip));
    for (height, commit) in (0..).zip(&model.commits) {
        assert_eq!(ledger.block(height).as_ref(), Some(&commit.block));
        assert_eq!(ledger.block_by_id(commit.block.id()), Some(height));
        assert_eq!(ledger.outcome(height).as_ref(), Some(&commit.outcome));
        assert_eq!(ledger.seal(height).as_ref(), model.seals.get(&height));
        assert_eq!(ledger.receipts(height), commit.receipts);
        let mut changed = Vec::new();
        ledger.visit_changes(height, |key, entry| {
            changed.push((key, entry));
            ControlFlow::Continue(())
        });
        assert_eq!(changed, commit.changes);
        for receipt in &commit.receipts {
            assert_eq!(ledger.find_transaction(&receipt.id), Some((height, receipt.clone())));
        }
    }
    for key in keys {
        let newest = model.state_at(tip).get(key).cloned();
        assert_eq!(ledger.entry(key), newest);
        assert_eq!(ledger.snapshot_entry(key), (tip, newest));
        for height in 0..=tip + 1 {
            assert_eq!(ledger.entry_at(key, height).as_ref(), model.state_at(height).get(key));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_read_equals_the_naive_ledger_also_after_reopening(
        steps in vec(step(), 1..12), later in vec(step(), 0..4), keys in vec(key(), 8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let storage = open(dir.path()).unwrap();
        let ledger = storage.ledger(GROUP);
        apply(&mut model, &ledger, &steps);
        assert_same(&model, &ledger, &keys);
        drop((storage, ledger));

        let ledger = open(dir.path()).unwrap().ledger(GROUP);
        assert_same(&model, &ledger, &keys);
        apply(&mut model, &ledger, &later);
        assert_same(&model, &ledger, &keys);
    }

    #[test]
    fn every_scan_equals_the_naive_ledger_at_every_height(
        steps in vec(step(), 1..12), ranges in vec((bound(), bound(), 0_usize..10), 10), prefixes in vec(key(), 5),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let ledger = open(dir.path()).unwrap().ledger(GROUP);
        apply(&mut model, &ledger, &steps);
        for at in 0..=steps.len() as Height {
            for (start, end, limit) in &ranges {
                let range = (start.clone(), end.clone());
                prop_assert_eq!(ledger.scan(range.clone(), *limit, at), model.scan(range.clone(), *limit, at));
                prop_assert_eq!(scan_in_steps(&ledger, range.clone(), at), model.scan(range, usize::MAX, at));
            }
            for prefix in &prefixes {
                let range = prefix_range(&prefix.0);
                prop_assert_eq!(ledger.scan(range.clone(), 99, at), model.scan(range, 99, at));
            }
        }
    }
}

/// Everything in a range, by visits that stop after as few steps as get on.
fn scan_in_steps(
    ledger: &LedgerStore,
    (mut start, end): (Bound<Key>, Bound<Key>),
    at: Height,
) -> Vec<(Key, Entry)> {
    let mut found = Vec::new();
    loop {
        let mut steps = 2;
        let next = ledger.visit_at((start, end.clone()), at, &mut steps, |key, entry| {
            found.push((key, entry));
            ControlFlow::Continue(())
        });
        let Some(next) = next else { return found };
        start = Bound::Included(next);
    }
}

#[test]
fn pages_at_a_pinned_height_fit_together_while_blocks_are_committed() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let ledger = open(dir.path()).unwrap().ledger(GROUP);
    let keys: Vec<Key> = (1..51_u8).map(|number| Key(vec![number])).collect();
    let write =
        |value: Option<Vec<u8>>| (keys.iter().map(|key| (key.clone(), value.clone())).collect(), 0, false);
    apply(&mut model, &ledger, &[write(Some(vec![1]))]);

    let (mut found, mut start) = (Vec::new(), Bound::Unbounded);
    loop {
        let page = ledger.scan((start, Bound::Unbounded), 7, 0);
        apply(&mut model, &ledger, &[write(None), write(Some(vec![2]))]);
        let Some((last, _)) = page.last() else { break };
        start = Bound::Excluded(last.clone());
        found.extend(page);
    }
    assert_eq!(found, model.scan(.., usize::MAX, 0));
    assert_eq!(found.len(), 50);
}

#[test]
fn groups_do_not_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    let groups = [GroupId(0), GroupId(1), GroupId(u32::MAX)];
    for group in groups {
        let name = group.to_string();
        let changes = vec![(Key::from("name"), Some(entry(0, 0, name.as_bytes())))];
        storage.ledger(group).commit_blocks(&[commit_of(group, 0, changes, 1)], &[]).unwrap();
    }
    for group in groups {
        let ledger = storage.ledger(group);
        let expected = (Key::from("name"), entry(0, 0, group.to_string().as_bytes()));
        assert_eq!(ledger.scan(.., 99, 0), vec![expected.clone()]);
        let mut entries = Vec::new();
        ledger.visit_entries(&mut |key, entry| entries.push((key, entry)));
        assert_eq!(entries, vec![expected]);
    }
    assert_eq!(storage.ledger(GroupId(2)).tip(), None);
}

#[test]
fn blocks_are_listed_both_ways_within_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap().ledger(GROUP);
    assert_eq!(ledger.list_blocks(0, Order::Ascending, 5), vec![]);
    let commits: Vec<_> = (0..6).map(common::plain_commit).collect();
    ledger.commit_blocks(&commits, &[]).unwrap();
    let heights = |from, order, limit| -> Vec<Height> {
        ledger.list_blocks(from, order, limit).iter().map(|block| block.header.height).collect()
    };
    assert_eq!(heights(2, Order::Ascending, 3), [2, 3, 4]);
    assert_eq!(heights(4, Order::Ascending, 9), [4, 5]);
    assert!(heights(9, Order::Ascending, 9).is_empty());
    assert_eq!(heights(2, Order::Descending, 9), [2, 1, 0]);
    assert_eq!(heights(u64::MAX, Order::Descending, 2), [5, 4]);
}

#[test]
fn a_block_or_seal_out_of_order_is_refused_and_changes_nothing() {
    use witan_storage::StorageError::OutOfOrder;
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap().ledger(GROUP);
    let refused =
        |commit: &witan_ledger::BlockCommit| ledger.commit_blocks(std::slice::from_ref(commit), &[]);
    assert_eq!(refused(&common::plain_commit(1)), Err(OutOfOrder { group: GROUP, expected: 0, got: 1 }));
    assert_eq!(ledger.tip(), None);
    ledger.commit_blocks(&[common::plain_commit(0), common::plain_commit(1)], &[]).unwrap();
    assert_eq!(refused(&common::plain_commit(1)), Err(OutOfOrder { group: GROUP, expected: 2, got: 1 }));
    assert_eq!(refused(&common::plain_commit(3)), Err(OutOfOrder { group: GROUP, expected: 2, got: 3 }));
    let early = seal_of(&common::plain_commit(2));
    assert_eq!(
        ledger.commit_blocks::<witan_ledger::BlockCommit>(&[], &[early]),
        Err(OutOfOrder { group: GROUP, expected: 1, got: 2 })
    );
    common::assert_whole(&ledger, 1);
    assert_eq!(ledger.sealed_tip(), 0);
}

#[test]
fn what_was_never_stored_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    let ledger = storage.ledger(GROUP);
    assert_eq!((ledger.tip(), ledger.sealed_tip()), (None, 0));
    assert_eq!(ledger.entry(&Key::from("a")), None);
    assert_eq!(ledger.entry_at(&Key::from("a"), 5), None);
    assert_eq!(ledger.snapshot_entry(&Key::from("a")), (0, None));
    assert_eq!(ledger.find_transaction(&TxId::default()), None);
    assert_eq!(ledger.find_transaction(&tx_id(0, 0)), None);
    assert_eq!(ledger.block_by_id(BlockId::default()), None);
    assert_eq!(ledger.receipts(0), vec![]);
    storage.set_identity(CHAIN).unwrap();
}

#[test]
fn records_under_reserved_keys_are_kept_as_they_are_now_and_have_no_history() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap().ledger(GROUP);
    let reserved: Vec<Key> = [b"\0a", b"\0c", b"\0d"].map(|key| Key(key.to_vec())).to_vec();
    for height in 0..2 {
        let written = |key: &Key| (key.clone(), Some(entry(height, 0, &[1])));
        let mut changes: Vec<_> = reserved.iter().map(written).collect();
        changes.push(written(&Key::from("a")));
        ledger.commit_blocks(&[commit_of(GROUP, height, changes, 0)], &[]).unwrap();
    }
    assert!(reserved.iter().all(|key| ledger.entry(key) == Some(entry(1, 0, &[1]))));
    assert!(reserved.iter().all(|key| ledger.entry_at(key, 1).is_none()));
    assert_eq!(ledger.scan(.., usize::MAX, 1), [(Key::from("a"), entry(1, 0, &[1]))]);
    let mut changed = Vec::new();
    ledger.visit_changes(1, |key, _| {
        changed.push(key);
        ControlFlow::Continue(())
    });
    assert_eq!(changed, [Key::from("a")]);
    let visited = |from: &[u8], most: usize| {
        let mut keys = Vec::new();
        ledger.visit_reserved(&Key(from.to_vec()), &mut |key, _| {
            keys.push(key);
            if keys.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        keys
    };
    assert_eq!(visited(&[0], usize::MAX), reserved);
    assert_eq!(visited(b"\0b", usize::MAX), reserved[1..]);
    assert_eq!(visited(b"\0b", 1), reserved[1..2]);
}
