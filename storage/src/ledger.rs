//! The ledger of one group on disk: one atomic write a block, and the reads that users ask for.

mod check;
mod indexing;
mod listing;
mod news;
mod snapshot;
mod store;

pub(crate) use check::{groups, refuse_gaps};
pub use listing::{Ended, ListPlace, ListRole, ListedTransaction};
pub use news::{Decided, News};
pub use snapshot::LedgerSnapshot;

use crate::error::StorageError;
use crate::instance::Instance;
use crate::keys;
use crate::options::{FailureHandler, Family, Shape};
use rocksdb::WriteBatch;
use std::borrow::Borrow;
use std::fmt;
use std::ops::{ControlFlow, RangeBounds};
use std::sync::Arc;
use witan_ledger::{BlockCommit, Entry, Receipt, Store as _};
use witan_types::codec::encode;
use witan_types::{Block, BlockId, GroupId, Height, Key, Seal, Wire};

pub(crate) const FAMILIES: [Family; 13] = [
    ("default", Shape::Small),
    (STATE, Shape::Lookup),
    (HISTORY, Shape::Sequence),
    (BLOCKS, Shape::Sequence),
    (RECEIPTS, Shape::Sequence),
    (TRANSACTIONS, Shape::Index),
    (OUTCOMES, Shape::Small),
    (SEALS, Shape::Small),
    (BLOCK_IDS, Shape::Small),
    (NEWS, Shape::Sequence),
    (HEADERS, Shape::Small),
    (LISTED, Shape::Sequence),
    (ACCOUNTS, Shape::Sequence),
];

/// Newest entry of each key.
const STATE: &str = "state";
/// Every entry a key ever had, by key and height; empty where it was deleted. Reserved keys have none: nobody reads what
/// a group remembered once.
const HISTORY: &str = "history";
/// By height.
const BLOCKS: &str = "blocks";
/// By height: all receipts of the block, each after its length in 4 bytes, big-endian.
const RECEIPTS: &str = "receipts";
/// By transaction id: height, then place in the block's list of receipts.
const TRANSACTIONS: &str = "transactions";
/// By height.
const OUTCOMES: &str = "outcomes";
/// By height.
const SEALS: &str = "seals";
/// Height by block id.
const BLOCK_IDS: &str = "block_ids";
/// By height: what the block changed.
const NEWS: &str = "news";
/// By height.
const HEADERS: &str = "headers";
/// By inverted height: the transactions that ended in the block.
const LISTED: &str = "listed";
/// By account and inverted height: those of them that concern the account.
const ACCOUNTS: &str = "accounts";
/// Prefix of the height from which on a group has lists, which is 0, in the default family. A group without it was written by
/// a version that had none.
const LISTS_SINCE: &[u8] = b"lists";
/// Prefix of the height of a group's newest block, in the default family.
const TIP: &[u8] = b"tip";
/// Prefix of the height of a group's newest sealed block, in the default family.
const SEALED_TIP: &[u8] = b"sealed";

/// Which way a list runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// The ledger of one group. Clones share it; reads may run on any thread beside the one writer.
#[derive(Clone)]
pub struct LedgerStore {
    instance: Arc<Instance>,
    group: GroupId,
    on_failure: FailureHandler,
}

impl fmt::Debug for LedgerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger of group {} in {}", self.group, self.instance.dir().display())
    }
}

impl LedgerStore {
    pub(crate) fn new(instance: Arc<Instance>, group: GroupId, on_failure: FailureHandler) -> LedgerStore {
        LedgerStore { instance, group, on_failure }
    }

    /// Writes blocks, each atomically with everything that came out of it, then seals. When this returns, all of it
    /// survives a loss of power. After a crash before that, a prefix of it is there, of each block all or nothing.
    ///
    /// A group has one writer at a time. Genesis is the commit at height 0.
    ///
    /// # Errors
    /// [`StorageError::OutOfOrder`] for a block that does not follow the newest one, or a seal above it; otherwise if
    /// the disk refuses. What came before in the call may have been written.
    pub fn commit_blocks<C: Borrow<BlockCommit>>(
        &self,
        commits: &[C],
        seals: &[Seal],
    ) -> Result<(), StorageError> {
        let mut next = self.read_height(TIP)?.map_or(0, |tip| tip.saturating_add(1));
        for commit in commits {
            let commit = commit.borrow();
            self.check_order(next, commit.block.header.height)?;
            self.instance.write(self.block_batch(commit), false)?;
            next = next.saturating_add(1);
        }
        self.write_seals(next, seals)?;
        self.instance.sync()
    }

    fn check_order(&self, expected: Height, got: Height) -> Result<(), StorageError> {
        if expected == got {
            Ok(())
        } else {
            Err(StorageError::OutOfOrder { group: self.group, expected, got })
        }
    }

    fn block_batch(&self, commit: &BlockCommit) -> WriteBatch {
        let (block, height) = (&commit.block, commit.block.header.height);
        let at_height = keys::at_height(self.group, height);
        let mut batch = WriteBatch::new();
        self.put_changes(&mut batch, height, &commit.changes);
        self.put_receipts(&mut batch, height, &commit.receipts);
        self.put_news(&mut batch, commit);
        self.put_lists(&mut batch, block, &commit.receipts);
        if height == 0 {
            batch.put(self.meta_key(LISTS_SINCE), height.to_be_bytes());
        }
        batch.put_cf(self.instance.family(BLOCKS), &at_height, block.encode());
        batch.put_cf(self.instance.family(OUTCOMES), &at_height, commit.outcome.encode());
        let id = keys::block_id(self.group, &block.id());
        batch.put_cf(self.instance.family(BLOCK_IDS), id, height.to_be_bytes());
        batch.put(self.meta_key(TIP), height.to_be_bytes());
        batch
    }

    fn put_changes(&self, batch: &mut WriteBatch, height: Height, changes: &[(Key, Option<Entry>)]) {
        let (state, history) = (self.instance.family(STATE), self.instance.family(HISTORY));
        for (key, entry) in changes {
            let state_key = keys::state(self.group, key);
            let bytes = entry.as_ref().map(encode).unwrap_or_default();
            match entry {
                Some(_) => batch.put_cf(state, state_key, &bytes),
                None => batch.delete_cf(state, state_key),
            }
            if !key.is_reserved() {
                batch.put_cf(history, keys::history(self.group, key, height), bytes);
            }
        }
    }

    fn put_receipts(&self, batch: &mut WriteBatch, height: Height, receipts: &[Receipt]) {
        let transactions = self.instance.family(TRANSACTIONS);
        let mut all = Vec::new();
        for (place, receipt) in (0_u32..).zip(receipts) {
            store::push_receipt(&mut all, receipt);
            let value = store::encode_place(height, place);
            batch.put_cf(transactions, keys::transaction(self.group, &receipt.id), value);
        }
        batch.put_cf(self.instance.family(RECEIPTS), keys::at_height(self.group, height), all);
    }

    /// One batch: the seals, and the newest sealed height if they raise it. `next` is one above the tip.
    fn write_seals(&self, next: Height, seals: &[Seal]) -> Result<(), StorageError> {
        let Some(highest) = seals.iter().map(|seal| seal.outcome.height).max() else { return Ok(()) };
        if highest >= next {
            let expected = next.saturating_sub(1);
            return Err(StorageError::OutOfOrder { group: self.group, expected, got: highest });
        }
        let mut batch = WriteBatch::new();
        for seal in seals {
            let key = keys::at_height(self.group, seal.outcome.height);
            batch.put_cf(self.instance.family(SEALS), key, seal.encode());
        }
        if self.read_height(SEALED_TIP)?.is_none_or(|sealed| sealed < highest) {
            batch.put(self.meta_key(SEALED_TIP), highest.to_be_bytes());
        }
        self.instance.write(batch, false)
    }

    fn meta_key(&self, name: &[u8]) -> Vec<u8> {
        [name, &self.group.0.to_be_bytes()].concat()
    }

    fn read_height(&self, name: &[u8]) -> Result<Option<Height>, StorageError> {
        let Some(bytes) = self.instance.get("default", &self.meta_key(name))? else { return Ok(None) };
        let bytes = bytes.as_ref().try_into().map_err(|_| self.instance.malformed("height"))?;
        Ok(Some(Height::from_be_bytes(bytes)))
    }

    /// The entry of a key as it was after the block at `height`. Above the tip that is the newest entry.
    pub fn entry_at(&self, key: &Key, height: Height) -> Option<Entry> {
        self.or_report(self.read_entry_at(key, height))
    }

    fn read_entry_at(&self, key: &Key, height: Height) -> Result<Option<Entry>, StorageError> {
        let mut iterator = self.instance.iterate(HISTORY, Some(keys::history_end(self.group, key)));
        iterator.seek(keys::history(self.group, key, height));
        match iterator.value() {
            Some(value) => self.decode_version(value),
            None => self.instance.finish(&iterator).map(|()| None),
        }
    }

    /// Calls `visit` for every version of a key that a block up to `from` wrote, newest first, with the block's height, until
    /// it breaks: none where it was deleted.
    pub fn visit_versions(
        &self,
        key: &Key,
        from: Height,
        visit: impl FnMut(Height, Option<Entry>) -> ControlFlow<()>,
    ) {
        self.or_report(self.try_visit_versions(key, from, visit));
    }

    fn try_visit_versions(
        &self,
        key: &Key,
        from: Height,
        mut visit: impl FnMut(Height, Option<Entry>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let mut iterator = self.instance.iterate(HISTORY, Some(keys::history_end(self.group, key)));
        iterator.seek(keys::history(self.group, key, from));
        while let Some((bytes, value)) = iterator.item() {
            let (_, height) =
                keys::decode_history(bytes).ok_or_else(|| self.instance.malformed("history key"))?;
            if visit(height, self.decode_version(value)?).is_break() {
                return Ok(());
            }
            iterator.next();
        }
        self.instance.finish(&iterator)
    }

    /// An entry of the history: empty bytes stand for a deletion.
    fn decode_version(&self, bytes: &[u8]) -> Result<Option<Entry>, StorageError> {
        if bytes.is_empty() { Ok(None) } else { self.decode("entry", bytes).map(Some) }
    }

    /// The newest entry of a key, with the height of the tip that it was read at.
    pub fn snapshot_entry(&self, key: &Key) -> (Height, Option<Entry>) {
        self.or_report(self.read_snapshot_entry(key))
    }

    fn read_snapshot_entry(&self, key: &Key) -> Result<(Height, Option<Entry>), StorageError> {
        let snapshot = self.instance.db().snapshot();
        let read = |bytes: Result<Option<Vec<u8>>, rocksdb::Error>| {
            bytes.map_err(|error| self.instance.error(&error))
        };
        let tip = match read(snapshot.get(self.meta_key(TIP)))? {
            Some(bytes) => Height::from_be_bytes(
                bytes.as_slice().try_into().map_err(|_| self.instance.malformed("height"))?,
            ),
            None => 0,
        };
        let family = self.instance.family(STATE);
        let entry = read(snapshot.get_cf(family, keys::state(self.group, key)))?;
        Ok((tip, entry.map(|bytes| self.decode("entry", &bytes)).transpose()?))
    }

    /// The first `limit` keys in `range` with their entries as they were after the block at `at`, ascending. Pages
    /// read at one height fit together, whatever is committed meanwhile. See [`prefix_range`](crate::prefix_range).
    pub fn scan(&self, range: impl RangeBounds<Key>, limit: usize, at: Height) -> Vec<(Key, Entry)> {
        let (mut found, mut steps) = (Vec::new(), usize::MAX);
        if limit > 0 {
            self.visit_at(range, at, &mut steps, |key, entry| {
                found.push((key, entry));
                if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        }
        found
    }

    /// Calls `visit` for every key in `range` with its entry as it was after the block at `at`, ascending, until it
    /// breaks: for who bounds a page by its bytes.
    ///
    /// Keys that had been deleted by then, or are written only later, are passed over in silence, and there may be any number
    /// of them. So each place of the history that is looked at, at most three a key, takes one of `steps`. Where they ran out
    /// the next key is returned, and with 2 steps or more that is a later one than the first of `range`.
    pub fn visit_at(
        &self,
        range: impl RangeBounds<Key>,
        at: Height,
        steps: &mut usize,
        visit: impl FnMut(Key, Entry) -> ControlFlow<()>,
    ) -> Option<Key> {
        self.or_report(self.try_visit_at(range, at, steps, visit))
    }

    fn try_visit_at(
        &self,
        range: impl RangeBounds<Key>,
        at: Height,
        steps: &mut usize,
        mut visit: impl FnMut(Key, Entry) -> ControlFlow<()>,
    ) -> Result<Option<Key>, StorageError> {
        let mut iterator = self.instance.iterate(HISTORY, keys::scan_end(self.group, range.end_bound()));
        iterator.seek(keys::scan_start(self.group, range.start_bound()));
        let mut done: Option<Key> = None;
        while let Some((bytes, value)) = iterator.item() {
            let (key, height) =
                keys::decode_history(bytes).ok_or_else(|| self.instance.malformed("history key"))?;
            let is_done = done.as_ref() == Some(&key);
            if *steps == 0 && !is_done {
                return Ok(Some(key));
            }
            *steps = steps.saturating_sub(1);
            if is_done {
                iterator.seek(keys::history_end(self.group, &key));
            } else if height > at {
                iterator.seek(keys::history(self.group, &key, at));
            } else {
                if let Some(entry) = self.decode_version(value)?
                    && visit(key.clone(), entry).is_break()
                {
                    return Ok(None);
                }
                done = Some(key);
                iterator.next();
            }
        }
        self.instance.finish(&iterator).map(|()| None)
    }

    /// At most `limit` blocks, from the one at `from` (or the tip, if that is lower and the order descending).
    pub fn list_blocks(&self, from: Height, order: Order, limit: usize) -> Vec<Arc<Block>> {
        let blocks = |heights: &mut dyn Iterator<Item = Height>| {
            heights.take(limit).map_while(|height| self.block(height)).collect()
        };
        match (order, self.tip()) {
            (_, None) => Vec::new(),
            (Order::Ascending, Some(tip)) => blocks(&mut (from..=tip)),
            (Order::Descending, Some(tip)) => blocks(&mut (0..=from.min(tip)).rev()),
        }
    }

    /// Where the block with this id stands.
    pub fn block_by_id(&self, id: BlockId) -> Option<Height> {
        self.or_report(self.read_block_by_id(&id))
    }

    fn read_block_by_id(&self, id: &BlockId) -> Result<Option<Height>, StorageError> {
        let Some(bytes) = self.instance.get(BLOCK_IDS, &keys::block_id(self.group, id))? else {
            return Ok(None);
        };
        let bytes = bytes.as_ref().try_into().map_err(|_| self.instance.malformed("height"))?;
        Ok(Some(Height::from_be_bytes(bytes)))
    }

    fn decode<T: Wire>(&self, what: &str, bytes: &[u8]) -> Result<T, StorageError> {
        T::decode(bytes).map_err(|error| self.instance.undecodable(what, &error))
    }

    /// For reads that can't fail: tells the handler, which by default ends the process.
    fn or_report<T: Default>(&self, result: Result<T, StorageError>) -> T {
        result.unwrap_or_else(|error| {
            (self.on_failure)(error);
            T::default()
        })
    }
}
