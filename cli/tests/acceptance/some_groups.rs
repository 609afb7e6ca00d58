//! Nodes that are each in some of the groups only: any of them answers for every key.

use crate::command::text;
use crate::network::{DEADLINE, Testnet, put, signal, text_of, until};
use nix::sys::signal::Signal;
use std::time::Duration;
use witan_testnet::rpc::{At, ManyValues, Phase, TransactionDetail, TransactionState, ValueView, Wait};
use witan_types::{Account, GroupId, Key, Op};

stories! {
    in_groups_of_some_nodes: [
        every_node_answers_for_every_key_and_takes_every_transaction,
        what_a_node_lacks_it_says_who_has,
        the_death_of_a_member_of_both_groups_keeps_nothing_from_anyone,
    ];
}

/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);
const GROUPS: [GroupId; 2] = [GroupId(1), GroupId(2)];

/// A key of each group.
async fn keys(testnet: &Testnet, name: &str) -> [String; 2] {
    let client = testnet.client("n0");
    let mut keys = GROUPS.map(|_| None);
    for number in 0.. {
        let key = format!("{name}/{number}");
        let group = client.shard_of(key.as_bytes()).await.unwrap().group;
        keys[group.0 as usize - 1].get_or_insert(key);
        if let [Some(one), Some(other)] = &keys {
            return [one.clone(), other.clone()];
        }
    }
    unreachable!("some number leads to each group")
}

/// The places of two development accounts, one whose balance each group holds.
async fn accounts(testnet: &Testnet) -> [usize; 2] {
    let client = testnet.client("n0");
    let mut places = GROUPS.map(|_| None);
    for place in 0..testnet.network.description().accounts.len() {
        let balance = Key::balance_of(&Account(testnet.secret(place).public()));
        let group = client.shard_of(&balance.0).await.unwrap().group;
        places[group.0 as usize - 1].get_or_insert(place);
    }
    places.map(|place| place.expect("one of ten accounts is in each group"))
}

/// Waits until a node answers this value for a key.
async fn reads(testnet: &Testnet, node: &str, key: &str, value: &str) {
    until(&format!("{node} reads {key} = {value}"), async || {
        let read = testnet.client(node).state(key.as_bytes(), At::Latest, false).await.ok()?;
        (text_of(read.value).as_deref() == Some(value)).then_some(())
    })
    .await;
}

/// Puts a key of each group through a node and reads both through all of these.
async fn puts_and_reads(testnet: &Testnet, node: &str, readers: &[String]) {
    for key in keys(testnet, "plain").await {
        testnet.put(node, &key, node).await;
        for reader in readers {
            reads(testnet, reader, &key, node).await;
        }
    }
}

/// Reads strictly through a node. A busy machine may miss the time that such a read has.
async fn strictly<K: AsRef<[u8]>>(testnet: &Testnet, node: &str, keys: &[K]) -> ManyValues {
    let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
    until(&format!("{node} reads strictly"), async || testnet.client(node).strict_states(&keys).await.ok())
        .await
}

async fn balance(testnet: &Testnet, node: &str, place: usize) -> u128 {
    let account = Account(testnet.secret(place).public());
    let read = strictly(testnet, node, &[Key::balance_of(&account).0]).await;
    match read.items[0].value {
        Some(ValueView::Balance(balance)) => balance,
        ref other => panic!("{other:?} is no balance"),
    }
}

/// Transfers from the account of each group to that of the other one, through a node.
async fn transfers_both_ways(testnet: &Testnet, node: &str) {
    let places = accounts(testnet).await;
    for (from, to) in [(places[0], places[1]), (places[1], places[0])] {
        let before = balance(testnet, node, to).await;
        let payee = Account(testnet.secret(to).public());
        let transfer = testnet.unsigned(from, vec![Op::Transfer { to: payee, amount: 7 }]);
        let transfer = transfer.sign(&testnet.secret(from));
        let status = testnet.client(node).submit(&transfer, Wait::Applied, PATIENCE).await.unwrap();
        assert_eq!((status.status, status.applied), (TransactionState::Committed, true), "{status:?}");
        let phases: Vec<Phase> = status.phases.iter().map(|phase| phase.phase).collect();
        assert_eq!(phases, [Phase::Committed, Phase::Applied], "through {node}");
        assert_eq!(balance(testnet, node, to).await, before + 7, "through {node}");
    }
}

async fn every_node_answers_for_every_key_and_takes_every_transaction(testnet: &mut Testnet) {
    for node in testnet.names() {
        let hosted: Vec<GroupId> =
            testnet.status(&node).await.groups.iter().map(|group| group.group).collect();
        let expected: &[GroupId] = match &*node {
            "n0" | "n1" => &GROUPS[..1],
            "n2" | "n3" => &GROUPS,
            _ => &GROUPS[1..],
        };
        let hosted: Vec<GroupId> = hosted.into_iter().filter(|group| *group != GroupId(0)).collect();
        assert_eq!(hosted, expected, "{node}");
        puts_and_reads(testnet, &node, &testnet.names()).await;
        transfers_both_ways(testnet, &node).await;
    }
    let both = keys(testnet, "spanning").await;
    for node in testnet.names() {
        let client = testnet.client(&node);
        let spanning = testnet.signed(both.iter().map(|key| put(key, &node)).collect());
        let status = client.submit(&spanning, Wait::Applied, PATIENCE).await.unwrap();
        assert_eq!(status.status, TransactionState::Committed, "{status:?}");
        for other in testnet.names() {
            let strict = strictly(testnet, &other, &both).await;
            assert!(strict.items.into_iter().all(|item| text_of(item.value).as_deref() == Some(&*node)));
            until(&format!("{other} tells of the end"), async || {
                let told = testnet.client(&other).transaction(spanning.id()).await.ok()?;
                (told.status == TransactionState::Committed && told.applied && told.sealed).then_some(())
            })
            .await;
        }
        let again = client.submit(&spanning, Wait::Accepted, PATIENCE).await.unwrap();
        assert_eq!(again.status, TransactionState::Committed, "the same bytes, the same status");
        let many = client.states(&both, At::Latest).await.unwrap();
        assert_eq!((many.items.len(), many.at.len()), (2, 2), "one place in each group");
    }
}

async fn what_a_node_lacks_it_says_who_has(testnet: &mut Testnet) {
    let both = keys(testnet, "proved").await;
    for key in &both {
        testnet.put("n2", key, "for all to check").await;
        reads(testnet, "n0", key, "for all to check").await;
        reads(testnet, "n5", key, "for all to check").await;
    }
    let proofs = [("n0", 1), ("n5", 0)];
    for (node, place) in proofs {
        let client = testnet.client(node);
        let proved = client.state(both[place].as_bytes(), At::Latest, true).await.unwrap();
        let again = client.state(both[place].as_bytes(), At::Height(proved.at.height), true).await;
        assert_eq!(again.unwrap().at, proved.at);
        let future = client.state(both[place].as_bytes(), At::Height(1 << 40), false).await.unwrap_err();
        assert!(future.to_string().contains("has not reached that height"), "{future}");
        let rpc = testnet.network.node(node).unwrap().rpc.clone();
        let told = testnet.run(&["state", "get", &both[place], "--prove", "--json", "--rpc", &rpc]).await;
        let file = testnet.path("proof.json");
        std::fs::write(&file, &told.stdout).unwrap();
        assert_eq!(testnet.run(&["verify", text(&file), "--json"]).await.json()["verified"], true);
        assert_eq!(client.shards().await.unwrap().iter().filter(|shard| shard.group.0 > 0).count(), 2);

        // A slot or an outcome is proved by who hosts all of it.
        let group = GROUPS[place];
        let slot = client.shard_of(both[place].as_bytes()).await.unwrap().slot;
        let slot = client.slot(slot, At::Sealed, true).await.unwrap_err().to_string();
        assert!(slot.contains(&format!("group {group} is not hosted by this node")), "{slot}");
        let ended = testnet.put("n2", &both[place], "for all to check").await.tx_id;
        until("the node knows how it ended, and who hosts all of it", async || {
            let ended = client.proved_transaction(ended).await.unwrap_err().to_string();
            ended.contains(&format!("group {group} is not hosted by this node")).then_some(())
        })
        .await;
        let block = client.block(group, At::Latest, TransactionDetail::None).await.unwrap_err().to_string();
        let hosts = if place == 0 { "n0, n1, n2, n3" } else { "n2, n3, n4, n5" };
        assert!(
            block.contains(&format!("group {group} is not hosted by this node, but by {hosts}")),
            "{block}"
        );
    }
    let unknown = testnet.signed(vec![put(&both[1], "never sent")]).id();
    let told = testnet.client("n0").transaction(unknown).await.unwrap();
    assert_eq!(told.status, TransactionState::Unknown);
}

async fn the_death_of_a_member_of_both_groups_keeps_nothing_from_anyone(testnet: &mut Testnet) {
    puts_and_reads(testnet, "n0", &testnet.names()).await;
    let open = keys(testnet, "open").await;
    signal(testnet.network.pid("n3").unwrap(), Signal::SIGKILL);
    until("n3 is gone", async || (!testnet.network.is_running("n3")).then_some(())).await;
    let left: Vec<String> = testnet.names().into_iter().filter(|name| name != "n3").collect();
    for node in ["n0", "n5"] {
        puts_and_reads(testnet, node, &left).await;
        transfers_both_ways(testnet, node).await;
        for key in &open {
            // Taken in only; that it was handed over shows in its coming.
            let put = testnet.signed(vec![put(key, node)]);
            testnet.client(node).submit(&put, Wait::Accepted, PATIENCE).await.unwrap();
            reads(testnet, node, key, node).await;
        }
    }
    testnet.network.start("n3").unwrap();
    testnet.network.wait_answering(&["n3".to_owned()], DEADLINE).await.unwrap();
    puts_and_reads(testnet, "n3", &testnet.names()).await;
    transfers_both_ways(testnet, "n4").await;
}
