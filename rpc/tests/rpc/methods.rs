//! Every method, by name and by position, over a real socket.

use crate::support::{TIP, block_id, devnet, put, secret};
use serde_json::{Value, json};
use witan_rpc::encoding::write_hex;
use witan_rpc::methods::NAMES;
use witan_rpc::server::ScanRange;
use witan_rpc::transaction_json::{signed_to_json, unsigned_to_json};
use witan_rpc::*;
use witan_types::{Account, EngineKind, FaultModel, GroupId, Wire};

/// A method with right parameters by name, in the order of their positions.
type Request = (&'static str, Vec<(&'static str, Value)>);

/// One of every method, in the order of the table.
fn requests() -> Vec<Request> {
    [requests_of_chains(), requests_of_state()].concat()
}

fn requests_of_chains() -> Vec<Request> {
    let signed = put("k", b"v", 1);
    let hex = write_hex(&signed.encode());
    let unsigned = unsigned_to_json(&signed.transaction, Encoding::Hex).unwrap();
    let group = ("group", json!(1));
    vec![
        ("rpc.discover", vec![]),
        ("node_status", vec![]),
        ("node_health", vec![]),
        ("node_explain", vec![]),
        ("node_version", vec![]),
        ("chain_getGenesis", vec![]),
        ("chain_getConfiguration", vec![]),
        (
            "chain_getBlock",
            vec![group.clone(), ("at", json!("sealed")), ("txs", json!("full")), ("encoding", json!("utf8"))],
        ),
        (
            "chain_listBlocks",
            vec![group.clone(), ("from", json!(5)), ("order", json!("asc")), ("limit", json!(3))],
        ),
        ("chain_getSeal", vec![group.clone(), ("height", json!(7))]),
        ("chain_getLightBlock", vec![group.clone(), ("at", json!(7))]),
        ("chain_getEpoch", vec![group, ("epoch", json!(1)), ("prove", json!(true))]),
        ("tx_prepare", vec![("unsigned", unsigned.into()), ("encoding", json!("hex"))]),
        (
            "tx_submit",
            vec![
                ("tx", json!(hex)),
                ("wait", json!("sealed")),
                ("timeoutMs", json!(500)),
                ("encoding", json!("utf8")),
            ],
        ),
        ("tx_submitBatch", vec![("txs", json!([hex]))]),
        (
            "tx_get",
            vec![
                ("txId", json!(signed.id().to_string())),
                ("encoding", json!("utf8")),
                ("prove", json!(false)),
            ],
        ),
        ("tx_list", vec![("account", json!(signed.transaction.signer.to_string())), ("group", json!(1))]),
        ("tx_simulate", vec![("tx", json!(hex)), ("unsigned", Value::Null), ("encoding", json!("utf8"))]),
    ]
}

fn requests_of_state() -> Vec<Request> {
    let (account, group) = (put("k", b"v", 1).transaction.signer.to_string(), ("group", json!(1)));
    vec![
        (
            "state_get",
            vec![
                ("key", json!("name")),
                ("at", json!(5)),
                ("prove", json!(true)),
                ("strict", json!(false)),
                ("encoding", json!("utf8")),
            ],
        ),
        (
            "state_getMany",
            vec![
                ("keys", json!(["name", "gone"])),
                ("at", Value::Null),
                ("encoding", json!("utf8")),
                ("strict", json!(true)),
            ],
        ),
        (
            "state_getSlot",
            vec![
                ("slot", json!(4)),
                ("key", Value::Null),
                ("at", json!(5)),
                ("prove", json!(true)),
                ("encoding", json!("utf8")),
            ],
        ),
        (
            "state_scan",
            vec![
                ("prefix", json!("0x6e")),
                ("start", Value::Null),
                ("end", Value::Null),
                ("limit", json!(2)),
            ],
        ),
        (
            "state_history",
            vec![
                ("key", json!("name")),
                ("limit", json!(2)),
                ("cursor", Value::Null),
                ("encoding", json!("utf8")),
            ],
        ),
        ("state_account", vec![("account", json!(account)), ("at", json!("latest"))]),
        ("shard_list", vec![]),
        ("shard_forKey", vec![("key", json!("name")), ("encoding", json!("utf8"))]),
        (
            "shard_locks",
            vec![group.clone(), ("limit", json!(1)), ("cursor", Value::Null), ("encoding", json!("utf8"))],
        ),
        ("mempool_status", vec![group.clone()]),
        ("net_info", vec![]),
        ("net_peers", vec![]),
        ("consensus_status", vec![group.clone()]),
        ("consensus_validators", vec![group, ("at", json!("latest"))]),
        ("consensus_evidence", vec![("limit", json!(1))]),
        ("fault_set", vec![("kind", json!("clock")), ("offsetMs", json!(-5))]),
        ("fault_list", vec![]),
        ("fault_clear", vec![("id", Value::Null)]),
    ]
}

#[tokio::test]
async fn every_method_of_the_table_answers_the_same_by_name_and_by_position() {
    let network = devnet().await;
    let requests = requests();
    let table = NAMES.to_vec();
    assert_eq!(requests.iter().map(|(name, _)| *name).collect::<Vec<_>>(), table);
    for (method, parameters) in requests {
        let by_name = parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let by_position = parameters.iter().map(|(_, value)| value.clone()).collect();
        let by_name = network.result(method, Value::Object(by_name)).await;
        let by_position = network.result(method, Value::Array(by_position)).await;
        assert_eq!(by_name, by_position, "{method}");
    }
}

#[tokio::test]
async fn the_openrpc_document_lists_the_methods_that_answer_and_no_other() {
    let network = devnet().await;
    let document = network.client.discover().await.unwrap();
    assert_eq!(crate::support::get(network.server.local_addr(), "/openrpc.json").await.json(), document);
    let mut listed: Vec<&str> = Vec::new();
    for method in document["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        listed.push(name);
        let answer = network.call(name, json!({})).await;
        assert_ne!(answer["error"]["code"], -32601, "{name}");
        if answer["error"]["data"]["reason"] == "WEBSOCKET_ONLY" {
            continue;
        }
        let parameters = method["params"].as_array().unwrap();
        if let Some(required) = parameters.iter().find(|parameter| parameter["required"] == true) {
            assert_eq!(answer["error"]["data"]["parameter"], required["name"], "{name}");
        }
    }
    let mut table = NAMES.to_vec();
    for (subscribe, unsubscribe) in subscriptions::NAMES {
        table.extend([subscribe, unsubscribe]);
    }
    assert_eq!(listed, table);
}

#[tokio::test]
async fn values_read_as_their_types_in_the_encoding_asked_for() {
    let network = devnet().await;
    let get = async |key: &str, encoding: &str| {
        network.result("state_get", json!([key, null, null, null, encoding])).await
    };
    let name = get("0x6e616d65", "hex").await;
    assert_eq!(
        (&name["key"], &name["value"], &name["type"]),
        (&json!("0x6e616d65"), &json!("0x776974616e"), &json!("bytes"))
    );
    assert_eq!(name["version"], (1_u128 << 70).to_string());
    assert_eq!((&name["group"], &name["height"]), (&json!(1), &json!(TIP)));
    assert_eq!(name["blockId"], block_id(TIP).to_string());
    assert_eq!(get("name", "utf8").await["value"], "witan");
    assert_eq!(get("bmFtZQ==", "base64").await["value"], "d2l0YW4=");
    assert_eq!(get("counter", "utf8").await["value"], "-5");
    assert_eq!(get("list", "utf8").await["value"], json!(["a", "b"]));
    let gone = get("gone", "utf8").await;
    assert_eq!((&gone["value"], &gone["type"], &gone["version"]), (&Value::Null, &Value::Null, &json!("0")));
}

#[tokio::test]
async fn a_value_that_is_no_text_is_not_bent_into_text() {
    let network = devnet().await;
    let error = network.error("state_get", json!({"key": "binary", "encoding": "utf8"})).await;
    assert_eq!((&error["code"], &error["data"]["parameter"]), (&json!(-32602), &json!("encoding")));
}

#[tokio::test]
async fn the_client_gets_typed_answers_of_every_read() {
    let network = devnet().await;
    let client = &network.client;
    let group = GroupId(1);
    assert_eq!(client.status().await.unwrap().groups[0].height, TIP);
    assert!(client.health().await.unwrap().ready);
    assert_eq!(client.version().await.unwrap().version, "0.1.0");
    let genesis = client.genesis().await.unwrap();
    assert_eq!(genesis.chain, genesis.genesis.chain());
    let engines = genesis.groups.iter().map(|group| (group.group, group.engine, group.faults));
    let expected = [0, 1].map(|id| (GroupId(id), EngineKind::HotStuff, FaultModel::Byzantine));
    assert_eq!(engines.collect::<Vec<_>>(), expected);
    let seal = client.seal(group, 7).await.unwrap();
    assert_eq!(SealView::from(&witan_types::Seal::decode(&seal.encoded).unwrap()), seal);
    let light = client.light_block(group, At::Height(7)).await.unwrap();
    let sealed = witan_types::SealedHeader::decode(&light.encoded).unwrap();
    assert_eq!(LightBlockView::new(&sealed, vec![vec![7]]), light);
    let epoch = client.epoch(group, None, true).await.unwrap();
    assert_eq!((epoch.epoch.0, epoch.proof.unwrap().format.as_str()), (1, EPOCH_PROOF_FORMAT));
    let slot = client.slot(4, At::Sealed, true).await.unwrap();
    assert_eq!((slot.slot, slot.items.len(), slot.at.height), (4, 2, TIP - 1));
    assert_eq!(slot.proof.unwrap().format, SLOT_PROOF_FORMAT);
    let list = client.state(b"list", At::Sealed, true).await.unwrap();
    assert_eq!(list.value, Some(ValueView::List(vec![b"a".as_slice().into(), b"b".as_slice().into()])));
    assert_eq!((list.at.height, list.proof), (TIP - 1, Some(ProofView::new(vec![1, 2, 3]))));
    let many = client.states(&["counter", "gone"], At::Latest).await.unwrap();
    assert_eq!(many.items[0].value, Some(ValueView::Counter(-5)));
    assert_eq!(many.items[1].value, None);
    let account = Account(secret().public());
    assert_eq!(client.account(account, At::Latest).await.unwrap().balance, u128::MAX);
    let configuration = client.configuration().await.unwrap();
    assert_eq!((configuration.version, configuration.operators.threshold), (1, 1));
    assert_eq!(configuration.approvals[0].operators, [TextAccount(account)]);
    assert_eq!(configuration.approvals[0].change.operators, Some(configuration.operators));
    assert_eq!(client.mempools(None).await.unwrap().len(), 1);
    assert_eq!(client.net_info().await.unwrap().peers, 3);
    assert_eq!(client.shards().await.unwrap()[0].slots, [SlotRange { first: 0, last: 4095 }]);
    assert_eq!(client.shard_of(b"name").await.unwrap(), KeyShardView { slot: 4, group: GroupId(1) });
    assert_eq!(client.peers().await.unwrap()[0].direction, Some(Direction::Inbound));
    assert_eq!(client.consensus(group).await.unwrap().view, 40);
    assert_eq!(client.validators(group, At::Latest).await.unwrap().quorum, 1);
}

#[tokio::test]
async fn a_slot_is_asked_for_by_its_number_or_by_a_key_of_it() {
    let network = devnet().await;
    let by_number = network.result("state_getSlot", json!({"slot": 4, "encoding": "utf8"})).await;
    assert_eq!(
        by_number["items"][0]["key"],
        json!("list"),
        "the fake node takes a key's length for its slot"
    );
    let by_key = network.result("state_getSlot", json!({"key": "name", "encoding": "utf8"})).await;
    assert_eq!(by_key, by_number);
    for (wrong, parameter) in [
        (json!({}), "slot"),
        (json!({"slot": 4, "key": "0x01"}), "slot"),
        (json!({"slot": 4096}), "slot"),
        (json!({"slot": 65536}), "slot"),
        (json!({"key": "0x00"}), "key"),
    ] {
        let error = network.error("state_getSlot", wrong).await;
        assert_eq!((&error["code"], &error["data"]["parameter"]), (&json!(-32602), &json!(parameter)));
    }
}

#[tokio::test]
async fn a_transaction_that_has_not_ended_has_no_proof_and_the_error_says_so() {
    let network = devnet().await;
    let error =
        network.error("tx_get", json!({"txId": put("k", b"v", 1).id().to_string(), "prove": true})).await;
    assert_eq!((&error["code"], &error["data"]["reason"]), (&json!(-32033), &json!("NOT_PROVED")));
    assert_eq!(error["data"]["retryable"], json!(true));
}

#[tokio::test]
async fn a_strict_read_stands_at_one_block_or_says_why_it_has_no_answer() {
    let network = devnet().await;
    let client = &network.client;
    let name = client.strict_state(b"name").await.unwrap();
    assert_eq!((name.value, name.at.height), (Some(ValueView::Bytes(b"witan".as_slice().into())), TIP));
    let many = client.strict_states(&["name", "gone"]).await.unwrap();
    assert_eq!((many.items.len(), many.at.len()), (2, 1));
    let nobody = client.strict_account(Account(secret().public())).await.unwrap();
    assert_eq!(nobody.balance, 0, "the fake node holds no balances");
    let error = client.strict_states(&["name", "locked"]).await.unwrap_err();
    let error = error.rpc().unwrap();
    assert_eq!((error.code(), error.reason(), error.retryable()), (-32024, "CONFLICT", true));
}

#[tokio::test]
async fn locks_are_listed_page_by_page() {
    let client = &devnet().await.client;
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.locks(GroupId(1), 2, cursor).await.unwrap();
        found.extend(page.items.into_iter().map(|lock| (lock.key.to_vec(), lock.mode, lock.delta)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected = [
        (b"a".to_vec(), LockMode::Read, None),
        (b"b".to_vec(), LockMode::Write, None),
        (b"c".to_vec(), LockMode::Add, Some("-5".to_owned())),
    ];
    assert_eq!(found, expected);
    let other = client.locks(GroupId(1), 2, None).await.unwrap().next_cursor;
    let error = client.locks(GroupId(2), 2, other).await.unwrap_err();
    assert_eq!(error.rpc(), Some(&RpcError::CursorInvalid), "a cursor is its group's");
}

#[tokio::test]
async fn a_block_shows_its_transactions_as_far_as_asked() {
    let network = devnet().await;
    let block = async |txs| network.client.block(GroupId(1), At::Latest, txs).await.unwrap().txs;
    let tx = put("block", b"text", 1);
    assert_eq!(block(TransactionDetail::None).await, None);
    assert_eq!(block(TransactionDetail::Ids).await, Some(BlockTransactions::ids([tx.id()])));
    assert_eq!(block(TransactionDetail::Full).await, Some(BlockTransactions::full([tx.clone()])));
    let full = network.result("chain_getBlock", json!({"group": 1, "txs": "full", "encoding": "utf8"})).await;
    assert_eq!(full["txs"][0]["ops"], json!([{"op": "put", "key": "block", "value": "text"}]));
    assert_eq!(full["txs"][0]["txId"], tx.id().to_string());
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let network = devnet().await;
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let range = ScanRange::prefix(Vec::new());
        let page = network.client.scan(&range, 2, cursor, At::Height(9)).await.unwrap();
        assert_eq!(page.at.height, 9);
        keys.extend(page.items.into_iter().map(|item| item.key.into_bytes()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(keys, network.node.state.keys().cloned().collect::<Vec<_>>());

    let (mut heights, mut cursor) = (Vec::new(), None);
    loop {
        let page = network.client.blocks(GroupId(1), None, Order::Desc, 5, cursor).await.unwrap();
        heights.extend(page.items.iter().map(|block| block.height));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(heights, (0..=TIP).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_transaction_prepared_in_json_and_signed_elsewhere_is_taken() {
    let network = devnet().await;
    let tx = put("k", b"v", 77).transaction;
    let prepared = network.client.prepare(&tx).await.unwrap();
    assert_eq!((prepared.tx_id, &prepared.signing_bytes), (tx.id(), &tx.signing_bytes()));
    let mut json = unsigned_to_json(&tx, Encoding::Utf8).unwrap();
    json.insert("signature".into(), write_hex(&secret().sign_bytes(&prepared.signing_bytes).0).into());
    let status =
        network.result("tx_submit", json!({"tx": json, "encoding": "utf8", "wait": "committed"})).await;
    assert_eq!((&status["txId"], &status["status"]), (&json!(tx.id().to_string()), &json!("committed")));
    assert_eq!(status["result"]["reads"][0]["value"], "witan");
    assert_eq!(network.node.submitted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn each_transaction_of_a_batch_is_answered_on_its_own() {
    let network = devnet().await;
    let good = put("k", b"v", 1);
    let mut forged = put("k", b"v", 2);
    forged.signature.0[0] ^= 1;
    let json = signed_to_json(&put("k", b"v", 3), Encoding::Hex).unwrap();
    let txs =
        json!([write_hex(&good.encode()), "0xdead", write_hex(&forged.encode()), "zz", json, {"ops": []}]);
    let items = network.result("tx_submitBatch", json!([txs])).await["items"].take();
    assert_eq!(items[0], json!({"txId": good.id().to_string(), "status": "accepted"}));
    assert_eq!(items[1]["error"]["data"]["reason"], "MALFORMED");
    assert_eq!(items[2]["error"]["data"]["reason"], "BAD_SIGNATURE");
    assert_eq!(items[3]["error"]["data"]["parameter"], "txs[3]");
    assert_eq!(items[4]["status"], "accepted");
    assert_eq!(items[5]["error"]["data"]["parameter"], "txs[5].chain");

    let answers = network.client.submit_batch(vec![good.encode(), vec![1]]).await.unwrap();
    assert_eq!(*answers[0].as_ref().unwrap(), (good.id(), TransactionState::Accepted));
    assert_eq!(answers[1].as_ref().unwrap_err().rpc().unwrap().reason(), "MALFORMED");
    assert_eq!(network.client.transaction(good.id()).await.unwrap().status, TransactionState::Accepted);
}

#[tokio::test]
async fn websocket_serves_the_same_methods_at_both_paths() {
    use jsonrpsee::core::client::ClientT as _;
    let network = devnet().await;
    for path in ["", "/ws"] {
        let url = format!("ws://{}{path}", network.server.local_addr());
        let client = jsonrpsee_ws_client::WsClientBuilder::new().build(url).await.unwrap();
        let version: VersionView = client.request("node_version", jsonrpsee::rpc_params![]).await.unwrap();
        assert_eq!(version.version, "0.1.0");
    }
}
