//! How many batches are under way at once: as many as keep the time to commit near a target.

use std::time::Duration;

/// The fewest batches under way.
pub const MIN_BATCHES: usize = 2;
/// The most batches under way.
pub const MAX_BATCHES: usize = 512;
/// Batches after which the limit is looked at again, so that one slow block changes it once.
const ROUND: usize = 8;

/// A limit that grows while batches commit within the target and shrinks when they do not, or when a mempool is full.
#[derive(Clone, Debug)]
pub struct Pace {
    target: Duration,
    limit: usize,
    fixed: bool,
    finished: usize,
    slow: usize,
}

impl Pace {
    /// Starts small and aims for `target` from submission to commit.
    pub fn aiming_for(target: Duration) -> Pace {
        Pace { target, limit: 4 * MIN_BATCHES, fixed: false, finished: 0, slow: 0 }
    }

    /// Always `limit` batches, at least one.
    pub fn fixed(limit: usize) -> Pace {
        Pace { target: Duration::ZERO, limit: limit.max(1), fixed: true, finished: 0, slow: 0 }
    }

    /// How many batches may be under way now.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// A batch was committed, this long after its submission.
    pub fn committed(&mut self, after: Duration) {
        if self.fixed {
            return;
        }
        self.finished += 1;
        self.slow += usize::from(after > self.target);
        if self.finished < ROUND.max(self.limit / 2) {
            return;
        }
        // More than half of a round above the target means the median is.
        self.limit = if 2 * self.slow > self.finished {
            (self.limit - self.limit.div_ceil(8)).max(MIN_BATCHES)
        } else {
            (self.limit + self.limit.div_ceil(16)).min(MAX_BATCHES)
        };
        (self.finished, self.slow) = (0, 0);
    }

    /// A node had no room for a batch.
    pub fn refused(&mut self) {
        if !self.fixed {
            self.limit = (self.limit - self.limit.div_ceil(4)).max(MIN_BATCHES);
            (self.finished, self.slow) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(250);

    /// A network that takes `capacity` batches in a target's time, and queues the rest.
    fn settle(mut pace: Pace, capacity: usize) -> usize {
        for _ in 0..20_000 {
            let after = TARGET * u32::try_from(pace.limit()).unwrap() / u32::try_from(capacity).unwrap();
            pace.committed(after);
        }
        pace.limit()
    }

    #[test]
    fn the_limit_settles_where_the_network_meets_the_target() {
        for capacity in [8, 40, 300] {
            let limit = settle(Pace::aiming_for(TARGET), capacity);
            assert!(
                (capacity * 3 / 4..=capacity * 5 / 4).contains(&limit),
                "{limit} for a capacity of {capacity}"
            );
        }
    }

    #[test]
    fn the_limit_keeps_its_bounds() {
        assert_eq!(settle(Pace::aiming_for(TARGET), 1), MIN_BATCHES);
        assert_eq!(settle(Pace::aiming_for(TARGET), 1_000_000), MAX_BATCHES);
    }

    #[test]
    fn a_full_mempool_shrinks_the_limit_and_a_fixed_one_stays() {
        let mut pace = Pace::aiming_for(TARGET);
        let before = pace.limit();
        pace.refused();
        assert!(pace.limit() < before);
        let mut fixed = Pace::fixed(7);
        fixed.refused();
        assert_eq!(settle(fixed, 1), 7);
    }
}
