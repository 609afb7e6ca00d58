//! Validator links: one stream to write and one to read with every partner, for as long as a connection stands.

use super::{Driver, Notice, Peer};
use crate::link::{Event, Opened};
use crate::score::Misbehaviour;
use crate::stream::{SendQueue, read_frames, write_frames};
use libp2p::swarm::ConnectionId;
use libp2p::{PeerId, Stream};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use witan_types::NodeId;

/// How long to wait before opening a stream again.
const REOPEN_AFTER: Duration = Duration::from_millis(100);
/// How long a partner may take to accept a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(12);
/// The most streams read from one partner at once: the newest, and one that it is leaving.
const MAX_READERS: usize = 2;

/// The stream this node writes to a partner. An extra connection changes nothing while it stands, so that no frame
/// is lost or overtaken when two nodes dial each other at once.
#[derive(Debug)]
pub(super) enum Link {
    /// None: the peer is no partner, or nothing was tried yet.
    None,
    /// To be opened again at this time.
    Waiting(Instant),
    /// Asked for on this connection, and given up at this time.
    Opening(ConnectionId, Instant),
    /// Written by a task.
    Open(ConnectionId, AbortHandle),
}

impl Link {
    /// When it needs attention.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Link::Waiting(at) | Link::Opening(_, at) => Some(*at),
            Link::None | Link::Open(..) => None,
        }
    }

    fn connection(&self) -> Option<ConnectionId> {
        match self {
            Link::Opening(connection, _) | Link::Open(connection, _) => Some(*connection),
            Link::None | Link::Waiting(_) => None,
        }
    }

    /// Lets go of a stream on a connection that is gone.
    pub(super) fn on_connection_closed(&mut self, connection: ConnectionId) {
        if self.connection() == Some(connection) {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Link::Open(_, writer) = self {
            writer.abort();
        }
        *self = Link::None;
    }
}

impl Peer {
    /// Ends the tasks of its link.
    pub(super) fn end_tasks(&mut self) {
        self.link.end();
        for reader in self.readers.drain(..) {
            reader.abort();
        }
    }
}

impl Driver {
    /// A queue for frames, if the peer is a partner.
    pub(super) fn new_queue(&self, id: &PeerId) -> Option<Arc<SendQueue>> {
        self.members.partners.contains(id).then(|| Arc::new(SendQueue::new(&self.limits)))
    }

    /// Opens the link with a peer on its newest connection, if it is a partner without one.
    pub(super) fn open_link(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if !self.members.partners.contains(&peer.id) || !matches!(peer.link, Link::None) {
            return;
        }
        if let Some(connection) = peer.connections.back() {
            peer.link = Link::Opening(connection.id, Instant::now() + OPEN_TIMEOUT);
            self.swarm.behaviour_mut().link.open(peer.id, connection.id);
        }
    }

    /// Opens the links that are due.
    pub(super) fn reopen_links(&mut self, now: Instant) {
        let due = |peer: &Peer| peer.link.due().is_some_and(|at| at <= now);
        let nodes: Vec<NodeId> =
            self.peers.iter().filter(|(_, peer)| due(peer)).map(|(node, _)| *node).collect();
        for node in nodes {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.link.end();
            }
            self.open_link(node);
        }
    }

    pub(super) fn on_link(&mut self, event: Event) {
        let node = self.peers.iter().find(|(_, peer)| peer.id == event.peer).map(|(node, _)| *node);
        let Some(node) = node else { return };
        match event.opened {
            Opened::Inbound(stream) => self.read(node, stream),
            Opened::Outbound(stream) => self.write(node, event.connection, stream),
            Opened::Failed => self.on_writer_ended(node, event.connection),
        }
    }

    fn read(&mut self, node: NodeId, stream: Stream) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let (shared, notices) = (Arc::clone(&self.shared), self.notices.clone());
        let reader = tokio::spawn(async move {
            let ended = read_frames(node, stream, &shared.events, &shared.tally).await;
            tracing::debug!(%node, %ended, "a validator's stream has ended");
            if ended.kind() == io::ErrorKind::InvalidData {
                // An error means that the network has ended.
                notices.send(Notice::Misbehaved(node, Misbehaviour::Oversized)).await.ok();
            }
        });
        peer.readers.retain(|reader| !reader.is_finished());
        peer.readers.push_back(reader.abort_handle());
        if peer.readers.len() > MAX_READERS
            && let Some(oldest) = peer.readers.pop_front()
        {
            oldest.abort();
        }
    }

    fn write(&mut self, node: NodeId, connection: ConnectionId, stream: Stream) {
        let (Some(peer), Some(queue)) = (self.peers.get_mut(&node), self.shared.peers.queue(node)) else {
            return;
        };
        if !matches!(peer.link, Link::Opening(asked, _) if asked == connection) {
            return;
        }
        let (shared, notices) = (Arc::clone(&self.shared), self.notices.clone());
        let writer = tokio::spawn(async move {
            let ended = write_frames(queue, stream, &shared.tally).await;
            tracing::debug!(%node, %ended, "the stream to a validator has ended");
            // An error means that the network has ended.
            notices.send(Notice::WriterEnded(node, connection)).await.ok();
        });
        peer.link = Link::Open(connection, writer.abort_handle());
    }

    /// The stream on this connection was refused or broke: another is due, unless there is one by now.
    pub(super) fn on_writer_ended(&mut self, node: NodeId, connection: ConnectionId) {
        if let Some(peer) = self.peers.get_mut(&node)
            && peer.link.connection() == Some(connection)
        {
            peer.link = Link::Waiting(Instant::now() + REOPEN_AFTER);
        }
    }

    /// Makes a connected peer a partner, or ends its being one, as the members say now.
    pub(super) fn change_partner(&mut self, node: NodeId, id: &PeerId) {
        let validator = self.members.validators.contains(id);
        let queue = self.new_queue(id);
        let partner = queue.is_some();
        self.shared.peers.change(node, |peer| {
            peer.validator = validator;
            peer.queue = queue.filter(|_| partner).map(|new| peer.queue.take().unwrap_or(new));
        });
        if partner {
            self.open_link(node);
        } else if let Some(peer) = self.peers.get_mut(&node) {
            peer.end_tasks();
        }
    }
}
