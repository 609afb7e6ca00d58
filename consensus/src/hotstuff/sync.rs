//! Staying together: missing blocks are fetched, members that fell behind get certificates, what may be lost is said
//! again.

use super::HotStuff;
use super::certificate::{QuorumCertificate, Round};
use super::message::{Certificates, Hello, Message};
use super::pacemaker::Timer;
use super::rules::follows;
use crate::engine::To;
use crate::fetch::{Answer, Blocks, Fetch, Fetching, Goal};
use crate::pacing::Ration;
use crate::tree::Kept;
use std::sync::Arc;
use witan_types::{Height, QuorumSignatures, ValidatorIndex};

/// What staying together remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Sync {
    pub(super) fetching: Fetching,
    /// When each member last got certificates unasked.
    answered: Ration,
    /// When each member was last asked for certificates.
    greeted: Ration,
}

impl HotStuff {
    /// Blocks that must be held: the highest certified one, the newest that is final, and the parents of the round's
    /// proposals.
    fn goals(&self) -> Vec<Goal> {
        let state = &self.state;
        let goal = |round: Round, block, signatures: &QuorumSignatures, builder| {
            let holders = signatures.signers;
            (round > self.tree.root().tag).then_some(Goal { block, holders, builder })
        };
        let QuorumCertificate { round, block, signatures } = &state.high_qc;
        let certified = goal(*round, *block, signatures, None);
        let ordered =
            state.order.as_ref().and_then(|order| goal(order.round, order.block, &order.signatures, None));
        let parents = self.held.iter().map(|held| {
            let justify = &held.proposal.justify;
            goal(justify.round, justify.block, &justify.signatures, Some(held.from))
        });
        [certified, ordered].into_iter().chain(parents).flatten().collect()
    }

    /// Moves the round's proposals among the certified blocks, if they turned out to be needed.
    pub(super) fn keep_certified_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        for goal in self.goals() {
            let missing = self.sync.fetching.missing_below(&self.tree, goal.block);
            if let Some(held) = self.held.iter().find(|held| Some(held.id) == missing) {
                let kept = Kept { block: Arc::clone(&held.proposal.block), seq: None };
                self.sync.fetching.adopt(held.id, kept);
            }
        }
    }

    /// Puts into the tree what reaches it.
    pub(super) fn attach(&mut self) {
        self.keep_certified_held();
        self.sync.fetching.attach(&mut self.tree);
    }

    /// Asks for what is missing and was not asked for yet. What was certified in the round that just ended may be on its
    /// way: votes are small, and often faster than what they are for.
    pub(super) fn fetch_missing(&mut self) {
        let QuorumCertificate { round, block: certified, .. } = self.state.high_qc;
        let may_be_coming = |block| block == certified && follows(self.state.round(), round);
        let goals = self.goals();
        let questions = self.sync.fetching.ask(&self.tree, self.setup.me, &goals, may_be_coming);
        self.send_questions(questions);
        if self.sync.fetching.is_waiting() && !self.running.fetch {
            self.running.fetch = true;
            self.out.timers.push((Timer::Fetch, self.setup.base_timeout / 4));
        }
    }

    /// Asks the next member for each block that did not come.
    pub(super) fn ask_again(&mut self) {
        self.running.fetch = false;
        let goals = self.goals();
        let questions = self.sync.fetching.ask_again(&self.tree, self.setup.me, &goals);
        self.send_questions(questions);
    }

    fn send_questions(&mut self, questions: Vec<(ValidatorIndex, Fetch)>) {
        let messages = questions.into_iter().map(|(holder, fetch)| (To::One(holder), Message::Fetch(fetch)));
        self.out.send.extend(messages);
    }

    pub(super) fn on_fetch(&mut self, from: ValidatorIndex, fetch: Fetch) {
        let ration = (self.now, self.setup.base_timeout / 16);
        let answer = self.sync.fetching.answer(&self.tree, from, fetch, ration).map(|answer| match answer {
            Answer::Blocks(blocks) => Message::Blocks(blocks),
            Answer::Gone(stable) => Message::Gone(stable),
        });
        self.out.send.extend(answer.map(|answer| (To::One(from), answer)));
    }

    pub(super) fn on_blocks(&mut self, blocks: Blocks) {
        let behind = self.sync.fetching.take(blocks);
        self.out.behind = self.out.behind.max(behind);
    }

    /// A peer's tree starts above what was asked: sealed blocks fill the gap. Its word is a hint, for the host to check.
    pub(super) fn on_gone(&mut self, stable: Height) {
        if self.sync.fetching.is_waiting() && stable > self.decided.height {
            self.out.behind = self.out.behind.max(Some(stable));
        }
    }

    pub(super) fn on_hello(&mut self, from: ValidatorIndex, hello: Hello) {
        let round = self.state.round();
        if hello.round > round {
            self.greet(To::One(from));
        } else if hello.round < round || hello.decided < self.decided.height {
            self.answer(from);
        }
    }

    /// Says how far it is, so that whoever is further says what is missing.
    pub(super) fn greet(&mut self, to: To) {
        if let To::One(member) = to {
            let (now, gap) = (self.now, self.setup.base_timeout / 2);
            if member == self.setup.me || !self.sync.greeted.is_due(member, now, gap) {
                return;
            }
        }
        let hello = Hello { round: self.state.round(), decided: self.decided.height };
        self.out.send.push((to, Message::Hello(hello)));
    }

    /// Gives a member that is behind the certificates it lacks, at most so often.
    pub(super) fn answer(&mut self, member: ValidatorIndex) {
        let (now, gap) = (self.now, self.setup.base_timeout / 2);
        if member == self.setup.me || !self.sync.answered.is_due(member, now, gap) {
            return;
        }
        let certificates = Certificates {
            high_qc: self.state.high_qc.clone(),
            tc: self.state.opening_tc().cloned(),
            order: self.state.order.clone(),
        };
        self.out.send.push((To::One(member), Message::Certificates(certificates)));
    }

    /// Says again what was said in this round and may be lost. It is on disk, or goes there before this leaves.
    pub(super) fn resend(&mut self) {
        let (state, round) = (&self.state, self.state.round());
        let timeout =
            state.last_timeout.clone().filter(|timeout| timeout.round == round).map(Message::Timeout);
        let vote = state.last_vote.clone().filter(|vote| vote.round == round).map(Message::Vote);
        let order_vote = state.last_order_vote.clone().filter(|vote| vote.round > self.decided.tag);
        let proposal = state.last_proposed.as_ref().filter(|last| last.round == round).and_then(|last| {
            let kept = self.tree.get(last.block)?;
            Some(Message::Proposal(last.with(Arc::clone(&kept.block))))
        });
        let again = [proposal, vote, order_vote.map(Message::OrderVote), timeout];
        self.out.send.extend(again.into_iter().flatten().map(|message| (To::All, message)));
    }
}
