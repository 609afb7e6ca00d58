//! What is said when a view ends: what each member knows, and the new view that a quorum of that makes.

use super::certificate::{FinalCertificate, Kind, MAX_FINAL_BYTES, MAX_PREPARED_BYTES, PreparedCertificate};
use super::faults::Court;
use super::leader_of;
use super::message::{MAX_PROOFS, WINDOW};
use super::rules::{self, Link, Point, Prepared, Report, View};
use crate::engine::{Instance, Rejected};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use witan_types::codec::{bounded, encode};
use witan_types::committee::MAX_VALIDATORS;
use witan_types::{Hash, SecretKey, Signature, ValidatorIndex, sha256};

/// The most bytes of what one member claims.
const MAX_CLAIMS_BYTES: usize = 64 + 48 * WINDOW;
/// The most bytes of a [`ViewChange`].
pub(super) const MAX_VIEW_CHANGE_BYTES: usize = 128 + MAX_FINAL_BYTES + WINDOW * MAX_PREPARED_BYTES;
/// The most bytes of a [`NewView`].
pub(super) const MAX_NEW_VIEW_BYTES: usize =
    128 + MAX_VALIDATORS * (MAX_CLAIMS_BYTES + 80) + MAX_FINAL_BYTES + MAX_PROOFS * MAX_PREPARED_BYTES;

/// "A quorum prepared this block in this view."
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// The block.
    pub block: Point,
    /// The view.
    pub view: View,
}

/// What a member signs when it gives a view up; short, so that a new view can carry a quorum's. The proofs stand beside.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Claims {
    /// Its newest decided block.
    pub decided: Point,
    /// Above that, the block prepared in the highest view at each height, ascending.
    #[borsh(deserialize_with = "bounded::<WINDOW, _, _>")]
    pub prepared: Vec<Claim>,
}

impl Claims {
    fn of(decided: &FinalCertificate, prepared: &[PreparedCertificate]) -> Claims {
        Claims { decided: decided.point(), prepared: prepared.iter().map(claim).collect() }
    }

    fn ascend(&self) -> bool {
        let mut below = self.decided.height;
        self.prepared
            .iter()
            .all(|claim| std::mem::replace(&mut below, claim.block.height) < claim.block.height)
    }
}

fn claim(certificate: &PreparedCertificate) -> Claim {
    let Prepared { view, link } = certificate.prepared();
    Claim { block: link.point(), view }
}

/// A member's claims with their proofs. Its author is the sender.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ViewChange {
    /// The view it asks for.
    pub view: View,
    /// The proof of its newest decided block.
    pub decided: FinalCertificate,
    /// The proofs of what is prepared above that, ascending by height.
    #[borsh(deserialize_with = "bounded::<WINDOW, _, _>")]
    pub prepared: Vec<PreparedCertificate>,
    /// The author's signature on view and claims.
    pub signature: Signature,
}

impl ViewChange {
    /// Makes and signs a view change.
    pub fn sign(
        instance: &Instance,
        key: &SecretKey,
        view: View,
        decided: FinalCertificate,
        prepared: Vec<PreparedCertificate>,
    ) -> ViewChange {
        let bytes = signing_bytes(instance, view, &Claims::of(&decided, &prepared));
        ViewChange { view, decided, prepared, signature: key.sign_bytes(&bytes) }
    }

    /// What its author signed.
    pub fn claims(&self) -> Claims {
        Claims::of(&self.decided, &self.prepared)
    }

    /// What it reports, as the rules read it.
    pub(super) fn report(&self) -> Report {
        let prepared = self.prepared.iter().map(PreparedCertificate::prepared).collect();
        Report { decided: self.decided.point(), prepared }
    }

    pub(super) fn verify(&self, court: &Court<'_>, from: ValidatorIndex) -> Result<(), Rejected> {
        let claims = self.claims();
        verify_claims(court, from, self.view, &claims, &self.signature)?;
        self.decided.verify(court)?;
        self.prepared.iter().try_for_each(|proof| proof.verify(court))?;
        if claims.prepared.iter().all(|claim| claim.view < self.view) {
            Ok(())
        } else {
            Err(Rejected::Inconsistent("a prepared block of a later view"))
        }
    }
}

/// The bytes that a member signs when it gives a view up.
pub(super) fn signing_bytes(instance: &Instance, view: View, claims: &Claims) -> Vec<u8> {
    Kind::ViewChange.signing_bytes(instance, &(view, claims))
}

fn verify_claims(
    court: &Court<'_>,
    author: ValidatorIndex,
    view: View,
    claims: &Claims,
    signature: &Signature,
) -> Result<(), Rejected> {
    if view == 0 {
        return Err(Rejected::Inconsistent("the first view follows no other"));
    }
    if !claims.ascend() {
        return Err(Rejected::Inconsistent("claims that do not ascend"));
    }
    court.check_signature(author, &signing_bytes(court.instance, view, claims), signature)
}

/// What one member signed, within a new view.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Signatory {
    /// Who.
    pub author: ValidatorIndex,
    /// What it claims.
    pub claims: Claims,
    /// Its signature on view and claims.
    pub signature: Signature,
}

/// What a quorum knew when it gave the views before up. Everyone draws the same conclusion from it: see
/// [`rules::choose`]. Who proves a claim does not matter, so each proof stands here once.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NewView {
    /// The view.
    pub view: View,
    /// The members' claims, ascending by author.
    #[borsh(deserialize_with = "bounded::<MAX_VALIDATORS, _, _>")]
    pub signatories: Vec<Signatory>,
    /// The proof of the highest decided block claimed.
    pub decided: FinalCertificate,
    /// The proofs of what is claimed to be prepared above that.
    #[borsh(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub prepared: Vec<PreparedCertificate>,
    /// The signature of its maker, who leads the height above the highest decided one.
    pub signature: Signature,
}

impl NewView {
    /// Makes and signs the new view that these view changes, all asking for `view`, make. None if there are none, or if
    /// they differ by more certificates than a new view carries.
    pub fn sign(
        instance: &Instance,
        key: &SecretKey,
        view: View,
        view_changes: &BTreeMap<ValidatorIndex, ViewChange>,
    ) -> Option<NewView> {
        let highest = view_changes.values().max_by_key(|change| change.decided.point())?;
        let decided = highest.decided.clone();
        let mut prepared: BTreeMap<Claim, PreparedCertificate> = BTreeMap::new();
        for proof in view_changes.values().flat_map(|change| &change.prepared) {
            if proof.header.height > decided.header.height {
                prepared.entry(claim(proof)).or_insert_with(|| proof.clone());
            }
        }
        let signatory = |(author, change): (&ValidatorIndex, &ViewChange)| Signatory {
            author: *author,
            claims: change.claims(),
            signature: change.signature,
        };
        let signatories = view_changes.iter().map(signatory).collect();
        let prepared: Vec<PreparedCertificate> = prepared.into_values().collect();
        if prepared.len() > MAX_PROOFS {
            return None;
        }
        let mut new_view = NewView { view, signatories, decided, prepared, signature: Signature([0; 64]) };
        new_view.signature = key.sign_bytes(&new_view.signing_bytes(instance));
        Some(new_view)
    }

    fn signing_bytes(&self, instance: &Instance) -> Vec<u8> {
        let grounds: Hash = sha256(&[
            b"witan pbft grounds",
            &encode(&self.signatories),
            &encode(&self.decided),
            &encode(&self.prepared),
        ]);
        Kind::NewView.signing_bytes(instance, &(self.view, grounds))
    }

    /// Who makes the new view that starts from `decided`.
    pub(super) fn maker(view: View, decided: Point, size: usize) -> ValidatorIndex {
        leader_of(view, decided.height.saturating_add(1), size)
    }

    /// The reports as the rules read them: claims at or below the start need no proof and no longer matter.
    pub(super) fn reports(&self) -> Vec<Report> {
        let proofs: BTreeMap<Claim, Link> =
            self.prepared.iter().map(|proof| (claim(proof), proof.prepared().link)).collect();
        let prepared =
            |claim: &Claim| proofs.get(claim).map(|link| Prepared { view: claim.view, link: *link });
        let report = |signatory: &Signatory| Report {
            decided: signatory.claims.decided,
            prepared: signatory.claims.prepared.iter().filter_map(prepared).collect(),
        };
        self.signatories.iter().map(report).collect()
    }

    /// What the new view starts from: the proven block, that no report is above.
    pub(super) fn verify(&self, court: &Court<'_>) -> Result<(), Rejected> {
        let authors: Vec<ValidatorIndex> =
            self.signatories.iter().map(|signatory| signatory.author).collect();
        if authors.len() < court.committee.quorum() || !court.judge.are_distinct(&authors) {
            return Err(Rejected::Inconsistent("a new view without a quorum"));
        }
        let start = rules::start(&self.reports());
        if start != Some(self.decided.point()) {
            return Err(Rejected::Inconsistent("a new view that starts elsewhere"));
        }
        self.verify_claims_are_proven(court)?;
        for Signatory { author, claims, signature } in &self.signatories {
            verify_claims(court, *author, self.view, claims, signature)?;
        }
        let maker = NewView::maker(self.view, self.decided.point(), court.committee.size());
        court.check_signature(maker, &self.signing_bytes(court.instance), &self.signature)?;
        self.decided.verify(court)?;
        let mut proofs = self.prepared.iter().filter(|_| court.judge.checks_proofs());
        proofs.try_for_each(|proof| proof.verify(court))
    }

    fn verify_claims_are_proven(&self, court: &Court<'_>) -> Result<(), Rejected> {
        let proven: Vec<Claim> = self.prepared.iter().map(claim).collect();
        let above = |claim: &&Claim| claim.block.height > self.decided.header.height;
        let mut claims =
            self.signatories.iter().flat_map(|signatory| &signatory.claims.prepared).filter(above);
        let is_proven = |claim: &Claim| proven.contains(claim) || !court.judge.needs_proof();
        if claims.all(|claim| claim.view < self.view && is_proven(claim)) {
            Ok(())
        } else {
            Err(Rejected::Inconsistent("a claim without proof"))
        }
    }
}

#[cfg(test)]
mod tests;
