//! A ledger as it is at one moment, while blocks are committed: what a transaction is tried on.

use super::{LedgerStore, STATE, TIP};
use crate::error::StorageError;
use crate::keys;
use rocksdb::{DB, ReadOptions, SnapshotWithThreadMode};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use witan_ledger::{Entry, Receipt, Store};
use witan_types::{Block, Height, Key, Outcome, Seal, TxId};

/// The ledger of one group at one moment. It keeps the disk from forgetting what it sees: drop it soon.
pub struct LedgerSnapshot<'a> {
    store: &'a LedgerStore,
    snapshot: SnapshotWithThreadMode<'a, DB>,
}

impl fmt::Debug for LedgerSnapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a snapshot of {:?}", self.store)
    }
}

impl LedgerStore {
    /// The ledger as it is now.
    pub fn snapshot(&self) -> LedgerSnapshot<'_> {
        LedgerSnapshot { store: self, snapshot: self.instance.db().snapshot() }
    }
}

impl LedgerSnapshot<'_> {
    fn read_tip(&self) -> Result<Option<Height>, StorageError> {
        let instance = &self.store.instance;
        let found = self.snapshot.get(self.store.meta_key(TIP)).map_err(|error| instance.error(&error))?;
        let read = |bytes: Vec<u8>| bytes.as_slice().try_into().map_err(|_| instance.malformed("height"));
        found.map(read).transpose().map(|bytes| bytes.map(Height::from_be_bytes))
    }

    fn read_entry(&self, key: &Key) -> Result<Option<Entry>, StorageError> {
        let instance = &self.store.instance;
        let found = self.snapshot.get_cf(instance.family(STATE), keys::state(self.store.group, key));
        let found = found.map_err(|error| instance.error(&error))?;
        found.map(|bytes| self.store.decode("entry", &bytes)).transpose()
    }

    /// Calls `visit` from `from` on until it breaks.
    fn visit(
        &self,
        from: Vec<u8>,
        visit: &mut dyn FnMut(Key, Entry) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let (instance, mut options) = (&self.store.instance, ReadOptions::default());
        if let Some(end) = keys::group_end(self.store.group) {
            options.set_iterate_upper_bound(end);
        }
        let mut iterator = self.snapshot.raw_iterator_cf_opt(instance.family(STATE), options);
        iterator.seek(from);
        while let Some((key, value)) = iterator.item() {
            let key = keys::decode_state(key).ok_or_else(|| instance.malformed("state key"))?;
            if visit(key, self.store.decode("entry", value)?).is_break() {
                return Ok(());
            }
            iterator.next();
        }
        instance.finish(&iterator)
    }

    /// What was there when the snapshot was taken: blocks never change.
    fn kept<T>(&self, height: Height, read: impl FnOnce(&LedgerStore) -> T) -> Option<T> {
        self.tip().is_some_and(|tip| height <= tip).then(|| read(self.store))
    }
}

impl Store for LedgerSnapshot<'_> {
    fn tip(&self) -> Option<Height> {
        self.store.or_report(self.read_tip())
    }

    fn entry(&self, key: &Key) -> Option<Entry> {
        self.store.or_report(self.read_entry(key))
    }

    fn visit_entries(&self, visit: &mut dyn FnMut(Key, Entry)) {
        let all = self.visit(keys::group_start(self.store.group), &mut |key, entry| {
            visit(key, entry);
            ControlFlow::Continue(())
        });
        self.store.or_report(all);
    }

    fn visit_reserved(&self, from: &Key, visit: &mut dyn FnMut(Key, Entry) -> ControlFlow<()>) {
        let visited = self.visit(keys::state(self.store.group, from), &mut |key, entry| {
            if key.is_reserved() { visit(key, entry) } else { ControlFlow::Break(()) }
        });
        self.store.or_report(visited);
    }

    fn block(&self, height: Height) -> Option<Arc<Block>> {
        self.kept(height, |store| store.block(height)).flatten()
    }

    fn outcome(&self, height: Height) -> Option<Outcome> {
        self.kept(height, |store| store.outcome(height)).flatten()
    }

    /// As of now: a seal may come after its block.
    fn seal(&self, height: Height) -> Option<Seal> {
        self.kept(height, |store| store.seal(height)).flatten()
    }

    fn sealed_tip(&self) -> Height {
        self.store.sealed_tip().min(self.tip().unwrap_or(0))
    }

    fn receipts(&self, height: Height) -> Vec<Receipt> {
        self.kept(height, |store| store.receipts(height)).unwrap_or_default()
    }

    fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        let found = self.store.find_transaction(id)?;
        self.tip().is_some_and(|tip| found.0 <= tip).then_some(found)
    }
}
