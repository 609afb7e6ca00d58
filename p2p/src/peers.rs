//! The connected peers, as the handle and the swarm both see them.

use crate::PeerInfo;
use crate::stream::SendQueue;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use witan_types::NodeId;

/// One connected peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) inbound: bool,
    pub(crate) validator: bool,
    pub(crate) rtt: Option<Duration>,
    pub(crate) version: String,
    pub(crate) since: SystemTime,
    /// What waits for it, if it is a link partner.
    pub(crate) queue: Option<Arc<SendQueue>>,
}

/// All of them. Locked for an instant at a time.
#[derive(Default, Debug)]
pub(crate) struct PeerTable(RwLock<BTreeMap<NodeId, Peer>>);

impl PeerTable {
    pub(crate) fn insert(&self, node: NodeId, peer: Peer) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(node, peer);
    }

    pub(crate) fn remove(&self, node: NodeId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&node);
    }

    /// Changes a peer, if it is connected.
    pub(crate) fn change(&self, node: NodeId, change: impl FnOnce(&mut Peer)) {
        if let Some(peer) = self.0.write().unwrap_or_else(PoisonError::into_inner).get_mut(&node) {
            change(peer);
        }
    }

    pub(crate) fn queue(&self, node: NodeId) -> Option<Arc<SendQueue>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&node)?.queue.clone()
    }

    pub(crate) fn list(&self) -> Vec<PeerInfo> {
        let peers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        peers.iter().map(|(node, peer)| peer.info(*node)).collect()
    }
}

impl Peer {
    fn info(&self, node: NodeId) -> PeerInfo {
        let (queued_frames, queued_bytes) = self.queue.as_ref().map_or((0, 0), |queue| queue.waiting());
        PeerInfo {
            node,
            address: self.address,
            validator: self.validator,
            inbound: self.inbound,
            rtt: self.rtt,
            version: self.version.clone(),
            queued_frames,
            queued_bytes,
            connected_since: self.since,
        }
    }
}
