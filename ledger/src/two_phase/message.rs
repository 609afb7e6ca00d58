//! What groups say to each other: those of a transaction, and the root group to all others.

use crate::configuration::ParametersRecord;
use crate::value::{FailureReason, Read};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::envelope::MAX_MESSAGE_BYTES;
use witan_types::transaction::MAX_OPS;
use witan_types::{SignedTransaction, TxId, Wire};

/// One message in a channel. Those of a transaction name the attempt they are about.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// From the coordinator: check, lock, and vote.
    Prepare {
        /// Which attempt, from 1.
        attempt: u64,
        /// Block time of the transaction's first execution at the coordinator; Unix milliseconds.
        since_ms: u64,
        /// The transaction, with its signer's signature.
        transaction: SignedTransaction,
    },
    /// From a participant: whether its part can be applied.
    Vote {
        /// Which transaction.
        id: TxId,
        /// Which attempt.
        attempt: u64,
        /// Its answer.
        answer: Answer,
    },
    /// From the coordinator: how the attempt ended.
    Decision {
        /// Which transaction.
        id: TxId,
        /// Which attempt.
        attempt: u64,
        /// How it ended.
        verdict: Verdict,
    },
    /// From the root group: go by these parameters from the next block on.
    Configure(ParametersRecord),
}

impl Wire for Message {
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

/// What a participant answers.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Answer {
    /// Checked and locked until the decision.
    Yes {
        /// What the gets of its part return, in order.
        #[borsh(deserialize_with = "bounded::<MAX_OPS, _, _>")]
        reads: Vec<Read>,
    },
    /// Nothing is held here.
    No {
        /// Why.
        refusal: Refusal,
    },
}

/// Why a participant votes no.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Refusal {
    /// A lock or a claim stands in the way: a later attempt may go through.
    Conflict,
    /// Its part would fail.
    Failed(FailureReason),
    /// There is no room for it now, or it is asked at a wrong time: a later attempt may go through.
    Full,
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Verdict {
    /// All voted yes: apply, and release.
    Commit,
    /// Release; another attempt may follow.
    Abort,
    /// Release; no attempt follows, so the transaction claims nothing any more.
    GiveUp,
    /// Another transaction stood in the way of this one in some group. Release, and claim what was locked: the next attempt
    /// follows soon, and is not to meet younger ones here.
    StepBack,
}

impl Verdict {
    /// Whether the coordinator may ask for another attempt.
    pub(crate) fn may_be_followed(self) -> bool {
        matches!(self, Verdict::Abort | Verdict::StepBack)
    }
}
