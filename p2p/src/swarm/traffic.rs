//! Gossip, requests, and what peers say of themselves.

use super::{Driver, Peer};
use crate::address::node_of;
use crate::behaviour::{chain_in, chain_name, topic_name};
use crate::score::Misbehaviour;
use crate::{MAX_VERSION_CHARS, NetworkEvent, RequestError, ResponseToken, Topic};
use libp2p::gossipsub::{self, PublishError};
use libp2p::request_response::{self, InboundFailure, Message, OutboundFailure};
use libp2p::{identify, ping};
use std::io;
use std::time::Duration;
use tokio::time::Instant;
use witan_types::NodeId;

/// What one message costs of a peer's allowance besides its bytes: the work it makes however small it is.
const MESSAGE_COST: usize = 512;
/// How long a peer of another chain may stay: so long that it hears the same of this node, or only one of the two would ever
/// know why they don't come together.
const SEND_AWAY_AFTER: Duration = Duration::from_millis(500);

impl Driver {
    pub(super) fn publish(&mut self, topic: Topic, bytes: Vec<u8>) {
        let name = topic_name(self.chain, topic);
        match self.swarm.behaviour_mut().gossip.publish(name, bytes) {
            Ok(_) => self.shared.tally.gossip_out.one(),
            Err(PublishError::Duplicate) => {}
            Err(_) => self.shared.tally.gossip_dropped.one(),
        }
    }

    pub(super) fn on_gossip(&mut self, event: gossipsub::Event) {
        let gossipsub::Event::Message { propagation_source, message, .. } = event else { return };
        let (Some(from), Some(topic)) =
            (node_of(&propagation_source), self.topics.get(&message.topic).copied())
        else {
            return;
        };
        let bytes = message.data;
        let wanted = self.afford(from, bytes.len());
        if wanted && self.shared.events.try_push(NetworkEvent::Gossip { topic, from, bytes }).is_ok() {
            self.shared.tally.gossip_in.one();
        } else {
            self.shared.tally.gossip_dropped.one();
        }
    }

    /// Takes a message's cost from a peer's allowance. A validator that is over it loses messages, anyone else
    /// points too: a validator may relay what others flood it with.
    fn afford(&mut self, from: NodeId, bytes: usize) -> bool {
        let Some(peer) = self.peers.get_mut(&from) else { return false };
        let enough = peer.allowance.take(bytes.saturating_add(MESSAGE_COST), Instant::now());
        if !enough && !self.members.validators.contains(&peer.id) {
            self.report(from, Misbehaviour::Flooding);
        }
        enough
    }

    pub(super) fn request(&mut self, to: NodeId, id: u64, bytes: Vec<u8>) {
        let Some(peer) = self.peers.get(&to) else {
            return self.shared.fail_request(to, id, RequestError::NotConnected);
        };
        let under_way = self.requests.values().filter(|(node, _)| *node == to).count();
        if self.requests.len() >= self.limits.requests || under_way >= self.limits.requests_per_peer {
            return self.shared.fail_request(to, id, RequestError::Refused);
        }
        let request = self.swarm.behaviour_mut().requests.send_request(&peer.id, bytes);
        self.requests.insert(request, (to, id));
        self.shared.tally.requests_out.one();
    }

    pub(super) fn respond(&mut self, token: ResponseToken, bytes: Vec<u8>) {
        if self.swarm.behaviour_mut().requests.send_response(token.channel, bytes).is_err() {
            self.shared.tally.requests_dropped.one();
        }
    }

    pub(super) fn on_request_event(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>) {
        match event {
            request_response::Event::Message { peer, message, .. } => {
                let Some(from) = node_of(&peer) else { return };
                match message {
                    Message::Request { request, channel, .. } => {
                        self.on_request(from, ResponseToken { to: from, channel }, request);
                    }
                    Message::Response { request_id, response } => {
                        if let Some((from, id)) = self.requests.remove(&request_id) {
                            self.on_response(from, id, response);
                        }
                    }
                }
            }
            request_response::Event::OutboundFailure { request_id, error, .. } => {
                if let Some((node, id)) = self.requests.remove(&request_id) {
                    self.on_request_failed(node, id, &error);
                }
            }
            request_response::Event::InboundFailure { peer, error: InboundFailure::Io(error), .. } => {
                if let Some(node) = node_of(&peer).filter(|_| error.kind() == io::ErrorKind::InvalidData) {
                    self.report(node, Misbehaviour::Oversized);
                }
            }
            request_response::Event::InboundFailure { .. } | request_response::Event::ResponseSent { .. } => {
            }
        }
    }

    fn on_response(&self, from: NodeId, id: u64, response: Vec<u8>) {
        if self.shared.cuts.stops_in(from) {
            return self.shared.fail_request(from, id, RequestError::Timeout);
        }
        self.shared.tell(NetworkEvent::Response { from, id, result: Ok(response) });
    }

    fn on_request(&mut self, from: NodeId, token: ResponseToken, bytes: Vec<u8>) {
        let wanted = self.afford(from, bytes.len());
        if wanted && self.shared.events.try_push(NetworkEvent::Request { from, token, bytes }).is_ok() {
            self.shared.tally.requests_in.one();
        } else {
            self.shared.tally.requests_dropped.one();
        }
    }

    fn on_request_failed(&mut self, node: NodeId, id: u64, error: &OutboundFailure) {
        let reason = match error {
            OutboundFailure::Timeout => RequestError::Timeout,
            OutboundFailure::DialFailure => RequestError::NotConnected,
            OutboundFailure::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.report(node, Misbehaviour::Oversized);
                RequestError::Closed
            }
            OutboundFailure::ConnectionClosed
            | OutboundFailure::UnsupportedProtocols
            | OutboundFailure::Io(_) => RequestError::Closed,
        };
        self.shared.fail_request(node, id, reason);
    }

    pub(super) fn on_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id, info, .. } = event else { return };
        let Some(node) = node_of(&peer_id) else { return };
        if info.protocol_version != chain_name(self.chain) {
            tracing::warn!(%node, "a peer of another chain, or of another version of the protocol");
            self.note_other_chain(node, &info.protocol_version);
            return;
        }
        self.shared.others.forget(node);
        let printable = info.agent_version.chars().filter(|char| !char.is_control());
        let version = printable.take(MAX_VERSION_CHARS).collect();
        self.shared.peers.change(node, |peer| peer.version = version);
    }

    fn note_other_chain(&mut self, node: NodeId, speaks: &str) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.sent_away.get_or_insert(Instant::now() + SEND_AWAY_AFTER);
        if let Some(connection) = peer.connections.back() {
            self.shared.others.met(node, connection.address, chain_in(speaks), std::time::Instant::now());
        }
    }

    /// Refuses the peers of other chains whose time is up.
    pub(super) fn send_away(&mut self, now: Instant) {
        let is_due = |peer: &Peer| peer.sent_away.is_some_and(|due| due <= now);
        let due: Vec<NodeId> =
            self.peers.iter().filter(|(_, peer)| is_due(peer)).map(|(node, _)| *node).collect();
        for node in due {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.sent_away = None;
            }
            self.report(node, Misbehaviour::WrongChain);
        }
    }

    pub(super) fn on_ping(&mut self, event: &ping::Event) {
        match &event.result {
            Ok(rtt) => {
                if let Some(node) = node_of(&event.peer) {
                    self.shared.peers.change(node, |peer| peer.rtt = Some(*rtt));
                }
            }
            Err(ping::Failure::Timeout) => {
                tracing::debug!(peer = %event.peer, "a ping stayed unanswered");
                self.swarm.close_connection(event.connection);
            }
            Err(ping::Failure::Unsupported | ping::Failure::Other { .. }) => {}
        }
    }
}
