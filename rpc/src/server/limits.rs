//! What callers may cost the node: a rate, calls under way, and bytes in memory.

use super::RpcConfig;
use super::rate_limit::RateLimiter;
use super::shares::{Full, Share, Shares};
use super::source::Source;
use crate::error::RpcError;
use crate::method::Method as _;
use crate::methods::{SubmitTransaction, cost};
use std::sync::Arc;
use std::time::Instant;

/// When a call may be tried again that found no room, in milliseconds.
const RETRY_WHEN_BUSY_MS: u64 = 100;
/// What could not be read costs one plain call more for each so many bytes.
const BYTES_A_CALL: usize = 64 * 1024;

/// The limits of all connections together.
pub(super) struct Limits {
    rate: RateLimiter,
    /// Calls that are being answered.
    calls: Arc<Shares>,
    /// Calls that wait for a transaction, apart, so that however many wait, others are answered.
    waiting: Arc<Shares>,
    /// Bytes of messages that are being answered, and of answers that have not left.
    pub(super) bytes: Arc<Shares>,
}

impl Limits {
    pub(super) fn new(config: &RpcConfig) -> Limits {
        let spare_loopback = config.devnet && !config.limit_loopback;
        let calls = || Shares::new(config.max_calls as usize);
        Limits {
            rate: RateLimiter::new(config.calls_per_second, spare_loopback, Instant::now()),
            calls: calls(),
            waiting: calls(),
            bytes: Shares::new(config.max_pending_bytes as usize),
        }
    }

    /// Lets a call in; it is under way as long as its share is held.
    ///
    /// # Errors
    /// [`RpcError::RateLimited`].
    pub(super) fn admit(&self, source: Source, method: &str) -> Result<Share, RpcError> {
        self.rate.take(source, cost(method), Instant::now())?;
        let among = if method == SubmitTransaction::NAME { &self.waiting } else { &self.calls };
        among.take(source, 1).map_err(busy)
    }

    /// Charges a message of so many bytes that asks for nothing that can be done.
    ///
    /// # Errors
    /// [`RpcError::RateLimited`].
    pub(super) fn charge(&self, source: Source, bytes: usize) -> Result<(), RpcError> {
        let cost = u32::try_from(bytes / BYTES_A_CALL).unwrap_or(u32::MAX).saturating_add(1);
        self.rate.take(source, cost, Instant::now())
    }
}

/// The error where there is no room.
pub(super) fn busy(_: Full) -> RpcError {
    RpcError::RateLimited { retry_after_ms: RETRY_WHEN_BUSY_MS }
}
