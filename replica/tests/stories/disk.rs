//! The ledger's disk of a node in these stories.

use std::sync::{Arc, Mutex};
use witan_ledger::{Entry, MemoryStore, Receipt, Store};
use witan_replica::LedgerWrite;
use witan_types::{Block, Height, Key, Outcome, Seal, TxId};

/// A store that the replica reads and the harness writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<MemoryStore>>);

impl Disk {
    pub(crate) fn read<T>(&self, read: impl FnOnce(&MemoryStore) -> T) -> T {
        read(&self.0.lock().unwrap())
    }

    /// Another disk with what is on this one.
    pub(crate) fn copy(&self) -> Disk {
        Disk(Arc::new(Mutex::new(self.read(MemoryStore::clone))))
    }

    pub(crate) fn put_seal(&self, seal: Seal) {
        self.write(LedgerWrite::Seal(Box::new(seal)));
    }

    pub(crate) fn write(&self, write: LedgerWrite) {
        let mut store = self.0.lock().unwrap();
        match write {
            LedgerWrite::Block(commit) => store.apply(&commit),
            LedgerWrite::Seal(seal) => store.put_seal(*seal),
        }
    }
}

impl Store for Disk {
    fn tip(&self) -> Option<Height> {
        self.read(MemoryStore::tip)
    }
    fn entry(&self, key: &Key) -> Option<Entry> {
        self.read(|store| store.entry(key))
    }
    fn visit_entries(&self, visit: &mut dyn FnMut(Key, Entry)) {
        self.read(|store| store.visit_entries(visit));
    }
    fn block(&self, height: Height) -> Option<Arc<Block>> {
        self.read(|store| store.block(height))
    }
    fn outcome(&self, height: Height) -> Option<Outcome> {
        self.read(|store| store.outcome(height))
    }
    fn seal(&self, height: Height) -> Option<Seal> {
        self.read(|store| store.seal(height))
    }
    fn sealed_tip(&self) -> Height {
        self.read(MemoryStore::sealed_tip)
    }
    fn receipts(&self, height: Height) -> Vec<Receipt> {
        self.read(|store| store.receipts(height))
    }
    fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        self.read(|store| store.find_transaction(id))
    }
}
