//! What a quorum signed: prepares for a block in a view, commits of it, or the seal that proves it final.

use super::Pbft;
use super::faults::Court;
use super::rules::{Link, Point, Prepared, View};
use crate::engine::{Instance, Rejected};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::committee::MAX_VALIDATORS;
use witan_types::{Header, QuorumSignatures, Seal, SealedHeader, SignerSet, Wire};

/// What kind of statement a signature is on; part of its signing domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A prepare: view, height, block. A leader's stands in its pre-prepare.
    Prepare = 0,
    /// A commit: view, height, block.
    Commit = 1,
    /// What a member reports when it gives a view up: the next view, its claims.
    ViewChange = 2,
    /// A new view: view, digest of what it rests on.
    NewView = 3,
}

impl Kind {
    /// The bytes signed for `statement` of this kind.
    pub fn signing_bytes<T: BorshSerialize>(self, instance: &Instance, statement: &T) -> Vec<u8> {
        instance.domain::<Pbft>(self as u8).signing_bytes(statement)
    }
}

/// The most bytes of a [`PreparedCertificate`].
pub(super) const MAX_PREPARED_BYTES: usize = Header::MAX_BYTES + 64 + 64 * MAX_VALIDATORS;
/// The most bytes of a [`FinalCertificate`].
pub(super) const MAX_FINAL_BYTES: usize = MAX_PREPARED_BYTES + Seal::MAX_BYTES;

/// Prepares of a quorum for one block in one view: no other block can be prepared at its height in that view.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PreparedCertificate {
    /// The view.
    pub view: View,
    /// The block's header: its hash is what was signed, and it names the parent.
    pub header: Header,
    /// Who signed.
    pub signatures: QuorumSignatures,
}

impl PreparedCertificate {
    /// The block as the rules read it.
    pub fn prepared(&self) -> Prepared {
        Prepared { view: self.view, link: link(&self.header) }
    }

    pub(super) fn verify(&self, court: &Court<'_>) -> Result<(), Rejected> {
        let of = |view: View| {
            let message = Kind::Prepare.signing_bytes(court.instance, &(view, point(&self.header)));
            court.check_quorum(&self.signatures, &message, "a prepared certificate")
        };
        court.judge.signed_view(self.view, of)
    }
}

/// Why a block is final.
#[expect(clippy::large_enum_variant, reason = "a member holds a few of them, never many")]
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Finality {
    /// It is the block the epoch starts from: believed of that alone.
    Base,
    /// A quorum committed it in one view.
    Commits(View, QuorumSignatures),
    /// A quorum sealed what came out of it (the low watermark of section 4.3).
    Seal(Seal),
}

/// A final block with the proof.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct FinalCertificate {
    /// The block's header.
    pub header: Header,
    /// The proof.
    pub finality: Finality,
}

impl FinalCertificate {
    /// The block.
    pub fn point(&self) -> Point {
        point(&self.header)
    }

    /// Who can be asked for the block.
    pub(super) fn holders(&self) -> SignerSet {
        match &self.finality {
            Finality::Base => SignerSet::default(),
            Finality::Commits(_, signatures) => signatures.signers,
            Finality::Seal(seal) => seal.signatures.signers,
        }
    }

    /// Checks the signatures. That the base is the base is for `step` to check.
    pub(super) fn verify(&self, court: &Court<'_>) -> Result<(), Rejected> {
        let Instance { chain, group, epoch } = *court.instance;
        match &self.finality {
            Finality::Base => Ok(()),
            Finality::Commits(view, signatures) => {
                let message = Kind::Commit.signing_bytes(court.instance, &(view, self.point()));
                court.check_quorum(signatures, &message, "a commit certificate")
            }
            Finality::Seal(seal) => {
                let outcome = &seal.outcome;
                let sealed = SealedHeader { header: self.header.clone(), seal: seal.clone() };
                if (outcome.chain, outcome.group, outcome.epoch) != (chain, group, epoch)
                    || !sealed.is_consistent()
                {
                    return Err(Rejected::Inconsistent("another block's seal"));
                }
                seal.verify(court.committee).map_err(|_| Rejected::BadSignature("a seal"))
            }
        }
    }
}

/// The block of a header.
pub(super) fn point(header: &Header) -> Point {
    Point { height: header.height, id: header.id() }
}

/// The block of a header, with its parent.
pub(super) fn link(header: &Header) -> Link {
    Link { height: header.height, id: header.id(), parent: header.parent }
}
