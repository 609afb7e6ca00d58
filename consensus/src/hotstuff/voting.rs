//! What is signed: proposals, votes, order votes, time-outs.

use super::certificate::{Kind, OrderCertificate, QuorumCertificate};
use super::message::{Message, Proposal, Timeout, Vote};
use super::state::Proposed;
use super::tally::{Counted, in_window};
use super::{Held, HotStuff, rules};
use crate::engine::{Draft, Instance, To, Turn, Verdict};
use crate::tree::Kept;
use std::sync::Arc;
use witan_types::{BlockId, Signed, ValidatorIndex};

impl HotStuff {
    fn instance(&self) -> Instance {
        self.setup.instance
    }

    /// The leader asks for a payload, until it has proposed in its round.
    pub(super) fn want_payload(&mut self) {
        let turn = self.turn();
        if turn.is_some() && turn != self.wanted {
            self.out.want.clone_from(&turn);
        }
        self.wanted = turn;
    }

    /// What to ask for now: nothing unless it leads the round, has not proposed in it, and holds the block to extend.
    /// A leader that gave its round up still proposes: those who did not give it up may wait for nothing else.
    fn turn(&self) -> Option<Turn> {
        let (state, round) = (&self.state, self.state.round());
        let has_proposed = state.last_proposed.as_ref().is_some_and(|last| last.round >= round);
        if self.leader(round) != self.setup.me || has_proposed || state.high_qc.round < self.decided.tag {
            return None;
        }
        let parent = self.tree.place(state.high_qc.block)?;
        let ancestors = self.tree.path_down(parent.id, self.decided.height);
        // Whether no quorum of order votes can be counted on to decide the ancestors without this block.
        let needed =
            state.opening_tc().is_some() || state.high_qc.round <= state.promises.highest_timeout_round;
        Some(Turn {
            height: parent.height.checked_add(1)?,
            tag: round,
            parent: parent.id,
            parent_time_ms: parent.time_ms,
            at_once: needed && !ancestors.is_empty(),
            ancestors: ancestors
                .iter()
                .filter_map(|place| self.tree.get(place.id))
                .map(|kept| Arc::clone(&kept.block))
                .collect(),
        })
    }

    /// Proposes, once a round: that it did is on disk before the proposal leaves.
    pub(super) fn propose(&mut self, turn: &Turn, draft: Draft) {
        if self.wanted.take_if(|wanted| wanted.is_place_of(turn)).is_none() {
            return;
        }
        let block = turn.block(&self.instance(), self.setup.me, draft);
        let id = block.id();
        let (justify, tc) = (self.state.high_qc.clone(), self.state.opening_tc().cloned());
        let proposal = Proposal::sign(&self.instance(), &self.setup.key, Arc::clone(&block), justify, tc);
        self.tree.insert(id, Kept { block, seq: None });
        self.keep(id);
        self.state.last_proposed = Some(Proposed::of(&proposal, id));
        self.unsaved = true;
        self.out.send.push((To::All, Message::Proposal(proposal.clone())));
        let (from, verdict) = (self.setup.me, Some(Verdict::Valid));
        self.held.push(Held { from, id, proposal, asked: true, verdict });
    }

    pub(super) fn on_proposal(&mut self, from: ValidatorIndex, proposal: Proposal) {
        let tc_is_grounded = proposal.tc.as_ref().is_none_or(|tc| self.is_grounded(&tc.high_qc));
        if !self.is_grounded(&proposal.justify) || !tc_is_grounded {
            return;
        }
        let id = proposal.block.id();
        self.note_proposal(from, id, &proposal);
        proposal.tc.clone().into_iter().for_each(|tc| self.on_tc(tc));
        self.on_qc(proposal.justify.clone());
        let (round, last_vote) = (self.state.round(), self.state.last_vote.as_ref());
        if proposal.round() < round {
            // Too late for a vote; but a block that others certified may be just the one that is missing.
            self.sync.fetching.offer(id, &proposal.block);
            if !rules::follows(round, proposal.round()) {
                self.answer(from);
            }
        } else if let Some(vote) = last_vote.filter(|vote| (vote.round, vote.block) == (round, id)) {
            let again = Message::Vote(vote.clone());
            self.out.send.push((To::One(from), again));
        } else {
            self.keep_certified_held();
            self.held.retain(|held| held.proposal.round() == round);
            if self.held.iter().all(|held| held.from != from) {
                self.held.push(Held { from, id, proposal, asked: false, verdict: None });
            }
        }
    }

    fn note_proposal(&mut self, from: ValidatorIndex, id: BlockId, proposal: &Proposal) {
        let round = proposal.round();
        if !in_window(round, self.state.round()) {
            return;
        }
        let message = proposal.signing_bytes(&self.instance(), id);
        match self.proposals.get(&(round, from)) {
            Some((first, signed)) if *first != id => {
                let first = (signed.message.clone(), signed.signature);
                self.accuse(from, "two proposals in a round", first, (message, proposal.signature));
            }
            Some(_) => {}
            None => {
                let Some(key) = self.setup.committee.key(from).copied() else { return };
                self.proposals
                    .insert((round, from), (id, Signed { key, message, signature: proposal.signature }));
            }
        }
    }

    /// Moves the round's proposals on: to the ledger's judgement once their parents are known, then to a vote.
    pub(super) fn consider_proposals(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.retain_mut(|held| self.consider(held));
        self.held = held;
        self.try_vote();
    }

    /// Asks the ledger about a proposal whose parent is here. False if its author does not lead the round above it.
    fn consider(&mut self, held: &mut Held) -> bool {
        let (header, justify) = (&held.proposal.block.header, &held.proposal.justify);
        let Some(parent) = self.tree.place(header.parent) else { return true };
        if self.leader_above(parent.id, held.proposal.round()) != Some(held.from) {
            return false;
        }
        let extends = parent.height.checked_add(1) == Some(header.height)
            && header.time_ms > parent.time_ms
            && justify.round == parent.tag;
        if !extends {
            held.verdict = Some(Verdict::Never);
        } else if !std::mem::replace(&mut held.asked, true) {
            self.out.validate.push(Arc::clone(&held.proposal.block));
        }
        true
    }

    /// Votes for a proposal of the round, if the rules allow it. The block and the whole state go to disk first.
    fn try_vote(&mut self) {
        let (round, promises) = (self.state.round(), self.state.promises);
        let may_vote = |held: &&Held| {
            let (proposal, justify) = (&held.proposal, held.proposal.justify.round);
            held.verdict == Some(Verdict::Valid)
                && proposal.round() == round
                && self.judge.may_vote(&promises, round, justify, proposal.lapse())
        };
        let Some(held) = self.held.iter().find(may_vote) else { return };
        let (id, justify) = (held.id, held.proposal.justify.round);
        let block = Arc::clone(&held.proposal.block);
        self.tree.insert(id, Kept { block, seq: None });
        self.keep(id);
        self.state.promises = rules::after_vote(promises, round, justify);
        let vote = Vote::sign(&self.instance(), &self.setup.key, Kind::Vote, round, id);
        self.state.last_vote = Some(vote.clone());
        self.promise(Message::Vote(vote));
    }

    /// Casts an order vote for the highest certified block, if it is not decided and its round was not given up. The
    /// promise to report its certificate from now on goes to disk first.
    pub(super) fn try_order_vote(&mut self) {
        let QuorumCertificate { round, block, .. } = self.state.high_qc;
        let promises = self.state.promises;
        let has_voted = self.state.last_order_vote.as_ref().is_some_and(|last| last.round >= round);
        let undecided = round > self.decided.tag && self.tree.get(block).is_some();
        if has_voted || !undecided || !self.judge.may_order_vote(&promises, round) {
            return;
        }
        self.keep(block);
        self.state.promises = rules::after_order_vote(promises, round);
        let vote = Vote::sign(&self.instance(), &self.setup.key, Kind::OrderVote, round, block);
        self.state.last_order_vote = Some(vote.clone());
        self.promise(Message::OrderVote(vote));
    }

    /// Gives the current round up, if its certificates are in order. What was said before is only said again.
    pub(super) fn time_out(&mut self) {
        let (round, tc) = (self.state.round(), self.state.opening_tc().cloned());
        let (promises, high_qc) = (self.state.promises, self.judge.reported(&self.state, self.base));
        let tc_round = tc.as_ref().map(|tc| tc.round);
        if self.state.has_timed_out() || !self.judge.may_time_out(&promises, round, high_qc.round, tc_round) {
            return;
        }
        self.state.promises = rules::after_timeout(promises, round);
        let timeout = Timeout::sign(&self.instance(), &self.setup.key, round, high_qc, tc);
        self.state.last_timeout = Some(timeout.clone());
        self.promise(Message::Timeout(timeout));
    }

    pub(super) fn on_vote(&mut self, from: ValidatorIndex, vote: &Vote) {
        let round = self.state.round();
        let counted = self.votes.add(round, from, vote);
        self.help_by_vote(from, vote, &counted, vote.round < round);
        match counted {
            Counted::New if vote.round > self.state.high_qc.round => {
                let quorum = self.setup.committee.quorum();
                let Vote { round, block, .. } = *vote;
                let certified = self.votes.certify(round, block, quorum);
                certified
                    .into_iter()
                    .for_each(|signatures| self.on_qc(QuorumCertificate { round, block, signatures }));
            }
            Counted::Conflicts(first) => {
                self.accuse_votes(from, Kind::Vote, "two votes in a round", &first, vote)
            }
            Counted::New | Counted::Again | Counted::OutOfWindow => {}
        }
    }

    pub(super) fn on_order_vote(&mut self, from: ValidatorIndex, vote: &Vote) {
        let counted = self.order_votes.add(self.state.round(), from, vote);
        self.help_by_vote(from, vote, &counted, vote.round <= self.decided.tag);
        match counted {
            Counted::New => {
                self.check_order_vote(from, vote);
                let quorum = self.setup.committee.quorum();
                let Vote { round, block, .. } = *vote;
                let known = self.state.order.as_ref().map_or(0, |order| order.round);
                let certified =
                    (round > known).then(|| self.order_votes.certify(round, block, quorum)).flatten();
                let order = certified.map(|signatures| OrderCertificate { round, block, signatures });
                order.into_iter().for_each(|order| self.on_order_certificate(order));
            }
            Counted::Conflicts(first) => {
                self.accuse_votes(from, Kind::OrderVote, "two order votes in a round", &first, vote);
            }
            Counted::Again | Counted::OutOfWindow => {}
        }
    }

    /// A vote also tells how far its author is. One that says an old thing again, or is rounds behind, lacks our
    /// certificates; one that is rounds ahead has those we lack.
    fn help_by_vote(&mut self, from: ValidatorIndex, vote: &Vote, counted: &Counted, is_old: bool) {
        let round = self.state.round();
        if vote.round > round.saturating_add(1) {
            self.greet(To::One(from));
        } else if (is_old && *counted == Counted::Again) || vote.round.saturating_add(1) < round {
            self.answer(from);
        }
    }

    pub(super) fn on_timeout(&mut self, from: ValidatorIndex, timeout: &Timeout) {
        let tc_is_grounded = timeout.tc.as_ref().is_none_or(|tc| self.is_grounded(&tc.high_qc));
        if !self.is_grounded(&timeout.high_qc) || !tc_is_grounded {
            return;
        }
        self.on_qc(timeout.high_qc.clone());
        timeout.tc.clone().into_iter().for_each(|tc| self.on_tc(tc));
        let round = self.state.round();
        if self.timeouts.add(round, from, timeout) {
            self.check_timeout(from, timeout);
        }
        if timeout.round < round {
            self.answer(from);
            return;
        }
        let quorum = self.setup.committee.quorum();
        if let Some(tc) = self.timeouts.certify(round, quorum) {
            self.on_tc(tc);
        } else if self.timeouts.authors(round).len() > self.setup.committee.max_faulty() {
            // At least one of them is honest: the round is over for it, so waiting longer alone helps nobody.
            self.time_out();
        }
    }

    fn accuse_votes(
        &mut self,
        from: ValidatorIndex,
        kind: Kind,
        conflict: &'static str,
        first: &Vote,
        second: &Vote,
    ) {
        let instance = self.instance();
        let part = |vote: &Vote| (vote.signing_bytes(&instance, kind), vote.signature);
        self.accuse(from, conflict, part(first), part(second));
    }

    /// No honest member casts an order vote for a round and gives that round or a later one up with a lower
    /// certificate, in whichever order.
    fn check_order_vote(&mut self, from: ValidatorIndex, vote: &Vote) {
        let lie =
            self.timeouts.at_or_above(vote.round, from).find(|given_up| given_up.high_round < vote.round);
        if let Some(given_up) = lie.copied() {
            let timeout = (given_up.round, given_up.high_round, given_up.signature);
            self.accuse_broken_lock(from, vote.clone(), timeout);
        }
    }

    fn check_timeout(&mut self, from: ValidatorIndex, timeout: &Timeout) {
        let lie = self.order_votes.up_to(timeout.round, from).find(|vote| timeout.high_qc.round < vote.round);
        if let Some(vote) = lie.cloned() {
            let timeout = (timeout.round, timeout.high_qc.round, timeout.signature);
            self.accuse_broken_lock(from, vote, timeout);
        }
    }

    fn accuse_broken_lock(
        &mut self,
        from: ValidatorIndex,
        vote: Vote,
        timeout: (u64, u64, witan_types::Signature),
    ) {
        let instance = self.instance();
        let (round, high_round, signature) = timeout;
        let first = (vote.signing_bytes(&instance, Kind::OrderVote), vote.signature);
        let second = (Kind::Timeout.signing_bytes(&instance, &(round, high_round)), signature);
        self.accuse(from, "an order vote and a time-out below it", first, second);
    }
}
