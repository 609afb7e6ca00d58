//! The validators' stream protocol as a libp2p behaviour: it accepts the protocol from link partners alone (anyone
//! else finds it not spoken here), opens a stream when told to, and hands streams over.

use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, Stream, StreamProtocol};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll};

/// Streams a connection may hold ready before the behaviour takes them. More are reset.
const MAX_READY: usize = 4;

/// A stream on a connection with a partner, or that there is none.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    pub(crate) opened: Opened,
}

/// What came of a connection.
pub(crate) enum Opened {
    /// The partner's stream, to read.
    Inbound(Stream),
    /// The stream asked for, to write.
    Outbound(Stream),
    /// The stream asked for was refused.
    Failed,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Opened::Inbound(_) => "Inbound",
            Opened::Outbound(_) => "Outbound",
            Opened::Failed => "Failed",
        })
    }
}

/// The behaviour.
pub(crate) struct Behaviour {
    protocol: StreamProtocol,
    partners: BTreeSet<PeerId>,
    connections: BTreeMap<ConnectionId, PeerId>,
    actions: VecDeque<ToSwarm<Event, Order>>,
}

impl Behaviour {
    pub(crate) fn new(protocol: StreamProtocol, partners: BTreeSet<PeerId>) -> Behaviour {
        Behaviour { protocol, partners, connections: BTreeMap::new(), actions: VecDeque::new() }
    }

    /// Opens a stream on a connection. An [`Event`] tells the outcome, unless the connection closes first.
    pub(crate) fn open(&mut self, peer_id: PeerId, connection: ConnectionId) {
        let handler = NotifyHandler::One(connection);
        self.actions.push_back(ToSwarm::NotifyHandler { peer_id, handler, event: Order::Open });
    }

    /// Changes who the partners are, on standing connections too.
    pub(crate) fn set_partners(&mut self, partners: BTreeSet<PeerId>) {
        for (connection, peer) in &self.connections {
            let allow = partners.contains(peer);
            if allow != self.partners.contains(peer) {
                let handler = NotifyHandler::One(*connection);
                self.actions.push_back(ToSwarm::NotifyHandler {
                    peer_id: *peer,
                    handler,
                    event: Order::Allow(allow),
                });
            }
        }
        self.partners = partners;
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        Handler {
            protocol: self.protocol.clone(),
            partner: self.partners.contains(peer),
            open: false,
            ready: VecDeque::new(),
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, .. }) => {
                self.connections.insert(connection_id, peer_id);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.connections.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        opened: THandlerOutEvent<Self>,
    ) {
        if self.partners.contains(&peer) {
            self.actions.push_back(ToSwarm::GenerateEvent(Event { peer, connection, opened }));
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        // No waker: actions are added by the task that polls the swarm, which polls again after each of its turns.
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// What the behaviour tells the handler of a connection.
#[derive(Debug)]
pub(crate) enum Order {
    Open,
    Allow(bool),
}

/// One connection's part.
pub(crate) struct Handler {
    protocol: StreamProtocol,
    partner: bool,
    open: bool,
    ready: VecDeque<Opened>,
}

impl Handler {
    fn offer(&mut self, opened: Opened) {
        if self.partner && self.ready.len() < MAX_READY {
            self.ready.push_back(opened);
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Opened;
    type InboundProtocol = Upgrade;
    type OutboundProtocol = Upgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Upgrade> {
        SubstreamProtocol::new(Upgrade(self.partner.then(|| self.protocol.clone())), ())
    }

    fn connection_keep_alive(&self) -> bool {
        self.partner
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Upgrade, (), Opened>> {
        if let Some(opened) = self.ready.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(opened));
        }
        if std::mem::take(&mut self.open) {
            let protocol = SubstreamProtocol::new(Upgrade(Some(self.protocol.clone())), ());
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Open => self.open = true,
            Order::Allow(partner) => self.partner = partner,
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Upgrade, Upgrade>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                self.offer(Opened::Inbound(protocol));
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, .. }) => {
                self.offer(Opened::Outbound(protocol));
            }
            ConnectionEvent::DialUpgradeError(_) => self.offer(Opened::Failed),
            _ => {}
        }
    }
}

/// The stream as it is, under the protocol's name; without one, nothing.
pub(crate) struct Upgrade(Option<StreamProtocol>);

impl UpgradeInfo for Upgrade {
    type Info = StreamProtocol;
    type InfoIter = std::option::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Upgrade {
    type Output = Stream;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Stream, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}

impl OutboundUpgrade<Stream> for Upgrade {
    type Output = Stream;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}
