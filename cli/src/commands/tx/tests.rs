//! A command line becomes the ops and checks that it says.

use super::*;
use clap::Parser as _;
use witan_types::{ChainId, Check, SecretKey};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn filled(words: &[&str]) -> Result<Transaction, CliError> {
    let line = Line::try_parse_from(std::iter::once(&"tx").chain(words)).expect("a command line");
    let mut transaction = frame();
    line.args.fill(&mut transaction)?;
    Ok(transaction)
}

fn frame() -> Transaction {
    Transaction {
        chain: ChainId::default(),
        signer: Account(SecretKey::from_seed([1; 32]).public()),
        salt: 1,
        expires_at_ms: 2,
        checks: Vec::new(),
        ops: Vec::new(),
    }
}

fn ops(words: &[&str]) -> Vec<Op> {
    filled(words).unwrap().ops
}

#[test]
fn each_command_is_its_op() {
    let key = || Key::from("k");
    assert_eq!(ops(&["put", "k", "-5"]), [Op::Put { key: key(), value: b"-5".to_vec() }]);
    assert_eq!(ops(&["put", "0x6b", "0x00", "--hex"]), [Op::Put { key: key(), value: vec![0] }]);
    assert_eq!(ops(&["delete", "k"]), [Op::Delete { key: key() }]);
    assert_eq!(ops(&["append", "k", "v"]), [Op::Append { key: key(), item: b"v".to_vec() }]);
    assert_eq!(ops(&["add", "k", "-3"]), [Op::Add { key: key(), delta: -3 }]);
    assert_eq!(ops(&["get", "k", "l"]), [Op::Get { key: key() }, Op::Get { key: Key::from("l") }]);
    let to = Account(SecretKey::from_seed([2; 32]).public());
    let transfer = ops(&["transfer", "--to", &to.to_string(), "--amount", "7"]);
    assert_eq!(transfer, [Op::Transfer { to, amount: 7 }]);
}

#[test]
fn checks_come_with_any_command_and_more_than_once() {
    let transaction = filled(&["put", "k", "v", "--check", "k=absent", "--check", "l=version:3"]).unwrap();
    let expected =
        [Check::Absent { key: Key::from("k") }, Check::Version { key: Key::from("l"), version: 3 }];
    assert_eq!(transaction.checks, expected);
    let wrong = filled(&["put", "k", "v", "--check", "k=never"]);
    assert!(matches!(wrong, Err(CliError::Usage(_))));
}

#[test]
fn a_file_holds_ops_or_ops_and_checks() {
    let put = json!({"op": "put", "key": "a", "value": "1"});
    let expected = Op::Put { key: Key::from("a"), value: b"1".to_vec() };
    let list = ops_from_json(json!([put]), &frame(), false).unwrap();
    assert_eq!(list.ops, std::slice::from_ref(&expected));
    let check = json!({"check": "version", "key": "a", "version": "3"});
    let both = ops_from_json(json!({"ops": [put], "checks": [check]}), &frame(), false).unwrap();
    assert_eq!(both.ops, [expected]);
    assert_eq!(both.checks, [Check::Version { key: Key::from("a"), version: 3 }]);
    assert_eq!((both.salt, both.signer), (frame().salt, frame().signer), "the rest is not the file's to say");
}

#[test]
fn a_file_that_is_no_list_of_ops_is_refused_with_the_place() {
    for (wrong, place) in [
        (json!("x"), "array"),
        (json!({"op": "put"}), "op"),
        (json!({"ops": [], "salt": "1"}), "salt"),
        (json!([{"op": "put", "key": "a"}]), "ops[0].value"),
        (json!([{"op": "fly"}]), "ops[0].op"),
    ] {
        let why = ops_from_json(wrong, &frame(), false).unwrap_err();
        assert!(why.contains(place), "{why}");
    }
}

#[test]
fn a_transaction_across_groups_is_told_group_by_group_in_words() {
    let id = TxId(witan_types::Hash([7; 32]));
    let phase = |group, phase, height| PhaseView { group: witan_types::GroupId(group), phase, height };
    let status = TxStatusView {
        group: Some(witan_types::GroupId(1)),
        height: Some(9),
        sealed: true,
        phases: vec![phase(1, Phase::Committed, Some(9)), phase(2, Phase::Applied, None)],
        applied: true,
        ..TxStatusView::outside_blocks(id, TransactionState::Committed)
    };
    let told = describe(&status, false);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "committed in block 9 of group 1, sealed, and over in every group");
    assert_eq!(lines[2], "  group 1: committed in block 9 (as the coordinator)");
    assert_eq!(lines[3], "  group 2: applied (visible)", "a height that is forgotten is left out");
}
