//! Lists page by page, and trials, over a real socket: what the fake node has, and what is refused before it hears of it.

use crate::support::{FakeNode, TIP, block_id, devnet, put, secret};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use witan_rpc::encoding::write_hex;
use witan_rpc::server::{
    EvidenceFrom, EvidenceSlice, HistoryFrom, HistorySlice, ListFrom, TransactionSlice, Trial,
};
use witan_rpc::transaction_json::unsigned_to_json;
use witan_rpc::*;
use witan_types::{
    Account, Epoch, GroupId, Hash, Height, Key, Op, Scheme, SignedTransaction, Transaction, TxId,
    ValidatorIndex, Wire, sha256,
};

/// The kinds of lies that the fake node has caught validator 3 at.
const LIES: [&str; 3] = ["two proposals in a round", "two results of one block", "two votes in a round"];

/// A transaction that the fake chain has at each height.
fn tx_id(height: Height) -> TxId {
    TxId(sha256(&[b"tx", &height.to_be_bytes()]))
}

impl FakeNode {
    /// One transaction a block, of whoever is asked for.
    pub fn list(
        &self,
        account: Option<Account>,
        group: Option<GroupId>,
        from: Option<Vec<ListFrom>>,
        limit: usize,
    ) -> Result<TransactionSlice, RpcError> {
        self.group(group.unwrap_or(GroupId(1)))?;
        let first = ListFrom { group: GroupId(1), newest: TIP, next: Some((TIP, u32::MAX)) };
        let from = from.map_or(first, |from| from[0]);
        let item = |height: Height| ListedTransaction {
            tx_id: tx_id(height),
            status: TransactionState::Failed,
            reason: Some("CHECK_FAILED".into()),
            signer: Account(secret().public()),
            group: GroupId(1),
            height,
            index: 0,
            time_ms: 1000 + height,
            sealed: height < TIP,
            role: account.map(|_| AccountRole::Signer),
        };
        let mut heights = (1..=from.next.unwrap().0).rev();
        let items = heights.by_ref().take(limit).map(item).collect();
        let next = heights.next().map(|height| vec![ListFrom { next: Some((height, 0)), ..from }]);
        Ok(TransactionSlice { items, next, at: vec![self.point(At::Height(from.newest))?] })
    }

    /// Every key was deleted at odd heights.
    pub fn versions(
        &self,
        key: &Key,
        from: Option<HistoryFrom>,
        limit: usize,
    ) -> Result<HistorySlice, RpcError> {
        let from = from.unwrap_or(HistoryFrom { newest: TIP, next: TIP });
        let item = |height: Height| {
            let value = height.is_multiple_of(2).then(|| self.state.get(&key.0).cloned()).flatten();
            let version = if value.is_some() { u128::from(height) << 32 } else { 0 };
            HistoryItem { value, version, height, block_id: block_id(height), time_ms: 1000 + height }
        };
        let mut heights = (1..=from.next).rev();
        let items = heights.by_ref().take(limit).map(item).collect();
        let next = heights.next().map(|next| HistoryFrom { next, ..from });
        Ok(HistorySlice { items, next, at: self.point(At::Height(from.newest))? })
    }

    pub fn accusations(&self, from: Option<EvidenceFrom>, limit: usize) -> EvidenceSlice {
        let (group, epoch, validator) = (GroupId(1), Epoch(1), ValidatorIndex(3));
        let first = from.map_or(0, |from| LIES.iter().position(|lie| *lie == from.conflict).unwrap());
        let signed = |byte: u8| SignedMessageView { message: vec![byte], signature: vec![byte; 64] };
        let view = |lie: &&str| EvidenceView {
            group,
            epoch,
            validator,
            name: "n3".into(),
            key: Hash([3; 32]),
            conflict: (*lie).into(),
            first: signed(1),
            second: signed(2),
            seen_ms: 5,
        };
        let items = LIES[first..].iter().take(limit).map(view).collect();
        let next = LIES.get(first + limit);
        let next = next.map(|lie| EvidenceFrom { group, epoch, validator, conflict: (*lie).into() });
        EvidenceSlice { items, next }
    }

    /// Puts are done; all else meets a lock.
    pub fn try_out(&self, trial: Trial) -> Result<SimulationView, RpcError> {
        let transaction = match trial {
            Trial::Signed(tx) if !tx.verify(Scheme::Ed25519) => {
                let detail = "the signature is not the signer's on these bytes";
                return Err(RpcError::rejected(Rejection::BadSignature, detail));
            }
            Trial::Signed(SignedTransaction { transaction, .. }) | Trial::Unsigned(transaction) => {
                transaction
            }
        };
        let (tx_id, at, group) = (transaction.id(), vec![self.point(At::Latest)?], GroupId(1));
        let (mut result, mut writes, mut locked) = (TransactionResult::default(), vec![], vec![]);
        for op in &transaction.ops {
            match op {
                Op::Put { key, value } => {
                    let value = Some(ValueView::Bytes(value.clone().into()));
                    writes.push(WriteView { key: key.0.clone().into(), value, group });
                }
                Op::Delete { key } => {
                    result.reason = Some("LOCKED".into());
                    let (key, tx_id) = (key.0.clone().into(), TxId(Hash([6; 32])));
                    locked.push(LockedKeyView { key, tx_id, group });
                }
                _ => return Err(RpcError::internal("the fake node does not know it")),
            }
        }
        let deferred = !locked.is_empty();
        let status = if deferred { SimulatedState::Deferred } else { SimulatedState::Committed };
        Ok(SimulationView { tx_id, status, result, writes, locked, at })
    }
}

/// All items of a list, page by page of `limit`, with its pages' sizes.
async fn pages(network: &crate::support::Network, method: &str, params: Value) -> (Vec<Value>, Vec<usize>) {
    let (mut items, mut sizes, mut params) = (vec![], vec![], params);
    loop {
        let mut page = network.result(method, params.clone()).await;
        let found = page["items"].as_array().unwrap().clone();
        sizes.push(found.len());
        items.extend(found);
        if page["nextCursor"].is_null() {
            return (items, sizes);
        }
        params["cursor"] = page["nextCursor"].take();
    }
}

#[tokio::test]
async fn transactions_are_listed_page_by_page_without_repeats() {
    let network = devnet().await;
    let account = Account(secret().public()).to_string();
    let params = json!({"account": account, "group": 1, "limit": 5});
    let (items, sizes) = pages(&network, "tx_list", params.clone()).await;
    assert_eq!(sizes, [5, 5, 2]);
    let ids: BTreeSet<&str> = items.iter().map(|item| item["txId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 12);
    assert_eq!(
        items[0],
        json!({
            "txId": tx_id(TIP).to_string(), "status": "failed", "reason": "CHECK_FAILED", "signer": account,
            "group": 1, "height": TIP, "index": 0, "timeMs": 1000 + TIP, "sealed": false, "role": "signer",
        })
    );
    let page = network.result("tx_list", params).await;
    assert_eq!(page["at"], json!([{"group": 1, "height": TIP, "blockId": block_id(TIP).to_string()}]));
    let all = network.result("tx_list", json!({})).await;
    assert_eq!((all["items"].as_array().unwrap().len(), &all["items"][0]["role"]), (12, &Value::Null));
    let typed = network.client.transactions(None, None, 2, None).await.unwrap();
    assert_eq!(serde_json::to_value(&typed.items[1]).unwrap(), all["items"][1]);
}

#[tokio::test]
async fn a_cursor_that_no_list_gave_is_refused() {
    let network = devnet().await;
    let place = |group, next| ListFrom { group: GroupId(group), newest: 9, next };
    let cursor = |group: Option<u32>, from: &[ListFrom]| {
        let account: Option<Account> = None;
        write_hex(&witan_types::codec::encode(&(account, group.map(GroupId), from.to_vec())))
    };
    let (more, over) = (Some((9, 0)), None);
    let right = cursor(Some(1), &[place(1, more)]);
    network.result("tx_list", json!({"group": 1, "cursor": right})).await;
    let wrong = [
        (Some(1), vec![place(1, more), place(1, more)]),
        (Some(1), vec![place(2, more)]),
        (Some(1), vec![place(1, over)]),
        (Some(1), vec![place(1, Some((10, 0)))]),
        (Some(1), vec![]),
        (None, vec![]),
        (None, vec![place(1, more), place(2, more), place(1, more)]),
        (None, vec![place(2, more), place(1, more)]),
    ];
    for (group, from) in wrong {
        let mut params = json!({"cursor": cursor(group, &from)});
        if let Some(group) = group {
            params["group"] = json!(group);
        }
        let error = network.error("tx_list", params).await;
        assert_eq!(error["data"]["reason"], "CURSOR_INVALID", "{from:?}: {error}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_query_is_refused() {
    let network = devnet().await;
    let account = Account(secret().public()).to_string();
    let cursor = |mut page: Value| page["nextCursor"].take();
    let of_account = cursor(network.result("tx_list", json!({"account": account, "limit": 1})).await);
    let of_all = cursor(network.result("tx_list", json!({"limit": 1})).await);
    let of_group = cursor(network.result("tx_list", json!({"group": 1, "limit": 1})).await);
    let of_key = cursor(network.result("state_history", json!({"key": "0x61", "limit": 1})).await);
    let of_lies = cursor(network.result("consensus_evidence", json!({"limit": 1})).await);
    let wrong = [
        ("tx_list", json!({"cursor": of_account})),
        ("tx_list", json!({"account": account, "cursor": of_all})),
        ("tx_list", json!({"group": 1, "cursor": of_all})),
        ("tx_list", json!({"cursor": of_group})),
        ("tx_list", json!({"cursor": of_key})),
        ("tx_list", json!({"cursor": "0x00"})),
        ("state_history", json!({"key": "0x62", "cursor": of_key})),
        ("state_history", json!({"key": "0x61", "cursor": of_all})),
        ("consensus_evidence", json!({"cursor": of_key})),
        ("consensus_evidence", json!({"cursor": "zz"})),
    ];
    for (method, params) in wrong {
        let error = network.error(method, params.clone()).await;
        assert_eq!(
            (&error["code"], &error["data"]["reason"]),
            (&json!(-32034), &json!("CURSOR_INVALID")),
            "{params}"
        );
    }
    network.result("consensus_evidence", json!({"cursor": of_lies})).await;
    network.result("tx_list", json!({"account": account, "cursor": of_account})).await;
}

#[tokio::test]
async fn a_history_has_null_where_the_key_was_deleted() {
    let network = devnet().await;
    let params = json!({"key": "name", "limit": 5, "encoding": "utf8"});
    let page = network.result("state_history", params.clone()).await;
    assert_eq!((&page["height"], &page["group"]), (&json!(TIP), &json!(1)));
    let item = |height: Height, value: Value, kind: Value, version: &str| {
        let block_id = block_id(height).to_string();
        json!({"value": value, "type": kind, "version": version, "height": height, "blockId": block_id,
               "timeMs": 1000 + height})
    };
    let version = (u128::from(TIP) << 32).to_string();
    assert_eq!(page["items"][0], item(TIP, json!("witan"), json!("bytes"), &version));
    assert_eq!(page["items"][1], item(TIP - 1, Value::Null, Value::Null, "0"));
    let (items, sizes) = pages(&network, "state_history", params).await;
    assert_eq!((items.len(), sizes), (12, vec![5, 5, 2]));
    let typed = network.client.history(b"name", 1, None).await.unwrap();
    assert_eq!(typed.items[0].value, Some(ValueView::Bytes(b"witan".as_slice().into())));
}

#[tokio::test]
async fn evidence_has_both_messages_with_their_signatures() {
    let network = devnet().await;
    let (items, sizes) = pages(&network, "consensus_evidence", json!({"limit": 2})).await;
    assert_eq!(sizes, [2, 1]);
    let first = &items[0];
    assert_eq!(
        (&first["validator"], &first["name"], &first["conflict"]),
        (&json!(3), &json!("n3"), &json!(LIES[0]))
    );
    assert_eq!(first["first"], json!({"message": "0x01", "signature": write_hex(&[1; 64])}));
    assert_eq!(network.client.evidence(2, None).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn a_transaction_is_tried_with_and_without_a_signature() {
    let network = devnet().await;
    let signed = put("name", b"new", 1);
    let unsigned = unsigned_to_json(&signed.transaction, Encoding::Utf8).unwrap();
    let by_bytes = json!({"tx": write_hex(&signed.encode()), "encoding": "utf8"});
    let by_json = json!({"unsigned": unsigned, "encoding": "utf8"});
    let expected = json!({
        "txId": signed.id().to_string(), "status": "committed", "result": {},
        "writes": [{"key": "name", "value": "new", "type": "bytes", "group": 1}],
        "at": [{"group": 1, "height": TIP, "blockId": block_id(TIP).to_string()}],
    });
    assert_eq!(network.result("tx_simulate", by_bytes).await, expected);
    assert_eq!(network.result("tx_simulate", by_json).await, expected);
    assert!(network.node.submitted.lock().unwrap().is_empty(), "nothing is submitted");

    let ops = vec![Op::Delete { key: Key::from("name") }];
    let locked = Transaction { ops, ..signed.transaction };
    let said = network.client.simulate_unsigned(&locked).await.unwrap();
    assert_eq!((said.status, said.result.reason.as_deref()), (SimulatedState::Deferred, Some("LOCKED")));
    assert_eq!(said.locked[0].key.bytes(), b"name");
    assert_eq!(network.client.simulate(&locked.sign(&secret())).await.unwrap(), said);
}

#[tokio::test]
async fn what_would_be_refused_is_refused_when_it_is_tried() {
    let network = devnet().await;
    let mut forged = put("name", b"new", 1);
    forged.transaction.salt += 1;
    let refusal = async |params: Value| {
        let error = network.error("tx_simulate", params).await;
        (error["code"].clone(), error["data"]["reason"].clone())
    };
    assert_eq!(
        refusal(json!({"tx": write_hex(&forged.encode())})).await,
        (json!(-32020), json!("BAD_SIGNATURE"))
    );
    assert_eq!(refusal(json!({"tx": "0x00"})).await, (json!(-32020), json!("MALFORMED")));
    let ops = vec![Op::Put { key: Key(vec![0, 1]), value: vec![] }];
    let forbidden = Transaction { ops, ..forged.transaction.clone() };
    let unsigned = unsigned_to_json(&forbidden, Encoding::Hex).unwrap();
    assert_eq!(refusal(json!({"unsigned": unsigned})).await, (json!(-32020), json!("FORBIDDEN_KEY")));
    let value = vec![0; 65_000];
    let ops = vec![Op::Put { key: Key::from("a"), value }; 3];
    let large = unsigned_to_json(&Transaction { ops, ..forged.transaction }, Encoding::Hex).unwrap();
    assert_eq!(refusal(json!({"unsigned": large})).await, (json!(-32020), json!("TOO_LARGE")));
    assert_eq!(refusal(json!({})).await, (json!(-32602), json!("BAD_PARAMETER")));
    let both = json!({"tx": "0x00", "unsigned": {}});
    assert_eq!(refusal(both).await, (json!(-32602), json!("BAD_PARAMETER")));
}
