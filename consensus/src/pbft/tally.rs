//! Counting: one vote an author, height and view, and the proof against whoever gives two.

use super::message::Vote;
use super::rules::{Point, View};
use std::collections::BTreeMap;
use witan_types::{Height, QuorumSignatures, ValidatorIndex};

/// How many views before and after the current one are counted. Beyond, votes are dropped: new views, which members send
/// again, carry whoever is further behind.
pub const VIEW_WINDOW: View = 8;

/// What became of a vote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Counted {
    /// Counted.
    New,
    /// Counted before: its author may lack something.
    Again,
    /// Its author voted for another block at that height in that view.
    Conflicts(Vote),
}

/// Votes of one kind, by height, view and author.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    votes: BTreeMap<(Height, View), BTreeMap<ValidatorIndex, Vote>>,
}

impl Votes {
    pub(super) fn add(&mut self, from: ValidatorIndex, vote: &Vote) -> Counted {
        let authors = self.votes.entry((vote.block.height, vote.view)).or_default();
        match authors.get(&from) {
            None => {
                authors.insert(from, vote.clone());
                Counted::New
            }
            Some(earlier) if earlier.block == vote.block => Counted::Again,
            Some(earlier) => Counted::Conflicts(earlier.clone()),
        }
    }

    /// The signatures for a block in a view, if a quorum gave them.
    pub(super) fn certify(&self, view: View, block: Point, quorum: usize) -> Option<QuorumSignatures> {
        let authors = self.votes.get(&(block.height, view))?;
        let for_block = || authors.iter().filter(|(_, vote)| vote.block == block);
        (for_block().count() >= quorum)
            .then(|| QuorumSignatures::collect(for_block().map(|(from, vote)| (*from, vote.signature))))
    }

    /// All votes of one author.
    pub(super) fn of(&self, author: ValidatorIndex) -> impl Iterator<Item = &Vote> {
        self.votes.values().filter_map(move |authors| authors.get(&author))
    }

    /// Forgets what no longer matters.
    pub(super) fn keep_from(&mut self, height: Height, view: View) {
        self.votes = self.votes.split_off(&(height, 0));
        self.votes.retain(|(_, counted), _| *counted >= view);
    }
}
