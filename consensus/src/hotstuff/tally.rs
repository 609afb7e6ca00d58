//! Counting: one signature a signer and round, and the proof against whoever gives two.

use super::certificate::{QuorumCertificate, Round, TimeoutCertificate};
use super::message::{Timeout, Vote};
use std::collections::BTreeMap;
use witan_types::{BlockId, QuorumSignatures, Signature, ValidatorIndex};

/// How many rounds before and after the current one are counted. Beyond, votes are dropped: certificates, which
/// members send again, carry whoever is further behind.
pub const ROUND_WINDOW: Round = 64;

/// What became of a vote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Counted {
    /// Counted.
    New,
    /// Counted before: its author may lack something.
    Again,
    /// Its author voted for another block in that round.
    Conflicts(Vote),
    /// Too far from the current round.
    OutOfWindow,
}

/// Whether `round` is near enough to the current one to be counted.
pub(super) fn in_window(round: Round, current: Round) -> bool {
    round.abs_diff(current) <= ROUND_WINDOW
}

/// Votes of one kind, by round and author.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    rounds: BTreeMap<Round, BTreeMap<ValidatorIndex, Vote>>,
}

impl Votes {
    pub(super) fn add(&mut self, current: Round, from: ValidatorIndex, vote: &Vote) -> Counted {
        if !in_window(vote.round, current) {
            return Counted::OutOfWindow;
        }
        let authors = self.rounds.entry(vote.round).or_default();
        match authors.get(&from) {
            None => {
                authors.insert(from, vote.clone());
                Counted::New
            }
            Some(earlier) if earlier.block == vote.block => Counted::Again,
            Some(earlier) => Counted::Conflicts(earlier.clone()),
        }
    }

    /// The signatures for a block, if a quorum gave them.
    pub(super) fn certify(&self, round: Round, block: BlockId, quorum: usize) -> Option<QuorumSignatures> {
        let authors = self.rounds.get(&round)?;
        let for_block = || authors.iter().filter(|(_, vote)| vote.block == block);
        (for_block().count() >= quorum)
            .then(|| QuorumSignatures::collect(for_block().map(|(from, vote)| (*from, vote.signature))))
    }

    /// The votes of `from` in rounds up to `round`, newest first.
    pub(super) fn up_to(&self, round: Round, from: ValidatorIndex) -> impl Iterator<Item = &Vote> {
        self.rounds.range(..=round).rev().filter_map(move |(_, authors)| authors.get(&from))
    }

    pub(super) fn forget_before(&mut self, round: Round) {
        self.rounds = self.rounds.split_off(&round);
    }
}

/// What a time-out's author signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct GivenUp {
    pub(super) round: Round,
    pub(super) high_round: Round,
    pub(super) signature: Signature,
}

/// The time-outs of one round, and the highest certificate among theirs.
#[derive(Clone, Debug)]
struct RoundTimeouts {
    high_qc: QuorumCertificate,
    authors: BTreeMap<ValidatorIndex, GivenUp>,
}

/// Time-outs, by round and author.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeouts {
    rounds: BTreeMap<Round, RoundTimeouts>,
}

impl Timeouts {
    /// Counts a time-out; a second one of its author in that round is ignored. Says whether it was new.
    pub(super) fn add(&mut self, current: Round, from: ValidatorIndex, timeout: &Timeout) -> bool {
        if !in_window(timeout.round, current) {
            return false;
        }
        let in_round = self
            .rounds
            .entry(timeout.round)
            .or_insert_with(|| RoundTimeouts { high_qc: timeout.high_qc.clone(), authors: BTreeMap::new() });
        if in_round.authors.contains_key(&from) {
            return false;
        }
        if timeout.high_qc.round > in_round.high_qc.round {
            in_round.high_qc = timeout.high_qc.clone();
        }
        let given_up =
            GivenUp { round: timeout.round, high_round: timeout.high_qc.round, signature: timeout.signature };
        in_round.authors.insert(from, given_up);
        true
    }

    /// Who gave the round up.
    pub(super) fn authors(&self, round: Round) -> Vec<ValidatorIndex> {
        self.rounds.get(&round).map_or_else(Vec::new, |in_round| in_round.authors.keys().copied().collect())
    }

    /// The round's certificate, if a quorum gave it up.
    pub(super) fn certify(&self, round: Round, quorum: usize) -> Option<TimeoutCertificate> {
        let in_round = self.rounds.get(&round).filter(|in_round| in_round.authors.len() >= quorum)?;
        let signatures = in_round.authors.iter().map(|(from, given_up)| (*from, given_up.signature));
        Some(TimeoutCertificate {
            round,
            high_qc: in_round.high_qc.clone(),
            high_rounds: in_round.authors.values().map(|given_up| given_up.high_round).collect(),
            signatures: QuorumSignatures::collect(signatures),
        })
    }

    /// The time-outs of `from` in rounds from `round` on.
    pub(super) fn at_or_above(&self, round: Round, from: ValidatorIndex) -> impl Iterator<Item = &GivenUp> {
        self.rounds.range(round..).filter_map(move |(_, in_round)| in_round.authors.get(&from))
    }

    pub(super) fn forget_before(&mut self, round: Round) {
        self.rounds = self.rounds.split_off(&round);
    }
}
