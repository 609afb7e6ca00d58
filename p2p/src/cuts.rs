//! Peers between which and this node nothing passes, for rehearsing partitions.

use crate::NetworkEvent;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use witan_types::NodeId;

/// Which way nothing passes between this node and a peer. Gossip that others pass on still reaches both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// What the peer sends is dropped here.
    In,
    /// What this node sends to the peer is dropped.
    Out,
    /// Neither way: connections with the peer are closed and refused.
    Both,
}

/// All cuts. Nobody pays more than a look at a flag while there is none.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    any: AtomicBool,
    by_node: RwLock<BTreeMap<NodeId, Cut>>,
}

impl Cuts {
    pub(crate) fn set(&self, cuts: BTreeMap<NodeId, Cut>) {
        let mut by_node = self.by_node.write().unwrap_or_else(PoisonError::into_inner);
        self.any.store(!cuts.is_empty(), Ordering::Release);
        *by_node = cuts;
    }

    fn of(&self, node: NodeId) -> Option<Cut> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.by_node.read().unwrap_or_else(PoisonError::into_inner).get(&node).copied()
    }

    /// Whether what the node sends is dropped here.
    pub(crate) fn stops_in(&self, node: NodeId) -> bool {
        matches!(self.of(node), Some(Cut::In | Cut::Both))
    }

    /// Whether what is for the node is dropped here.
    pub(crate) fn stops_out(&self, node: NodeId) -> bool {
        matches!(self.of(node), Some(Cut::Out | Cut::Both))
    }

    /// Whether what a peer sent unasked is dropped here. A request is, too, if no answer could leave.
    pub(crate) fn stops(&self, event: &NetworkEvent) -> bool {
        match event {
            NetworkEvent::Frame { from, .. } | NetworkEvent::Gossip { from, .. } => self.stops_in(*from),
            NetworkEvent::Request { from, .. } => self.of(*from).is_some(),
            NetworkEvent::Connected(_) | NetworkEvent::Disconnected(_) | NetworkEvent::Response { .. } => {
                false
            }
        }
    }
}
