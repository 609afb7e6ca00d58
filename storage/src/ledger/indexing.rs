//! Lists for a ledger that was written before there were any: made once, when it is opened.

use super::listing::{Parties, parties_in};
use super::{LISTS_SINCE, LedgerStore};
use crate::error::StorageError;
use rocksdb::WriteBatch;
use std::collections::{BTreeSet, HashMap};
use witan_ledger::Store as _;
use witan_types::{Block, Height, TxId};

/// Blocks whose lists are written at once. Each is far smaller than its block.
const BLOCKS_AT_ONCE: u64 = 64;
/// After so many blocks the operator hears how far it has come.
const TELL_EVERY: u64 = 10_000;

impl LedgerStore {
    /// Makes the lists of all blocks, unless they are there. Killed in between, it begins anew at the next start: what it
    /// wrote is written again, the same.
    pub(crate) fn list_what_is_there(&self) -> Result<(), StorageError> {
        let Some(tip) = self.read_height(super::TIP)? else { return Ok(()) };
        if self.read_height(LISTS_SINCE)?.is_some() {
            return Ok(());
        }
        let group = self.group;
        eprintln!("the lists of transactions of group {group} are made, once: {tip} blocks");
        let (mut open, mut batch) = (HashMap::new(), WriteBatch::new());
        for height in 0..=tip {
            self.list_block(&mut batch, height, &mut open)?;
            if height.is_multiple_of(BLOCKS_AT_ONCE) {
                self.instance.write(std::mem::take(&mut batch), false)?;
            }
            if height % TELL_EVERY == TELL_EVERY - 1 {
                eprintln!("the lists of transactions of group {group}: block {height} of {tip}");
            }
        }
        batch.put(self.meta_key(LISTS_SINCE), Height::to_be_bytes(0));
        self.instance.write(batch, true)
    }

    /// Adds the block at a height. `open` holds the transactions of blocks below that end in it or above.
    fn list_block(
        &self,
        batch: &mut WriteBatch,
        height: Height,
        open: &mut HashMap<TxId, Parties>,
    ) -> Result<(), StorageError> {
        let Some(block) = self.block(height) else {
            return Err(self.instance.corrupt(format!("group {} lacks block {height}", self.group)));
        };
        let receipts = self.receipts(height);
        let ended: BTreeSet<TxId> = receipts.iter().map(|receipt| receipt.id).collect();
        open.extend(self.end_later(&block, &ended));
        self.put_lists_of(batch, &block, &receipts, &mut |id| open.remove(id));
        Ok(())
    }

    /// The transactions of a block that end in it or later. Others were repeated, or expired and left no trace.
    fn end_later(&self, block: &Block, ended: &BTreeSet<TxId>) -> HashMap<TxId, Parties> {
        let height = block.header.height;
        let ends = |id: &TxId| {
            ended.contains(id) || self.find_transaction(id).is_some_and(|(ends, _)| ends > height)
        };
        parties_in(block).into_iter().filter(|(id, _)| ends(id)).collect()
    }
}
