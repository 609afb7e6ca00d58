//! Bounds: mempool, consensus log and open requests stay within limits, whatever happens.

use super::{Promise, Verdict, holds};
use witan_ledger::Limits;
use witan_replica::GroupStatus;

/// Small enough that a stalled run meets them.
pub(in crate::sim) const MEMPOOL: Limits =
    Limits { max_transactions: 150, max_bytes: 64 * 1024, max_per_signer: 60 };
/// The most records of the consensus log that a node ever needs.
const MAX_RECORDS: usize = 4_000;
/// The most requests that a node has open.
const MAX_REQUESTS: usize = 256;

/// What is measured of one node.
#[derive(Debug)]
pub(in crate::sim) struct Bounds {
    pub(in crate::sim) node: usize,
    pub(in crate::sim) records: usize,
    pub(in crate::sim) requests: usize,
}

impl Bounds {
    pub(in crate::sim) fn look(&self, status: &GroupStatus) -> Verdict {
        let measures = [
            ("transactions in the mempool", status.mempool_count, MEMPOOL.max_transactions),
            ("bytes in the mempool", status.mempool_bytes, MEMPOOL.max_bytes),
            ("consensus records", self.records, MAX_RECORDS),
            ("open requests", self.requests, MAX_REQUESTS),
        ];
        for (what, found, most) in measures {
            holds(Promise::Bounds, found <= most, || {
                format!("node {} has {found} {what}, above {most}", self.node)
            })?;
        }
        Ok(())
    }
}
