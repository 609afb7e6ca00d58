//! Roots and proofs at the newest heights are those of the oracle, after any history.

use super::oracle::Oracle;
use super::{entry, key};
use crate::ledger::{PROOF_WINDOW, ProofWindow, StateTrees};
use crate::slots::{SLOTS, slot_of};
use crate::tree::Tree;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use witan_types::{Hash, Key};

type Batch = Vec<(u16, Option<u8>)>;

/// Many of the keys share a slot, so that it has more than one page; single changes and whole sweeps take turns.
fn batches(keys: Range<u16>) -> impl Strategy<Value = Vec<Batch>> {
    let entry = proptest::option::weighted(0.6, any::<u8>());
    let few = vec((keys.clone(), entry), 0..12);
    let many = vec((keys.clone(), proptest::option::weighted(0.8, any::<u8>())), 0..400);
    let span = (keys.clone(), keys).prop_flat_map(|(one, other)| {
        let (from, to) = (one.min(other), one.max(other));
        proptest::option::of(any::<u8>())
            .prop_map(move |entry| (from..to).map(|number| (number, entry)).collect())
    });
    vec(prop_oneof![4 => few, 1 => many, 1 => span], 1..14)
}

fn hashes(keys: &[Key], batch: &Batch) -> Vec<(Key, Option<Hash>)> {
    batch.iter().map(|(number, value)| (keys[usize::from(*number)].clone(), value.map(entry))).collect()
}

fn changes(hashes: &[(Key, Option<Hash>)]) -> impl Iterator<Item = (&Key, Option<Hash>)> {
    hashes.iter().map(|(key, entry)| (key, *entry))
}

/// The oracle's trees of the heights that are kept, the last the newest.
struct Both {
    trees: StateTrees,
    kept: VecDeque<(u64, Oracle)>,
}

impl Both {
    fn new() -> Both {
        let trees = StateTrees::new(0, Tree::new(0..SLOTS, 3));
        Both { trees, kept: VecDeque::from([(0, Oracle::new(0..SLOTS, 3))]) }
    }

    fn advance(&mut self, batch: &[(Key, Option<Hash>)]) {
        let (height, newest) = self.kept.back().unwrap();
        let next = newest.update(changes(batch));
        assert_eq!(self.trees.advance(changes(batch)), next.root(), "root after height {height}");
        self.kept.push_back((height + 1, next));
        if self.kept.len() > PROOF_WINDOW {
            self.kept.pop_front();
        }
    }

    fn assert_proves_the_same(&self, keys: &[Key]) {
        let window: &ProofWindow = self.trees.window();
        assert_eq!(window.oldest(), Some(self.kept[0].0));
        for (height, oracle) in &self.kept {
            for key in keys {
                assert_eq!(window.prove(*height, key), Some(oracle.prove(key)), "{key:?} at height {height}");
                let slot = slot_of(key);
                assert_eq!(
                    window.prove_slot(*height, slot),
                    oracle.prove_slot(slot),
                    "slot {slot} at {height}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_and_proofs_of_all_kept_heights_are_the_oracles(
        batches in batches(0..1_000),
        asked in vec(0..1_000_usize, 8),
    ) {
        let keys: Vec<Key> = (0..1_000).map(key).collect();
        let mut both = Both::new();
        for batch in &batches {
            both.advance(&hashes(&keys, batch));
        }
        let asked: Vec<Key> = asked.iter().map(|number| keys[*number].clone()).collect();
        both.assert_proves_the_same(&asked);
    }
}

#[test]
fn a_window_that_is_full_forgets_the_oldest_height_and_no_other() {
    let keys: Vec<Key> = (0..60).map(key).collect();
    let mut both = Both::new();
    for round in 0..2 * PROOF_WINDOW {
        let one = |number: usize| (keys[number % keys.len()].clone(), (round % 5 != 0).then(|| entry(7)));
        both.advance(&[one(round * 7), one(round * 11 + 1)]);
    }
    both.assert_proves_the_same(&keys);
    let oldest = both.kept[0].0;
    let window = both.trees.window();
    assert!(window.prove(oldest - 1, &keys[0]).is_none() && window.prove_slot(oldest - 1, 0).is_none());
    assert!(window.prove(oldest + PROOF_WINDOW as u64, &keys[0]).is_none());
}

#[test]
fn keys_of_a_slot_are_counted_as_they_were() {
    let keys: Vec<Key> = (0..400).map(|number| key(number * 3)).filter(|key| !key.is_reserved()).collect();
    let slot = slot_of(&keys[0]);
    let mut trees = StateTrees::new(0, Tree::new(0..SLOTS, 0));
    let mut counts = BTreeMap::from([(0, 0)]);
    for (height, held) in (1..).zip([300, 5, 0, 1, keys.len().min(340), 2]) {
        trees.advance(keys.iter().zip(0..).map(|(key, at)| (key, (at < held).then(|| entry(1)))));
        counts.insert(height, held);
    }
    for (height, held) in counts {
        assert_eq!(trees.window().keys_in(height, slot, 1_000), Some(held), "height {height}");
        assert_eq!(trees.window().keys_in(height, slot, 4), Some(held.min(5)), "height {height}");
    }
}

#[test]
fn what_is_proved_while_blocks_execute_holds_against_the_root_of_its_height() {
    const BLOCKS: u64 = 300;
    let keys: Vec<Key> = (0..200).map(|number| key(number * 3)).collect();
    let mut trees = StateTrees::new(0, Tree::new(0..SLOTS, 0));
    let window = trees.window().clone();
    let held = |key: usize, height: u64| (height > 0).then(|| entry(((key as u64 + height) % 251) as u8));
    let (roots, proofs) = std::thread::scope(|scope| {
        let executing = scope.spawn(|| {
            let block = |height| {
                trees.advance(keys.iter().enumerate().map(|(place, key)| (key, held(place, height))))
            };
            (1..=BLOCKS).map(block).collect::<Vec<Hash>>()
        });
        let mut proofs = Vec::new();
        // Both the oldest height, which may just go, and the newest.
        for place in (0..keys.len()).cycle() {
            let oldest = window.oldest().unwrap();
            for height in [oldest, oldest + 7, oldest + PROOF_WINDOW as u64 - 1] {
                proofs.extend(window.prove(height, &keys[place]).map(|proof| (height, place, proof)));
            }
            if executing.is_finished() {
                break;
            }
        }
        (executing.join().unwrap(), proofs)
    });
    assert!(!proofs.is_empty());
    for (height, place, proof) in proofs.iter().filter(|(height, ..)| *height > 0) {
        let root = roots[usize::try_from(*height).unwrap() - 1];
        assert!(proof.verify(&root, &keys[*place], held(*place, *height)), "{place} at height {height}");
    }
}
