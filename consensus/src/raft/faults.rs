//! The rules as the engine asks them, and the mistakes that tests plant in them to prove that they would be found.

use super::rules::{self, Ballot, End, Term};
use crate::planted::Planted;
use witan_types::{Height, ValidatorIndex};

/// A mistake planted at construction, by tests alone: each breaks agreement or progress, and a test that lets it live is
/// too weak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlantedFault {
    /// An entry of an earlier term is called committed by counting who holds it (figure 8).
    CommitOlderTerm,
    /// A member votes twice in a term.
    VoteTwice,
    /// A ballot leaves without being on disk: after a crash the member votes again in the term.
    BallotWithoutRecord,
    /// An entry is acknowledged without being on disk.
    EntryWithoutRecord,
    /// A follower takes for committed what the leader has committed, whatever stands there in its own log.
    CommitUnmatched,
    /// An answer given in an earlier term counts in this one.
    OldAnswerCounts,
    /// A candidate is voted for whatever its log holds.
    OutdatedCandidate,
    /// A refused vote counts as given.
    RefusalCounts,
    /// Entries are taken without the one before them.
    AppendWithoutMatch,
    /// A leader goes on taking in what the last one sent.
    LeaderTakesIn,
    /// A member that hears no leader campaigns in the next term without asking who would vote for it.
    PreVoteSkipped,
    /// A member votes for whoever has a higher term, although it hears a leader.
    LeaderDisowned,
    /// A leader goes on although no quorum answers it.
    QuorumUnchecked,
    /// A committed entry is handed out again with the next one.
    DecidedAgain,
}

/// [`rules`], unless a fault is planted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge(pub(super) Planted<PlantedFault>);

impl Judge {
    pub(super) fn may_vote(
        &self,
        ballot: Ballot,
        own: End,
        term: Term,
        candidate: ValidatorIndex,
        end: End,
    ) -> bool {
        let vote = ballot.vote.filter(|_| !self.0.is(PlantedFault::VoteTwice));
        rules::may_vote(Ballot { vote, ..ballot }, self.own_end(own), term, candidate, end)
    }

    pub(super) fn would_vote(
        &self,
        ballot: Ballot,
        own: End,
        hears_leader: bool,
        term: Term,
        end: End,
    ) -> bool {
        rules::would_vote(ballot, self.own_end(own), hears_leader, term, end)
    }

    fn own_end(&self, own: End) -> End {
        if self.0.is(PlantedFault::OutdatedCandidate) { End::default() } else { own }
    }

    pub(super) fn is_vote(&self, granted: bool) -> bool {
        granted || self.0.is(PlantedFault::RefusalCounts)
    }

    pub(super) fn may_commit(&self, entry_term: Term, term: Term) -> bool {
        self.0.is(PlantedFault::CommitOlderTerm) || rules::may_commit(entry_term, term)
    }

    /// How far a follower's log is the leader's, of a log that ends at `last`.
    pub(super) fn agreed(&self, verified: Height, last: Height) -> Height {
        if self.0.is(PlantedFault::CommitUnmatched) { last } else { verified.min(last) }
    }

    pub(super) fn is_current(&self, answered: Term, term: Term) -> bool {
        answered == term || self.0.is(PlantedFault::OldAnswerCounts)
    }

    pub(super) fn ballot_is_saved(&self) -> bool {
        !self.0.is(PlantedFault::BallotWithoutRecord)
    }

    pub(super) fn entry_is_saved(&self) -> bool {
        !self.0.is(PlantedFault::EntryWithoutRecord)
    }

    pub(super) fn matches(&self, is_known: bool) -> bool {
        is_known || self.0.is(PlantedFault::AppendWithoutMatch)
    }

    pub(super) fn candidate_forgets(&self) -> bool {
        !self.0.is(PlantedFault::LeaderTakesIn)
    }

    pub(super) fn asks_first(&self) -> bool {
        !self.0.is(PlantedFault::PreVoteSkipped)
    }

    pub(super) fn keeps_leader(&self) -> bool {
        !self.0.is(PlantedFault::LeaderDisowned)
    }

    pub(super) fn checks_quorum(&self) -> bool {
        !self.0.is(PlantedFault::QuorumUnchecked)
    }

    /// The first height to hand out, of a log handed out up to `emitted` and committed up to `commit`.
    pub(super) fn first_undecided(&self, emitted: Height, commit: Height) -> Height {
        if self.0.is(PlantedFault::DecidedAgain) && commit > emitted {
            emitted
        } else {
            emitted.saturating_add(1)
        }
    }

    pub(super) fn may_replace(&self, height: Height, commit: Height) -> bool {
        rules::may_replace(height, commit)
    }
}
