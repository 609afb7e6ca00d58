//! The newest state trees, kept for proofs.

use crate::tree::{SlotProof, StateProof, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::{Height, Key};

/// For how many of the newest heights proofs can be made. More than a group may have unsealed, so that there is always
/// a sealed one among them.
pub const PROOF_WINDOW: usize = 32;

/// The state trees of the newest heights: a snapshot that any thread may hold. Cloning costs nothing.
#[derive(Clone, Debug)]
pub struct ProofWindow {
    trees: Arc<BTreeMap<Height, Tree>>,
}

impl ProofWindow {
    pub(super) fn starting_with(height: Height, tree: &Tree) -> ProofWindow {
        ProofWindow { trees: Arc::new(BTreeMap::from([(height, tree.clone())])) }
    }

    pub(super) fn push(&mut self, height: Height, tree: &Tree) {
        let trees = Arc::make_mut(&mut self.trees);
        trees.insert(height, tree.clone());
        while trees.len() > PROOF_WINDOW {
            trees.pop_first();
        }
    }

    /// Proves what the state after the block at `height` holds at a key; `None` if its tree is not kept.
    pub fn prove(&self, height: Height, key: &Key) -> Option<StateProof> {
        self.trees.get(&height).map(|tree| tree.prove(key))
    }

    /// The way from a whole slot of the state after the block at `height` to its root; `None` if its tree is not kept, or if
    /// the group does not own the slot.
    pub fn prove_slot(&self, height: Height, slot: u16) -> Option<SlotProof> {
        self.trees.get(&height).and_then(|tree| tree.prove_slot(slot))
    }

    /// How many keys a slot held after the block at `height`, counted no further than one above `most`; `None` likewise.
    pub fn keys_in(&self, height: Height, slot: u16, most: usize) -> Option<usize> {
        self.trees.get(&height).and_then(|tree| tree.keys_in(slot, most))
    }

    /// The lowest height for which proofs can be made.
    pub fn oldest(&self) -> Option<Height> {
        self.trees.keys().next().copied()
    }
}
