//! Proofs about one key against a state root.

use super::hashing::{EMPTY, fork_hash, leaf_hash, root_hash, slot_hash, top_hash};
use super::{Place, SlotMarker, path_bit};
use crate::slots::SLOT_BITS;
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::{Hash, Key, Wire};

/// The most levels a slot's tree can have: the bits of a path.
const MAX_DEPTH: usize = 256;

/// The levels between a slot and the state root.
const MAX_SLOT_SIBLINGS: usize = SLOT_BITS + 1;

/// A leaf that stands where the key would have to stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct OtherLeaf {
    /// Its path in the slot.
    pub path: Hash,
    /// The hash of its entry.
    pub entry: Hash,
}

/// Proves what a state root holds at one key: an entry, or nothing.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct StateProof {
    /// The marker of the key's slot; `None` if the group does not own it, and then nothing is proved; `None` too for a
    /// reserved key, which has no slot.
    pub marker: Option<SlotMarker>,
    /// The siblings from the slot up to the root, always 13: the last stands for the reserved keys. For a reserved key
    /// one, which stands for all slots.
    #[borsh(deserialize_with = "bounded::<MAX_SLOT_SIBLINGS, _, _>")]
    pub slot_siblings: Vec<Hash>,
    /// The siblings in the slot's tree from the key's place up.
    #[borsh(deserialize_with = "bounded::<MAX_DEPTH, _, _>")]
    pub siblings: Vec<Hash>,
    /// For absence: the leaf that stands at the key's place, `None` if it is empty. `None` for presence.
    pub other: Option<OtherLeaf>,
}

impl Wire for StateProof {
    const MAX_BYTES: usize = 6 + (4 + 32 * MAX_SLOT_SIBLINGS) + (4 + 32 * MAX_DEPTH) + 65;
}

impl StateProof {
    /// Whether the state with this root holds exactly the entry with this hash at `key`, or nothing if `None`.
    pub fn verify(&self, root: &Hash, key: &Key, entry_hash: Option<Hash>) -> bool {
        let place = Place::of(key);
        let end = self.end(&place.path, entry_hash);
        end.and_then(|end| self.root(&place, end)).is_some_and(|found| found == *root)
    }

    /// The hash at the key's place, if the proof has the shape for the claim.
    fn end(&self, path: &Hash, entry_hash: Option<Hash>) -> Option<Hash> {
        match (entry_hash, &self.other) {
            (Some(entry), None) => Some(leaf_hash(path, &entry)),
            (None, None) => Some(EMPTY),
            (None, Some(other)) => {
                let stands_there = (0..self.siblings.len())
                    .all(|depth| path_bit(path, depth) == path_bit(&other.path, depth));
                (other.path != *path && stands_there).then(|| leaf_hash(&other.path, &other.entry))
            }
            (Some(_), Some(_)) => None,
        }
    }

    /// The root that follows from the hash at the key's place.
    fn root(&self, place: &Place, end: Hash) -> Option<Hash> {
        let (beside, slot_siblings) = self.slot_siblings.split_last()?;
        let levels = if place.is_reserved() { 0 } else { SLOT_BITS };
        if slot_siblings.len() != levels || self.siblings.len() > MAX_DEPTH {
            return None;
        }
        let mut hash = end;
        for (depth, sibling) in (0..self.siblings.len()).rev().zip(&self.siblings) {
            let right = path_bit(&place.path, depth);
            hash = if right { fork_hash(sibling, &hash) } else { fork_hash(&hash, sibling) };
        }
        if place.is_reserved() {
            return self.marker.is_none().then(|| root_hash(beside, &hash));
        }
        hash = slot_hash(&self.marker?, &hash);
        for (depth, sibling) in (0..SLOT_BITS).rev().zip(slot_siblings) {
            let right = place.slot_bit(depth);
            hash = if right { top_hash(sibling, &hash) } else { top_hash(&hash, sibling) };
        }
        Some(root_hash(&hash, beside))
    }
}
