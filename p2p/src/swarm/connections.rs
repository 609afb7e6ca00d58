//! Connections: dialing, admission of new members, faults and bans.

use super::{Connection, Driver, Notice, Peer};
use crate::NetworkEvent;
use crate::address::{PeerAddress, multiaddr_of, node_of, peer_of, socket_of};
use crate::behaviour::Members;
use crate::peers;
use crate::score::{Allowance, Misbehaviour};
use crate::swarm::links::Link;
use libp2p::PeerId;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use witan_types::NodeId;

/// How long the lookup of a host name may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

impl Driver {
    /// Dials a peer the dialer found due, looking its name up first if it has one.
    pub(super) fn dial(&mut self, address: PeerAddress) {
        if let Some(socket) = address.socket() {
            return self.dial_socket(address.node, socket);
        }
        let notices = self.notices.clone();
        tokio::spawn(async move {
            let found = tokio::net::lookup_host((address.host.as_str(), address.port));
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, found).await;
            let socket = found.ok().and_then(Result::ok).and_then(|mut sockets| sockets.next());
            // An error means that the network has ended.
            notices.send(Notice::Resolved(address.node, socket)).await.ok();
        });
    }

    pub(super) fn on_resolved(&mut self, node: NodeId, socket: Option<SocketAddr>) {
        match socket {
            Some(socket) => self.dial_socket(node, socket),
            None => {
                tracing::debug!(%node, "the host name of a peer is not known");
                self.dialer.failed(node, Instant::now());
            }
        }
    }

    fn dial_socket(&mut self, node: NodeId, socket: SocketAddr) {
        let Some(peer) = peer_of(node) else { return self.dialer.remove(node) };
        // A port of its own: two nodes that dial each other from their listening ports at once would make one
        // half-broken connection of it.
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .addresses(vec![multiaddr_of(socket)])
            .allocate_new_port()
            .build();
        let connection = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => {
                self.dials.insert(connection, node);
            }
            Err(error) => {
                tracing::debug!(%node, %error, "a dial was not begun");
                self.dialer.failed(node, Instant::now());
            }
        }
    }

    pub(super) fn on_dial_failed(&mut self, connection: ConnectionId, error: &DialError) {
        let Some(node) = self.dials.remove(&connection) else { return };
        self.shared.tally.connections_refused.one();
        tracing::debug!(%node, %error, "a dial failed");
        self.dialer.failed(node, Instant::now());
    }

    pub(super) fn on_established(&mut self, id: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        self.shared.tally.connections_opened.one();
        self.dials.remove(&connection);
        let (Some(node), Some(address)) = (node_of(&id), socket_of(endpoint.get_remote_address())) else {
            self.swarm.close_connection(connection);
            return;
        };
        self.dialer.connected(node);
        let connection = Connection { id: connection, address, inbound: endpoint.is_listener() };
        match self.peers.get_mut(&node) {
            Some(peer) => {
                peer.connections.push_back(connection);
                if peer.connections.len() > self.limits.connections_per_node
                    && let Some(oldest) = peer.connections.front()
                {
                    self.swarm.close_connection(oldest.id);
                }
                self.shared.peers.change(node, |peer| {
                    peer.address = connection.address;
                    peer.inbound = connection.inbound;
                });
            }
            None => self.on_first_connection(node, id, connection),
        }
        self.open_link(node);
    }

    fn on_first_connection(&mut self, node: NodeId, id: PeerId, connection: Connection) {
        let peer = Peer {
            id,
            connections: VecDeque::from([connection]),
            link: Link::None,
            readers: VecDeque::new(),
            allowance: Allowance::new(self.limits.peer_bytes_per_second, Instant::now()),
            sent_away: None,
        };
        self.peers.insert(node, peer);
        let seen = peers::Peer {
            address: connection.address,
            inbound: connection.inbound,
            validator: self.members.validators.contains(&id),
            rtt: None,
            version: String::new(),
            since: SystemTime::now(),
            queue: self.new_queue(&id),
        };
        self.shared.peers.insert(node, seen);
        self.shared.tell(NetworkEvent::Connected(node));
    }

    pub(super) fn on_closed(&mut self, id: &PeerId, connection: ConnectionId) {
        self.shared.tally.connections_closed.one();
        let Some(node) = node_of(id) else { return };
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.connections.retain(|other| other.id != connection);
        if peer.connections.is_empty() {
            peer.end_tasks();
            self.peers.remove(&node);
            self.shared.peers.remove(node);
            self.dialer.lost(node, Instant::now());
            self.shared.tell(NetworkEvent::Disconnected(node));
        } else {
            peer.link.on_connection_closed(connection);
            self.open_link(node);
        }
    }

    /// Counts a fault, and refuses the peer for a time if it was one too many.
    pub(super) fn report(&mut self, node: NodeId, fault: Misbehaviour) {
        self.shared.tally.misbehaviours.one();
        let now = Instant::now();
        if self.scores.report(node, fault, now)
            && let Some(peer) = peer_of(node)
        {
            self.shared.tally.bans.one();
            tracing::warn!(%node, ?fault, "a peer misbehaved once too often and is refused for a time");
            self.swarm.behaviour_mut().admission.ban(peer, now);
            self.disconnect(node);
        }
    }

    /// Closes every connection with a node.
    pub(super) fn disconnect(&mut self, node: NodeId) {
        if let Some(peer) = self.peers.get(&node) {
            // An error means that it is not connected.
            self.swarm.disconnect_peer_id(peer.id).ok();
        }
    }

    /// Keeps these nodes apart from this one until told otherwise.
    pub(super) fn part(&mut self, nodes: &BTreeSet<NodeId>) {
        let apart = nodes.iter().filter_map(|node| peer_of(*node)).collect();
        self.swarm.behaviour_mut().admission.set_apart(apart);
        for node in nodes {
            self.disconnect(*node);
        }
    }

    pub(super) fn set_members(&mut self, members: Members) {
        let behaviour = self.swarm.behaviour_mut();
        behaviour.admission.set_members(members.validators.clone(), members.allowed.clone());
        behaviour.link.set_partners(members.partners.clone());
        self.members = members;
        let now = Instant::now();
        let everyone: Vec<(NodeId, PeerId)> =
            self.peers.iter().map(|(node, peer)| (*node, peer.id)).collect();
        for (node, id) in everyone {
            if self.swarm.behaviour().admission.admits(&id, now).is_err() {
                self.disconnect(node);
            }
            self.change_partner(node, &id);
        }
    }
}
