//! What a voter asks before it votes for a block: form and time, never state. Signatures are judged before, on any
//! core.

use super::Ledger;
use crate::clock::{TimeVerdict, judge_time};
use crate::store::Store;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use witan_types::block::{MAX_ENVELOPES, MAX_PAYLOAD_BYTES};
use witan_types::codec::encode;
use witan_types::{Block, Envelope, GroupId, Hash, IdentifiedTransaction, Lookup, Payload, TxId, Wire};

/// The most messages of other groups that a block holds, unless one envelope alone has more.
pub const MAX_BLOCK_MESSAGES: usize = 1_024;
/// The most bytes that the envelopes of a block take: room for the largest one.
pub const MAX_ENVELOPES_BYTES: usize = 768 * 1024;
/// The most bytes that transactions, those of named batches too, and envelopes take in a block, list lengths included. Leaders put in what the parameters say, which
/// voters may not have executed yet: they go by what any parameters allow.
const MAX_TRANSACTIONS_BYTES: u64 = MAX_PAYLOAD_BYTES as u64;
const _: () = assert!(Envelope::MAX_BYTES <= MAX_ENVELOPES_BYTES);

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
        self.in_time(block, parent_time_ms, now_ms, || self.is_well_formed(block))
    }

    /// [`Ledger::validate`] of a block whose payload is known to be its header's and whose transactions are known to
    /// be of this chain and of right form.
    pub fn validate_judged(&self, block: &Block, parent_time_ms: u64, now_ms: u64) -> Validity {
        self.in_time(block, parent_time_ms, now_ms, || self.fits(block))
    }

    fn in_time(
        &self,
        block: &Block,
        parent_time_ms: u64,
        now_ms: u64,
        is_well_formed: impl FnOnce() -> bool,
    ) -> Validity {
        match judge_time(block.header.time_ms, parent_time_ms, now_ms, self.genesis_parameters.max_drift_ms) {
            TimeVerdict::NotAbove => Validity::Never,
            TimeVerdict::TooEarly => Validity::NotYet,
            TimeVerdict::Ok if is_well_formed() => Validity::Valid,
            TimeVerdict::Ok => Validity::Never,
        }
    }

    fn is_well_formed(&self, block: &Block) -> bool {
        let is_formed = |known: &IdentifiedTransaction| {
            known.transaction.chain == self.tip.chain && known.transaction.check_form_of(known.size()).is_ok()
        };
        block.is_consistent() && block.payload.transactions().all(is_formed) && self.fits(block)
    }

    /// What is left to judge of a block that is well made: its place, its size, repetitions and expiry.
    fn fits(&self, block: &Block) -> bool {
        let Block { header, payload } = block;
        let latest_expiry = header.time_ms.saturating_add(self.genesis_parameters.max_tx_lifetime_ms);
        let mut ids: Lookup<TxId, ()> = Lookup::default();
        let mut is_first = |id: TxId| ids.insert(id, ()).is_none();
        (header.chain, header.group) == (self.tip.chain, self.tip.group)
            && envelopes_fit(header.group, payload)
            && transactions_bytes(payload).saturating_add(envelopes_bytes(payload)) <= MAX_TRANSACTIONS_BYTES
            && named_fit(header.time_ms..=latest_expiry, payload)
            && payload
                .transactions()
                .all(|known| known.transaction.expires_at_ms <= latest_expiry && is_first(known.id()))
    }
}

/// Bytes of the encoding of a payload without its envelopes: two list lengths, each batch's tag and length, and the
/// transactions.
fn transactions_bytes(payload: &Payload) -> u64 {
    let sizes: usize = payload.transactions().map(IdentifiedTransaction::size).sum();
    let named: u64 = payload.named().map(|held| u64::from(held.name.bytes)).sum();
    (8 + 5 * payload.batches.len() + sizes) as u64 + named
}

/// Whether batches that are only named may be in a block: each once, and if the last of its transactions expires within these
/// times: not before the block, when whoever held it may have forgotten it, nor later than ids are remembered. That a quorum
/// holds them is judged before, on any core.
fn named_fit(expiry_ms: RangeInclusive<u64>, payload: &Payload) -> bool {
    let mut digests: BTreeSet<Hash> = BTreeSet::new();
    payload.named().all(|held| expiry_ms.contains(&held.name.until_ms) && digests.insert(held.name.digest))
}

fn envelopes_bytes(payload: &Payload) -> u64 {
    payload.envelopes.iter().map(|envelope| encode(envelope).len() as u64).sum()
}

/// Whether envelopes are from other groups to this one, carry what their seals cover, and are not too many. That the
/// seals are a quorum's is judged before, on any core.
fn envelopes_fit(me: GroupId, payload: &Payload) -> bool {
    let envelopes = &payload.envelopes;
    let messages: usize = envelopes.iter().map(|envelope| envelope.contents.messages.len()).sum();
    let is_for_us = |envelope: &Envelope| {
        envelope.contents.destination == me && envelope.source() != me && envelope.is_consistent()
    };
    // One alone fits whatever it holds.
    (envelopes.len() <= 1 || messages <= MAX_BLOCK_MESSAGES)
        && envelopes.len() <= MAX_ENVELOPES
        && envelopes_bytes(payload) <= MAX_ENVELOPES_BYTES as u64
        && envelopes.iter().all(is_for_us)
}
