//! What a benchmark came to.

use serde::Serialize;
use std::fmt;
use witan_types::{EngineKind, FaultModel};

/// The figures of one run. The names of the fields are those of `witan bench --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchReport {
    /// The engine of the loaded group.
    pub engine: EngineKind,
    /// What its members may do wrong.
    pub faults: FaultModel,
    /// Validators that ran.
    pub nodes: usize,
    /// Processor cores of the machine.
    pub cores: usize,
    /// Length of the measured window, after the warm-up.
    pub seconds: f64,
    /// Transactions committed in the window.
    pub transactions: u64,
    /// Transactions committed a second.
    pub tx_per_s: f64,
    /// The same in submissions a second.
    pub requests_per_s: f64,
    /// From just before submission, or in an open loop from when it was due, until the client had read the block with the
    /// transaction or its answer: the median.
    pub p50_ms: f64,
    /// The same, 95 of 100.
    pub p95_ms: f64,
    /// The same, 99 of 100.
    pub p99_ms: f64,
    /// The same, the longest.
    pub max_ms: f64,
    /// Processor time of all nodes a committed transaction, in microseconds.
    pub cpu_us_per_tx: f64,
    /// Processor time of the client a committed transaction.
    pub client_cpu_us_per_tx: f64,
    /// Both together.
    pub total_cpu_us_per_tx: f64,
    /// The most resident memory of any node, in megabytes (10^6 bytes).
    pub rss_mb: f64,
    /// The same of each node.
    pub rss_mb_per_node: Vec<f64>,
    /// The cheapest verification of a signature in batches of 256, in microseconds on one core, measured before and
    /// after the load.
    pub verify_us: f64,
    /// `tx_per_s` divided by what the machine could do if nodes did nothing but verify each signature once, batched:
    /// cores / (nodes x `verify_us`).
    pub share_of_limit: f64,
    /// Bytes of a signed transaction.
    pub tx_bytes: usize,
    /// Keys that were written before the load, which then writes these; none if the load begins without.
    pub keys: Option<u64>,
    /// Transactions in a submission.
    pub batch: usize,
    /// Submissions under way at the end of the window.
    pub in_flight: usize,
    /// Times that a mempool had no room.
    pub mempool_full: u64,
    /// Submissions that failed otherwise.
    pub failed: u64,
    /// Accepted transactions that were not committed within the time granted after the window.
    pub lost: u64,
    /// Whether the signed load ran out before the time did, which ended the window early.
    pub load_ran_out: bool,
    /// Of an open loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered: Option<Offered>,
}

/// What an open loop offered, and whether the network kept up with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offered {
    /// Transactions a second.
    pub rate: u64,
    /// Transactions that were due in the window. Times to commit are those of all that nodes took in; what was lost counts until the end.
    pub transactions: u64,
    /// Whether 99 of 100 of the rate, less one submission, were committed within the window.
    pub held: bool,
    /// The most that the client was late with a submission, in milliseconds. It is part of the times to commit.
    pub sent_late_ms: f64,
    /// The longest time without a commit while something waited for one, in milliseconds; before the kill, if there was one.
    pub stall_ms: f64,
    /// The same after validators were killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub killed: Option<AfterKill>,
}

/// What happened after validators were killed (SIGKILL) in the middle of the window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AfterKill {
    /// How many were killed.
    pub nodes: usize,
    /// The longest time without a commit in the two seconds after the kill, with the first view changes, in milliseconds.
    pub stall_ms: f64,
    /// The longest one from then on, in milliseconds.
    pub stall_later_ms: f64,
}

/// The most transactions a second that `cores` could verify for `nodes` validators, at `verify_us` microseconds each.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
pub(super) fn limit_tx_per_s(cores: usize, nodes: usize, verify_us: f64) -> f64 {
    cores as f64 / (nodes.max(1) as f64 * verify_us.max(f64::MIN_POSITIVE) * 1e-6)
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory: Vec<String> =
            self.rss_mb_per_node.iter().map(|megabytes| format!("{megabytes:.0}")).collect();
        let BenchReport { engine, nodes, cores, tx_bytes, batch, .. } = self;
        writeln!(
            f,
            "{}, {nodes} validators on {cores} cores, {tx_bytes}-byte transactions in batches of {batch}",
            engine.label()
        )?;
        writeln!(
            f,
            "  throughput      {:>9.0} tx/s  ({} in {:.1} s, {:.0} submissions/s)",
            self.tx_per_s, self.transactions, self.seconds, self.requests_per_s
        )?;
        if let Some(offered) = &self.offered {
            writeln!(f, "{offered}")?;
        }
        writeln!(
            f,
            "  to commit       {:>9.1} ms p50, {:.1} ms p95, {:.1} ms p99, {:.1} ms at most",
            self.p50_ms, self.p95_ms, self.p99_ms, self.max_ms
        )?;
        writeln!(
            f,
            "  processor       {:>9.1} us/tx over all nodes, {:.1} us/tx client, {:.1} us/tx together",
            self.cpu_us_per_tx, self.client_cpu_us_per_tx, self.total_cpu_us_per_tx
        )?;
        writeln!(
            f,
            "  memory          {:>9.0} MB at most  (each node: {} MB)",
            self.rss_mb,
            memory.join(", ")
        )?;
        writeln!(f, "  verification    {:>9.2} us a signature at the least", self.verify_us)?;
        writeln!(
            f,
            "  share of limit  {:>9.3}  (the limit: {:.0} tx/s, cores / (nodes x verification))",
            self.share_of_limit,
            limit_tx_per_s(*cores, *nodes, self.verify_us)
        )?;
        write!(
            f,
            "  lost {}, failed submissions {}, mempool full {} times",
            self.lost, self.failed, self.mempool_full
        )?;
        if self.load_ran_out {
            write!(f, "\n  the signed load ran out, which ended the window early")?;
        }
        Ok(())
    }
}

impl fmt::Display for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Offered { rate, held, sent_late_ms, stall_ms, killed, .. } = self;
        let held = if *held { "held" } else { "NOT held" };
        writeln!(f, "  offered         {rate:>9} tx/s  ({held}; sent {sent_late_ms:.1} ms late at most)")?;
        write!(f, "  stall           {stall_ms:>9.0} ms at most")?;
        match killed {
            None => Ok(()),
            Some(AfterKill { nodes, stall_ms, stall_later_ms }) => write!(
                f,
                " before {nodes} killed, {stall_ms:.0} ms in the 2 s after, {stall_later_ms:.0} ms from then on"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_what_all_cores_could_verify_for_all_nodes() {
        // Two cores, four nodes, 20 microseconds: 100,000 verifications a second, each transaction needs four.
        assert!((limit_tx_per_s(2, 4, 20.0) - 25_000.0).abs() < 1e-6);
    }
}
