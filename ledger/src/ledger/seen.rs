//! The ids of executed transactions that have not expired: what keeps one from executing twice.

use crate::error::LedgerError;
use crate::store::Store;
use crate::value::Receipt;
use std::collections::{BTreeMap, BTreeSet};
use witan_types::{Header, TxId};

#[derive(Clone, Debug, Default)]
pub(super) struct SeenSet {
    ids: BTreeSet<TxId>,
    by_expiry: BTreeMap<u64, Vec<TxId>>,
}

impl SeenSet {
    /// The set as it stands after the block `tip`. No transaction may expire more than `max_tx_lifetime_ms` after its
    /// block, so what older blocks executed has expired.
    pub(super) fn rebuild<S: Store>(
        store: &S,
        tip: &Header,
        max_tx_lifetime_ms: u64,
    ) -> Result<SeenSet, LedgerError> {
        let mut seen = SeenSet::default();
        let mut height = tip.height;
        // The base block has no transactions.
        while height > 0 {
            let missing = LedgerError::Missing { what: "block", height, tip: tip.height };
            let time_ms = store.block(height).ok_or(missing)?.header.time_ms;
            if time_ms.saturating_add(max_tx_lifetime_ms) < tip.time_ms {
                break;
            }
            seen.extend(&store.receipts(height));
            height -= 1;
        }
        seen.advance(tip.time_ms);
        Ok(seen)
    }

    pub(super) fn contains(&self, id: &TxId) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn extend(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            self.ids.insert(receipt.id);
            self.by_expiry.entry(receipt.expires_at_ms).or_default().push(receipt.id);
        }
    }

    /// Forgets what has expired at this block time.
    pub(super) fn advance(&mut self, time_ms: u64) {
        while let Some(first) = self.by_expiry.first_entry().filter(|first| *first.key() < time_ms) {
            for id in first.remove() {
                self.ids.remove(&id);
            }
        }
    }
}
