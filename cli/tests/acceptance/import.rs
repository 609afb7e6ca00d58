//! Real input: a file of records goes in, every node has it, and anyone can check it offline.

use crate::command::{finish, run, text};
use crate::network::{Testnet, text_of};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use witan_testnet::rpc::At;
use witan_testnet::rpc::server::ScanRange;

stories! {
    on_four_validators: [
        an_imported_file_is_whole_on_every_node_and_what_is_wrong_in_it_is_counted,
        a_hundred_random_keys_verify_offline_from_proof_and_genesis_alone,
    ];
}

/// Records of the file that are right.
const RECORDS: usize = 1_500;
/// Records whose value is above the limit.
const OVERSIZE: usize = 3;
/// Keys whose proofs are checked offline.
const PROVED: usize = 100;
/// Keys of one page of a scan.
const PAGE: u32 = 500;

/// A stand-in for the package index: the file, and the records in it that are right.
pub(crate) async fn slice(
    testnet: &Testnet,
    records: usize,
    oversize: usize,
) -> (PathBuf, BTreeMap<String, String>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/debian-index.py");
    let mut python = tokio::process::Command::new("python3");
    python.arg(script).args(["--generate", &records.to_string(), "--oversize", &oversize.to_string()]);
    let python = python.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let made = finish(python.expect("python3 is there")).await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let path = testnet.path("packages.jsonl");
    std::fs::write(&path, &made.stdout).unwrap();
    let field = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    let all = made.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let right = all.map(|record| (field(&record, "key"), field(&record, "value")));
    let right: BTreeMap<_, _> = right.filter(|(key, _)| !key.starts_with("oversize-")).collect();
    assert_eq!(right.len(), records);
    (path, right)
}

/// Appends lines that are no records to be loaded, and returns how many there are for each reason.
fn spoil(file: &Path, stranger: &str) -> BTreeMap<&'static str, u64> {
    let long = "k".repeat(257);
    let lines = [
        ("BAD_JSON", "this is no JSON".to_owned()),
        ("BAD_JSON", r#"{"key": "unfinished", "value": "#.to_owned()),
        ("BAD_JSON", r#"{"value": "without a key"}"#.to_owned()),
        ("KEY_EMPTY", r#"{"key": "", "value": "of nothing"}"#.to_owned()),
        ("KEY_TOO_LONG", format!(r#"{{"key": "{long}", "value": "x"}}"#)),
        ("FORBIDDEN_KEY", format!(r#"{{"key": "@{stranger}/home", "value": "x"}}"#)),
    ];
    let mut out = std::fs::File::options().append(true).open(file).unwrap();
    let mut reasons = BTreeMap::from([("VALUE_TOO_LARGE", OVERSIZE as u64)]);
    for (reason, line) in lines {
        writeln!(out, "{line}").unwrap();
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

/// Everything that users wrote, as this node shows it in pages.
pub(crate) async fn contents(testnet: &Testnet, node: &str) -> BTreeMap<String, String> {
    let client = testnet.client(node);
    // Keys of accounts begin with @, which is below every letter.
    let range = ScanRange { start: b"A".to_vec(), end: None };
    let (mut all, mut cursor) = (BTreeMap::new(), None);
    loop {
        let page = client.scan(&range, PAGE, cursor, At::Latest).await.unwrap();
        let items = page.items.into_iter();
        all.extend(
            items.map(|item| {
                (String::from_utf8(item.key.into_bytes()).unwrap(), text_of(item.value).unwrap())
            }),
        );
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn an_imported_file_is_whole_on_every_node_and_what_is_wrong_in_it_is_counted(testnet: &mut Testnet) {
    let (file, records) = slice(testnet, RECORDS, OVERSIZE).await;
    let reasons = spoil(&file, &testnet.network.description().accounts[1].address);
    let counts = testnet.run(&["import", text(&file), "--json"]).await.json();
    let rejected: u64 = reasons.values().sum();
    assert_eq!(counts["loaded"], records.len() as u64, "{counts}");
    assert_eq!(counts["rejected"], rejected, "{counts}");
    assert_eq!(counts["read"], records.len() as u64 + rejected, "{counts}");
    assert_eq!(counts["rejectedByReason"], serde_json::to_value(&reasons).unwrap());

    let agreed = testnet.agreement(&testnet.names()).await;
    println!("    all nodes: height {}, state root {}", agreed.height, agreed.state_root);
    for node in testnet.names() {
        assert_eq!(contents(testnet, &node).await, records, "what {node} holds");
    }

    let again = testnet.run(&["import", text(&file), "--json"]).await.json();
    assert_eq!((&again["loadedBefore"], &again["transactions"]), (&counts["loaded"], &0.into()), "{again}");
    testnet.same_chain(&testnet.names()).await;
}

async fn a_hundred_random_keys_verify_offline_from_proof_and_genesis_alone(testnet: &mut Testnet) {
    let (file, records) = slice(testnet, RECORDS, 0).await;
    testnet.run(&["import", text(&file), "--json"]).await.json();
    testnet.agreement(&testnet.names()).await;
    let keys: Vec<&String> = records.keys().collect();
    let names = testnet.names();
    let mut proofs = Vec::new();
    for place in 0..PROVED {
        let key = keys[rand::random_range(0..keys.len())];
        let rpc = &testnet.network.node(&names[place % names.len()]).unwrap().rpc;
        let proof = testnet.run(&["state", "get", key, "--prove", "--json", "--rpc", rpc]).await.json();
        assert_eq!(proof["value"].as_str(), Some(records[key].as_str()), "{key}");
        proofs.push(proof);
    }
    let absent = testnet.run(&["state", "get", "no such package", "--prove", "--json"]).await.json();
    assert_eq!(absent["value"], Value::Null);
    proofs.push(absent);

    // No node is left to ask.
    testnet.network.down().await.unwrap();
    let genesis = testnet.network.genesis_path();
    for proof in &proofs {
        let verdict = verify(testnet, proof, &genesis).await.expect("a true proof holds");
        assert!(verdict.contains(proof["key"].as_str().unwrap()), "{verdict}");
    }
    for (what, tampered) in tamper(&proofs[0], &proofs[1]) {
        verify(testnet, &tampered, &genesis).await.expect_err(what);
    }
    let other = Testnet::create(witan_types::EngineKind::HotStuff, 0);
    let stranger = other.network.genesis_path();
    verify(testnet, &proofs[0], &stranger).await.expect_err("the proof of another network");
}

/// What `witan verify` says of a document: what it proves, or why it proves nothing.
async fn verify(testnet: &Testnet, document: &Value, genesis: &Path) -> Result<String, String> {
    let path = testnet.path("proof.json");
    std::fs::write(&path, document.to_string()).unwrap();
    let said = run(&["verify", text(&path), "--genesis", text(genesis)]).await;
    match said.code {
        Some(0) => Ok(said.stdout),
        Some(1) => Err(said.stderr),
        _ => panic!("{said:?}"),
    }
}

/// A proof with one lie each.
fn tamper(proof: &Value, other: &Value) -> Vec<(&'static str, Value)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut proof = proof.clone();
        change(&mut proof);
        proof
    };
    let hex = proof["proof"]["bytes"].as_str().unwrap();
    let flipped = |place: usize| {
        let digit = if hex.as_bytes()[place] == b'0' { "1" } else { "0" };
        let mut hex = hex.to_owned();
        hex.replace_range(place..=place, digit);
        with(&|proof| proof["proof"]["bytes"] = hex.clone().into())
    };
    vec![
        ("another value", with(&|proof| proof["value"] = "something else".into())),
        ("another key", with(&|proof| proof["key"] = "another-key".into())),
        ("another height", with(&|proof| proof["height"] = 1_000_000.into())),
        ("absence of what is there", with(&|proof| proof["value"] = Value::Null)),
        ("the proof of another key", with(&|proof| proof["proof"] = other["proof"].clone())),
        ("a bit at the start", flipped(2)),
        ("a bit in the middle", flipped(hex.len() / 2)),
        ("a bit at the end", flipped(hex.len() - 1)),
        ("a proof cut short", with(&|proof| proof["proof"]["bytes"] = hex[..hex.len() - 2].into())),
    ]
}
