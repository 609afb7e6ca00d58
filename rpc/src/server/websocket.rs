//! WebSocket connections: messages in, answers and news out.

use super::dispatch::{Answering, Told};
use super::fault::Fault;
use super::http::{Front, refuse};
use futures::io::{BufReader, BufWriter};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use jsonrpsee::core::BoxError;
use jsonrpsee::core::middleware::RpcServiceT;
use jsonrpsee::server::{
    BoundedSubscriptions, HttpBody, HttpRequest, HttpResponse, MethodResponse, MethodSink,
};
use jsonrpsee::types::Id;
use serde_json::value::RawValue;
use soketto::connection::Error;
use soketto::handshake::http::Server as Handshake;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

/// Messages that one connection may have waiting to be sent.
const QUEUE: usize = 64;
/// Calls of one connection that may be under way; no more are read meanwhile.
const MAX_CALLS: usize = 256;
/// How often a connection is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long a connection may be silent, not even answering pings.
const MAX_SILENCE: Duration = Duration::from_secs(90);
/// How long the last answers may take to leave.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// Messages above their limit are read to the end up to this many times the limit, and answered with the error;
/// beyond, the connection is closed after it.
const READ_FACTOR: usize = 2;

type Stream = BufReader<BufWriter<Compat<TokioIo<Upgraded>>>>;
type Sender = soketto::Sender<Stream>;
type Receiver = soketto::Receiver<Stream>;

/// Answers a request that wants to become a WebSocket connection, and starts that.
pub(super) fn upgrade(front: Front, request: HttpRequest<Incoming>) -> Result<HttpResponse, BoxError> {
    let mut handshake = Handshake::new();
    match handshake.receive_request(&request) {
        Err(error) => refuse(StatusCode::BAD_REQUEST, &format!("no WebSocket handshake: {error}")),
        Ok(response) => {
            tokio::spawn(async move {
                match hyper::upgrade::on(request).await {
                    Ok(upgraded) => serve(front, handshake, upgraded).await,
                    Err(error) => tracing::debug!(%error, "a connection did not become a WebSocket"),
                }
            });
            Ok(response.map(|()| HttpBody::empty()))
        }
    }
}

async fn serve(front: Front, handshake: Handshake, upgraded: Upgraded) {
    let config = &front.service.config;
    let limit = config.max_body_bytes as usize;
    let stream = BufReader::new(BufWriter::new(TokioIo::new(upgraded).compat()));
    let mut builder = handshake.into_builder(stream);
    builder.set_max_frame_size(limit.saturating_mul(READ_FACTOR));
    builder.set_max_message_size(limit.saturating_mul(READ_FACTOR));
    let (sender, receiver) = builder.finish();
    let (queue, queued) = mpsc::channel(QUEUE);
    // Counted by ourselves, with an error like all others: one that is being refused takes a place here too.
    let places = config.max_subscriptions.saturating_mul(2).saturating_add(1);
    let (subscriptions, outflow) = (BoundedSubscriptions::new(places), Arc::clone(&front.outflow));
    let sink = MethodSink::new(queue);
    let told = Told { sink: sink.clone(), outflow, subscriptions };
    let reading = Reading { sink: sink.clone(), limit, calls: JoinSet::new() };
    let answering = Arc::new(front.answering(Some(told)));
    let mut writing = tokio::spawn(write(sender, queued));
    reading.run(receiver, answering, front.stop.clone().shutdown()).await;
    // An empty message ends the writer; subscriptions end with it.
    let ended = async {
        if sink.send(RawValue::NULL.to_owned()).await.is_ok() {
            (&mut writing).await.unwrap_or_default();
        }
    };
    if timeout(CLOSE_TIME, ended).await.is_err() {
        writing.abort();
    }
    drop(front);
}

/// The half that reads.
struct Reading {
    sink: MethodSink,
    limit: usize,
    calls: JoinSet<()>,
}

impl Reading {
    /// Reads and answers until either side ends. Calls of a client that is gone are given up; on `stopped` they are
    /// answered first.
    async fn run<S>(
        mut self,
        mut receiver: Receiver,
        answering: Arc<Answering<S>>,
        stopped: impl Future<Output = ()>,
    ) where
        S: RpcServiceT<MethodResponse = MethodResponse> + Send + Sync + 'static,
    {
        tokio::pin!(stopped);
        loop {
            while self.calls.try_join_next().is_some() {}
            let mut message = Vec::new();
            let read = tokio::select! {
                () = &mut stopped => {
                    while self.calls.join_next().await.is_some() {}
                    return;
                }
                () = self.sink.closed() => return,
                Some(_) = self.calls.join_next(), if self.calls.len() >= MAX_CALLS => continue,
                read = timeout(MAX_SILENCE, receiver.receive(&mut message)), if self.calls.len() < MAX_CALLS => read,
            };
            match read {
                Ok(Ok(soketto::Incoming::Data(_))) if message.len() > self.limit => self.too_large().await,
                Ok(Ok(soketto::Incoming::Data(_))) => self.answer(&answering, message),
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

    fn answer<S>(&mut self, answering: &Arc<Answering<S>>, message: Vec<u8>)
    where
        S: RpcServiceT<MethodResponse = MethodResponse> + Send + Sync + 'static,
    {
        let (answering, sink) = (Arc::clone(answering), self.sink.clone());
        self.calls.spawn(async move {
            let Some(answer) = answering.answer(&message).await else { return };
            drop(message);
            match RawValue::from_string(answer) {
                Ok(answer) => sink.send(answer).await.unwrap_or_default(),
                Err(error) => tracing::error!(%error, "an answer is no JSON"),
            }
        });
    }

    async fn too_large(&self) {
        let fault = Fault::RequestTooLarge { limit: self.limit };
        self.sink.send_error(Id::Null, fault.into()).await.unwrap_or_default();
    }
}

fn is_too_large(error: &Error) -> bool {
    use soketto::base::Error as Frame;
    matches!(error, Error::Codec(Frame::PayloadTooLarge { .. }) | Error::MessageTooLarge { .. })
}

/// The half that writes: what is queued and pings, until an empty message or a connection that is gone.
async fn write(mut sender: Sender, mut queue: mpsc::Receiver<Box<RawValue>>) {
    let mut pings = tokio::time::interval(PING_INTERVAL);
    loop {
        let sent = tokio::select! {
            message = queue.recv() => match message {
                Some(message) if message.get() != RawValue::NULL.get() => send(&mut sender, message).await,
                _ => break,
            },
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

async fn send(sender: &mut Sender, message: Box<RawValue>) -> Result<(), Error> {
    sender.send_text_owned(String::from(Box::<str>::from(message))).await?;
    sender.flush().await
}

async fn ping(sender: &mut Sender) -> Result<(), Error> {
    let nothing = soketto::data::ByteSlice125::try_from(&[][..]).map_err(|_| Error::Closed)?;
    sender.send_ping(nothing).await?;
    sender.flush().await
}
