//! Workloads that know what must come of them: they drive a network through its public RPC alone, while anything may
//! happen to its nodes, and can say afterwards whether it kept its word.

mod bank;
mod lists;
mod submit;

pub use bank::{Bank, BankPlan, BankReport, Snapshot};
pub use lists::{ListsPlan, ListsReport, run_lists};
pub use submit::{Fate, Journey, Patience, Reach, look_up, see_bytes_through, see_through};

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
