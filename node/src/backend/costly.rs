//! Reads that take as long as there is much to read: a few at a time, and never on the threads that answer everybody, of which
//! there are two. What looks at a single place, such as a key, is read where it is asked for.

use std::time::Duration;
use tokio::sync::Semaphore;
use witan_rpc::RpcError;

/// How many of them run at once; others wait.
const MAX_COSTLY: usize = 2;
/// How long one waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(20);
/// When a client may try again that got none, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// Whose turn it is to read much.
#[derive(Debug)]
pub(crate) struct CostlyReads(Semaphore);

impl CostlyReads {
    pub(crate) fn new() -> CostlyReads {
        CostlyReads(Semaphore::new(MAX_COSTLY))
    }

    /// Reads when it is its turn, while another thread takes over what else this one had to do.
    pub(super) async fn run<T>(
        &self,
        read: impl FnOnce() -> Result<T, RpcError> + Send,
    ) -> Result<T, RpcError> {
        let turn = tokio::time::timeout(TURN_WITHIN, self.0.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(RpcError::RateLimited { retry_after_ms: RETRY_AFTER_MS });
        };
        tokio::task::block_in_place(read)
    }
}

#[cfg(test)]
mod tests;
