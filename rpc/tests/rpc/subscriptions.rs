//! Subscriptions: every block once and in order, live or not, and a clear end.

use crate::chain::{KEYS, decided_at};
use crate::socket::Socket;
use crate::support::{FakeNode, Network, TIP, block_id, devnet, put, secret, serve, serve_shared};
use jsonrpsee::core::client::{ClientT as _, Error, Subscription, SubscriptionClientT as _};
use jsonrpsee_ws_client::{WsClient, WsClientBuilder};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use witan_rpc::*;
use witan_types::{Account, GroupId, Height};

/// Long enough for anything here: a test that gets here has failed.
const DEADLINE: Duration = Duration::from_secs(60);

async fn connect(network: &Network) -> WsClient {
    WsClientBuilder::new().build(format!("ws://{}/ws", network.server.local_addr())).await.unwrap()
}

/// How subscriptions of this kind end.
fn end_of(method: &str) -> String {
    match method.split_once("_subscribe").unwrap() {
        ("tx", _) => "tx_unsubscribe".into(),
        ("state", _) => "state_unsubscribe".into(),
        ("consensus", _) => "consensus_unsubscribe".into(),
        (_, what) => format!("chain_unsubscribe{what}"),
    }
}

async fn try_subscribe(client: &WsClient, method: &str, params: Value) -> Result<Subscription<Value>, Error> {
    let end = end_of(method);
    match params {
        Value::Object(fields) => {
            let mut named = jsonrpsee::core::params::ObjectParams::new();
            fields.into_iter().for_each(|(name, value)| named.insert(&name, value).unwrap());
            client.subscribe(method, named, &end).await
        }
        Value::Array(values) => {
            let mut placed = jsonrpsee::core::params::ArrayParams::new();
            values.into_iter().for_each(|value| placed.insert(value).unwrap());
            client.subscribe(method, placed, &end).await
        }
        other => panic!("{other}"),
    }
}

async fn subscribe(client: &WsClient, method: &str, params: Value) -> Subscription<Value> {
    try_subscribe(client, method, params).await.unwrap()
}

/// The error that a subscription is refused with.
async fn refused(client: &WsClient, method: &str, params: Value) -> ErrorView {
    match try_subscribe(client, method, params).await {
        Err(Error::Call(error)) => ErrorView::from(&error),
        other => panic!("{other:?}"),
    }
}

async fn next(subscription: &mut Subscription<Value>) -> Value {
    tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap().unwrap().unwrap()
}

/// Whether the subscription has nothing to tell, though the node has answered something since.
async fn is_quiet(client: &WsClient, subscription: &mut Subscription<Value>) -> bool {
    client.request::<Value, _>("node_version", jsonrpsee::rpc_params![]).await.unwrap();
    let next = subscription.next();
    tokio::pin!(next);
    tokio::select! {
        biased;
        _ = &mut next => false,
        () = std::future::ready(()) => true,
    }
}

#[tokio::test]
async fn blocks_come_from_a_height_on_and_then_live_each_once() {
    let network = devnet().await;
    let client = connect(&network).await;
    for params in [json!({"group": 1, "from": 9, "txs": "ids"}), json!([1, 9, "ids"])] {
        let tip = network.node.chain.tip();
        let mut blocks = subscribe(&client, "chain_subscribeBlocks", params).await;
        for (seq, height) in (1..).zip(9..=tip + 3) {
            if height > tip {
                network.node.chain.grow_to(height);
            }
            let news = next(&mut blocks).await;
            assert_eq!((&news["seq"], &news["type"]), (&json!(seq), &json!("block")), "{news}");
            assert_eq!(news["height"], height);
            assert_eq!(news["blockId"], block_id(height).to_string());
            assert_eq!(news["next"], json!({"group": 1, "height": height + 1}));
            assert_eq!(news["txs"].as_array().unwrap().len(), 1);
        }
        assert!(is_quiet(&client, &mut blocks).await);
    }
}

#[tokio::test]
async fn a_subscription_that_names_no_place_begins_with_the_next_block() {
    let network = devnet().await;
    let client = connect(&network).await;
    let mut blocks = subscribe(&client, "chain_subscribeBlocks", json!({})).await;
    network.node.chain.grow_to(TIP + 2);
    for height in [TIP + 1, TIP + 2] {
        let news = next(&mut blocks).await;
        assert_eq!((&news["height"], &news["txs"]), (&json!(height), &Value::Null));
    }
}

#[tokio::test]
async fn changes_come_key_by_key_and_go_on_inside_a_block() {
    let network = devnet().await;
    let client = connect(&network).await;
    let from = json!([{"group": 1, "height": TIP - 1, "index": 3}]);
    let params = json!({"prefix": "key/", "from": from, "encoding": "utf8"});
    let mut changes = subscribe(&client, "state_subscribe", params).await;
    let expected: Vec<(Height, u32)> =
        (TIP - 1..=TIP).flat_map(|height| (0..KEYS).map(move |key| (height, key))).skip(3).collect();
    for (seq, (height, key)) in (1..).zip(expected) {
        let news = next(&mut changes).await;
        let (value, kind, version) = match key {
            0 => (Value::Null, Value::Null, "0".to_owned()),
            _ => (json!(height.to_string()), json!("counter"), height.to_string()),
        };
        assert_eq!(
            news,
            json!({
                "seq": seq, "type": "change", "key": format!("key/{key}"), "value": value, "valueType": kind,
                "version": version, "group": 1, "height": height, "blockId": block_id(height).to_string(),
                "next": {"group": 1, "height": height, "index": key + 1},
            })
        );
    }
    assert!(is_quiet(&client, &mut changes).await);
}

#[tokio::test]
async fn news_above_the_limit_of_a_response_end_the_subscription_and_say_where_it_stands() {
    let config = RpcConfig { devnet: true, max_response_bytes: 100_000, ..RpcConfig::default() };
    let network = serve(FakeNode::default(), config).await;
    let client = connect(&network).await;
    let params = json!({"prefix": "0x6269672f", "from": [{"group": 1, "height": TIP}]});
    let mut changes = subscribe(&client, "state_subscribe", params).await;
    let last = next(&mut changes).await;
    assert_eq!((&last["seq"], &last["type"]), (&json!(1), &json!("error")), "{last}");
    assert!(last["error"]["message"].as_str().unwrap().contains("bytes, above"), "{last}");
    assert_eq!(last["resumeFrom"], json!([{"group": 1, "height": TIP}]));
    let base64 = json!({"prefix": "YmlnLw==", "from": [{"group": 1, "height": TIP}], "encoding": "base64"});
    let mut changes = subscribe(&client, "state_subscribe", base64).await;
    assert_eq!(next(&mut changes).await["valueType"], "bytes", "written shorter, it fits");
}

#[tokio::test]
async fn the_transactions_of_an_account_come_at_the_blocks_that_decide_them() {
    let network = devnet().await;
    let subscriber = Subscriber::connect(network.client.url()).await.unwrap();
    let since = |height| Some(Since::Positions(vec![Position { group: GroupId(1), height, index: 0 }]));
    let mine = Account(secret().public());
    let mut following = subscriber.account(mine, since(TIP)).await.unwrap();
    network.node.chain.grow_to(TIP + 1);
    let expected = [decided_at(TIP), decided_at(TIP + 1)].concat();
    for id in expected {
        let Some(TransactionNews::Tx(news)) = following.next().await.unwrap() else {
            panic!("no transaction")
        };
        assert_eq!((news.tx_id, news.status, news.signer), (id, TransactionState::Failed, mine));
        assert_eq!(following.positions(), [news.next]);
    }
    let client = connect(&network).await;
    let other = Account(witan_types::SecretKey::from_seed([1; 32]).public()).to_string();
    let mut others =
        subscribe(&client, "tx_subscribe", json!({"account": other, "from": [{"group": 1, "height": 2}]}))
            .await;
    assert!(is_quiet(&client, &mut others).await);
}

#[tokio::test]
async fn a_transaction_is_followed_until_it_is_sealed_and_applied() {
    let network = devnet().await;
    let subscriber = Subscriber::connect(network.client.url()).await.unwrap();
    let tx = put("key", b"value", 1);
    let mut following = subscriber.transaction(tx.id()).await.unwrap();
    let mut status = async || match following.next().await.unwrap() {
        Some(TransactionNews::Status(status)) => Some((status.status, status.sealed, status.applied)),
        None => None,
        other => panic!("{other:?}"),
    };
    let unknown = TxStatusView::outside_blocks(tx.id(), TransactionState::Unknown);
    assert_eq!(status().await, Some((TransactionState::Unknown, false, false)));
    let (group, height) = (Some(GroupId(1)), Some(TIP));
    let committed = TxStatusView { status: TransactionState::Committed, group, height, ..unknown };
    let pending = TxStatusView { status: TransactionState::Pending, ..committed.clone() };
    let steps = [
        (pending, (TransactionState::Pending, false, false)),
        (committed.clone(), (TransactionState::Committed, false, false)),
        (TxStatusView { applied: true, ..committed.clone() }, (TransactionState::Committed, false, true)),
        (
            TxStatusView { applied: true, sealed: true, ..committed },
            (TransactionState::Committed, true, true),
        ),
    ];
    for (step, expected) in steps {
        network.node.chain.tell(step);
        assert_eq!(status().await, Some(expected));
    }
    assert_eq!(status().await, None, "nothing can follow");
}

#[tokio::test]
async fn a_transaction_that_no_block_tells_of_is_looked_for_now_and_then() {
    let following = FollowingConfig { look: Duration::from_millis(10), ..FollowingConfig::default() };
    let config = RpcConfig { devnet: true, following, ..RpcConfig::default() };
    let network = serve(FakeNode::default(), config).await;
    let client = connect(&network).await;
    let tx = put("key", b"value", 1);
    let mut news = subscribe(&client, "tx_subscribe", json!([tx.id().to_string()])).await;
    assert_eq!(next(&mut news).await["status"], "unknown");
    network.node.submitted.lock().unwrap().push(tx.clone());
    assert_eq!(next(&mut news).await["status"], "accepted");
    let expired = TxStatusView::outside_blocks(tx.id(), TransactionState::Expired);
    network.node.chain.statuses.lock().unwrap().insert(tx.id(), expired);
    assert_eq!(next(&mut news).await["status"], "expired");
    assert_eq!(next(&mut news).await, json!({"seq": 4, "type": "end"}));
}

#[tokio::test]
async fn consensus_is_told_when_it_changes() {
    let network = devnet().await;
    let subscriber = Subscriber::connect(network.client.url()).await.unwrap();
    let mut following = subscriber.consensus(Some(GroupId(1))).await.unwrap();
    for view in [40, 41, 42] {
        network.node.chain.view.store(view, Ordering::Relaxed);
        let Some(ConsensusNews::View(standing)) = following.next().await.unwrap() else { panic!("no view") };
        assert_eq!(standing.view, view);
    }
}

#[tokio::test]
async fn a_connection_and_the_node_have_so_many_subscriptions_and_no_more() {
    let following = FollowingConfig { max_of_node: 5, ..FollowingConfig::default() };
    let config = RpcConfig { devnet: true, max_subscriptions: 3, following, ..RpcConfig::default() };
    let network = serve(FakeNode::default(), config).await;
    let (first, second) = (connect(&network).await, connect(&network).await);
    let mut held = Vec::new();
    for client in [&first, &first, &first, &second, &second] {
        held.push(subscribe(client, "chain_subscribeBlocks", json!({})).await);
    }
    let error = refused(&first, "state_subscribe", json!({"prefix": "0x"})).await;
    let node_is_full = RpcError::TooManySubscriptions { of: RpcError::NODE, max: 5 };
    assert_eq!(refused(&second, "consensus_subscribe", json!({})).await, ErrorView::from(node_is_full));
    assert_eq!(error, ErrorView::from(RpcError::TooManySubscriptions { of: RpcError::CONNECTION, max: 3 }));
    assert_eq!((error.code, &error.data["reason"]), (-32006, &json!("TOO_MANY_SUBSCRIPTIONS")));

    held.swap_remove(0).unsubscribe().await.unwrap();
    let subscribed = async {
        while let Err(error) =
            try_subscribe(&second, "tx_subscribe", json!({"txId": put("k", b"", 1).id().to_string()})).await
        {
            assert!(matches!(error, Error::Call(_)), "{error}");
        }
    };
    tokio::time::timeout(DEADLINE, subscribed).await.unwrap();
}

#[tokio::test]
async fn the_default_is_64_on_a_connection() {
    let network = devnet().await;
    let client = connect(&network).await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(subscribe(&client, "chain_subscribeBlocks", json!({"group": 1})).await);
    }
    let error = refused(&client, "chain_subscribeBlocks", json!({"group": 1})).await;
    assert_eq!(error.data["max"], 64);
    network.node.chain.grow_to(TIP + 1);
    for blocks in &mut held {
        assert_eq!(next(blocks).await["height"], TIP + 1, "those that run go on");
    }
}

#[tokio::test]
async fn http_says_that_subscriptions_need_a_websocket() {
    let network = devnet().await;
    for (subscribe, unsubscribe) in subscriptions::NAMES {
        for name in [subscribe, unsubscribe] {
            let error = network.error(name, json!([])).await;
            assert_eq!(
                (&error["code"], &error["data"]["reason"]),
                (&json!(-32042), &json!("WEBSOCKET_ONLY"))
            );
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with(subscribe) && message.contains("WebSocket"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_wrong_request_is_refused_like_any_other() {
    let network = devnet().await;
    let client = connect(&network).await;
    let id = put("k", b"", 1).id().to_string();
    let account = Account(secret().public()).to_string();
    let one_of_them = "txId, or account: one of them";
    let cases = [
        ("chain_subscribeBlocks", json!({"group": "one"}), "group", r#"a group's number, got "one""#),
        (
            "chain_subscribeBlocks",
            json!({"from": 3}),
            "from",
            "an array of {group, height} for several groups, or group beside a height",
        ),
        (
            "chain_subscribeBlocks",
            json!({"from": [{"group": 7, "height": 3}]}),
            "from",
            "groups that it follows (1), got 7",
        ),
        (
            "chain_subscribeBlocks",
            json!({"from": [{"group": 1}]}),
            "from",
            r#"a height beside group, or an array of {group, height}, got [{"group":1}]"#,
        ),
        (
            "chain_subscribeBlocks",
            json!({"to": 3}),
            "to",
            "no such parameter; the method takes group, from, txs, encoding",
        ),
        ("tx_subscribe", json!({}), "txId", one_of_them),
        ("tx_subscribe", json!({"txId": id, "account": account}), "txId", one_of_them),
        (
            "tx_subscribe",
            json!({"txId": id, "group": 1}),
            "group",
            "none beside txId: a transaction is found in whichever group",
        ),
        (
            "tx_subscribe",
            json!({"txId": id, "from": 1}),
            "from",
            "none beside txId: how it stands is told at once",
        ),
        ("state_subscribe", json!({}), "prefix", "text, got nothing"),
        (
            "state_subscribe",
            json!({"prefix": "0x00"}),
            "prefix",
            "a key in hex; those that start with a zero byte are reserved",
        ),
    ];
    for (method, params, parameter, expected) in cases {
        assert_eq!(refused(&client, method, params).await, RpcError::parameter(parameter, expected).into());
    }
    let elsewhere = [
        (json!({"group": 1, "from": 1}), RpcError::Pruned { oldest_height: 2 }),
        (json!({"group": 1, "from": TIP + 2}), RpcError::FutureHeight { height: TIP }),
        (json!({"group": 9}), RpcError::not_found("group 9")),
    ];
    for (params, error) in elsewhere {
        for method in ["chain_subscribeBlocks", "state_subscribe"] {
            let mut params: Map<String, Value> = params.as_object().unwrap().clone();
            if method == "state_subscribe" {
                params.insert("prefix".into(), "0x".into());
            }
            assert_eq!(refused(&client, method, params.into()).await, error.clone().into(), "{method}");
        }
    }
}

#[tokio::test]
async fn whoever_unsubscribes_hears_no_more() {
    let network = devnet().await;
    let mut socket = Socket::connect(network.server.local_addr()).await;
    socket.send(1, "chain_subscribeBlocks", json!([])).await;
    let id = socket.result(1).await;
    network.node.chain.grow_to(TIP + 1);
    assert_eq!(socket.next().await.unwrap()["params"]["subscription"], id);
    socket.send(2, "chain_unsubscribeBlocks", json!([id])).await;
    assert_eq!(socket.result(2).await, true);
    network.node.chain.grow_to(TIP + 2);
    socket.send(3, "chain_unsubscribeBlocks", json!([id])).await;
    assert_eq!(socket.result(3).await, false, "there is none any more");
    socket.send(4, "node_version", json!([])).await;
    assert!(socket.result(4).await["version"].is_string(), "and nothing was told in between");
}

#[tokio::test]
async fn a_follower_of_a_node_that_stops_and_comes_back_misses_nothing() {
    let network = devnet().await;
    let subscriber = Subscriber::connect(network.client.url()).await.unwrap();
    let mut following = subscriber.blocks(None, None).await.unwrap();
    network.node.chain.grow_to(TIP + 2);
    let mut heights = Vec::new();
    let mut take = async |count: usize| {
        for _ in 0..count {
            let Some(BlockNews::Block(followed)) = following.next().await? else { panic!("an end") };
            heights.push(followed.block.height);
        }
        Ok::<_, ClientError>(heights.clone())
    };
    take(1).await.unwrap();
    let (address, node) = (network.server.local_addr(), Arc::clone(&network.node));
    network.server.stop().await;
    let lost = tokio::time::timeout(DEADLINE, take(3)).await.unwrap().unwrap_err();
    assert!(matches!(lost, ClientError::Transport { .. }), "{lost}");
    assert!(matches!(take(1).await.unwrap_err(), ClientError::Transport { .. }), "nobody is there");
    node.chain.grow_to(TIP + 4);
    let config = RpcConfig { devnet: true, listen: address, ..RpcConfig::default() };
    let _again = serve_shared(node, config).await;
    let missing = (TIP + 4 - TIP) as usize - take(0).await.unwrap().len();
    assert_eq!(take(missing).await.unwrap(), (TIP + 1..=TIP + 4).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn an_id_too_long_to_wait_beside_news_starts_nothing() {
    let network = devnet().await;
    let mut socket = Socket::connect(network.server.local_addr()).await;
    for (length, reason) in [(254, None), (255, Some("WEBSOCKET_ONLY"))] {
        let id = "i".repeat(length);
        socket.send(&*id, "chain_subscribeBlocks", json!([])).await;
        let answer = socket.next().await.unwrap();
        assert_eq!((&answer["id"], answer["error"]["data"]["reason"].as_str()), (&json!(id), reason));
    }
}
