//! The leader: what each follower holds, what is sent to it, what is committed.

use super::message::{Append, AppendResult, Appended, MAX_ENTRIES, Message};
use super::rules;
use super::{Raft, Role};
use crate::engine::{Draft, Setup, Tick, To, Turn};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use witan_types::{Block, Height, ValidatorIndex, Wire};

/// How many blocks a leader has under way above the committed ones.
pub const IN_FLIGHT: Height = 4;
/// How many appends with entries may be unanswered by a follower.
pub const MAX_APPENDS: usize = 8;

/// What is known of a follower's log.
#[derive(Clone, Debug)]
struct Progress {
    /// It holds the leader's log on disk up to here.
    matched: Height,
    /// The next entry to send.
    next: Height,
    /// Whether its log is known to agree below `next`, so that entries can follow each other without waiting.
    agrees: bool,
    /// The last heights of appends that are unanswered, oldest first.
    unanswered: VecDeque<Height>,
    /// The commit height it was last told.
    told_commit: Height,
    /// It was found to lack what is gone here: no answer to an earlier question starts another search, the next heartbeat does.
    is_gone: bool,
    /// When it last answered.
    heard: Tick,
    /// What it matched at the last heartbeat, and for how many it has not moved although appends are unanswered.
    at_beat: Height,
    stuck_beats: u32,
}

/// What a leader knows.
#[derive(Clone, Debug)]
pub(super) struct Leading {
    followers: BTreeMap<ValidatorIndex, Progress>,
}

impl Leading {
    /// A leader at the start of its term, whose log ends at `last`.
    pub(super) fn new(setup: &Setup, last: Height, now: Tick) -> Leading {
        let others = setup.committee.validators().filter(|member| *member != setup.me);
        let progress = |member| {
            let next = last.saturating_add(1);
            let start = Progress {
                matched: 0,
                next,
                agrees: false,
                unanswered: VecDeque::new(),
                told_commit: 0,
                is_gone: false,
                heard: now,
                at_beat: 0,
                stuck_beats: 0,
            };
            (member, start)
        };
        Leading { followers: others.map(progress).collect() }
    }

    /// Whether a quorum, itself included, answered within `span`.
    pub(super) fn hears_quorum(&self, setup: &Setup, now: Tick, span: Duration) -> bool {
        let recent = |progress: &&Progress| now.0.saturating_sub(progress.heard.0) < span;
        self.followers.values().filter(recent).count().saturating_add(1) >= setup.committee.quorum()
    }

    /// Whether somebody who answered within `span` does not hold the log up to `last`.
    pub(super) fn is_followed_late(&self, last: Height, now: Tick, span: Duration) -> bool {
        let recent = |progress: &Progress| now.0.saturating_sub(progress.heard.0) < span;
        self.followers.values().any(|progress| progress.matched < last && recent(progress))
    }

    /// Counts as if everyone had answered now: after a quiet time nobody could have.
    pub(super) fn forgive_silence(&mut self, now: Tick) {
        self.followers.values_mut().for_each(|progress| progress.heard = now);
    }

    /// The follower that holds most of the log, heard last among those.
    pub(super) fn furthest(&self) -> Option<ValidatorIndex> {
        let of =
            |(member, progress): (&ValidatorIndex, &Progress)| (progress.matched, progress.heard, *member);
        self.followers.iter().map(of).max().map(|(_, _, member)| member)
    }
}

impl Raft {
    /// Says to everyone that it leads, and what is committed.
    pub(super) fn say_present(&mut self) {
        let Role::Leader(leading) = &self.role else { return };
        let members: Vec<ValidatorIndex> = leading.followers.keys().copied().collect();
        members.into_iter().for_each(|member| self.search(member));
    }

    /// Says to a member that it leads, and looks anew for what it lacks.
    pub(super) fn search(&mut self, member: ValidatorIndex) {
        if let Role::Leader(leading) = &mut self.role
            && let Some(progress) = leading.followers.get_mut(&member)
        {
            progress.is_gone = false;
            self.say_present_to(member);
        }
    }

    /// An append without entries: it says that the leader is there and what is committed. It stands on what the follower is
    /// known to hold, for entries sent before may arrive after it; and while that is not known, it finds out.
    pub(super) fn say_present_to(&mut self, member: ValidatorIndex) {
        let term = self.term();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(progress) = leading.followers.get_mut(&member) else { return };
        let below = match progress.agrees {
            true => Some(progress.matched.max(self.log.root().height)),
            false => progress.next.checked_sub(1),
        };
        let Some(prev) = below.and_then(|below| self.log.at(below)) else {
            // Once sealed blocks have filled the gap, its log may reach ours.
            (progress.agrees, progress.is_gone) = (false, true);
            progress.next = self.log.last().height.saturating_add(1);
            return self.say_gone(member);
        };
        progress.told_commit = self.commit;
        let append = Append { term, prev, entries: Vec::new(), commit: self.commit };
        self.say(member, Message::Append(append));
    }

    /// What the follower lacks is no longer in the log: sealed blocks fill the gap.
    fn say_gone(&mut self, member: ValidatorIndex) {
        if self.told_gone.is_due(member, self.now, self.setup.base_timeout / 2) {
            self.say(member, Message::Gone(self.log.root().height));
        }
    }

    /// Sends each follower what it lacks, as far as it may be ahead of its answers, and news of commits.
    pub(super) fn replicate(&mut self) {
        let Role::Leader(leading) = &self.role else { return };
        let members: Vec<ValidatorIndex> = leading.followers.keys().copied().collect();
        for member in members {
            while self.send_entries(member) {}
            let Role::Leader(leading) = &self.role else { return };
            let lags =
                leading.followers.get(&member).is_some_and(|it| it.agrees && it.told_commit < self.commit);
            if lags {
                self.say_present_to(member);
            }
        }
    }

    /// Sends a follower the next entries, if it may have more now.
    fn send_entries(&mut self, member: ValidatorIndex) -> bool {
        let (term, commit) = (self.term(), self.commit);
        let Role::Leader(leading) = &mut self.role else { return false };
        let Some(progress) = leading.followers.get_mut(&member) else { return false };
        if !progress.agrees || progress.unanswered.len() >= MAX_APPENDS {
            return false;
        }
        let Some(prev) = progress.next.checked_sub(1).and_then(|below| self.log.at(below)) else {
            progress.agrees = false;
            return false;
        };
        let mut entries: Vec<Arc<Block>> = Vec::new();
        let mut bytes = 0_usize;
        for entry in self.log.from(progress.next).take(MAX_ENTRIES) {
            bytes = bytes.saturating_add(entry.bytes);
            if bytes > Block::MAX_BYTES && !entries.is_empty() {
                break;
            }
            entries.push(Arc::clone(&entry.block));
        }
        let Some(last) = entries.last().map(|block| block.header.height) else { return false };
        progress.next = last.saturating_add(1);
        progress.unanswered.push_back(last);
        progress.told_commit = commit;
        self.out.send.push((To::One(member), Message::Append(Append { term, prev, entries, commit })));
        true
    }

    pub(super) fn on_appended(&mut self, from: ValidatorIndex, appended: Appended) {
        self.enter_term(appended.term);
        if !self.judge.is_current(appended.term, self.term()) {
            return;
        }
        let now = self.now;
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(progress) = leading.followers.get_mut(&from) else { return };
        progress.heard = now;
        match appended.result {
            AppendResult::Matched(height) => {
                let height = height.min(self.log.last().height);
                progress.matched = progress.matched.max(height);
                while progress.unanswered.pop_front_if(|last| *last <= height).is_some() {}
                if !progress.agrees {
                    progress.agrees = true;
                    progress.unanswered.clear();
                    progress.next = progress.matched.saturating_add(1);
                }
            }
            AppendResult::Conflict(hint) => {
                // Whoever refuses the entry below `next` names one further down, or another one there. All else answers an
                // earlier question: the search has gone on since.
                let asked = progress.next.saturating_sub(1);
                let is_own = self.log.at(asked).is_some_and(|own| own.end() == hint);
                if hint.height > asked || is_own {
                    return;
                }
                let agreed = self.log.last_up_to(hint).saturating_add(1);
                let next =
                    agreed.min(progress.next.saturating_sub(1)).max(progress.matched.saturating_add(1));
                // Each question goes at least one entry further down, so this ends: a late answer, or a follower that lost
                // what it held, is asked again with the next heartbeat.
                let goes_down = next < progress.next && !progress.is_gone;
                progress.agrees = false;
                progress.unanswered.clear();
                if goes_down {
                    progress.next = next;
                    self.say_present_to(from);
                }
            }
        }
    }

    /// Calls committed what a quorum holds on disk, if it is of this term (section 5.4.2). A leader counts itself like
    /// anyone else: by what is on its disk.
    pub(super) fn advance_commit(&mut self) {
        let Role::Leader(leading) = &self.role else { return };
        let own = self.log.durable_up_to(self.durable);
        let matched: Vec<Height> =
            leading.followers.values().map(|progress| progress.matched).chain([own]).collect();
        let held = rules::held_by_quorum(&matched, self.setup.committee.quorum());
        let Some(point) = held.and_then(|height| self.log.at(height)) else { return };
        if point.height > self.commit && self.judge.may_commit(point.term, self.term()) {
            self.commit = point.height;
        }
    }

    /// A leader without a quorum that answers steps down, so that whoever can reach one may lead (thesis, section 6.2).
    pub(super) fn check_quorum(&mut self) {
        let span = self.silence();
        let Role::Leader(leading) = &self.role else { return };
        if !leading.hears_quorum(&self.setup, self.now, span) && self.judge.checks_quorum() {
            self.follow(None);
        }
    }

    /// An append may be lost, and those behind it are useless then: a follower that has not moved for two heartbeats although
    /// appends are unanswered is asked again what it holds.
    pub(super) fn ask_the_stuck(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        for progress in leading.followers.values_mut() {
            let stands = progress.matched == progress.at_beat && !progress.unanswered.is_empty();
            progress.at_beat = progress.matched;
            progress.stuck_beats = if stands { progress.stuck_beats.saturating_add(1) } else { 0 };
            if progress.stuck_beats >= 2 {
                (progress.agrees, progress.stuck_beats) = (false, 0);
                progress.next = progress.matched.saturating_add(1);
                progress.unanswered.clear();
            }
        }
    }

    /// The leader asks for a payload for each height, a few ahead of what is committed.
    pub(super) fn want_payload(&mut self) {
        let turn = self.turn();
        if turn.is_some() && turn != self.wanted {
            self.out.want.clone_from(&turn);
        }
        self.wanted = turn;
    }

    fn turn(&self) -> Option<Turn> {
        let last = self.log.last();
        let is_leader = matches!(self.role, Role::Leader(_));
        let under_way = last.height.saturating_sub(self.commit);
        let is_first = self.log.last_term() != self.term();
        if !is_leader || (under_way >= IN_FLIGHT && !is_first) {
            return None;
        }
        let undecided = self.log.from(self.commit.saturating_add(1)).rev();
        Some(Turn {
            height: last.height.checked_add(1)?,
            tag: self.term(),
            parent: last.id,
            parent_time_ms: self.log.last_time_ms(),
            ancestors: undecided.map(|entry| Arc::clone(&entry.block)).collect(),
            at_once: is_first, // It commits what earlier terms left (section 8).
        })
    }

    /// Appends a block of its own: on disk here before anyone hears of it.
    pub(super) fn propose(&mut self, turn: &Turn, draft: Draft) {
        if self.wanted.take_if(|wanted| wanted.is_place_of(turn)).is_none() {
            return;
        }
        self.append_entry(turn.block(&self.setup.instance, self.setup.me, draft));
    }
}
