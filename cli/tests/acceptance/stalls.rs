//! Ten ways in which a network comes to a halt, or seems to: each is staged on real processes, and nodes and `witan explain`
//! must say what it is, whom it concerns and what would fix it; and once it is healed, that all is well.

use crate::http::get;
use crate::network::{DEADLINE, GROUP, Testnet, put, until};
use std::time::Duration;
use witan_testnet::rpc::{
    CutDirection, ExplainedGroup, Explanation, FaultEffect, Finding, RpcError, TransactionState, Wait,
};
use witan_types::GroupId;

/// Makes a test of each story under HotStuff: what is told does not depend on the engine.
macro_rules! stalls {
    ($($way:ident: [$($story:ident),+ $(,)?]);+ $(;)?) => {
        mod hotstuff {
            $($(
                #[test]
                fn $story() {
                    crate::network::$way(witan_types::EngineKind::HotStuff, super::$story);
                }
            )+)+
        }
    };
}

stalls! {
    on_four_validators: [
        a_dead_leader_is_named_and_costs_a_time_out_only,
        two_dead_of_four_are_named_with_the_command_that_starts_them,
        a_partition_is_told_on_both_sides,
        a_clock_that_is_off_is_told_by_its_node_and_by_the_others,
        a_slow_disk_is_told_by_its_node,
        a_node_that_catches_up_says_how_far_it_is,
        a_node_with_another_genesis_says_so_and_is_named_by_the_others,
        a_full_mempool_is_told_with_what_keeps_it_full,
    ];
    in_groups_of_some_nodes: [
        a_group_without_a_quorum_is_told_apart_from_one_that_works,
        a_locked_key_is_told_with_those_who_keep_it_locked,
    ];
}

/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the first sentence names all of these.
fn names_first(text: &str, nodes: &[&str]) -> bool {
    let first = text.split(". ").next().unwrap();
    nodes.iter().all(|node| first.contains(node))
}

async fn explanation(testnet: &Testnet, node: &str) -> Option<Explanation> {
    testnet.client(node).explain().await.ok()
}

/// Waits until a node finds this about these nodes, and checks its words.
async fn finds(testnet: &Testnet, node: &str, reason: &str, nodes: &[&str]) -> Finding {
    let found = until(&format!("{node} finds {reason} of {nodes:?}"), async || {
        let explanation = explanation(testnet, node).await?;
        assert!(!explanation.summary.is_empty());
        let mut found = explanation.findings.into_iter();
        found.find(|finding| finding.reason == reason && finding.nodes == nodes)
    })
    .await;
    assert!(names_first(&found.text, nodes) && !found.fix.is_empty(), "{found:?}");
    found
}

/// Waits until a node's paragraph begins with these nodes.
async fn begins_with(testnet: &Testnet, node: &str, nodes: &[&str]) {
    until(&format!("{node}'s first sentence names {nodes:?}"), async || {
        names_first(&explanation(testnet, node).await?.summary, nodes).then_some(())
    })
    .await;
}

/// Waits until `/readyz` of a node is 503 with this reason, and details beside it.
async fn is_not_ready(testnet: &Testnet, node: &str, reason: &str) {
    let rpc = testnet.network.node(node).unwrap().rpc.clone();
    until(&format!("{node} is not ready: {reason}"), async || {
        let answer = get(&rpc, "/readyz").await;
        let listed = answer.body["reasons"].as_array()?.contains(&reason.into());
        let details = answer.body["details"].as_array()?.len();
        (answer.status == 503 && listed && details > 0).then_some(())
    })
    .await;
}

async fn is_ready(testnet: &Testnet, node: &str) {
    let rpc = testnet.network.node(node).unwrap().rpc.clone();
    until(&format!("{node} is ready"), async || {
        let answer = get(&rpc, "/readyz").await;
        (answer.status == 200).then(|| assert_eq!(answer.body["details"], serde_json::json!([])))
    })
    .await;
}

/// What `witan explain` says of the whole network.
async fn told(testnet: &Testnet) -> String {
    let said = testnet.run(&["explain"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    println!("    {}", said.stdout.trim());
    said.stdout
}

/// Waits until every node is ready, makes progress and finds none of these any more, and the network commits.
async fn is_well_again(testnet: &Testnet, reasons: &[&str]) {
    for node in testnet.names() {
        is_ready(testnet, &node).await;
        until(&format!("{node} is well again"), async || {
            let explanation = explanation(testnet, &node).await?;
            let gone = explanation.findings.iter().all(|finding| !reasons.contains(&finding.reason.as_str()));
            (gone && explanation.ready && explanation.progressing).then_some(())
        })
        .await;
    }
    if testnet.names().len() < 6 {
        testnet.goes_on(reasons[0]).await;
    } else {
        // Not every node is in every group.
        for node in testnet.names() {
            for key in keys(testnet, "after").await {
                testnet.put(&node, &key, reasons[0]).await;
            }
        }
    }
}

fn user_group(explanation: &Explanation) -> &ExplainedGroup {
    explanation.groups.iter().find(|group| group.group == GROUP).unwrap()
}

async fn a_dead_leader_is_named_and_costs_a_time_out_only(testnet: &mut Testnet) {
    let explained = explanation(testnet, "n0").await.unwrap();
    let leader = user_group(&explained).leader.clone().unwrap();
    testnet.network.kill(&leader).await.unwrap();
    let names = testnet.names();
    let other = names.iter().find(|name| **name != leader).unwrap();
    // Its turn may have passed before it died: it comes again.
    until(&format!("{leader} leads and is dead"), async || {
        let explanation = explanation(testnet, other).await?;
        let found = explanation.findings.iter().find(|finding| finding.reason == "DEAD_LEADER");
        match found {
            Some(found) => {
                assert_eq!(found.nodes, [leader.as_str()]);
                assert!(
                    found.text.contains("leads group") && found.fix.contains("witan testnet start"),
                    "{found:?}"
                );
                assert!(names_first(&explanation.summary, &[&leader]), "{}", explanation.summary);
                assert!(user_group(&explanation).missing.contains(&leader));
                Some(())
            }
            None => {
                testnet.put(other, "on", "to the next view").await;
                None
            }
        }
    })
    .await;
    is_ready(testnet, other).await;
    testnet.put(other, "without", "the leader").await;
    let text = told(testnet).await;
    assert!(text.starts_with(&format!("{leader} doesn't answer; every group still has")), "{text}");
    assert!(text.contains(&format!("`witan testnet start {leader}`")), "{text}");
    testnet.network.start(&leader).unwrap();
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    is_well_again(testnet, &["DEAD_LEADER", "VALIDATOR_DOWN"]).await;
}

async fn two_dead_of_four_are_named_with_the_command_that_starts_them(testnet: &mut Testnet) {
    for node in ["n2", "n3"] {
        testnet.network.kill(node).await.unwrap();
    }
    for node in ["n0", "n1"] {
        is_not_ready(testnet, node, "NO_QUORUM").await;
        let found = finds(testnet, node, "NO_QUORUM", &["n2", "n3"]).await;
        assert!(found.text.contains("groups 0 and 1 have 2 of the 3 validators"), "{found:?}");
        assert!(
            found.fix.contains("`witan testnet start n2 n3`") && found.fix.contains("1 more is enough"),
            "{found:?}"
        );
        begins_with(testnet, node, &["n2", "n3"]).await;
        assert!(!explanation(testnet, node).await.unwrap().progressing);
    }
    let text = told(testnet).await;
    assert!(
        text.starts_with("n2 and n3 don't answer, so groups 0 and 1 have 2 of the 3 votes they need"),
        "{text}"
    );
    let document = testnet.run(&["explain", "--json"]).await.json();
    let nodes = document["nodes"].as_array().unwrap();
    let answering: Vec<bool> = nodes.iter().map(|node| node["answers"].as_bool().unwrap()).collect();
    assert_eq!(answering, [true, true, false, false]);
    assert_eq!(nodes[0]["explanation"]["findings"][0]["reason"], "NO_QUORUM");
    let rpc = testnet.network.node("n0").unwrap().rpc.clone();
    let one = testnet.run(&["explain", "--rpc", &rpc]).await;
    assert!(one.stdout.starts_with("n2 and n3 can't be reached from n0"), "{one:?}");

    testnet.network.kill_all().await.unwrap();
    let text = told(testnet).await;
    assert!(
        text.starts_with("n0, n1, n2 and n3 don't run, so nothing happens: `witan testnet up`"),
        "{text}"
    );
    let gone = testnet.run(&["explain", "--rpc", &rpc]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
    testnet.network.start_all().unwrap();
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    is_well_again(testnet, &["NO_QUORUM"]).await;
}

async fn a_partition_is_told_on_both_sides(testnet: &mut Testnet) {
    let drop = ["n0", "n1", "n2"].map(str::to_owned).to_vec();
    let cut = FaultEffect::Network { drop: drop.clone(), direction: CutDirection::Both };
    let id = testnet.client("n3").set_fault(cut, Some(10 * PATIENCE)).await.unwrap();
    is_not_ready(testnet, "n3", "NO_QUORUM").await;
    finds(testnet, "n3", "NO_QUORUM", &["n0", "n1", "n2"]).await;
    begins_with(testnet, "n3", &["n0", "n1", "n2"]).await;
    finds(testnet, "n3", "FAULT", &["n3"]).await;
    for node in &drop {
        is_ready(testnet, node).await;
        begins_with(testnet, node, &["n3"]).await;
        testnet.put(node, "in the majority", node).await;
    }
    let text = told(testnet).await;
    assert!(text.starts_with("n3 answers but can't reach n0, n1 and n2, though those answer too"), "{text}");
    let staged = testnet.client("n3").faults().await.unwrap();
    assert_eq!((staged.len(), staged[0].id), (1, id));
    let FaultEffect::Network { drop: mut cut, direction } = staged[0].effect.clone() else {
        panic!("{staged:?}")
    };
    cut.sort_unstable();
    assert_eq!((cut, direction), (drop, CutDirection::Both));
    assert!(staged[0].ends_in_ms.is_some());
    assert_eq!(testnet.client("n3").clear_faults(Some(id)).await.unwrap(), [id]);
    is_well_again(testnet, &["NO_QUORUM", "VALIDATOR_DOWN", "DEAD_LEADER", "FAULT"]).await;
    let unknown = FaultEffect::Network { drop: vec!["n9".into()], direction: CutDirection::In };
    let refused = testnet.client("n3").set_fault(unknown, None).await.unwrap_err();
    assert!(refused.to_string().contains("n9"), "{refused}");
}

async fn a_clock_that_is_off_is_told_by_its_node_and_by_the_others(testnet: &mut Testnet) {
    let ahead = FaultEffect::Clock { offset_ms: 60_000 };
    testnet.client("n1").set_fault(ahead, None).await.unwrap();
    is_not_ready(testnet, "n1", "CLOCK_SKEW").await;
    let own = finds(testnet, "n1", "CLOCK_SKEW", &["n1"]).await;
    assert!(own.text.contains("ahead of those of n0, n2 and n3") && own.fix.contains("NTP"), "{own:?}");
    begins_with(testnet, "n1", &["n1"]).await;
    let others = finds(testnet, "n0", "CLOCK_SKEW", &["n1"]).await;
    assert!(others.text.contains("ahead of n0's"), "{others:?}");
    begins_with(testnet, "n0", &["n1"]).await;
    is_ready(testnet, "n0").await;
    let text = told(testnet).await;
    assert!(names_first(&text, &["n1"]) && text.contains("clock"), "{text}");
    testnet.client("n1").clear_faults(None).await.unwrap();
    is_well_again(testnet, &["CLOCK_SKEW", "FAULT"]).await;
}

async fn a_slow_disk_is_told_by_its_node(testnet: &mut Testnet) {
    testnet.client("n2").set_fault(FaultEffect::Disk { delay_ms: 2_500 }, None).await.unwrap();
    let found = until("n2 finds that its disk is slow", async || {
        testnet.put("n0", "makes", "n2 sync").await;
        let explanation = explanation(testnet, "n2").await?;
        explanation.findings.into_iter().find(|finding| finding.reason == "SLOW_DISK")
    })
    .await;
    assert_eq!(found.nodes, ["n2"]);
    assert!(found.text.starts_with("n2's disk is slow: ") && found.fix.contains("n2's disk"), "{found:?}");
    begins_with(testnet, "n2", &["n2"]).await;
    is_ready(testnet, "n2").await;
    let text = told(testnet).await;
    assert!(names_first(&text, &["n2"]) && text.contains("disk is slow"), "{text}");
    testnet.client("n2").clear_faults(None).await.unwrap();
    until("n2's disk is well again", async || {
        testnet.put("n0", "makes", "n2 sync fast").await;
        let explanation = explanation(testnet, "n2").await?;
        explanation.findings.iter().all(|finding| finding.reason != "SLOW_DISK").then_some(())
    })
    .await;
    is_well_again(testnet, &["FAULT"]).await;
}

async fn a_node_that_catches_up_says_how_far_it_is(testnet: &mut Testnet) {
    let follower = testnet.network.add_follower().unwrap();
    testnet.network.start(&follower).unwrap();
    testnet.agreement(&testnet.names()).await;
    // It hears of blocks, and can't ask for them.
    let drop = ["n0", "n1", "n2", "n3"].map(str::to_owned).to_vec();
    let deaf = FaultEffect::Network { drop, direction: CutDirection::Out };
    testnet.client(&follower).set_fault(deaf, None).await.unwrap();
    until("the follower is behind and says so", async || {
        testnet.put("n0", "behind its back", "a block more").await;
        let explanation = explanation(testnet, &follower).await?;
        explanation.findings.iter().any(|finding| finding.reason == "SYNCING").then_some(())
    })
    .await;
    is_not_ready(testnet, &follower, "SYNCING").await;
    let found = finds(testnet, &follower, "SYNCING", &[&follower]).await;
    assert!(found.text.contains("it has sealed block") && found.fix.contains("Wait"), "{found:?}");
    begins_with(testnet, &follower, &[&follower]).await;
    is_ready(testnet, "n0").await;
    let text = told(testnet).await;
    assert!(names_first(&text, &[&follower]) && text.contains("is catching up"), "{text}");
    testnet.client(&follower).clear_faults(None).await.unwrap();
    testnet.agreement(&testnet.names()).await;
    is_well_again(testnet, &["SYNCING", "FAULT"]).await;
}

async fn a_node_with_another_genesis_says_so_and_is_named_by_the_others(testnet: &mut Testnet) {
    // Every node has signed something, so that what it keeps of that is there to be put aside.
    testnet.goes_on("the start").await;
    testnet.network.stop("n3").await.unwrap();
    let home = testnet.network.node("n3").unwrap().home.clone();
    let (genesis, kept) = (home.join("genesis.json"), testnet.path("kept"));
    let right = std::fs::read_to_string(&genesis).unwrap();
    let wrong = right.replacen("\"idleIntervalMs\": 10000", "\"idleIntervalMs\": 10001", 1);
    assert_ne!(right, wrong);
    std::fs::write(&genesis, wrong).unwrap();
    std::fs::create_dir(&kept).unwrap();
    let aside = ["data", "signed"];
    aside.iter().for_each(|folder| std::fs::rename(home.join(folder), kept.join(folder)).unwrap());
    testnet.network.start("n3").unwrap();
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();

    is_not_ready(testnet, "n3", "WRONG_GENESIS").await;
    let own = finds(testnet, "n3", "WRONG_GENESIS", &["n3"]).await;
    assert!(
        own.text.starts_with("n3 runs another genesis than") && own.fix.contains("genesis.json"),
        "{own:?}"
    );
    begins_with(testnet, "n3", &["n3"]).await;
    let theirs = finds(testnet, "n0", "WRONG_GENESIS", &["n3"]).await;
    assert!(theirs.text.contains("127.0.0.1:") && theirs.fix.contains("genesis.json"), "{theirs:?}");
    is_ready(testnet, "n0").await;
    let text = told(testnet).await;
    assert!(names_first(&text, &["n3"]) && text.contains("runs another genesis than"), "{text}");

    testnet.network.stop("n3").await.unwrap();
    std::fs::write(&genesis, right).unwrap();
    for folder in aside {
        std::fs::remove_dir_all(home.join(folder)).ok();
        std::fs::rename(kept.join(folder), home.join(folder)).unwrap();
    }
    testnet.network.start("n3").unwrap();
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    is_well_again(testnet, &["WRONG_GENESIS", "NO_QUORUM"]).await;
}

async fn a_full_mempool_is_told_with_what_keeps_it_full(testnet: &mut Testnet) {
    const ROOM: usize = 4;
    let config = testnet.network.node("n0").unwrap().home.join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let small = text
        .replace("max_transactions = 100000", &format!("max_transactions = {ROOM}"))
        .replace("max_per_signer = 20000", &format!("max_per_signer = {ROOM}"));
    let small = if small == text {
        format!("{text}\n[mempool]\nmax_transactions = {ROOM}\nmax_per_signer = {ROOM}\n")
    } else {
        small
    };
    std::fs::write(&config, small).unwrap();
    testnet.network.restart("n0").await.unwrap();
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    for node in ["n2", "n3"] {
        testnet.network.kill(node).await.unwrap();
    }
    is_not_ready(testnet, "n0", "NO_QUORUM").await;
    let client = testnet.client("n0");
    for number in 0..ROOM {
        let tx = testnet.signed(vec![put("waits", &number.to_string())]);
        let status = client.submit(&tx, Wait::Accepted, PATIENCE).await.unwrap();
        assert_eq!(status.status, TransactionState::Accepted);
    }
    let tx = testnet.unsigned(1, vec![put("finds", "no room")]).sign(&testnet.secret(1));
    let refused = client.submit(&tx, Wait::Accepted, PATIENCE).await.unwrap_err();
    assert!(matches!(refused.rpc(), Some(RpcError::MempoolFull { .. })), "{refused:?}");
    is_not_ready(testnet, "n0", "MEMPOOL_FULL").await;
    let found = finds(testnet, "n0", "MEMPOOL_FULL", &["n0"]).await;
    assert!(found.text.contains("4 of 4 transactions wait"), "{found:?}");
    assert_eq!(found.fix, "It empties once group 1 makes blocks again.");
    begins_with(testnet, "n0", &["n2", "n3"]).await;
    let text = told(testnet).await;
    assert!(text.contains("n0's mempool of group 1 is full"), "{text}");
    for node in ["n2", "n3"] {
        testnet.network.start(node).unwrap();
    }
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    is_well_again(testnet, &["MEMPOOL_FULL", "NO_QUORUM"]).await;
    assert!(testnet.text_at("n0", "waits").await.is_some(), "what waited is not lost");
}

/// A key of each group.
async fn keys(testnet: &Testnet, name: &str) -> [String; 2] {
    let client = testnet.client("n2");
    let mut keys = [None, None];
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

async fn a_group_without_a_quorum_is_told_apart_from_one_that_works(testnet: &mut Testnet) {
    let [works, stopped] = keys(testnet, "key").await;
    for node in ["n4", "n5"] {
        testnet.network.kill(node).await.unwrap();
    }
    is_not_ready(testnet, "n2", "GROUP_WITHOUT_QUORUM").await;
    let found = finds(testnet, "n2", "GROUP_WITHOUT_QUORUM", &["n4", "n5"]).await;
    assert_eq!(found.group, Some(GroupId(2)));
    assert!(found.text.contains("group 2 has 2 of the 3 validators"), "{found:?}");
    begins_with(testnet, "n2", &["n4", "n5"]).await;
    let elsewhere = finds(testnet, "n0", "GROUP_WITHOUT_QUORUM", &["n4", "n5"]).await;
    assert!(elsewhere.text.contains("group 2, which n0 does not host"), "{elsewhere:?}");
    is_ready(testnet, "n0").await;
    testnet.put("n0", &works, "all the same").await;
    let waits = testnet.signed(vec![put(&stopped, "waits")]);
    testnet.client("n2").submit(&waits, Wait::Accepted, PATIENCE).await.unwrap();
    let text = told(testnet).await;
    assert!(text.starts_with("n4 and n5 don't answer, so group 2 has 2 of the 3 votes it needs"), "{text}");
    for node in ["n4", "n5"] {
        testnet.network.start(node).unwrap();
    }
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    is_well_again(testnet, &["GROUP_WITHOUT_QUORUM", "VALIDATOR_DOWN"]).await;
}

async fn a_locked_key_is_told_with_those_who_keep_it_locked(testnet: &mut Testnet) {
    let [locked, coordinated] = keys(testnet, "key").await;
    // Group 1 stops, so that it is asked and does not answer; then group 2, which asks, and can't decide any more.
    for node in ["n0", "n1"] {
        testnet.network.kill(node).await.unwrap();
    }
    let spanning = testnet.signed(vec![put(&coordinated, "decides"), put(&locked, "waits")]);
    let client = testnet.client("n2");
    client.submit(&spanning, Wait::Accepted, PATIENCE).await.unwrap();
    until("group 2 has asked", async || {
        let status = client.transaction(spanning.id()).await.ok()?;
        (status.status == TransactionState::Pending).then_some(())
    })
    .await;
    for node in ["n4", "n5"] {
        testnet.network.kill(node).await.unwrap();
    }
    for node in ["n0", "n1"] {
        testnet.network.start(node).unwrap();
    }
    for node in ["n0", "n2"] {
        let found = finds(testnet, node, "LOCKED_KEY", &["n4", "n5"]).await;
        assert_eq!(found.group, Some(GROUP));
        assert!(
            found.text.contains(&format!("\"{locked}\"")) && found.fix.contains("start n4 n5"),
            "{found:?}"
        );
        begins_with(testnet, node, &["n4", "n5"]).await;
    }
    is_ready(testnet, "n0").await;
    is_not_ready(testnet, "n2", "GROUP_WITHOUT_QUORUM").await;
    let text = told(testnet).await;
    assert!(names_first(&text, &["n4", "n5"]) && text.contains("locked since block"), "{text}");
    for node in ["n4", "n5"] {
        testnet.network.start(node).unwrap();
    }
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    is_well_again(testnet, &["LOCKED_KEY", "GROUP_WITHOUT_QUORUM"]).await;
    let locks = testnet.client("n0").locks(GROUP, 10, None).await.unwrap();
    assert_eq!(locks.items, [], "decided, and free");
}
