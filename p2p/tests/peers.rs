//! Stories of gossip, requests, admission, and peers that mean harm.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

mod harness;

use harness::{GROUP, Node, config, id, ids, validators, within};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use witan_p2p::{
    Limits, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, Misbehaviour, NetworkConfig, NetworkEvent, Priority,
    RequestError, Topic,
};
use witan_types::{ChainId, GroupId, Hash};

/// Gossips on a topic, each time something new, until the other hears some of it: a mesh takes a moment to form.
async fn gossips_to(from: &Node, to: &mut Node, topic: Topic) {
    let mut round = 0_u32;
    let mut again = tokio::time::interval(Duration::from_millis(50));
    let publish = async {
        loop {
            again.tick().await;
            round += 1;
            from.network.publish(topic, round.to_le_bytes().to_vec());
        }
    };
    tokio::select! {
        () = publish => {}
        (heard, bytes) = to.gossip() => {
            assert_eq!(heard, topic);
            assert_eq!(bytes.len(), 4);
        }
    }
}

#[tokio::test]
async fn gossip_reaches_a_node_that_is_no_validator_and_comes_back_from_it() {
    let mut nodes = validators(2).await;
    let peers = vec![nodes[1].address()];
    let mut follower = Node::start(NetworkConfig { peers, ..config(5, &[1, 2]) });
    follower.connected(id(2)).await;
    gossips_to(&nodes[0], &mut follower, Topic::SealedHeaders(GROUP)).await;
    gossips_to(&follower, &mut nodes[0], Topic::Transactions(GROUP)).await;
}

#[tokio::test]
async fn gossip_of_a_group_that_a_node_has_not_joined_does_not_reach_it() {
    let mut nodes = validators(1).await;
    let (peers, groups) = (vec![nodes[0].address()], vec![GROUP, GroupId(2)]);
    let other = Node::start(NetworkConfig { peers, groups, ..config(5, &[1]) });
    nodes[0].connected(id(5)).await;
    other.network.publish(Topic::Transactions(GroupId(2)), b"for the others".to_vec());
    gossips_to(&other, &mut nodes[0], Topic::Transactions(GROUP)).await;
    assert!(!nodes[0].saw(|event| {
        matches!(event, NetworkEvent::Gossip { topic: Topic::Transactions(GroupId(2)), .. })
    }));
}

#[tokio::test]
async fn requests_are_answered_each_with_its_own_answer() {
    let mut nodes = validators(2).await;
    let mut answering = nodes.pop().unwrap();
    for number in 0..20 {
        nodes[0].network.request(id(2), number, number.to_le_bytes().to_vec());
    }
    for _ in 0..20 {
        let (from, token, bytes) = answering.request().await;
        assert_eq!(from, id(1));
        answering.network.respond(token, [bytes.as_slice(), b"!"].concat());
    }
    let mut answered = Vec::new();
    for _ in 0..20 {
        let (from, number, answer) = nodes[0].response().await;
        assert_eq!((from, answer), (id(2), Ok([number.to_le_bytes().as_slice(), b"!"].concat())));
        answered.push(number);
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..20).collect::<Vec<u64>>());
}

#[tokio::test]
async fn the_largest_answer_arrives() {
    let mut nodes = validators(2).await;
    nodes[0].network.request(id(2), 1, vec![1; MAX_REQUEST_BYTES]);
    let (_, token, bytes) = nodes[1].request().await;
    assert_eq!(bytes.len(), MAX_REQUEST_BYTES);
    nodes[1].network.respond(token, vec![7; MAX_RESPONSE_BYTES]);
    assert_eq!(nodes[0].response().await, (id(2), 1, Ok(vec![7; MAX_RESPONSE_BYTES])));
}

#[tokio::test]
async fn every_request_that_fails_says_so() {
    let mut nodes = validators(2).await;
    nodes[0].network.request(id(7), 1, vec![]);
    assert_eq!(nodes[0].response().await, (id(7), 1, Err(RequestError::NotConnected)));
    nodes[0].network.request(id(2), 2, vec![0; MAX_REQUEST_BYTES + 1]);
    assert_eq!(nodes[0].response().await, (id(2), 2, Err(RequestError::Refused)));
    nodes[0].network.request(id(2), 3, vec![]);
    drop(nodes[1].request().await);
    assert_eq!(nodes[0].response().await, (id(2), 3, Err(RequestError::Closed)));
    nodes[0].network.request(id(2), 4, vec![]);
    let (_, token, _) = nodes[1].request().await;
    nodes[1].network.respond(token, vec![0; MAX_RESPONSE_BYTES + 1]);
    assert_eq!(nodes[0].response().await, (id(2), 4, Err(RequestError::Closed)));
    nodes[0].network.request(id(2), 5, vec![]);
    let _unanswered = nodes[1].request().await;
    nodes.pop().unwrap().network.shutdown().await;
    assert_eq!(nodes[0].response().await, (id(2), 5, Err(RequestError::Closed)));
}

#[tokio::test]
async fn more_requests_than_the_bound_are_refused_at_once() {
    let mut answering = Node::start(config(1, &[]));
    let limits = Limits { requests_per_peer: 3, ..Limits::default() };
    let mut asking =
        Node::start(NetworkConfig { peers: vec![answering.address()], limits, ..config(2, &[]) });
    asking.connected(id(1)).await;
    for number in 0..4 {
        asking.network.request(id(1), number, vec![]);
    }
    assert_eq!(asking.response().await, (id(1), 3, Err(RequestError::Refused)));
    for _ in 0..3 {
        let (_, token, _) = answering.request().await;
        answering.network.respond(token, vec![]);
    }
    for _ in 0..3 {
        assert_eq!(asking.response().await.2, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_permissioned_network_refuses_whoever_is_not_listed() {
    let mut validator = Node::start(NetworkConfig { allowed: Some(ids(&[5])), ..config(1, &[1]) });
    let peers = vec![validator.address()];
    let stranger = Node::start(NetworkConfig { peers: peers.clone(), ..config(6, &[1]) });
    let mut listed = Node::start(NetworkConfig { peers, ..config(5, &[1]) });
    listed.connected(id(1)).await;
    validator.connected(id(5)).await;
    within("a refusal", async {
        while validator.network.counters().connections_refused == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!validator.saw(|event| matches!(event, NetworkEvent::Connected(who) if *who == stranger.id)));
    assert!(validator.network.peers().iter().all(|peer| peer.node == id(5)));
    // Struck off the list, the listed one goes too.
    validator.network.set_members(&ids(&[1]), Some(&[])).unwrap();
    validator.disconnected(id(5)).await;
}

#[tokio::test]
async fn a_peer_with_a_bad_score_is_disconnected_and_refused_for_a_time() {
    let limits = Limits { ban: Duration::from_millis(300), ..Limits::default() };
    let mut node = Node::start(NetworkConfig { limits, ..config(1, &[1]) });
    let mut culprit = Node::start(NetworkConfig { peers: vec![node.address()], ..config(5, &[1]) });
    node.connected(id(5)).await;
    culprit.connected(id(1)).await;
    node.network.report(id(5), Misbehaviour::Forged);
    node.network.report(id(5), Misbehaviour::Forged);
    culprit.disconnected(id(1)).await;
    node.disconnected(id(5)).await;
    // It tries again until the ban is over.
    node.connected(id(5)).await;
    let counters = node.network.counters();
    assert_eq!((counters.bans, counters.misbehaviours), (1, 2));
    assert!(counters.connections_refused > 0, "the ban was never felt");
}

#[tokio::test]
async fn a_node_of_another_chain_is_sent_away() {
    let mut node = Node::start(config(1, &[1]));
    let chain = ChainId(Hash([8; 32]));
    let other = Node::start(NetworkConfig { chain, peers: vec![node.address()], ..config(5, &[1]) });
    node.connected(id(5)).await;
    node.disconnected(id(5)).await;
    // Whoever hears of the other's chain first ends it.
    assert!(node.network.counters().bans + other.network.counters().bans > 0);
}

#[tokio::test]
async fn random_bytes_and_half_open_connections_on_the_port_leave_others_working() {
    let mut nodes = validators(2).await;
    let port = nodes[0].socket();
    let mut silent = Vec::new();
    for round in 0..20_u8 {
        silent.push(TcpStream::connect(port).await.unwrap());
        let mut noisy = TcpStream::connect(port).await.unwrap();
        let noise: Vec<u8> = (0..=255).map(|byte: u8| byte.wrapping_mul(31).wrapping_add(round)).collect();
        // The other end may have closed already, which is as good.
        noisy.write_all(&noise).await.ok();
        noisy.write_all(&[0xff; 100_000]).await.ok();
        let mut answer = Vec::new();
        within("the noisy connection to be closed", noisy.read_to_end(&mut answer)).await.ok();
    }
    assert!(nodes[0].send(&nodes[1], Priority::Vote, "still here"));
    assert_eq!(nodes[1].frame(id(1)).await, "still here");
    let mut newcomer = Node::start(NetworkConfig { peers: vec![nodes[0].address()], ..config(5, &[1, 2]) });
    newcomer.connected(id(1)).await;
    for mut connection in silent {
        let mut answer = Vec::new();
        within("the silent connection to be closed", connection.read_to_end(&mut answer)).await.ok();
    }
    assert_eq!(nodes[0].network.peers().len(), 2);
}

#[tokio::test]
async fn strangers_beyond_the_bound_are_refused_and_a_validator_still_gets_in() {
    let limits = Limits { inbound: 2, ..Limits::default() };
    let mut node = Node::start(NetworkConfig { limits, ..config(1, &[1, 2]) });
    let peers = vec![node.address()];
    let strangers: Vec<Node> = (5..8)
        .map(|number| Node::start(NetworkConfig { peers: peers.clone(), ..config(number, &[1, 2]) }))
        .collect();
    within("a refusal", async {
        while node.network.counters().connections_refused == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(node.network.peers().len(), 2);
    let mut validator = Node::start(NetworkConfig { peers: peers.clone(), ..config(2, &[1, 2]) });
    validator.connected(id(1)).await;
    node.connected(id(2)).await;
    assert_eq!(strangers.len(), 3);
}

#[tokio::test]
async fn peers_are_described_by_what_is_measured_and_what_they_say() {
    let nodes = validators(2).await;
    let described = within("a round trip and a version", async {
        loop {
            let peers = nodes[0].network.peers();
            if peers.iter().any(|peer| peer.rtt.is_some() && !peer.version.is_empty()) {
                break peers;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(described.len(), 1);
    assert_eq!((described[0].node, described[0].validator, described[0].inbound), (id(2), true, true));
    assert_eq!(described[0].version, format!("witan/{}", env!("CARGO_PKG_VERSION")));
}
