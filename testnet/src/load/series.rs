//! A load over time: how much was due and committed, and how long it took, in steps of a second or more.

use super::outcome::micros;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// The most steps of a load; longer ones have longer steps.
const MAX_STEPS: u64 = 300;
/// The shortest step.
const STEP: Duration = Duration::from_secs(1);
/// Steps after the window that are told apart: for what commits late.
const MAX_LATE_STEPS: u64 = 60;

/// One step.
#[derive(Debug)]
struct Step {
    due: u64,
    committed: u64,
    /// Of what was due in this step, in microseconds.
    latency_us: Histogram<u64>,
}

/// All steps from the first that was due.
#[derive(Debug)]
pub(super) struct Series {
    length: Duration,
    steps: Vec<Step>,
    most: usize,
}

/// One step as reports show it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// When the step begins, in seconds since the first was due.
    pub at_s: f64,
    /// Transactions a second that were due.
    pub due_per_s: f64,
    /// Transactions a second that were committed.
    pub committed_per_s: f64,
    /// Median latency of what was due in this step, in milliseconds; none if nothing of it was committed.
    pub p50_ms: Option<f64>,
    /// The same, 95 of 100.
    pub p95_ms: Option<f64>,
    /// The same, 99 of 100.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
}

impl Series {
    pub(super) fn new(window: Duration) -> Series {
        let seconds = window.as_secs().div_ceil(MAX_STEPS).max(1);
        let most = window.as_secs().div_ceil(seconds).saturating_add(MAX_LATE_STEPS);
        let length = STEP * u32::try_from(seconds).unwrap_or(u32::MAX);
        Series { length, steps: Vec::new(), most: usize::try_from(most).unwrap_or(1) }
    }

    fn step(&mut self, at: Duration) -> Option<&mut Step> {
        let place = at.as_nanos().checked_div(self.length.as_nanos())?;
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(self.most.saturating_sub(1));
        while self.steps.len() <= place {
            // Two digits are enough for a plot.
            let latency_us = Histogram::new(2).ok()?;
            self.steps.push(Step { due: 0, committed: 0, latency_us });
        }
        self.steps.get_mut(place)
    }

    /// A transaction was due.
    pub(super) fn due(&mut self, at: Duration) {
        if let Some(step) = self.step(at) {
            step.due += 1;
        }
    }

    /// A transaction that was due then was committed.
    pub(super) fn committed(&mut self, due: Duration, at: Duration, latency: Duration) {
        if let Some(step) = self.step(at) {
            step.committed += 1;
        }
        if let Some(step) = self.step(due) {
            // It grows by itself.
            step.latency_us.record(micros(latency)).ok();
        }
    }

    /// The steps of a load of this length; the last one may be shorter.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn points(&self) -> Vec<Point> {
        let seconds = self.length.as_secs_f64();
        let point = |(place, step): (usize, &Step)| {
            let quantile = |quantile| {
                let some = !step.latency_us.is_empty();
                some.then(|| step.latency_us.value_at_quantile(quantile) as f64 / 1e3)
            };
            Point {
                at_s: place as f64 * seconds,
                due_per_s: step.due as f64 / seconds,
                committed_per_s: step.committed as f64 / seconds,
                p50_ms: quantile(0.5),
                p95_ms: quantile(0.95),
                p99_ms: quantile(0.99),
                max_ms: quantile(1.0),
            }
        };
        self.steps.iter().enumerate().map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_counts_where_it_was_due_and_a_commit_where_it_happened() {
        let mut series = Series::new(Duration::from_secs(3));
        let (due, at) = (Duration::from_millis(500), Duration::from_millis(2_500));
        series.due(due);
        series.committed(due, at, at - due);
        let points = series.points();
        assert_eq!(points.iter().map(|point| point.due_per_s).collect::<Vec<_>>(), [1.0, 0.0, 0.0]);
        assert_eq!(points.iter().map(|point| point.committed_per_s).collect::<Vec<_>>(), [0.0, 0.0, 1.0]);
        let stalled = points[0].p50_ms.unwrap();
        assert!((1_980.0..2_040.0).contains(&stalled), "{stalled}");
        assert_eq!((points[1].p99_ms, points[2].max_ms), (None, None));
    }

    #[test]
    fn however_long_a_load_is_its_steps_are_bounded() {
        let mut series = Series::new(Duration::from_secs(3_600));
        series.due(Duration::from_secs(3_599));
        series.due(Duration::from_secs(1_000_000));
        assert_eq!(series.steps.len() as u64, MAX_STEPS + MAX_LATE_STEPS);
        assert_eq!(series.points().iter().map(|point| point.due_per_s * 12.0).sum::<f64>().round(), 2.0);
    }
}
