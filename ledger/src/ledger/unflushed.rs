//! Blocks that executed but may not be on disk yet.

use crate::store::BlockCommit;
use crate::value::{Entry, Receipt};
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::{Height, Key, Lookup, TxId};

#[derive(Clone, Debug, Default)]
pub(super) struct Unflushed {
    commits: BTreeMap<Height, Arc<BlockCommit>>,
    /// Where the newest change of each key stands: its block and its place among that block's changes.
    newest: Lookup<Key, (Height, usize)>,
    /// Where each transaction's receipt stands.
    transactions: Lookup<TxId, (Height, usize)>,
}

impl Unflushed {
    pub(super) fn push(&mut self, commit: Arc<BlockCommit>) {
        let height = commit.block.header.height;
        for (at, (key, _)) in commit.changes.iter().enumerate() {
            self.newest.insert(key.clone(), (height, at));
        }
        for (at, receipt) in commit.receipts.iter().enumerate() {
            self.transactions.insert(receipt.id, (height, at));
        }
        self.commits.insert(height, commit);
    }

    pub(super) fn drop_up_to(&mut self, height: Height) {
        while let Some(first) = self.commits.first_entry().filter(|first| *first.key() <= height) {
            let commit = first.remove();
            for (key, _) in &commit.changes {
                if self.newest.get(key).is_some_and(|(newest, _)| *newest <= height) {
                    self.newest.remove(key);
                }
            }
            for receipt in &commit.receipts {
                self.transactions.remove(&receipt.id);
            }
        }
    }

    pub(super) fn commit(&self, height: Height) -> Option<&Arc<BlockCommit>> {
        self.commits.get(&height)
    }

    /// What these blocks made of a key: `None` if they left it alone, `Some(None)` if they deleted it.
    pub(super) fn entry(&self, key: &Key) -> Option<&Option<Entry>> {
        let (height, at) = self.newest.get(key)?;
        self.commits.get(height)?.changes.get(*at).map(|(_, entry)| entry)
    }

    pub(super) fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        let (height, at) = self.transactions.get(id)?;
        let receipt = self.commits.get(height)?.receipts.get(*at)?;
        Some((*height, receipt.clone()))
    }
}
