//! The node that a client waits on dies: the same bytes at another node have the one true outcome.

use crate::conformance::keys_of_both_groups as keys;
use crate::network::{DEADLINE, Testnet, in_two_groups, put, signal, until};
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use witan_testnet::rpc::{At, TransactionState, TxStatusView, ValueView, Wait};
use witan_types::{Check, EngineKind, Key, Op, SignedTransaction, Wire as _};

#[test]
fn hotstuff() {
    in_two_groups(EngineKind::HotStuff, &[0, 1, 2, 3], the_same_bytes_elsewhere_have_the_one_true_outcome);
}

#[test]
fn pbft() {
    in_two_groups(EngineKind::Pbft, &[0, 1, 2, 3], the_same_bytes_elsewhere_have_the_one_true_outcome);
}

#[test]
fn raft() {
    in_two_groups(EngineKind::Raft, &[0, 1, 2, 3], the_same_bytes_elsewhere_have_the_one_true_outcome);
}

/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// When the node dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// It stands still before the bytes come, so it has neither read nor passed them on.
    BeforeItReads,
    /// As soon as the bytes are sent.
    AtOnce,
    /// This long after the bytes are sent: before, while or after the transaction is decided.
    After(Duration),
    /// While the transaction waits in its mempool, which it said.
    Accepted,
}

/// In the last moments what happened is decided by chance, so there are several.
const MOMENTS: [Moment; 6] = [
    Moment::BeforeItReads,
    Moment::AtOnce,
    Moment::After(Duration::from_millis(3)),
    Moment::After(Duration::from_millis(12)),
    Moment::After(Duration::from_millis(40)),
    Moment::Accepted,
];

/// What one round left behind.
struct Round {
    tx: SignedTransaction,
    outcome: TxStatusView,
    marker: String,
}

async fn the_same_bytes_elsewhere_have_the_one_true_outcome(testnet: &mut Testnet) {
    let lists = keys(testnet, "outcome").await;
    let mut rounds = Vec::new();
    let names = testnet.names();
    for (number, moment) in MOMENTS.into_iter().enumerate() {
        let victim = &names[number % names.len()];
        let others: Vec<String> = names.iter().filter(|name| *name != victim).cloned().collect();
        let txs = [
            one_group(testnet, &lists, number),
            across(testnet, &lists, number),
            hopeless(testnet, &lists, number),
        ];
        let waits = ["committed", "applied", "sealed"];
        let told = kill_while_clients_wait(testnet, victim, moment, &txs, waits).await;
        for ((tx, marker), (other, told)) in txs.into_iter().zip(others.iter().zip(told)) {
            let outcome = testnet.client(other).submit(&tx, Wait::Applied, PATIENCE).await.unwrap();
            assert!(outcome.status.is_final(), "{moment:?} through {other}: {outcome:?}");
            if let Some(told) = told {
                assert_eq!(
                    (told.status, told.height),
                    (outcome.status, outcome.height),
                    "what the dead node said"
                );
            }
            rounds.push(Round { tx, outcome, marker });
        }
        testnet.network.start(victim).unwrap();
        testnet.network.wait_answering(std::slice::from_ref(victim), DEADLINE).await.unwrap();
    }
    for node in &names {
        every_node_tells_the_same(testnet, node, &rounds).await;
        each_was_done_once(testnet, node, &lists, &rounds).await;
    }
}

fn append(key: &str, marker: &str) -> Op {
    Op::Append { key: Key::from(key), item: marker.as_bytes().to_vec() }
}

/// Appends to a list: it shows how often it was done.
fn one_group(testnet: &Testnet, lists: &[String; 2], number: usize) -> (SignedTransaction, String) {
    let marker = format!("{number} in one group");
    (testnet.signed(vec![append(&lists[0], &marker)]), marker)
}

/// Appends to a list of each group.
fn across(testnet: &Testnet, lists: &[String; 2], number: usize) -> (SignedTransaction, String) {
    let marker = format!("{number} across");
    (testnet.signed(vec![append(&lists[1], &marker), append(&lists[0], &marker)]), marker)
}

/// Fails, whenever it is executed.
fn hopeless(testnet: &Testnet, lists: &[String; 2], number: usize) -> (SignedTransaction, String) {
    let marker = format!("{number} hopeless");
    let mut transaction =
        testnet.unsigned(0, vec![put(&format!("outcome/{marker}"), "x"), append(&lists[0], &marker)]);
    transaction.checks = vec![Check::Exists { key: Key::from("outcome/nothing is here") }];
    (transaction.sign(&testnet.secret(0)), marker)
}

/// Sends each transaction to the victim, which then dies; what it still said of each.
async fn kill_while_clients_wait(
    testnet: &mut Testnet,
    victim: &str,
    moment: Moment,
    txs: &[(SignedTransaction, String); 3],
    waits: [&str; 3],
) -> Vec<Option<TxStatusView>> {
    let pid = testnet.network.pid(victim).unwrap();
    if matches!(moment, Moment::BeforeItReads) {
        signal(pid, Signal::SIGSTOP);
    }
    if matches!(moment, Moment::Accepted) {
        for (tx, _) in txs {
            testnet.client(victim).submit(tx, Wait::Accepted, PATIENCE).await.unwrap();
        }
    }
    let rpc = testnet.network.node(victim).unwrap().rpc.clone();
    let mut waiting = Vec::new();
    for ((tx, _), wait) in txs.iter().zip(waits) {
        let host = rpc.strip_prefix("http://").unwrap();
        let params =
            json!({"tx": format!("0x{}", hex::encode(tx.encode())), "wait": wait, "timeoutMs": 60_000});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tx_submit", "params": params}).to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    if let Moment::After(delay) = moment {
        tokio::time::sleep(delay).await;
    }
    signal(pid, Signal::SIGKILL);
    until("the node is gone", async || (!testnet.network.is_running(victim)).then_some(())).await;
    let mut told = Vec::new();
    for stream in waiting {
        told.push(what_it_said(stream).await);
    }
    if matches!(moment, Moment::BeforeItReads) {
        assert!(told.iter().all(Option::is_none), "it said something while it stood still");
    }
    told
}

/// The answer that came before the end of the connection, if one did.
async fn what_it_said(mut stream: TcpStream) -> Option<TxStatusView> {
    use tokio::io::AsyncReadExt as _;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    read.expect("the connection ends with the node").ok();
    let text = String::from_utf8(answer).unwrap();
    let (_, body) = text.split_once("\r\n\r\n")?;
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(serde_json::from_value(answer["result"].clone()).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

/// Checks that a node tells the outcome that the resubmission had, whether it is asked or gets the same bytes again.
async fn every_node_tells_the_same(testnet: &Testnet, node: &str, rounds: &[Round]) {
    let point = |status: &TxStatusView| {
        let reason = status.result.as_ref().and_then(|result| result.reason.clone());
        (status.status, status.group, status.height, reason)
    };
    let client = testnet.client(node);
    for Round { tx, outcome, marker } in rounds {
        let expected =
            if marker.ends_with("hopeless") { TransactionState::Failed } else { TransactionState::Committed };
        assert_eq!(outcome.status, expected, "{marker}");
        until(&format!("{node} tells the end of {marker}"), async || {
            let told = client.transaction(tx.id()).await.ok()?;
            told.status.is_final().then(|| assert_eq!(point(&told), point(outcome), "{marker} at {node}"))
        })
        .await;
        let again = client.submit(tx, Wait::Committed, PATIENCE).await.unwrap();
        assert_eq!(point(&again), point(outcome), "{marker} again, through {node}");
    }
}

/// Checks that each list has each marker once, and none of what failed.
async fn each_was_done_once(testnet: &Testnet, node: &str, lists: &[String; 2], rounds: &[Round]) {
    for (place, list) in lists.iter().enumerate() {
        let belongs =
            |marker: &str| marker.ends_with("across") || (place == 0 && marker.ends_with("in one group"));
        let mut expected: Vec<&str> =
            rounds.iter().map(|round| &*round.marker).filter(|marker| belongs(marker)).collect();
        let items = until(&format!("{node} has all of {list}"), async || {
            let read = testnet.client(node).state(list.as_bytes(), At::Latest, false).await.ok()?;
            let Some(ValueView::List(items)) = read.value else { return None };
            (items.len() >= expected.len()).then_some(items)
        })
        .await;
        let mut items: Vec<String> =
            items.into_iter().map(|item| String::from_utf8(item.into_bytes()).unwrap()).collect();
        items.sort_unstable();
        expected.sort_unstable();
        assert_eq!(items, expected, "{list} at {node}");
    }
}
