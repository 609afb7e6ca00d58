//! What survives a crash.

use super::certificate::{MAX_PREPARED_BYTES, PreparedCertificate};
use super::message::{Prepare, Vote};
use super::reports::{MAX_NEW_VIEW_BYTES, MAX_VIEW_CHANGE_BYTES, NewView, ViewChange};
use super::rules::View;
use crate::engine::Seq;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::{Block, BlockId, Height, Wire};

/// A record of the consensus log. What a message promises is in one record, written whole: a crash finds all or nothing.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// A block that a prepare rests on.
    Block(Arc<Block>),
    /// A prepare given; replaces an earlier one at its height.
    Prepare(Prepare),
    /// A commit given, with the certificate it rests on; replaces an earlier one at its height.
    Commit(Commit),
    /// A view given up; replaces what was recorded of views before.
    ViewChange(Box<ViewChange>),
    /// A view entered; replaces what was recorded of views before.
    NewView(Box<NewView>),
}

impl Wire for Record {
    const MAX_BYTES: usize =
        Block::MAX_BYTES + MAX_PREPARED_BYTES + MAX_VIEW_CHANGE_BYTES + MAX_NEW_VIEW_BYTES;
}

/// A commit given, with the certificate it rests on.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Commit {
    /// The quorum's prepares.
    pub certificate: PreparedCertificate,
    /// The commit.
    pub vote: Vote,
}

/// Something given, with the record it stands in.
#[derive(Clone, Debug)]
pub(super) struct Recorded<T> {
    pub(super) seq: Seq,
    pub(super) given: T,
}

/// What this member gave at one height.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// The last prepare.
    pub(super) prepare: Option<Recorded<Prepare>>,
    /// The last commit, whose certificate is of the highest view known here.
    pub(super) commit: Option<Recorded<Commit>>,
}

impl Slot {
    /// The last prepare's view and block.
    pub(super) fn prepared(&self) -> Option<(View, BlockId)> {
        self.prepare.as_ref().map(|prepare| (prepare.given.vote.view, prepare.given.vote.block.id))
    }

    /// The view of the last commit.
    pub(super) fn committed_in(&self) -> Option<View> {
        self.commit.as_ref().map(|commit| commit.given.vote.view)
    }

    fn oldest_record(&self) -> Option<Seq> {
        let prepare = self.prepare.as_ref().map(|prepare| prepare.seq);
        let commit = self.commit.as_ref().map(|commit| commit.seq);
        prepare.into_iter().chain(commit).min()
    }
}

/// All that this member has promised: the view it is in or asks for, and what it gave at each height above the newest
/// stable block.
#[derive(Clone, Debug, Default)]
pub(super) struct Promises {
    /// The view it is in, or asks for.
    pub(super) view: View,
    /// The new view by which it is in `view`; none in the first, or while it only asks for it.
    pub(super) new_view: Option<Recorded<Box<NewView>>>,
    /// The last view change given.
    pub(super) view_change: Option<Recorded<Box<ViewChange>>>,
    /// By height.
    pub(super) slots: BTreeMap<Height, Slot>,
}

impl Promises {
    /// Takes up what a record tells; a block is not for here.
    pub(super) fn restore(&mut self, seq: Seq, record: Record) {
        match record {
            Record::Block(_) => {}
            Record::Prepare(given) => {
                let slot = self.slots.entry(given.vote.block.height).or_default();
                slot.prepare = Some(Recorded { seq, given });
            }
            Record::Commit(given) => {
                let slot = self.slots.entry(given.vote.block.height).or_default();
                slot.commit = Some(Recorded { seq, given });
            }
            Record::ViewChange(given) => {
                self.view = self.view.max(given.view);
                self.view_change = Some(Recorded { seq, given });
            }
            Record::NewView(given) => {
                self.view = self.view.max(given.view);
                self.new_view = Some(Recorded { seq, given });
            }
        }
    }

    /// Whether it takes part in `view`, rather than only asking for it.
    pub(super) fn is_active(&self) -> bool {
        let entered = self.new_view.as_ref().map_or(0, |new_view| new_view.given.view);
        entered == self.view
    }

    /// The height of the block that `view` starts from, if it takes part in it; the first view starts from the base.
    pub(super) fn start(&self) -> Height {
        self.new_view.as_ref().map_or(0, |new_view| new_view.given.decided.header.height)
    }

    /// The view change given for the current view, if it is not entered yet.
    pub(super) fn open_view_change(&self) -> Option<&ViewChange> {
        let asked = self.view_change.as_ref().map(|asked| &*asked.given);
        asked.filter(|asked| asked.view == self.view && !self.is_active())
    }

    /// Forgets the heights up to a stable block.
    pub(super) fn forget_up_to(&mut self, stable: Height) {
        self.slots = self.slots.split_off(&stable.saturating_add(1));
    }

    /// The oldest record that is still needed of those about heights.
    pub(super) fn oldest_height_record(&self) -> Option<Seq> {
        self.slots.values().filter_map(Slot::oldest_record).min()
    }

    /// The records of the views: the one by which the view was entered, and the one by which it was asked for, if it was
    /// not entered.
    pub(super) fn view_records(&self) -> impl Iterator<Item = Seq> {
        let entered = self.new_view.as_ref().map(|entered| entered.seq);
        let asked = self.open_view_change().and_then(|_| self.view_change.as_ref().map(|asked| asked.seq));
        entered.into_iter().chain(asked)
    }
}
