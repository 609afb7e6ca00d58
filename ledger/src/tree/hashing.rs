//! How the nodes of the state tree are hashed: each kind with a tag of its own, so that none can pass for another.

use super::{SlotMarker, SlotState};
use witan_types::{Hash, sha256, sha256_pair};

/// An empty place in a slot's tree. Nothing is known to hash to it.
pub(super) const EMPTY: Hash = Hash::ZERO;
/// A slot of another group. Nothing is known to hash to it.
pub(super) const FOREIGN: Hash = Hash([0xff; 32]);

const LEAF: u8 = 0;
const FORK: u8 = 1;
const SLOT: u8 = 2;
const TOP: u8 = 3;
const ROOT: u8 = 4;

pub(super) fn leaf_hash(path: &Hash, entry: &Hash) -> Hash {
    sha256_pair(LEAF, path, entry)
}

pub(super) fn fork_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_pair(FORK, left, right)
}

pub(super) fn slot_hash(marker: &SlotMarker, root: &Hash) -> Hash {
    let state = match marker.state {
        SlotState::Serving => 0,
        SlotState::Frozen => 1,
    };
    sha256(&[&[SLOT], &marker.incarnation.to_le_bytes(), &[state], root.as_bytes()])
}

pub(super) fn top_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_pair(TOP, left, right)
}

/// The state root: over the slots, and over the tree of the reserved keys.
pub(super) fn root_hash(slots: &Hash, reserved: &Hash) -> Hash {
    sha256_pair(ROOT, slots, reserved)
}
