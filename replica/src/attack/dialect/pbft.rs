//! How PBFT's messages are lied about.

use super::{Change, Dialect, Signer, beside, misleading_answer, nothing};
use crate::attack::Chance;
use std::sync::Arc;
use witan_consensus::fetch::Fetch;
use witan_consensus::pbft::{Hello, Kind, Message, Pbft, Point, PrePrepare, Prepare, ViewChange, Vote};
use witan_types::{BlockId, sha256};

impl Dialect for Pbft {
    fn is_proposal(message: &Message) -> bool {
        matches!(message, Message::PrePrepare(_))
    }

    fn conflicting(message: &Message, signer: Signer<'_>) -> Option<Message> {
        let Signer { instance, key } = signer;
        let vote = |kind, vote: &Vote| {
            let id = BlockId(sha256(&[b"another block", vote.block.id.0.as_bytes()]));
            Vote::sign(instance, key, kind, vote.view, Point { id, ..vote.block })
        };
        match message {
            Message::PrePrepare(PrePrepare { block, prepare }) => {
                let other = Arc::new(beside(block));
                Some(Message::PrePrepare(PrePrepare::sign(instance, key, prepare.view, other)))
            }
            Message::Prepare(one) => {
                Some(Message::Prepare(Prepare { vote: vote(Kind::Prepare, &one.vote), leader: None }))
            }
            Message::Commit(one) => Some(Message::Commit(vote(Kind::Commit, one))),
            Message::ViewChange(one) if !one.prepared.is_empty() => {
                let forgets = ViewChange::sign(instance, key, one.view, one.decided.clone(), Vec::new());
                Some(Message::ViewChange(forgets))
            }
            _ => None,
        }
    }

    fn changed(
        message: &Message,
        change: Change<'_>,
        Signer { instance, key }: Signer<'_>,
    ) -> Option<Message> {
        let Message::PrePrepare(PrePrepare { block, prepare }) = message else { return None };
        let other = Arc::new(change(block)?);
        Some(Message::PrePrepare(PrePrepare::sign(instance, key, prepare.view, other)))
    }

    fn misleading(message: &Message, chance: &mut dyn Chance) -> Option<Message> {
        match message {
            Message::Hello(Hello { view, decided }) => Some(match chance.below(3) {
                0 => Message::Hello(Hello { view: 0, decided: 0 }),
                1 => Message::Hello(Hello { view: u64::MAX, decided: u64::MAX }),
                _ => Message::Hello(Hello { view: view.saturating_add(50), decided: decided / 2 }),
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
