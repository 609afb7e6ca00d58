//! Elections: asking before campaigning, voting once a term, leaving on purpose.

use super::leading::Leading;
use super::message::{Message, Reply, Request};
use super::rules::{Ballot, Term};
use super::{Raft, Role};
use crate::engine::To;
use std::collections::BTreeSet;
use witan_types::ValidatorIndex;

/// Who granted what was asked.
pub(super) type Votes = BTreeSet<ValidatorIndex>;

impl Raft {
    /// Whether a leader was heard within the base time-out (thesis, sections 6.2 and 9.6). A leader hears itself, unless it
    /// has work and no quorum answers.
    fn hears_leader(&self) -> bool {
        let recent =
            |heard: crate::engine::Tick| self.now.0.saturating_sub(heard.0) < self.setup.base_timeout;
        match &self.role {
            Role::Leader(leading) => {
                self.is_quiet() || leading.hears_quorum(&self.setup, self.now, self.setup.base_timeout)
            }
            _ => self.leader.is_some() && self.heard.is_some_and(recent),
        }
    }

    /// Nobody leads, as far as can be heard: asks who would vote for it (thesis, section 9.6). Nothing is promised yet.
    pub(super) fn ask_for_votes(&mut self) {
        if !self.judge.asks_first() {
            return self.campaign(false);
        }
        let own = Votes::from([self.setup.me]);
        let request = self.request(self.term().saturating_add(1), false);
        self.leader = None;
        self.role = Role::PreCandidate(own);
        self.incoming.forget();
        self.out.send.push((To::All, Message::PreVote(request)));
        self.try_campaign();
    }

    fn request(&self, term: Term, handed_over: bool) -> Request {
        Request { term, end: self.log.end(), handed_over }
    }

    fn is_quorum(&self, votes: &Votes) -> bool {
        votes.len() >= self.setup.committee.quorum()
    }

    fn try_campaign(&mut self) {
        if matches!(&self.role, Role::PreCandidate(votes) if self.is_quorum(votes)) {
            self.campaign(false);
        }
    }

    /// Becomes a candidate in the next term. Its vote for itself counts once it is on disk (section 5.2).
    fn campaign(&mut self, handed_over: bool) {
        let term = self.term().saturating_add(1);
        self.role = Role::Candidate(Votes::new());
        self.leader = None;
        if self.judge.candidate_forgets() {
            self.incoming.forget(); // What the last leader sent must not replace a leader's own entries (figure 3).
        }
        self.record_ballot(Ballot { term, vote: Some(self.setup.me) });
        let request = self.request(term, handed_over);
        self.out.send.push((To::All, Message::RequestVote(request)));
        self.count_own_vote();
    }

    /// A candidate's vote for itself, once its ballot is on disk.
    pub(super) fn count_own_vote(&mut self) {
        let is_durable = self.recorded.seq.is_none_or(|seq| seq <= self.durable);
        let me = self.setup.me;
        if let Role::Candidate(votes) = &mut self.role
            && is_durable
            && votes.insert(me)
        {
            self.try_lead();
        }
    }

    fn try_lead(&mut self) {
        if matches!(&self.role, Role::Candidate(votes) if self.is_quorum(votes)) {
            self.role = Role::Leader(Leading::new(&self.setup, self.log.last().height, self.now));
            self.leader = Some(self.setup.me);
            self.failures = 0;
            self.say_present();
        }
    }

    pub(super) fn on_pre_vote(&mut self, from: ValidatorIndex, request: Request) {
        let hears = self.hears_leader();
        let granted =
            self.judge.would_vote(self.recorded.ballot, self.log.end(), hears, request.term, request.end);
        let term = if granted { request.term } else { self.term() };
        self.say(from, Message::PreVoteReply(Reply { term, granted }));
        // Whoever asks has not heard the leader: it says that it is there, and what is committed.
        self.search(from);
    }

    pub(super) fn on_pre_vote_reply(&mut self, from: ValidatorIndex, reply: Reply) {
        let asked = self.term().saturating_add(1);
        if !reply.granted {
            return self.enter_term(reply.term);
        }
        if let Role::PreCandidate(votes) = &mut self.role
            && reply.term == asked
        {
            votes.insert(from);
            self.try_campaign();
        }
    }

    pub(super) fn on_request_vote(&mut self, from: ValidatorIndex, request: Request) {
        let disturbs = request.term > self.term() && self.hears_leader() && !request.handed_over;
        if disturbs && self.judge.keeps_leader() {
            return; // A member that the leader does not reach must not end its term (thesis, section 6.2).
        }
        self.enter_term(request.term);
        let Request { term, end, .. } = request;
        let granted = self.judge.may_vote(self.recorded.ballot, self.log.end(), term, from, end);
        if granted && self.recorded.ballot.vote != Some(from) {
            self.record_ballot(Ballot { term, vote: Some(from) });
        }
        if granted {
            self.heard = Some(self.now);
        }
        self.say(from, Message::VoteReply(Reply { term: self.term(), granted }));
    }

    pub(super) fn on_vote_reply(&mut self, from: ValidatorIndex, reply: Reply) {
        self.enter_term(reply.term);
        let counts = self.judge.is_vote(reply.granted) && self.judge.is_current(reply.term, self.term());
        if let Role::Candidate(votes) = &mut self.role
            && counts
        {
            votes.insert(from);
            self.try_lead();
        }
    }

    /// This node is about to stop: whoever holds most of the log campaigns at once (thesis, section 3.10).
    pub(super) fn hand_over(&mut self) {
        if let Role::Leader(leading) = &self.role
            && let Some(heir) = leading.furthest()
        {
            self.say(heir, Message::HandOver(self.term()));
        }
    }

    pub(super) fn on_hand_over(&mut self, from: ValidatorIndex, term: Term) {
        if term == self.term() && self.leader == Some(from) {
            self.campaign(true);
        }
    }

    /// Whether a ballot of one's own waits for its disk or for votes.
    pub(super) fn is_candidate(&self) -> bool {
        matches!(self.role, Role::PreCandidate(_) | Role::Candidate(_))
    }
}
