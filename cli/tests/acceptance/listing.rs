//! What was and what would be, as users ask for it: lists of transactions, histories of keys, dry runs, evidence.

use crate::network::{Testnet, needs_permission, put, tell_story, until};
use crate::slots::Slot;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use witan_testnet::local::Spec;
use witan_testnet::rpc::{
    AccountRole, Client, ClientError, ListedTransaction, RpcError, SimulatedState, TransactionDetail,
    TransactionState, Wait,
};
use witan_types::{Account, EngineKind, GroupId, Key, Op, SignedTransaction, TxId};

/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn accounts_list_what_they_signed_and_what_pays_them() {
    in_two_groups(both_sides_list_a_transfer_between_groups);
}

#[test]
fn pages_neither_repeat_nor_skip_while_blocks_are_made() {
    in_two_groups(pages_stand_still);
}

#[test]
fn a_key_tells_what_it_has_held() {
    in_two_groups(histories_are_told);
}

#[test]
fn a_dry_run_says_what_the_run_then_does() {
    in_two_groups(dry_runs_are_true);
}

/// Tells a story of four validators in two groups under HotStuff.
fn in_two_groups(story: impl AsyncFn(&mut Testnet)) {
    let slot = Slot::take();
    let engine = EngineKind::HotStuff;
    let (permissioned, port_base) = (needs_permission(engine), slot.port_base());
    tell_story(Spec { engine, shards: 2, permissioned, port_base, ..Spec::default() }, story);
}

fn account(testnet: &Testnet, place: usize) -> Account {
    Account(testnet.secret(place).public())
}

/// The development accounts whose balances a group holds.
async fn accounts_of(testnet: &Testnet, group: u32) -> Vec<usize> {
    let client = testnet.client("n0");
    let mut found = Vec::new();
    for place in 0..testnet.network.description().accounts.len() {
        let key = Key::balance_of(&account(testnet, place));
        if client.shard_of(&key.0).await.unwrap().group == GroupId(group) {
            found.push(place);
        }
    }
    assert!(!found.is_empty(), "no account in group {group}");
    found
}

/// A key of a group.
async fn key_of(testnet: &Testnet, group: u32, name: &str) -> String {
    let client = testnet.client("n0");
    for number in 0.. {
        let key = format!("{name}/{number}");
        if client.shard_of(key.as_bytes()).await.unwrap().group == GroupId(group) {
            return key;
        }
    }
    unreachable!("some key is the group's")
}

async fn apply(client: &Client, transaction: &SignedTransaction) {
    let status = client.submit(transaction, Wait::Applied, PATIENCE).await.unwrap();
    assert_eq!(status.status, TransactionState::Committed, "{status:?}");
}

/// Every page of an account's list.
async fn pages(client: &Client, account: Account, limit: u32) -> Vec<Vec<ListedTransaction>> {
    let (mut pages, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.transactions(Some(account), None, limit, cursor).await.unwrap();
        pages.push(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return pages;
        }
    }
}

async fn both_sides_list_a_transfer_between_groups(testnet: &mut Testnet) {
    let (payer, payee) = (accounts_of(testnet, 1).await[0], accounts_of(testnet, 2).await[0]);
    let (from, to) = (account(testnet, payer), account(testnet, payee));
    let transfer = testnet.unsigned(payer, vec![Op::Transfer { to, amount: 5 }]).sign(&testnet.secret(payer));
    apply(&testnet.client("n1"), &transfer).await;
    let poor = testnet.unsigned(payer, vec![Op::Transfer { to, amount: u128::MAX }]);
    let poor = poor.sign(&testnet.secret(payer));
    let failed = testnet.client("n2").submit(&poor, Wait::Committed, PATIENCE).await.unwrap();
    assert_ne!(failed.status, TransactionState::Committed);
    for node in testnet.names() {
        let client = testnet.client(&node);
        for (account, role) in [(from, AccountRole::Signer), (to, AccountRole::Recipient)] {
            let listed = until(&format!("{node} lists both for {role:?}"), async || {
                let page = client.transactions(Some(account), None, 10, None).await.ok()?;
                (page.items.len() == 2).then_some(page)
            })
            .await;
            assert_eq!(listed.at.iter().map(|at| at.group.0).collect::<Vec<_>>(), [0, 1, 2]);
            let [newest, oldest] = listed.items.as_slice() else { panic!("{listed:?}") };
            assert_eq!((newest.tx_id, newest.reason.as_deref()), (poor.id(), Some("INSUFFICIENT_BALANCE")));
            assert_eq!((oldest.tx_id, oldest.status), (transfer.id(), TransactionState::Committed));
            assert_eq!((oldest.signer, oldest.group, oldest.role), (from, GroupId(1), Some(role)));
            let told = client.transaction(transfer.id()).await.unwrap();
            assert_eq!((Some(oldest.group), Some(oldest.height)), (told.group, told.height));
            let elsewhere = client.transactions(Some(account), Some(GroupId(2)), 10, None).await.unwrap();
            assert_eq!(elsewhere.items, [], "the coordinator has the receipts");
        }
    }
    let said = testnet.run(&["tx", "list", "--account", &payee.to_string(), "--json"]).await.json();
    assert_eq!(said["items"][1]["txId"], json!(transfer.id().to_string()));
    assert_eq!(said["items"][1]["role"], "recipient");
    let said = testnet.run(&["tx", "list", "--from", &payer.to_string(), "--limit", "1"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains(&poor.id().to_string()) && said.stdout.contains("signer"), "{said:?}");
    assert!(said.stderr.contains("there are more, see --limit"), "{said:?}");
    let both = testnet.run(&["tx", "list", "--from", "1", "--account", "1"]).await;
    assert_eq!(both.code, Some(2), "{both:?}");
    let nobody = testnet.run(&["chain", "evidence"]).await;
    assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(0), "this node has caught nobody\n"));
    let nobody = testnet.run(&["chain", "evidence", "--json"]).await.json();
    assert_eq!(nobody, json!({"items": [], "nextCursor": null}));
    let missing = testnet.client("n0").transactions(None, Some(GroupId(9)), 1, None).await;
    assert!(matches!(missing, Err(ClientError::Rpc(RpcError::NotFound { .. }))), "{missing:?}");
}

async fn pages_stand_still(testnet: &mut Testnet) {
    let keys = [key_of(testnet, 1, "page").await, key_of(testnet, 2, "page").await];
    let (client, signer) = (testnet.client("n3"), account(testnet, 0));
    let mut expected: Vec<TxId> = Vec::new();
    for number in 0..12_usize {
        let mut ops = vec![put(&keys[number % 2], &number.to_string())];
        ops.extend(number.is_multiple_of(3).then(|| put(&keys[(number + 1) % 2], &number.to_string())));
        let transaction = testnet.signed(ops);
        apply(&client, &transaction).await;
        expected.push(transaction.id());
    }
    expected.reverse();
    let (mut found, mut cursor, mut covered) = (Vec::new(), None, None);
    loop {
        let page = client.transactions(Some(signer), None, 5, cursor).await.unwrap();
        assert_eq!(covered.get_or_insert_with(|| page.at.clone()), &page.at, "pinned");
        found.extend(page.items);
        for key in &keys {
            apply(&client, &testnet.signed(vec![put(key, "later")])).await;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let ids: Vec<TxId> = found.iter().map(|item| item.tx_id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), expected.len(), "none twice");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>(), expected.iter().collect::<BTreeSet<_>>());
    assert!(found.is_sorted_by(|one, next| one.time_ms >= next.time_ms), "newest first: {found:?}");
    let again: Vec<usize> = pages(&client, signer, 5).await.iter().map(Vec::len).collect();
    assert_eq!(again, [5, 5, 5, 3], "and the later ones");

    let page = client.transactions(Some(signer), None, 5, None).await.unwrap();
    let other = client.transactions(Some(account(testnet, 1)), None, 5, page.next_cursor).await;
    assert!(matches!(other, Err(ClientError::Rpc(RpcError::CursorInvalid))), "{other:?}");

    let node = "n3".to_owned();
    testnet.network.stop(&node).await.unwrap();
    testnet.network.start(&node).unwrap();
    testnet.network.wait_answering(&[node], crate::network::DEADLINE).await.unwrap();
    until("the lists are there after a restart", async || {
        let page = testnet.client("n3").transactions(Some(signer), None, 100, None).await.ok()?;
        (page.items.len() == 18).then_some(())
    })
    .await;
}

async fn histories_are_told(testnet: &mut Testnet) {
    let key = key_of(testnet, 2, "story").await;
    let client = testnet.client("n0");
    let mut heights = Vec::new();
    for text in ["one", "two"] {
        heights.push(testnet.put("n0", &key, text).await.height.unwrap());
    }
    let delete = testnet.signed(vec![Op::Delete { key: Key::from(key.as_str()) }]);
    heights.push(client.submit(&delete, Wait::Committed, PATIENCE).await.unwrap().height.unwrap());
    heights.reverse();
    let page = client.history(key.as_bytes(), 2, None).await.unwrap();
    testnet.put("n0", &key, "later").await;
    let rest = client.history(key.as_bytes(), 2, page.next_cursor).await.unwrap();
    let told = page.items.iter().chain(&rest.items);
    assert_eq!(told.clone().map(|item| item.height).collect::<Vec<_>>(), heights);
    assert_eq!((page.at, rest.next_cursor), (rest.at, None), "what comes later shifts nothing");
    for item in told {
        let block = client
            .block(GroupId(2), witan_testnet::rpc::At::Height(item.height), TransactionDetail::None)
            .await;
        let block = block.unwrap();
        assert_eq!((item.block_id, item.time_ms), (block.block_id, block.time_ms));
    }
    let said = testnet.run(&["state", "history", &key, "--json"]).await.json();
    let values: Vec<&Value> = said["items"].as_array().unwrap().iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [&json!("later"), &json!(null), &json!("two"), &json!("one")]);
    let said = testnet.run(&["state", "history", &key]).await;
    assert!(said.code == Some(0) && said.stdout.contains("(deleted)"), "{said:?}");
    let said = testnet.run(&["state", "history", &key, "--at", "3"]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
}

async fn dry_runs_are_true(testnet: &mut Testnet) {
    let (one, two) = (key_of(testnet, 1, "dry").await, key_of(testnet, 2, "dry").await);
    testnet.put("n0", &one, "before").await;
    let said = testnet.run(&["tx", "put", &one, "after", "--dry-run"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.starts_with("would be committed"), "{said:?}");
    assert!(said.stdout.contains(&format!("writes {one} = after  (group 1)")), "{said:?}");
    assert_eq!(testnet.text_at("n0", &one).await.as_deref(), Some("before"), "nothing is changed");
    let words = ["tx", "append", &one, "x", "--dry-run", "--json"];
    let said = testnet.run(&words).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&document["submitted"], &document["simulated"]["status"]), (&json!(false), &json!("failed")));
    assert_eq!(document["simulated"]["result"]["reason"], "WRONG_TYPE");
    let checked =
        testnet.run(&["tx", "put", &one, "after", "--check", &format!("{one}=absent"), "--dry-run"]).await;
    assert!(checked.code == Some(1) && checked.stdout.contains("CHECK_FAILED"), "{checked:?}");

    // Across groups: the same outcome, values and reads as when it is run.
    let get = |key: &String| Op::Get { key: Key::from(key.as_str()) };
    let ops = vec![get(&one), put(&one, "both"), put(&two, "both"), get(&two)];
    let client = testnet.client("n1");
    let spanning = testnet.signed(ops);
    let tried = client.simulate(&spanning).await.unwrap();
    assert_eq!(client.simulate_unsigned(&spanning.transaction).await.unwrap().writes, tried.writes);
    assert_eq!((tried.status, tried.at.len()), (SimulatedState::Committed, 2), "{tried:?}");
    let status = client.submit(&spanning, Wait::Applied, PATIENCE).await.unwrap();
    let values = |reads: Vec<witan_testnet::rpc::ReadView>| {
        reads.into_iter().map(|read| (read.key, read.value)).collect::<Vec<_>>()
    };
    assert_eq!(values(tried.result.reads), values(status.result.unwrap().reads));
    for write in &tried.writes {
        let held = client.state(write.key.bytes(), witan_testnet::rpc::At::Latest, false).await.unwrap();
        assert_eq!((held.value, held.at.group), (write.value.clone(), write.group));
    }
    assert_eq!(tried.writes.len(), 2);
    assert_eq!(client.simulate(&spanning).await.unwrap().status, SimulatedState::Repeated);
    let wrong = vec![put(&one, "x"), Op::Append { key: Key::from(two.as_str()), item: vec![1] }];
    let tried = client.simulate(&testnet.signed(wrong)).await.unwrap();
    assert_eq!((tried.status, tried.result.reason.as_deref()), (SimulatedState::Aborted, Some("WRONG_TYPE")));
    assert!(tried.writes.is_empty());

    let mut forged = spanning;
    forged.transaction.salt += 1;
    let refused = client.simulate(&forged).await;
    assert!(matches!(refused, Err(ClientError::Rpc(RpcError::Rejected { .. }))), "{refused:?}");
}
