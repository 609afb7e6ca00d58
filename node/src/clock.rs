//! This node's wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// What it shows now; Unix milliseconds.
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
