//! Documents about more than one key or group: whole slots, and transactions across groups. The files of the vectors follow
//! from what stands here, and from a genesis with two groups of users.

use super::*;
use crate::commands::verify::document::tests::vectors::check;
use witan_ledger::records::Record;
use witan_ledger::{
    AbortReason, Entry, FailureReason, PortableOutcome, PortablePart, PortableReceipt, PortableSlotProof,
    Read, Receipt, SLOTS, SlotEntry, Told, TransactionOutcome, Tree, Value as Held, Version, slot_of,
};
use witan_testnet::rpc::{
    Phase, PhaseView, ReadPoint, ReadView, ScanItem, SlotView, TransactionResult, TransactionState,
    TxStatusView,
};
use witan_types::genesis::GenesisGroup;
use witan_types::{EngineKind, Hash, Height, SealedHeader, SignedTransaction};

/// The usual genesis with a second group of users.
pub(super) fn genesis_of_groups() -> Genesis {
    let mut genesis = genesis();
    genesis.name = "vectors of groups".into();
    genesis.groups.push(GenesisGroup::of_all(GroupId(2), EngineKind::HotStuff));
    genesis
}

/// A verifier of that network.
pub(super) fn verifier() -> Verifier {
    Verifier::new(&genesis_of_groups()).unwrap()
}

pub(super) fn judged(document: &Value) -> Result<Proved, String> {
    verify(&document.to_string(), &mut verifier())
}

/// A header of a group in its first epoch, sealed by three of four.
pub(super) fn sealed(group: u32, height: Height, change: impl FnOnce(&mut Outcome)) -> SealedHeader {
    let base = genesis_of_groups().base_header(GroupId(group));
    let header =
        Header { height, tag: height, parent: base.id(), time_ms: base.time_ms + 1_000 * height, ..base };
    let mut outcome = outcome_of(&header);
    change(&mut outcome);
    let share = |place| SealShare::sign(outcome.clone(), ValidatorIndex(place), &secret(place));
    let parts = [0, 1, 3].map(share).map(|share| (share.validator, share.signature));
    let seal = Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(parts) };
    SealedHeader { header, seal }
}

/// The document of an answer with its proof.
pub(super) fn document<T: serde::Serialize>(
    view: &T,
    format: &str,
    bytes: Vec<u8>,
    encoding: Option<&str>,
) -> Value {
    let mut document = object(view).unwrap();
    document.insert("proof".into(), serde_json::to_value(ProofView::of(format, bytes)).unwrap());
    if let Some(encoding) = encoding {
        document.insert("encoding".into(), encoding.into());
    }
    Value::Object(document)
}

/// Asserts that the document is believed, and with any shown field changed is not.
pub(super) fn every_shown_field_counts(document: &Value, judge: impl Fn(&Value) -> Result<Proved, String>) {
    judge(document).unwrap();
    for (name, value) in document.as_object().unwrap() {
        let other = match value {
            Value::Null => json!(1),
            Value::Bool(is) => json!(!is),
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            Value::String(text) if name == "encoding" => json!(format!("{text}!")),
            Value::String(text) => json!(format!("{text}0")),
            Value::Array(items) if items.is_empty() => json!([1]),
            Value::Array(items) => Value::Array(items.iter().skip(1).cloned().collect()),
            Value::Object(_) => json!({}),
        };
        let why = judge(&with(document, &format!("/{name}"), other));
        assert!(why.is_err(), "{name} changed: {why:?}");
    }
    let mut more = document.clone();
    more["note"] = json!("trust me");
    assert!(judge(&more).unwrap_err().contains("note"));
}

fn entry(value: Held, index: u32) -> Entry {
    Entry { value, version: Version::new(0, 3, index) }
}

/// Three keys of one slot and one of another.
fn slot_document() -> Value {
    let mut entries = vec![
        SlotEntry { key: Key::from("{street}/1"), entry: entry(Held::Bytes(b"house".to_vec()), 0) },
        SlotEntry { key: Key::from("{street}/2"), entry: entry(Held::List(vec![b"a".to_vec()]), 1) },
        SlotEntry { key: Key::from("{street}/3"), entry: entry(Held::Counter(7), 2) },
    ];
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    let slot = slot_of(&entries[0].key);
    let elsewhere = (Key::from("elsewhere"), sha(b"elsewhere"));
    let hashes: Vec<(Key, Hash)> = entries.iter().map(|it| (it.key.clone(), it.entry.hash())).collect();
    let hashes = hashes.iter().chain(std::iter::once(&elsewhere));
    let tree = Tree::new(0..SLOTS, 0).update(hashes.map(|(key, hash)| (key, Some(*hash))));
    let header = sealed(1, 4, |outcome| outcome.state_root = tree.root());
    let item = |it: &SlotEntry| ScanItem {
        key: it.key.0.clone().into(),
        value: Some(value_view(it.entry.value.clone())),
        version: it.entry.version.0,
    };
    let at = ReadPoint { group: GroupId(1), height: 4, block_id: header.header.id() };
    let mut view = SlotView { slot, items: entries.iter().map(item).collect(), at, proof: None };
    witan_testnet::rpc::Encoded::write_as(&mut view, Encoding::Utf8).unwrap();
    let proof = tree.prove_slot(slot).unwrap();
    let portable = PortableSlotProof { header, slot, entries, proof };
    document(&view, SLOT_PROOF_FORMAT, portable.encode(), Some("utf8"))
}

fn sha(bytes: &[u8]) -> Hash {
    witan_types::sha256(&[bytes])
}

fn transaction() -> SignedTransaction {
    let genesis = genesis_of_groups();
    let key = secret(9);
    let transaction = Transaction {
        chain: genesis.chain(),
        signer: Account(key.public()),
        salt: 7,
        expires_at_ms: genesis.time_ms + 60_000,
        checks: Vec::new(),
        ops: vec![
            Op::Put { key: Key::from("a"), value: b"1".to_vec() },
            Op::Get { key: Key::from("b") },
            Op::Put { key: Key::from("b"), value: b"2".to_vec() },
        ],
    };
    transaction.sign(&key)
}

/// What group 2 had consumed of group 1 after its block 9: so many messages.
fn part(consumed: u64) -> PortablePart {
    let cursor = [consumed.to_le_bytes(), 3_u64.to_le_bytes()].concat();
    let (key, cursor) = (Record::Incoming(GroupId(1)).key(), entry(Held::Record(cursor), 0));
    let tree = Tree::new(0..SLOTS, 0).update([(&key, Some(cursor.hash()))]);
    let header = sealed(2, 9, |outcome| outcome.state_root = tree.root());
    PortablePart { header, proof: tree.prove(&key), cursor }
}

/// A transaction of groups 1 and 2, decided in block 6 of group 1.
fn outcome_document(outcome: TransactionOutcome, consumed: u64) -> Value {
    let signed = transaction();
    let told = vec![Told { group: GroupId(2), place: 4 }];
    let (id, expires_at_ms) = (signed.id(), signed.transaction.expires_at_ms);
    let receipt = Receipt { id, expires_at_ms, index: 1, outcome: outcome.clone(), told };
    let hashes = [sha(b"another receipt"), receipt.hash()];
    let header = sealed(1, 6, |outcome| outcome.receipts_root = merkle_list::root(&hashes));
    let proof = merkle_list::prove(&hashes, 1).unwrap();
    let receipt = PortableReceipt { header, receipt, proof };
    let portable = PortableOutcome { transaction: Some(signed), receipt, parts: vec![part(consumed)] };
    let (status, own, other, result) = match outcome {
        TransactionOutcome::Applied { reads } => {
            let read = |read: Read| ReadView {
                key: read.key.0.into(),
                version: read.entry.as_ref().map_or(0, |entry| entry.version.0),
                value: read.entry.map(|entry| value_view(entry.value)),
            };
            let reads = reads.into_iter().map(read).collect();
            let result = TransactionResult { reason: None, reads };
            (TransactionState::Committed, Phase::Committed, Phase::Applied, result)
        }
        _ => {
            let result = TransactionResult { reason: Some("CHECK_FAILED".into()), reads: Vec::new() };
            (TransactionState::Aborted, Phase::Aborted, Phase::Released, result)
        }
    };
    let phases = vec![
        PhaseView { group: GroupId(1), phase: own, height: Some(6) },
        PhaseView { group: GroupId(2), phase: other, height: None },
    ];
    let mut view = TxStatusView {
        result: Some(result),
        group: Some(GroupId(1)),
        height: Some(6),
        sealed: true,
        applied: true,
        phases,
        ..TxStatusView::outside_blocks(id, status)
    };
    witan_testnet::rpc::Encoded::write_as(&mut view, Encoding::Utf8).unwrap();
    document(&view, OUTCOME_PROOF_FORMAT, portable.encode(), Some("utf8"))
}

fn committed() -> Value {
    let read = Read { key: Key::from("b"), entry: Some(entry(Held::Bytes(b"0".to_vec()), 5)) };
    outcome_document(TransactionOutcome::Applied { reads: vec![read] }, 5)
}

fn aborted() -> Value {
    let reason = AbortReason::Failed(FailureReason::CheckFailed);
    outcome_document(TransactionOutcome::Aborted { reason }, 5)
}

#[test]
fn the_vectors_of_slots_and_outcomes_follow_from_what_stands_here() {
    check("genesis-of-groups", &genesis_of_groups());
    check("slot", &slot_document());
    check("outcome", &committed());
    check("outcome-aborted", &aborted());
}

#[test]
fn a_slot_is_proved_with_everything_in_it() {
    let proved = judged(&slot_document()).unwrap();
    assert_eq!((proved.kind, proved.group, proved.height), ("slot", GroupId(1), 4));
    assert!(proved.statement.contains("exactly the 3 keys shown"), "{}", proved.statement);
    every_shown_field_counts(&slot_document(), judged);
}

#[test]
fn a_key_hidden_from_the_list_of_a_slot_is_noticed() {
    let mut fewer = slot_document();
    fewer["items"].as_array_mut().unwrap().remove(1);
    assert!(judged(&fewer).unwrap_err().starts_with("items is "));
    let changed = with(&slot_document(), "/items/0/value", json!("castle"));
    assert!(judged(&changed).unwrap_err().starts_with("items is "));
}

#[test]
fn a_committed_transaction_is_proved_in_all_its_groups() {
    let proved = judged(&committed()).unwrap();
    assert_eq!((proved.kind, proved.group, proved.height), ("outcome", GroupId(1), 6));
    assert_eq!(proved.others, [(GroupId(2), Epoch(1))]);
    for said in ["committed in block 6 of group 1", "visible in group 2 after block 9", "with 3 ops"] {
        assert!(proved.statement.contains(said), "{}", proved.statement);
    }
    assert_eq!(proved.transaction.unwrap()["ops"][0]["value"], json!("0x31"));
    every_shown_field_counts(&committed(), judged);
}

#[test]
fn an_aborted_transaction_is_proved_to_have_had_no_effect() {
    let proved = judged(&aborted()).unwrap();
    assert!(proved.statement.contains("aborted (CHECK_FAILED) without any effect"), "{}", proved.statement);
    every_shown_field_counts(&aborted(), judged);
    let as_committed = with(&aborted(), "/status", json!("committed"));
    assert!(judged(&as_committed).unwrap_err().starts_with("status is "));
}

#[test]
fn a_transaction_that_a_group_has_not_heard_of_is_not_proved() {
    let why = judged(&outcome_document(TransactionOutcome::Applied { reads: Vec::new() }, 4)).unwrap_err();
    assert!(why.contains("group 2 had not heard"), "{why}");
}

#[test]
fn the_proof_of_one_kind_is_none_of_another() {
    for format in [PROOF_FORMAT, SLOT_PROOF_FORMAT, EPOCH_PROOF_FORMAT] {
        assert!(judged(&with(&committed(), "/proof/format", json!(format))).is_err(), "{format}");
    }
    let why = judged(&with(&committed(), "/proof/format", json!("witan-outcome-proof-2"))).unwrap_err();
    assert!(why.contains("witan-outcome-proof-1"), "{why}");
}

proptest! {
    #[test]
    fn a_slot_s_or_outcome_s_proof_with_any_bit_changed_is_refused(
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        for document in [slot_document(), committed()] {
            let mut proof: ProofView = serde_json::from_value(document["proof"].clone()).unwrap();
            let place = place.index(proof.bytes.len());
            proof.bytes[place] ^= 1 << bit;
            let tampered = with(&document, "/proof", serde_json::to_value(proof).unwrap());
            prop_assert!(judged(&tampered).is_err());
        }
    }
}
