//! A connection's way out: how many bytes its reader has taken, and an end to those that take none.

use super::shares::Shares;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};
use tokio::time::{Sleep, sleep};

/// What is known of a connection's way out.
#[derive(Debug)]
pub(super) struct Outflow {
    written: watch::Sender<u64>,
    /// Held by the subscription whose turn it is to read and to tell: the others of the connection wait.
    pub(super) turn: Arc<Mutex<()>>,
    /// Places for its subscriptions.
    pub(super) places: Arc<Shares>,
}

impl Outflow {
    /// Takes note of what was written. Waking costs, and on most connections nobody waits for it.
    fn count(&self, bytes: usize) {
        self.written.send_if_modified(|total| {
            *total = total.saturating_add(bytes as u64);
            // Who comes after this look finds the total as it is now.
            self.written.receiver_count() > 0
        });
    }

    /// The bytes that the system has taken, and their changes.
    pub(super) fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }
}

/// A socket that fails once its peer has taken nothing for some time, though something waited to be sent.
#[derive(Debug)]
pub(super) struct Patient {
    socket: TcpStream,
    outflow: Arc<Outflow>,
    patience: Duration,
    overdue: Option<Pin<Box<Sleep>>>,
    /// Its peer has taken nothing for too long.
    is_cut: bool,
    /// Who waits for something to read: another task than the one that writes.
    reader: Option<Waker>,
}

impl Patient {
    /// A connection that may have so many subscriptions.
    pub(super) fn new(socket: TcpStream, patience: Duration, subscriptions: usize) -> Patient {
        let places = Shares::of_one(subscriptions);
        let outflow = Outflow { written: watch::Sender::new(0), turn: Arc::default(), places };
        Patient { socket, outflow: Arc::new(outflow), patience, overdue: None, is_cut: false, reader: None }
    }

    pub(super) fn outflow(&self) -> Arc<Outflow> {
        Arc::clone(&self.outflow)
    }

    /// Counts what was written, or waits for as long as patience lasts.
    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            self.overdue = None;
            if let Ok(bytes) = written {
                self.outflow.count(bytes);
            }
            return Poll::Ready(written);
        }
        let patience = self.patience;
        let overdue = self.overdue.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(overdue.as_mut().poll(cx));
        self.is_cut = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Err(takes_nothing()))
    }
}

fn takes_nothing() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the reader takes nothing")
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut {
            return Poll::Ready(Err(takes_nothing()));
        }
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        self.reader = read.is_pending().then(|| cx.waker().clone());
        read
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, buffers);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
