//! Who leads a round: each member in turn, but whoever keeps failing is skipped.
//!
//! What counts is the chain that a proposal extends, and nothing else: the members who made none of its last blocks are
//! skipped, if they are no more than may be faulty. So whoever holds a proposal's parent knows whether its author may lead,
//! however far it has decided, and no two members that hold it ever differ. One in [`TRIAL_TURNS`] of a member's turns is
//! its own whatever the chain shows: there a member that came back shows itself, and there all agree on the leader who
//! agree on nothing else, which is what progress rests on. Safety rests on none of it.
//!
//! The idea is that of DiemBFT v4 ("State Machine Replication in the Diem Blockchain", 2021, section 4.4), which draws
//! leaders from who voted in the blocks committed last; here nobody leads less than in turn unless it failed in turn.

use super::HotStuff;
use super::certificate::Round;
use crate::engine::PROPOSERS_A_MEMBER;
use std::collections::VecDeque;
use witan_types::{BlockId, Committee, Header, SignerSet, ValidatorIndex};

/// One in so many turns of a member is its own, skipped or not. Members have theirs at different times.
pub const TRIAL_TURNS: u64 = 16;

/// The member whose turn a round is, in a committee of `size`.
pub fn home_of(round: Round, size: usize) -> ValidatorIndex {
    place(round, 0, size_of(size))
}

/// Those who may lead a round, best first: the member whose turn it is, then as many others as may be skipped, beginning
/// with another one each time.
pub fn candidates(round: Round, committee: &Committee) -> impl Iterator<Item = ValidatorIndex> + use<> {
    let size = size_of(committee.size());
    let turn = round / size;
    let is_trial = turn.wrapping_add(round % size).is_multiple_of(TRIAL_TURNS);
    let others = if is_trial { 0 } else { committee.max_faulty() };
    let nth_other = move |nth: u64| {
        let ahead = turn.wrapping_add(nth).checked_rem(size.saturating_sub(1)).unwrap_or_default();
        place(round, ahead.saturating_add(1), size)
    };
    std::iter::once(place(round, 0, size)).chain((0..).take(others).map(nth_other))
}

/// Those who are skipped in rounds that extend a chain made by `proposers`, newest first: who made none of the last
/// [`PROPOSERS_A_MEMBER`] blocks a member. Nobody, while the epoch is younger; nobody either, if they are more than the
/// faulty can be, since then it can't be their fault.
pub fn skipped(committee: &Committee, proposers: impl Iterator<Item = ValidatorIndex>) -> SignerSet {
    let span = span_of(committee);
    let (mut active, mut seen) = (SignerSet::default(), 0_usize);
    for proposer in proposers.take(span) {
        active.insert(proposer);
        seen = seen.saturating_add(1);
    }
    let mut absent = SignerSet::default();
    for member in committee.validators().filter(|member| !active.contains(*member)) {
        absent.insert(member);
    }
    let counts = seen == span && absent.count() <= committee.max_faulty();
    if counts { absent } else { SignerSet::default() }
}

/// The leader of a round whose block extends a chain made by `proposers`, newest first.
pub fn leader_of(
    round: Round,
    committee: &Committee,
    proposers: impl Iterator<Item = ValidatorIndex>,
) -> ValidatorIndex {
    let skipped = skipped(committee, proposers);
    let mut able = candidates(round, committee).filter(|candidate| !skipped.contains(*candidate));
    // In a trial the only candidate leads; else there is one more than can be skipped.
    able.next().unwrap_or_else(|| home_of(round, committee.size()))
}

fn size_of(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX).max(1)
}

/// The member so many places after the one whose turn the round is.
fn place(round: Round, ahead: u64, size: u64) -> ValidatorIndex {
    let at = (round % size).saturating_add(ahead) % size;
    ValidatorIndex(u16::try_from(at).unwrap_or_default())
}

/// How many blocks of a chain are looked at.
fn span_of(committee: &Committee) -> usize {
    committee.size().saturating_mul(PROPOSERS_A_MEMBER)
}

/// Who made the newest stable block and those below it, newest first: as many as are looked at.
#[derive(Clone, Debug)]
pub(super) struct Past {
    proposers: VecDeque<ValidatorIndex>,
    span: usize,
}

impl Past {
    pub(super) fn new(committee: &Committee, proposers: &[ValidatorIndex]) -> Past {
        let span = span_of(committee);
        Past { proposers: proposers.iter().take(span).copied().collect(), span }
    }

    /// Takes the next stable block. One that is not the child of the last tells of blocks that this member never saw: it
    /// goes on as if the epoch were young.
    pub(super) fn push(&mut self, header: &Header, last: BlockId) {
        if header.parent != last {
            self.proposers.clear();
        }
        self.proposers.push_front(header.proposer);
        self.proposers.truncate(self.span);
    }
}

impl HotStuff {
    /// The leader of a round whose block extends `parent`; none, if that is not held.
    pub(super) fn leader_above(&self, parent: BlockId, round: Round) -> Option<ValidatorIndex> {
        self.tree.place(parent)?;
        let above = self.tree.path_down(parent, self.tree.root().height);
        let above = above.iter().map(|place| place.proposer);
        Some(leader_of(round, &self.setup.committee, above.chain(self.past.proposers.iter().copied())))
    }

    /// Who is to lead a round as things stand here: above the highest certified block, or in turn while that is missing.
    pub(super) fn leader(&self, round: Round) -> ValidatorIndex {
        let leader = self.leader_above(self.state.high_qc.block, round);
        leader.unwrap_or_else(|| home_of(round, self.setup.committee.size()))
    }
}

#[cfg(test)]
mod tests;
