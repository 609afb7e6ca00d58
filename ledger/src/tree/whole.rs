//! Proofs about all that a slot holds against a state root.

use super::hashing::{root_hash, slot_hash, top_hash};
use super::{Change, Node, Place, SlotMarker, Tree};
use crate::slots::{SLOT_BITS, SLOTS};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::{Hash, Key, Wire};

/// The levels between a slot and the state root.
const LEVELS: usize = SLOT_BITS + 1;

/// The way from a whole slot to a state root. The slot's own tree is not in it: who checks makes it from the entries, so
/// that none can be left out or added.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SlotProof {
    /// The slot's marker.
    pub marker: SlotMarker,
    /// The siblings from the slot up to the root, always 13: the last stands for the reserved keys.
    #[borsh(deserialize_with = "bounded::<LEVELS, _, _>")]
    pub siblings: Vec<Hash>,
}

impl Wire for SlotProof {
    const MAX_BYTES: usize = 5 + (4 + 32 * LEVELS);
}

impl SlotProof {
    /// The state root that follows if `slot` holds exactly these entries, each key with the hash of its entry. None if the
    /// proof has another shape, if there is no such slot, or if the keys do not ascend or one is of another slot.
    pub fn root<'a>(&self, slot: u16, entries: impl IntoIterator<Item = (&'a Key, Hash)>) -> Option<Hash> {
        let (reserved, levels) = self.siblings.split_last()?;
        if levels.len() != SLOT_BITS || slot >= SLOTS {
            return None;
        }
        let (mut changes, mut last): (Vec<Change>, Option<&Key>) = (Vec::new(), None);
        for (key, entry) in entries {
            let place = Place::of(key);
            if place.slot != slot || last.is_some_and(|last| last >= key) {
                return None;
            }
            last = Some(key);
            changes.push(Change { place, entry: Some(entry) });
        }
        changes.sort_by_key(|change| change.place);
        let here = Place { slot, path: Hash::ZERO };
        let mut hash = slot_hash(&self.marker, &Node::of(changes).hash(0));
        for (depth, sibling) in (0..SLOT_BITS).rev().zip(levels) {
            hash = if here.slot_bit(depth) { top_hash(sibling, &hash) } else { top_hash(&hash, sibling) };
        }
        Some(root_hash(&hash, reserved))
    }
}

impl Tree {
    /// The way from a whole slot to the root; `None` if the group does not own the slot.
    pub fn prove_slot(&self, slot: u16) -> Option<SlotProof> {
        self.now().slot(slot % SLOTS).prove_whole()
    }

    /// How many keys a slot holds, counted no further than one above `most`; `None` if the group does not own it.
    pub fn keys_in(&self, slot: u16, most: usize) -> Option<usize> {
        self.now().slot(slot % SLOTS).keys(most)
    }
}
