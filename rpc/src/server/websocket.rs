//! WebSocket connections: messages in, answers and news out.

use super::answer::Answer;
use super::dispatch::{Caller, Told};
use super::fault::Fault;
use super::http::{Front, HttpAnswer, refuse};
use futures::FutureExt as _;
use futures::io::{BufReader, BufWriter};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{BoundedSubscriptions, MethodSink};
use serde_json::value::RawValue;
use soketto::connection::Error;
use soketto::handshake::http::Server as Handshake;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

/// Messages that one connection may have waiting to be sent.
const QUEUE: usize = 64;
/// Calls of one connection that may be under way; no more are read meanwhile.
const MAX_CALLS: usize = 256;
/// Bytes of answers that may wait to be sent on one connection; no more calls are read meanwhile.
const MAX_UNSENT: usize = 1024 * 1024;
/// How often a connection is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long a connection may be silent, not even answering pings.
const MAX_SILENCE: Duration = Duration::from_secs(90);
/// How long calls under way may take to end when the server stops.
const STOP_TIME: Duration = Duration::from_secs(2);
/// How long the last answers may take to leave.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// Messages above their limit are read to the end up to this many times the limit, and answered with the error;
/// beyond, the connection is closed after it.
const READ_FACTOR: usize = 2;

type Stream = BufReader<BufWriter<Compat<TokioIo<Upgraded>>>>;
type Sender = soketto::Sender<Stream>;
type Receiver = soketto::Receiver<Stream>;

/// Answers a request that wants to become a WebSocket connection, and starts that.
pub(super) fn upgrade(front: Arc<Front>, request: Request<Incoming>) -> Result<HttpAnswer, BoxError> {
    let mut handshake = Handshake::new();
    match handshake.receive_request(&request) {
        Err(error) => refuse(StatusCode::BAD_REQUEST, &format!("no WebSocket handshake: {error}")),
        Ok(response) => {
            tokio::spawn(async move {
                match hyper::upgrade::on(request).await {
                    Ok(upgraded) => serve(&front, handshake, upgraded).await,
                    Err(error) => tracing::debug!(%error, "a connection did not become a WebSocket"),
                }
            });
            Ok(response.map(|()| Full::default()))
        }
    }
}

async fn serve(front: &Front, handshake: Handshake, upgraded: Upgraded) {
    let config = &front.caller.service.config;
    let limit = config.max_body_bytes as usize;
    let stream = BufReader::new(BufWriter::new(TokioIo::new(upgraded).compat()));
    let mut builder = handshake.into_builder(stream);
    builder.set_max_frame_size(limit.saturating_mul(READ_FACTOR));
    builder.set_max_message_size(limit.saturating_mul(READ_FACTOR));
    let (sender, receiver) = builder.finish();
    let (answers, answered) = mpsc::channel(QUEUE);
    let (sink, told) = mpsc::channel(QUEUE);
    // Counted by ourselves, with an error like all others: one that is being refused takes a place here too.
    let places = config.max_subscriptions.saturating_mul(2).saturating_add(1);
    let told_by = Told {
        sink: MethodSink::new(sink),
        outflow: Arc::clone(&front.outflow),
        subscriptions: BoundedSubscriptions::new(places),
    };
    let unsent = Arc::new(Unsent::default());
    let caller = Arc::new(Caller { told: Some(told_by), ..front.caller.clone() });
    let writing = Writing { answered, told, unsent: Arc::clone(&unsent) }.run(sender);
    tokio::pin!(writing);
    let reading = Reading { caller, answers, unsent, limit, calls: JoinSet::new() };
    // One task for both halves: most answers leave in the same turn that read their call.
    tokio::select! {
        biased;
        () = reading.run(receiver, front.stop.clone().shutdown()) => {
            // The writer ends once everything is sent, and subscriptions with it.
            timeout(CLOSE_TIME, writing).await.unwrap_or_default();
        }
        () = &mut writing => {}
    }
}

/// Bytes of answers that wait to be sent.
#[derive(Default)]
struct Unsent {
    bytes: AtomicUsize,
    sent: Notify,
}

impl Unsent {
    fn add(&self, answer: &Answer) {
        self.bytes.fetch_add(answer.text().len(), Ordering::Relaxed);
    }

    fn remove(&self, answer: &Answer) {
        self.bytes.fetch_sub(answer.text().len(), Ordering::Relaxed);
        self.sent.notify_one();
    }

    fn is_much(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > MAX_UNSENT
    }
}

/// The half that reads.
struct Reading {
    caller: Arc<Caller>,
    answers: mpsc::Sender<Answer>,
    unsent: Arc<Unsent>,
    limit: usize,
    calls: JoinSet<()>,
}

impl Reading {
    /// Reads and answers until either side ends. Calls of a client that is gone are given up; on `stopped` they are
    /// answered first.
    async fn run(mut self, mut receiver: Receiver, stopped: impl Future<Output = ()>) {
        tokio::pin!(stopped);
        loop {
            while self.calls.try_join_next().is_some() {}
            let is_full = self.calls.len() >= MAX_CALLS || self.unsent.is_much();
            let mut message = Vec::new();
            let read = tokio::select! {
                () = &mut stopped => {
                    let ended = async { while self.calls.join_next().await.is_some() {} };
                    return timeout(STOP_TIME, ended).await.unwrap_or_default();
                }
                () = self.answers.closed() => return,
                Some(_) = self.calls.join_next(), if is_full => continue,
                () = self.unsent.sent.notified(), if is_full => continue,
                read = timeout(MAX_SILENCE, receiver.receive(&mut message)), if !is_full => read,
            };
            match read {
                Ok(Ok(soketto::Incoming::Data(_))) if message.len() > self.limit => self.too_large().await,
                Ok(Ok(soketto::Incoming::Data(_))) => self.answer(message).await,
                Ok(Ok(soketto::Incoming::Pong(_))) => {}
                Ok(Ok(soketto::Incoming::Closed(_)) | Err(Error::Closed)) => return,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a WebSocket connection broke the protocol");
                    if is_too_large(&error) {
                        self.too_large().await;
                    }
                    return;
                }
                Err(_) => return tracing::debug!("a WebSocket connection was silent for too long"),
            }
        }
    }

    /// Most answers are there at once; the others become tasks.
    async fn answer(&mut self, message: Vec<u8>) {
        let (caller, answers, unsent) =
            (Arc::clone(&self.caller), self.answers.clone(), Arc::clone(&self.unsent));
        let mut answered = Box::pin(async move {
            let Some(answer) = caller.answer(&message).await else { return };
            drop(message);
            unsent.add(&answer);
            answers.send(answer).await.unwrap_or_default();
        });
        if (&mut answered).now_or_never().is_none() {
            self.calls.spawn(answered);
        }
    }

    async fn too_large(&self) {
        let fault = Fault::RequestTooLarge { limit: self.limit };
        let answer = Answer::error(self.caller.charge(fault, self.limit));
        self.unsent.add(&answer);
        self.answers.send(answer).await.unwrap_or_default();
    }
}

fn is_too_large(error: &Error) -> bool {
    use soketto::base::Error as Frame;
    matches!(error, Error::Codec(Frame::PayloadTooLarge { .. }) | Error::MessageTooLarge { .. })
}

/// The half that writes.
struct Writing {
    answered: mpsc::Receiver<Answer>,
    told: mpsc::Receiver<Box<RawValue>>,
    unsent: Arc<Unsent>,
}

impl Writing {
    /// Sends answers, news and pings until there can be no more answers, or the connection is gone.
    async fn run(mut self, mut sender: Sender) {
        let mut pings = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        loop {
            let sent = tokio::select! {
                answer = self.answered.recv() => match answer {
                    Some(answer) => {
                        let sent = send(&mut sender, answer.text()).await;
                        self.unsent.remove(&answer);
                        sent
                    }
                    None => break,
                },
                Some(news) = self.told.recv() => send(&mut sender, news.get()).await,
                _ = pings.tick() => ping(&mut sender).await,
            };
            if let Err(error) = sent {
                return tracing::debug!(%error, "a WebSocket connection takes no more");
            }
        }
        if let Err(error) = sender.close().await {
            tracing::debug!(%error, "a WebSocket connection was gone before it was closed");
        }
    }
}

async fn send(sender: &mut Sender, message: &str) -> Result<(), Error> {
    sender.send_text(message).await?;
    sender.flush().await
}

async fn ping(sender: &mut Sender) -> Result<(), Error> {
    let nothing = soketto::data::ByteSlice125::try_from(&[][..]).map_err(|_| Error::Closed)?;
    sender.send_ping(nothing).await?;
    sender.flush().await
}
