//! Several groups on the same nodes, each with its own engine and chain, that share the keys.

use crate::command::text;
use crate::network::{DEADLINE, Testnet, put, signal, text_of, until};
use futures::future::{join, join_all};
use nix::sys::signal::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use witan_testnet::rpc::server::ScanRange;
use witan_testnet::rpc::{At, GroupStatus, Order, Phase, TransactionState, ValueView, Wait};
use witan_types::{Account, GroupId, Hash, Height, Key, Op, SignedTransaction};

stories! {
    in_three_groups: [
        every_node_answers_for_the_keys_of_every_group,
        what_spans_groups_is_applied_in_all_of_them,
        strict_reads_at_the_same_time_share_transactions,
        what_fails_in_another_group_changes_nothing_in_any,
        transfers_between_groups_keep_the_total_through_the_death_of_a_node,
        a_killed_node_comes_back_in_every_group,
    ];
}

/// How many keys a story writes.
const KEYS: usize = 30;
/// How many transfers each client makes.
const TRANSFERS: usize = 150;
/// How many strict reads are under way at once.
const LOOKS: usize = 64;
/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes keys through each node in turn.
async fn write_keys(testnet: &Testnet, value: &str) -> BTreeMap<String, GroupId> {
    let mut homes = BTreeMap::new();
    for number in 0..KEYS {
        let key = format!("key/{number}");
        let status = testnet.put(&format!("n{}", number % 4), &key, value).await;
        homes.insert(key, status.group.unwrap());
    }
    homes
}

/// Waits until these nodes stand at the same sealed block in every group.
async fn agree_in_every_group(testnet: &Testnet, nodes: &[String]) {
    until("all nodes report the same sealed blocks in all groups", async || {
        let mut reports: Vec<Vec<(GroupId, Height, Height, Hash)>> = Vec::new();
        let point = |group: &GroupStatus| (group.group, group.height, group.sealed_height, group.state_root);
        for node in nodes {
            let status = testnet.client(node).status().await.ok()?;
            reports.push(status.groups.iter().map(point).collect());
        }
        let first = reports.first()?;
        let sealed = first.iter().all(|(_, height, sealed, _)| height == sealed);
        (sealed && first.len() == 4 && reports.iter().all(|report| report == first)).then_some(())
    })
    .await;
}

async fn every_node_answers_for_the_keys_of_every_group(testnet: &mut Testnet) {
    let homes = write_keys(testnet, "one").await;
    agree_in_every_group(testnet, &testnet.names()).await;
    for node in testnet.names() {
        let client = testnet.client(&node);
        let shards = client.shards().await.unwrap();
        let slots: u32 = shards
            .iter()
            .flat_map(|shard| &shard.slots)
            .map(|range| u32::from(range.last - range.first) + 1)
            .sum();
        assert_eq!((shards.len(), slots), (3, 4096));
        for (key, home) in &homes {
            assert_eq!(client.shard_of(key.as_bytes()).await.unwrap().group, *home, "{key}");
            let value = client.state(key.as_bytes(), At::Latest, false).await.unwrap();
            assert_eq!(value.at.group, *home, "{key} through {node}");
            assert_eq!(text_of(value.value).as_deref(), Some("one"), "{key} through {node}");
        }
        let keys: Vec<&String> = homes.keys().collect();
        let many = client.states(&keys, At::Latest).await.unwrap();
        assert_eq!((many.items.len(), many.at.len()), (KEYS, 3), "one place in each group");
        assert!(many.items.iter().all(|item| item.value.is_some()));
        assert_eq!(scanned(testnet, &node).await, homes, "through {node}");
    }
}

/// All keys of the story that a scan through a node finds, page by page, each with the group of its page.
async fn scanned(testnet: &Testnet, node: &str) -> BTreeMap<String, GroupId> {
    let (client, range) = (testnet.client(node), ScanRange::prefix(b"key/".to_vec()));
    let (mut found, mut cursor) = (BTreeMap::new(), None);
    loop {
        let page = client.scan(&range, 4, cursor, At::Latest).await.unwrap();
        for item in page.items {
            let key = String::from_utf8(item.key.into_bytes()).unwrap();
            assert_eq!(found.insert(key, page.at.group), None, "each key is found once");
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

/// One key of each group.
async fn one_key_each(testnet: &Testnet) -> BTreeMap<GroupId, String> {
    let client = testnet.client("n1");
    let mut keys = BTreeMap::new();
    for number in 0..KEYS {
        let key = format!("key/{number}");
        keys.entry(client.shard_of(key.as_bytes()).await.unwrap().group).or_insert(key);
    }
    assert_eq!(keys.len(), 3, "each group has some of the keys: {keys:?}");
    keys
}

/// Waits until no transaction holds a key in any group, as every node has executed.
async fn nothing_is_locked(testnet: &Testnet) {
    for node in testnet.names() {
        let client = testnet.client(&node);
        for group in [1, 2, 3].map(GroupId) {
            until(&format!("no lock is left in group {group} on {node}"), async || {
                let locks = client.locks(group, 1000, None).await.ok()?;
                locks.items.is_empty().then_some(())
            })
            .await;
        }
    }
}

async fn what_spans_groups_is_applied_in_all_of_them(testnet: &mut Testnet) {
    let keys = one_key_each(testnet).await;
    for node in testnet.names() {
        let client = testnet.client(&node);
        let ops = keys.values().map(|key| put(key, &node)).collect();
        let spanning = testnet.signed(ops);
        let status = client.submit(&spanning, Wait::Applied, PATIENCE).await.unwrap();
        assert_eq!((status.status, status.applied), (TransactionState::Committed, true), "{status:?}");
        let phases: Vec<(GroupId, Phase)> =
            status.phases.iter().map(|phase| (phase.group, phase.phase)).collect();
        let expected = [(1, Phase::Committed), (2, Phase::Applied), (3, Phase::Applied)];
        assert_eq!(phases, expected.map(|(group, phase)| (GroupId(group), phase)));
        assert!(status.phases.iter().all(|phase| phase.height.is_some()), "{status:?}");
        for key in keys.values() {
            assert_eq!(testnet.text_at(&node, key).await.as_deref(), Some(&*node), "{key}");
        }
        assert_eq!(client.submit(&spanning, Wait::Accepted, PATIENCE).await.unwrap().status, status.status);
        for other in testnet.names() {
            until(&format!("{other} has applied it too"), async || {
                let told = testnet.client(&other).transaction(spanning.id()).await.ok()?;
                (told.applied && told.phases == status.phases).then_some(())
            })
            .await;
            let strict = testnet.client(&other).strict_states(&keys.values().collect::<Vec<_>>()).await;
            let strict = strict.unwrap();
            assert_eq!(strict.at.len(), 1, "one moment");
            assert!(strict.items.into_iter().all(|item| text_of(item.value).as_deref() == Some(&*node)));
        }
    }
    nothing_is_locked(testnet).await;
    let read = testnet.run(&["state", "get", &keys[&GroupId(2)], "--strict"]).await;
    assert_eq!((read.code, read.stdout.as_str()), (Some(0), "n3\n"), "{read:?}");
    let locks = testnet.run(&["shard", "locks", "--group", "2", "--json"]).await.json();
    assert_eq!((&locks["items"], &locks["nextCursor"]), (&json!([]), &json!(null)));
}

/// All transactions in the blocks of all groups.
async fn transactions(testnet: &Testnet) -> usize {
    let (client, mut count) = (testnet.client("n0"), 0);
    for group in (1..=3).map(GroupId) {
        let mut cursor = None;
        loop {
            let page = client.blocks(group, None, Order::Asc, 100, cursor).await.unwrap();
            count += page.items.iter().map(|block| block.tx_count).sum::<usize>();
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    count
}

async fn strict_reads_at_the_same_time_share_transactions(testnet: &mut Testnet) {
    let keys: Vec<String> = one_key_each(testnet).await.into_values().collect();
    for key in &keys {
        testnet.put("n0", key, key).await;
    }
    let (client, before) = (testnet.client("n0"), transactions(testnet).await);
    let look = async |place: usize| {
        let mut keys = keys.clone();
        let first = place % keys.len();
        keys.rotate_left(first);
        let read = client.strict_states(&keys).await.unwrap();
        let values: Vec<_> = read.items.into_iter().map(|item| text_of(item.value)).collect();
        assert_eq!(values, keys.into_iter().map(Some).collect::<Vec<_>>(), "in the order of who asked");
    };
    join_all((0..LOOKS).map(look)).await;
    let made = transactions(testnet).await - before;
    assert!((1..=LOOKS / 2).contains(&made), "{LOOKS} reads in {made} transactions");
}

async fn what_fails_in_another_group_changes_nothing_in_any(testnet: &mut Testnet) {
    let keys = one_key_each(testnet).await;
    for key in keys.values() {
        testnet.put("n0", key, "before").await;
    }
    let append = |key: &String| Op::Append { key: Key::from(&**key), item: b"no list".to_vec() };
    let wrong =
        vec![put(&keys[&GroupId(1)], "after"), put(&keys[&GroupId(2)], "after"), append(&keys[&GroupId(3)])];
    let wrong = testnet.signed(wrong);
    let status = testnet.client("n1").submit(&wrong, Wait::Applied, PATIENCE).await.unwrap();
    assert_eq!((status.status, status.applied), (TransactionState::Aborted, true), "{status:?}");
    assert_eq!(status.result.unwrap().reason.as_deref(), Some("WRONG_TYPE"));
    assert_eq!((status.phases[0].group, status.phases[0].phase), (GroupId(1), Phase::Aborted));
    assert!(status.phases[1..].iter().all(|phase| phase.phase == Phase::Released), "{:?}", status.phases);
    nothing_is_locked(testnet).await;
    for node in testnet.names() {
        let again = testnet.client(&node).submit(&wrong, Wait::Committed, PATIENCE).await.unwrap();
        assert_eq!(
            again.status,
            TransactionState::Aborted,
            "the same bytes, the same status, through {node}"
        );
        for key in keys.values() {
            assert_eq!(testnet.text_at(&node, key).await.as_deref(), Some("before"), "{key} through {node}");
        }
    }
    let ops = json!([
        {"op": "put", "key": keys[&GroupId(2)], "value": "1"},
        {"op": "append", "key": keys[&GroupId(1)], "value": "2"},
    ]);
    let file = testnet.path("ops.json");
    std::fs::write(&file, ops.to_string()).unwrap();
    let said = testnet.run(&["tx", "send", "--file", text(&file), "--wait", "applied"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.starts_with("aborted: WRONG_TYPE in block "), "{said:?}");
    assert!(said.stdout.contains("\n  group 1: released in block "), "{said:?}");
}

/// Transfers between all accounts, each client one after another: those committed.
async fn transfers(testnet: &Testnet, node: &str, from: usize) -> Vec<SignedTransaction> {
    let accounts = testnet.network.description().accounts.len();
    let client = testnet.client(node);
    let mut open = Vec::new();
    for step in 1..=TRANSFERS {
        let to = Account(testnet.secret((from + step) % accounts).public());
        let amount = u128::try_from(step).unwrap();
        let transfer = testnet.unsigned(from, vec![Op::Transfer { to, amount }]).sign(&testnet.secret(from));
        match client.submit(&transfer, Wait::Committed, PATIENCE).await {
            Ok(status) => assert_eq!(status.status, TransactionState::Committed, "{status:?}"),
            Err(_) => {
                open.push(transfer);
                break;
            }
        }
    }
    open
}

/// The sum of all balances at one moment, as a node answers.
async fn total(testnet: &Testnet, node: &str) -> u128 {
    let issued = testnet.genesis().balances;
    let keys: Vec<Vec<u8>> = issued.iter().map(|issued| Key::balance_of(&issued.account).0).collect();
    let client = testnet.client(node);
    until(&format!("{node} reads all balances"), async || {
        let read = client.strict_states(&keys).await.ok()?;
        let balances = read.items.into_iter().map(|item| match item.value {
            Some(ValueView::Balance(balance)) => balance,
            other => panic!("{other:?} is no balance"),
        });
        Some(balances.sum())
    })
    .await
}

async fn transfers_between_groups_keep_the_total_through_the_death_of_a_node(testnet: &mut Testnet) {
    let issued: u128 = testnet.genesis().balances.iter().map(|issued| issued.balance).sum();
    assert_eq!(total(testnet, "n0").await, issued);
    let story: &Testnet = testnet;
    let clients = (0..8).map(|from| transfers(story, ["n0", "n1", "n2", "n3"][from % 4], from));
    let killer = async {
        let pid = story.network.pid("n2").unwrap();
        until("transfers are under way", async || {
            let status = story.client("n1").status().await.ok()?;
            let highest = status.groups.iter().map(|group| group.height).max();
            (highest >= Some(20)).then_some(())
        })
        .await;
        signal(pid, Signal::SIGKILL);
        total(story, "n3").await
    };
    let (open, in_between) = join(join_all(clients), killer).await;
    assert_eq!(in_between, issued, "while transfers are under way");
    let open: Vec<SignedTransaction> = open.into_iter().flatten().collect();
    println!("    {} clients of 8 were cut off", open.len());

    testnet.network.start("n2").unwrap();
    testnet.network.wait_answering(&["n2".to_owned()], DEADLINE).await.unwrap();
    for cut_off in &open {
        let status = testnet.client("n2").submit(cut_off, Wait::Applied, PATIENCE).await.unwrap();
        assert_eq!(status.status, TransactionState::Committed, "{status:?}");
    }
    for node in testnet.names() {
        assert_eq!(total(testnet, &node).await, issued, "through {node}");
    }
    nothing_is_locked(testnet).await;
    agree_in_every_group(testnet, &testnet.names()).await;
}

async fn a_killed_node_comes_back_in_every_group(testnet: &mut Testnet) {
    write_keys(testnet, "one").await;
    let pid = testnet.network.pid("n2").unwrap();
    signal(pid, Signal::SIGKILL);
    until("n2 is gone", async || (!testnet.network.is_running("n2")).then_some(())).await;
    for number in 0..KEYS {
        testnet.put(["n0", "n1", "n3"][number % 3], &format!("key/{number}"), "two").await;
    }
    testnet.network.start("n2").unwrap();
    testnet.network.wait_answering(&["n2".to_owned()], DEADLINE).await.unwrap();
    agree_in_every_group(testnet, &testnet.names()).await;
    for number in 0..KEYS {
        assert_eq!(testnet.text_at("n2", &format!("key/{number}")).await.as_deref(), Some("two"));
    }
}
