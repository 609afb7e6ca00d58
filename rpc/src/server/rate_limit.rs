//! What calls of one address may cost a second, a token bucket each, and how many calls are answered at a time.

use crate::error::RpcError;
use crate::methods::cost;
use jsonrpsee::core::middleware::{Batch, BatchEntry, BatchEntryErr, Notification, RpcServiceT};
use jsonrpsee::server::MethodResponse;
use jsonrpsee::types::{ErrorObjectOwned, Request};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most addresses that are remembered at a time.
const MAX_ADDRESSES: usize = 16_384;
/// When a call may be tried again that found too many under way, in milliseconds.
const RETRY_WHEN_BUSY_MS: u64 = 100;
/// How often addresses that are at rest are forgotten, while the table is full.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The buckets of all addresses.
pub(super) struct RateLimiter {
    /// Tokens that a bucket gains a second, and the most it holds.
    rate: f64,
    /// Whether loopback has no limit.
    spare_loopback: bool,
    table: Mutex<Table>,
}

struct Table {
    buckets: HashMap<IpAddr, Bucket>,
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
    /// `calls_per_second` for each address; none for 0.
    pub(super) fn new(calls_per_second: u32, spare_loopback: bool, now: Instant) -> RateLimiter {
        let table = Table { buckets: HashMap::new(), swept: now };
        RateLimiter { rate: f64::from(calls_per_second), spare_loopback, table: Mutex::new(table) }
    }

    /// Takes what a call costs from the tokens of `address`. What costs more than a bucket holds takes a full one.
    ///
    /// # Errors
    /// [`RpcError::RateLimited`] if it has too few.
    pub(super) fn take(&self, address: IpAddr, cost: u32, now: Instant) -> Result<(), RpcError> {
        let address = network_of(address);
        if self.rate == 0.0 || (self.spare_loopback && address.is_loopback()) {
            return Ok(());
        }
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if !table.buckets.contains_key(&address) && !table.has_room(self.rate, now) {
            // More active addresses than are remembered: the limit on connections still holds.
            return Ok(());
        }
        let bucket = table.buckets.entry(address).or_insert(Bucket { tokens: self.rate, at: now });
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
    /// Whether one more address can be remembered; forgets those whose bucket is full again.
    fn has_room(&mut self, rate: f64, now: Instant) -> bool {
        if self.buckets.len() >= MAX_ADDRESSES && now.saturating_duration_since(self.swept) >= SWEEP_INTERVAL
        {
            self.swept = now;
            self.buckets.retain(|_, bucket| {
                bucket.refill(rate, now);
                bucket.tokens < rate
            });
        }
        self.buckets.len() < MAX_ADDRESSES
    }
}

/// What counts as one address: an IPv4 address, or the 64-bit network that one IPv6 user commonly holds.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address => address,
    }
}

/// Puts the limiter before every call of one connection.
#[derive(Clone)]
pub(super) struct RateLimitLayer {
    pub(super) limiter: Arc<RateLimiter>,
    /// A permit a call under way, of all connections together.
    pub(super) calls: Arc<Semaphore>,
    pub(super) address: IpAddr,
}

impl<S> tower::Layer<S> for RateLimitLayer {
    type Service = RateLimited<S>;

    fn layer(&self, inner: S) -> RateLimited<S> {
        RateLimited { inner, layer: self.clone() }
    }
}

/// Calls of one connection, limited.
#[derive(Clone)]
pub(super) struct RateLimited<S> {
    inner: S,
    layer: RateLimitLayer,
}

impl<S> RateLimited<S> {
    fn take(&self, method: &str) -> Result<(), ErrorObjectOwned> {
        Ok(self.layer.limiter.take(self.layer.address, cost(method), Instant::now())?)
    }

    /// A place among the calls under way.
    fn enter(&self) -> Result<OwnedSemaphorePermit, ErrorObjectOwned> {
        let busy = |_| RpcError::RateLimited { retry_after_ms: RETRY_WHEN_BUSY_MS };
        Ok(Arc::clone(&self.layer.calls).try_acquire_owned().map_err(busy)?)
    }

    /// Calls that find no token are answered with the error, the others pass.
    fn limit<'a>(
        &self,
        entry: Result<BatchEntry<'a>, BatchEntryErr<'a>>,
    ) -> Result<BatchEntry<'a>, BatchEntryErr<'a>> {
        match entry {
            Ok(BatchEntry::Call(call)) => match self.take(call.method_name()) {
                Ok(()) => Ok(BatchEntry::Call(call)),
                Err(error) => Err(BatchEntryErr::new(call.id, error)),
            },
            entry => entry,
        }
    }
}

impl<S> RpcServiceT for RateLimited<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Send
        + Sync
        + Clone
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let entered = self.take(request.method_name()).and_then(|()| self.enter());
        let inner = self.inner.clone();
        async move {
            match entered {
                Ok(_place) => inner.call(request).await,
                Err(error) => MethodResponse::error(request.id, error),
            }
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let entries = batch.into_iter().map(|entry| self.limit(entry)).collect();
        self.inner.batch(Batch::from(entries))
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.inner.notification(notification)
    }
}

#[cfg(test)]
mod tests;
