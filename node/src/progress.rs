//! How a group moves: since when its height stands, since when work waits, and how fast it catches up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use witan_types::Height;

/// How often the sealed height is remembered, and how many times, for the speed at which a node catches up.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
const SAMPLES: usize = 10;

/// How a group moved so far. Fed now and then by the loop.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    height: Height,
    /// When the height last changed.
    moved: Instant,
    /// Since when work waits, if it does.
    waiting: Option<Instant>,
    samples: VecDeque<(Instant, Height)>,
}

impl Progress {
    pub(crate) fn new(height: Height, now: Instant) -> Progress {
        Progress { height, moved: now, waiting: None, samples: VecDeque::new() }
    }

    /// The group stands so now.
    pub(crate) fn note(&mut self, height: Height, sealed: Height, has_work: bool, now: Instant) {
        if height != self.height {
            (self.height, self.moved) = (height, now);
        }
        self.waiting = has_work.then(|| self.waiting.unwrap_or(now));
        let due = self.samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= SAMPLE_INTERVAL);
        if due {
            self.samples.push_back((now, sealed));
            if self.samples.len() > SAMPLES {
                self.samples.pop_front();
            }
        }
    }

    /// For how long work has waited without a block.
    pub(crate) fn stalled(&self, now: Instant) -> Duration {
        let since = self.waiting.map(|waiting| waiting.max(self.moved));
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// For how long there was no block.
    pub(crate) fn still(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.moved)
    }

    /// Sealed blocks a second over the last samples; none before there are two.
    pub(crate) fn sealed_a_second(&self) -> Option<u64> {
        let ((first, from), (last, to)) = (self.samples.front()?, self.samples.back()?);
        let seconds = last.duration_since(*first).as_secs();
        to.checked_sub(*from)?.checked_div(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stalls_from_when_work_waits_or_the_last_block_came() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut progress = Progress::new(7, start);
        progress.note(7, 7, false, at(50));
        assert_eq!((progress.stalled(at(60)), progress.still(at(60)).as_secs()), (Duration::ZERO, 60));
        progress.note(7, 7, true, at(60));
        progress.note(7, 7, true, at(63));
        assert_eq!(progress.stalled(at(64)), Duration::from_secs(4), "not since the last block");
        progress.note(8, 7, true, at(65));
        assert_eq!(progress.stalled(at(66)), Duration::from_secs(1));
        progress.note(8, 7, false, at(67));
        assert_eq!(progress.stalled(at(70)), Duration::ZERO);
    }

    #[test]
    fn speed_is_told_of_the_last_seconds_alone() {
        let start = Instant::now();
        let mut progress = Progress::new(0, start);
        assert_eq!(progress.sealed_a_second(), None);
        progress.note(0, 0, false, start);
        assert_eq!(progress.sealed_a_second(), None, "one look is no speed");
        for second in 1..=60 {
            progress.note(
                0,
                if second < 30 { second } else { 30 + 5 * (second - 30) },
                false,
                start + Duration::from_secs(second),
            );
        }
        assert_eq!(progress.sealed_a_second(), Some(5));
    }
}
