//! Operators change the configuration, and every group goes by it. In a local network the first three accounts are operators,
//! of whom two have to agree.

use crate::command::Said;
use crate::network::{DEADLINE, Testnet, signal, until};
use nix::sys::signal::Signal;
use serde_json::Value;
use witan_testnet::rpc::Order;
use witan_types::GroupId;

stories! {
    in_three_groups: [
        two_of_three_operators_change_parameters_and_every_group_goes_by_them,
    ];
}

/// What the operators want.
const WANTED: [&str; 2] = ["prepareTimeoutMs=3000", "idleIntervalMs=2000"];
/// An idle group makes a block this often then, and every ten seconds before.
const IDLE_MS: std::ops::Range<u64> = 2_000..5_000;

async fn approve(testnet: &Testnet, account: &str, set: &[&str]) -> Said {
    testnet.run(&[&["tx", "approve", "--from", account, "--json", "--set"], set].concat()).await
}

/// What `witan chain config` says: the version, a parameter, and how many approve the first change that waits.
async fn configuration(testnet: &Testnet) -> (u64, u64, Option<usize>) {
    let shown = testnet.run(&["chain", "config", "--json"]).await.json();
    let approvals = shown["approvals"].as_array().unwrap();
    let by = approvals.first().map(|approval| approval["operators"].as_array().unwrap().len());
    (shown["version"].as_u64().unwrap(), shown["parameters"]["prepareTimeoutMs"].as_u64().unwrap(), by)
}

async fn two_of_three_operators_change_parameters_and_every_group_goes_by_them(testnet: &mut Testnet) {
    assert_eq!(configuration(testnet).await, (1, 5_000, None));
    let one = approve(testnet, "0", &WANTED).await.json();
    assert_eq!((&one["status"], &one["group"]), (&Value::from("committed"), &Value::from(0)));
    assert_eq!((&one["approval"]["happened"], &one["approval"]["approvedBy"]), (&false.into(), &1.into()));
    assert_eq!(configuration(testnet).await, (1, 5_000, Some(1)), "one of two has changed nothing");

    refusals(testnet).await;

    let two = approve(testnet, "2", &WANTED).await.json();
    assert_eq!((&two["approval"]["happened"], &two["approval"]["version"]), (&true.into(), &2.into()));
    assert_eq!(configuration(testnet).await, (2, 3_000, None));
    for node in testnet.names() {
        until(&format!("every group on {node} goes by version 2"), async || {
            let shards = testnet.client(&node).shards().await.ok()?;
            (shards.len() == 3 && shards.iter().all(|shard| shard.parameters_version == Some(2)))
                .then_some(())
        })
        .await;
    }
    for group in (0..=3).map(GroupId) {
        until(&format!("group {group} makes a block each two seconds"), async || {
            let page = testnet.client("n1").blocks(group, None, Order::Desc, 2, None).await.ok()?;
            let [newest, before] = page.items.as_slice() else { return None };
            let is_idle = newest.tx_count == 0 && IDLE_MS.contains(&(newest.time_ms - before.time_ms));
            is_idle.then_some(())
        })
        .await;
    }
    restarts(testnet).await;
}

/// Who is no operator is refused, and so is what can't be, with the reason.
async fn refusals(testnet: &Testnet) {
    let stranger = approve(testnet, "5", &WANTED).await;
    assert_eq!((stranger.code, stranger.stdout.contains("NOT_AN_OPERATOR")), (Some(1), true), "{stranger:?}");
    let lasting = approve(testnet, "1", &["baseTimeoutMs=2000"]).await;
    assert_eq!(lasting.code, Some(1));
    assert!(lasting.stdout.contains("can't change while an epoch lasts"), "{lasting:?}");
    let unknown = approve(testnet, "1", &["idleInterval=2000"]).await;
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stdout.contains("idleIntervalMs"), "{unknown:?}");
    assert_eq!(configuration(testnet).await, (1, 5_000, Some(1)));
}

/// A node that was killed goes by the newest version when it is back.
async fn restarts(testnet: &mut Testnet) {
    signal(testnet.network.pid("n0").unwrap(), Signal::SIGKILL);
    until("n0 is gone", async || (!testnet.network.is_running("n0")).then_some(())).await;
    testnet.network.start("n0").unwrap();
    testnet.network.wait_answering(&["n0".to_owned()], DEADLINE).await.unwrap();
    let client = testnet.client("n0");
    let again = until("n0 shows the configuration", async || client.configuration().await.ok()).await;
    assert_eq!((again.version, again.parameters.prepare_timeout_ms), (2, 3_000));
    let shards = client.shards().await.unwrap();
    assert!(shards.iter().all(|shard| shard.parameters_version == Some(2)), "{shards:?}");
}
