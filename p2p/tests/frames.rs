//! Stories of validators and the frames between them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

mod harness;

use harness::{Node, config, frame, id, ids, validators, within};
use std::sync::Arc;
use witan_p2p::{Limits, MAX_FRAME_BYTES, NetworkConfig, NetworkEvent, PeerAddress, Priority};

#[tokio::test]
async fn frames_arrive_in_order_at_every_validator() {
    let mut nodes = validators(4).await;
    for number in 0..200 {
        for to in 1..4 {
            assert!(nodes[0].send(&nodes[to], Priority::Vote, &number.to_string()));
        }
    }
    let from = nodes[0].id;
    for node in &mut nodes[1..] {
        for number in 0..200 {
            assert_eq!(node.frame(from).await, number.to_string());
        }
    }
    assert_eq!(nodes[0].network.counters().frames_dropped, 0);
    assert!(nodes[0].network.peers().iter().all(|peer| peer.validator));
}

#[tokio::test]
async fn frames_flow_both_ways_when_two_nodes_dial_each_other_at_once() {
    let spare = Node::start(config(1, &[1, 2]));
    let (first, second) =
        (spare.address(), PeerAddress::new(id(2), Node::start(config(2, &[1, 2])).socket()));
    spare.network.shutdown().await;
    let listen = |address: &PeerAddress| address.socket().unwrap();
    let mut one = Node::start(NetworkConfig {
        listen: listen(&first),
        peers: vec![second.clone()],
        ..config(1, &[1, 2])
    });
    let mut two =
        restart(NetworkConfig { listen: listen(&second), peers: vec![first], ..config(2, &[1, 2]) }).await;
    one.connected(two.id).await;
    two.connected(one.id).await;
    for round in 0..100 {
        assert!(one.send(&two, Priority::Vote, &format!("to two {round}")));
        assert!(two.send(&one, Priority::Vote, &format!("to one {round}")));
    }
    for round in 0..100 {
        assert_eq!(two.frame(one.id).await, format!("to two {round}"));
        assert_eq!(one.frame(two.id).await, format!("to one {round}"));
    }
}

/// Starts a node on a port that another is just leaving.
async fn restart(config: NetworkConfig) -> Node {
    within("the port", async {
        while std::net::TcpListener::bind(config.listen).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    Node::start(config)
}

#[tokio::test]
async fn the_largest_frame_arrives_and_a_larger_one_is_refused() {
    let mut nodes = validators(2).await;
    let (sender, receiver) = (id(1), id(2));
    let largest: Arc<[u8]> = vec![b'x'; MAX_FRAME_BYTES].into();
    assert!(nodes[0].network.send(receiver, Priority::Batch, Arc::clone(&largest)));
    assert!(!nodes[0].network.send(receiver, Priority::Batch, vec![b'x'; MAX_FRAME_BYTES + 1].into()));
    assert_eq!(nodes[1].frame(sender).await.as_bytes(), &*largest);
}

#[tokio::test]
async fn a_vote_overtakes_the_batches_that_wait() {
    let mut nodes = validators(2).await;
    let batch: Arc<[u8]> = vec![b'b'; MAX_FRAME_BYTES].into();
    for _ in 0..7 {
        assert!(nodes[0].network.send(id(2), Priority::Batch, Arc::clone(&batch)));
    }
    assert!(nodes[0].send(&nodes[1], Priority::Vote, "vote"));
    let mut batches_before = 0;
    while nodes[1].frame(id(1)).await != "vote" {
        batches_before += 1;
    }
    assert!(batches_before < 7, "the vote waited for every batch");
}

#[tokio::test]
async fn a_restarted_validator_is_reconnected_and_frames_flow_again() {
    let mut nodes = validators(3).await;
    let mut stopped = nodes.remove(0);
    let listen = stopped.socket();
    stopped.network.clone().shutdown().await;
    stopped.drained().await;
    for node in &mut nodes {
        node.disconnected(stopped.id).await;
        assert!(!node.send(&stopped, Priority::Vote, "to nobody"));
    }
    // It knows nobody's address: the others, which dialed it at first, dial it again.
    let mut again = Node::start(NetworkConfig { listen, ..config(1, &[1, 2, 3]) });
    for node in &mut nodes {
        node.connected(again.id).await;
        again.connected(node.id).await;
        assert!(node.send(&again, Priority::Vote, "welcome"));
        assert!(again.send(node, Priority::Vote, "back"));
        assert_eq!(again.frame(node.id).await, "welcome");
        assert_eq!(node.frame(again.id).await, "back");
    }
}

#[tokio::test]
async fn frames_to_and_from_a_stranger_are_refused() {
    let mut nodes = validators(1).await;
    // The stranger takes itself and the validator for validators; the validator knows better.
    let mut stranger = Node::start(NetworkConfig { peers: vec![nodes[0].address()], ..config(5, &[1, 5]) });
    stranger.connected(id(1)).await;
    nodes[0].connected(id(5)).await;
    assert!(stranger.send(&nodes[0], Priority::Vote, "let me vote"));
    assert!(!nodes[0].send(&stranger, Priority::Vote, "no link with you"));
    // Requests do pass, so by the time the answer is here, so would the frame be.
    for round in 0..3 {
        stranger.network.request(id(1), round, b"still here?".to_vec());
        let (_, token, _) = nodes[0].request().await;
        nodes[0].network.respond(token, b"yes".to_vec());
        assert_eq!(stranger.response().await, (id(1), round, Ok(b"yes".to_vec())));
    }
    assert!(!nodes[0].saw(|event| matches!(event, NetworkEvent::Frame { .. })));
    assert_eq!(nodes[0].network.counters().frames_in, 0);
}

#[tokio::test]
async fn a_node_that_becomes_a_validator_gets_its_links_and_loses_them_again() {
    let mut nodes = validators(1).await;
    let mut joiner = Node::start(NetworkConfig { peers: vec![nodes[0].address()], ..config(2, &[1]) });
    joiner.connected(id(1)).await;
    nodes[0].connected(id(2)).await;
    assert!(!joiner.send(&nodes[0], Priority::Vote, "too early"));
    for node in [&nodes[0], &joiner] {
        node.network.set_members(&ids(&[1, 2]), None).unwrap();
    }
    within("a link", async {
        while !joiner.send(&nodes[0], Priority::Vote, "hello") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(nodes[0].frame(id(2)).await, "hello");
    joiner.network.set_members(&ids(&[1]), None).unwrap();
    within("the end of the link", async {
        while joiner.send(&nodes[0], Priority::Vote, "still?") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_node_that_reads_nothing_holds_its_peer_back_within_bounds() {
    let limits = Limits { queued_frames: 50, ..Limits::default() };
    let mut reader = Node::start(config(1, &[1, 2]));
    let mut writer =
        Node::start(NetworkConfig { peers: vec![reader.address()], limits, ..config(2, &[1, 2]) });
    writer.connected(reader.id).await;
    // Far more than what every buffer on the way holds: the oldest are given up, the newest survive.
    let mut last = 0_u64;
    within("the queue to overflow", async {
        while writer.network.counters().frames_dropped == 0 {
            last += 1;
            let mut batch = vec![0; 1 << 20];
            batch[..8].copy_from_slice(&last.to_le_bytes());
            assert!(writer.network.send(reader.id, Priority::Batch, batch.into()));
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut received = 0;
    while received < last {
        let number = reader
            .find("a batch", |event| match event {
                NetworkEvent::Frame { bytes, .. } => Some(u64::from_le_bytes(bytes[..8].try_into().unwrap())),
                _ => None,
            })
            .await;
        assert!(number > received, "frames came out of order");
        received = number;
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error_at_the_start() {
    let first = Node::start(config(1, &[1]));
    let second = NetworkConfig { listen: first.socket(), ..config(2, &[1]) };
    let refused = witan_p2p::start(second, &tokio::runtime::Handle::current()).unwrap_err();
    assert!(matches!(refused, witan_p2p::NetworkError::Listen { address, .. } if address == first.socket()));
    assert!(!first.network.send(id(2), Priority::Vote, frame("nobody")));
}
