//! This node's wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The one wall clock of a node: all that it knows of time of day. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// How far it is ahead of the machine's, in milliseconds: a staged fault.
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// What it shows now; Unix milliseconds.
    pub(crate) fn wall_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let machine = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        machine.saturating_add_signed(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Sets it this far ahead of the machine's clock, or behind.
    pub(crate) fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}
