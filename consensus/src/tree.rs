//! The tree of blocks above the newest stable one: those voted for here, and those that a quorum vouched for.

use crate::engine::Seq;
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::{Block, BlockId, Header, Height, ValidatorIndex};

/// Where a block stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) height: Height,
    pub(crate) id: BlockId,
    pub(crate) parent: BlockId,
    /// The header's tag; 0 for the epoch's base, whatever its header says.
    pub(crate) tag: u64,
    pub(crate) time_ms: u64,
    pub(crate) proposer: ValidatorIndex,
}

impl Place {
    /// Where the block of `header` stands.
    pub(crate) fn of(header: &Header, id: BlockId, base: BlockId) -> Place {
        let tag = if id == base { 0 } else { header.tag };
        let Header { height, parent, time_ms, proposer, .. } = *header;
        Place { height, id, parent, tag, time_ms, proposer }
    }
}

/// The places of a path downwards that are above `height`, oldest first.
pub(crate) fn ascending(path: &[Place], height: Height) -> Vec<Place> {
    path.iter().rev().filter(|place| place.height > height).copied().collect()
}

/// A block with the place of its record, if it has one.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) block: Arc<Block>,
    pub(crate) seq: Option<Seq>,
}

/// Blocks that all descend from the root.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    base: BlockId,
    root: Place,
    kept: BTreeMap<BlockId, Kept>,
}

impl Tree {
    pub(crate) fn new(root: &Header, base: BlockId) -> Tree {
        Tree { base, root: Place::of(root, root.id(), base), kept: BTreeMap::new() }
    }

    /// The newest stable block.
    pub(crate) fn root(&self) -> Place {
        self.root
    }

    pub(crate) fn get(&self, id: BlockId) -> Option<&Kept> {
        self.kept.get(&id)
    }

    /// Where a block of the tree stands, the root included.
    pub(crate) fn place(&self, id: BlockId) -> Option<Place> {
        if id == self.root.id {
            return Some(self.root);
        }
        self.kept.get(&id).map(|kept| Place::of(&kept.block.header, id, self.base))
    }

    /// Adds a block whose parent is here and one below it. Says whether it is in the tree now.
    pub(crate) fn insert(&mut self, id: BlockId, kept: Kept) -> bool {
        let header = &kept.block.header;
        let fits = self
            .place(header.parent)
            .is_some_and(|parent| parent.height.checked_add(1) == Some(header.height));
        if fits {
            self.kept.entry(id).or_insert(kept);
        }
        fits
    }

    /// Notes where a block's record is.
    pub(crate) fn note_record(&mut self, id: BlockId, seq: Seq) {
        if let Some(kept) = self.kept.get_mut(&id) {
            kept.seq = Some(seq);
        }
    }

    /// The places from `id` down to just above `height`, `id` first; the root is no part of it.
    pub(crate) fn path_down(&self, id: BlockId, height: Height) -> Vec<Place> {
        let mut path = Vec::new();
        let mut next = self.place(id);
        while let Some(place) = next.filter(|place| place.height > height && place.id != self.root.id) {
            path.push(place);
            next = self.place(place.parent);
        }
        path
    }

    /// Makes `root` the root, and drops every block that does not descend from it.
    pub(crate) fn reroot(&mut self, root: &Header, id: BlockId) {
        self.root = Place::of(root, id, self.base);
        let mut by_height: Vec<(Height, BlockId)> =
            self.kept.iter().map(|(id, kept)| (kept.block.header.height, *id)).collect();
        by_height.sort_unstable();
        let mut former = std::mem::take(&mut self.kept);
        for (_, id) in by_height {
            if let Some(kept) = former.remove(&id) {
                self.insert(id, kept);
            }
        }
    }

    /// The oldest record that a block of the tree stands in.
    pub(crate) fn oldest_record(&self) -> Option<Seq> {
        self.kept.values().filter_map(|kept| kept.seq).min()
    }
}
