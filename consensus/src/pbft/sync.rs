//! Staying together: missing blocks are fetched, members that fell behind get what they lack, what may be lost is said
//! again.

use super::message::{Hello, Message, PrePrepare, Vote};
use super::pacemaker::Timer;
use super::rules::View;
use super::state::Slot;
use super::{Finality, Pbft};
use crate::engine::To;
use crate::fetch::{Answer, Fetch, Goal};
use crate::tree::Kept;
use std::sync::Arc;
use witan_types::{Height, ValidatorIndex};

impl Pbft {
    /// Blocks that must be held: the newest final one, and those that the view proposes again.
    fn goals(&self) -> Vec<Goal> {
        let target = self.target.iter().map(|target| (target.block.id, target.holders));
        let chosen = self.chosen.values().copied();
        target.chain(chosen).map(|(block, holders)| Goal { block, holders, builder: None }).collect()
    }

    /// Moves proposals that wait among the final blocks, if they turned out to be what is needed.
    pub(super) fn keep_final_held(&mut self) {
        for goal in self.goals() {
            while let Some(missing) = self.fetching.missing_below(&self.tree, goal.block) {
                let Some(held) = self.held.values().find(|held| held.id == missing) else { break };
                self.fetching.adopt(missing, Kept { block: Arc::clone(&held.block), seq: None });
            }
        }
    }

    /// Puts into the tree what reaches it.
    pub(super) fn attach(&mut self) {
        self.keep_final_held();
        self.fetching.attach(&mut self.tree);
    }

    /// Asks for what is missing and was not asked for yet.
    pub(super) fn fetch_missing(&mut self) {
        // A block that was only just committed may be on its way: votes are small, and often faster.
        let newest = self.target.as_ref().map(|target| target.block);
        let next = self.decided.height.saturating_add(1);
        let may_be_coming = |id| newest.is_some_and(|block| block.id == id && block.height <= next);
        let questions = self.fetching.ask(&self.tree, self.setup.me, &self.goals(), may_be_coming);
        self.send_questions(questions);
        if self.fetching.is_waiting() && !self.running.fetch {
            self.running.fetch = true;
            self.out.timers.push((Timer::Fetch, self.setup.base_timeout / 4));
        }
    }

    /// Asks the next member for each block that did not come.
    pub(super) fn ask_again(&mut self) {
        self.running.fetch = false;
        let questions = self.fetching.ask_again(&self.tree, self.setup.me, &self.goals());
        self.send_questions(questions);
    }

    fn send_questions(&mut self, questions: Vec<(ValidatorIndex, Fetch)>) {
        let messages = questions.into_iter().map(|(holder, fetch)| (To::One(holder), Message::Fetch(fetch)));
        self.out.send.extend(messages);
    }

    pub(super) fn on_fetch(&mut self, from: ValidatorIndex, fetch: Fetch) {
        let ration = (self.now, self.setup.base_timeout / 16);
        let answer = self.fetching.answer(&self.tree, from, fetch, ration).map(|answer| match answer {
            Answer::Blocks(blocks) => Message::Blocks(blocks),
            Answer::Gone(stable) => Message::Gone(stable),
        });
        self.out.send.extend(answer.map(|answer| (To::One(from), answer)));
    }

    /// A peer's tree starts above what was asked: sealed blocks fill the gap. Its word is a hint, for the host to check.
    pub(super) fn on_gone(&mut self, stable: Height) {
        if self.fetching.is_waiting() && stable > self.decided.height {
            self.out.behind = self.out.behind.max(Some(stable));
        }
    }

    pub(super) fn on_hello(&mut self, from: ValidatorIndex, hello: Hello) {
        if hello.view > self.entered_view() || hello.decided > self.decided.height {
            self.greet(To::One(from));
        }
        if hello.view < self.entered_view() || hello.decided < self.decided.height {
            self.answer(from, hello.view, hello.decided);
        }
    }

    /// Says how far it is, so that whoever is further says what is missing.
    pub(super) fn greet(&mut self, to: To) {
        if let To::One(member) = to {
            let (now, gap) = (self.now, self.setup.base_timeout / 2);
            if member == self.setup.me || !self.greeted.is_due(member, now, gap) {
                return;
            }
        }
        let hello = Hello { view: self.entered_view(), decided: self.decided.height };
        self.out.send.push((to, Message::Hello(hello)));
    }

    /// Gives a member that took part in `view` and decided up to a height what it lacks, at most so often.
    pub(super) fn answer(&mut self, member: ValidatorIndex, view: View, decided: Height) {
        let lacks_view = self.promises.new_view.as_ref().filter(|entered| entered.given.view > view);
        let lacks_final = decided < self.decided.height && self.last_final.finality != Finality::Base;
        let (now, gap) = (self.now, self.setup.base_timeout / 2);
        let lacks = lacks_view.is_some() || lacks_final;
        if member == self.setup.me || !lacks || !self.answered.is_due(member, now, gap) {
            return;
        }
        let new_view = lacks_view.map(|entered| Message::NewView((*entered.given).clone()));
        let newest = lacks_final.then(|| Message::Final(self.last_final.clone()));
        self.out.send.extend(new_view.into_iter().chain(newest).map(|message| (To::One(member), message)));
    }

    /// Says again what was said in this view and may be lost. It is on disk, or goes there before this leaves.
    pub(super) fn resend(&mut self) {
        if let Some(asked) = self.promises.open_view_change() {
            self.out.send.push((To::All, Message::ViewChange(asked.clone())));
            return;
        }
        let above = self.promises.slots.range(self.decided.height.saturating_add(1)..);
        let again: Vec<Message> = above.flat_map(|(_, slot)| self.given(slot)).collect();
        self.out.send.extend(again.into_iter().map(|message| (To::All, message)));
    }

    /// What was given at a height in this view.
    fn given(&self, slot: &Slot) -> Vec<Message> {
        let view = self.promises.view;
        let prepare = slot.prepare.as_ref().map(|prepare| &prepare.given).filter(|it| it.vote.view == view);
        let commit = slot.commit.as_ref().map(|commit| &commit.given.vote).filter(|vote| vote.view == view);
        let prepare = prepare.map(|prepare| match self.proposal(&prepare.vote, prepare.leader.is_some()) {
            Some(proposal) => Message::PrePrepare(proposal),
            None => Message::Prepare(prepare.clone()),
        });
        prepare.into_iter().chain(commit.cloned().map(Message::Commit)).collect()
    }

    /// The proposal in which this member said its prepare, if it was one.
    fn proposal(&self, prepare: &Vote, was_proposed: bool) -> Option<PrePrepare> {
        let block = &self.tree.get(prepare.block.id)?.block;
        let is_own = was_proposed && self.leader(prepare.block.height) == self.setup.me;
        is_own.then(|| PrePrepare { block: Arc::clone(block), prepare: prepare.clone() })
    }
}
