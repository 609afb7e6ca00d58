//! How transactions ended, counted.

use crate::workload::{Fate, Journey};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use witan_rpc::TransactionState;

/// The longest latency that is told apart from longer ones, in microseconds.
pub(super) const LONGEST_US: u64 = 600_000_000;

/// Counts by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Committed: decided and executed, with effect.
    pub applied: u64,
    /// Executed without effect, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Across groups, and given up, by reason.
    pub aborted: BTreeMap<String, u64>,
    /// Not executed in time.
    pub expired: u64,
    /// Refused by every node that answered, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Nobody could tell in time.
    pub unknown: u64,
}

/// Counts and latencies.
#[derive(Debug)]
pub(super) struct Outcomes {
    pub(super) counts: Counts,
    /// From when a transaction was due until its commit was known, of those that were applied, in microseconds.
    pub(super) latency_us: Histogram<u64>,
    /// How often the same bytes went to another node.
    pub(super) resubmitted: u64,
    /// Applied transactions that spanned groups.
    pub(super) across: u64,
}

/// A histogram of latencies in microseconds.
pub(super) fn latencies() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST_US, 3) {
        Ok(histogram) => histogram,
        Err(error) => panic!("constant bounds: {error}"),
    }
}

/// A latency as the histogram takes it.
pub(super) fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).max(1)
}

impl Outcomes {
    pub(super) fn new() -> Outcomes {
        Outcomes { counts: Counts::default(), latency_us: latencies(), resubmitted: 0, across: 0 }
    }

    pub(super) fn add(&mut self, journey: &Journey, latency: Duration) {
        self.resubmitted += u64::from(journey.moves);
        let counts = &mut self.counts;
        let status = match &journey.fate {
            Fate::Ended(status) => status,
            Fate::Refused { reason, .. } => return bump(&mut counts.refused, Some(reason.clone())),
            Fate::Unknown => return counts.unknown += 1,
        };
        let reason = status.result.as_ref().and_then(|result| result.reason.clone());
        match status.status {
            TransactionState::Committed => {
                counts.applied += 1;
                self.across += u64::from(!status.phases.is_empty());
                self.latency_us.saturating_record(micros(latency));
            }
            TransactionState::Failed => bump(&mut counts.failed, reason),
            TransactionState::Aborted => bump(&mut counts.aborted, reason),
            TransactionState::Expired => counts.expired += 1,
            TransactionState::Unknown | TransactionState::Accepted | TransactionState::Pending => {
                counts.unknown += 1;
            }
        }
    }
}

fn bump(counts: &mut BTreeMap<String, u64>, reason: Option<String>) {
    *counts.entry(reason.unwrap_or_else(|| "NO_REASON".into())).or_default() += 1;
}
