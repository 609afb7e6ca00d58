//! Faults on real processes, as users stage them: each command tells what theory expects, does it, undoes it, and judges.

use crate::command::Said;
use crate::network::{DEADLINE, Testnet, needs_permission, tell_story, until};
use crate::slots::Slot;
use serde_json::Value;
use witan_testnet::local::Spec;
use witan_testnet::rpc::{TransactionState, Wait};
use witan_types::{EngineKind, GroupId, Key, Op};

/// Long enough for a group to change leaders, whose first time-out is a second.
const LASTS: &str = "10s";

/// One network under HotStuff, the acts one after another: what each does must be undone by its end.
#[test]
fn what_theory_expects_of_four_validators_is_what_happens() {
    on(EngineKind::HotStuff, 4, 1, async |testnet: &mut Testnet| {
        a_partition_into_halves_halts_both(testnet).await;
        a_quorum_goes_on_without_a_fourth_that_comes_back(testnet).await;
        a_liar_changes_nothing_and_is_accused(testnet).await;
        bad_lines_slow_it_down(testnet).await;
        a_full_disk_ends_a_node_before_it_loses_a_write(testnet).await;
        what_makes_no_sense_is_refused_and_nothing_is_left(testnet).await;
    });
}

/// A network of so many validators and groups with keys.
fn on(engine: EngineKind, validators: usize, shards: u32, story: impl AsyncFn(&mut Testnet)) {
    let slot = Slot::take();
    let (permissioned, port_base) = (needs_permission(engine), slot.port_base());
    tell_story(Spec { validators, engine, shards, port_base, permissioned, ..Spec::default() }, story);
}

async fn fault(testnet: &mut Testnet, line: &str) -> Said {
    let words: Vec<&str> = ["testnet", "fault"].into_iter().chain(line.split(' ')).collect();
    let said = testnet.run(&words).await;
    println!("    witan {}: {:?}\n{}", words.join(" "), said.code, said.stderr);
    testnet.network.refresh().unwrap();
    said
}

/// A fault from beginning to end, whose verdict is the one that theory expects. Returns the verdict.
async fn rehearsed(testnet: &mut Testnet, line: &str) -> Value {
    let said = fault(testnet, &format!("{line} --for {LASTS} --json")).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("theory expects:"), "{said:?}");
    let verdict = said.json();
    assert_eq!(verdict["outcome"], "as-expected", "{verdict}");
    verdict
}

fn moved(verdict: &Value) -> bool {
    let group = &verdict["groups"][0];
    group["to"].as_u64().unwrap() > group["from"].as_u64().unwrap()
}

async fn a_partition_into_halves_halts_both(testnet: &mut Testnet) {
    let told = fault(testnet, "partition n0,n1 n2,n3 --dry-run").await;
    assert!(told.stdout.contains("halts: 2 members hear each other, 3 are needed"), "{told:?}");
    assert!(
        testnet.run(&["testnet", "fault", "list"]).await.stdout.contains("No fault"),
        "a dry run does nothing"
    );
    let verdict = rehearsed(testnet, "partition n0,n1 n2,n3").await;
    assert!(!moved(&verdict) && verdict["recovery"]["after"].is_string(), "{verdict}");
}

async fn a_quorum_goes_on_without_a_fourth_that_comes_back(testnet: &mut Testnet) {
    assert!(moved(&rehearsed(testnet, "kill n3").await));
    assert!(testnet.names().iter().all(|name| testnet.network.is_running(name)), "it was started again");
}

async fn a_liar_changes_nothing_and_is_accused(testnet: &mut Testnet) {
    assert!(moved(&rehearsed(testnet, "byzantine n2 equivocate").await));
    until("n2 is accused", async || {
        let evidence = testnet.client("n0").evidence(10, None).await.ok()?;
        evidence.items.iter().any(|item| item.name == "n2").then_some(())
    })
    .await;
}

async fn bad_lines_slow_it_down(testnet: &mut Testnet) {
    let verdict =
        rehearsed(testnet, "link --from n0,n1,n2,n3 --delay 40ms --jitter 10ms --loss 5% --duplicate 5%")
            .await;
    assert!(moved(&verdict));
    for name in testnet.names() {
        assert_eq!(testnet.client(&name).faults().await.unwrap(), [], "{name} has good lines again");
    }
}

async fn a_full_disk_ends_a_node_before_it_loses_a_write(testnet: &mut Testnet) {
    assert!(moved(&rehearsed(testnet, "disk n1 --full").await));
    let log = std::fs::read_to_string(testnet.network.log_path("n1").unwrap()).unwrap();
    assert!(log.contains("a staged fault takes its room"), "it said why it ended");
}

async fn what_makes_no_sense_is_refused_and_nothing_is_left(testnet: &mut Testnet) {
    for (line, why) in [
        ("kill n9", "there is no node n9: they are n0 to n3"),
        ("partition n0,n1 n1,n2", "each node is on one of them"),
        ("two-phase --from 1 --to 7", "two of this network's"),
        ("link --from n0", "the line does nothing"),
        ("heal 7", "there is no fault 7"),
    ] {
        let said = fault(testnet, line).await;
        assert!(matches!(said.code, Some(1 | 2)) && said.stderr.contains(why), "{line}: {said:?}");
    }
    // Without --for it stays until it is healed.
    assert_eq!(fault(testnet, "pause n3").await.code, Some(0));
    assert_eq!(fault(testnet, "list --json").await.json()[0]["fault"]["kind"], "pause");
    let healed = fault(testnet, "heal --json").await;
    assert_eq!((healed.code, &healed.json()["outcome"]), (Some(0), &"as-expected".into()));
    assert_eq!(fault(testnet, "list --json").await.json(), serde_json::json!([]));
}

/// Raft trusts its members: one that runs twice gives both sides of a partition a majority, and they differ for ever.
#[test]
fn a_twin_forks_raft_and_the_fork_is_shown() {
    on(EngineKind::Raft, 3, 1, async |testnet: &mut Testnet| {
        assert_eq!(fault(testnet, "partition n0 n1").await.code, Some(0));
        let said = fault(testnet, "twin n2 --audience n0 --for 30s --json").await;
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stderr.contains("MAY FORK"), "{said:?}");
        let verdict = said.json();
        let conflict = &verdict["conflicts"][0];
        assert_ne!(conflict["one"][1], conflict["other"][1], "{verdict}");
        assert_eq!(verdict["outcome"], "as-expected", "{verdict}");
    });
}

/// The same under PBFT: both processes together are one liar, which four validators withstand.
#[test]
fn a_twin_does_not_fork_pbft() {
    on(EngineKind::Pbft, 4, 1, async |testnet: &mut Testnet| {
        let verdict = rehearsed(testnet, "twin n3 --audience n0").await;
        assert_eq!(verdict["conflicts"], serde_json::json!([]));
        assert!(verdict["compared"].as_u64().unwrap() > 0, "{verdict}");
    });
}

/// What a coordinator asks does not arrive: its transaction is given up at the deadline, and each group goes on.
#[test]
fn a_silenced_channel_aborts_what_spans_it_and_nothing_else() {
    on(EngineKind::HotStuff, 4, 2, async |testnet: &mut Testnet| {
        assert_eq!(fault(testnet, "two-phase --from 1 --to 2").await.code, Some(0));
        let ops = [1, 2].map(|group| put_in(testnet, GroupId(group))).to_vec();
        let tx = testnet.signed(ops);
        let client = testnet.client("n0");
        client.submit(&tx, Wait::Accepted, DEADLINE).await.unwrap();
        let ended = until("it is given up", async || {
            let status = client.transaction(tx.id()).await.ok()?;
            status.status.is_final().then_some(status)
        })
        .await;
        assert_eq!(ended.status, TransactionState::Aborted, "{ended:?}");
        let reason = ended.result.and_then(|result| result.reason);
        assert_eq!(reason.as_deref(), Some("DEADLINE"));
        assert_eq!(fault(testnet, "heal").await.code, Some(0));
        let again = testnet.signed([1, 2].map(|group| put_in(testnet, GroupId(group))).to_vec());
        let status = client.submit(&again, Wait::Applied, DEADLINE).await.unwrap();
        assert_eq!(status.status, TransactionState::Committed, "{status:?}");
    });
}

/// A put of a key of this group.
fn put_in(testnet: &Testnet, group: GroupId) -> Op {
    let genesis = testnet.genesis();
    let key = (0..)
        .map(|number| Key(format!("spans/{number}").into_bytes()))
        .find(|key| witan_ledger::first_owner(&genesis, witan_ledger::slot_of(key)) == group);
    Op::Put { key: key.unwrap(), value: b"both".to_vec() }
}
