//! Power cuts: what was said to be committed stays, nothing happens twice.

use crate::command::{finish, text};
use crate::import::{contents, slice};
use crate::load::Load;
use crate::network::{DEADLINE, GROUP, Testnet, until};
use std::time::Duration;
use witan_testnet::rpc::{TransactionState, Wait};
use witan_types::ValidatorIndex;

stories! {
    on_four_validators: [
        an_import_outlives_the_node_it_talks_to_and_that_node_rejoins,
        what_was_committed_outlives_a_power_cut_of_all_nodes_and_nothing_happens_twice,
        validators_killed_in_turn_under_load_cost_the_others_nothing_and_come_back,
    ];
}

/// Records of the import: enough that it still runs when the node is killed.
const RECORDS: usize = 20_000;
/// Blocks of the import before the kill.
const BLOCKS_BEFORE: u64 = 3;
/// Transactions reported as committed before a power cut.
const COMMITTED_BEFORE: usize = 200;
/// Transactions committed while one validator is dead.
const COMMITTED_WITHOUT: usize = 40;
/// Clients at each node under load.
const CLIENTS: usize = 4;

async fn an_import_outlives_the_node_it_talks_to_and_that_node_rejoins(testnet: &mut Testnet) {
    let (file, records) = slice(testnet, RECORDS, 0).await;
    let before = testnet.height("n1").await;
    let mut import = testnet.command(&["import", text(&file), "--json"]).spawn().unwrap();
    until("the import is under way", async || {
        (testnet.height("n1").await >= before + BLOCKS_BEFORE).then_some(())
    })
    .await;
    testnet.network.kill("n0").await.unwrap();
    assert_eq!(import.try_wait().unwrap(), None, "the import still runs");
    let counts = finish(import).await.json();
    assert_eq!(
        (counts["loaded"].as_u64(), counts["rejected"].as_u64()),
        (Some(records.len() as u64), Some(0))
    );

    testnet.network.start("n0").unwrap();
    testnet.network.wait_answering(&["n0".to_owned()], DEADLINE).await.unwrap();
    testnet.agreement(&testnet.names()).await;
    assert_eq!(contents(testnet, "n0").await, records, "what the node that was away holds");

    // With another one down, nothing commits or is sealed without the vote and the signature of the one that
    // came back.
    testnet.network.stop("n2").await.unwrap();
    let height = testnet.put("n0", "back", "again").await.height.unwrap();
    let seal = until("a seal", async || testnet.client("n1").seal(GROUP, height).await.ok()).await;
    assert!(seal.signers.contains(&ValidatorIndex(0)), "{:?}", seal.signers);
    testnet.network.start("n2").unwrap();
    testnet.network.wait_answering(&["n2".to_owned()], DEADLINE).await.unwrap();
    testnet.same_chain(&testnet.names()).await;
}

async fn what_was_committed_outlives_a_power_cut_of_all_nodes_and_nothing_happens_twice(
    testnet: &mut Testnet,
) {
    let mut committed = Vec::new();
    for _ in 0..2 {
        let load = Load::start(testnet, &testnet.names(), CLIENTS);
        until("the load is under way", async || (load.committed() >= COMMITTED_BEFORE).then_some(())).await;
        testnet.network.kill_all().await.unwrap();
        let told = load.end().await;
        committed.extend(told.committed);

        testnet.network.start_all().unwrap();
        testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
        testnet.agreement(&testnet.names()).await;
        for node in testnet.names() {
            testnet.holds(&node, &committed).await;
        }
        // The same bytes again: done once, whether that was before the cut or is now.
        for (tx, node) in told.open.iter().zip(testnet.names().iter().cycle()) {
            let again = testnet.client(node).submit(tx, Wait::Committed, Duration::from_secs(60)).await;
            assert_eq!(again.unwrap().status, TransactionState::Committed);
        }
    }
    let chain = testnet.same_chain(&testnet.names()).await;
    let executed = chain.iter().map(|(_, ids)| ids.len()).sum::<usize>();
    println!("    {} transactions were reported as committed, {executed} are in the chain", committed.len());
    assert!(executed >= committed.len());
}

async fn validators_killed_in_turn_under_load_cost_the_others_nothing_and_come_back(testnet: &mut Testnet) {
    let mut committed = Vec::new();
    let mut open = Vec::new();
    for victim in testnet.names() {
        let others: Vec<String> = testnet.names().into_iter().filter(|name| *name != victim).collect();
        let theirs = Load::start(testnet, std::slice::from_ref(&victim), CLIENTS);
        let load = Load::start(testnet, &others, CLIENTS);
        until("all clients are under way", async || {
            (theirs.committed().min(load.committed()) >= CLIENTS).then_some(())
        })
        .await;
        testnet.network.kill(&victim).await.unwrap();
        let at_the_kill = load.committed();
        until("the others go on", async || {
            (load.committed() >= at_the_kill + COMMITTED_WITHOUT).then_some(())
        })
        .await;
        testnet.network.start(&victim).unwrap();
        testnet.network.wait_answering(std::slice::from_ref(&victim), DEADLINE).await.unwrap();
        let told = load.end().await;
        assert_eq!(told.open.len(), 0, "no client of the others noticed");
        committed.extend(told.committed);
        let told = theirs.end().await;
        committed.extend(told.committed);
        open.extend(told.open);
        testnet.agreement(&testnet.names()).await;
    }
    for node in testnet.names() {
        testnet.holds(&node, &committed).await;
    }
    for tx in open {
        let again = testnet.client("n0").submit(&tx, Wait::Committed, Duration::from_secs(60)).await;
        assert_eq!(again.unwrap().status, TransactionState::Committed);
    }
    testnet.same_chain(&testnet.names()).await;
}
