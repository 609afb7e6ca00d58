//! PBFT in the simulator.

use super::{Dialect, Signer, beside, misleading_answer, nothing};
use crate::sim::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use witan_consensus::fetch::Fetch;
use witan_consensus::pbft::{
    Commit, Hello, Kind, Message, Pbft, Point, PrePrepare, Prepare, Record, View, ViewChange, Vote,
};
use witan_types::{BlockId, Height, sha256};

/// What one disk ever held, by view and height.
#[derive(Debug, Default)]
pub(in crate::sim) struct Given {
    prepares: BTreeMap<(View, Height), BlockId>,
    commits: BTreeMap<(View, Height), BlockId>,
    view_changes: BTreeSet<View>,
    new_views: BTreeSet<View>,
}

impl Dialect for Pbft {
    type Promises = Given;

    fn remember(given: &mut Given, record: Record) {
        let place = |vote: &Vote| ((vote.view, vote.block.height), vote.block.id);
        match record {
            Record::Prepare(Prepare { vote, .. }) => given.prepares.extend([place(&vote)]),
            Record::Commit(Commit { vote, .. }) => given.commits.extend([place(&vote)]),
            Record::ViewChange(change) => given.view_changes.extend([change.view]),
            Record::NewView(new_view) => given.new_views.extend([new_view.view]),
            Record::Block(_) => {}
        }
    }

    fn rests_on(given: &Given, message: &Message) -> bool {
        let holds = |given: &BTreeMap<(View, Height), BlockId>, vote: &Vote| {
            given.get(&(vote.view, vote.block.height)) == Some(&vote.block.id)
        };
        match message {
            Message::PrePrepare(PrePrepare { prepare, .. }) => holds(&given.prepares, prepare),
            Message::Prepare(Prepare { vote, .. }) => holds(&given.prepares, vote),
            Message::Commit(vote) => holds(&given.commits, vote),
            Message::ViewChange(change) => given.view_changes.contains(&change.view),
            Message::NewView(new_view) => given.new_views.contains(&new_view.view),
            Message::Final(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Blocks(_)
            | Message::Gone(_) => true,
        }
    }

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

    fn misleading(message: &Message, random: &mut Random) -> Option<Message> {
        match message {
            Message::Hello(Hello { view, decided }) => Some(match random.below(3) {
                0 => Message::Hello(Hello { view: 0, decided: 0 }),
                1 => Message::Hello(Hello { view: u64::MAX, decided: u64::MAX }),
                _ => Message::Hello(Hello { view: view.saturating_add(50), decided: decided / 2 }),
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
