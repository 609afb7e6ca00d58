//! A network comes up, goes down, comes back.

use crate::command::{finish, run, text, witan};
use crate::load::Load;
use crate::network::{DEADLINE, GROUP, Testnet, is_free, needs_permission, signal, tell, until};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};
use witan_testnet::rpc::{At, TransactionDetail, TransactionState};
use witan_types::EngineKind;

stories! {
    on_four_validators: [
        a_network_that_was_stopped_resumes_the_same_chain,
        a_node_told_to_stop_does_so_in_order_even_under_load,
        a_leader_that_is_told_to_stop_leaves_the_others_at_work,
        a_second_process_on_a_home_is_told_who_holds_it,
        every_command_of_the_first_minute_works,
    ];
    from_nothing: [
        four_validators_come_up_with_a_block_each_and_leave_no_process_and_no_port,
    ];
}

/// What users are promised of a start is 3 s on a machine of their own.
const UP_AT_MOST: Duration = Duration::from_secs(20);
/// How long a node may take to stop.
const STOP_AT_MOST: Duration = Duration::from_secs(10);
/// Clients at the node that is told to stop.
const CLIENTS: usize = 8;
/// Transactions reported as committed before it is told.
const COMMITTED_BEFORE: usize = 50;

async fn four_validators_come_up_with_a_block_each_and_leave_no_process_and_no_port(engine: EngineKind) {
    let folder = tempfile::tempdir().unwrap();
    let (dir, name) = (text(folder.path()), engine.to_string());
    let started = Instant::now();
    let mut arguments = vec!["testnet", "up", "-d", "-e", &name, "--port-base", "0", "--dir", dir, "--json"];
    arguments.extend(needs_permission(engine).then_some("--permissioned"));
    let up = run(&arguments).await;
    let took = started.elapsed();
    let printed = up.json();
    let testnet = Testnet::open(folder);
    tell("from `testnet up` to a block on every node", took, "3 s");
    assert!(took < UP_AT_MOST, "it took {took:?}");

    let nodes = testnet.network.description().nodes.clone();
    assert_eq!(nodes.len(), 4);
    let group = &printed["groups"][1];
    let faults = engine.faults().to_string();
    assert_eq!((group["engine"].as_str(), group["faults"].as_str()), (Some(&*name), Some(&*faults)));
    let status = testnet.run(&["testnet", "status"]).await;
    assert!(status.stdout.contains(&format!("4 of 4 nodes ready, under {}", engine.label())), "{status:?}");
    for (node, printed) in nodes.iter().zip(printed["nodes"].as_array().unwrap()) {
        assert_eq!(
            (printed["name"].as_str(), printed["rpc"].as_str()),
            (Some(&*node.name), Some(&*node.rpc))
        );
        let status = testnet.status(&node.name).await;
        assert!(status.ready, "{}: {:?}", node.name, status.reasons);
        assert!(testnet.height(&node.name).await >= 1, "{} has no block", node.name);
    }
    let pids = testnet.pids();
    assert!(pids.values().all(Option::is_some), "{pids:?}");

    let down = testnet.run(&["testnet", "down", "--json"]).await.json();
    assert_eq!(down["stopped"].as_array().unwrap().len(), 4);
    for node in &nodes {
        assert_eq!(testnet.network.pid(&node.name), None, "{} still runs", node.name);
        assert!(node.ports.into_iter().all(is_free), "{} left a port", node.name);
    }
}

async fn a_network_that_was_stopped_resumes_the_same_chain(testnet: &mut Testnet) {
    let nodes = testnet.names();
    testnet.put("n0", "before", "the stop").await;
    let before = testnet.agreement(&nodes).await;
    let chain = testnet.chain("n0", before.height).await;
    let ports: Vec<_> = testnet.network.description().nodes.iter().map(|node| node.ports).collect();

    testnet.network.down().await.unwrap();
    testnet.run(&["testnet", "up", "-d", "--json"]).await.json();
    testnet.network.refresh().unwrap();

    let after: Vec<_> = testnet.network.description().nodes.iter().map(|node| node.ports).collect();
    assert_eq!(after, ports, "the ports stay");
    for node in &nodes {
        assert_eq!(testnet.chain(node, before.height).await, chain, "the chain of {node}");
        assert_eq!(testnet.text_at(node, "before").await.as_deref(), Some("the stop"));
    }
    assert!(testnet.put("n3", "after", "the stop").await.height.unwrap() > before.height);
    testnet.same_chain(&nodes).await;
}

async fn a_node_told_to_stop_does_so_in_order_even_under_load(testnet: &mut Testnet) {
    testnet.network.stop("n3").await.unwrap();
    let home = testnet.network.node("n3").unwrap().home.clone();
    let mut child = witan(&["start", "--home", text(&home)]).spawn().unwrap();
    until("n3 answers", async || testnet.client("n3").status().await.ok()).await;
    let n3 = ["n3".to_owned()];
    let load = Load::start(testnet, &n3, CLIENTS);
    until("the load is under way", async || (load.committed() >= COMMITTED_BEFORE).then_some(())).await;
    let told = Instant::now();
    signal(child.id().unwrap(), Signal::SIGTERM);
    let ended = tokio::time::timeout(STOP_AT_MOST, child.wait()).await;
    let status = ended.expect("it stops in time").unwrap();
    tell("from SIGTERM to the end of the process", told.elapsed(), "10 s");
    assert_eq!(status.code(), Some(0), "{status:?}");

    let committed = load.end().await.committed;
    testnet.network.start("n3").unwrap();
    testnet.network.wait_answering(&n3, DEADLINE).await.unwrap();
    testnet.goes_on("a graceful stop").await;
    testnet.holds("n3", &committed).await;
    testnet.same_chain(&testnet.names()).await;
}

async fn a_leader_that_is_told_to_stop_leaves_the_others_at_work(testnet: &mut Testnet) {
    testnet.put("n0", "before", "the leader stops").await;
    let leader = testnet.group("n0").await.leader.map_or_else(|| "n0".into(), |place| format!("n{place}"));
    let other = testnet.names().into_iter().find(|name| *name != leader).unwrap();
    testnet.network.stop(&leader).await.unwrap();
    let stopped = Instant::now();
    testnet.put(&other, "after", "the leader stopped").await;
    tell("from the end of the leader's process to a committed transaction", stopped.elapsed(), "nothing");
    testnet.network.start(&leader).unwrap();
    testnet.network.wait_answering(std::slice::from_ref(&leader), DEADLINE).await.unwrap();
    testnet.goes_on("the leader's return").await;
    testnet.same_chain(&testnet.names()).await;
}

#[test]
fn an_engine_that_trusts_its_members_says_which_flag_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let up = std::process::Command::new(crate::network::WITAN)
        .args(["testnet", "up", "-d", "-e", "raft", "--port-base", "0", "--dir", text(folder.path())])
        .output()
        .unwrap();
    let said = String::from_utf8(up.stderr).unwrap();
    assert_eq!(up.status.code(), Some(2), "{said}");
    assert!(said.contains("raft trusts its members") && said.contains("add --permissioned"), "{said}");
    assert!(!folder.path().join("local").exists(), "nothing was made");
}

async fn a_second_process_on_a_home_is_told_who_holds_it(testnet: &mut Testnet) {
    let home = testnet.network.node("n0").unwrap().home.clone();
    let pid = testnet.network.pid("n0").unwrap();
    let second = finish(witan(&["start", "--home", text(&home)]).spawn().unwrap()).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains(&pid.to_string()), "it names process {pid}: {second:?}");
    testnet.goes_on("a second start on its home").await;
}

async fn every_command_of_the_first_minute_works(testnet: &mut Testnet) {
    let put = testnet.run(&["tx", "put", "greeting", "hello", "--json"]).await.json();
    assert_eq!(put["status"], "committed");
    let got = testnet.run(&["state", "get", "greeting"]).await;
    assert_eq!((got.code, got.stdout.trim_end()), (Some(0), "hello"), "{got:?}");
    let status = testnet.run(&["testnet", "status", "--json"]).await.json();
    assert_eq!(status.as_array().or(status["nodes"].as_array()).unwrap().len(), 4, "{status}");
    let height = put["height"].as_u64().unwrap();
    let block = testnet.client("n0").block(GROUP, At::Height(height), TransactionDetail::Ids).await.unwrap();
    assert_eq!(block.tx_count, 1);
    let overdraft = testnet.network.description().accounts[1].address.clone();
    let refused =
        testnet.run(&["tx", "transfer", "--to", &overdraft, "--amount", "2000000000", "--json"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("INSUFFICIENT_BALANCE"), "{refused:?}");
    let id = put["txId"].as_str().unwrap().parse().unwrap();
    // Another node may not have written the block yet.
    let client = testnet.client("n2");
    until("n2 knows it", async || {
        let status = client.transaction(id).await.unwrap().status;
        (status == TransactionState::Committed).then_some(())
    })
    .await;
}
