//! The safety predicates of HotStuff, alone: what a validator may sign, and what is final. Everything rests on these
//! few lines and on the promises being on disk before what they allow leaves.
//!
//! Sources: Jolteon (Gelashvili et al., "Jolteon and Ditto", FC 2022, figure 2) for votes, time-outs and the
//! two-chain rule; AIP-89 of the Aptos project for order votes.

use super::certificate::Round;
use crate::tree::Place;
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::BlockId;

/// What a validator has promised by signing. Every part only ever grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Promises {
    /// It votes in no round up to this one again.
    pub last_voted_round: Round,
    /// It helps no round to end by time-out with a lower certificate than of this round: its lock.
    pub one_chain_round: Round,
    /// It casts no order vote for a block of a round up to this one.
    pub highest_timeout_round: Round,
}

/// What the rules read of a time-out certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lapse {
    /// The round given up.
    pub round: Round,
    /// The round of the highest quorum certificate among its signers'.
    pub high_qc_round: Round,
}

/// Whether `next` is the round right after `round`.
pub fn follows(next: Round, round: Round) -> bool {
    round.checked_add(1) == Some(next)
}

/// Whether a proposal of `round`, extending a block certified in `justify_round`, may be voted for: once a round, and
/// only if its parent is certified in the round before, or is at least as high as anything a quorum that gave that
/// round up had seen (Jolteon, figure 2, "Vote").
pub fn may_vote(promises: &Promises, round: Round, justify_round: Round, lapse: Option<Lapse>) -> bool {
    let extends_last_round = follows(round, justify_round);
    let extends_highest =
        lapse.is_some_and(|lapse| follows(round, lapse.round) && justify_round >= lapse.high_qc_round);
    round > promises.last_voted_round && (extends_last_round || extends_highest)
}

/// What a vote promises.
pub fn after_vote(promises: Promises, round: Round, justify_round: Round) -> Promises {
    Promises {
        last_voted_round: promises.last_voted_round.max(round),
        one_chain_round: promises.one_chain_round.max(justify_round),
        ..promises
    }
}

/// Whether an order vote for a block certified in `round` may be cast: not after giving up that round or a later one,
/// for the time-out may have told a quorum of a lower certificate (AIP-89, "safety rules").
pub fn may_order_vote(promises: &Promises, round: Round) -> bool {
    round > promises.highest_timeout_round
}

/// What an order vote promises: every later time-out reports at least this certificate, so that no quorum can go on
/// from below it. That it also ends voting up to `round` is defence in depth.
pub fn after_order_vote(promises: Promises, round: Round) -> Promises {
    Promises {
        last_voted_round: promises.last_voted_round.max(round),
        one_chain_round: promises.one_chain_round.max(round),
        ..promises
    }
}

/// Whether `round` may be given up while reporting `high_qc_round`: only the round one is in by certificate, never
/// below what was promised (Jolteon, figure 2, "Timeout").
pub fn may_time_out(
    promises: &Promises,
    round: Round,
    high_qc_round: Round,
    tc_round: Option<Round>,
) -> bool {
    let entered = follows(round, high_qc_round) || tc_round.is_some_and(|tc_round| follows(round, tc_round));
    let keeps_lock = promises.one_chain_round <= high_qc_round && high_qc_round < round;
    entered && keeps_lock && round >= promises.last_voted_round
}

/// What a time-out promises.
pub fn after_timeout(promises: Promises, round: Round) -> Promises {
    Promises {
        last_voted_round: promises.last_voted_round.max(round),
        highest_timeout_round: promises.highest_timeout_round.max(round),
        ..promises
    }
}

/// A block as the commit rule reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// The block.
    pub id: BlockId,
    /// Its parent.
    pub parent: BlockId,
    /// Its round.
    pub round: Round,
}

impl Link {
    pub(super) fn of(place: &Place) -> Link {
        Link { id: place.id, parent: place.parent, round: place.tag }
    }
}

/// Whether the certified block `child` makes `parent` final: it is its parent, and their rounds are contiguous
/// (Jolteon, figure 2, "Commit"). With a gap between them, a quorum may have gone on from another block in between.
pub fn is_final(parent: &Link, child: &Link) -> bool {
    child.parent == parent.id && follows(child.round, parent.round)
}

#[cfg(test)]
mod tests;
