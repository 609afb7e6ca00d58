//! Stories of peers that are kept apart, and of nodes of other chains.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

mod harness;

use harness::{Node, config, id, validators, within};
use std::time::Duration;
use witan_p2p::{Cut, NetworkConfig, Priority, RequestError};
use witan_types::{ChainId, Hash};

/// Waits until a condition holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    within(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn peers_that_are_kept_apart_lose_their_connection_and_get_it_back() {
    let mut nodes = validators(2).await;
    nodes[0].network.set_cuts([(id(2), Cut::Both)].into());
    nodes[0].disconnected(id(2)).await;
    nodes[1].disconnected(id(1)).await;
    // The second one dials on and on, and is refused.
    let refused =
        nodes[1].network.counters().connections_opened + nodes[1].network.counters().connections_refused;
    until("another attempt", || {
        let counters = nodes[1].network.counters();
        counters.connections_opened + counters.connections_refused > refused
    })
    .await;
    assert!(!nodes[0].send(&nodes[1], Priority::Vote, "through the wall"));
    assert_eq!(nodes[0].network.peers(), []);

    nodes[0].network.set_cuts([].into());
    nodes[0].connected(id(2)).await;
    nodes[1].connected(id(1)).await;
    let sent = || nodes[0].send(&nodes[1], Priority::Vote, "after the wall");
    until("a queue for the peer", sent).await;
    assert_eq!(nodes[1].frame(id(1)).await, "after the wall");
}

#[tokio::test]
async fn a_cut_in_one_direction_stops_that_one_alone() {
    let mut nodes = validators(2).await;
    nodes[0].network.set_cuts([(id(2), Cut::In)].into());
    assert!(nodes[1].send(&nodes[0], Priority::Vote, "lost"));
    nodes[1].network.request(id(1), 1, vec![]);
    assert_eq!(nodes[1].response().await, (id(1), 1, Err(RequestError::Closed)));
    assert!(nodes[0].send(&nodes[1], Priority::Vote, "heard"));
    assert_eq!(nodes[1].frame(id(1)).await, "heard");

    nodes[0].network.set_cuts([(id(2), Cut::Out)].into());
    assert!(!nodes[0].send(&nodes[1], Priority::Vote, "never sent"));
    nodes[0].network.request(id(2), 2, vec![]);
    assert_eq!(nodes[0].response().await, (id(2), 2, Err(RequestError::NotConnected)));
    assert!(nodes[1].send(&nodes[0], Priority::Vote, "heard too"));
    assert_eq!(nodes[0].frame(id(2)).await, "heard too", "what came during the cut is gone");
}

#[tokio::test]
async fn nodes_of_two_chains_know_each_other_as_that_until_one_changes() {
    let honest = Node::start(config(1, &[1, 2]));
    let peers = vec![honest.address()];
    let other = ChainId(Hash([8; 32]));
    let stray = NetworkConfig { peers: peers.clone(), chain: other, ..config(2, &[1, 2]) };
    let stray = Node::start(stray);
    until("both know", || {
        honest.network.other_chains().iter().any(|it| (it.node, it.chain) == (id(2), Some(other)))
            && stray.network.other_chains().iter().any(|it| it.node == id(1))
    })
    .await;
    stray.network.shutdown().await;
    let back = Node::start(NetworkConfig { peers, ..config(2, &[1, 2]) });
    until("it is back on the right chain", || {
        honest.network.other_chains().is_empty() && !back.network.peers().is_empty()
    })
    .await;
}
