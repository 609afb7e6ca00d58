//! When each transaction of an open loop is due, whatever became of those before.

use std::time::Duration;

/// So many a second, evenly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    per_second: u64,
}

impl Schedule {
    /// This many a second, at least one.
    pub fn per_second(rate: u64) -> Schedule {
        Schedule { per_second: rate.max(1) }
    }

    /// When the `number`-th is due after the start, counted from 0.
    pub fn due(&self, number: u64) -> Duration {
        let (seconds, rest) = (number / self.per_second, number % self.per_second);
        // The rest is below the rate, so this is below a second.
        let nanoseconds = u128::from(rest) * 1_000_000_000 / u128::from(self.per_second);
        Duration::new(seconds, u32::try_from(nanoseconds).unwrap_or(0))
    }

    /// How many are due within a time.
    pub fn count(&self, window: Duration) -> u64 {
        let count = window.as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_even_and_as_many_as_the_rate_says() {
        let schedule = Schedule::per_second(300);
        assert_eq!((schedule.due(0), schedule.due(300)), (Duration::ZERO, Duration::from_secs(1)));
        assert_eq!(schedule.due(150), Duration::from_millis(500));
        for window in [Duration::from_millis(500), Duration::from_secs(7)] {
            let count = schedule.count(window);
            assert!(schedule.due(count) >= window && schedule.due(count - 1) < window);
        }
        assert_eq!(Schedule::per_second(0).count(Duration::from_secs(3)), 3);
    }
}
