//! Views in time: who leads, how long to wait, when to say things again.

use super::Pbft;
use super::rules::View;
use crate::pacing::{backed_off, spread};
use borsh::{BorshDeserialize, BorshSerialize};
use std::time::Duration;
use witan_types::{Height, ValidatorIndex};

/// How many heights a leader's turn lasts.
pub const TURN_HEIGHTS: Height = 32;

/// The engine's timers. A view in which blocks are decided has new ones for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub enum Timer {
    /// Gives the view up, unless a block above this height was decided.
    Progress(View, Height),
    /// Gives up waiting for the new view.
    NewView(View),
    /// Says again what was said in the view about heights above this one.
    Resend(View, Height),
    /// Asks somebody else for missing blocks.
    Fetch,
}

impl witan_types::Wire for Timer {
    const MAX_BYTES: usize = 17;
}

/// The leader of a height in a view, in a committee of `size`: each in turn, and each view moves all turns by one.
pub fn leader_of(view: View, height: Height, size: usize) -> ValidatorIndex {
    let size = u64::try_from(size).unwrap_or(u64::MAX).max(1);
    let turn = (view % size).saturating_add(height / TURN_HEIGHTS % size) % size;
    ValidatorIndex(u16::try_from(turn).unwrap_or_default())
}

/// Which timers run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    progress: Option<(View, Height)>,
    new_view: Option<View>,
    resend: Option<(View, Height)>,
    /// Whether the fetch timer runs.
    pub(super) fetch: bool,
}

impl Running {
    /// Whether a view will be given up if nothing happens.
    pub(super) fn is_counting_down(&self) -> bool {
        self.counts_down().is_some()
    }

    /// The timer that gives the view up.
    pub(super) fn counts_down(&self) -> Option<Timer> {
        let progress = self.progress.map(|(view, height)| Timer::Progress(view, height));
        progress.or(self.new_view.map(Timer::NewView))
    }
}

impl Pbft {
    /// Whether anything waits to be agreed on: the host's work, or a block that may be under way.
    fn has_work(&self) -> bool {
        let decided = self.decided.height;
        let promised = self.promises.slots.last_key_value().is_some_and(|(height, _)| *height > decided);
        self.pending || promised || self.target.is_some() || !self.chosen.is_empty() || !self.held.is_empty()
    }

    /// Sets the timers that must run and do not. None runs while there is no work.
    pub(super) fn run_timers(&mut self) {
        if !self.has_work() {
            (self.running.progress, self.running.new_view, self.running.resend) = (None, None, None);
            return;
        }
        let (view, here) = (self.promises.view, (self.promises.view, self.decided.height));
        if !self.promises.is_active() {
            self.running.progress = None;
            if self.is_new_view_due() && self.running.new_view != Some(view) {
                self.running.new_view = Some(view);
                let wait = spread(&self.setup, view, backed_off(&self.setup, self.failures), 100);
                self.out.timers.push((Timer::NewView(view), wait));
            }
        } else if self.running.progress != Some(here) {
            (self.running.progress, self.running.new_view) = (Some(here), None);
            self.out.timers.push((Timer::Progress(view, self.decided.height), self.patience()));
        }
        if self.running.resend != Some(here) {
            self.set_resend_timer(here);
        }
    }

    /// How long to wait for the next decision.
    fn patience(&self) -> Duration {
        let leader = self.leader(self.decided.height.saturating_add(1));
        self.doubts.patience(&self.setup, self.promises.view, leader, self.failures)
    }

    fn set_resend_timer(&mut self, here: (View, Height)) {
        self.running.resend = Some(here);
        // A view change is said again at the base rate, never backed off, so that members that come back hear it soon.
        let base = self.setup.base_timeout;
        let wait = if self.promises.is_active() { base / 2 } else { base };
        self.out.timers.push((Timer::Resend(here.0, here.1), wait));
    }

    pub(super) fn on_timer(&mut self, timer: Timer) {
        let here = (self.promises.view, self.decided.height);
        match timer {
            Timer::Progress(view, height)
                if self.running.progress == Some((view, height)) && here == (view, height) =>
            {
                self.give_up(view.saturating_add(1));
            }
            Timer::NewView(view) if self.running.new_view == Some(view) && !self.promises.is_active() => {
                self.give_up(view.saturating_add(1));
            }
            Timer::Resend(view, height)
                if self.running.resend == Some((view, height)) && here == (view, height) =>
            {
                self.resend();
                self.set_resend_timer(here);
            }
            Timer::Fetch => self.ask_again(),
            Timer::Progress(..) | Timer::NewView(_) | Timer::Resend(..) => {}
        }
    }
}
