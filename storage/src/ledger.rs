//! The ledger of one group on disk: one atomic write a block, and the reads that users ask for.

mod changes;
mod check;
mod items;
mod listing;
mod snapshot;
mod store;

pub(crate) use check::refuse_gaps;
pub use listing::{Ended, ListPlace, ListRole, ListedTransaction};
pub use snapshot::LedgerSnapshot;

use crate::error::StorageError;
use crate::instance::Instance;
use crate::keys;
use crate::options::{FailureHandler, Family, Shape};
use rocksdb::WriteBatch;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::{fmt, iter};
use witan_ledger::{BlockCommit, Entry, Parties, Store as _};
use witan_types::codec::encode_onto;
use witan_types::{Account, Block, BlockId, GroupId, Height, Key, Seal, Wire};

pub(crate) const FAMILIES: [Family; 12] = [
    ("default", Shape::Small),
    (STATE, Shape::Lookup),
    (CHANGES, Shape::Sequence),
    (HISTORY, Shape::Order),
    (BLOCKS, Shape::Sequence),
    (RECEIPTS, Shape::Sequence),
    (TRANSACTIONS, Shape::Lookup),
    (ACCOUNTS, Shape::Order),
    (OUTCOMES, Shape::Small),
    (SEALS, Shape::Small),
    (BLOCK_IDS, Shape::Small),
    (HEADERS, Shape::Small),
];

/// Newest entry of each key.
const STATE: &str = "state";
/// By height: what each block changed, as items: a key, and its new entry unless it is gone. Reserved keys are left out: nobody
/// reads what a group remembered once.
const CHANGES: &str = "changes";
/// By key and inverted height: which item of the block's changes says what the key held from then on.
const HISTORY: &str = "history";
/// By height.
const BLOCKS: &str = "blocks";
/// By height, as items: who signed the transaction, in 32 bytes, and its receipt.
const RECEIPTS: &str = "receipts";
/// By transaction id: height, and which item of the block's receipts is its own.
const TRANSACTIONS: &str = "transactions";
/// By account and inverted height: which items of the block's receipts concern the account.
const ACCOUNTS: &str = "accounts";
/// By height.
const OUTCOMES: &str = "outcomes";
/// By height.
const SEALS: &str = "seals";
/// Height by block id.
const BLOCK_IDS: &str = "block_ids";
/// By height.
const HEADERS: &str = "headers";
/// Prefix of the height of a group's newest block, in the default family.
const TIP: &[u8] = b"tip";
/// Prefix of the height of a group's newest sealed block, in the default family.
const SEALED_TIP: &[u8] = b"sealed";

/// What a block writes takes so many times its own bytes, or somewhat less.
const BATCH_TO_BLOCK: usize = 4;

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

    /// Writes blocks and seals as [`LedgerStore::write_blocks`] does. When this returns, all of it survives a loss of power.
    ///
    /// # Errors
    /// Those of [`LedgerStore::write_blocks`] and [`LedgerStore::sync`].
    pub fn commit_blocks<C: Borrow<BlockCommit>>(
        &self,
        commits: &[C],
        seals: &[Seal],
    ) -> Result<(), StorageError> {
        self.write_blocks(commits, seals)?;
        self.sync()
    }

    /// Makes all that was written durable, of all groups.
    ///
    /// # Errors
    /// If the disk refuses. Then it is not known what of it is durable, and the node stops.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.instance.sync()
    }

    /// Writes blocks, each atomically with everything that came out of it, then seals. When this returns, all of it can be read, and
    /// survives an end of the process. After a loss of power before a sync a prefix of it is there, of each block all or nothing.
    ///
    /// A group has one writer at a time. Genesis is the commit at height 0.
    ///
    /// # Errors
    /// [`StorageError::OutOfOrder`] for a block that does not follow the newest one, or a seal above it; otherwise if
    /// the disk refuses. What came before in the call may have been written.
    pub fn write_blocks<C: Borrow<BlockCommit>>(
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
        self.write_seals(next, seals)
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
        let block_bytes = block.encode();
        let mut batch = WriteBatch::with_capacity_bytes(block_bytes.len().saturating_mul(BATCH_TO_BLOCK));
        self.put_changes(&mut batch, height, &commit.changes);
        self.put_receipts(&mut batch, commit);
        batch.put_cf(self.instance.family(HEADERS), &at_height, block.header.encode());
        batch.put_cf(self.instance.family(BLOCKS), &at_height, block_bytes);
        batch.put_cf(self.instance.family(OUTCOMES), &at_height, commit.outcome.encode());
        let id = keys::block_id(self.group, &block.id());
        batch.put_cf(self.instance.family(BLOCK_IDS), id, height.to_be_bytes());
        batch.put(self.meta_key(TIP), height.to_be_bytes());
        batch
    }

    fn put_receipts(&self, batch: &mut WriteBatch, commit: &BlockCommit) {
        let height = commit.block.header.height;
        let mut items = self.items(RECEIPTS, height);
        let (mut ids, mut of_accounts) = (Vec::new(), BTreeMap::<Account, Vec<u8>>::new());
        let mut item = Vec::new();
        for (receipt, Parties { signer, recipients }) in commit.receipts.iter().zip(&commit.parties) {
            item.clear();
            item.extend_from_slice(&signer.0.0);
            encode_onto(receipt, &mut item);
            let place = items.push(batch, &item);
            ids.push((receipt.id, place));
            for account in iter::once(signer).chain(recipients) {
                of_accounts.entry(*account).or_default().extend_from_slice(&place.encode());
            }
        }
        items.finish(batch);
        // In the order of the keys, the memory that one write touches is still at hand for the next.
        ids.sort_unstable_by_key(|(id, _)| *id);
        let (transactions, accounts) = (self.instance.family(TRANSACTIONS), self.instance.family(ACCOUNTS));
        for (id, place) in ids {
            let key = keys::transaction(self.group, &id);
            batch.put_cf(transactions, key, store::encode_place(height, place));
        }
        for (account, places) in of_accounts {
            batch.put_cf(accounts, keys::listed(self.group, &account, height), places);
        }
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
