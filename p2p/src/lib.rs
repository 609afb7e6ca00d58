//! Witan's network, on libp2p over TCP with Noise and yamux. It carries opaque bytes and knows nothing of blocks,
//! transactions or votes.
//!
//! Three ways to say something, each with its own promise:
//! - **Frames** ([`Network::send`]) between validators, on one long-lived stream in each direction: votes ahead of
//!   batches ahead of sync, in order within a priority, writes coalesced. Lost only when a queue is full or a
//!   connection breaks.
//! - **Gossip** ([`Network::publish`]) to everyone, by topic and group: unsigned, lossy, only ever a way to be faster.
//! - **Requests** ([`Network::request`]) to one connected peer: exactly one answer or failure for each.
//!
//! Whatever a peer does costs at most its connection, bounded memory and a ban. Every bound is a constant here or a
//! field of [`Limits`].

mod address;
mod admission;
mod behaviour;
mod codec;
mod counters;
mod cuts;
mod dial;
mod events;
mod lines;
mod link;
mod network;
mod others;
mod peers;
mod score;
mod stream;
mod swarm;

pub use address::{MAX_HOST_BYTES, ParseAddressError, PeerAddress};
pub use codec::{MAX_FRAME_BYTES, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
pub use counters::Counters;
pub use cuts::Cut;
pub use lines::Line;
pub use network::{Network, start};
pub use others::OtherChain;
pub use score::Misbehaviour;

use libp2p::request_response::ResponseChannel;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};
use witan_types::{ChainId, GroupId, NodeId};

/// The most bytes of one gossip message, what libp2p adds included.
pub const MAX_GOSSIP_BYTES: usize = 256 << 10;
/// How long a request waits for its response.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest agent version kept of what a peer says of itself, in characters.
pub const MAX_VERSION_CHARS: usize = 64;

/// What a network is started with.
#[derive(Clone)]
pub struct NetworkConfig {
    /// The seed of this node's network identity, an ed25519 key. [`node_id`] gives its public half.
    pub identity_seed: [u8; 32],
    /// Where to listen. Port 0 takes a free one; [`Network::listen_address`] says which.
    pub listen: SocketAddr,
    /// Whom to stay connected to. This node itself among them is ignored.
    pub peers: Vec<PeerAddress>,
    /// The chain. Part of every protocol name: nodes of two chains don't talk.
    pub chain: ChainId,
    /// Who keeps direct streams with each other, this node included if it is a validator.
    pub validators: Vec<NodeId>,
    /// In a permissioned network, who may connect besides the validators; `None` lets anyone.
    pub allowed: Option<Vec<NodeId>>,
    /// Whose gossip to join.
    pub groups: Vec<GroupId>,
    /// Bounds.
    pub limits: Limits,
}

impl std::fmt::Debug for NetworkConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkConfig")
            .field("listen", &self.listen)
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

/// The bounds a network keeps. Those on a node's own queues are for each peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Frames that wait to be written to a peer, for each priority.
    pub queued_frames: usize,
    /// Bytes of the frames that wait to be written to a peer, for each priority.
    pub queued_bytes: usize,
    /// Events that wait for the node, connections and responses apart.
    pub queued_events: usize,
    /// Bytes of the events that wait for the node.
    pub queued_event_bytes: usize,
    /// Messages of gossip that wait to be written to a peer.
    pub queued_gossip: usize,
    /// Connections accepted and not through their handshake yet.
    pub pending_inbound: usize,
    /// The same from one address that is not loopback.
    pub pending_inbound_per_address: usize,
    /// Inbound connections of nodes that are no validators. Validators always have room.
    pub inbound: usize,
    /// The same from one address that is not loopback.
    pub inbound_per_address: usize,
    /// The same from the loopback address, where a whole test network lives.
    pub inbound_loopback: usize,
    /// Connections with one node. One more closes the oldest.
    pub connections_per_node: usize,
    /// Requests under way with one peer, inbound and outbound each.
    pub requests_per_peer: usize,
    /// Requests of this node under way.
    pub requests: usize,
    /// Bytes of gossip and requests a second that a peer may have delivered here. What is over is dropped, and
    /// counts against the peer.
    pub peer_bytes_per_second: usize,
    /// How long a peer with a bad score is refused.
    pub ban: Duration,
    /// How long a validator with a bad score is refused.
    pub validator_ban: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            queued_frames: 8192,
            queued_bytes: 32 << 20,
            queued_events: 4096,
            queued_event_bytes: 64 << 20,
            queued_gossip: 512,
            pending_inbound: 256,
            pending_inbound_per_address: 32,
            inbound: 128,
            inbound_per_address: 16,
            inbound_loopback: 128,
            connections_per_node: 4,
            requests_per_peer: 32,
            requests: 512,
            peer_bytes_per_second: 16 << 20,
            ban: Duration::from_secs(60),
            validator_ban: Duration::from_secs(5),
        }
    }
}

/// Why a network did not start.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The address to listen on is taken, or is none of this machine's.
    #[error("can't listen on {address}: {reason}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// A peer, validator or allowed node whose id is no ed25519 public key.
    #[error("{0} is no ed25519 public key")]
    NoKey(NodeId),
    /// libp2p refused its configuration.
    #[error("libp2p did not start: {0}")]
    Libp2p(String),
}

/// What a frame carries, and so how urgent it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Priority {
    /// Consensus messages. When the queue is full the new frame is refused.
    Vote,
    /// Batches of transactions. When the queue is full the oldest frame makes room.
    Batch,
    /// Help for a peer that is behind. When the queue is full the oldest frame makes room.
    Sync,
}

/// What gossip is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Topic {
    /// Transactions for a group.
    Transactions(GroupId),
    /// Headers of a group with their seals.
    SealedHeaders(GroupId),
}

/// What the network tells the node.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A first connection with this node stands. If both are validators, frames sent from now on are queued.
    Connected(NodeId),
    /// The last connection with this node is gone, and with it what was queued for it.
    Disconnected(NodeId),
    /// A frame from a validator. At most [`MAX_FRAME_BYTES`].
    Frame {
        /// Who sent it.
        from: NodeId,
        /// What it sent.
        bytes: Vec<u8>,
    },
    /// A gossip message. At most [`MAX_GOSSIP_BYTES`].
    Gossip {
        /// About what.
        topic: Topic,
        /// Who passed it on: not its author, whom nothing names.
        from: NodeId,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// A peer asks something. At most [`MAX_REQUEST_BYTES`].
    Request {
        /// Who asks.
        from: NodeId,
        /// What [`Network::respond`] takes. Dropping it refuses the request.
        token: ResponseToken,
        /// What is asked.
        bytes: Vec<u8>,
    },
    /// The one outcome of a [`Network::request`].
    Response {
        /// Who was asked.
        from: NodeId,
        /// The id given with the request.
        id: u64,
        /// The answer, at most [`MAX_RESPONSE_BYTES`], or why there is none.
        result: Result<Vec<u8>, RequestError>,
    },
}

/// The right to answer one request, within [`REQUEST_TIMEOUT`].
#[derive(Debug)]
pub struct ResponseToken {
    pub(crate) to: NodeId,
    pub(crate) channel: ResponseChannel<Vec<u8>>,
}

impl ResponseToken {
    /// Who asked.
    pub fn asker(&self) -> NodeId {
        self.to
    }
}

/// Why a request has no response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    /// No connection with that node.
    #[error("not connected")]
    NotConnected,
    /// Too many requests are under way here, or the request is over [`MAX_REQUEST_BYTES`].
    #[error("too many requests under way, or too large a request")]
    Refused,
    /// No answer within [`REQUEST_TIMEOUT`].
    #[error("timed out")]
    Timeout,
    /// The peer, or the connection, ended the request: it won't answer this, or it is overloaded.
    #[error("the peer ended the request")]
    Closed,
}

/// A connected peer.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerInfo {
    /// Who.
    pub node: NodeId,
    /// The other end of the newest connection.
    pub address: SocketAddr,
    /// Whether it is a validator.
    pub validator: bool,
    /// Whether it dialed us, in the newest connection.
    pub inbound: bool,
    /// How long the last round trip took.
    pub rtt: Option<Duration>,
    /// What it says it runs, at most [`MAX_VERSION_CHARS`] printable characters; empty until it says so.
    pub version: String,
    /// Frames that wait to be written to it.
    pub queued_frames: usize,
    /// Bytes of those frames.
    pub queued_bytes: usize,
    /// Since when it is connected.
    pub connected_since: SystemTime,
}

/// The network identity of a seed.
///
/// # Errors
/// None for any seed in practice: [`NetworkError::Libp2p`] passes on what libp2p's constructor may say.
pub fn node_id(identity_seed: [u8; 32]) -> Result<NodeId, NetworkError> {
    let peer = network::identity(identity_seed)?.public().to_peer_id();
    address::node_of(&peer).ok_or_else(|| NetworkError::Libp2p("an identity that is not ed25519".to_owned()))
}
