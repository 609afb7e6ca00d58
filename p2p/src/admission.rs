//! Who may connect, as a libp2p behaviour that refuses connections before any other sees them: the list of a
//! permissioned network, bans, and bounds on connections.

use crate::Limits;
use crate::address::socket_of;
use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{ConnectedPoint, Endpoint, Multiaddr};
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// The most bans at a time. One more lifts whichever ends first.
const MAX_BANS: usize = 4096;

/// Why a connection was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("not on the list of this permissioned network")]
    NotListed,
    #[error("refused for a time for misbehaving")]
    Banned,
    #[error("kept apart from this node")]
    Apart,
    #[error("too many connections are in their handshake")]
    Pending,
    #[error("too many connections are in their handshake from this address")]
    PendingFromAddress,
    #[error("too many inbound connections")]
    Inbound,
    #[error("too many inbound connections from this address")]
    InboundFromAddress,
}

/// The behaviour.
#[derive(Debug)]
pub(crate) struct Behaviour {
    limits: Limits,
    validators: BTreeSet<PeerId>,
    allowed: Option<BTreeSet<PeerId>>,
    banned: BTreeMap<PeerId, Instant>,
    /// Kept apart from this node until told otherwise.
    apart: BTreeSet<PeerId>,
    /// Inbound connections in their handshake.
    pending: BTreeMap<ConnectionId, Option<IpAddr>>,
    /// Inbound connections of nodes that are no validators.
    inbound: BTreeMap<ConnectionId, Option<IpAddr>>,
}

impl Behaviour {
    pub(crate) fn new(
        limits: Limits,
        validators: BTreeSet<PeerId>,
        allowed: Option<BTreeSet<PeerId>>,
    ) -> Behaviour {
        let (banned, pending, inbound) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Behaviour { limits, validators, allowed, banned, apart: BTreeSet::new(), pending, inbound }
    }

    /// Changes who is admitted. Standing connections of others are the caller's to close.
    pub(crate) fn set_members(&mut self, validators: BTreeSet<PeerId>, allowed: Option<BTreeSet<PeerId>>) {
        self.validators = validators;
        self.allowed = allowed;
    }

    /// Keeps these peers apart from this node, and no others. Standing connections are the caller's to close.
    pub(crate) fn set_apart(&mut self, peers: BTreeSet<PeerId>) {
        self.apart = peers;
    }

    /// Refuses a peer for a time that its being a validator shortens.
    pub(crate) fn ban(&mut self, peer: PeerId, now: Instant) {
        self.banned.retain(|_, until| *until > now);
        if self.banned.len() >= MAX_BANS
            && let Some(first) = self.banned.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer)
        {
            self.banned.remove(&first);
        }
        let ban = if self.validators.contains(&peer) { self.limits.validator_ban } else { self.limits.ban };
        self.banned.insert(peer, now + ban);
    }

    /// Whether who it is lets a peer connect.
    pub(crate) fn admits(&self, peer: &PeerId, now: Instant) -> Result<(), Refusal> {
        let listed = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(peer));
        if !listed && !self.validators.contains(peer) {
            return Err(Refusal::NotListed);
        }
        if self.banned.get(peer).is_some_and(|until| *until > now) {
            return Err(Refusal::Banned);
        }
        if self.apart.contains(peer) {
            return Err(Refusal::Apart);
        }
        Ok(())
    }

    fn has_room_for_handshake(&self, ip: Option<IpAddr>) -> Result<(), Refusal> {
        if self.pending.len() >= self.limits.pending_inbound {
            return Err(Refusal::Pending);
        }
        let loopback = ip.is_some_and(|ip| ip.is_loopback());
        if !loopback && count(&self.pending, ip) >= self.limits.pending_inbound_per_address {
            return Err(Refusal::PendingFromAddress);
        }
        Ok(())
    }

    fn has_room(&self, peer: &PeerId, ip: Option<IpAddr>) -> Result<(), Refusal> {
        if self.validators.contains(peer) {
            return Ok(());
        }
        if self.inbound.len() >= self.limits.inbound {
            return Err(Refusal::Inbound);
        }
        let loopback = ip.is_some_and(|ip| ip.is_loopback());
        let bound = if loopback { self.limits.inbound_loopback } else { self.limits.inbound_per_address };
        if count(&self.inbound, ip) >= bound {
            return Err(Refusal::InboundFromAddress);
        }
        Ok(())
    }
}

fn count(connections: &BTreeMap<ConnectionId, Option<IpAddr>>, ip: Option<IpAddr>) -> usize {
    connections.values().filter(|other| **other == ip).count()
}

fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    socket_of(address).map(|socket| socket.ip().to_canonical())
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let ip = ip_of(remote);
        self.has_room_for_handshake(ip).map_err(ConnectionDenied::new)?;
        self.pending.insert(connection, ip);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&connection);
        self.admits(&peer, Instant::now()).map_err(ConnectionDenied::new)?;
        self.has_room(&peer, ip_of(remote)).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if let Some(peer) = peer {
            self.admits(&peer, Instant::now()).map_err(ConnectionDenied::new)?;
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admits(&peer, Instant::now()).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                if let ConnectedPoint::Listener { send_back_addr, .. } = endpoint
                    && !self.validators.contains(&peer_id)
                {
                    self.inbound.insert(connection_id, ip_of(send_back_addr));
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.inbound.remove(&connection_id);
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.pending.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
