//! A node without a vote: it follows, serves and relays.

use crate::command::{run, text, witan};
use crate::network::{DEADLINE, GROUP, Testnet, put, signal, text_of, until};
use nix::sys::signal::Signal;
use std::time::Duration;
use witan_testnet::rpc::{At, Client, TransactionState, Wait};
use witan_types::EngineKind;

stories! {
    from_nothing: [a_permissioned_network_takes_in_the_followers_that_its_genesis_lists];
    on_four_validators: [
        a_follower_joins_late_takes_transactions_and_reports_the_same_sealed_root,
        a_follower_that_was_away_catches_up,
        whoever_has_the_genesis_file_can_join_by_hand,
    ];
}

async fn a_follower_joins_late_takes_transactions_and_reports_the_same_sealed_root(testnet: &mut Testnet) {
    for round in 0..40 {
        testnet.put(&format!("n{}", round % 4), &format!("history/{round}"), "told before it joined").await;
    }
    let follower = testnet.network.add_follower().unwrap();
    testnet.network.start(&follower).unwrap();
    testnet.network.wait_answering(std::slice::from_ref(&follower), DEADLINE).await.unwrap();
    let nodes = testnet.names();
    assert_eq!((nodes.len(), nodes.last()), (5, Some(&follower)));
    testnet.agreement(&nodes).await;
    assert_eq!(testnet.status(&follower).await.validator, None);
    assert_eq!(testnet.text_at(&follower, "history/39").await.as_deref(), Some("told before it joined"));

    let client = testnet.client(&follower);
    for wait in [Wait::Accepted, Wait::Committed, Wait::Sealed, Wait::Applied] {
        let tx = testnet.signed(vec![put("through the follower", &format!("{wait:?}"))]);
        let status = client.submit(&tx, wait, Duration::from_secs(60)).await.unwrap();
        match wait {
            Wait::Accepted => assert_ne!(status.status, TransactionState::Unknown, "{status:?}"),
            Wait::Sealed => assert!(status.sealed, "{status:?}"),
            Wait::Committed | Wait::Applied => assert_eq!(status.status, TransactionState::Committed),
        }
    }
    let agreed = testnet.agreement(&nodes).await;
    assert_eq!(testnet.group(&follower).await.sealed_state_root, agreed.sealed_state_root);
    assert_eq!(testnet.text_at("n0", "through the follower").await.as_deref(), Some("Applied"));

    let rpc = testnet.network.node(&follower).unwrap().rpc.clone();
    let proof = testnet.run(&["state", "get", "history/7", "--prove", "--json", "--rpc", &rpc]).await;
    let file = testnet.path("proof.json");
    std::fs::write(&file, &proof.stdout).unwrap();
    assert_eq!(testnet.run(&["verify", text(&file), "--json"]).await.json()["verified"], true);
    testnet.same_chain(&nodes).await;
}

async fn a_follower_that_was_away_catches_up(testnet: &mut Testnet) {
    let follower = testnet.network.add_follower().unwrap();
    testnet.network.start(&follower).unwrap();
    testnet.agreement(&testnet.names()).await;
    testnet.network.kill(&follower).await.unwrap();
    for round in 0..60 {
        testnet.put(&format!("n{}", round % 4), &format!("missed/{round}"), "while it was away").await;
    }
    testnet.network.start(&follower).unwrap();
    testnet.network.wait_answering(std::slice::from_ref(&follower), DEADLINE).await.unwrap();
    testnet.agreement(&testnet.names()).await;
    testnet.goes_on("the follower's return").await;
    testnet.same_chain(&testnet.names()).await;
}

async fn a_permissioned_network_takes_in_the_followers_that_its_genesis_lists(engine: EngineKind) {
    let folder = tempfile::tempdir().unwrap();
    let (dir, name) = (text(folder.path()), engine.to_string());
    let up =
        ["testnet", "up", "-d", "-e", &name, "--permissioned", "--port-base", "0", "--dir", dir, "--json"];
    run(&up).await.json();
    let mut testnet = Testnet::open(folder);
    testnet.put("n1", "history", "told before it joined").await;
    let wrong = testnet.run(&["testnet", "add", "n7"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("the next node is n4"), "{wrong:?}");
    assert_eq!(testnet.run(&["testnet", "add", "n4", "--json"]).await.json()["name"], "n4");
    testnet.network.refresh().unwrap();
    testnet.agreement(&testnet.names()).await;
    assert_eq!(testnet.text_at("n4", "history").await.as_deref(), Some("told before it joined"));
    testnet.goes_on("the newcomer").await;
    testnet.same_chain(&testnet.names()).await;
    let voter = testnet.run(&["testnet", "remove", "n3"]).await;
    assert!(voter.code == Some(1) && voter.stderr.contains("has a vote"), "{voter:?}");
    assert_eq!(testnet.run(&["testnet", "remove", "n4", "--json"]).await.json()["removed"], "n4");
    assert!(!testnet.network.folder().join("n4").exists(), "nothing of it is left");
    assert_eq!(
        testnet.run(&["testnet", "add", "n4", "--json"]).await.json()["name"],
        "n4",
        "its number is free again"
    );
    testnet.network.refresh().unwrap();
    testnet.agreement(&testnet.names()).await;
    testnet.network.down().await.unwrap();
}

async fn whoever_has_the_genesis_file_can_join_by_hand(testnet: &mut Testnet) {
    testnet.put("n0", "history", "told before it joined").await;
    let home = testnet.path("by hand");
    let genesis = testnet.network.genesis_path();
    let made = run(&["init", "--follower", "--chain", text(&genesis), "--home", text(&home), "--json"]).await;
    if !testnet.genesis().followers.is_empty() {
        // Genesis lists who may: its operator had sent this key's node id to whoever wrote it.
        std::fs::copy(testnet.network.folder().join("spare/n4.key"), home.join("keys/node.key")).unwrap();
    }
    assert_eq!(made.json()["chain"].as_str(), Some(testnet.network.description().chain.as_str()));

    let peers = testnet.network.description().nodes.iter();
    let peers: Vec<String> = peers.map(|node| format!("{}@{}", node.node_id, node.p2p)).collect();
    let [p2p, rpc, metrics] = free_addresses();
    let mut node = witan(&["start", "--home", text(&home), "--p2p-listen", &p2p, "--rpc-listen", &rpc])
        .args(["--metrics-listen", &metrics, "--set", &format!("p2p.peers={}", peers.join(","))])
        .spawn()
        .unwrap();
    let client = Client::new(&format!("http://{rpc}")).unwrap();
    until("it has what the validators have", async || {
        let text = client.state(b"history", At::Sealed, false).await.ok()?.value;
        (text_of(text)? == "told before it joined").then_some(())
    })
    .await;
    let tx = testnet.signed(vec![put("by hand", "it works")]);
    let status = client.submit(&tx, Wait::Sealed, Duration::from_secs(60)).await.unwrap();
    assert_eq!((status.status, status.sealed), (TransactionState::Committed, true));
    let height = status.height.unwrap();
    let its = client.seal(GROUP, height).await.unwrap();
    let theirs = until("a seal", async || testnet.client("n0").seal(GROUP, height).await.ok()).await;
    assert_eq!((its.block_id, its.state_root), (theirs.block_id, theirs.state_root));

    signal(node.id().unwrap(), Signal::SIGTERM);
    let ended = tokio::time::timeout(DEADLINE, node.wait()).await;
    assert_eq!(ended.expect("it stops").unwrap().code(), Some(0));
}

/// Addresses of this machine that nothing listens on.
fn free_addresses() -> [String; 3] {
    let listeners = [0; 3].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().to_string())
}
