//! A validator link: the bounded queues of what waits for a peer, the task that writes them to its stream, and the
//! task that reads the peer's stream.

use crate::codec::{LENGTH_BYTES, MAX_FRAME_BYTES, length_prefix, read_message};
use crate::counters::Tally;
use crate::events::EventQueue;
use crate::{Limits, NetworkEvent, Priority};
use futures::io::BufReader;
use futures::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use witan_types::NodeId;

/// Frames are gathered into one write up to about this many bytes: flushing each alone costs ten times as much, and a
/// vote that arrives meanwhile waits behind no more than this.
const WRITE_BYTES: usize = 64 << 10;
/// A frame of at least this many bytes is written from where it lies instead of being copied.
const DIRECT_BYTES: usize = 16 << 10;
/// The buffer of a link's reader, in bytes.
const READ_BYTES: usize = 64 << 10;

/// What waits to be written to one peer.
#[derive(Debug)]
pub(crate) struct SendQueue {
    lanes: Mutex<Lanes>,
    filled: Notify,
    frame_bound: usize,
    byte_bound: usize,
}

#[derive(Default, Debug)]
struct Lanes {
    vote: Lane,
    batch: Lane,
    sync: Lane,
}

#[derive(Default, Debug)]
struct Lane {
    frames: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

/// What became of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pushed {
    /// Whether it waits now.
    pub(crate) queued: bool,
    /// How many frames were given up, it or older ones.
    pub(crate) dropped: usize,
}

impl SendQueue {
    pub(crate) fn new(limits: &Limits) -> SendQueue {
        SendQueue {
            lanes: Mutex::default(),
            filled: Notify::new(),
            frame_bound: limits.queued_frames,
            byte_bound: limits.queued_bytes,
        }
    }

    /// Queues a frame. A full lane of batches or sync loses its oldest, a full lane of votes refuses the new one.
    pub(crate) fn push(&self, priority: Priority, frame: Arc<[u8]>) -> Pushed {
        if frame.len() > MAX_FRAME_BYTES || frame.len() > self.byte_bound || self.frame_bound == 0 {
            return Pushed { queued: false, dropped: 1 };
        }
        let mut lanes = self.lock();
        let lane = lanes.lane(priority);
        let mut dropped = 0;
        while lane.frames.len() >= self.frame_bound
            || lane.bytes.saturating_add(frame.len()) > self.byte_bound
        {
            if priority == Priority::Vote {
                return Pushed { queued: false, dropped: 1 };
            }
            lane.pop();
            dropped += 1;
        }
        lane.bytes += frame.len();
        lane.frames.push_back(frame);
        drop(lanes);
        self.filled.notify_one();
        Pushed { queued: true, dropped }
    }

    /// The next frames to write, most urgent first: as many as fit in [`WRITE_BYTES`], at least one.
    async fn next(&self) -> Vec<Arc<[u8]>> {
        loop {
            let frames = self.take();
            if !frames.is_empty() {
                return frames;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Vec<Arc<[u8]>> {
        let mut lanes = self.lock();
        let mut frames = Vec::new();
        let mut bytes = 0;
        while bytes < WRITE_BYTES {
            let Some(frame) = lanes.pop() else { break };
            bytes += frame.len() + LENGTH_BYTES;
            frames.push(frame);
        }
        frames
    }

    /// Frames and bytes that wait.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let lanes = self.lock();
        let lanes = [&lanes.vote, &lanes.batch, &lanes.sync];
        (lanes.iter().map(|lane| lane.frames.len()).sum(), lanes.iter().map(|lane| lane.bytes).sum())
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn lane(&mut self, priority: Priority) -> &mut Lane {
        match priority {
            Priority::Vote => &mut self.vote,
            Priority::Batch => &mut self.batch,
            Priority::Sync => &mut self.sync,
        }
    }

    fn pop(&mut self) -> Option<Arc<[u8]>> {
        self.vote.pop().or_else(|| self.batch.pop()).or_else(|| self.sync.pop())
    }
}

impl Lane {
    fn pop(&mut self) -> Option<Arc<[u8]>> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }
}

/// Writes what the queue gives until the stream breaks, flushing whenever the queue is empty.
pub(crate) async fn write_frames<T>(queue: Arc<SendQueue>, mut stream: T, tally: &Tally) -> io::Error
where
    T: AsyncWrite + Unpin + Send,
{
    let mut buffer = Vec::with_capacity(WRITE_BYTES);
    loop {
        let frames = queue.next().await;
        if let Err(broken) = write_batch(&mut stream, &frames, &mut buffer).await {
            tally.frames_dropped.add(frames.len());
            return broken;
        }
        tally.frames_out.add(frames.len());
        tally.frame_bytes_out.add(frames.iter().map(|frame| frame.len()).sum());
        if queue.waiting().0 == 0
            && let Err(broken) = stream.flush().await
        {
            return broken;
        }
    }
}

async fn write_batch<T>(stream: &mut T, frames: &[Arc<[u8]>], buffer: &mut Vec<u8>) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    buffer.clear();
    for frame in frames {
        buffer.extend_from_slice(&length_prefix(frame.len(), MAX_FRAME_BYTES)?);
        if frame.len() < DIRECT_BYTES {
            buffer.extend_from_slice(frame);
        } else {
            stream.write_all(buffer).await?;
            buffer.clear();
            stream.write_all(frame).await?;
        }
    }
    stream.write_all(buffer).await
}

/// Gives the node every frame of the stream until it ends or breaks a rule. Waits while the node is behind.
pub(crate) async fn read_frames<T>(from: NodeId, stream: T, events: &EventQueue, tally: &Tally) -> io::Error
where
    T: AsyncRead + Unpin + Send,
{
    let mut stream = BufReader::with_capacity(READ_BYTES, stream);
    loop {
        let bytes = match read_message(&mut stream, MAX_FRAME_BYTES).await {
            Ok(bytes) => bytes,
            Err(ended) => return ended,
        };
        tally.frames_in.one();
        tally.frame_bytes_in.add(bytes.len());
        if !events.push(NetworkEvent::Frame { from, bytes }).await {
            return io::ErrorKind::BrokenPipe.into();
        }
    }
}

#[cfg(test)]
mod tests;
