//! HotStuff in the simulator.

use super::{Dialect, Signer, beside, misleading_answer, nothing};
use crate::sim::random::Random;
use std::sync::Arc;
use witan_consensus::fetch::Fetch;
use witan_consensus::hotstuff::{Hello, HotStuff, Kind, Message, Proposal, Record, SafetyState, Vote};
use witan_types::{BlockId, sha256};

impl Dialect for HotStuff {
    /// Everything signed so far is one record.
    type Promises = Option<Box<SafetyState>>;

    fn remember(promises: &mut Self::Promises, record: Record) {
        if let Record::Safety(state) = record {
            *promises = Some(state);
        }
    }

    fn rests_on(promises: &Self::Promises, message: &Message) -> bool {
        let state = promises.as_deref();
        let at_least = |newest: Option<(u64, bool)>, round: u64| {
            newest.is_some_and(|(recorded, same)| recorded > round || (recorded == round && same))
        };
        match message {
            Message::Vote(vote) => {
                let last = state.and_then(|state| state.last_vote.as_ref());
                at_least(last.map(|last| (last.round, last == vote)), vote.round)
            }
            Message::OrderVote(vote) => {
                let last = state.and_then(|state| state.last_order_vote.as_ref());
                at_least(last.map(|last| (last.round, last == vote)), vote.round)
            }
            Message::Timeout(timeout) => {
                let last = state.and_then(|state| state.last_timeout.as_ref());
                at_least(last.map(|last| (last.round, true)), timeout.round)
            }
            Message::Proposal(proposal) => {
                let last = state.and_then(|state| state.last_proposed.as_ref());
                let same = last.is_some_and(|last| last.block == proposal.block.id());
                at_least(last.map(|last| (last.round, same)), proposal.round())
            }
            Message::Certificates(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Blocks(_)
            | Message::Gone(_) => true,
        }
    }

    fn is_proposal(message: &Message) -> bool {
        matches!(message, Message::Proposal(_))
    }

    fn conflicting(message: &Message, signer: Signer<'_>) -> Option<Message> {
        let Signer { instance, key } = signer;
        let vote = |kind, vote: &Vote| {
            let other = BlockId(sha256(&[b"another block", vote.block.0.as_bytes()]));
            Vote::sign(instance, key, kind, vote.round, other)
        };
        match message {
            Message::Proposal(Proposal { block, justify, tc, .. }) => {
                let other = Arc::new(beside(block));
                let proposal = Proposal::sign(instance, key, other, justify.clone(), tc.clone());
                Some(Message::Proposal(proposal))
            }
            Message::Vote(one) => Some(Message::Vote(vote(Kind::Vote, one))),
            Message::OrderVote(one) => Some(Message::OrderVote(vote(Kind::OrderVote, one))),
            _ => None,
        }
    }

    fn misleading(message: &Message, random: &mut Random) -> Option<Message> {
        match message {
            Message::Hello(Hello { round, decided }) => Some(match random.below(3) {
                0 => Message::Hello(Hello { round: 0, decided: 0 }),
                1 => Message::Hello(Hello { round: u64::MAX, decided: u64::MAX }),
                _ => Message::Hello(Hello { round: round.saturating_add(50), decided: decided / 2 }),
            }),
            Message::Blocks(blocks) => {
                Some(misleading_answer(blocks, random).map_or_else(Message::Gone, Message::Blocks))
            }
            Message::Gone(height) => Some(Message::Gone(height.saturating_add(random.below(1_000)))),
            Message::Fetch(_) => Some(Message::Fetch(Fetch { block: BlockId(nothing(random)), above: 0 })),
            _ => None,
        }
    }
}
