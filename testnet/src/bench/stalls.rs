//! How long a network stands still: the longest time without a commit while something waited for one.

use std::time::{Duration, Instant};

/// The longest such time of each phase of a run. One that spans two phases counts in the later.
#[derive(Debug)]
pub(super) struct Stalls {
    /// Since when nothing was committed that could have been.
    waiting_since: Option<Instant>,
    longest: Vec<Duration>,
}

impl Stalls {
    pub(super) fn new() -> Stalls {
        Stalls { waiting_since: None, longest: vec![Duration::ZERO] }
    }

    /// Something is due at this moment.
    pub(super) fn due(&mut self, at: Instant) {
        self.waiting_since.get_or_insert(at);
    }

    /// Something was committed; whether something else still waits.
    pub(super) fn committed(&mut self, seen: Instant, waiting: bool) {
        self.look(seen);
        self.waiting_since = waiting.then_some(seen);
    }

    /// A new phase begins, and what is waited for goes on.
    pub(super) fn next_phase(&mut self) {
        self.longest.push(Duration::ZERO);
    }

    /// The run is over: the longest time of each phase.
    pub(super) fn over(&mut self, now: Instant) -> Vec<Duration> {
        self.look(now);
        self.longest.clone()
    }

    fn look(&mut self, now: Instant) {
        if let (Some(since), Some(longest)) = (self.waiting_since, self.longest.last_mut()) {
            *longest = (*longest).max(now.saturating_duration_since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_in_which_something_waited_counts_and_in_the_phase_that_it_ends_in() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut stalls = Stalls::new();
        stalls.due(start);
        stalls.committed(start + ms(20), true);
        stalls.committed(start + ms(50), false);
        // Nothing waits for a second.
        stalls.due(start + ms(1_050));
        stalls.due(start + ms(1_060));
        stalls.next_phase();
        stalls.committed(start + ms(1_350), true);
        stalls.next_phase();
        assert_eq!(stalls.over(start + ms(1_360)), [ms(30), ms(300), ms(10)]);
    }

    #[test]
    fn what_is_never_committed_stalls_to_the_end() {
        let start = Instant::now();
        let mut stalls = Stalls::new();
        stalls.due(start);
        assert_eq!(stalls.over(start + Duration::from_secs(9)), [Duration::from_secs(9)]);
    }
}
