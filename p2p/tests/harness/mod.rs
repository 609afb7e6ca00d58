//! Networks in one process over the loopback address, and what a test waits for.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use witan_p2p::{
    Limits, Network, NetworkConfig, NetworkEvent, PeerAddress, Priority, RequestError, ResponseToken, Topic,
    node_id, start,
};
use witan_types::{ChainId, GroupId, Hash, NodeId};

/// Long enough for anything here on a busy machine: a test that gets here has failed.
pub const DEADLINE: Duration = Duration::from_secs(20);
pub const GROUP: GroupId = GroupId(1);

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what}: not within the deadline"))
}

pub fn frame(text: &str) -> Arc<[u8]> {
    Arc::from(text.as_bytes())
}

/// The id of the node with this number.
pub fn id(number: u8) -> NodeId {
    node_id([number; 32]).unwrap()
}

pub fn ids(numbers: &[u8]) -> Vec<NodeId> {
    numbers.iter().map(|number| id(*number)).collect()
}

/// The configuration of a node: by default no validator, open, without peers.
pub fn config(number: u8, validators: &[u8]) -> NetworkConfig {
    NetworkConfig {
        identity_seed: [number; 32],
        listen: "127.0.0.1:0".parse().unwrap(),
        peers: Vec::new(),
        chain: ChainId(Hash([9; 32])),
        validators: ids(validators),
        allowed: None,
        groups: vec![GROUP],
        limits: Limits::default(),
    }
}

/// A running network with its events. Events that a wait passes over are kept for later waits.
pub struct Node {
    pub id: NodeId,
    pub network: Network,
    events: mpsc::Receiver<NetworkEvent>,
    passed: VecDeque<NetworkEvent>,
}

impl Node {
    pub fn start(config: NetworkConfig) -> Node {
        let id = node_id(config.identity_seed).unwrap();
        let (network, events) = start(config, &Handle::current()).unwrap();
        Node { id, network, events, passed: VecDeque::new() }
    }

    pub fn address(&self) -> PeerAddress {
        PeerAddress::new(self.id, self.socket())
    }

    pub fn socket(&self) -> SocketAddr {
        self.network.listen_address()
    }

    pub fn send(&self, to: &Node, priority: Priority, text: &str) -> bool {
        self.network.send(to.id, priority, frame(text))
    }

    /// The first event, past or future, that `wanted` takes.
    pub async fn find<T>(&mut self, what: &str, mut wanted: impl FnMut(&NetworkEvent) -> Option<T>) -> T {
        if let Some((place, found)) =
            self.passed.iter().enumerate().find_map(|(at, event)| Some((at, wanted(event)?)))
        {
            self.passed.remove(place);
            return found;
        }
        within(what, async {
            loop {
                let event =
                    self.events.recv().await.unwrap_or_else(|| panic!("{what}: the network has ended"));
                if let Some(found) = wanted(&event) {
                    return found;
                }
                self.passed.push_back(event);
            }
        })
        .await
    }

    pub async fn connected(&mut self, node: NodeId) {
        self.find("connected", |event| {
            matches!(event, NetworkEvent::Connected(who) if *who == node).then_some(())
        })
        .await;
    }

    pub async fn disconnected(&mut self, node: NodeId) {
        self.find("disconnected", |event| {
            matches!(event, NetworkEvent::Disconnected(who) if *who == node).then_some(())
        })
        .await;
    }

    /// The next frame from `node`, as text.
    pub async fn frame(&mut self, node: NodeId) -> String {
        self.find("a frame", |event| match event {
            NetworkEvent::Frame { from, bytes } if *from == node => {
                Some(String::from_utf8(bytes.clone()).unwrap())
            }
            _ => None,
        })
        .await
    }

    pub async fn gossip(&mut self) -> (Topic, Vec<u8>) {
        self.find("gossip", |event| match event {
            NetworkEvent::Gossip { topic, bytes, .. } => Some((*topic, bytes.clone())),
            _ => None,
        })
        .await
    }

    /// The next request, to be answered with the token.
    pub async fn request(&mut self) -> (NodeId, ResponseToken, Vec<u8>) {
        loop {
            match within("a request", self.events.recv()).await.expect("the network has ended") {
                NetworkEvent::Request { from, token, bytes } => return (from, token, bytes),
                other => self.passed.push_back(other),
            }
        }
    }

    pub async fn response(&mut self) -> (NodeId, u64, Result<Vec<u8>, RequestError>) {
        self.find("a response", |event| match event {
            NetworkEvent::Response { from, id, result } => Some((*from, *id, result.clone())),
            _ => None,
        })
        .await
    }

    /// Whether any event so far, taken by no wait, is like this.
    pub fn saw(&mut self, wanted: impl Fn(&NetworkEvent) -> bool) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.passed.push_back(event);
        }
        self.passed.iter().any(wanted)
    }

    /// Waits until every event of the network that ends has been read.
    pub async fn drained(&mut self) {
        within("the last event", async { while self.events.recv().await.is_some() {} }).await;
    }
}

/// Validators numbered from 1, each with every earlier one among its peers, all connected.
pub async fn validators(count: u8) -> Vec<Node> {
    let numbers: Vec<u8> = (1..=count).collect();
    let mut nodes: Vec<Node> = Vec::new();
    for number in &numbers {
        let peers = nodes.iter().map(Node::address).collect();
        nodes.push(Node::start(NetworkConfig { peers, ..config(*number, &numbers) }));
    }
    for node in &mut nodes {
        let others = numbers.iter().map(|number| id(*number)).filter(|other| *other != node.id);
        for other in others.collect::<Vec<_>>() {
            node.connected(other).await;
        }
    }
    nodes
}
