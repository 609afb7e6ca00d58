//! Sealing: shares of this validator are made when a block was executed, those of others are collected, and a quorum
//! of them on the same result is the seal. Lost shares are sent again; whoever holds the seal answers with it.

use crate::event::{Class, Effects, Outgoing, Recipient};
use crate::message::{MAX_SHARES, Message};
use crate::replica::{Replica, outgoing};
use std::collections::{BTreeMap, BTreeSet};
use witan_consensus::engine::{Engine, Evidence};
use witan_ledger::Store;
use witan_types::{
    Committee, Height, NodeId, Outcome, QuorumSignatures, Seal, SealShare, Signed, ValidatorIndex,
};

/// At this many decided but unsealed blocks leaders wait; votes do not.
pub(crate) const MAX_UNSEALED: u64 = 16;
// Proofs are made for sealed blocks: the newest of them must still be in the window.
const _: () = assert!(witan_ledger::PROOF_WINDOW as u64 > MAX_UNSEALED);
/// Shares are kept for this many heights above the newest executed one.
const SHARE_WINDOW: u64 = 2 * MAX_UNSEALED;

/// The shares of the blocks above the last seal.
#[derive(Debug, Default)]
pub(crate) struct Sealing {
    shares: BTreeMap<Height, BTreeMap<ValidatorIndex, SealShare>>,
    own: BTreeMap<Height, SealShare>,
    executed: BTreeMap<Height, Outcome>,
    sealed: Height,
    /// Who was caught signing two results: said once.
    accused: BTreeSet<ValidatorIndex>,
}

impl Sealing {
    /// Starts above the newest sealed height.
    pub(crate) fn new(sealed: Height) -> Sealing {
        Sealing { sealed, ..Sealing::default() }
    }

    /// The newest sealed height.
    pub(crate) fn sealed(&self) -> Height {
        self.sealed
    }

    /// A block was executed here with this result.
    pub(crate) fn executed(&mut self, outcome: Outcome) {
        if outcome.height > self.sealed {
            self.executed.insert(outcome.height, outcome);
        }
    }

    /// This validator's share; counted like any other, and kept to be sent again.
    pub(crate) fn add_own(&mut self, share: SealShare) {
        if share.outcome.height > self.sealed {
            self.own.insert(share.outcome.height, share.clone());
            self.shares.entry(share.outcome.height).or_default().insert(share.validator, share);
        }
    }

    /// A verified share. One too far ahead, or below the last seal, is dropped. A second one of the same validator at
    /// a height is dropped too, and returned beside the first if it names another result: evidence, once of each.
    pub(crate) fn add(&mut self, share: SealShare) -> Option<(SealShare, SealShare)> {
        let height = share.outcome.height;
        let newest = self.executed.last_key_value().map_or(self.sealed, |(height, _)| *height);
        if height <= self.sealed || height > newest.saturating_add(SHARE_WINDOW) {
            return None;
        }
        let first =
            self.shares.entry(height).or_default().entry(share.validator).or_insert_with(|| share.clone());
        let is_lie = first.outcome != share.outcome && self.accused.insert(share.validator);
        is_lie.then(|| (first.clone(), share))
    }

    /// The seal of the lowest unsealed height that has a quorum now. Seals come in order of height, without gaps.
    ///
    /// # Panics
    /// If a quorum signed another result than this node's: executing went wrong here, and going on would spread it.
    pub(crate) fn next_seal(&mut self, committee: &Committee) -> Option<Seal> {
        let height = self.sealed.checked_add(1)?;
        let ours = self.executed.get(&height)?;
        let shares = self.shares.get(&height)?;
        let agreeing = shares.values().filter(|share| share.outcome == *ours);
        let signatures = QuorumSignatures::collect(agreeing.map(|share| (share.validator, share.signature)));
        let differing = shares.len().saturating_sub(signatures.signatures.len());
        assert!(
            differing <= committee.max_faulty(),
            "{differing} validators signed another result of block {height}: this node's execution diverged ({ours:?})"
        );
        if signatures.signatures.len() < committee.quorum() {
            return None;
        }
        let seal = Seal { outcome: ours.clone(), signatures };
        self.advance(height);
        Some(seal)
    }

    /// A verified seal from a peer, if it is the next one that is missing here.
    ///
    /// # Panics
    /// If the quorum sealed another result than this node's.
    pub(crate) fn accept(&mut self, seal: &Seal) -> bool {
        let height = seal.outcome.height;
        if height != self.sealed.saturating_add(1) {
            return false;
        }
        let Some(ours) = self.executed.get(&height) else { return false };
        assert!(*ours == seal.outcome, "the quorum sealed {:?}, this node executed {ours:?}", seal.outcome);
        self.advance(height);
        true
    }

    /// Own shares above the last seal, lowest first, as many as a message holds: what to send again.
    pub(crate) fn unsealed_shares(&self) -> Vec<SealShare> {
        self.own.values().take(MAX_SHARES).cloned().collect()
    }

    fn advance(&mut self, height: Height) {
        self.sealed = height;
        let above = height.saturating_add(1);
        self.shares = self.shares.split_off(&above);
        self.own = self.own.split_off(&above);
        self.executed = self.executed.split_off(&above);
    }
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// Says again what may have been lost: the shares above the last seal.
    pub(crate) fn share_again(&self, effects: &mut Effects) {
        let shares = self.sealing.unsealed_shares();
        if !shares.is_empty() {
            effects.send.push(outgoing(Class::Sync, &Message::Shares { again: true, shares }));
        }
    }

    pub(crate) fn on_shares(
        &mut self,
        from: NodeId,
        again: bool,
        shares: Vec<SealShare>,
        effects: &mut Effects,
    ) {
        let sealed = self.sealing.sealed();
        let mut lost = BTreeSet::new();
        for share in shares {
            if share.outcome.height <= sealed {
                lost.insert(share.outcome.height);
            } else if let Some((first, second)) = self.sealing.add(share) {
                effects.accuse.extend(self.evidence(&first, &second));
            }
        }
        if again {
            self.hand_seals(from, lost, effects);
        }
        self.seal_ready(effects);
    }

    /// Whoever still collects shares of sealed blocks gets the seals.
    fn hand_seals(&self, to: NodeId, heights: BTreeSet<Height>, effects: &mut Effects) {
        let store = self.ledger.store();
        let seals: Vec<Seal> = heights.into_iter().filter_map(|height| store.seal(height)).collect();
        if !seals.is_empty() {
            let bytes = Message::Seals(seals).bytes();
            effects.send.push(Outgoing { to: Recipient::Node(to), class: Class::Sync, bytes });
        }
    }

    pub(crate) fn on_seals(&mut self, seals: Vec<Seal>, effects: &mut Effects) {
        for seal in seals {
            if self.sealing.accept(&seal) {
                self.write_seal(seal, effects);
            }
        }
        self.seal_ready(effects);
    }

    fn evidence(&self, first: &SealShare, second: &SealShare) -> Option<Evidence> {
        let (validator, key) = (first.validator, *self.committee.key(first.validator)?);
        let signed = |share: &SealShare| {
            let (message, signature) = (share.outcome.signing_bytes(), share.signature);
            Signed { key, message, signature }
        };
        let (first, second) = (signed(first), signed(second));
        Some(Evidence { validator, key, conflict: "two results of one block", first, second })
    }
}
