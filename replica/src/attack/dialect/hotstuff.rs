//! How HotStuff's messages are lied about.

use super::{Change, Dialect, Signer, beside, misleading_answer, nothing};
use crate::attack::Chance;
use std::sync::Arc;
use witan_consensus::fetch::Fetch;
use witan_consensus::hotstuff::{Hello, HotStuff, Kind, Message, Proposal, Vote};
use witan_types::{BlockId, sha256};

impl Dialect for HotStuff {
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

    fn changed(
        message: &Message,
        change: Change<'_>,
        Signer { instance, key }: Signer<'_>,
    ) -> Option<Message> {
        let Message::Proposal(Proposal { block, justify, tc, .. }) = message else { return None };
        let other = Arc::new(change(block)?);
        Some(Message::Proposal(Proposal::sign(instance, key, other, justify.clone(), tc.clone())))
    }

    fn misleading(message: &Message, chance: &mut dyn Chance) -> Option<Message> {
        match message {
            Message::Hello(Hello { round, decided }) => Some(match chance.below(3) {
                0 => Message::Hello(Hello { round: 0, decided: 0 }),
                1 => Message::Hello(Hello { round: u64::MAX, decided: u64::MAX }),
                _ => Message::Hello(Hello { round: round.saturating_add(50), decided: decided / 2 }),
            }),
            Message::Blocks(blocks) => {
                Some(misleading_answer(blocks, chance).map_or_else(Message::Gone, Message::Blocks))
            }
            Message::Gone(height) => Some(Message::Gone(height.saturating_add(chance.below(1_000)))),
            Message::Fetch(_) => Some(Message::Fetch(Fetch { block: BlockId(nothing(chance)), above: 0 })),
            _ => None,
        }
    }
}
