//! What survives a crash.

use super::certificate::{
    MAX_CERTIFICATE_BYTES, MAX_TIMEOUT_CERTIFICATE_BYTES, OrderCertificate, QuorumCertificate, Round,
    TimeoutCertificate,
};
use super::message::{Proposal, Timeout, Vote};
use super::rules::Promises;
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;
use witan_types::{Block, BlockId, Signature, Wire};

/// A record of the consensus log.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// Everything signed so far; replaces the one before.
    Safety(Box<SafetyState>),
    /// A block that a vote rests on.
    Block(Arc<Block>),
}

impl Wire for Record {
    const MAX_BYTES: usize = Block::MAX_BYTES + SafetyState::MAX_BYTES;
}

/// A proposal without its block, which is on record beside it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proposed {
    /// The round.
    pub round: Round,
    /// The block.
    pub block: BlockId,
    /// The parent's certificate.
    pub justify: QuorumCertificate,
    /// The time-out certificate, where one was needed.
    pub tc: Option<TimeoutCertificate>,
    /// The signature.
    pub signature: Signature,
}

impl Proposed {
    /// The parts of `proposal`, whose block is `block`.
    pub fn of(proposal: &Proposal, block: BlockId) -> Proposed {
        let Proposal { justify, tc, signature, .. } = proposal.clone();
        Proposed { round: proposal.round(), block, justify, tc, signature }
    }

    /// The proposal again.
    pub fn with(&self, block: Arc<Block>) -> Proposal {
        Proposal { block, justify: self.justify.clone(), tc: self.tc.clone(), signature: self.signature }
    }
}

/// All that a validator has signed and promised, and the certificates that its round and its promises rest on. One
/// record, written whole: a crash finds all of it or the one before.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SafetyState {
    /// What later signatures must respect.
    pub promises: Promises,
    /// The highest quorum certificate known.
    pub high_qc: QuorumCertificate,
    /// The highest time-out certificate known.
    pub high_tc: Option<TimeoutCertificate>,
    /// The newest order certificate known.
    pub order: Option<OrderCertificate>,
    /// The last proposal made.
    pub last_proposed: Option<Proposed>,
    /// The last vote cast.
    pub last_vote: Option<Vote>,
    /// The last order vote cast.
    pub last_order_vote: Option<Vote>,
    /// The last time-out signed.
    pub last_timeout: Option<Timeout>,
}

impl SafetyState {
    /// The state at the start of an epoch.
    pub fn of_base(base: BlockId) -> SafetyState {
        SafetyState {
            promises: Promises::default(),
            high_qc: QuorumCertificate::of_base(base),
            high_tc: None,
            order: None,
            last_proposed: None,
            last_vote: None,
            last_order_vote: None,
            last_timeout: None,
        }
    }

    /// The current round: the one after the highest that a certificate ended. A clock alone never moves it
    /// (Jolteon, figure 2, "Advance round").
    pub fn round(&self) -> Round {
        let given_up = self.high_tc.as_ref().map_or(0, |tc| tc.round);
        self.high_qc.round.max(given_up).saturating_add(1)
    }

    /// The time-out certificate that opened the current round, if its quorum certificate did not.
    pub fn opening_tc(&self) -> Option<&TimeoutCertificate> {
        self.high_tc.as_ref().filter(|tc| tc.round > self.high_qc.round)
    }

    /// Rounds given up since the last certified one.
    pub fn consecutive_timeouts(&self) -> u64 {
        self.round().saturating_sub(self.high_qc.round).saturating_sub(1)
    }

    /// Whether the current round was given up here.
    pub fn has_timed_out(&self) -> bool {
        self.last_timeout.as_ref().is_some_and(|timeout| timeout.round == self.round())
    }
}

impl Wire for SafetyState {
    const MAX_BYTES: usize = 1024 + 4 * MAX_CERTIFICATE_BYTES + 3 * MAX_TIMEOUT_CERTIFICATE_BYTES;
}

#[cfg(test)]
mod tests;
