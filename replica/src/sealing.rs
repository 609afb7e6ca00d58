//! Sealing: shares of this validator are made when a block was executed, those of others are collected, and a quorum
//! of them on the same result is the seal. Lost shares are sent again; whoever holds the seal answers with it.

use std::collections::BTreeMap;
use witan_types::{Committee, Height, Outcome, QuorumSignatures, Seal, SealShare, ValidatorIndex};

/// At this many executed but unsealed blocks leaders wait; votes do not.
pub(crate) const MAX_UNSEALED: u64 = 16;
/// Shares are kept for this many heights above the newest executed one.
const SHARE_WINDOW: u64 = 2 * MAX_UNSEALED;

/// The shares of the blocks above the last seal.
#[derive(Debug, Default)]
pub(crate) struct Sealing {
    shares: BTreeMap<Height, BTreeMap<ValidatorIndex, SealShare>>,
    own: BTreeMap<Height, SealShare>,
    executed: BTreeMap<Height, Outcome>,
    sealed: Height,
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
    /// a height is dropped too, and returned beside the first if it names another result: evidence.
    pub(crate) fn add(&mut self, share: SealShare) -> Option<(SealShare, SealShare)> {
        let height = share.outcome.height;
        let newest = self.executed.last_key_value().map_or(self.sealed, |(height, _)| *height);
        if height <= self.sealed || height > newest.saturating_add(SHARE_WINDOW) {
            return None;
        }
        let first =
            self.shares.entry(height).or_default().entry(share.validator).or_insert_with(|| share.clone());
        (first.outcome != share.outcome).then(|| (first.clone(), share))
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

    /// Own shares above the last seal, lowest first: what to send again.
    pub(crate) fn unsealed_shares(&self) -> Vec<SealShare> {
        self.own.values().take(MAX_UNSEALED as usize).cloned().collect()
    }

    fn advance(&mut self, height: Height) {
        self.sealed = height;
        let above = height.saturating_add(1);
        self.shares = self.shares.split_off(&above);
        self.own = self.own.split_off(&above);
        self.executed = self.executed.split_off(&above);
    }
}
