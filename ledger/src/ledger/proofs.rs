//! The state tree with what it needs to prove what the newest heights held.

use crate::slots::SLOTS;
use crate::tree::{Past, Place, SlotProof, StateProof, Tree, Undo};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use witan_types::{Hash, Height, Key};

/// For how many of the newest heights proofs can be made. More than a group may have unsealed, so that there is always
/// a sealed one among them.
pub const PROOF_WINDOW: usize = 32;

/// The state tree of the newest height, and what the blocks before replaced in it.
#[derive(Debug)]
struct Kept {
    newest: Height,
    tree: Tree,
    /// What each of the newest blocks replaced, the oldest first: one fewer than the heights that proofs can be made for.
    undone: VecDeque<Undo>,
}

/// The state tree of a group, block after block. Its proofs are made through the [`ProofWindow`].
#[derive(Debug)]
pub struct StateTrees {
    window: ProofWindow,
}

/// Makes proofs of what the state held at the newest heights, on any thread. It goes on with the ledger: what it proves is
/// always about the newest heights. Cloning costs nothing.
#[derive(Clone, Debug)]
pub struct ProofWindow {
    // Who proves holds it for microseconds, to take what one slot needs; whoever executes, for the time of an update.
    kept: Arc<RwLock<Kept>>,
}

impl StateTrees {
    /// Starts with the tree of one height.
    pub fn new(newest: Height, tree: Tree) -> StateTrees {
        let kept = Kept { newest, tree, undone: VecDeque::with_capacity(PROOF_WINDOW) };
        StateTrees { window: ProofWindow { kept: Arc::new(RwLock::new(kept)) } }
    }

    /// Makes the tree that of the next height, and returns its root: for each changed key the hash of its new entry, or
    /// `None` if it is gone. Of several changes of one key the last counts.
    ///
    /// # Panics
    /// If a key's slot is not owned: execution defers such a transaction.
    pub fn advance<'a>(&mut self, changes: impl IntoIterator<Item = (&'a Key, Option<Hash>)>) -> Hash {
        let mut kept = self.window.kept.write().unwrap_or_else(PoisonError::into_inner);
        let undo = kept.tree.apply(changes);
        kept.newest = kept.newest.saturating_add(1);
        kept.undone.push_back(undo);
        let outdated = if kept.undone.len() < PROOF_WINDOW { None } else { kept.undone.pop_front() };
        let root = kept.tree.root();
        drop(kept);
        drop(outdated);
        root
    }

    /// Makes proofs on any thread.
    pub fn window(&self) -> &ProofWindow {
        &self.window
    }
}

impl ProofWindow {
    /// Proves what the state after the block at `height` holds at a key; `None` if that is not kept.
    pub fn prove(&self, height: Height, key: &Key) -> Option<StateProof> {
        let place = Place::of(key);
        let slot = self.read().at(height)?.slot(place.slot);
        Some(slot.prove(&place.path))
    }

    /// The way from a whole slot of the state after the block at `height` to its root; `None` if that is not kept, or if
    /// the group does not own the slot.
    pub fn prove_slot(&self, height: Height, slot: u16) -> Option<SlotProof> {
        let slot = self.read().at(height)?.slot(slot % SLOTS);
        slot.prove_whole()
    }

    /// How many keys a slot held after the block at `height`, counted no further than one above `most`; `None` likewise.
    pub fn keys_in(&self, height: Height, slot: u16, most: usize) -> Option<usize> {
        let slot = self.read().at(height)?.slot(slot % SLOTS);
        slot.keys(most)
    }

    /// The lowest height for which proofs can be made.
    pub fn oldest(&self) -> Option<Height> {
        Some(self.read().oldest())
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn oldest(&self) -> Height {
        let undone = u64::try_from(self.undone.len()).unwrap_or(u64::MAX);
        self.newest.saturating_sub(undone)
    }

    /// The tree as it was at a height.
    fn at(&self, height: Height) -> Option<Past<'_>> {
        let since = usize::try_from(height.checked_sub(self.oldest())?).ok()?;
        (height <= self.newest).then(|| Past::new(&self.tree, self.undone.iter().skip(since)))
    }
}
