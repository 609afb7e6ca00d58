//! The rules as the engine asks them, and the mistakes that tests plant in them to prove that they would be found.

use super::rules::{self, Link, Point, Report, View};
use crate::planted::Planted;
use witan_types::{BlockId, Height};

/// A mistake planted at construction, by tests alone: each breaks agreement, and a test that lets it live is too weak.
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
}

/// [`rules`], unless a fault is planted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge(pub(super) Planted<PlantedFault>);

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

    pub(super) fn choose(&self, reports: &[Report]) -> Option<(Point, Vec<Link>)> {
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
