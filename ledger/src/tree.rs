//! The state tree: a Merkle tree over every key of a group, whose root is signed in each block's seal.
//!
//! A key's place is its slot (12 bits) and then its path in the slot (256 bits). The top is a full binary tree over
//! the 4,096 slots; a slot that the group does not own stands there as a fixed value, and an owned one as the hash of
//! its marker with the root of its own tree. In a slot's tree a leaf stands at the highest point where it is alone, so
//! the root follows from the content and not from its history.
//!
//! The tree changes in place. What an update replaced is its [`Undo`], which is enough to prove what older trees held
//! ([`past`]).

mod hashing;
mod node;
mod page;
mod past;
mod proof;
#[cfg(test)]
mod tests;
mod whole;

pub(crate) use past::{Past, Undo};
pub use proof::{OtherLeaf, StateProof};
pub use whole::SlotProof;

use crate::slots::{SLOTS, slot_of_hashed};
use borsh::{BorshDeserialize, BorshSerialize};
use hashing::{FOREIGN, root_hash, slot_hash, top_hash};
use node::Node;
use page::{Dirty, head};
use past::Replaced;
use std::cmp::Ordering;
use std::fmt;
use std::hint::black_box;
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
pub(crate) struct Place {
    pub(crate) slot: u16,
    pub(crate) path: Hash,
}

impl Place {
    /// The path is the key's SHA-256 with its first two bytes moved to the end: most keys of a slot share their first
    /// 12 bits, because those name the slot, and would fork only below them.
    pub(crate) fn of(key: &Key) -> Place {
        let mut path = sha256(&[&key.0]);
        let slot = if key.is_reserved() { RESERVED } else { slot_of_hashed(key, &path) };
        path.0.rotate_left(2);
        Place { slot, path }
    }

    /// As `cmp`, which the slots and the first bits of the paths nearly always settle.
    fn order(&self, other: &Place) -> Ordering {
        let heads = (self.slot, head(&self.path)).cmp(&(other.slot, head(&other.path)));
        heads.then_with(|| self.path.cmp(&other.path))
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

/// Where the hash of a slot, or of the reserved keys, stands among the hashes of the top. These stand as in a heap: the
/// state root at 0, that of all slots at 1, the two below `n` at `2n` and `2n + 1`, and so the slots from `SLOTS` on; after
/// them that of the reserved keys.
fn index_of(slot: u16) -> u16 {
    slot.saturating_add(SLOTS)
}

/// Where the state root stands among the hashes of the top.
const ROOT: u16 = 0;
/// Where the hash of all slots stands.
const ALL_SLOTS: u16 = 1;

/// For how many slots an update reads ahead: what they need fits a processor's first caches.
const READ_TOGETHER: usize = 16;

/// A slot with its tree. The last one is that of the reserved keys, which has no marker.
#[derive(Clone, Debug)]
struct Slot {
    /// `None` for a slot of another group.
    marker: Option<SlotMarker>,
    root: Node,
}

/// The state tree of a group. A clone shares all pages until one of both changes them.
#[derive(Clone)]
pub struct Tree {
    slots: Vec<Slot>,
    /// Those of the top, see [`index_of`].
    hashes: Vec<Hash>,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tree {:?}", self.root())
    }
}

impl Tree {
    /// An empty tree of a group that owns and serves these slots, all in one incarnation.
    pub fn new(owned: impl Iterator<Item = u16>, incarnation: u32) -> Tree {
        let empty = Slot { marker: None, root: Node::default() };
        let mut slots = vec![empty; usize::from(RESERVED) + 1];
        for slot in owned.filter(|slot| *slot < SLOTS) {
            if let Some(slot) = slots.get_mut(usize::from(slot)) {
                slot.marker = Some(SlotMarker { incarnation, state: SlotState::Serving });
            }
        }
        let mut tree = Tree { slots, hashes: vec![Hash::ZERO; usize::from(index_of(RESERVED)) + 1] };
        tree.refresh((0..=RESERVED).rev().map(index_of).collect());
        tree
    }

    /// The root that stands for all of it.
    pub fn root(&self) -> Hash {
        self.hash(ROOT)
    }

    /// The marker of a slot, if the group owns it.
    pub fn marker(&self, slot: u16) -> Option<SlotMarker> {
        self.slot(slot % SLOTS).and_then(|slot| slot.marker)
    }

    /// The tree after `changes`: for each key the hash of its new entry, or `None` if it is gone. Of several changes
    /// of one key the last counts.
    ///
    /// # Panics
    /// If a key's slot is not owned: execution defers such a transaction.
    #[must_use]
    pub fn update<'a>(mut self, changes: impl IntoIterator<Item = (&'a Key, Option<Hash>)>) -> Tree {
        self.apply(changes);
        self
    }

    /// Likewise, in place. Returns what it replaced.
    pub(crate) fn apply<'a>(&mut self, changes: impl IntoIterator<Item = (&'a Key, Option<Hash>)>) -> Undo {
        let mut changes: Vec<Change> =
            changes.into_iter().map(|(key, entry)| Change { place: Place::of(key), entry }).collect();
        changes.reverse();
        changes.sort_by(|one, other| one.place.order(&other.place));
        changes.dedup_by_key(|change| change.place);
        let mut slots: Vec<&mut [Change]> =
            changes.chunk_by_mut(|one, other| one.place.slot == other.place.slot).collect();
        let (mut touched, mut dirty) = (Vec::with_capacity(slots.len()), Dirty::default());
        for near in slots.chunks_mut(READ_TOGETHER) {
            near.iter().for_each(|changes| self.read_ahead(changes));
            for changes in near {
                touched.extend(self.update_slot(changes, &mut dirty));
            }
        }
        touched.reverse();
        Undo { hashes: self.refresh(touched), changes }
    }

    /// Reads what an update will read, one change after another without waiting for it: the memory answers many at once,
    /// while the update itself waits each time before it can hash.
    fn read_ahead(&self, changes: &[Change]) {
        for Change { place, .. } in changes {
            black_box(self.slot(place.slot).map(|slot| slot.root.read_ahead(&place.path)));
        }
    }

    /// `changes` are all of one slot, at least one; each comes out as what stood there before. Returns where its hash stands.
    fn update_slot(&mut self, changes: &mut [Change], dirty: &mut Dirty) -> Option<u16> {
        let place = changes.first()?.place;
        let slot = self.slots.get_mut(usize::from(place.slot))?;
        let owned = slot.marker.is_some() || place.is_reserved();
        assert!(owned, "a change in slot {}, which this group does not own", place.slot);
        slot.root.update(0, changes, dirty);
        Some(index_of(place.slot))
    }

    /// Proves what the tree holds at a key: its entry, or that there is none. In a slot of another group neither can
    /// be proved, and the proof only says so.
    pub fn prove(&self, key: &Key) -> StateProof {
        let place = Place::of(key);
        self.now().slot(place.slot).prove(&place.path)
    }

    /// The tree as it is, to be read like a past one.
    fn now(&self) -> Past<'_> {
        Past::new(self, std::iter::empty())
    }

    fn slot(&self, slot: u16) -> Option<&Slot> {
        self.slots.get(usize::from(slot))
    }

    /// A hash of the top.
    fn hash(&self, index: u16) -> Hash {
        self.hashes.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// Makes the hashes of these slots anew, given by descending index, and all above them. Returns the replaced ones,
    /// descending too.
    fn refresh(&mut self, touched: Vec<u16>) -> Replaced {
        let mut replaced = Replaced::with_room_for(touched.len());
        if touched.is_empty() {
            return replaced;
        }
        for index in &touched {
            let hash = self.slot_hash(index.saturating_sub(SLOTS));
            self.replace(*index, hash, &mut replaced);
        }
        let mut level = touched;
        level.retain(|index| *index < index_of(RESERVED));
        while level.first().is_some_and(|index| *index > ALL_SLOTS) {
            level.iter_mut().for_each(|index| *index /= 2);
            level.dedup();
            for index in &level {
                let hash = top_hash(&self.hash(2 * index), &self.hash(2 * index + 1));
                self.replace(*index, hash, &mut replaced);
            }
        }
        let hash = root_hash(&self.hash(ALL_SLOTS), &self.hash(index_of(RESERVED)));
        self.replace(ROOT, hash, &mut replaced);
        replaced
    }

    fn slot_hash(&self, slot: u16) -> Hash {
        match self.slot(slot) {
            Some(Slot { marker: Some(marker), root }) => slot_hash(marker, &root.hash(0)),
            Some(Slot { root, .. }) if slot == RESERVED => root.hash(0),
            _ => FOREIGN,
        }
    }

    fn replace(&mut self, index: u16, hash: Hash, replaced: &mut Replaced) {
        if let Some(place) = self.hashes.get_mut(usize::from(index)) {
            replaced.indices.push(index);
            replaced.hashes.push(std::mem::replace(place, hash));
        }
    }
}
