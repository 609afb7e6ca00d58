//! The rules as the engine asks them, and the mistakes that tests plant in them to prove that they would be found.

use super::rules::{self, Link, Point, Report, View};
use crate::engine::Rejected;
use crate::planted::Planted;
use crate::tree::{Place, ascending};
use witan_types::{BlockId, Height, ValidatorIndex};

/// A mistake planted at construction, by tests alone: each breaks agreement or progress, and a test that lets it live is
/// too weak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlantedFault {
    /// A new view takes the one certificate of the highest view and height and its ancestors, instead of choosing height
    /// by height.
    OneCertificateForAll,
    /// A block is committed although the one below it is not.
    CommitOutOfOrder,
    /// A prepare leaves without its promise on disk: after a crash the validator prepares another block.
    PrepareWithoutRecord,
    /// A second block is prepared at a height in a view: the newest proposal counts.
    PrepareTwice,
    /// A view change reports nothing of what was committed.
    ViewChangeForgets,
    /// A member takes part in a view before it has decided the block that the view starts from, which it forgets in a
    /// crash.
    StartForgotten,
    /// A block is prepared on top of another than the one accepted below.
    PrepareWithoutParent,
    /// The view of a prepared certificate is not part of what its prepares signed.
    ViewUnbound,
    /// The certificates that a new view rests on are not checked.
    ProofsUnchecked,
    /// A new view may leave out the certificates of what its members claim.
    ClaimsUnproven,
    /// One member's word counts as often as it stands in a new view.
    SignatoryRepeated,
    /// A new view begins anew above what it starts from, whatever its members report.
    ChoiceIgnored,
    /// Ancestors of a final block are handed out newest first.
    NewestFirst,
    /// A final block is handed out again with its descendants.
    DecidedAgain,
}

/// [`rules`], unless a fault is planted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge(pub(super) Planted<PlantedFault>);

/// Before whom messages of this engine are judged.
pub(super) type Court<'a> = crate::judging::Court<'a, Judge>;

impl Judge {
    pub(super) fn may_prepare(
        &self,
        view: View,
        link: &Link,
        below: Point,
        before: Option<(View, BlockId)>,
    ) -> bool {
        let before = before.filter(|_| !self.0.is(PlantedFault::PrepareTwice));
        let below = if self.needs_parent() { below } else { Point { id: link.parent, ..below } };
        rules::may_prepare(view, link, below, before)
    }

    pub(super) fn first_proposal_counts(&self) -> bool {
        !self.0.is(PlantedFault::PrepareTwice)
    }

    pub(super) fn start_is_remembered(&self) -> bool {
        !self.0.is(PlantedFault::StartForgotten)
    }

    pub(super) fn may_take_part(&self, start: Height, decided: Height) -> bool {
        !self.start_is_remembered() || rules::may_take_part(start, decided)
    }

    pub(super) fn needs_parent(&self) -> bool {
        !self.0.is(PlantedFault::PrepareWithoutParent)
    }

    pub(super) fn may_commit(&self, view: View, prepared_view: View, is_committed_below: bool) -> bool {
        let in_order = is_committed_below || self.0.is(PlantedFault::CommitOutOfOrder);
        rules::may_commit(view, prepared_view, in_order)
    }

    pub(super) fn prepare_is_saved(&self) -> bool {
        !self.0.is(PlantedFault::PrepareWithoutRecord)
    }

    pub(super) fn reports_prepared(&self) -> bool {
        !self.0.is(PlantedFault::ViewChangeForgets)
    }

    /// Whether a certificate's signatures are on `view`, by a check of any one view.
    pub(super) fn signed_view(
        &self,
        view: View,
        check: impl Fn(View) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        let unbound = self.0.is(PlantedFault::ViewUnbound) && (0..view).any(|other| check(other).is_ok());
        if unbound { Ok(()) } else { check(view) }
    }

    pub(super) fn checks_proofs(&self) -> bool {
        !self.0.is(PlantedFault::ProofsUnchecked)
    }

    pub(super) fn needs_proof(&self) -> bool {
        !self.0.is(PlantedFault::ClaimsUnproven)
    }

    pub(super) fn are_distinct(&self, authors: &[ValidatorIndex]) -> bool {
        authors.is_sorted_by(|a, b| a < b) || self.0.is(PlantedFault::SignatoryRepeated)
    }

    /// What is handed out of a path from a final block down to the last one `decided`.
    pub(super) fn handed_out(&self, path: &[Place], decided: Place, emitted: Height) -> Vec<Place> {
        let mut places = ascending(path, emitted);
        if self.0.is(PlantedFault::NewestFirst) {
            places.reverse();
        }
        if self.0.is(PlantedFault::DecidedAgain) {
            places.insert(0, decided);
        }
        places
    }

    pub(super) fn choose(&self, reports: &[Report]) -> Option<(Point, Vec<Link>)> {
        if self.0.is(PlantedFault::ChoiceIgnored) {
            return rules::start(reports).map(|start| (start, Vec::new()));
        }
        let highest = reports.iter().flat_map(|report| &report.prepared);
        let highest = highest.max_by_key(|prepared| (prepared.view, prepared.link.height)).copied();
        match highest.filter(|_| self.0.is(PlantedFault::OneCertificateForAll)) {
            None => rules::choose(reports),
            Some(highest) => {
                let (start, chosen) = rules::choose(reports)?;
                Some((start, chosen.into_iter().filter(|link| link.height <= highest.link.height).collect()))
            }
        }
    }
}
