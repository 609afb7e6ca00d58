//! Readers that take nothing: told where they stood, then let go, at nobody else's cost.

use crate::chain::BIG;
use crate::socket::Socket;
use crate::support::{FakeNode, Network, TIP, serve};
use serde_json::{Value, json};
use std::time::Duration;
use witan_rpc::*;
use witan_types::Height;

/// Long enough for anything here: a test that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(60);
/// A chain with far more bytes of changes than sockets hold.
const FAR: Height = 2_000;
/// Far longer than a test.
const NEVER: Duration = Duration::from_secs(3_600);

async fn network(stall: Duration, cut: Duration) -> Network {
    let following = FollowingConfig { stall, cut, max_of_node: 1, ..FollowingConfig::default() };
    let config = RpcConfig { devnet: true, following, ..RpcConfig::default() };
    let network = serve(FakeNode::default(), config).await;
    network.node.chain.grow_to(FAR);
    network
}

/// Subscribes to big changes from a place on; fails if there is no place on the node.
async fn subscribe(socket: &mut Socket, id: u64, from: Value) -> Result<(), Value> {
    socket.send(id, "state_subscribe", json!({"prefix": "0x6269672f", "from": from})).await;
    let answer = socket.next().await.unwrap();
    assert_eq!(answer["id"], id);
    if answer["error"].is_null() { Ok(()) } else { Err(answer["error"]["data"]["reason"].clone()) }
}

/// Waits until the node has a place for a subscription again: the one before has ended.
async fn place_is_free(network: &Network) {
    let free = async {
        let mut socket = Socket::connect(network.server.local_addr()).await;
        let mut id = 0;
        while let Err(reason) = subscribe(&mut socket, id, json!([{"group": 1, "height": FAR + 1}])).await {
            assert_eq!(reason, "TOO_MANY_SUBSCRIPTIONS");
            id += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, free).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_told_where_to_go_on_and_can() {
    let network = network(Duration::from_millis(100), NEVER).await;
    let mut socket = Socket::connect(network.server.local_addr()).await;
    subscribe(&mut socket, 1, json!([{"group": 1, "height": TIP}])).await.unwrap();
    place_is_free(&network).await;

    let (mut seq, mut height) = (0, TIP);
    let resume_from = loop {
        let mut notification = socket.next().await.unwrap();
        let told = notification["params"]["result"].take();
        seq += 1;
        assert_eq!(told["seq"], seq);
        if told["type"] == "lagged" {
            assert_eq!(told["lagged"], true);
            break told["resumeFrom"].clone();
        }
        assert_eq!(told["height"], height);
        assert_eq!(told["value"].as_str().unwrap().len(), 2 + 2 * BIG);
        height += 1;
    };
    assert!(height > TIP && height < FAR, "it stood between: {height}");
    let place = json!({"group": 1, "height": height - 1, "index": 1});
    assert_eq!(resume_from, json!([place]), "after the last one told");

    // The place that was looked for is held by a connection that is gone by now, or soon.
    let resumed = async {
        let mut id = 2;
        while subscribe(&mut socket, id, resume_from.clone()).await.is_err() {
            id += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, resumed).await.unwrap();
    for expected in height..height + 5 {
        let told = socket.next().await.unwrap()["params"]["result"].take();
        assert_eq!((&told["type"], &told["height"]), (&json!("change"), &json!(expected)));
    }
}

#[tokio::test]
async fn a_reader_that_comes_from_far_back_is_not_lagging() {
    let network = network(Duration::from_millis(500), NEVER).await;
    let mut socket = Socket::connect(network.server.local_addr()).await;
    subscribe(&mut socket, 1, json!([{"group": 1, "height": 2}])).await.unwrap();
    for height in 2..=200 {
        let told = socket.next().await.unwrap()["params"]["result"].take();
        assert_eq!((&told["type"], &told["height"]), (&json!("change"), &json!(height)));
    }
}

#[tokio::test]
async fn a_connection_that_takes_nothing_for_longer_is_cut() {
    let network = network(Duration::from_millis(50), Duration::from_millis(200)).await;
    let mut socket = Socket::connect(network.server.local_addr()).await;
    subscribe(&mut socket, 1, json!([{"group": 1, "height": TIP}])).await.unwrap();
    place_is_free(&network).await;
    let mut other = Socket::connect(network.server.local_addr()).await;
    other.send(1, "node_version", json!([])).await;
    assert!(other.result(1).await["version"].is_string(), "others are served");
    tokio::time::timeout(DEADLINE, socket.is_cut()).await.unwrap();
}
