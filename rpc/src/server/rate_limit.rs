//! What calls of one caller may cost a second: a token bucket each.

use super::source::Source;
use crate::error::RpcError;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most callers that are remembered at a time; all others share one bucket.
const MAX_SOURCES: usize = 16_384;
/// How often callers that are at rest are forgotten, while the table is full.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The buckets of all callers.
pub(super) struct RateLimiter {
    /// Tokens that a bucket gains a second, and the most it holds.
    rate: f64,
    /// Whether loopback has no limit.
    spare_loopback: bool,
    table: Mutex<Table>,
}

struct Table {
    buckets: HashMap<Source, Bucket>,
    swept: Instant,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, rate: f64, now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(rate);
        self.at = now;
    }
}

impl RateLimiter {
    /// `calls_per_second` for each caller; no limit for 0.
    pub(super) fn new(calls_per_second: u32, spare_loopback: bool, now: Instant) -> RateLimiter {
        let table = Table { buckets: HashMap::new(), swept: now };
        RateLimiter { rate: f64::from(calls_per_second), spare_loopback, table: Mutex::new(table) }
    }

    /// Takes what a call costs from the tokens of `source`. What costs more than a bucket holds takes a full one.
    ///
    /// # Errors
    /// [`RpcError::RateLimited`] if it has too few.
    pub(super) fn take(&self, source: Source, cost: u32, now: Instant) -> Result<(), RpcError> {
        if self.rate == 0.0 || (self.spare_loopback && source.is_local()) {
            return Ok(());
        }
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = table.buckets.contains_key(&source) || table.has_room(self.rate, now);
        let source = if is_known { source } else { Source::OTHERS };
        let bucket = table.buckets.entry(source).or_insert(Bucket { tokens: self.rate, at: now });
        bucket.refill(self.rate, now);
        let cost = f64::from(cost).min(self.rate);
        if bucket.tokens < cost {
            let wait = Duration::from_secs_f64((cost - bucket.tokens) / self.rate);
            let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            return Err(RpcError::RateLimited { retry_after_ms });
        }
        bucket.tokens -= cost;
        Ok(())
    }
}

impl Table {
    /// Whether one more caller can be remembered; forgets those whose bucket is full again.
    fn has_room(&mut self, rate: f64, now: Instant) -> bool {
        if self.buckets.len() >= MAX_SOURCES && now.saturating_duration_since(self.swept) >= SWEEP_INTERVAL {
            self.swept = now;
            self.buckets.retain(|_, bucket| {
                bucket.refill(rate, now);
                bucket.tokens < rate
            });
        }
        self.buckets.len() < MAX_SOURCES
    }
}

#[cfg(test)]
mod tests;
