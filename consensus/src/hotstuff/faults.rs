//! The rules as the engine asks them, and the mistakes that tests plant in them to prove that they would be found.

use super::certificate::{QuorumCertificate, Round};
use super::message::Message;
use super::rules::{self, Lapse, Link, Promises};
use super::state::SafetyState;
use crate::engine::Rejected;
use crate::planted::Planted;
use crate::tree::{Place, ascending};
use witan_types::{BlockId, Height};

/// A mistake planted at construction, by tests alone: each breaks agreement or progress, and a test that lets it live is
/// too weak.
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
    /// A vote leaves without being on disk: after a crash the validator votes again in its round.
    VoteWithoutRecord,
    /// A second vote is cast in a round after a crash: one round too few is remembered.
    VoteTwice,
    /// A time-out reports less than the certificate that an order vote promised to report.
    TimeoutBelowLock,
    /// The round of a quorum certificate is not part of what its votes signed.
    RoundUnbound,
    /// The certificate that a time-out reports is not checked, neither in it nor in a time-out certificate.
    HighestUnchecked,
    /// A message's round is believed whatever its certificates open.
    GroundsUnchecked,
    /// A time-out certificate opens a round and tells nothing of the block to extend.
    HighestNotLearnt,
    /// A proposal that extends an older round is not voted for, whatever its time-out certificate proves.
    LapseIgnored,
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
            other => other.filter(|_| !self.0.is(PlantedFault::LapseIgnored)),
        };
        rules::may_vote(promises, round, justify, lapse)
    }

    /// What is remembered of a state that was on disk.
    pub(super) fn remembered(&self, mut state: SafetyState) -> SafetyState {
        if self.0.is(PlantedFault::VoteTwice) {
            state.promises.last_voted_round = state.promises.last_voted_round.saturating_sub(1);
        }
        state
    }

    pub(super) fn may_order_vote(&self, promises: &Promises, round: Round) -> bool {
        self.0.is(PlantedFault::OrderVoteAfterTimeout) || rules::may_order_vote(promises, round)
    }

    /// Whether what is said goes to disk first.
    pub(super) fn is_saved(&self, said: &Message) -> bool {
        match said {
            Message::Vote(_) => !self.0.is(PlantedFault::VoteWithoutRecord),
            Message::OrderVote(_) => !self.0.is(PlantedFault::OrderVoteWithoutLock),
            _ => true,
        }
    }

    /// The certificate that a time-out of the current round reports.
    pub(super) fn reported(&self, state: &SafetyState, base: BlockId) -> QuorumCertificate {
        if self.0.is(PlantedFault::TimeoutBelowLock) && state.opening_tc().is_some() {
            QuorumCertificate::of_base(base)
        } else {
            state.high_qc.clone()
        }
    }

    pub(super) fn may_time_out(
        &self,
        promises: &Promises,
        round: Round,
        high_qc_round: Round,
        tc_round: Option<Round>,
    ) -> bool {
        let forgets = self.0.is(PlantedFault::TimeoutBelowLock);
        let one_chain_round = if forgets { 0 } else { promises.one_chain_round };
        rules::may_time_out(&Promises { one_chain_round, ..*promises }, round, high_qc_round, tc_round)
    }

    /// Whether a certificate's signatures are on `round`, by a check of any one round.
    pub(super) fn signed_round(
        &self,
        round: Round,
        check: impl Fn(Round) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        let unbound = self.0.is(PlantedFault::RoundUnbound) && (1..round).any(|other| check(other).is_ok());
        if unbound { Ok(()) } else { check(round) }
    }

    pub(super) fn checks_highest(&self) -> bool {
        !self.0.is(PlantedFault::HighestUnchecked)
    }

    pub(super) fn checks_grounds(&self) -> bool {
        !self.0.is(PlantedFault::GroundsUnchecked)
    }

    pub(super) fn learns_highest(&self) -> bool {
        !self.0.is(PlantedFault::HighestNotLearnt)
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

    pub(super) fn is_final(&self, parent: &Link, child: &Link) -> bool {
        let linked = child.parent == parent.id;
        (self.0.is(PlantedFault::CommitAcrossGap) && linked) || rules::is_final(parent, child)
    }
}
