//! What the groups of a transaction remember of it.

use super::message::Verdict;
use crate::value::{AbortReason, Read};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::genesis::MAX_GROUPS;
use witan_types::transaction::{MAX_OPS, MAX_TRANSACTION_BYTES};
use witan_types::{GroupId, Height, SignedTransaction, Wire};

/// How far a transaction has come at its coordinator.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum CoordinatorStage {
    /// Its keys here are locked, and the votes of the others are awaited.
    Preparing {
        /// Block time of the start of this attempt; Unix milliseconds.
        taken_at_ms: u64,
        /// The attempt is given up in blocks of this time or later; Unix milliseconds.
        deadline_ms: u64,
        /// Who voted yes, and what it read.
        #[borsh(deserialize_with = "bounded::<MAX_GROUPS, _, _>")]
        votes: Vec<Vote>,
    },
    /// The next attempt is made later.
    Waiting {
        /// At this block time; Unix milliseconds.
        until_ms: u64,
        /// Why the last attempt ended, and so will the transaction if it expires before it comes through.
        because: AbortReason,
    },
}

/// A participant's yes.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Whose.
    pub group: GroupId,
    /// What the gets of its part return, in order.
    #[borsh(deserialize_with = "bounded::<MAX_OPS, _, _>")]
    pub reads: Vec<Read>,
}

/// A transaction that is pending at its coordinator.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Coordinated {
    /// The newest attempt, from 1.
    pub attempt: u64,
    /// Block time of its first execution; Unix milliseconds.
    pub since_ms: u64,
    /// The block of its first execution.
    pub since_height: Height,
    /// The other groups, ascending.
    #[borsh(deserialize_with = "bounded::<MAX_GROUPS, _, _>")]
    pub participants: Vec<GroupId>,
    /// How far it has come.
    pub stage: CoordinatorStage,
    /// The transaction.
    pub transaction: SignedTransaction,
}

impl Coordinated {
    /// The block time from which something is due; at once if every vote is there.
    pub(crate) fn due_ms(&self) -> u64 {
        match &self.stage {
            CoordinatorStage::Preparing { votes, .. } if votes.len() == self.participants.len() => 0,
            CoordinatorStage::Preparing { deadline_ms, .. } => *deadline_ms,
            CoordinatorStage::Waiting { until_ms, .. } => *until_ms,
        }
    }
}

impl Wire for Coordinated {
    const MAX_BYTES: usize = crate::value::MAX_RECORD_BYTES;
}

/// How far a transaction has come at a participant.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum ParticipantStage {
    /// Voted yes: its keys here are locked until the coordinator decides, however long that takes.
    Prepared {
        /// Block time of the vote; Unix milliseconds.
        taken_at_ms: u64,
        /// The transaction.
        transaction: SignedTransaction,
    },
    /// Voted no.
    Refused,
    /// The coordinator decided, and this block obeyed.
    Decided {
        /// How.
        verdict: Verdict,
        /// In which block.
        height: Height,
    },
}

/// A transaction at a participant.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Participated {
    /// Who coordinates.
    pub coordinator: GroupId,
    /// The newest attempt that was asked for.
    pub attempt: u64,
    /// The block that voted in it.
    pub voted_at: Height,
    /// Forgotten in blocks above this time, unless a decision is awaited; Unix milliseconds.
    pub keep_until_ms: u64,
    /// How far it has come.
    pub stage: ParticipantStage,
}

impl Participated {
    /// Whether its coordinator may ask for another attempt: not while one is undecided, and not after the end.
    pub(crate) fn may_be_asked_again(&self) -> bool {
        match self.stage {
            ParticipantStage::Refused | ParticipantStage::Decided { verdict: Verdict::Abort, .. } => true,
            ParticipantStage::Prepared { .. } | ParticipantStage::Decided { .. } => false,
        }
    }
}

impl Wire for Participated {
    const MAX_BYTES: usize = MAX_TRANSACTION_BYTES + 128;
}
