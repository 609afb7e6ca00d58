//! A document proves what it shows, or it is refused with the reason. The vectors are fixed, so that the format of
//! proofs can't drift unseen.

mod epochs;
mod several;
mod vectors;

use super::*;
use proptest::prelude::*;
use serde_json::json;
use witan_testnet::rpc::{BlockTransactions, BlockView, SealView};
use witan_types::{
    Account, Batch, BlockId, Genesis, Header, Key, Op, Outcome, Payload, QuorumSignatures, Seal, SealShare,
    SecretKey, Transaction, ValidatorIndex, merkle_list,
};

const BYTES: &str = include_str!("../vectors/bytes.json");
const LIST: &str = include_str!("../vectors/list.json");
const COUNTER: &str = include_str!("../vectors/counter.json");
const ABSENT: &str = include_str!("../vectors/absent.json");

fn genesis() -> Genesis {
    serde_json::from_str(include_str!("../vectors/genesis.json")).unwrap()
}

fn judge(document: &Value) -> Result<Proved, String> {
    verify(&document.to_string(), &mut Verifier::new(&genesis()).unwrap())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// `document` with one field changed.
fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).unwrap() = value;
    changed
}

#[test]
fn every_kind_of_value_and_absence_is_proved() {
    for (text, said) in [
        (BYTES, "the 4 bytes"),
        (LIST, "a list of the 2 items"),
        (COUNTER, "the count -7"),
        (ABSENT, "no value"),
    ] {
        let proved = judge(&parsed(text)).unwrap();
        assert_eq!((proved.kind, proved.group, proved.height), ("state", GroupId(1), 1));
        assert!(proved.statement.contains(said), "{}", proved.statement);
    }
}

#[test]
fn a_document_may_come_in_hex_or_in_the_envelope_of_its_answer() {
    let text = parsed(BYTES);
    let hex = with(&with(&text, "/key", json!("0x6772c3bc6e")), "/value", json!("0x626c7565"));
    let mut hex = with(&hex, "/encoding", json!("hex"));
    assert!(judge(&hex).is_ok());
    hex.as_object_mut().unwrap().remove("encoding");
    assert!(judge(&hex).is_ok(), "hex is what an answer without a word about it is in");
    assert!(judge(&json!({"jsonrpc": "2.0", "id": 1, "result": text})).is_ok());
}

#[test]
fn a_shown_field_that_is_not_the_proved_one_is_refused_by_name() {
    for (pointer, value) in [
        ("/key", json!("green")),
        ("/value", json!("red")),
        ("/value", json!(null)),
        ("/type", json!("list")),
        ("/version", json!("1")),
        ("/group", json!(2)),
        ("/height", json!(2)),
        ("/blockId", json!(format!("0x{}", "00".repeat(32)))),
    ] {
        let why = judge(&with(&parsed(BYTES), pointer, value)).unwrap_err();
        assert!(why.starts_with(&format!("{} is ", &pointer[1..])), "{why}");
    }
    let mut more = parsed(BYTES);
    more["note"] = json!("trust me");
    assert!(judge(&more).unwrap_err().contains("does not cover"));
}

#[test]
fn the_proof_of_one_key_is_none_of_another() {
    let swapped = with(&parsed(BYTES), "/proof", parsed(LIST)["proof"].clone());
    assert!(judge(&swapped).is_err());
}

#[test]
fn what_is_no_proof_is_refused_with_what_to_do() {
    for (document, said) in [
        (json!([]), "object"),
        (json!({"key": "a", "value": "b"}), "--prove"),
        (json!({"proof": {"format": "x", "bytes": "0x"}}), "witan-state-proof-1"),
        (json!({"proof": {"format": PROOF_FORMAT, "bytes": "0x00"}}), "proof.bytes"),
        (json!({"proof": null}), "proof"),
        (json!({"encoded": 5}), "encoded"),
        (json!({"seal": 5}), "seal"),
    ] {
        let why = judge(&document).unwrap_err();
        assert!(why.contains(said), "{why}");
    }
    assert!(verify("{", &mut Verifier::new(&genesis()).unwrap()).unwrap_err().contains("JSON"));
}

#[test]
fn another_network_s_proof_is_refused() {
    let mut other = genesis();
    other.name = "another".into();
    let why = verify(BYTES, &mut Verifier::new(&other).unwrap()).unwrap_err();
    assert!(why.contains("chain"), "{why}");
}

proptest! {
    #[test]
    fn a_proof_with_any_bit_changed_is_refused(place in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let document = parsed(BYTES);
        let proof: ProofView = serde_json::from_value(document["proof"].clone()).unwrap();
        let mut bytes = proof.bytes;
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let tampered = serde_json::to_value(ProofView::new(bytes)).unwrap();
        prop_assert!(judge(&with(&document, "/proof", tampered)).is_err());
    }
}

fn secret(place: u16) -> SecretKey {
    SecretKey::from_seed([u8::try_from(place + 1).unwrap(); 32])
}

/// A block of two puts with the seal of three of four validators, as `chain block --prove --json` prints it.
fn block_document() -> Value {
    block_document_of(&[1, 2])
}

/// A block with one transaction for each salt.
fn block_document_of(salts: &[u64]) -> Value {
    let genesis = genesis();
    let base = genesis.base_header(GroupId(1));
    let put = |salt: u64| {
        let key = secret(9);
        let op = Op::Put { key: Key::from("a"), value: salt.to_string().into_bytes() };
        let transaction = Transaction {
            chain: genesis.chain(),
            signer: Account(key.public()),
            salt,
            expires_at_ms: base.time_ms + 60_000,
            checks: Vec::new(),
            ops: vec![op],
        };
        transaction.sign(&key)
    };
    let transactions: Vec<_> = salts.iter().copied().map(put).collect();
    let batches = if salts.is_empty() { Vec::new() } else { vec![Batch::of(transactions.clone())] };
    let payload = Payload { batches, envelopes: Vec::new() };
    let header = Header {
        height: 1,
        tag: 3,
        parent: base.id(),
        time_ms: base.time_ms + 5,
        payload_root: payload.root(),
        ..base
    };
    let outcome = outcome_of(&header);
    let share = |place| SealShare::sign(outcome.clone(), ValidatorIndex(place), &secret(place));
    let parts = [0, 1, 3].map(share).map(|share| (share.validator, share.signature));
    let seal = Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(parts) };
    let block = BlockView {
        group: header.group,
        height: header.height,
        block_id: header.id(),
        parent: header.parent,
        tag: header.tag,
        epoch: header.epoch,
        proposer: header.proposer,
        time_ms: header.time_ms,
        payload_root: header.payload_root,
        state_root: Some(outcome.state_root),
        receipts_root: Some(outcome.receipts_root),
        tx_count: transactions.len(),
        sealed: true,
        txs: Some(BlockTransactions::full(transactions)),
    };
    let mut document = object(&block).unwrap();
    document.insert("encoding".into(), "hex".into());
    document.insert("seal".into(), Value::Object(object(&SealView::from(&seal)).unwrap()));
    Value::Object(document)
}

fn outcome_of(header: &Header) -> Outcome {
    Outcome {
        chain: header.chain,
        group: header.group,
        epoch: header.epoch,
        height: header.height,
        block_id: header.id(),
        state_root: merkle_list::root(&[]),
        receipts_root: merkle_list::root(&[]),
        outbox_root: merkle_list::root(&[]),
        next_epoch: None,
    }
}

#[test]
fn a_block_is_proved_with_all_its_transactions() {
    let proved = judge(&block_document()).unwrap();
    assert_eq!((proved.kind, proved.group, proved.height), ("block", GroupId(1), 1));
    assert!(proved.statement.contains("exactly the 2 transactions"), "{}", proved.statement);
}

#[test]
fn an_empty_block_is_proved_too() {
    let proved = judge(&block_document_of(&[])).unwrap();
    assert!(proved.statement.contains("0 transactions"), "{}", proved.statement);
}

#[test]
fn a_block_with_any_field_changed_is_refused() {
    let document = block_document();
    let zero = json!(BlockId::default().to_string());
    for (pointer, value) in [
        ("/height", json!(2)),
        ("/tag", json!(4)),
        ("/proposer", json!(1)),
        ("/timeMs", json!(1)),
        ("/parent", zero.clone()),
        ("/blockId", zero.clone()),
        ("/payloadRoot", zero.clone()),
        ("/stateRoot", zero.clone()),
        ("/receiptsRoot", zero),
        ("/txCount", json!(1)),
        ("/sealed", json!(false)),
        ("/txs/0/ops/0/value", json!("0xff")),
        ("/txs/1", document["txs"][0].clone()),
        ("/seal/height", json!(2)),
        ("/seal/signers/0", json!(2)),
    ] {
        assert!(judge(&with(&document, pointer, value)).is_err(), "{pointer}");
    }
    let mut ids = document;
    ids.as_object_mut().unwrap().remove("txs");
    assert!(judge(&ids).unwrap_err().contains("--prove"));
}

#[test]
fn a_seal_is_proved_alone_and_refused_with_a_changed_field() {
    let seal = block_document()["seal"].clone();
    let proved = judge(&seal).unwrap();
    assert_eq!((proved.kind, proved.height), ("seal", 1));
    for (pointer, value) in
        [("/height", json!(9)), ("/stateRoot", json!("0x00")), ("/signers", json!([0, 1, 2]))]
    {
        let why = judge(&with(&seal, pointer, value)).unwrap_err();
        assert!(why.contains(&pointer[1..]), "{why}");
    }
    let encoded = seal["encoded"].as_str().unwrap();
    let (start, last) = encoded.split_at(encoded.len() - 1);
    let flipped = if last == "0" { "1" } else { "0" };
    assert!(
        judge(&with(&seal, "/encoded", json!(format!("{start}{flipped}")))).unwrap_err().contains("seal")
    );
}
