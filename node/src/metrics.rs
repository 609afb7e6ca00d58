//! Figures for Prometheus, derived from what replicas tell the loop. Pure rooms measure nothing. The names are listed
//! in docs/operating.md.

use metrics::{counter, gauge, histogram};
use std::collections::BTreeMap;
use std::time::Instant;
use witan_ledger::TransactionOutcome;
use witan_p2p::Counters;
use witan_replica::{GroupStatus, Notice};
use witan_types::GroupId;

/// Turns news into figures.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    last_block: BTreeMap<GroupId, Instant>,
}

impl Meter {
    pub(crate) fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Committed(commit) => {
                let header = &commit.block.header;
                let group = header.group.to_string();
                counter!("witan_blocks_total", "group" => group.clone()).increment(1);
                let (mut applied, mut failed, mut aborted) = (0_u64, 0_u64, 0_u64);
                for receipt in &commit.receipts {
                    match receipt.outcome {
                        TransactionOutcome::Applied { .. } => applied += 1,
                        TransactionOutcome::Failed { .. } => failed += 1,
                        TransactionOutcome::Aborted { .. } => aborted += 1,
                    }
                }
                counter!("witan_transactions_applied_total", "group" => group.clone()).increment(applied);
                counter!("witan_transactions_failed_total", "group" => group.clone()).increment(failed);
                counter!("witan_transactions_aborted_total", "group" => group.clone()).increment(aborted);
                let now = Instant::now();
                if let Some(last) = self.last_block.insert(header.group, now) {
                    histogram!("witan_block_interval_seconds", "group" => group).record(now - last);
                }
                tracing::info!(
                    group = header.group.0,
                    height = header.height,
                    view = header.tag,
                    txs = applied + failed + aborted,
                    failed,
                    aborted,
                    "block"
                );
            }
            Notice::Sealed(sealed) => {
                let group = sealed.header.group.to_string();
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a gauge is a float; heights stay below 2^53"
                )]
                gauge!("witan_sealed_height", "group" => group).set(sealed.header.height as f64);
            }
            Notice::Expired(ids) => {
                counter!("witan_transactions_expired_total").increment(ids.len() as u64);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats; these counts stay below 2^53")]
    pub(crate) fn status(&self, status: &GroupStatus) {
        let group = status.group.to_string();
        gauge!("witan_height", "group" => group.clone()).set(status.tip.height as f64);
        gauge!("witan_mempool_transactions", "group" => group.clone()).set(status.mempool_count as f64);
        gauge!("witan_mempool_bytes", "group" => group.clone()).set(status.mempool_bytes as f64);
        let connected = status.connected_validators.len() as f64;
        gauge!("witan_connected_validators", "group" => group.clone()).set(connected);
        if let Some(consensus) = &status.consensus {
            gauge!("witan_view", "group" => group.clone()).set(consensus.view as f64);
            gauge!("witan_consecutive_timeouts", "group" => group)
                .set(f64::from(consensus.consecutive_timeouts));
        }
    }

    /// The network's totals.
    pub(crate) fn network(&self, totals: &Counters) {
        counter!("witan_frames_sent_total").absolute(totals.frames_out);
        counter!("witan_frames_received_total").absolute(totals.frames_in);
        counter!("witan_frame_bytes_sent_total").absolute(totals.frame_bytes_out);
        counter!("witan_frame_bytes_received_total").absolute(totals.frame_bytes_in);
        counter!("witan_frames_dropped_total").absolute(totals.frames_dropped);
        counter!("witan_peer_misbehaviours_total").absolute(totals.misbehaviours);
    }

    pub(crate) fn accused(&self) {
        counter!("witan_accusations_total").increment(1);
    }
}
