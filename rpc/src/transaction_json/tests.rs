//! What is written is read back, and what is not a transaction is refused by the path to what is wrong.

use super::*;
use crate::encoding::Encoding;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use witan_types::genesis::Parameters;
use witan_types::{
    Account, ChainId, Change, ChangeKind, Check, Hash, Key, Op, Operators, PublicKey, Signature,
    SignedTransaction, Transaction,
};

fn account() -> impl Strategy<Value = Account> {
    any::<[u8; 32]>().prop_map(|bytes| Account(PublicKey(bytes)))
}

fn key() -> impl Strategy<Value = Key> {
    "[a-z{}@/]{1,20}".prop_map(|text| Key(text.into_bytes()))
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    "\\PC{0,20}".prop_map(String::into_bytes)
}

fn check() -> impl Strategy<Value = Check> {
    prop_oneof![
        key().prop_map(|key| Check::Absent { key }),
        key().prop_map(|key| Check::Exists { key }),
        (key(), value()).prop_map(|(key, value)| Check::Value { key, value }),
        (key(), any::<u128>()).prop_map(|(key, version)| Check::Version { key, version }),
        (account(), any::<u128>()).prop_map(|(account, at_least)| Check::Balance { account, at_least }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Op::Put { key, value }),
        key().prop_map(|key| Op::Delete { key }),
        (key(), value()).prop_map(|(key, item)| Op::Append { key, item }),
        (key(), any::<i128>()).prop_map(|(key, delta)| Op::Add { key, delta }),
        (account(), any::<u128>()).prop_map(|(to, amount)| Op::Transfer { to, amount }),
        key().prop_map(|key| Op::Get { key }),
        change().prop_map(|change| Op::Approve { change }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let parameters = (any::<u64>(), any::<u64>()).prop_map(|(block_time_ms, max_block_bytes)| {
        ChangeKind::Parameters(Parameters { block_time_ms, max_block_bytes, ..Parameters::default() })
    });
    let operators = (vec(account(), 0..4), any::<u16>())
        .prop_map(|(accounts, threshold)| ChangeKind::Operators(Operators { accounts, threshold }));
    (any::<u64>(), prop_oneof![parameters, operators]).prop_map(|(version, kind)| Change { version, kind })
}

fn signed() -> impl Strategy<Value = SignedTransaction> {
    let fields =
        (any::<[u8; 32]>(), account(), any::<u64>(), any::<u64>(), vec(check(), 0..4), vec(op(), 0..5));
    (fields, any::<[u8; 64]>()).prop_map(|((chain, signer, salt, expires_at_ms, checks, ops), signature)| {
        let chain = ChainId(Hash(chain));
        let transaction = Transaction { chain, signer, salt, expires_at_ms, checks, ops };
        SignedTransaction { transaction, signature: Signature(signature) }
    })
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just(Encoding::Hex), Just(Encoding::Utf8), Just(Encoding::Base64)]
}

/// Through text, as it travels.
fn travel(json: Map<String, Value>) -> Map<String, Value> {
    serde_json::from_str(&serde_json::to_string(&json).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn a_signed_transaction_comes_back_from_its_json(signed in signed(), encoding in encoding()) {
        let json = travel(signed_to_json(&signed, encoding).unwrap());
        prop_assert_eq!(signed_from_json(&json, "tx", encoding), Ok(signed));
    }

    #[test]
    fn an_unsigned_transaction_comes_back_from_its_json(signed in signed(), encoding in encoding()) {
        let json = travel(unsigned_to_json(&signed.transaction, encoding).unwrap());
        prop_assert_eq!(unsigned_from_json(&json, "unsigned", encoding), Ok(signed.transaction));
    }

    #[test]
    fn a_transaction_with_one_field_more_or_less_is_refused(signed in signed(), place in 0_usize..5) {
        let mut json = unsigned_to_json(&signed.transaction, Encoding::Hex).unwrap();
        let mut longer = json.clone();
        longer.insert("nonce".into(), json!(1));
        prop_assert_eq!(unsigned_from_json(&longer, "tx", Encoding::Hex).unwrap_err().path, "tx.nonce");

        let needed = ["chain", "signer", "salt", "expiresAtMs"];
        if let Some(field) = needed.get(place) {
            json.remove(*field);
            let error = unsigned_from_json(&json, "tx", Encoding::Hex).unwrap_err();
            prop_assert_eq!(error.path, format!("tx.{field}"));
            prop_assert!(error.expected.ends_with("got nothing"));
        }
    }
}

fn sample() -> Map<String, Value> {
    let json = json!({
        "chain": Hash([1; 32]).to_string(),
        "signer": Account(PublicKey([2; 32])).to_string(),
        "salt": 7,
        "expiresAtMs": 1000,
        "ops": [{"op": "put", "key": "k", "value": "v"}, {"op": "add", "key": "n", "delta": "-3"}],
    });
    json.as_object().unwrap().clone()
}

fn refusal(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut json = sample();
    change(&mut json);
    unsigned_from_json(&json, "tx", Encoding::Utf8).unwrap_err().to_string()
}

#[test]
fn a_salt_may_be_a_number_and_checks_may_be_left_out() {
    let transaction = unsigned_from_json(&sample(), "tx", Encoding::Utf8).unwrap();
    assert_eq!((transaction.salt, transaction.checks.len(), transaction.ops.len()), (7, 0, 2));
}

#[test]
fn a_refusal_names_the_path_and_what_was_expected_there() {
    let of_op = |field: &'static str, value: Value| refusal(move |json| json["ops"][1][field] = value);
    assert_eq!(
        of_op("delta", json!("3.5")),
        r#"tx.ops[1].delta: expected a whole number as a decimal string, got "3.5""#
    );
    assert_eq!(
        of_op("delta", json!("+3")),
        r#"tx.ops[1].delta: expected a whole number as a decimal string, got "+3""#
    );
    assert_eq!(of_op("key", json!(4)), "tx.ops[1].key: expected text, got 4");
    assert_eq!(
        of_op("value", json!("")),
        "tx.ops[1].value: expected no such field; tx.ops[1] has op, key, delta"
    );
    assert!(of_op("op", json!("burn")).starts_with(r#"tx.ops[1].op: expected "put", "delete""#));
    assert!(
        refusal(|json| json["salt"] = json!("18446744073709551616"))
            .starts_with("tx.salt: expected a number")
    );
    assert!(refusal(|json| json["ops"] = json!({})).starts_with("tx.ops: expected an array of at most 128"));
    assert!(refusal(|json| json["ops"][0] = json!([])).starts_with("tx.ops[0]: expected an object"));
}

#[test]
fn bytes_that_are_no_text_cannot_be_written_as_utf8() {
    let mut transaction = unsigned_from_json(&sample(), "tx", Encoding::Utf8).unwrap();
    transaction.ops.push(Op::Put { key: Key::from("k"), value: vec![0xff, 0xfe] });
    assert!(unsigned_to_json(&transaction, Encoding::Utf8).is_err());
    assert!(unsigned_to_json(&transaction, Encoding::Base64).is_ok());
}

#[test]
fn a_change_that_leaves_a_parameter_out_is_refused_and_never_filled_up() {
    let approving = |change: Value| {
        let op = json!({"op": "approve", "change": change});
        let mut json = sample();
        json["ops"] = json!([op]);
        unsigned_from_json(&json, "tx", Encoding::Utf8).map_err(|error| error.to_string())
    };
    let parameters = serde_json::to_value(Parameters::default()).unwrap();
    let whole = approving(json!({"version": 2, "parameters": parameters})).unwrap();
    assert!(whole.approves().is_some());

    let mut less = parameters.clone();
    less.as_object_mut().unwrap().remove("idleIntervalMs");
    assert_eq!(
        approving(json!({"version": 2, "parameters": less})).unwrap_err(),
        "tx.ops[0].change.parameters.idleIntervalMs: expected a number: a change names every parameter, got nothing"
    );
    let mut more = parameters;
    more["idleIntervall"] = json!(3);
    let refused = approving(json!({"version": 2, "parameters": more})).unwrap_err();
    assert!(
        refused.starts_with("tx.ops[0].change.parameters.idleIntervall: expected no such field"),
        "{refused}"
    );
    let nothing = approving(json!({"version": 2})).unwrap_err();
    assert_eq!(nothing, "tx.ops[0].change.parameters: expected an object, got nothing");
    let nobody = json!({"version": 2, "operators": {"accounts": ["me"], "threshold": 1}});
    let refused = approving(nobody).unwrap_err();
    assert!(refused.starts_with("tx.ops[0].change.operators.accounts[0]: expected an account"), "{refused}");
}
