//! The node's handle on the network.

use crate::address::{PeerAddress, node_of, peer_of};
use crate::behaviour::{Members, libp2p_error, listening_swarm};
use crate::codec::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
use crate::counters::{Counters, Tally};
use crate::cuts::{Cut, Cuts};
use crate::events::EventQueue;
use crate::lines::{Cargo, Fate, Line, Lines};
use crate::others::{OtherChain, Others};
use crate::peers::PeerTable;
use crate::score::Misbehaviour;
use crate::swarm::{Command, Driver};
use crate::{
    MAX_GOSSIP_BYTES, NetworkConfig, NetworkError, NetworkEvent, PeerInfo, Priority, REQUEST_TIMEOUT,
    RequestError, ResponseToken, Topic,
};
use libp2p::PeerId;
use libp2p::identity::Keypair;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use witan_types::NodeId;

/// Commands that wait for the swarm. More are refused: the swarm is stuck or flooded by its own node.
const MAX_COMMANDS: usize = 4096;

/// A running network. Clones are the same one; it ends with [`Network::shutdown`], or with the last clone.
#[derive(Clone, Debug)]
pub struct Network {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

/// What the handle and the swarm's task both hold.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) me: NodeId,
    pub(crate) listen: SocketAddr,
    pub(crate) peers: PeerTable,
    pub(crate) events: EventQueue,
    pub(crate) tally: Tally,
    pub(crate) others: Others,
    pub(crate) cuts: Arc<Cuts>,
    lines: Lines,
    runtime: Handle,
}

/// Listens, and starts connecting. The receiver gets everything that happens; while it isn't read, validators are
/// held back and what others send is dropped.
///
/// # Errors
/// [`NetworkError`]: the address is taken, or an id in `config` is no key.
pub fn start(
    config: NetworkConfig,
    runtime: &Handle,
) -> Result<(Network, mpsc::Receiver<NetworkEvent>), NetworkError> {
    let keypair = identity(config.identity_seed)?;
    let me = keypair.public().to_peer_id();
    let members = members(&me, &config.validators, config.allowed.as_deref())?;
    if let Some(unknown) = config.peers.iter().find(|peer| peer_of(peer.node).is_none()) {
        return Err(NetworkError::NoKey(unknown.node));
    }
    let _inside = runtime.enter();
    let (swarm, listen) = listening_swarm(&config, keypair, &members)?;
    let (bounds, cuts) = (&config.limits, Arc::new(Cuts::default()));
    let (events, receiver) =
        EventQueue::new(bounds.queued_events, bounds.queued_event_bytes, Arc::clone(&cuts));
    let me = node_of(&me).ok_or_else(|| libp2p_error("an identity that is not ed25519"))?;
    let (peers, tally, others) = (PeerTable::default(), Tally::default(), Others::default());
    let (lines, kept) = (Lines::default(), runtime.clone());
    let shared = Arc::new(Shared { me, listen, peers, events, tally, others, cuts, lines, runtime: kept });
    let (commands, inbox) = mpsc::channel(MAX_COMMANDS);
    runtime.spawn(Driver::new(config, swarm, members, Arc::clone(&shared)).run(inbox));
    Ok((Network { shared, commands }, receiver))
}

pub(crate) fn identity(seed: [u8; 32]) -> Result<Keypair, NetworkError> {
    Keypair::ed25519_from_bytes(seed).map_err(libp2p_error)
}

fn members(me: &PeerId, validators: &[NodeId], allowed: Option<&[NodeId]>) -> Result<Members, NetworkError> {
    let peers = |nodes: &[NodeId]| -> Result<BTreeSet<PeerId>, NetworkError> {
        nodes.iter().map(|node| peer_of(*node).ok_or(NetworkError::NoKey(*node))).collect()
    };
    let validators = peers(validators)?;
    let allowed = allowed.map(peers).transpose()?;
    let mut partners = if validators.contains(me) { validators.clone() } else { BTreeSet::new() };
    partners.remove(me);
    Ok(Members { validators, partners, allowed })
}

impl Network {
    /// Queues a frame of at most [`crate::MAX_FRAME_BYTES`] for a validator. Never blocks. `false` if it was given
    /// up: the peer is not connected, no validator, or its queue is full of votes. `true` promises no delivery.
    pub fn send(&self, to: NodeId, priority: Priority, frame: Arc<[u8]>) -> bool {
        match self.shared.lines.enter(to, Cargo::Frame(priority, frame)) {
            Fate::Free(cargo) => self.deliver(to, cargo),
            fate => self.follow(to, fate),
        }
    }

    /// The same, after some time: for rehearsals of nodes that hold back what they have to say.
    pub fn send_later(&self, to: NodeId, priority: Priority, frame: Arc<[u8]>, after: Duration) -> bool {
        let fate = self.shared.lines.hold_for(to, Cargo::Frame(priority, frame), after);
        self.follow(to, fate)
    }

    /// Sees to what did not go straight.
    fn follow(&self, to: NodeId, fate: Fate) -> bool {
        match fate {
            Fate::Held { begins } => {
                if begins {
                    self.shared.runtime.spawn(self.clone().deliver_held());
                }
                return true;
            }
            Fate::Lost(Cargo::Frame(..)) => self.shared.tally.frames_dropped.one(),
            // On a real line nobody hears that it is lost: it times out.
            Fate::Lost(Cargo::Request { id, .. }) => {
                let network = self.clone();
                self.shared.runtime.spawn(async move {
                    tokio::time::sleep(REQUEST_TIMEOUT).await;
                    network.shared.fail_request(to, id, RequestError::Timeout);
                });
            }
            Fate::Lost(Cargo::Answer { .. }) => self.shared.tally.requests_dropped.one(),
            Fate::Free(cargo) => return self.deliver(to, cargo),
        }
        false
    }

    /// Delivers what lines hold, until they hold nothing.
    async fn deliver_held(self) {
        while let Some((to, cargo)) = self.shared.lines.next().await {
            self.deliver(to, cargo);
        }
    }

    fn deliver(&self, to: NodeId, cargo: Cargo) -> bool {
        match cargo {
            Cargo::Frame(priority, frame) => return self.send_now(to, priority, frame),
            Cargo::Request { id, bytes } => self.request_now(to, id, bytes),
            Cargo::Answer { token, bytes } => {
                if self.commands.try_send(Command::Respond { token, bytes }).is_err() {
                    self.shared.tally.requests_dropped.one();
                }
            }
        }
        true
    }

    fn send_now(&self, to: NodeId, priority: Priority, frame: Arc<[u8]>) -> bool {
        let queue = self.shared.peers.queue(to).filter(|_| !self.shared.cuts.stops_out(to));
        let Some(queue) = queue else {
            self.shared.tally.frames_dropped.one();
            return false;
        };
        let pushed = queue.push(priority, frame);
        self.shared.tally.frames_dropped.add(pushed.dropped);
        pushed.queued
    }

    /// Gossips `bytes`, at most a little under [`MAX_GOSSIP_BYTES`]. What was gossiped in the last minute is not
    /// said again.
    pub fn publish(&self, topic: Topic, bytes: Vec<u8>) {
        if bytes.len() > MAX_GOSSIP_BYTES
            || self.commands.try_send(Command::Publish { topic, bytes }).is_err()
        {
            self.shared.tally.gossip_dropped.one();
        }
    }

    /// Asks a connected peer, with at most [`MAX_REQUEST_BYTES`]. One [`NetworkEvent::Response`] with `id` follows,
    /// whatever happens.
    pub fn request(&self, to: NodeId, id: u64, bytes: Vec<u8>) {
        match self.shared.lines.enter(to, Cargo::Request { id, bytes }) {
            Fate::Free(cargo) => self.deliver(to, cargo),
            fate => self.follow(to, fate),
        };
    }

    fn request_now(&self, to: NodeId, id: u64, bytes: Vec<u8>) {
        if self.shared.cuts.stops_out(to) {
            return self.shared.fail_request(to, id, RequestError::NotConnected);
        }
        let fits = bytes.len() <= MAX_REQUEST_BYTES;
        if !fits || self.commands.try_send(Command::Request { to, id, bytes }).is_err() {
            self.shared.fail_request(to, id, RequestError::Refused);
        }
    }

    /// Answers a request with at most [`MAX_RESPONSE_BYTES`]. A larger answer is a refusal.
    pub fn respond(&self, token: ResponseToken, bytes: Vec<u8>) {
        if bytes.len() > MAX_RESPONSE_BYTES {
            return self.shared.tally.requests_dropped.one();
        }
        let to = token.to;
        match self.shared.lines.enter(to, Cargo::Answer { token, bytes }) {
            Fate::Free(cargo) => self.deliver(to, cargo),
            fate => self.follow(to, fate),
        };
    }

    /// The connected peers, in the order of their ids.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.shared.peers.list()
    }

    /// Counts a fault against a peer. Enough of them close its connections and refuse it for a time.
    pub fn report(&self, node: NodeId, fault: Misbehaviour) {
        self.command(Command::Report { node, fault });
    }

    /// Connects to a peer, and stays connected. A known one gets the new address.
    ///
    /// # Errors
    /// [`NetworkError::NoKey`] if its id is no key.
    pub fn add_peer(&self, peer: PeerAddress) -> Result<(), NetworkError> {
        peer_of(peer.node).ok_or(NetworkError::NoKey(peer.node))?;
        self.command(Command::AddPeer(peer));
        Ok(())
    }

    /// Stops dialing a peer and closes its connections. It may connect again on its own.
    pub fn remove_peer(&self, node: NodeId) {
        self.command(Command::RemovePeer(node));
    }

    /// Changes who the validators are and who may connect (see [`NetworkConfig`]), as an epoch begins. Connections
    /// that are admitted no more are closed.
    ///
    /// # Errors
    /// [`NetworkError::NoKey`] if an id is no key; nothing changes then.
    pub fn set_members(&self, validators: &[NodeId], allowed: Option<&[NodeId]>) -> Result<(), NetworkError> {
        let me = peer_of(self.shared.me).ok_or(NetworkError::NoKey(self.shared.me))?;
        let members = members(&me, validators, allowed)?;
        self.command(Command::SetMembers(members));
        Ok(())
    }

    /// The nodes of other chains that were met lately, and not again with the right one: at most 64.
    pub fn other_chains(&self) -> Vec<OtherChain> {
        self.shared.others.list(std::time::Instant::now())
    }

    /// Lets nothing pass between this node and these peers from now on, and everything between it and all others: what
    /// a partition does. Replaces the cuts made before.
    pub fn set_cuts(&self, cuts: BTreeMap<NodeId, Cut>) {
        let apart = |(node, cut): (&NodeId, &Cut)| (*cut == Cut::Both).then_some(*node);
        let apart = cuts.iter().filter_map(apart).collect();
        self.shared.cuts.set(cuts);
        self.command(Command::Part(apart));
    }

    /// Makes the lines to these peers bad from now on, and all others good. Replaces the lines made before.
    pub fn set_lines(&self, lines: BTreeMap<NodeId, Line>) {
        self.shared.lines.set(lines);
    }

    /// Where it listens: the configured address, with the port that port 0 became.
    pub fn listen_address(&self) -> SocketAddr {
        self.shared.listen
    }

    /// This node's id.
    pub fn node(&self) -> NodeId {
        self.shared.me
    }

    /// The totals since the start.
    pub fn counters(&self) -> Counters {
        self.shared.tally.read()
    }

    /// Closes every connection and the port. Returns when both are free; the receiver then ends.
    pub async fn shutdown(self) {
        let (done, ended) = oneshot::channel();
        // A failure of either means that the network has ended already.
        if self.commands.send(Command::Shutdown(done)).await.is_ok() {
            ended.await.ok();
        }
    }

    fn command(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!("the network has ended, or is too busy to take a command");
        }
    }
}

impl Shared {
    /// Tells the node something it must not miss.
    pub(crate) fn tell(&self, event: NetworkEvent) {
        if self.events.push_reserved(event).is_err() {
            self.tally.events_lost.one();
        }
    }

    pub(crate) fn fail_request(&self, from: NodeId, id: u64, error: RequestError) {
        self.tally.requests_failed.one();
        self.tell(NetworkEvent::Response { from, id, result: Err(error) });
    }
}
