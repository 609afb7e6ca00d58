//! What a quorum signed: a block's votes, its order votes, a round's time-outs.

use super::HotStuff;
use super::faults::Court;
use crate::engine::{Instance, Rejected};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use witan_types::codec::bounded;
use witan_types::committee::MAX_VALIDATORS;
use witan_types::{BlockId, QuorumSignatures, ValidatorIndex};

/// A HotStuff round; the first is 1. The epoch's base block counts as certified in round 0.
pub type Round = u64;

/// What kind of statement a signature is on; part of its signing domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A leader's proposal: round, block, digest of what justifies it.
    Proposal = 0,
    /// A vote: round, block.
    Vote = 1,
    /// An order vote: round, block.
    OrderVote = 2,
    /// A time-out: round, round of the highest quorum certificate held.
    Timeout = 3,
}

impl Kind {
    /// The bytes signed for `statement` of this kind.
    pub fn signing_bytes<T: BorshSerialize>(self, instance: &Instance, statement: &T) -> Vec<u8> {
        instance.domain::<HotStuff>(self as u8).signing_bytes(statement)
    }
}

/// The most bytes of a [`QuorumCertificate`].
pub(super) const MAX_CERTIFICATE_BYTES: usize = 128 + 64 * MAX_VALIDATORS;
/// The most bytes of a [`TimeoutCertificate`].
pub(super) const MAX_TIMEOUT_CERTIFICATE_BYTES: usize = 2 * MAX_CERTIFICATE_BYTES + 8 * MAX_VALIDATORS;

/// Votes of a quorum for one block in one round: proof that no other block can be certified in that round.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct QuorumCertificate {
    /// The round, which is the block's tag; 0 for the epoch's base.
    pub round: Round,
    /// The block.
    pub block: BlockId,
    /// Who voted. None in round 0.
    pub signatures: QuorumSignatures,
}

impl QuorumCertificate {
    /// The certificate every epoch starts from: round 0, no signatures, believed for the base block alone.
    pub fn of_base(block: BlockId) -> QuorumCertificate {
        QuorumCertificate { round: 0, block, signatures: QuorumSignatures::default() }
    }

    /// Checks the signatures. That a certificate of round 0 names the base is for `step` to check.
    pub(super) fn verify(&self, court: &Court<'_>) -> Result<(), Rejected> {
        if self.round == 0 {
            let empty = self.signatures == QuorumSignatures::default();
            return if empty { Ok(()) } else { Err(Rejected::Inconsistent("round 0 has no signatures")) };
        }
        let of = |round: Round| {
            let message = Kind::Vote.signing_bytes(court.instance, &(round, self.block));
            court.check_quorum(&self.signatures, &message, "a quorum certificate")
        };
        court.judge.signed_round(self.round, of)
    }

    /// Checks a certificate that a time-out reports.
    pub(super) fn verify_as_highest(&self, court: &Court<'_>) -> Result<(), Rejected> {
        if court.judge.checks_highest() { self.verify(court) } else { Ok(()) }
    }
}

/// Order votes of a quorum for one block: the block and its ancestors are final (AIP-89).
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct OrderCertificate {
    /// The block's round, at least 1.
    pub round: Round,
    /// The block.
    pub block: BlockId,
    /// Who signed.
    pub signatures: QuorumSignatures,
}

impl OrderCertificate {
    pub(super) fn verify(&self, court: &Court<'_>) -> Result<(), Rejected> {
        if self.round == 0 {
            return Err(Rejected::Inconsistent("round 0 is not voted on"));
        }
        let message = Kind::OrderVote.signing_bytes(court.instance, &(self.round, self.block));
        court.check_quorum(&self.signatures, &message, "an order certificate")
    }
}

/// Time-outs of a quorum in one round: permission to enter the next one without its quorum certificate. It carries
/// the highest quorum certificate of its signers, so that whoever holds it can go on (Jolteon, figure 2).
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct TimeoutCertificate {
    /// The round given up.
    pub round: Round,
    /// The highest quorum certificate among its signers'.
    pub high_qc: QuorumCertificate,
    /// The round of each signer's highest quorum certificate, in the order of the signers.
    #[borsh(deserialize_with = "bounded::<MAX_VALIDATORS, _, _>")]
    pub high_rounds: Vec<Round>,
    /// Who signed `(round, its high round)`.
    pub signatures: QuorumSignatures,
}

impl TimeoutCertificate {
    pub(super) fn verify(&self, court: &Court<'_>) -> Result<(), Rejected> {
        if self.high_rounds.len() != self.signatures.signers.count() {
            return Err(Rejected::Inconsistent("a time-out certificate without a round for each signer"));
        }
        if self.high_rounds.iter().max() != Some(&self.high_qc.round) || self.high_qc.round >= self.round {
            return Err(Rejected::Inconsistent("a time-out certificate without its highest certificate"));
        }
        self.high_qc.verify_as_highest(court)?;
        let signers = self.signatures.signers.iter().zip(self.high_rounds.iter().copied());
        let high_rounds: BTreeMap<ValidatorIndex, Round> = signers.collect();
        let message = |signer| {
            let high = high_rounds.get(&signer).copied().unwrap_or_default();
            Kind::Timeout.signing_bytes(court.instance, &(self.round, high))
        };
        let verdict = self.signatures.verify(court.committee, message);
        verdict.map_err(|_| Rejected::BadSignature("a time-out certificate"))
    }
}
