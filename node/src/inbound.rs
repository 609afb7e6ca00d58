//! From the network to the loop: messages are judged on worker threads, each validator's on one of them, so that its
//! messages keep their order. A worker that waits for the loop makes its peers wait. Gossip and the requests of
//! strangers have a worker of their own, whose queue drops what does not fit: votes never wait behind them. Neither do they
//! behind clients' transactions, which go elsewhere.

use crate::elsewhere::Questions;
use crate::elsewhere::answering::Asked;
use crate::event_loop::Command;
use crate::load::Load;
use crate::signatures::Signatures;
use crate::together::Entrance;
use crate::wire;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use tokio::sync::mpsc;
use witan_p2p::{Misbehaviour, Network, NetworkEvent, RequestError, Topic};
use witan_replica::{Message, MessageVerifier, Rejection, VerifiedMessage};
use witan_types::{GroupId, NodeId};

/// Events that may wait for a worker.
const QUEUE: usize = 256;
/// Events of strangers that may wait.
const STRANGERS_QUEUE: usize = 64;

/// What judging needs.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(crate) verifiers: Arc<BTreeMap<GroupId, MessageVerifier>>,
    pub(crate) signatures: Arc<Signatures>,
    pub(crate) network: Network,
    pub(crate) validators: Arc<BTreeSet<NodeId>>,
    /// Every group there is, hosted here or not.
    pub(crate) groups: BTreeSet<GroupId>,
    pub(crate) commands: SyncSender<Command>,
    /// This node's own questions about groups that it does not host.
    pub(crate) questions: Arc<Questions>,
    /// What others ask about the groups that it hosts.
    pub(crate) asked: mpsc::Sender<Asked>,
}

/// Starts the workers and the task that hands them the network's events.
pub(crate) fn start(
    judge: &Judge,
    workers: usize,
    load: Entrance<Load>,
    mut events: mpsc::Receiver<NetworkEvent>,
    runtime: &tokio::runtime::Handle,
) -> io::Result<()> {
    let mut queues = Vec::new();
    for number in 0..workers.max(1) {
        queues.push(judge.start(format!("judge-{number}"), QUEUE)?);
    }
    let strangers = judge.start("judge-strangers".into(), STRANGERS_QUEUE)?;
    let validators = Arc::clone(&judge.validators);
    runtime.spawn(async move {
        while let Some(event) = events.recv().await {
            if is_strangers(&event, &validators) {
                if strangers.try_send(event).is_err() {
                    tracing::debug!("dropped a stranger's message: too many wait");
                }
                continue;
            }
            let event = match event {
                NetworkEvent::Frame { from, bytes } if brings_transactions(&bytes) => {
                    if !load.offer(Load::Frame { from, bytes }) {
                        tracing::debug!(%from, "dropped transactions: too many wait to be judged");
                    }
                    continue;
                }
                event => event,
            };
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

/// Whether anyone at all can send as many of these as the network lets through.
fn is_strangers(event: &NetworkEvent, validators: &BTreeSet<NodeId>) -> bool {
    match event {
        NetworkEvent::Gossip { .. } => true,
        NetworkEvent::Request { from, .. } => !validators.contains(from),
        NetworkEvent::Connected(_)
        | NetworkEvent::Disconnected(_)
        | NetworkEvent::Frame { .. }
        | NetworkEvent::Response { .. } => false,
    }
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

fn brings_transactions(bytes: &[u8]) -> bool {
    wire::split(bytes).is_some_and(|(_, message)| Message::brings_transactions(message))
}

impl Judge {
    fn start(&self, name: String, queue: usize) -> io::Result<mpsc::Sender<NetworkEvent>> {
        let (queue, jobs) = mpsc::channel(queue);
        let judge = self.clone();
        thread::Builder::new().name(name).spawn(move || judge.run(jobs))?;
        Ok(queue)
    }

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
            NetworkEvent::Frame { from, bytes } => {
                self.accept(from, &bytes).map(|(group, message)| Command::Message(group, from, message))
            }
            NetworkEvent::Gossip { topic, from, bytes } => self.judge_gossip(topic, from, &bytes),
            NetworkEvent::Request { from, token, bytes } if is_question(&bytes) => {
                let bytes = wire::split(&bytes).map(|(_, question)| question.to_vec()).unwrap_or_default();
                if self.asked.try_send(Asked { from, token, bytes }).is_err() {
                    tracing::debug!(%from, "refused a question: too many wait");
                }
                None
            }
            NetworkEvent::Request { from, token, bytes } => self
                .accept(from, &bytes)
                .map(|(group, message)| Command::Request(group, from, token, message)),
            NetworkEvent::Response { id, result, .. } if id & wire::OWN_QUESTIONS != 0 => {
                self.questions.answered(id, result);
                None
            }
            NetworkEvent::Response { from, id, result } => Some(self.judge_response(from, id, result)),
        }
    }

    fn judge_response(&self, from: NodeId, id: u64, result: Result<Vec<u8>, RequestError>) -> Command {
        match result.ok().and_then(|bytes| self.accept(from, &bytes)) {
            Some((_, message)) => Command::Response(id, message),
            None => Command::RequestFailed(id),
        }
    }

    /// Gossip says nothing of its author, and who passed it on did not judge it: only what proves itself counts, in
    /// the topic where it belongs, and what is wrong is held against nobody.
    fn judge_gossip(&self, topic: Topic, from: NodeId, bytes: &[u8]) -> Option<Command> {
        let (group, message) = wire::split(bytes)?;
        let verifier = self.verifiers.get(&group)?;
        let message = verifier.verify_passed_on(self.signatures.as_ref(), from, message).ok()?;
        let fits = match topic {
            Topic::Transactions(about) => about == group && message.is_transactions(),
            Topic::SealedHeaders(about) => about == group && message.is_sealed_header(),
        };
        fits.then_some(Command::Message(group, from, message))
    }

    fn verify(&self, from: NodeId, bytes: &[u8]) -> Option<(GroupId, Result<VerifiedMessage, Rejection>)> {
        let (group, message) = wire::split(bytes)?;
        let verifier = self.verifiers.get(&group)?;
        Some((group, verifier.verify(self.signatures.as_ref(), from, message)))
    }

    /// Decodes and verifies; what is wrong is held against the sender.
    fn accept(&self, from: NodeId, bytes: &[u8]) -> Option<(GroupId, VerifiedMessage)> {
        match self.verify(from, bytes) {
            Some((group, Ok(message))) => Some((group, message)),
            Some((_, Err(rejection))) => {
                self.refuse(from, &rejection);
                None
            }
            None => {
                self.refuse_group(from, bytes);
                None
            }
        }
    }

    pub(crate) fn refuse(&self, from: NodeId, rejection: &Rejection) {
        tracing::debug!(%from, %rejection, "refused a message");
        self.network.report(from, misbehaviour(rejection));
    }

    /// A message for a group that this node does not host: who asks everyone can't know which it does.
    pub(crate) fn refuse_group(&self, from: NodeId, bytes: &[u8]) {
        let is_hosted_elsewhere = wire::split(bytes).is_some_and(|(id, _)| self.groups.contains(&id));
        if !is_hosted_elsewhere {
            self.network.report(from, Misbehaviour::Malformed);
        }
    }
}

fn is_question(bytes: &[u8]) -> bool {
    wire::split(bytes).is_some_and(|(group, _)| group == wire::QUESTIONS)
}

fn misbehaviour(rejection: &Rejection) -> Misbehaviour {
    match rejection {
        Rejection::Malformed(_) | Rejection::Transaction(_) => Misbehaviour::Malformed,
        Rejection::WrongChain => Misbehaviour::WrongChain,
        Rejection::NotAValidator => Misbehaviour::Unauthorized,
        Rejection::Engine(_)
        | Rejection::ClientSignature(_)
        | Rejection::Envelope
        | Rejection::Held
        | Rejection::Seal => Misbehaviour::Forged,
    }
}

#[cfg(test)]
pub(crate) mod tests;
