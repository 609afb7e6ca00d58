//! Where a node is and who it is: `NodeId@host:port`, and the translation to and from libp2p's names.

use libp2p::identity::{PublicKey, ed25519};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use witan_types::{Hash, NodeId};

/// The longest host name accepted, in bytes (RFC 1035, section 2.3.4).
pub const MAX_HOST_BYTES: usize = 253;

/// A node and where it listens, written `0x<64 hex digits>@host:port`. The host is an IP address (IPv6 in brackets)
/// or a name, which is looked up again at every dial.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PeerAddress {
    /// Who must answer there. A connection to anyone else is closed.
    pub node: NodeId,
    /// An IP address without brackets, or a host name.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Text that is no `0x<hex>@host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a peer as 0x<64 hex digits>@host:port, got {0:?}")]
pub struct ParseAddressError(pub String);

impl PeerAddress {
    /// A node that listens on `address`.
    pub fn new(node: NodeId, address: SocketAddr) -> PeerAddress {
        PeerAddress { node, host: address.ip().to_string(), port: address.port() }
    }

    /// The socket address, if the host is an IP address rather than a name.
    pub fn socket(&self) -> Option<SocketAddr> {
        self.host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "{}@[{}]:{}", self.node, self.host, self.port)
        } else {
            write!(f, "{}@{}:{}", self.node, self.host, self.port)
        }
    }
}

impl FromStr for PeerAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let bad = || ParseAddressError(text.chars().take(400).collect());
        let (node, place) = text.split_once('@').ok_or_else(bad)?;
        let node = node.parse().map_err(|_| bad())?;
        let (host, port) = place.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(bracketed) => bracketed.parse::<IpAddr>().map_err(|_| bad())?.to_string(),
            None if is_host(host) => host.to_owned(),
            None => return Err(bad()),
        };
        Ok(PeerAddress { node, host, port })
    }
}

fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !host.is_empty() && host.len() <= MAX_HOST_BYTES && host.bytes().all(plain)
}

/// libp2p's name for a node. `None` if the 32 bytes are no ed25519 public key.
pub(crate) fn peer_of(node: NodeId) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(node.0.as_bytes()).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// The node behind libp2p's name: an ed25519 peer id is its public key in an identity multihash. `None` for a peer
/// with another kind of key.
pub(crate) fn node_of(peer: &PeerId) -> Option<NodeId> {
    let key = PublicKey::try_decode_protobuf(peer.as_ref().digest()).ok()?;
    Some(NodeId(Hash(key.try_into_ed25519().ok()?.to_bytes())))
}

/// `/ip4/…/tcp/…` or `/ip6/…/tcp/…`.
pub(crate) fn multiaddr_of(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// The socket address at the front of a TCP multiaddress.
pub(crate) fn socket_of(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
