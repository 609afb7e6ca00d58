//! Two of four: no quorum, no block, no lie about it.

use crate::http::get;
use crate::network::{DEADLINE, GROUP, Testnet, put, tell, until};
use std::time::{Duration, Instant};
use witan_testnet::rpc::{At, NotReady, RpcError, TransactionDetail, TransactionState, Wait};
use witan_types::SignedTransaction;

stories! {
    on_four_validators: [
        two_of_four_commit_nothing_and_say_so_until_the_others_are_back,
    ];
}

/// How long a client waits for what can't happen.
const WAIT: Duration = Duration::from_secs(4);
/// What users are promised, of a machine of their own, is 5 s.
const AT_MOST: Duration = Duration::from_secs(25);

/// It is started again.
async fn a_node_that_stops_tells_who_waits_on_it(testnet: &mut Testnet, stuck: &SignedTransaction) {
    let (client, waited_for) = (testnet.client("n1"), stuck.clone());
    let waiting =
        tokio::spawn(async move { client.submit(&waited_for, Wait::Committed, DEADLINE).await.unwrap_err() });
    until("n1 has taken what waits", async || {
        let status = testnet.client("n1").transaction(stuck.id()).await.unwrap().status;
        (status == TransactionState::Accepted).then_some(())
    })
    .await;
    testnet.network.stop("n1").await.unwrap();
    let error = waiting.await.unwrap();
    assert!(
        matches!(error.rpc(), Some(RpcError::NotReady { reason: NotReady::Syncing, .. })),
        "-32033 SYNCING, so that it asks elsewhere: {error:?}"
    );
    testnet.network.start("n1").unwrap();
}

async fn two_of_four_commit_nothing_and_say_so_until_the_others_are_back(testnet: &mut Testnet) {
    testnet.put("n0", "before", "the cut").await;
    testnet.agreement(&testnet.names()).await;
    let left = ["n0", "n1"];
    let cut = Instant::now();
    testnet.network.kill("n2").await.unwrap();
    testnet.network.kill("n3").await.unwrap();
    for node in left {
        let rpc = testnet.network.node(node).unwrap().rpc.clone();
        let body = until(&format!("{node} is not ready"), async || {
            let answer = get(&rpc, "/readyz").await;
            (answer.status == 503).then_some(answer.body)
        })
        .await;
        assert!(body["reasons"].as_array().unwrap().contains(&"NO_QUORUM".into()), "{body}");
        let status = testnet.status(node).await;
        assert!(!status.ready && status.reasons.contains(&"NO_QUORUM".to_owned()), "{:?}", status.reasons);
    }
    tell("from the loss of two nodes to /readyz 503 on the others", cut.elapsed(), "5 s");
    assert!(cut.elapsed() < AT_MOST);

    let heights = [testnet.height("n0").await, testnet.height("n1").await];
    let stuck = testnet.signed(vec![put("during", "the cut")]);
    let error = testnet.client("n0").submit(&stuck, Wait::Committed, WAIT).await.unwrap_err();
    assert!(
        matches!(error.rpc(), Some(RpcError::WaitTimeout { tx_id, .. }) if *tx_id == stuck.id()),
        "{error:?}"
    );
    assert_eq!(
        testnet.client("n0").transaction(stuck.id()).await.unwrap().status,
        TransactionState::Accepted
    );
    assert_eq!(
        [testnet.height("n0").await, testnet.height("n1").await],
        heights,
        "no block without a quorum"
    );
    let tip = heights[0].min(heights[1]);
    let block = async |node: &str| {
        testnet.client(node).block(GROUP, At::Height(tip), TransactionDetail::None).await.unwrap().block_id
    };
    assert_eq!(block("n0").await, block("n1").await, "no fork");

    a_node_that_stops_tells_who_waits_on_it(testnet, &stuck).await;

    let back = Instant::now();
    testnet.network.start("n2").unwrap();
    testnet.network.start("n3").unwrap();
    testnet.put("n0", "after", "the cut").await;
    tell("from the start of two nodes to a committed transaction", back.elapsed(), "5 s");
    assert!(back.elapsed() < AT_MOST);
    let rpc = testnet.network.node("n0").unwrap().rpc.clone();
    until("/readyz is 200 again", async || (get(&rpc, "/readyz").await.status == 200).then_some(())).await;
    let again = testnet.client("n1").submit(&stuck, Wait::Committed, DEADLINE / 2).await.unwrap();
    assert_eq!(again.status, TransactionState::Committed, "what waited is not lost");
    testnet.network.wait_answering(&testnet.names(), DEADLINE).await.unwrap();
    testnet.goes_on("the cut").await;
    testnet.same_chain(&testnet.names()).await;
}
