//! The way of news to their reader: numbered, bounded, and given up if the reader takes nothing.

use super::End;
use crate::error::{ErrorView, RpcError};
use crate::server::handlers::Service;
use crate::server::outflow::Outflow;
use crate::view::{Last, Notification, Position, Told};
use jsonrpsee::server::SubscriptionSink;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// News of more bytes are queued only once those before have left, so that a queue holds few bytes whoever reads it.
const LARGE_BYTES: usize = 32 * 1024;
/// What JSON-RPC adds around news, at most, in bytes.
const FRAME_BYTES: usize = 256;

/// A subscription's way to its reader.
pub(super) struct Outlet {
    sink: SubscriptionSink,
    outflow: Arc<Outflow>,
    /// The number of the newest notification.
    seq: u64,
    /// Its turn among the subscriptions of its connection.
    turn: Option<OwnedMutexGuard<()>>,
    /// How many bytes will have left when something large has.
    large: Option<u64>,
    stall: Duration,
    max_bytes: usize,
}

impl Outlet {
    pub(super) fn new(sink: SubscriptionSink, outflow: Arc<Outflow>, service: &Service) -> Outlet {
        let max_bytes = (service.config.max_response_bytes as usize).saturating_sub(FRAME_BYTES);
        Outlet {
            sink,
            outflow,
            seq: 0,
            turn: None,
            large: None,
            stall: service.config.following.stall,
            max_bytes,
        }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_gone(&self) -> bool {
        self.sink.is_closed()
    }

    /// Returns when nobody reads any more.
    pub(super) async fn gone(&self) {
        self.sink.closed().await;
    }

    /// Waits for the turn of this subscription on its connection, and takes it until [`Outlet::end_turn`]. Nothing is to be read
    /// for news before, so that a connection holds no more than what one of its subscriptions has read.
    ///
    /// # Errors
    /// If the reader is gone. Whether it takes anything is judged by whose turn it is.
    pub(super) async fn begin_turn(&mut self) -> Result<(), End> {
        let turn = Arc::clone(&self.outflow.turn).lock_owned();
        tokio::select! {
            turn = turn => self.turn = Some(turn),
            () = self.sink.closed() => return Err(End::Gone),
        }
        Ok(())
    }

    /// Lets the connection's other subscriptions have their turn.
    pub(super) fn end_turn(&mut self) {
        self.turn = None;
    }

    /// Queues news, once there is room for them. Call [`Outlet::settle`] afterwards.
    ///
    /// # Errors
    /// Why there is none, or why they can't be sent.
    pub(super) async fn send<T: Serialize>(&mut self, news: &T) -> Result<(), End> {
        let json = self.write(Told::News(news))?;
        let bytes = json.get().len();
        if bytes > LARGE_BYTES {
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.large = Some(self.outflow.written().borrow().saturating_add(bytes));
        }
        self.patiently(self.sink.send(json)).await?.map_err(|_| End::Gone)?;
        self.seq = self.seq.saturating_add(1);
        Ok(())
    }

    /// Returns at once, or after something large when as many bytes have left as it has: what is large is then never queued
    /// twice.
    ///
    /// # Errors
    /// If the reader takes nothing, or is gone.
    pub(super) async fn settle(&mut self) -> Result<(), End> {
        let Some(target) = self.large.take() else { return Ok(()) };
        let mut written = self.outflow.written();
        let reached = written.wait_for(|written| *written >= target);
        // The sender lives as long as this.
        self.patiently(reached).await?.map(drop).map_err(|_| End::Gone)
    }

    fn write<T: Serialize>(&self, told: Told<T>) -> Result<Box<RawValue>, End> {
        let json = to_raw_value(&Notification { seq: self.seq.saturating_add(1), told });
        let json = json.map_err(|error| End::Failed(RpcError::internal(format!("no JSON: {error}"))))?;
        let bytes = json.get().len();
        if bytes > self.max_bytes {
            let most = self.max_bytes;
            let why =
                format!("one of the news has {bytes} bytes, above {most}: ask for less, such as txs: ids");
            return Err(End::Failed(RpcError::internal(why)));
        }
        Ok(json)
    }

    /// Waits for something as long as the connection's reader takes anything.
    async fn patiently<F: Future>(&self, something: F) -> Result<F::Output, End> {
        tokio::pin!(something);
        let written = self.outflow.written();
        let mut before = *written.borrow();
        loop {
            tokio::select! {
                biased;
                output = &mut something => return Ok(output),
                () = self.sink.closed() => return Err(End::Gone),
                () = tokio::time::sleep(self.stall) => {
                    let now = *written.borrow();
                    if now == before {
                        return Err(End::Lagged);
                    }
                    before = now;
                }
            }
        }
    }

    /// The last notification, if there is somebody to read it.
    pub(super) fn last(&self, end: End, resume_from: Vec<Position>) -> Option<Box<RawValue>> {
        let last = match end {
            End::Gone => return None,
            End::Done => Last::End,
            End::Lagged => Last::Lagged { lagged: true, resume_from },
            End::Failed(error) => Last::Error { error: ErrorView::from(error), resume_from },
        };
        self.write::<()>(Told::Last(last)).ok()
    }
}
