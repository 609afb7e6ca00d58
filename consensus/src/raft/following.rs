//! The follower: the leader's entries in order, each once the ledger has approved it.

use super::Raft;
use super::message::{Append, AppendResult, Appended, Message, Point};
use crate::engine::Verdict;
use std::collections::VecDeque;
use std::sync::Arc;
use witan_types::{Block, BlockId, Height, ValidatorIndex};

/// The most entries that wait to be approved. What comes on top is sent again.
const MAX_WAITING: usize = 256;

/// An entry that waits to be approved.
#[derive(Clone, Debug)]
struct Waiting {
    id: BlockId,
    block: Arc<Block>,
    asked: bool,
    verdict: Option<Verdict>,
}

impl Waiting {
    fn point(&self) -> Point {
        Point { height: self.block.header.height, term: self.block.header.tag, id: self.id }
    }
}

/// What the leader sent that is not in the log yet, and how far the log is known to be the leader's.
#[derive(Clone, Debug, Default)]
pub(super) struct Incoming {
    /// Right above the log, without gaps.
    waiting: VecDeque<Waiting>,
    /// Up to this height, log and waiting entries equal the leader's log.
    verified: Height,
    /// What the leader knows to be committed.
    leader_commit: Height,
    /// Whether an answer is due to the leader.
    answer_due: bool,
}

impl Incoming {
    /// Another leader, or none: what the last one sent no longer counts.
    pub(super) fn forget(&mut self) {
        *self = Incoming::default();
    }

    pub(super) fn judged(&mut self, id: BlockId, verdict: Verdict) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.id == id) {
            waiting.verdict = Some(verdict);
        }
    }

    /// Whether entries wait.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn at(&self, height: Height) -> Option<Point> {
        self.waiting.iter().map(Waiting::point).find(|point| point.height == height)
    }

    fn cut(&mut self, from: Height) {
        self.waiting.retain(|waiting| waiting.block.header.height < from);
    }
}

impl Raft {
    fn known(&self, height: Height) -> Option<Point> {
        self.log.at(height).or_else(|| self.incoming.at(height))
    }

    pub(super) fn on_append(&mut self, from: ValidatorIndex, append: Append) {
        if append.term < self.term() {
            let result = AppendResult::Conflict(self.log.end());
            return self.say(from, Message::Appended(Appended { term: self.term(), result }));
        }
        self.enter_term(append.term);
        if self.leader == Some(self.setup.me) {
            return; // Two leaders in a term: never among members that don't lie.
        }
        self.follow(Some(from));
        (self.heard, self.failures) = (Some(self.now), 0);
        let root = self.log.root();
        let Append { prev, entries, commit, .. } = append;
        // Below the root all is committed here; a leader's entries that reach it must go through it.
        let at_root = entries.iter().find(|block| block.header.height == root.height);
        let is_known = match prev.height < root.height {
            true => at_root.is_none_or(|block| block.id() == root.id),
            false => self.known(prev.height).is_some_and(|own| own.id == prev.id),
        };
        if !self.judge.matches(is_known) {
            return self.answer_conflict(from, prev.height);
        }
        let last = entries.last().map_or(prev.height, |block| block.header.height);
        for block in entries.into_iter().filter(|block| block.header.height > root.height) {
            self.receive(block);
        }
        let held = self.incoming.waiting.back().map_or(self.log.last().height, |top| top.point().height);
        self.incoming.verified = self.incoming.verified.max(last.min(held));
        self.incoming.leader_commit = self.incoming.leader_commit.max(commit);
        self.incoming.answer_due = true;
    }

    /// Tells the leader where logs may agree: at the first entry of the term that stands where they differ, or at the last
    /// of all (section 5.3).
    fn answer_conflict(&mut self, from: ValidatorIndex, height: Height) {
        self.incoming.cut(height);
        let first = self.log.first_of_term(height).filter(|_| height > self.log.root().height);
        let hint = first.unwrap_or_else(|| self.log.end());
        let result = AppendResult::Conflict(hint);
        self.say(from, Message::Appended(Appended { term: self.term(), result }));
    }

    /// Takes one of the leader's entries, unless it is here. Another at its height goes, and all above (section 5.3).
    fn receive(&mut self, block: Arc<Block>) {
        let (height, id) = (block.header.height, block.id());
        match self.known(height) {
            Some(own) if own.id == id => return,
            Some(_) if self.judge.may_replace(height, self.commit) => {
                self.log.cut(height);
                self.incoming.cut(height);
            }
            Some(_) => return,
            None => {}
        }
        let top = self.incoming.waiting.back().map_or(self.log.last().height, |top| top.point().height);
        if top.checked_add(1) == Some(height) && self.incoming.waiting.len() < MAX_WAITING {
            self.incoming.waiting.push_back(Waiting { id, block, asked: false, verdict: None });
        }
    }

    /// Moves entries into the log, in order: what is committed at once, the rest when the ledger has approved it. Then
    /// the leader is answered, once all of it is on disk.
    pub(super) fn take_in(&mut self) {
        for waiting in &mut self.incoming.waiting {
            let is_committed = waiting.block.header.height <= self.incoming.leader_commit;
            if !is_committed && !std::mem::replace(&mut waiting.asked, true) {
                self.out.validate.push(Arc::clone(&waiting.block));
            }
        }
        while let Some(front) = self.incoming.waiting.front() {
            let is_committed = front.block.header.height <= self.incoming.leader_commit;
            if front.verdict == Some(Verdict::Never) && !is_committed {
                self.incoming.waiting.clear();
                self.incoming.verified = self.incoming.verified.min(self.log.last().height);
            } else if is_committed || front.verdict == Some(Verdict::Valid) {
                let block = self.incoming.waiting.pop_front().map(|front| front.block);
                block.into_iter().for_each(|block| self.append_entry(block));
                self.incoming.answer_due = true;
            } else {
                break;
            }
        }
        let agreed = self.incoming.verified.min(self.log.last().height);
        let committed = self.judge.agreed(self.incoming.verified, self.log.last().height);
        self.commit = self.commit.max(self.incoming.leader_commit.min(committed));
        if let Some(leader) =
            self.leader.filter(|leader| self.incoming.answer_due && *leader != self.setup.me)
        {
            let result = AppendResult::Matched(agreed);
            self.say(leader, Message::Appended(Appended { term: self.term(), result }));
        }
        self.incoming.answer_due = false;
    }
}
