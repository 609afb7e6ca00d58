//! PBFT in the simulator.

use super::Dialect;
use std::collections::{BTreeMap, BTreeSet};
use witan_consensus::pbft::{Commit, Message, Pbft, PrePrepare, Prepare, Record, View, Vote};
use witan_types::{BlockId, Height};

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
}
