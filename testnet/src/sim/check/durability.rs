//! Durability: what a client was told is committed is in every node's chain at the end, once.

use super::{Promise, Verdict, holds};
use std::collections::{BTreeMap, BTreeSet};
use witan_ledger::{BlockCommit, Store};
use witan_types::{Height, TxId};

/// What was acknowledged, and where first.
#[derive(Debug, Default)]
pub(in crate::sim) struct Durability {
    acknowledged: BTreeMap<TxId, Height>,
}

impl Durability {
    /// A node told its users that this block is committed.
    pub(in crate::sim) fn acknowledge(&mut self, commit: &BlockCommit) -> Verdict {
        let height = commit.outcome.height;
        for receipt in &commit.receipts {
            let first = *self.acknowledged.entry(receipt.id).or_insert(height);
            holds(Promise::Durability, first == height, || {
                format!("transaction {} was acknowledged at height {first} and at {height}", receipt.id)
            })?;
        }
        Ok(())
    }

    /// How many transactions were acknowledged.
    pub(in crate::sim) fn count(&self) -> usize {
        self.acknowledged.len()
    }

    /// Looks through a node's whole chain on disk.
    pub(in crate::sim) fn at_end(&self, node: usize, store: &dyn Store) -> Verdict {
        let mut found = BTreeSet::new();
        for height in 1..=store.tip().unwrap_or(0) {
            for receipt in store.receipts(height) {
                holds(Promise::Durability, found.insert(receipt.id), || {
                    format!("node {node} has transaction {} twice, at height {height} again", receipt.id)
                })?;
            }
        }
        let lost = self.acknowledged.iter().find(|(id, _)| !found.contains(id));
        holds(Promise::Durability, lost.is_none(), || {
            format!("node {node} lost an acknowledged transaction: {lost:?}")
        })
    }
}
