//! The safety predicates of Raft, alone: who may be voted for, what may be replaced, what is committed. Everything rests
//! on these few lines and on ballots and entries being on disk before what they allow leaves.
//!
//! Sources: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (USENIX ATC 2014, extended
//! version), sections 5.2 to 5.4, and Ongaro's thesis (Stanford 2014), sections 3.10 (hand-over), 6.2 (check-quorum) and
//! 9.6 (pre-vote).

use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::{Height, ValidatorIndex};

/// A Raft term; the first is 1. The epoch's base block counts as of term 0.
pub type Term = u64;

/// Where a log ends. The one of the later term is ahead, and of two of one term the longer (section 5.4.1): the derived
/// order says just that.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, BorshSerialize, BorshDeserialize,
)]
pub struct End {
    /// The term of its last entry.
    pub term: Term,
    /// The height of its last entry.
    pub height: Height,
}

/// The newest term known and the vote given in it: one value, written whole (figure 2, "Persistent state").
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Ballot {
    /// The term.
    pub term: Term,
    /// For whom this member voted in it.
    pub vote: Option<ValidatorIndex>,
}

/// Whether a candidate's log holds at least what one's own does, so that it may hold everything committed
/// (section 5.4.1).
pub fn is_up_to_date(candidate: End, own: End) -> bool {
    candidate >= own
}

/// Whether to vote for a candidate: once a term, and only if its log is up to date (figure 2, "RequestVote").
pub fn may_vote(ballot: Ballot, own: End, term: Term, candidate: ValidatorIndex, candidate_end: End) -> bool {
    let is_free = match ballot.vote {
        Some(given) if term == ballot.term => given == candidate,
        _ => term >= ballot.term,
    };
    is_free && is_up_to_date(candidate_end, own)
}

/// Whether to tell somebody who asks before an election that it would get the vote: not while a leader is heard, and
/// only if it would be voted for in the term it asks for (thesis, section 9.6). It promises nothing.
pub fn would_vote(ballot: Ballot, own: End, hears_leader: bool, term: Term, candidate_end: End) -> bool {
    !hears_leader && term > ballot.term && is_up_to_date(candidate_end, own)
}

/// The highest height that a quorum holds, by what each member is known to hold (figure 2, "Rules for Servers", leaders).
/// `None` with fewer members than a quorum.
pub fn held_by_quorum(matched: &[Height], quorum: usize) -> Option<Height> {
    let mut descending = matched.to_vec();
    descending.sort_unstable_by(|a, b| b.cmp(a));
    quorum.checked_sub(1).and_then(|place| descending.get(place)).copied()
}

/// Whether a leader of `term` may call an entry committed that a quorum holds: only one of its own term, which commits all
/// before it. One of an earlier term may still be replaced, whoever holds it (section 5.4.2, figure 8).
pub fn may_commit(entry_term: Term, term: Term) -> bool {
    entry_term == term
}

/// Whether entries from `height` on may be replaced by a leader's: never what is committed (section 5.3).
pub fn may_replace(height: Height, commit: Height) -> bool {
    height > commit
}

#[cfg(test)]
mod tests;
