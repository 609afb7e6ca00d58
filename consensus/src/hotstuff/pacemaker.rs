//! Rounds in time: how long to wait, when to say things again.

use super::HotStuff;
use super::certificate::Round;
use borsh::{BorshDeserialize, BorshSerialize};

/// The engine's timers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub enum Timer {
    /// Gives the round up.
    Round(Round),
    /// Says again what was said in the round.
    Resend(Round),
    /// Asks somebody else for missing blocks.
    Fetch,
}

impl witan_types::Wire for Timer {
    const MAX_BYTES: usize = 16;
}

/// Which timers run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    /// The round whose timer runs.
    pub(super) round: Option<Round>,
    /// The round whose resend timer runs.
    pub(super) resend: Option<Round>,
    /// Whether the fetch timer runs.
    pub(super) fetch: bool,
}

impl HotStuff {
    /// Whether anything waits to be agreed on: the host's work, a block proposed or certified but not decided, or a
    /// time-out that has not yet become a certificate.
    fn has_work(&self) -> bool {
        let round = self.state.round();
        let certified = self.state.high_qc.round > self.decided.tag;
        let proposed =
            !self.held.is_empty() || self.state.last_vote.as_ref().is_some_and(|vote| vote.round == round);
        self.pending || certified || proposed || self.state.has_timed_out()
    }

    /// Sets the timers that must run and do not. None runs while there is no work.
    pub(super) fn run_timers(&mut self) {
        if !self.has_work() {
            self.running.round = None;
            self.running.resend = None;
            return;
        }
        let round = self.state.round();
        if self.running.round != Some(round) {
            self.running.round = Some(round);
            // The cap on time-outs is safe: only certificates advance rounds, so members are never further apart than a
            // message.
            let (leader, failures) = (self.leader(round), self.state.consecutive_timeouts());
            let patience = self.doubts.patience(&self.setup, round, leader, failures);
            self.out.timers.push((Timer::Round(round), patience));
        }
        if self.running.resend != Some(round) {
            self.set_resend_timer(round);
        }
    }

    fn set_resend_timer(&mut self, round: Round) {
        self.running.resend = Some(round);
        // A time-out is said again at the base rate, never backed off, so that members that come back hear it soon.
        let wait =
            if self.state.has_timed_out() { self.setup.base_timeout } else { self.setup.base_timeout / 2 };
        self.out.timers.push((Timer::Resend(round), wait));
    }

    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Round(round) if self.running.round == Some(round) && round == self.state.round() => {
                self.time_out()
            }
            Timer::Resend(round) if self.running.resend == Some(round) && round == self.state.round() => {
                self.resend();
                self.set_resend_timer(round);
            }
            Timer::Fetch => self.ask_again(),
            Timer::Round(_) | Timer::Resend(_) => {}
        }
    }
}
