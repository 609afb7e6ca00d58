//! Strict serializability: clients append to lists of all groups and read them, by transactions and by strict reads, for a few
//! seconds, and what they were told is judged.

use super::evidence::Evidence;
use super::report::{Finding, Verdict};
use super::{Network, Source};
use crate::history::Violation;
use crate::sim::Promise;
use crate::workload::{ListsPlan, run_lists};
use rand::RngExt;
use std::time::Duration;
use witan_types::SecretKey;

/// Clients that work at once.
const CLIENTS: usize = 8;
/// Lists in use at one time; few, so that transactions meet.
const LISTS: u64 = 12;
/// In how many of a hundred turns a client makes a strict read.
const STRICT_READS: u32 = 25;
/// The longest that a transaction lives.
const LIFETIME: Duration = Duration::from_secs(10);

pub(super) async fn check<S: Source + Sync>(network: &Network<'_, S>, window: Duration) -> Finding {
    let mut finding = Finding::of(Promise::Serializability);
    let nodes: Vec<&S> = network.witnesses.iter().map(|witness| witness.source).collect();
    let longest = Duration::from_millis(network.genesis.parameters.max_tx_lifetime_ms / 2);
    let plan = ListsPlan {
        clients: CLIENTS,
        lists: LISTS,
        strict_reads: STRICT_READS,
        window,
        lifetime: LIFETIME.min(longest),
    };
    // Lists need no balance, so anybody may write them.
    let key = SecretKey::from_seed(rand::rng().random());
    match run_lists(&nodes, network.chain, &key, &plan).await {
        Ok(report) => {
            let (summary, strict) = (report.summary, report.strict_reads);
            finding.covered = format!(
                "a history of {} transactions and strict reads ({} committed, {} across groups, {strict} strict reads), \
                 {} lists, {:.0} s",
                summary.transactions,
                summary.committed,
                report.across,
                summary.keys,
                window.as_secs_f64()
            );
            if summary.committed == 0 {
                finding.verdict = Verdict::NotJudged;
            }
        }
        Err(Violation::Malformed(why)) => {
            finding = Finding::not_judged(Promise::Serializability, format!("this check misrecorded: {why}"));
        }
        Err(violation) => {
            finding.covered = format!("{CLIENTS} clients for {:.0} s", window.as_secs_f64());
            finding.broken_by(Evidence::History { violation: violation.to_string() });
        }
    }
    finding
}
