//! The libp2p behaviours a node runs, and the swarm that runs them.

use crate::address::multiaddr_of;
use crate::codec::BytesCodec;
use crate::{Limits, MAX_GOSSIP_BYTES, NetworkConfig, NetworkError, REQUEST_TIMEOUT, Topic, admission, link};
use libp2p::gossipsub::{
    self, IdentTopic, IdentityTransform, Message, MessageAuthenticity, MessageId, TopicHash, ValidationMode,
    WhitelistSubscriptionFilter,
};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, noise, ping, tcp, yamux};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use witan_types::{ChainId, sha256};

/// A connection without use is closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long a connection may take to stand: a half-open one costs no more than this.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(4);
/// How often round trips are measured.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// A connection that leaves a ping unanswered for so long is closed.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Streams on one connection, both directions: requests need at most twice their bound, everything else a dozen. A
/// peer that opens more loses the connection, and each holds back at most 256 KiB that nobody reads.
const SPARE_STREAMS: usize = 32;

/// Everything that runs on a connection. Admission stands first: what it refuses, no other sees.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) admission: admission::Behaviour,
    pub(crate) link: link::Behaviour,
    pub(crate) gossip: Gossip,
    pub(crate) requests: Requests,
    pub(crate) identify: identify::Behaviour,
    pub(crate) ping: ping::Behaviour,
}

pub(crate) type Gossip = gossipsub::Behaviour<IdentityTransform, WhitelistSubscriptionFilter>;
pub(crate) type Requests = request_response::Behaviour<BytesCodec>;

/// Who is who, in libp2p's names.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) validators: BTreeSet<PeerId>,
    /// Whom this node keeps links with: the validators if it is one of them, else nobody.
    pub(crate) partners: BTreeSet<PeerId>,
    pub(crate) allowed: Option<BTreeSet<PeerId>>,
}

/// The version of Witan's protocols in every protocol name.
fn protocol_name(chain: ChainId, protocol: &str) -> String {
    format!("/witan/1/{chain}/{protocol}")
}

/// What identify says this node speaks; a peer that says otherwise is on another chain.
pub(crate) fn chain_name(chain: ChainId) -> String {
    protocol_name(chain, "node")
}

/// The chain in what identify says that a node speaks; none if that is no version of the protocol known here.
pub(crate) fn chain_in(speaks: &str) -> Option<ChainId> {
    let chain = speaks.strip_prefix("/witan/1/")?.strip_suffix("/node")?;
    chain.parse().ok()
}

fn stream_protocol(chain: ChainId, protocol: &str) -> Result<StreamProtocol, NetworkError> {
    StreamProtocol::try_from_owned(protocol_name(chain, protocol)).map_err(libp2p_error)
}

pub(crate) fn topic_name(chain: ChainId, topic: Topic) -> IdentTopic {
    IdentTopic::new(match topic {
        Topic::Transactions(group) => protocol_name(chain, &format!("transactions/{group}")),
        Topic::SealedHeaders(group) => protocol_name(chain, &format!("sealed-headers/{group}")),
    })
}

/// A node's topics by their names on the wire.
pub(crate) fn topics(config: &NetworkConfig) -> BTreeMap<TopicHash, Topic> {
    let both =
        config.groups.iter().flat_map(|group| [Topic::Transactions(*group), Topic::SealedHeaders(*group)]);
    both.map(|topic| (topic_name(config.chain, topic).hash(), topic)).collect()
}

/// A swarm that listens, and where.
pub(crate) fn listening_swarm(
    config: &NetworkConfig,
    keypair: Keypair,
    members: &Members,
) -> Result<(Swarm<Behaviour>, SocketAddr), NetworkError> {
    let behaviour = behaviour(config, &keypair, members)?;
    let streams = config.limits.requests_per_peer.saturating_mul(2).saturating_add(SPARE_STREAMS);
    let multiplexer = move || {
        let mut yamux = yamux::Config::default();
        yamux.set_max_num_streams(streams);
        yamux
    };
    let mut swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, multiplexer)
        .map_err(libp2p_error)?
        .with_behaviour(|_| behaviour)
        .map_err(libp2p_error)?
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(IDLE_TIMEOUT))
        .with_connection_timeout(HANDSHAKE_TIMEOUT)
        .build();
    let refused = |reason: String| NetworkError::Listen { address: config.listen, reason };
    let address = free_address(config.listen).map_err(|reason| refused(reason.to_string()))?;
    swarm.listen_on(multiaddr_of(address)).map_err(|reason| refused(reason.to_string()))?;
    Ok((swarm, address))
}

/// libp2p binds with `SO_REUSEPORT`, so that a second node on a taken port would steal half its connections and
/// neither would notice: a plain bind does. It also settles which port 0 becomes.
fn free_address(address: SocketAddr) -> std::io::Result<SocketAddr> {
    TcpListener::bind(address)?.local_addr()
}

fn behaviour(
    config: &NetworkConfig,
    keypair: &Keypair,
    members: &Members,
) -> Result<Behaviour, NetworkError> {
    let Members { validators, partners, allowed } = members.clone();
    let chain = config.chain;
    let about = identify::Config::new(chain_name(chain), keypair.public())
        .with_agent_version(format!("witan/{}", env!("CARGO_PKG_VERSION")))
        .with_cache_size(0);
    let requests = request_response::Config::default()
        .with_request_timeout(REQUEST_TIMEOUT)
        .with_max_concurrent_streams(config.limits.requests_per_peer.saturating_mul(2));
    let protocols = [(stream_protocol(chain, "request")?, ProtocolSupport::Full)];
    Ok(Behaviour {
        admission: admission::Behaviour::new(config.limits.clone(), validators, allowed),
        link: link::Behaviour::new(stream_protocol(chain, "link")?, partners),
        gossip: gossip(config)?,
        requests: Requests::new(protocols, requests),
        identify: identify::Behaviour::new(about),
        ping: ping::Behaviour::new(
            ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
        ),
    })
}

fn gossip(config: &NetworkConfig) -> Result<Gossip, NetworkError> {
    let Limits { queued_gossip, .. } = config.limits;
    let settings = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(content_id)
        .max_transmit_size(MAX_GOSSIP_BYTES)
        .connection_handler_queue_len(queued_gossip)
        .build()
        .map_err(libp2p_error)?;
    let topics = topics(config);
    let filter = WhitelistSubscriptionFilter(topics.keys().cloned().collect());
    let mut gossip = Gossip::new_with_subscription_filter(MessageAuthenticity::Anonymous, settings, filter)
        .map_err(libp2p_error)?;
    for topic in topics.values() {
        gossip.subscribe(&topic_name(config.chain, *topic)).map_err(libp2p_error)?;
    }
    Ok(gossip)
}

/// The same bytes on the same topic are the same message, whoever says them.
fn content_id(message: &Message) -> MessageId {
    MessageId::from(sha256(&[message.topic.as_str().as_bytes(), &[0], &message.data]).0.to_vec())
}

pub(crate) fn libp2p_error(error: impl std::fmt::Display) -> NetworkError {
    NetworkError::Libp2p(error.to_string())
}
