//! The benchmark: a running network under load that was signed before the clock started. Everything it reports is
//! measured in the same run: throughput, the time from submission to commit, processor time, memory, and what
//! verifying a signature costs at the least on this machine.

mod across;
mod calls;
mod driver;
mod flood;
mod preload;
pub mod process;
mod report;
mod run;
mod singles;
mod stalls;
mod submission;
mod suite;
pub mod verify_cost;

pub use across::{AcrossPlan, AcrossReport, Latencies, Times, run_across};
pub use calls::{CallsPlan, CallsReport, MethodFigures, no_op, run_calls};
pub use flood::{FloodPlan, FloodReport, Flooded, flood, run_flood};
pub use report::{AfterKill, BenchReport, Offered};
pub use run::{BenchNode, BenchPlan, Offer, run};
pub use suite::{EngineRun, Suite, WithDead, WithKilled};

use std::time::Duration;
use witan_rpc::ClientError;
use witan_types::GroupId;

/// Transactions in one submission: the most that `tx_submitBatch` takes.
pub const BATCH: usize = 100;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A node did not answer as it should.
    #[error("{0}")]
    Rpc(#[from] ClientError),
    /// A node's process is gone.
    #[error("node {node}: {why}")]
    Process {
        /// Which node.
        node: String,
        /// What the kernel said.
        why: std::io::Error,
    },
    /// The load would expire before the end.
    #[error(
        "the load would take {needed:?}, and transactions of this network live {lifetime:?}: choose a shorter time"
    )]
    TooLong {
        /// Signing, warm-up and window.
        needed: Duration,
        /// What genesis allows.
        lifetime: Duration,
    },
    /// Nothing was committed.
    #[error("nothing was committed in the whole window; {refused} submissions failed, the last with: {last}")]
    NothingCommitted {
        /// Submissions that failed.
        refused: u64,
        /// The last failure.
        last: String,
    },
    /// A call that should have had a result.
    #[error("{method}: {why}")]
    Calls {
        /// Which method.
        method: &'static str,
        /// What came instead.
        why: String,
    },
    /// The keys that a load writes could not be written beforehand.
    #[error("{keys} keys were not written within {within:?}; the last failure: {last}. Choose fewer --keys")]
    Preload {
        /// How many.
        keys: u64,
        /// The time there was.
        within: Duration,
        /// The last failure.
        last: String,
    },
    /// No such group.
    #[error("genesis has no group {0}")]
    NoGroup(GroupId),
    /// There is no node to load.
    #[error("a benchmark needs at least one running node")]
    NoNodes,
}
