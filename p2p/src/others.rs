//! Nodes of other chains that connected to this one: for whoever has to find out why a network does not come together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use witan_types::{ChainId, NodeId};

/// The most nodes remembered. One more forgets whoever was met least lately.
const MAX_OTHERS: usize = 64;
/// A node that was not met again for so long is forgotten: longer than a refused peer is kept away.
const REMEMBERED: Duration = Duration::from_secs(90);

/// A node of another chain, or of another version of the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtherChain {
    /// Who.
    pub node: NodeId,
    /// The other end of its last connection.
    pub address: SocketAddr,
    /// Its chain; none if it speaks another version of the protocol.
    pub chain: Option<ChainId>,
    /// How often it was met.
    pub times: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Others(Mutex<BTreeMap<NodeId, (OtherChain, Instant)>>);

impl Others {
    /// A node said that it is of another chain.
    pub(crate) fn met(&self, node: NodeId, address: SocketAddr, chain: Option<ChainId>, now: Instant) {
        let mut others = self.lock();
        let times = others.get(&node).map_or(0, |(other, _)| other.times).saturating_add(1);
        others.insert(node, (OtherChain { node, address, chain, times }, now));
        if others.len() > MAX_OTHERS
            && let Some(last) = others.iter().min_by_key(|(_, (_, at))| *at).map(|(node, _)| *node)
        {
            others.remove(&last);
        }
    }

    /// A node turned out to be of this chain.
    pub(crate) fn forget(&self, node: NodeId) {
        self.lock().remove(&node);
    }

    /// Those met lately, in the order of their ids.
    pub(crate) fn list(&self, now: Instant) -> Vec<OtherChain> {
        let lately = |at: &Instant| now.saturating_duration_since(*at) < REMEMBERED;
        self.lock().values().filter(|(_, at)| lately(at)).map(|(other, _)| other.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, (OtherChain, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use witan_types::Hash;

    fn node(number: u8) -> NodeId {
        NodeId(Hash([number; 32]))
    }

    fn address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    #[test]
    fn a_node_of_another_chain_is_counted_until_it_comes_back_with_the_right_one() {
        let (others, now) = (Others::default(), Instant::now());
        let chain = Some(ChainId(Hash([7; 32])));
        others.met(node(1), address(), None, now);
        others.met(node(1), address(), chain, now);
        let met = OtherChain { node: node(1), address: address(), chain, times: 2 };
        assert_eq!(others.list(now), [met]);
        others.forget(node(1));
        assert_eq!(others.list(now), []);
    }

    #[test]
    fn who_was_not_met_lately_is_forgotten_and_nobody_can_fill_the_memory() {
        let (others, start) = (Others::default(), Instant::now());
        for number in 0..=u8::try_from(MAX_OTHERS).unwrap() {
            others.met(node(number), address(), None, start + Duration::from_secs(u64::from(number)));
        }
        let now = start + Duration::from_secs(MAX_OTHERS as u64);
        let listed = others.list(now);
        assert_eq!(listed.len(), MAX_OTHERS);
        assert!(listed.iter().all(|other| other.node != node(0)), "the oldest made room");
        assert_eq!(others.list(now + REMEMBERED), []);
    }
}
