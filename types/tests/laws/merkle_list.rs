//! Merkle lists: every leaf has a proof, and a proof shows nothing but its leaf at its place in its list.

use crate::samples::hash;
use proptest::prelude::*;
use std::collections::BTreeSet;
use witan_types::Hash;
use witan_types::merkle_list::{ListProof, prove, root};

fn leaves(length: usize) -> Vec<Hash> {
    (0..length).map(|place| hash(&format!("leaf {place}"))).collect()
}

#[test]
fn every_leaf_of_every_length_has_a_proof() {
    for length in 0..=33 {
        let leaves = leaves(length);
        for (index, leaf) in leaves.iter().enumerate() {
            let proof = prove(&leaves, index).unwrap();
            assert_eq!(proof.root(leaf), Some(root(&leaves)), "leaf {index} of {length}");
        }
        assert_eq!(prove(&leaves, length), None, "there is no leaf {length}");
    }
}

#[test]
fn a_proof_shows_no_other_leaf_and_no_other_place() {
    for length in 1..=33_usize {
        let leaves = leaves(length);
        let expected = Some(root(&leaves));
        for index in 0..length {
            let proof = prove(&leaves, index).unwrap();
            assert_ne!(proof.root(&hash("stranger")), expected);
            for other in (0..length + 3).filter(|other| *other != index) {
                let moved = ListProof { index: other as u64, ..proof.clone() };
                assert_ne!(moved.root(&leaves[index]), expected, "leaf {index} at {other} of {length}");
                if let Some(leaf) = leaves.get(other) {
                    assert_ne!(
                        proof.root(leaf),
                        expected,
                        "leaf {other} by the proof of {index} of {length}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_proof_falls_with_any_change_of_its_shape() {
    for length in 1..=33_usize {
        let leaves = leaves(length);
        let expected = Some(root(&leaves));
        for index in 0..length {
            let proof = prove(&leaves, index).unwrap();
            for other in (0..70).filter(|other| *other != length as u64) {
                let stretched = ListProof { length: other, ..proof.clone() };
                assert_ne!(stretched.root(&leaves[index]), expected, "{length} leaves said to be {other}");
            }
            let mut longer = proof.clone();
            longer.siblings.push(Hash::ZERO);
            assert_eq!(longer.root(&leaves[index]), None);
            let mut shorter = proof.clone();
            if shorter.siblings.pop().is_some() {
                assert_eq!(shorter.root(&leaves[index]), None);
            }
            for step in 0..proof.siblings.len() {
                let mut changed = proof.clone();
                changed.siblings[step].0[31] ^= 1;
                assert_ne!(changed.root(&leaves[index]), expected);
            }
        }
    }
}

#[test]
fn the_largest_numbers_a_peer_can_write_are_judged_like_any_other() {
    for (index, length) in [(0, u64::MAX), (u64::MAX - 1, u64::MAX), (u64::MAX, u64::MAX), (0, 0)] {
        let proof = ListProof { index, length, siblings: vec![Hash::ZERO; 32] };
        assert_eq!(proof.root(&Hash::ZERO), None);
    }
    let full = ListProof { index: 0, length: u64::MAX, siblings: vec![Hash::ZERO; 64] };
    assert!(full.root(&Hash::ZERO).is_some(), "as many siblings as levels");
}

#[test]
fn lists_that_look_alike_have_different_roots() {
    let mut lists: Vec<Vec<Hash>> = (0..=33).map(leaves).collect();
    lists.push(vec![Hash::ZERO]);
    lists.push(vec![Hash::ZERO; 2]);
    let doubled_last = [leaves(3), vec![leaves(3)[2]]].concat();
    lists.push(doubled_last);
    lists.push(vec![root(&leaves(2))]);
    let roots: BTreeSet<Hash> = lists.iter().map(|list| root(list)).collect();
    assert_eq!(roots.len(), lists.len());
}

proptest! {
    #[test]
    fn lists_have_one_root_only_if_they_are_equal(
        left in proptest::collection::vec(0..3_u8, 0..12), right in proptest::collection::vec(0..3_u8, 0..12),
    ) {
        let hashes = |bytes: &[u8]| bytes.iter().map(|byte| Hash([*byte; 32])).collect::<Vec<_>>();
        prop_assert_eq!(root(&hashes(&left)) == root(&hashes(&right)), left == right);
    }

    #[test]
    fn no_made_up_proof_panics(
        index: u64, length: u64, steps in 0..70_usize, value in any::<[u8; 32]>(),
    ) {
        let proof = ListProof { index, length, siblings: vec![Hash([1; 32]); steps] };
        if index >= length {
            prop_assert_eq!(proof.root(&Hash(value)), None);
        } else if let Some(found) = proof.root(&Hash(value)) {
            prop_assert_ne!(found, root(&[]));
        }
    }
}
