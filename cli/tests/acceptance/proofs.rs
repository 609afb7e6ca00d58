//! What nodes prove to those who trust none: fetched by commands, judged offline, and refused once touched.

use crate::command::{run, text};
use crate::network::{Testnet, in_three_groups, put, until};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use witan_testnet::rpc::{TransactionState, Wait};
use witan_types::{Check, EngineKind, GroupId, Key, SignedTransaction};

/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn everything_a_node_says_can_be_checked_offline_and_nothing_can_be_changed() {
    // Three groups under three engines: a statement about all of them is as strong as the weakest.
    in_three_groups(EngineKind::HotStuff, async |testnet: &mut Testnet| {
        let spanning = spans_all_groups(testnet, Vec::new()).await;
        keys_of_one_slot(testnet).await;
        let present = fetched(testnet, "present", &["state", "get", "{street}/1", "--prove"]).await;
        let absent = fetched(testnet, "absent", &["state", "get", "{street}/none", "--prove"]).await;
        let slot = fetched(testnet, "slot", &["state", "slot", "{street}", "--prove"]).await;
        let outcome = fetched(testnet, "outcome", &["tx", "status", &spanning, "--prove"]).await;
        let light = fetched(testnet, "light", &["chain", "light", "--group", "2"]).await;
        let epoch = fetched(testnet, "epoch", &["chain", "epoch", "--group", "2", "--prove"]).await;
        let genesis = testnet.network.genesis_path();
        for (file, kind, said) in [
            (&present, "state", "held the 7 bytes shown"),
            (&absent, "state", "held no value"),
            (&slot, "slot", "exactly the 3 keys shown"),
            (&outcome, "outcome", "visible in group 3"),
            (&light, "light", "is final"),
            (&epoch, "epoch", "epoch 1 of group 2"),
        ] {
            let proved = verified(file, &genesis).await;
            assert_eq!((&proved["verified"], &proved["kind"]), (&json!(true), &json!(kind)), "{proved}");
            assert!(proved["statement"].as_str().unwrap().contains(said), "{proved}");
            tampering_is_noticed(file, &genesis).await;
        }
        let weakest = verified(&outcome, &genesis).await["statement"].to_string();
        assert!(weakest.contains("Group 3 runs raft (crash)"), "{weakest}");
        a_block_and_its_seal(testnet, &genesis).await;
        a_key_left_out_is_noticed(&slot, &genesis).await;
        from_a_checkpoint(testnet, &light, &epoch).await;
        aborted_and_unknown(testnet, &genesis).await;
    });
}

/// The id of a transaction that writes a key of each group, once it has ended and every group has obeyed.
async fn spans_all_groups(testnet: &Testnet, checks: Vec<Check>) -> String {
    let ops = [1, 2, 3].map(|group| async move { put(&key_of(testnet, group).await, "spanning") });
    let ops = futures::future::join_all(ops).await;
    let mut transaction = testnet.unsigned(0, ops);
    transaction.checks = checks;
    let signed: SignedTransaction = transaction.sign(&testnet.secret(0));
    let status = testnet.client("n1").submit(&signed, Wait::Applied, PATIENCE).await.unwrap();
    assert!(status.applied, "{status:?}");
    signed.id().to_string()
}

async fn key_of(testnet: &Testnet, group: u32) -> String {
    let client = testnet.client("n0");
    for number in 0.. {
        let key = format!("one/{number}");
        if client.shard_of(key.as_bytes()).await.unwrap().group == GroupId(group) {
            return key;
        }
    }
    unreachable!("every group owns slots")
}

async fn keys_of_one_slot(testnet: &Testnet) {
    for number in 0..3 {
        let key = format!("{{street}}/{number}");
        let signed = testnet.signed(vec![put(&key, &format!("house {number}"))]);
        let status = testnet.client("n2").submit(&signed, Wait::Sealed, PATIENCE).await.unwrap();
        assert_eq!(status.status, TransactionState::Committed);
    }
    // Commands ask the first node, which may be a block behind.
    until("n0 has sealed all of them", async || {
        let slot = testnet.run(&["state", "slot", "{street}", "--at", "sealed", "--json"]).await.json();
        (slot["items"].as_array()?.len() == 3).then_some(())
    })
    .await;
}

/// The file with what a command prints as JSON, once it does: what one node has sealed another may seal a moment later.
async fn fetched(testnet: &Testnet, name: &str, arguments: &[&str]) -> PathBuf {
    let file = testnet.path(&format!("{name}.json"));
    let arguments = [arguments, &["--json"]].concat();
    let printed = until(&format!("{name} can be proved"), async || {
        let said = testnet.run(&arguments).await;
        (said.code == Some(0)).then_some(said.stdout)
    })
    .await;
    std::fs::write(&file, printed).unwrap();
    file
}

async fn verified(file: &Path, genesis: &Path) -> Value {
    run(&["verify", text(file), "--genesis", text(genesis), "--json"]).await.json()
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

async fn refused(document: &Value, beside: &Path, genesis: &Path, what: &str) {
    let file = beside.with_extension("tampered.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let said = run(&["verify", text(&file), "--genesis", text(genesis)]).await;
    assert_eq!(said.code, Some(1), "{what}: {said:?}");
    assert!(said.stderr.contains("not verified"), "{what}: {said:?}");
}

/// A byte of what is proved, and each number that is shown, changed.
async fn tampering_is_noticed(file: &Path, genesis: &Path) {
    let document = read(file);
    let bytes = if document.get("proof").is_some() { "/proof/bytes" } else { "/encoded" };
    let hex = document.pointer(bytes).unwrap().as_str().unwrap().to_owned();
    for place in [2, hex.len() / 4, hex.len() / 2, hex.len() - 1] {
        let mut digits: Vec<char> = hex.chars().collect();
        digits[place] = if digits[place] == '0' { '1' } else { '0' };
        let mut changed = document.clone();
        *changed.pointer_mut(bytes).unwrap() = digits.into_iter().collect::<String>().into();
        refused(&changed, file, genesis, &format!("digit {place} of {bytes}")).await;
    }
    let numbers = document.as_object().unwrap().iter().filter(|(_, value)| value.is_u64());
    for (name, value) in numbers {
        let mut changed = document.clone();
        changed[name] = json!(value.as_u64().unwrap() + 1);
        refused(&changed, file, genesis, name).await;
    }
}

async fn a_block_and_its_seal(testnet: &Testnet, genesis: &Path) {
    let of_group = |what: &'static str| ["chain", what, "--group", "1", "--at", "1"];
    let block = fetched(testnet, "block", &[&of_group("block")[..], &["--prove"]].concat()).await;
    let seal = fetched(testnet, "seal", &of_group("seal")).await;
    for (file, kind) in [(&block, "block"), (&seal, "seal")] {
        let proved = verified(file, genesis).await;
        assert_eq!((&proved["kind"], &proved["height"]), (&json!(kind), &json!(1)), "{proved}");
        let mut changed = read(file);
        changed["height"] = json!(2);
        refused(&changed, file, genesis, "height").await;
    }
}

async fn a_key_left_out_is_noticed(slot: &Path, genesis: &Path) {
    for place in 0..3 {
        let mut fewer = read(slot);
        fewer["items"].as_array_mut().unwrap().remove(place);
        refused(&fewer, slot, genesis, "a key left out").await;
    }
}

/// Without genesis: from an epoch of the root group that is trusted, and an epoch of group 2 that is proved from there.
async fn from_a_checkpoint(testnet: &Testnet, light: &Path, epoch: &Path) {
    let checkpoint = fetched(testnet, "checkpoint", &["chain", "epoch", "--group", "0"]).await;
    let (light, epoch, checkpoint) = (text(light), text(epoch), text(&checkpoint));
    let unknown = run(&["verify", light, "--checkpoint", checkpoint]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("no validators of group 2 are known"), "{unknown:?}");
    let known = run(&["verify", light, "--checkpoint", checkpoint, "--epoch", epoch, "--json"]).await.json();
    assert_eq!((&known["verified"], &known["group"]), (&json!(true), &json!(2)), "{known}");
    let both = run(&["verify", light, "--checkpoint", checkpoint, "--genesis", checkpoint]).await;
    assert_eq!(both.code, Some(2), "{both:?}");
}

/// A transaction that a group refused is proved to have done nothing; one that nobody knows is not found.
async fn aborted_and_unknown(testnet: &Testnet, genesis: &Path) {
    let (first, third) = (key_of(testnet, 1).await, key_of(testnet, 3).await);
    let exists = Check::Exists { key: Key::from(first.as_str()) };
    let absent = Check::Absent { key: Key::from(third.as_str()) };
    let id = spans_all_groups(testnet, vec![exists, absent]).await;
    let file = testnet.path("aborted.json");
    until("the end of an aborted transaction can be proved", async || {
        let said = testnet.run(&["tx", "status", &id, "--prove", "--out", text(&file)]).await;
        // Exit code 1 says that it was not applied.
        (said.stdout.contains("aborted: CHECK_FAILED") && file.exists()).then_some(())
    })
    .await;
    let proved = verified(&file, genesis).await["statement"].to_string();
    assert!(proved.contains("aborted (CHECK_FAILED) without any effect"), "{proved}");

    let unknown = format!("0x{}", "ab".repeat(32));
    let said = testnet.run(&["tx", "status", &unknown, "--prove"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("not found"), "{said:?}");
}
