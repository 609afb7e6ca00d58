//! What an update replaced, and what a tree held before.

use super::node::Node;
use super::page::Dirty;
use super::{ALL_SLOTS, Change, RESERVED, SlotMarker, SlotProof, StateProof, Tree, index_of};
use crate::slots::SLOT_BITS;
use std::collections::BTreeMap;
use witan_types::Hash;

/// What one update replaced.
#[derive(Debug)]
pub(crate) struct Undo {
    /// What stood at each changed place, ascending.
    pub(super) changes: Vec<Change>,
    pub(super) hashes: Replaced,
}

/// Which hashes of the top changed, descending by index, and what each was.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) indices: Vec<u16>,
    pub(super) hashes: Vec<Hash>,
}

impl Replaced {
    /// For all hashes above so many slots: on no level more than slots or places.
    pub(super) fn with_room_for(slots: usize) -> Replaced {
        let levels = (0..=SLOT_BITS).map(|level| slots.min(1 << level));
        let room = levels.fold(2, usize::saturating_add);
        Replaced { indices: Vec::with_capacity(room), hashes: Vec::with_capacity(room) }
    }
}

impl Undo {
    fn hash(&self, index: u16) -> Option<Hash> {
        let found = self.hashes.indices.binary_search_by(|other| index.cmp(other)).ok();
        found.and_then(|at| self.hashes.hashes.get(at)).copied()
    }

    fn changes_in(&self, slot: u16) -> &[Change] {
        if self.hash(index_of(slot)).is_none() {
            return &[];
        }
        let from = self.changes.partition_point(|change| change.place.slot < slot);
        let here = self.changes.get(from..).unwrap_or_default();
        here.get(..here.partition_point(|change| change.place.slot == slot)).unwrap_or_default()
    }
}

/// A tree as it was before its newest updates.
pub(crate) struct Past<'a> {
    tree: &'a Tree,
    /// Of the updates that it was before, the oldest first.
    undone: Vec<&'a Undo>,
}

/// One slot of a past tree, apart from the tree, which may go on changing.
pub(crate) struct PastSlot {
    /// `None` if the group does not own it, or for the reserved keys.
    marker: Option<SlotMarker>,
    /// From the slot up to the root; the last stands for the reserved keys, or for all slots.
    siblings: Vec<Hash>,
    /// As it is now.
    root: Node,
    /// What makes of it what it was, ascending by path.
    back: BTreeMap<Hash, Change>,
}

impl<'a> Past<'a> {
    /// The tree before the updates that replaced these, the oldest first. They are the newest, without a gap.
    pub(crate) fn new(tree: &'a Tree, undone: impl Iterator<Item = &'a Undo>) -> Past<'a> {
        Past { tree, undone: undone.collect() }
    }

    /// A slot, or the reserved keys.
    pub(crate) fn slot(&self, slot: u16) -> PastSlot {
        let siblings = match slot {
            RESERVED => vec![self.hash(ALL_SLOTS)],
            _ => {
                let up = std::iter::successors(Some(index_of(slot)), |index| Some(index / 2)).take(SLOT_BITS);
                up.map(|index| self.hash(index ^ 1)).chain([self.hash(index_of(RESERVED))]).collect()
            }
        };
        let mut back = BTreeMap::new();
        for change in self.undone.iter().rev().flat_map(|undo| undo.changes_in(slot)) {
            back.insert(change.place.path, *change);
        }
        let (marker, root) =
            self.tree.slot(slot).map_or_else(Default::default, |slot| (slot.marker, slot.root.clone()));
        PastSlot { marker, siblings, root, back }
    }

    fn hash(&self, index: u16) -> Hash {
        self.undone.iter().find_map(|undo| undo.hash(index)).unwrap_or_else(|| self.tree.hash(index))
    }
}

impl PastSlot {
    /// Proves what it held at a path.
    pub(crate) fn prove(mut self, path: &Hash) -> StateProof {
        let (marker, slot_siblings) = (self.marker, std::mem::take(&mut self.siblings));
        let mut siblings = Vec::new();
        let other = self.into_root().descend(path, &mut siblings);
        siblings.reverse();
        StateProof { marker, slot_siblings, siblings, other }
    }

    /// The way from it to the root; `None` if the group does not own it.
    pub(crate) fn prove_whole(self) -> Option<SlotProof> {
        self.marker.map(|marker| SlotProof { marker, siblings: self.siblings })
    }

    /// How many keys it held, counted no further than one above `most`; `None` if the group does not own it.
    pub(crate) fn keys(self, most: usize) -> Option<usize> {
        self.marker.map(|_| self.into_root().leaves().min(most.saturating_add(1)))
    }

    /// Its tree as it was.
    fn into_root(self) -> Node {
        let (mut root, mut back) = (self.root, self.back.into_values().collect::<Vec<Change>>());
        root.update(0, &mut back, &mut Dirty::default());
        root
    }
}
