//! The rules as the engine asks them, and the mistakes that tests plant in them to prove that they would be found.

use super::certificate::Round;
use super::rules::{self, Lapse, Link, Promises};
use crate::planted::Planted;

/// A mistake planted at construction, by tests alone: each breaks agreement, and a test that lets it live is too weak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlantedFault {
    /// An order vote leaves without its promise on disk: after a crash the validator reports a lower certificate.
    OrderVoteWithoutLock,
    /// An order vote is cast for a block of a round that the validator gave up.
    OrderVoteAfterTimeout,
    /// A vote is cast for a proposal that extends less than its time-out certificate reports.
    TimeoutMaximumIgnored,
    /// A certified child makes its parent final across a gap of rounds.
    CommitAcrossGap,
}

/// [`rules`], unless a fault is planted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge(pub(super) Planted<PlantedFault>);

impl Judge {
    pub(super) fn may_vote(
        &self,
        promises: &Promises,
        round: Round,
        justify: Round,
        lapse: Option<Lapse>,
    ) -> bool {
        let lapse = match lapse {
            Some(lapse) if self.0.is(PlantedFault::TimeoutMaximumIgnored) => {
                Some(Lapse { high_qc_round: 0, ..lapse })
            }
            other => other,
        };
        rules::may_vote(promises, round, justify, lapse)
    }

    pub(super) fn may_order_vote(&self, promises: &Promises, round: Round) -> bool {
        self.0.is(PlantedFault::OrderVoteAfterTimeout) || rules::may_order_vote(promises, round)
    }

    pub(super) fn order_vote_is_saved(&self) -> bool {
        !self.0.is(PlantedFault::OrderVoteWithoutLock)
    }

    pub(super) fn is_final(&self, parent: &Link, child: &Link) -> bool {
        let linked = child.parent == parent.id;
        (self.0.is(PlantedFault::CommitAcrossGap) && linked) || rules::is_final(parent, child)
    }
}
