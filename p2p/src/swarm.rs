//! The task that drives libp2p: it dials, admits, keeps links open, and turns what happens into events.

mod connections;
mod links;
mod traffic;

use crate::address::PeerAddress;
use crate::behaviour::{Behaviour, BehaviourEvent, Members, topics};
use crate::dial::Dialer;
use crate::network::Shared;
use crate::score::{Allowance, Misbehaviour, Scores};
use crate::{Limits, NetworkConfig, ResponseToken, Topic};
use futures::StreamExt as _;
use libp2p::gossipsub::TopicHash;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{PeerId, Swarm};
use links::Link;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use witan_types::{ChainId, NodeId};

/// Notices from tasks that may wait for the swarm. A task with one more waits itself.
const MAX_NOTICES: usize = 256;
/// The longest the task sleeps when nothing is due.
const IDLE_SLEEP: Duration = Duration::from_secs(60);

/// What the handle asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Publish {
        topic: Topic,
        bytes: Vec<u8>,
    },
    Request {
        to: NodeId,
        id: u64,
        bytes: Vec<u8>,
    },
    Respond {
        token: ResponseToken,
        bytes: Vec<u8>,
    },
    Report {
        node: NodeId,
        fault: Misbehaviour,
    },
    AddPeer(PeerAddress),
    RemovePeer(NodeId),
    SetMembers(Members),
    /// Keeps these nodes apart from this one, and no others.
    Part(BTreeSet<NodeId>),
    Shutdown(oneshot::Sender<()>),
}

/// What the task's own helpers tell it.
#[derive(Debug)]
enum Notice {
    /// The writer on this connection has ended.
    WriterEnded(NodeId, ConnectionId),
    /// A peer broke a rule on its link.
    Misbehaved(NodeId, Misbehaviour),
    /// A host name was looked up.
    Resolved(NodeId, Option<SocketAddr>),
}

/// A connected peer.
struct Peer {
    id: PeerId,
    /// Its connections, oldest first. Never empty.
    connections: VecDeque<Connection>,
    link: Link,
    /// The readers of its link's streams, oldest first.
    readers: VecDeque<AbortHandle>,
    /// The bytes it may still deliver.
    allowance: Allowance,
    /// When it is refused, once it has said that it is of another chain.
    sent_away: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Connection {
    id: ConnectionId,
    address: SocketAddr,
    inbound: bool,
}

/// The task's state.
pub(crate) struct Driver {
    swarm: Swarm<Behaviour>,
    shared: Arc<Shared>,
    chain: ChainId,
    limits: Limits,
    members: Members,
    topics: BTreeMap<TopicHash, Topic>,
    dialer: Dialer,
    dials: BTreeMap<ConnectionId, NodeId>,
    scores: Scores,
    peers: BTreeMap<NodeId, Peer>,
    requests: HashMap<OutboundRequestId, (NodeId, u64)>,
    notices: mpsc::Sender<Notice>,
    notice_inbox: mpsc::Receiver<Notice>,
}

impl Driver {
    pub(crate) fn new(
        config: NetworkConfig,
        swarm: Swarm<Behaviour>,
        members: Members,
        shared: Arc<Shared>,
    ) -> Driver {
        let now = Instant::now();
        let (notices, notice_inbox) = mpsc::channel(MAX_NOTICES);
        let mut dialer = Dialer::default();
        let topics = topics(&config);
        for address in config.peers.into_iter().filter(|peer| peer.node != shared.me) {
            dialer.add(address, false, now);
        }
        Driver {
            swarm,
            shared,
            chain: config.chain,
            limits: config.limits,
            members,
            topics,
            dialer,
            dials: BTreeMap::new(),
            scores: Scores::default(),
            peers: BTreeMap::new(),
            requests: HashMap::new(),
            notices,
            notice_inbox,
        }
    }

    /// Runs until it is shut down or every handle is gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let done = loop {
            self.act_on_time();
            let due = self.next_due();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(notice) = self.notice_inbox.recv() => self.on_notice(notice),
                command = commands.recv() => match command {
                    Some(Command::Shutdown(done)) => break Some(done),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                () = tokio::time::sleep_until(due) => {}
            }
        };
        self.end();
        // Nobody waits for the end if the caller of shutdown was dropped.
        done.and_then(|done| done.send(()).ok());
    }

    fn end(self) {
        for (node, mut peer) in self.peers {
            peer.end_tasks();
            self.shared.peers.remove(node);
        }
        drop(self.swarm);
        self.shared.events.close();
    }

    fn act_on_time(&mut self) {
        let now = Instant::now();
        for address in self.dialer.due(now) {
            self.dial(address);
        }
        self.reopen_links(now);
        self.send_away(now);
    }

    fn next_due(&self) -> Instant {
        let links = self.peers.values().filter_map(|peer| peer.link.due()).min();
        let astray = self.peers.values().filter_map(|peer| peer.sent_away).min();
        let idle = Instant::now() + IDLE_SLEEP;
        [self.dialer.next(), links, astray].into_iter().flatten().min().map_or(idle, |due| due.min(idle))
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish { topic, bytes } => self.publish(topic, bytes),
            Command::Request { to, id, bytes } => self.request(to, id, bytes),
            Command::Respond { token, bytes } => self.respond(token, bytes),
            Command::Report { node, fault } => self.report(node, fault),
            Command::AddPeer(address) if address.node != self.shared.me => {
                self.dialer.add(address.clone(), self.peers.contains_key(&address.node), Instant::now());
            }
            Command::AddPeer(_) | Command::Shutdown(_) => {}
            Command::RemovePeer(node) => {
                self.dialer.remove(node);
                self.disconnect(node);
            }
            Command::SetMembers(members) => self.set_members(members),
            Command::Part(nodes) => self.part(&nodes),
        }
    }

    fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::WriterEnded(node, connection) => self.on_writer_ended(node, connection),
            Notice::Misbehaved(node, fault) => self.report(node, fault),
            Notice::Resolved(node, address) => self.on_resolved(node, address),
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Link(event)) => self.on_link(event),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Requests(event)) => self.on_request_event(event),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => self.on_identify(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(&event),
            SwarmEvent::Behaviour(BehaviourEvent::Admission(never)) => match never {},
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.on_closed(&peer_id, connection_id);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.on_dial_failed(connection_id, &error);
            }
            SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } => {
                self.shared.tally.connections_refused.one();
                tracing::debug!(from = %send_back_addr, %error, "an inbound connection came to nothing");
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "the listener has an error"),
            SwarmEvent::ListenerClosed { reason, .. } => tracing::error!(?reason, "the listener has closed"),
            _ => {}
        }
    }
}
