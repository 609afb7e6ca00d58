//! Terms in time: when to ask for votes, when to say that one leads.

use super::rules::Term;
use super::{Raft, Role};
use crate::pacing::{backed_off, spread};
use borsh::{BorshDeserialize, BorshSerialize};
use std::time::Duration;

/// The shortest wait for what is left of a time-out: a host's clock may be coarser than what is left.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// The engine's timers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub enum Timer {
    /// Asks for votes, unless a leader was heard meanwhile: numbered, so that a stale one is ignored.
    Election(u64),
    /// Says that it leads.
    Heartbeat(Term),
}

impl witan_types::Wire for Timer {
    const MAX_BYTES: usize = 9;
}

/// Which timers run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    /// The number of the last election timer.
    elections: u64,
    /// Whether it runs.
    election: bool,
    /// How long the wait for a leader is, and since when.
    wait: Duration,
    since: Duration,
    heartbeat: Option<Term>,
}

impl Running {
    /// Whether an election will follow if nothing happens.
    pub(super) fn is_counting_down(&self) -> bool {
        self.election
    }

    /// The timer that asks for votes.
    pub(super) fn counts_down(&self) -> Option<Timer> {
        self.election.then_some(Timer::Election(self.elections))
    }
}

impl Raft {
    /// Whether anything waits to be agreed on: the host's work, entries that are not known to be committed, a follower in
    /// reach that does not hold all of them yet.
    fn has_work(&self) -> bool {
        let last = self.log.last().height;
        let lags = match &self.role {
            Role::Leader(leading) => leading.is_followed_late(last, self.now, self.silence()),
            _ => false,
        };
        self.pending || self.incoming.is_waiting() || last > self.commit || lags
    }

    /// How long a leader takes a follower that does not answer to be in reach.
    pub(super) fn silence(&self) -> Duration {
        self.setup.base_timeout.saturating_mul(2)
    }

    /// Whether it says nothing of its own accord.
    pub(super) fn is_quiet(&self) -> bool {
        self.running.heartbeat.is_none()
    }

    /// Sets the timers that must run and do not. None runs while there is no work.
    pub(super) fn run_timers(&mut self) {
        if !self.has_work() {
            (self.running.election, self.running.heartbeat) = (false, None);
            return;
        }
        let (now, term) = (self.now, self.term());
        if let Role::Leader(leading) = &mut self.role {
            self.running.election = false;
            if self.running.heartbeat != Some(term) {
                leading.forgive_silence(now);
                self.set_heartbeat();
            }
        } else {
            self.running.heartbeat = None;
            if !self.running.election {
                self.running.wait = self.election_timeout();
                self.set_election_timer(self.running.wait);
            }
        }
    }

    fn set_heartbeat(&mut self) {
        self.running.heartbeat = Some(self.term());
        self.out.timers.push((Timer::Heartbeat(self.term()), self.setup.base_timeout / 4));
    }

    fn set_election_timer(&mut self, wait: Duration) {
        self.running.election = true;
        self.running.since = self.now.0;
        self.running.elections = self.running.elections.saturating_add(1);
        self.out.timers.push((Timer::Election(self.running.elections), wait));
    }

    /// How long to wait for a leader: up to twice the base, so that votes are seldom split (section 5.2), longer with each
    /// election that brought none. At the very start one member goes ahead, for there is nothing to wait for.
    fn election_timeout(&self) -> Duration {
        let size = u64::try_from(self.setup.committee.size()).unwrap_or(u64::MAX).max(1);
        let is_fresh = self.term() == 0 && self.log.last().term == 0 && self.failures == 0;
        if is_fresh && u64::from(self.setup.me.0) == self.log.root().height % size {
            return self.setup.base_timeout / 10;
        }
        let draw = self.term().wrapping_mul(1_000_003).wrapping_add(self.running.elections);
        spread(&self.setup, draw, backed_off(&self.setup, self.failures), 1000)
    }

    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Election(number) if self.running.election && number == self.running.elections => {
                self.on_election_timer();
            }
            Timer::Heartbeat(term) if self.running.heartbeat == Some(term) && term == self.term() => {
                self.check_quorum();
                self.ask_the_stuck();
                if matches!(self.role, Role::Leader(_)) {
                    self.say_present();
                    self.set_heartbeat();
                }
            }
            Timer::Election(_) | Timer::Heartbeat(_) => {}
        }
    }

    /// A leader heard since the timer was set has its full time from then on.
    fn on_election_timer(&mut self) {
        self.running.election = false;
        let heard = self.heard.map(|heard| heard.0).filter(|heard| *heard > self.running.since);
        let due = heard.map_or(self.now.0, |heard| heard.saturating_add(self.running.wait));
        let left = due.saturating_sub(self.now.0);
        if !left.is_zero() {
            self.set_election_timer(left.max(LEAST_WAIT));
            return;
        }
        if self.is_candidate() {
            self.failures = self.failures.saturating_add(1);
        }
        self.ask_for_votes();
    }
}
