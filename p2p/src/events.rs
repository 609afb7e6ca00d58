//! The queue of events towards the node, bounded by count and by bytes.
//!
//! The swarm never waits for the node: what it can't queue it drops. A link's reader waits instead, which holds back
//! the peer it reads from.

use crate::NetworkEvent;
use crate::cuts::Cuts;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Places kept for connections and responses, which must not be crowded out by what peers send unasked.
const RESERVED_EVENTS: usize = 2048;
/// How often a reader that found the queue full looks again.
const RETRY: Duration = Duration::from_millis(1);

/// Why an event was not queued.
#[derive(Debug)]
pub(crate) enum PushError {
    /// The node is behind; here is the event.
    Full(NetworkEvent),
    /// The node or the network has gone.
    Closed,
}

/// The sending end.
#[derive(Debug)]
pub(crate) struct EventQueue {
    inside: Mutex<Inside>,
    byte_bound: usize,
    cuts: Arc<Cuts>,
}

#[derive(Debug)]
struct Inside {
    sender: Option<mpsc::Sender<NetworkEvent>>,
    /// The size of each event in the channel, oldest first.
    sizes: VecDeque<usize>,
    bytes: usize,
}

impl EventQueue {
    /// A queue of `events` bulk events of `bytes` in sum, and the end the node reads.
    pub(crate) fn new(
        events: usize,
        bytes: usize,
        cuts: Arc<Cuts>,
    ) -> (EventQueue, mpsc::Receiver<NetworkEvent>) {
        let (sender, receiver) = mpsc::channel(events.saturating_add(RESERVED_EVENTS));
        let inside = Inside { sender: Some(sender), sizes: VecDeque::new(), bytes: 0 };
        (EventQueue { inside: Mutex::new(inside), byte_bound: bytes, cuts }, receiver)
    }

    /// Queues what peers send unasked, within both bounds and outside the reserved places. What a cut stops is dropped.
    pub(crate) fn try_push(&self, event: NetworkEvent) -> Result<(), PushError> {
        if self.cuts.stops(&event) {
            return Ok(());
        }
        let mut inside = self.lock();
        let Some(free) = inside.settle() else { return Err(PushError::Closed) };
        let over = inside.bytes.saturating_add(size(&event)) > self.byte_bound && !inside.sizes.is_empty();
        if over || free <= RESERVED_EVENTS { Err(PushError::Full(event)) } else { inside.push(event) }
    }

    /// Queues a connection or a response, using the reserved places.
    pub(crate) fn push_reserved(&self, event: NetworkEvent) -> Result<(), PushError> {
        let mut inside = self.lock();
        match inside.settle() {
            Some(_) => inside.push(event),
            None => Err(PushError::Closed),
        }
    }

    /// Queues as [`EventQueue::try_push`], waiting while the node is behind. `false` once nobody listens.
    pub(crate) async fn push(&self, mut event: NetworkEvent) -> bool {
        loop {
            match self.try_push(event) {
                Ok(()) => return true,
                Err(PushError::Closed) => return false,
                Err(PushError::Full(back)) => event = back,
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// No event follows; the node's end reads `None` after the last.
    pub(crate) fn close(&self) {
        self.lock().sender = None;
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// Forgets the sizes of events the node has taken, which it does oldest first. Returns the free places.
    fn settle(&mut self) -> Option<usize> {
        let sender = self.sender.as_ref().filter(|sender| !sender.is_closed())?;
        let free = sender.capacity();
        let waiting = sender.max_capacity().saturating_sub(free);
        while self.sizes.len() > waiting {
            self.bytes = self.bytes.saturating_sub(self.sizes.pop_front().unwrap_or(0));
        }
        Some(free)
    }

    fn push(&mut self, event: NetworkEvent) -> Result<(), PushError> {
        let bytes = size(&event);
        let sender = self.sender.as_ref().ok_or(PushError::Closed)?;
        sender.try_send(event).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(event) => PushError::Full(event),
            mpsc::error::TrySendError::Closed(_) => PushError::Closed,
        })?;
        self.sizes.push_back(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

fn size(event: &NetworkEvent) -> usize {
    match event {
        NetworkEvent::Connected(_) | NetworkEvent::Disconnected(_) => 0,
        NetworkEvent::Frame { bytes, .. }
        | NetworkEvent::Gossip { bytes, .. }
        | NetworkEvent::Request { bytes, .. } => bytes.len(),
        NetworkEvent::Response { result, .. } => result.as_ref().map_or(0, Vec::len),
    }
}

#[cfg(test)]
mod tests;
