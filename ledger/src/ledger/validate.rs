//! What a voter asks before it votes for a block: form and time, never state. Signatures are judged before, on any
//! core.

use super::Ledger;
use crate::clock::{TimeVerdict, judge_time};
use crate::store::Store;
use std::collections::BTreeSet;
use witan_types::codec::encode;
use witan_types::transaction::MAX_TRANSACTION_BYTES;
use witan_types::{Block, SignedTransaction};

/// Whether a block may be voted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Validity {
    /// It may.
    Valid,
    /// Never.
    Never,
    /// Not before the clock here has come closer to its time.
    NotYet,
}

impl<S: Store> Ledger<S> {
    /// Judges a block against its parent's time and the wall clock here, both Unix milliseconds. The height and parent
    /// are the engine's to judge.
    pub fn validate(&self, block: &Block, parent_time_ms: u64, now_ms: u64) -> Validity {
        let time_ms = block.header.time_ms;
        match judge_time(time_ms, parent_time_ms, now_ms, self.parameters.max_drift_ms) {
            TimeVerdict::NotAbove => Validity::Never,
            TimeVerdict::TooEarly => Validity::NotYet,
            TimeVerdict::Ok if self.is_well_formed(block) => Validity::Valid,
            TimeVerdict::Ok => Validity::Never,
        }
    }

    fn is_well_formed(&self, block: &Block) -> bool {
        let Block { header, payload } = block;
        let max_payload_bytes = self.parameters.max_block_bytes.saturating_mul(2);
        let latest_expiry = header.time_ms.saturating_add(self.parameters.max_tx_lifetime_ms);
        let mut ids = BTreeSet::new();
        (header.chain, header.group) == (self.tip.chain, self.tip.group)
            // Channels between groups do not exist yet.
            && payload.envelopes.is_empty()
            && encode(payload).len() as u64 <= max_payload_bytes
            && block.is_consistent()
            && payload.transactions().all(|signed| {
                self.may_stand_in_block(signed, latest_expiry) && ids.insert(signed.id())
            })
    }

    fn may_stand_in_block(&self, signed: &SignedTransaction, latest_expiry: u64) -> bool {
        let transaction = &signed.transaction;
        transaction.chain == self.tip.chain
            && transaction.expires_at_ms <= latest_expiry
            && signed.size() <= MAX_TRANSACTION_BYTES
            && transaction.check_form().is_ok()
    }
}
