//! A [`Store`] in memory, for the simulator and for tests.

use crate::store::{BlockCommit, Store};
use crate::value::{Entry, Receipt};
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::{Block, Height, Key, Outcome, Seal, TxId};

#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredBlock {
    block: Arc<Block>,
    outcome: Outcome,
    receipts: Arc<[Receipt]>,
}

/// A flushed ledger that lives in memory. A clone is a copy: what a disk held at that moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    blocks: BTreeMap<Height, StoredBlock>,
    seals: BTreeMap<Height, Seal>,
    entries: BTreeMap<Key, Entry>,
    transactions: BTreeMap<TxId, Height>,
}

impl MemoryStore {
    /// Writes a block and all it did, atomically.
    pub fn apply(&mut self, commit: &BlockCommit) {
        let height = commit.block.header.height;
        for (key, entry) in &commit.changes {
            match entry {
                Some(entry) => self.entries.insert(key.clone(), entry.clone()),
                None => self.entries.remove(key),
            };
        }
        self.transactions.extend(commit.receipts.iter().map(|receipt| (receipt.id, height)));
        let stored = StoredBlock {
            block: Arc::clone(&commit.block),
            outcome: commit.outcome.clone(),
            receipts: commit.receipts.as_slice().into(),
        };
        self.blocks.insert(height, stored);
    }

    /// Writes the seal of a block.
    pub fn put_seal(&mut self, seal: Seal) {
        self.seals.insert(seal.outcome.height, seal);
    }
}

impl Store for MemoryStore {
    fn tip(&self) -> Option<Height> {
        self.blocks.keys().next_back().copied()
    }

    fn entry(&self, key: &Key) -> Option<Entry> {
        self.entries.get(key).cloned()
    }

    fn visit_entries(&self, visit: &mut dyn FnMut(Key, Entry)) {
        for (key, entry) in &self.entries {
            visit(key.clone(), entry.clone());
        }
    }

    fn block(&self, height: Height) -> Option<Arc<Block>> {
        self.blocks.get(&height).map(|stored| Arc::clone(&stored.block))
    }

    fn outcome(&self, height: Height) -> Option<Outcome> {
        self.blocks.get(&height).map(|stored| stored.outcome.clone())
    }

    fn seal(&self, height: Height) -> Option<Seal> {
        self.seals.get(&height).cloned()
    }

    fn sealed_tip(&self) -> Height {
        self.seals.keys().next_back().copied().unwrap_or(0)
    }

    fn receipts(&self, height: Height) -> Vec<Receipt> {
        self.blocks.get(&height).map(|stored| stored.receipts.to_vec()).unwrap_or_default()
    }

    fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        let height = self.transactions.get(id)?;
        let receipts = &self.blocks.get(height)?.receipts;
        receipts.iter().find(|receipt| receipt.id == *id).map(|receipt| (*height, receipt.clone()))
    }
}
