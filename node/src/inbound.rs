//! From the network to the loop: messages are judged on worker threads, each peer's on one of them, so that a peer's
//! messages keep their order. A worker that waits for the loop makes its peers wait.

use crate::event_loop::Command;
use crate::signatures::Signatures;
use crate::wire;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use tokio::sync::mpsc;
use witan_p2p::{Misbehaviour, Network, NetworkEvent, RequestError};
use witan_replica::{MessageVerifier, Rejection, VerifiedMessage};
use witan_types::{GroupId, NodeId};

/// Events that may wait for a worker.
const QUEUE: usize = 256;

/// What judging needs.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(crate) verifiers: Arc<BTreeMap<GroupId, MessageVerifier>>,
    pub(crate) signatures: Arc<Signatures>,
    pub(crate) network: Network,
    pub(crate) commands: SyncSender<Command>,
}

/// Starts the workers and the task that hands them the network's events.
pub(crate) fn start(
    judge: &Judge,
    workers: usize,
    mut events: mpsc::Receiver<NetworkEvent>,
    runtime: &tokio::runtime::Handle,
) -> io::Result<()> {
    let mut queues = Vec::new();
    for number in 0..workers.max(1) {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let judge = judge.clone();
        thread::Builder::new().name(format!("judge-{number}")).spawn(move || judge.run(jobs))?;
        queues.push(queue);
    }
    runtime.spawn(async move {
        while let Some(event) = events.recv().await {
            let place = worker_of(&event, queues.len());
            if let Some(queue) = queues.get(place)
                && queue.send(event).await.is_err()
            {
                return;
            }
        }
    });
    Ok(())
}

fn worker_of(event: &NetworkEvent, workers: usize) -> usize {
    let node = match event {
        NetworkEvent::Connected(node) | NetworkEvent::Disconnected(node) => node,
        NetworkEvent::Frame { from, .. }
        | NetworkEvent::Gossip { from, .. }
        | NetworkEvent::Request { from, .. }
        | NetworkEvent::Response { from, .. } => from,
    };
    let mut hasher = DefaultHasher::new();
    node.hash(&mut hasher);
    usize::try_from(hasher.finish() % workers.max(1) as u64).unwrap_or(0)
}

impl Judge {
    fn run(self, mut jobs: mpsc::Receiver<NetworkEvent>) {
        while let Some(event) = jobs.blocking_recv() {
            if let Some(command) = self.judge(event)
                && self.commands.send(command).is_err()
            {
                return;
            }
        }
    }

    fn judge(&self, event: NetworkEvent) -> Option<Command> {
        match event {
            NetworkEvent::Connected(node) => Some(Command::PeerUp(node)),
            NetworkEvent::Disconnected(node) => Some(Command::PeerDown(node)),
            NetworkEvent::Frame { from, bytes } | NetworkEvent::Gossip { from, bytes, .. } => {
                self.accept(from, &bytes).map(|(group, message)| Command::Message(group, from, message))
            }
            NetworkEvent::Request { from, token, bytes } => self
                .accept(from, &bytes)
                .map(|(group, message)| Command::Request(group, from, token, message)),
            NetworkEvent::Response { from, id, result } => Some(self.judge_response(from, id, result)),
        }
    }

    fn judge_response(&self, from: NodeId, id: u64, result: Result<Vec<u8>, RequestError>) -> Command {
        match result.ok().and_then(|bytes| self.accept(from, &bytes)) {
            Some((_, message)) => Command::Response(id, message),
            None => Command::RequestFailed(id),
        }
    }

    /// Decodes and verifies; what is wrong is held against the sender.
    fn accept(&self, from: NodeId, bytes: &[u8]) -> Option<(GroupId, VerifiedMessage)> {
        let judged = wire::split(bytes).and_then(|(group, message)| {
            let verifier = self.verifiers.get(&group)?;
            Some((group, verifier.verify(self.signatures.as_ref(), from, message)))
        });
        match judged {
            Some((group, Ok(message))) => Some((group, message)),
            Some((_, Err(rejection))) => {
                tracing::debug!(%from, %rejection, "refused a message");
                self.network.report(from, misbehaviour(&rejection));
                None
            }
            None => {
                self.network.report(from, Misbehaviour::Malformed);
                None
            }
        }
    }
}

fn misbehaviour(rejection: &Rejection) -> Misbehaviour {
    match rejection {
        Rejection::Malformed(_) | Rejection::Transaction(_) => Misbehaviour::Malformed,
        Rejection::WrongChain => Misbehaviour::WrongChain,
        Rejection::NotAValidator => Misbehaviour::Unauthorized,
        Rejection::Engine(_) | Rejection::ClientSignature(_) | Rejection::Seal => Misbehaviour::Forged,
    }
}
