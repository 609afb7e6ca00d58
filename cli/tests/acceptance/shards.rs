//! Several groups on the same nodes, each with its own engine and chain, that share the keys.

use crate::network::{DEADLINE, Testnet, put, signal, text_of, until};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::time::Duration;
use witan_testnet::rpc::server::ScanRange;
use witan_testnet::rpc::{At, GroupStatus, Wait};
use witan_types::{GroupId, Hash, Height};

stories! {
    in_three_groups: [
        every_node_answers_for_the_keys_of_every_group,
        what_spans_groups_is_refused_and_what_does_not_is_not,
        a_killed_node_comes_back_in_every_group,
    ];
}

/// How many keys a story writes.
const KEYS: usize = 30;

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
        (sealed && first.len() == 3 && reports.iter().all(|report| report == first)).then_some(())
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

async fn what_spans_groups_is_refused_and_what_does_not_is_not(testnet: &mut Testnet) {
    let client = testnet.client("n1");
    let mut homes: BTreeMap<GroupId, Vec<String>> = BTreeMap::new();
    for number in 0..KEYS {
        let key = format!("key/{number}");
        homes.entry(client.shard_of(key.as_bytes()).await.unwrap().group).or_default().push(key);
    }
    assert_eq!(homes.len(), 3, "each group has some of the keys: {homes:?}");
    let wait = Duration::from_secs(60);
    let spanning = testnet.signed(homes.values().map(|keys| put(&keys[0], "both")).collect());
    let refusal = client.submit(&spanning, Wait::Committed, wait).await.unwrap_err();
    assert_eq!(refusal.rpc().unwrap().reason(), "SEVERAL_GROUPS");
    for (group, keys) in &homes {
        let within = testnet.signed(keys.iter().map(|key| put(key, "together")).collect());
        let status = client.submit(&within, Wait::Sealed, wait).await.unwrap();
        assert_eq!((status.group, status.sealed), (Some(*group), true));
        assert_eq!(testnet.client("n1").transaction(within.id()).await.unwrap().group, Some(*group));
    }
    // Keys with the same part in braces are in one group, whatever else is in them.
    let braced = (0..8).map(|number| put(&format!("{number}/{{order-7}}"), "one order")).collect();
    client.submit(&testnet.signed(braced), Wait::Committed, wait).await.unwrap();
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
