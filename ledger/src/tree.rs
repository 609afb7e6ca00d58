//! The state tree: a Merkle tree over every key of a group, whose root is signed in each block's seal.
//!
//! A key's place is its slot (12 bits) and then its path in the slot (256 bits). The top is a full binary tree over
//! the 4,096 slots; a slot that the group does not own stands there as a fixed value, and an owned one as the hash of
//! its marker with the root of its own tree. In a slot's tree a leaf stands at the highest point where it is alone, so
//! the root follows from the content and not from its history.
//!
//! Trees are immutable and share what they have in common: an update copies the paths it changes, and the old tree
//! stays whole for proofs.

mod hashing;
mod proof;
#[cfg(test)]
mod tests;
mod whole;

pub use proof::{OtherLeaf, StateProof};
pub use whole::SlotProof;

use crate::slots::{SLOT_BITS, SLOTS, slot_of_hashed};
use borsh::{BorshDeserialize, BorshSerialize};
use hashing::{EMPTY, FOREIGN, fork_hash, leaf_hash, root_hash, slot_hash, top_hash};
use std::fmt;
use std::sync::Arc;
use witan_types::{Hash, Key, sha256};

/// What a group may do in a slot it owns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum SlotState {
    /// Reads and writes.
    Serving,
    /// On its way to another group: nothing changes any more.
    Frozen,
}

/// Says that a group owns a slot. Part of every proof, so that only an owner can prove absence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SlotMarker {
    /// How many times the slot has moved.
    pub incarnation: u32,
    /// What the group may do in it.
    pub state: SlotState,
}

/// Stands for the slot of reserved keys, which have none: above every slot.
const RESERVED: u16 = SLOTS;

/// Where a key stands in the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    slot: u16,
    path: Hash,
}

impl Place {
    /// The path is the key's SHA-256 with its first two bytes moved to the end: most keys of a slot share their first
    /// 12 bits, because those name the slot, and would fork only below them.
    fn of(key: &Key) -> Place {
        let mut path = sha256(&[&key.0]);
        let slot = if key.is_reserved() { RESERVED } else { slot_of_hashed(key, &path) };
        path.0.rotate_left(2);
        Place { slot, path }
    }

    fn is_reserved(&self) -> bool {
        self.slot == RESERVED
    }

    /// Whether the way to the slot goes right at `depth` in the top.
    fn slot_bit(&self, depth: usize) -> bool {
        self.slot & (SLOTS >> 1).checked_shr(depth.try_into().unwrap_or(u32::MAX)).unwrap_or(0) != 0
    }
}

/// Whether a path goes right at `depth` in a slot's tree.
fn path_bit(path: &Hash, depth: usize) -> bool {
    path.0.get(depth / 8).is_some_and(|byte| byte & (0x80 >> (depth % 8)) != 0)
}

/// A key's new state.
#[derive(Clone, Copy, Debug)]
struct Change {
    place: Place,
    entry: Option<Hash>,
}

/// A node of the top.
#[derive(Debug)]
enum Top {
    /// A slot of another group.
    Foreign,
    Slot {
        marker: SlotMarker,
        root: Node,
        hash: Hash,
    },
    Fork {
        left: Arc<Top>,
        right: Arc<Top>,
        hash: Hash,
    },
}

/// A node of a slot's tree.
#[derive(Clone, Debug)]
enum Node {
    Empty,
    Leaf(Arc<Leaf>),
    Fork(Arc<Fork>),
}

#[derive(Debug)]
struct Leaf {
    path: Hash,
    entry: Hash,
}

/// Holds at least two leaves.
#[derive(Debug)]
struct Fork {
    left: Node,
    right: Node,
    hash: Hash,
}

/// The state tree of a group at one height. Cloning costs nothing.
#[derive(Clone)]
pub struct Tree {
    top: Arc<Top>,
    /// Of the reserved keys.
    reserved: Node,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tree {:?}", self.root())
    }
}

impl Tree {
    /// An empty tree of a group that owns and serves these slots, all in one incarnation.
    pub fn new(owned: impl Iterator<Item = u16>, incarnation: u32) -> Tree {
        let mut owns = vec![false; usize::from(SLOTS)];
        for slot in owned {
            if let Some(owns) = owns.get_mut(usize::from(slot)) {
                *owns = true;
            }
        }
        let top = Top::build(&owns, SlotMarker { incarnation, state: SlotState::Serving });
        Tree { top, reserved: Node::Empty }
    }

    /// The root that stands for all of it.
    pub fn root(&self) -> Hash {
        root_hash(&self.top.hash(), &self.reserved.hash())
    }

    /// The marker of a slot, if the group owns it.
    pub fn marker(&self, slot: u16) -> Option<SlotMarker> {
        let place = Place { slot, path: Hash::ZERO };
        match self.slot(&place, |_| ()) {
            Top::Slot { marker, .. } => Some(*marker),
            Top::Foreign | Top::Fork { .. } => None,
        }
    }

    /// The tree after `changes`: for each key the hash of its new entry, or `None` if it is gone. Of several changes
    /// of one key the last counts.
    ///
    /// # Panics
    /// If a key's slot is not owned: execution defers such a transaction.
    pub fn update<'a>(&self, changes: impl IntoIterator<Item = (&'a Key, Option<Hash>)>) -> Tree {
        let mut changes: Vec<Change> =
            changes.into_iter().map(|(key, entry)| Change { place: Place::of(key), entry }).collect();
        changes.reverse();
        changes.sort_by_key(|change| change.place);
        changes.dedup_by_key(|change| change.place);
        let in_slots = changes.partition_point(|change| !change.place.is_reserved());
        let (in_slots, reserved) = changes.split_at(in_slots);
        Tree { top: Top::update(&self.top, 0, in_slots), reserved: self.reserved.update(0, reserved) }
    }

    /// Proves what the tree holds at a key: its entry, or that there is none. In a slot of another group neither can
    /// be proved, and the proof only says so.
    pub fn prove(&self, key: &Key) -> StateProof {
        let place = Place::of(key);
        let (mut siblings, mut marker, mut other) = (Vec::new(), None, None);
        let mut slot_siblings = Vec::with_capacity(SLOT_BITS + 1);
        if place.is_reserved() {
            slot_siblings.push(self.top.hash());
            other = self.reserved.descend(&place.path, &mut siblings);
        } else {
            slot_siblings.push(self.reserved.hash());
            let end = self.slot(&place, |sibling| slot_siblings.push(sibling));
            if let Top::Slot { marker: own, root, .. } = end {
                marker = Some(*own);
                other = root.descend(&place.path, &mut siblings);
            }
        }
        slot_siblings.reverse();
        siblings.reverse();
        StateProof { marker, slot_siblings, siblings, other }
    }

    /// Walks down to a slot, calling `visit` with the hash of each sibling on the way.
    fn slot(&self, place: &Place, mut visit: impl FnMut(Hash)) -> &Top {
        let (mut top, mut depth) = (&*self.top, 0);
        while let Top::Fork { left, right, .. } = top {
            let (next, sibling) = if place.slot_bit(depth) { (right, left) } else { (left, right) };
            visit(sibling.hash());
            (top, depth) = (next, depth + 1);
        }
        top
    }
}

impl Top {
    fn build(owns: &[bool], marker: SlotMarker) -> Arc<Top> {
        match owns {
            [] | [false] => Arc::new(Top::Foreign),
            [true] => Top::slot(marker, Node::Empty),
            _ => {
                let (left, right) = owns.split_at(owns.len() / 2);
                Top::fork(Top::build(left, marker), Top::build(right, marker))
            }
        }
    }

    fn slot(marker: SlotMarker, root: Node) -> Arc<Top> {
        let hash = slot_hash(&marker, &root.hash());
        Arc::new(Top::Slot { marker, root, hash })
    }

    fn fork(left: Arc<Top>, right: Arc<Top>) -> Arc<Top> {
        let hash = top_hash(&left.hash(), &right.hash());
        Arc::new(Top::Fork { left, right, hash })
    }

    fn hash(&self) -> Hash {
        match self {
            Top::Foreign => FOREIGN,
            Top::Slot { hash, .. } | Top::Fork { hash, .. } => *hash,
        }
    }

    /// `changes` ascend by place, all below this node.
    fn update(top: &Arc<Top>, depth: usize, changes: &[Change]) -> Arc<Top> {
        let Some(first) = changes.first() else {
            return Arc::clone(top);
        };
        match &**top {
            Top::Foreign => panic!("a change in slot {}, which this group does not own", first.place.slot),
            Top::Slot { marker, root, .. } => Top::slot(*marker, root.update(0, changes)),
            Top::Fork { left, right, .. } => {
                let middle = changes.partition_point(|change| !change.place.slot_bit(depth));
                let (to_left, to_right) = changes.split_at(middle);
                Top::fork(Top::update(left, depth + 1, to_left), Top::update(right, depth + 1, to_right))
            }
        }
    }
}

impl Node {
    fn hash(&self) -> Hash {
        match self {
            Node::Empty => EMPTY,
            Node::Leaf(leaf) => leaf_hash(&leaf.path, &leaf.entry),
            Node::Fork(fork) => fork.hash,
        }
    }

    fn leaf(path: Hash, entry: Option<Hash>) -> Node {
        entry.map_or(Node::Empty, |entry| Node::Leaf(Arc::new(Leaf { path, entry })))
    }

    /// `changes` ascend by path, all below this node, each path once.
    fn update(&self, depth: usize, changes: &[Change]) -> Node {
        match (self, changes) {
            (_, []) => return self.clone(),
            (Node::Empty, [only]) => return Node::leaf(only.place.path, only.entry),
            (Node::Leaf(leaf), [only]) if leaf.path == only.place.path => {
                return Node::leaf(leaf.path, only.entry);
            }
            _ => {}
        }
        let (left, right) = self.children(depth);
        let middle = changes.partition_point(|change| !path_bit(&change.place.path, depth));
        let (to_left, to_right) = changes.split_at(middle);
        Node::join(left.update(depth + 1, to_left), right.update(depth + 1, to_right))
    }

    /// What is below on each side, where a lone leaf is pushed down by one level.
    fn children(&self, depth: usize) -> (Node, Node) {
        match self {
            Node::Empty => (Node::Empty, Node::Empty),
            Node::Leaf(leaf) if path_bit(&leaf.path, depth) => (Node::Empty, self.clone()),
            Node::Leaf(_) => (self.clone(), Node::Empty),
            Node::Fork(fork) => (fork.left.clone(), fork.right.clone()),
        }
    }

    /// The node above two: a lone leaf moves up, so that it ends at the highest point where it is alone.
    fn join(left: Node, right: Node) -> Node {
        match (left, right) {
            (Node::Empty, Node::Empty) => Node::Empty,
            (leaf @ Node::Leaf(_), Node::Empty) | (Node::Empty, leaf @ Node::Leaf(_)) => leaf,
            (left, right) => {
                let hash = fork_hash(&left.hash(), &right.hash());
                Node::Fork(Arc::new(Fork { left, right, hash }))
            }
        }
    }

    /// Walks down along `path`, collecting siblings, and returns the leaf at the end if it is another one.
    fn descend(&self, path: &Hash, siblings: &mut Vec<Hash>) -> Option<OtherLeaf> {
        let mut node = self;
        while let Node::Fork(fork) = node {
            let right = path_bit(path, siblings.len());
            let (next, sibling) = if right { (&fork.right, &fork.left) } else { (&fork.left, &fork.right) };
            siblings.push(sibling.hash());
            node = next;
        }
        match node {
            Node::Leaf(leaf) if leaf.path != *path => Some(OtherLeaf { path: leaf.path, entry: leaf.entry }),
            _ => None,
        }
    }
}
