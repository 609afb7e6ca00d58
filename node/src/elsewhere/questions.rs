//! This node's open questions: who waits for which answer.

use super::lock;
use crate::wire;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;
use witan_p2p::RequestError;

/// Questions of this node that are open.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    next: AtomicU64,
    open: Mutex<HashMap<u64, oneshot::Sender<Option<Vec<u8>>>>>,
}

impl Questions {
    /// A new one: its number, and where its answer comes.
    pub(super) fn open(&self) -> (u64, oneshot::Receiver<Option<Vec<u8>>>) {
        let id = wire::OWN_QUESTIONS | self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        lock(&self.open).insert(id, sender);
        (id, receiver)
    }

    pub(super) fn close(&self, id: u64) {
        lock(&self.open).remove(&id);
    }

    /// One was answered, or failed.
    pub(crate) fn answered(&self, id: u64, result: Result<Vec<u8>, RequestError>) {
        if let Some(asker) = lock(&self.open).remove(&id) {
            // Nobody waits any more if it took too long.
            drop(asker.send(result.ok()));
        }
    }
}
