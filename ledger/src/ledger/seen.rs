//! The ids of executed transactions that have not expired: what keeps one from executing twice.

use crate::error::LedgerError;
use crate::store::Store;
use crate::value::Receipt;
use std::collections::BTreeMap;
use witan_types::{Header, Lookup, TxId};

/// Ids of transactions that expire within the same span are forgotten together; milliseconds.
const SPAN_MS: u64 = 4_096;

/// The first half of an id. Two transactions that share it count as one: who goes through 2^64 of them to find two loses the
/// second, and nobody finds one that shares it with another's.
type Half = [u8; 16];

/// An id alone does not say when it may be forgotten, its transaction does: so whoever asks says when that expires, and there
/// is nothing to remember beside the ids. By the span in which they expire.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenSet {
    spans: BTreeMap<u64, Lookup<Half, ()>>,
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

    /// Whether a transaction that expires then is in it. What has expired may be forgotten or not.
    pub(super) fn contains(&self, id: &TxId, expires_at_ms: u64) -> bool {
        self.spans.get(&span(expires_at_ms)).is_some_and(|ids| ids.contains(&half(id)))
    }

    /// The same of an id whose expiry is not known.
    pub(super) fn contains_whenever_it_expires(&self, id: &TxId) -> bool {
        self.spans.values().any(|ids| ids.contains(&half(id)))
    }

    pub(super) fn extend(&mut self, receipts: &[Receipt]) {
        for receipt in receipts {
            let ids = self.spans.entry(span(receipt.expires_at_ms)).or_default();
            ids.insert(half(&receipt.id), ());
        }
    }

    /// Forgets spans that have passed at this block time.
    pub(super) fn advance(&mut self, time_ms: u64) {
        while let Some(first) = self.spans.first_entry().filter(|first| *first.key() < span(time_ms)) {
            first.remove();
        }
    }
}

fn span(expires_at_ms: u64) -> u64 {
    expires_at_ms / SPAN_MS
}

fn half(id: &TxId) -> Half {
    let mut half = Half::default();
    half.iter_mut().zip(id.0.0).for_each(|(to, from)| *to = from);
    half
}
