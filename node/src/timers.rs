//! The loop's timers: setting one again replaces its earlier setting, and none is ever cancelled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use witan_replica::Timer;
use witan_types::GroupId;

/// A timer of one group.
type Name = (GroupId, Timer);

/// Timers by their moment, counted from the loop's start.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    moments: BTreeMap<Name, Duration>,
    order: BTreeSet<(Duration, Name)>,
}

impl Timers {
    pub(crate) fn set(&mut self, name: Name, moment: Duration) {
        if let Some(earlier) = self.moments.insert(name.clone(), moment) {
            self.order.remove(&(earlier, name.clone()));
        }
        self.order.insert((moment, name));
    }

    /// How long until the next one is due; zero if one is.
    pub(crate) fn until_next(&self, now: Duration) -> Duration {
        self.order.first().map_or(Duration::MAX, |(moment, _)| moment.saturating_sub(now))
    }

    /// Takes out those that are due, earliest first.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<Name> {
        let mut due = Vec::new();
        while self.order.first().is_some_and(|(moment, _)| *moment <= now) {
            if let Some((_, name)) = self.order.pop_first() {
                self.moments.remove(&name);
                due.push(name);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(timer: Timer) -> Name {
        (GroupId(1), timer)
    }

    #[test]
    fn a_timer_set_again_fires_once_at_its_later_moment() {
        let mut timers = Timers::default();
        timers.set(name(Timer::Heartbeat), Duration::from_secs(1));
        timers.set(name(Timer::Propose), Duration::from_secs(2));
        timers.set(name(Timer::Heartbeat), Duration::from_secs(3));
        assert_eq!(timers.until_next(Duration::from_secs(1)), Duration::from_secs(1));
        assert_eq!(timers.due(Duration::from_secs(2)), vec![name(Timer::Propose)]);
        assert_eq!(timers.due(Duration::from_secs(9)), vec![name(Timer::Heartbeat)]);
        assert_eq!(timers.until_next(Duration::from_secs(9)), Duration::MAX);
    }
}
