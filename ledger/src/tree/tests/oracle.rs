//! The tree as it is defined, node by node: immutable, every update a copy of the paths it changes. Slow and large, and the
//! measure for the tree that is not.

use super::super::hashing::{EMPTY, FOREIGN, fork_hash, leaf_hash, root_hash, slot_hash, top_hash};
use super::super::{Change, OtherLeaf, Place, SlotMarker, SlotProof, SlotState, StateProof, path_bit};
use crate::slots::SLOTS;
use std::ops::Range;
use std::sync::Arc;
use witan_types::{Hash, Key};

#[derive(Clone, Debug)]
enum Top {
    Foreign,
    Slot(SlotMarker, Node),
    Fork(Arc<(Top, Top, Hash)>),
}

#[derive(Clone, Debug)]
enum Node {
    Empty,
    Leaf(Hash, Hash),
    Fork(Arc<(Node, Node, Hash)>),
}

#[derive(Clone, Debug)]
pub(super) struct Oracle {
    top: Top,
    reserved: Node,
}

impl Oracle {
    pub(super) fn new(owned: Range<u16>, incarnation: u32) -> Oracle {
        let slots: Vec<Top> = (0..SLOTS)
            .map(|slot| match owned.contains(&slot) {
                true => Top::Slot(SlotMarker { incarnation, state: SlotState::Serving }, Node::Empty),
                false => Top::Foreign,
            })
            .collect();
        Oracle { top: Top::build(&slots), reserved: Node::Empty }
    }

    pub(super) fn root(&self) -> Hash {
        root_hash(&self.top.hash(), &self.reserved.hash())
    }

    /// One key after another.
    pub(super) fn update<'a>(&self, changes: impl IntoIterator<Item = (&'a Key, Option<Hash>)>) -> Oracle {
        let mut next = self.clone();
        for (key, entry) in changes {
            let change = Change { place: Place::of(key), entry };
            match change.place.is_reserved() {
                true => next.reserved = next.reserved.update(0, &change),
                false => next.top = next.top.update(0, &change),
            }
        }
        next
    }

    pub(super) fn prove(&self, key: &Key) -> StateProof {
        let place = Place::of(key);
        let (mut siblings, mut marker) = (Vec::new(), None);
        let (slot_siblings, other) = match place.is_reserved() {
            true => (vec![self.top.hash()], self.reserved.descend(&place.path, &mut siblings)),
            false => {
                let mut slot_siblings = vec![self.reserved.hash()];
                let other = match self.slot(&place, &mut slot_siblings) {
                    Top::Slot(own, root) => {
                        marker = Some(*own);
                        root.descend(&place.path, &mut siblings)
                    }
                    _ => None,
                };
                (slot_siblings, other)
            }
        };
        let bottom_up = |siblings: Vec<Hash>| siblings.into_iter().rev().collect();
        StateProof { marker, slot_siblings: bottom_up(slot_siblings), siblings: bottom_up(siblings), other }
    }

    pub(super) fn prove_slot(&self, slot: u16) -> Option<SlotProof> {
        let mut siblings = vec![self.reserved.hash()];
        match self.slot(&Place { slot, path: Hash::ZERO }, &mut siblings) {
            Top::Slot(marker, _) => {
                siblings.reverse();
                Some(SlotProof { marker: *marker, siblings })
            }
            _ => None,
        }
    }

    fn slot(&self, place: &Place, siblings: &mut Vec<Hash>) -> &Top {
        let (mut top, mut depth) = (&self.top, 0);
        while let Top::Fork(fork) = top {
            let (next, sibling) = if place.slot_bit(depth) { (&fork.1, &fork.0) } else { (&fork.0, &fork.1) };
            siblings.push(sibling.hash());
            (top, depth) = (next, depth + 1);
        }
        top
    }
}

impl Top {
    fn build(slots: &[Top]) -> Top {
        match slots {
            [slot] => slot.clone(),
            _ => {
                let (left, right) = slots.split_at(slots.len() / 2);
                Top::fork(Top::build(left), Top::build(right))
            }
        }
    }

    fn fork(left: Top, right: Top) -> Top {
        let hash = top_hash(&left.hash(), &right.hash());
        Top::Fork(Arc::new((left, right, hash)))
    }

    fn hash(&self) -> Hash {
        match self {
            Top::Foreign => FOREIGN,
            Top::Slot(marker, root) => slot_hash(marker, &root.hash()),
            Top::Fork(fork) => fork.2,
        }
    }

    fn update(&self, depth: usize, change: &Change) -> Top {
        match self {
            Top::Foreign => panic!("not owned"),
            Top::Slot(marker, root) => Top::Slot(*marker, root.update(0, change)),
            Top::Fork(fork) if change.place.slot_bit(depth) => {
                Top::fork(fork.0.clone(), fork.1.update(depth + 1, change))
            }
            Top::Fork(fork) => Top::fork(fork.0.update(depth + 1, change), fork.1.clone()),
        }
    }
}

impl Node {
    fn hash(&self) -> Hash {
        match self {
            Node::Empty => EMPTY,
            Node::Leaf(path, entry) => leaf_hash(path, entry),
            Node::Fork(fork) => fork.2,
        }
    }

    fn update(&self, depth: usize, change: &Change) -> Node {
        let here = || change.entry.map_or(Node::Empty, |entry| Node::Leaf(change.place.path, entry));
        let (left, right) = match self {
            Node::Empty => return here(),
            Node::Leaf(path, _) if *path == change.place.path => return here(),
            // Pushed down by one level.
            Node::Leaf(path, _) if path_bit(path, depth) => (Node::Empty, self.clone()),
            Node::Leaf(..) => (self.clone(), Node::Empty),
            Node::Fork(fork) => (fork.0.clone(), fork.1.clone()),
        };
        match path_bit(&change.place.path, depth) {
            true => Node::join(left, right.update(depth + 1, change)),
            false => Node::join(left.update(depth + 1, change), right),
        }
    }

    /// A lone leaf moves up, so that it ends at the highest point where it is alone.
    fn join(left: Node, right: Node) -> Node {
        match (left, right) {
            (Node::Empty, Node::Empty) => Node::Empty,
            (leaf @ Node::Leaf(..), Node::Empty) | (Node::Empty, leaf @ Node::Leaf(..)) => leaf,
            (left, right) => {
                let hash = fork_hash(&left.hash(), &right.hash());
                Node::Fork(Arc::new((left, right, hash)))
            }
        }
    }

    fn descend(&self, path: &Hash, siblings: &mut Vec<Hash>) -> Option<OtherLeaf> {
        let mut node = self;
        while let Node::Fork(fork) = node {
            let right = path_bit(path, siblings.len());
            let (next, sibling) = if right { (&fork.1, &fork.0) } else { (&fork.0, &fork.1) };
            siblings.push(sibling.hash());
            node = next;
        }
        match node {
            Node::Leaf(other, entry) if other != path => Some(OtherLeaf { path: *other, entry: *entry }),
            _ => None,
        }
    }
}
