//! What came of a load.

use super::drive::DrivePlan;
use super::outcome::{Counts, Outcomes};
use super::series::{Point, Series};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use witan_types::Genesis;

/// The share of latencies below each figure that reports tell, in percent.
pub const PERCENTILES: [f64; 14] =
    [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0];

/// A latency that this share of transactions did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentile {
    /// Which share, in percent.
    pub percent: f64,
    /// The latency, in milliseconds.
    pub ms: f64,
}

/// A load's report. The names of its fields are those of `witan testnet load --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadReport {
    /// The network.
    pub chain: String,
    /// The engines of its groups that hold keys.
    pub engines: Vec<String>,
    /// The nodes that took the load.
    pub nodes: Vec<String>,
    /// Transactions a second that were due.
    pub offered_per_s: u64,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Connections.
    pub clients: usize,
    /// The share of transactions that span two groups, in percent.
    pub cross_shard_percent: u32,
    /// Bytes of a signed transaction.
    pub tx_bytes: usize,
    /// Where the load came from.
    pub seed: u64,
    /// Transactions that were due.
    pub due: u64,
    /// How they ended.
    pub outcomes: Counts,
    /// Applied ones that spanned groups.
    pub applied_across: u64,
    /// Committed a second, from the first that was due to the last that was committed.
    pub tx_per_s: f64,
    /// Median time from when a transaction was due until its commit was known, in milliseconds.
    pub p50_ms: f64,
    /// The same, 95 of 100.
    pub p95_ms: f64,
    /// The same, 99 of 100.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The same at more shares.
    pub percentiles: Vec<Percentile>,
    /// How often the same bytes went to another node, for one was gone, full or late.
    pub resubmitted: u64,
    /// Transactions acknowledged as committed that no node knew afterwards.
    pub lost: u64,
    /// The load over time.
    pub series: Vec<Point>,
}

impl LoadReport {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn new(
        plan: &DrivePlan,
        genesis: &Genesis,
        due: u64,
        outcomes: Outcomes,
        series: Series,
        lost: u64,
    ) -> LoadReport {
        let latency = &outcomes.latency_us;
        let ms = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1e3;
        let percentile = |percent: f64| Percentile { percent, ms: ms(percent / 100.0) };
        let series = series.points();
        let last = series.iter().rposition(|point| point.committed_per_s > 0.0).map_or(0, |place| place + 1);
        let step = series.get(1).map_or(1.0, |point| point.at_s);
        let seconds = plan.window.as_secs_f64();
        // The step of the last commit counts whole, so the window itself is the better divisor if that is the longer one.
        let took =
            if outcomes.counts.applied == 0 { seconds } else { seconds.max((last as f64 - 1.0) * step) };
        LoadReport {
            chain: genesis.chain().to_string(),
            engines: genesis
                .user_groups()
                .filter_map(|group| genesis.engine(group))
                .map(|engine| engine.label())
                .collect(),
            nodes: plan.nodes.iter().map(|node| node.name.clone()).collect(),
            offered_per_s: plan.per_second,
            seconds,
            clients: plan.clients,
            cross_shard_percent: plan.across,
            tx_bytes: plan.bytes,
            seed: plan.seed,
            due,
            applied_across: outcomes.across,
            tx_per_s: outcomes.counts.applied as f64 / took.max(f64::MIN_POSITIVE),
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
            max_ms: latency.max() as f64 / 1e3,
            percentiles: PERCENTILES.into_iter().map(percentile).collect(),
            resubmitted: outcomes.resubmitted,
            outcomes: outcomes.counts,
            lost,
            series,
        }
    }
}

/// Each outcome with its number: `failed CHECK_FAILED`.
pub(super) fn rows(counts: &Counts) -> Vec<(String, u64)> {
    let each = |name: &str, by: &BTreeMap<String, u64>| -> Vec<(String, u64)> {
        if by.is_empty() {
            return vec![(name.to_owned(), 0)];
        }
        by.iter().map(|(reason, count)| (format!("{name} {reason}"), *count)).collect()
    };
    let mut rows = vec![("applied".to_owned(), counts.applied)];
    rows.extend(each("failed", &counts.failed));
    rows.extend(each("aborted", &counts.aborted));
    rows.push(("expired".to_owned(), counts.expired));
    rows.extend(each("refused", &counts.refused));
    rows.push(("unknown".to_owned(), counts.unknown));
    rows
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} transactions in {:.0} s at {} tx/s, {} % across groups, {} bytes each: {:.0} tx/s committed",
            self.due,
            self.seconds,
            self.offered_per_s,
            self.cross_shard_percent,
            self.tx_bytes,
            self.tx_per_s
        )?;
        writeln!(
            f,
            "latency from when each was due: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            self.p50_ms, self.p95_ms, self.p99_ms, self.max_ms
        )?;
        for (outcome, count) in rows(&self.outcomes) {
            writeln!(f, "  {outcome:<24} {count}")?;
        }
        writeln!(f, "  {:<24} {}", "sent again elsewhere", self.resubmitted)?;
        write!(f, "lost = {}", self.lost)
    }
}
