//! Load on a network, and its promises checked afterwards, by the commands that users have.

use crate::command::{Said, finish};
use crate::network::{DEADLINE, Testnet, in_three_groups, on_four_validators};
use serde_json::Value;
use std::fs::{OpenOptions, read_to_string};
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::sleep;
use witan_types::EngineKind;

/// Three groups, one under each engine.
#[test]
fn what_a_load_was_told_is_kept_over_a_crash_and_what_nobody_was_told_is_noticed() {
    in_three_groups(EngineKind::HotStuff, async |testnet| {
        a_load_loses_nothing_when_a_node_crashes(testnet).await;
        the_network_keeps_every_promise(testnet).await;
        named_nodes_are_checked_by_their_genesis_alone(testnet).await;
        a_promise_that_nobody_kept_is_a_safety_failure(testnet).await;
    });
}

async fn a_load_loses_nothing_when_a_node_crashes(testnet: &mut Testnet) {
    let page = testnet.path("load.html");
    let arguments =
        ["testnet", "load", "--tps", "60", "--clients", "8", "--for", "4s", "--cross-shard", "30%"];
    let mut command = testnet.command(&arguments);
    command.args(["--seed", "7", "--json", "--report"]).arg(&page);
    let load = command.spawn().unwrap();
    sleep(Duration::from_secs(1)).await;
    testnet.network.kill("n3").await.unwrap();
    let said = finish(load).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = said.json();
    testnet.network.start("n3").unwrap();
    testnet.network.wait_answering(&["n3".to_owned()], DEADLINE).await.unwrap();
    let applied = report["outcomes"]["applied"].as_u64().unwrap();
    println!("    {}", report["outcomes"]);
    assert_eq!((report["due"].as_u64(), report["lost"].as_u64()), (Some(240), Some(0)), "{report}");
    assert!(applied > 0 && report["applied_across"].as_u64().unwrap() > 0, "{report}");
    let written = read_to_string(testnet.network.folder().join("acknowledged.jsonl")).unwrap();
    assert_eq!(written.lines().count() as u64, applied, "what was acknowledged is written down");
    let page = read_to_string(page).unwrap();
    assert!(
        page.contains("<svg") && !page.contains("http://") && !page.contains("https://"),
        "the page asks nothing of anybody"
    );
}

/// The document of a command that ended with this code.
fn with_code(said: &Said, code: i32) -> Value {
    assert_eq!(said.code, Some(code), "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

/// A finding by the name of its promise.
fn finding<'a>(report: &'a Value, promise: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["promise"] == promise).unwrap()
}

async fn the_network_keeps_every_promise(testnet: &mut Testnet) {
    let said = testnet.run(&["testnet", "check", "--for", "2s", "--json"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = said.json();
    for finding in report["findings"].as_array().unwrap() {
        println!("    {}: {}", finding["promise"], finding["covered"]);
        assert_eq!(finding["verdict"], "kept", "{finding}");
    }
    assert_eq!(report["findings"].as_array().unwrap().len(), 7);
    assert!(report["nodes"].as_array().unwrap().iter().all(|node| node["notAsked"].is_null()), "{report}");
}

async fn named_nodes_are_checked_by_their_genesis_alone(testnet: &mut Testnet) {
    let nodes = testnet.network.description().nodes.clone();
    let genesis = testnet.network.genesis_path();
    let mut arguments = vec!["testnet", "check", "--no-write"];
    nodes.iter().take(2).for_each(|node| arguments.extend(["--rpc", node.rpc.as_str()]));
    let refused = testnet.run(&arguments).await;
    assert!(refused.code == Some(2) && refused.stderr.contains("--genesis"), "{refused:?}");
    arguments.extend(["--genesis", genesis.to_str().unwrap()]);
    let said = testnet.run(&arguments).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("✓ agreement") && said.stdout.contains("- liveness"), "{said:?}");
}

async fn a_promise_that_nobody_kept_is_a_safety_failure(testnet: &mut Testnet) {
    let id = "ab".repeat(32);
    let chain = &testnet.network.description().chain;
    let line = format!(
        "{{\"chain\":\"{chain}\",\"txId\":\"0x{id}\",\"status\":\"committed\",\"group\":1,\"height\":1}}\n"
    );
    let path = testnet.network.folder().join("acknowledged.jsonl");
    OpenOptions::new().append(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
    let said = testnet.run(&["testnet", "check", "--no-write", "--json"]).await;
    let report = with_code(&said, 4);
    assert_eq!(report["outcome"], "safety");
    let evidence = finding(&report, "durability")["evidence"].as_array().unwrap();
    assert_eq!(evidence.len(), 4, "each node says so: {evidence:?}");
    assert!(evidence.iter().all(|one| one["txId"] == format!("0x{id}")), "{evidence:?}");
}

#[test]
fn a_network_without_a_quorum_fails_for_liveness_and_one_that_is_down_can_not_be_checked() {
    on_four_validators(EngineKind::Pbft, async |testnet| {
        the_dashboard_tells_a_line_a_look(testnet).await;
        for node in ["n2", "n3"] {
            testnet.network.kill(node).await.unwrap();
        }
        let said = testnet.run(&["testnet", "check", "--json"]).await;
        let report = with_code(&said, 3);
        let evidence = finding(&report, "liveness")["evidence"].as_array().unwrap();
        let explanation = evidence[0]["explanation"].as_str().unwrap();
        assert!(explanation.contains("n2") && explanation.contains("n3"), "{evidence:?}");
        let silent = report["nodes"].as_array().unwrap().iter().filter(|node| !node["notAsked"].is_null());
        assert_eq!(silent.map(|node| node["name"].as_str().unwrap()).collect::<Vec<_>>(), ["n2", "n3"]);
        assert_eq!(finding(&report, "agreement")["verdict"], "kept", "two nodes still agree");
        testnet.network.down().await.unwrap();
        let said = testnet.run(&["testnet", "check"]).await;
        assert!(said.code == Some(1) && said.stderr.contains("no node answers"), "{said:?}");
    });
}

async fn the_dashboard_tells_a_line_a_look(testnet: &Testnet) {
    let mut command = testnet.command(&["testnet", "status", "--watch", "--json"]);
    let mut watching = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let look: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(look["nodes"].as_array().unwrap().len(), 4, "{look}");
        assert!(look["groups"][1]["height"].as_u64().unwrap() >= 1, "{look}");
    }
    watching.kill().await.unwrap();
}
