//! The Merkle root of a list of hashes, with inclusion proofs: receipts, batches and outbox entries of a block.
//!
//! Leaves and inner nodes are hashed with different tags and the length is part of the root, so that no list can pass
//! for another (RFC 6962 section 2.1, plus the length).

use crate::codec::Wire;
use crate::hash::{Hash, sha256, sha256_pair};
use borsh::{BorshDeserialize, BorshSerialize};

/// The most steps an inclusion proof may have.
pub const MAX_PROOF_STEPS: usize = 32;

/// A leaf's way to the root: its place, the list's length, and the sibling at each level that has one.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ListProof {
    /// The leaf's place.
    pub index: u64,
    /// How many leaves the list has.
    pub length: u64,
    /// Siblings from the bottom up.
    #[borsh(deserialize_with = "crate::codec::bounded::<MAX_PROOF_STEPS, _, _>")]
    pub siblings: Vec<Hash>,
}

impl Wire for ListProof {
    const MAX_BYTES: usize = 8 + 8 + 4 + 32 * MAX_PROOF_STEPS;
}

/// The root of a list; the empty list has one too.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut level: Vec<Hash> = leaves.iter().map(leaf).collect();
    while level.len() > 1 {
        level = parents(&level);
    }
    bind_length(leaves.len() as u64, level.first().copied().unwrap_or(Hash::ZERO))
}

/// The proof that `leaves[index]` is in the list; `None` if there is no such place.
pub fn prove(leaves: &[Hash], index: usize) -> Option<ListProof> {
    leaves.get(index)?;
    let mut level: Vec<Hash> = leaves.iter().map(leaf).collect();
    let (mut place, mut siblings) = (index, Vec::new());
    while level.len() > 1 {
        siblings.extend(level.get(place ^ 1).copied());
        level = parents(&level);
        place /= 2;
    }
    Some(ListProof { index: index as u64, length: leaves.len() as u64, siblings })
}

impl ListProof {
    /// The root that the list has if `value` is at the proof's place; `None` if the proof has the wrong shape.
    pub fn root(&self, value: &Hash) -> Option<Hash> {
        if self.index >= self.length {
            return None;
        }
        let (mut node, mut place, mut width) = (leaf(value), self.index, self.length);
        let mut siblings = self.siblings.iter();
        while width > 1 {
            if place ^ 1 < width {
                let sibling = siblings.next()?;
                node = if place % 2 == 0 { parent(&node, sibling) } else { parent(sibling, &node) };
            }
            place /= 2;
            width = width.div_ceil(2);
        }
        siblings.next().is_none().then(|| bind_length(self.length, node))
    }
}

fn leaf(value: &Hash) -> Hash {
    sha256(&[&[0], value.as_bytes()])
}

fn parent(left: &Hash, right: &Hash) -> Hash {
    sha256_pair(1, left, right)
}

/// The next level up; a last node without a sibling moves up as it is.
fn parents(level: &[Hash]) -> Vec<Hash> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => parent(left, right),
            [single, ..] => *single,
            [] => Hash::ZERO,
        })
        .collect()
}

fn bind_length(length: u64, top: Hash) -> Hash {
    sha256(&[&[2], &length.to_le_bytes(), top.as_bytes()])
}
