mod model;

use super::*;
use crate::fixtures::{GENESIS_MS, MapView, account, block_at, genesis, get, put, transaction};
use proptest::collection::vec;
use proptest::prelude::*;
use witan_types::genesis::Parameters;
use witan_types::transaction::MAX_VALUE_BYTES;
use witan_types::{Account, Scheme};

const HEIGHT: u64 = 7;

fn execute(state: &MapView, transactions: Vec<Transaction>) -> Execution {
    execute_seen(state, transactions, &|_| false)
}

fn execute_seen(
    state: &dyn StateView,
    transactions: Vec<Transaction>,
    seen: &dyn Fn(&IdentifiedTransaction) -> bool,
) -> Execution {
    let mut alone = Dealings::start(&genesis(), GroupId(1), Scheme::StandIn);
    let block = block_at(HEIGHT, GENESIS_MS + 1, transactions);
    execute_block(state, &block, seen, Parameters::default().max_tx_lifetime_ms, &mut alone)
}

/// State in which accounts 1 and 2 own 1,000 each, and one key of each type stands.
fn state() -> MapView {
    let entry = |value| Entry { value, version: Version::new(0, 3, 9) };
    let mut state = MapView::default();
    for number in 1..=2 {
        state.0.insert(Key::balance_of(&account(number)), entry(Value::Balance(1_000)));
    }
    state.0.insert(Key::from("bytes"), entry(Value::Bytes(b"held".to_vec())));
    state.0.insert(Key::from("list"), entry(Value::List(vec![b"first".to_vec()])));
    state.0.insert(Key::from("counter"), entry(Value::Counter(40)));
    state
}

/// What becomes of one transaction on [`state`].
fn outcome(checks: Vec<Check>, ops: Vec<Op>) -> TransactionOutcome {
    let execution = execute(&state(), vec![transaction(1, checks, ops)]);
    let failed = matches!(execution.receipts[0].outcome, TransactionOutcome::Failed { .. });
    assert!(!failed || execution.changes.is_empty(), "a failed transaction changes nothing");
    execution.receipts[0].outcome.clone()
}

fn failed(reason: FailureReason) -> TransactionOutcome {
    TransactionOutcome::Failed { reason }
}

fn values_read(outcome: TransactionOutcome) -> Vec<Option<Value>> {
    match outcome {
        TransactionOutcome::Applied { reads } => {
            reads.into_iter().map(|read| read.entry.map(|entry| entry.value)).collect()
        }
        other => panic!("not applied: {other:?}"),
    }
}

fn key(text: &str) -> Key {
    Key::from(text)
}

fn append(to: &str, item: &[u8]) -> Op {
    Op::Append { key: key(to), item: item.to_vec() }
}

fn add(to: &str, delta: i128) -> Op {
    Op::Add { key: key(to), delta }
}

fn transfer(to: u8, amount: u128) -> Op {
    Op::Transfer { to: account(to), amount }
}

fn balance(of: u8) -> Op {
    Op::Get { key: Key::balance_of(&account(of)) }
}

#[test]
fn ops_see_what_earlier_ops_of_the_transaction_wrote() {
    let ops = vec![
        put("a", "one"),
        get("a"),
        Op::Delete { key: key("a") },
        get("a"),
        add("a", 2),
        add("a", -5),
        get("a"),
        append("list", b"second"),
        get("list"),
    ];
    let list = Value::List(vec![b"first".to_vec(), b"second".to_vec()]);
    let expected = vec![Some(Value::Bytes(b"one".to_vec())), None, Some(Value::Counter(-3)), Some(list)];
    assert_eq!(values_read(outcome(vec![], ops)), expected);
}

#[test]
fn checks_see_the_state_before_the_transaction_and_after_those_before_it() {
    let absent = Check::Absent { key: key("new") };
    let first = transaction(1, vec![absent.clone()], vec![put("new", "1")]);
    let second = transaction(2, vec![absent], vec![put("new", "2")]);
    let execution = execute(&state(), vec![first, second]);
    assert_eq!(execution.receipts[0].outcome, TransactionOutcome::Applied { reads: vec![] });
    assert_eq!(execution.receipts[1].outcome, failed(FailureReason::CheckFailed));
}

#[test]
fn each_check_holds_exactly_when_it_says_so() {
    let version = Version::new(0, 3, 9).0;
    let holds = |check: Check| outcome(vec![check], vec![get("bytes")]) != failed(FailureReason::CheckFailed);
    let value = |at: &str, value: &str| Check::Value { key: key(at), value: value.as_bytes().to_vec() };
    let at_least = |of, at_least| Check::Balance { account: account(of), at_least };
    assert!(holds(Check::Exists { key: key("counter") }) && !holds(Check::Exists { key: key("none") }));
    assert!(holds(Check::Absent { key: key("none") }) && !holds(Check::Absent { key: key("counter") }));
    assert!(holds(value("bytes", "held")) && !holds(value("bytes", "other")) && !holds(value("none", "")));
    assert!(!holds(value("counter", "40")) && !holds(value("list", "first")));
    assert!(holds(Check::Version { key: key("list"), version }));
    assert!(!holds(Check::Version { key: key("list"), version: version + 1 }));
    assert!(holds(Check::Version { key: key("none"), version: 0 }));
    assert!(!holds(Check::Version { key: key("list"), version: 0 }));
    assert!(holds(at_least(1, 1_000)) && !holds(at_least(1, 1_001)));
    assert!(holds(at_least(99, 0)) && !holds(at_least(99, 1)));
}

#[test]
fn an_op_on_a_value_of_another_type_fails_but_put_replaces_any() {
    for op in [append("bytes", b"x"), append("counter", b"x"), add("bytes", 1), add("list", 1)] {
        assert_eq!(outcome(vec![], vec![put("other", "x"), op]), failed(FailureReason::WrongType));
    }
    let replaced =
        outcome(vec![], vec![put("list", "now"), put("counter", "now"), get("list"), get("counter")]);
    assert_eq!(values_read(replaced), vec![Some(Value::Bytes(b"now".to_vec())); 2]);
}

#[test]
fn counters_and_balances_stay_in_range() {
    assert_eq!(outcome(vec![], vec![add("counter", i128::MAX)]), failed(FailureReason::Overflow));
    assert_eq!(outcome(vec![], vec![add("new", i128::MIN), add("new", -1)]), failed(FailureReason::Overflow));
    let mut rich = state();
    let entry = Entry { value: Value::Balance(u128::MAX), version: Version(1) };
    rich.0.insert(Key::balance_of(&account(3)), entry);
    let execution = execute(&rich, vec![transaction(1, vec![], vec![transfer(3, 1)])]);
    assert_eq!(execution.receipts[0].outcome, failed(FailureReason::Overflow));
}

#[test]
fn a_transfer_moves_exactly_its_amount_and_never_more_than_there_is() {
    let moved = outcome(vec![], vec![transfer(5, 400), transfer(2, 600), balance(1), balance(2), balance(5)]);
    let expected = [0, 1_600, 400].map(|balance| Some(Value::Balance(balance)));
    assert_eq!(values_read(moved), expected);
    let overdraft = vec![transfer(5, 400), transfer(2, 601)];
    assert_eq!(outcome(vec![], overdraft), failed(FailureReason::InsufficientBalance));
}

#[test]
fn a_transfer_to_oneself_changes_the_version_alone() {
    let execution = execute(&state(), vec![transaction(1, vec![], vec![transfer(1, 1_000)])]);
    let entry = Entry { value: Value::Balance(1_000), version: Version::new(0, HEIGHT, 0) };
    assert_eq!(execution.changes, vec![(Key::balance_of(&account(1)), Some(entry))]);
    assert_eq!(outcome(vec![], vec![transfer(1, 1_001)]), failed(FailureReason::InsufficientBalance));
}

#[test]
fn a_list_never_outgrows_a_value() {
    let half = vec![0; MAX_VALUE_BYTES / 2];
    // Tag, count, and a length for each of two items leave 13 bytes less for the second.
    let rest = vec![0; MAX_VALUE_BYTES / 2 - 13];
    let fits = outcome(vec![], vec![append("new", &half), append("new", &rest), get("new")]);
    assert_eq!(values_read(fits).len(), 1);
    let one_more = vec![append("new", &half), append("new", &rest), append("new", &[])];
    assert_eq!(outcome(vec![], one_more), failed(FailureReason::Overflow));
    assert_eq!(
        outcome(vec![], vec![append("new", &vec![0; MAX_VALUE_BYTES])]),
        failed(FailureReason::Overflow)
    );
}

#[test]
fn deleting_what_is_absent_changes_nothing() {
    let execution = execute(&state(), vec![transaction(1, vec![], vec![Op::Delete { key: key("none") }])]);
    assert_eq!(execution.receipts[0].outcome, TransactionOutcome::Applied { reads: vec![] });
    assert_eq!(execution.changes, vec![]);
}

#[test]
fn a_write_that_the_signer_may_not_make_fails_even_if_it_got_into_a_block() {
    let elsewhere = format!("@{}/name", account(2));
    assert_eq!(outcome(vec![], vec![put(&elsewhere, "x")]), failed(FailureReason::ForbiddenKey));
}

#[test]
fn versions_and_receipts_name_the_place_in_the_block() {
    let mut expired = transaction(1, vec![], vec![put("a", "1")]);
    expired.expires_at_ms = GENESIS_MS;
    let execution = execute(&state(), vec![expired, transaction(2, vec![], vec![put("b", "2")])]);
    assert_eq!(execution.receipts[0].index, 1);
    let (_, entry) = &execution.changes[0];
    assert_eq!(entry.as_ref().unwrap().version, Version::new(0, HEIGHT, 1));
}

#[test]
fn repeated_and_expired_transactions_leave_no_trace() {
    let twice = transaction(1, vec![], vec![add("counter", 1)]);
    let before = transaction(2, vec![], vec![add("counter", 1)]);
    let mut expired = transaction(3, vec![], vec![add("counter", 1)]);
    expired.expires_at_ms = GENESIS_MS;
    let mut in_time = transaction(4, vec![], vec![get("counter")]);
    in_time.expires_at_ms = GENESIS_MS + 1;
    let ids = [&twice, &before, &expired].map(Transaction::id);
    let all = vec![twice.clone(), twice, before, expired, in_time];
    let execution = execute_seen(&state(), all, &|known| known.id() == ids[1]);
    assert_eq!(execution.skipped, ids);
    assert_eq!(execution.receipts.len(), 2);
    assert_eq!(values_read(execution.receipts[1].outcome.clone()), vec![Some(Value::Counter(41))]);
}

/// State with four values of nearly the largest size.
fn large() -> MapView {
    let mut state = state();
    for name in ["w", "x", "y", "z"] {
        let value = Value::Bytes(vec![7; MAX_VALUE_BYTES - 100]);
        state.0.insert(key(name), Entry { value, version: Version(1) });
    }
    state
}

#[test]
fn gets_that_return_too_much_fail_the_transaction() {
    let four = vec![get("w"), get("x"), get("y"), get("z")];
    let mut five = four.clone();
    five.push(get("bytes"));
    five.push(get("w"));
    let execution = execute(&large(), vec![transaction(1, vec![], four), transaction(2, vec![], five)]);
    assert_eq!(values_read(execution.receipts[0].outcome.clone()).len(), 4);
    assert_eq!(execution.receipts[1].outcome, failed(FailureReason::ReadTooLarge));
}

#[test]
fn a_transaction_whose_reads_do_not_fit_in_the_block_waits_and_leaves_nothing_behind() {
    let reader = |salt| {
        let mut ops = vec![append("list", b"next"), add("counter", 1), put("mark", "x")];
        ops.extend([get("w"), get("x"), get("y"), get("z")]);
        transaction(salt, vec![], ops)
    };
    let small = transaction(9, vec![], vec![get("counter"), get("list")]);
    let (fourth, fifth) = (reader(4), reader(5));
    let late = [fourth.id(), fifth.id()];
    let execution = execute(&large(), vec![reader(1), reader(2), reader(3), fourth, fifth, small]);
    let receipts: usize =
        execution.receipts.iter().map(|receipt| witan_types::codec::encode(receipt).len()).sum();
    assert!(receipts <= MAX_RECEIPT_BYTES);
    assert_eq!(execution.deferred, vec![(late[1], Stopped::Full)]);
    let seen = values_read(execution.receipts.last().unwrap().outcome.clone());
    let items = [b"first".as_slice(), b"next", b"next", b"next", b"next"].map(<[u8]>::to_vec).to_vec();
    assert_eq!(seen, vec![Some(Value::Counter(44)), Some(Value::List(items))]);
}

/// State in which every key holds a value of the largest size.
struct Endless;

impl StateView for Endless {
    fn entry(&self, _key: &Key) -> Option<Entry> {
        Some(Entry { value: Value::Bytes(vec![0; MAX_VALUE_BYTES]), version: Version(1) })
    }
}

#[test]
fn a_block_that_has_loaded_its_fill_defers_the_rest() {
    let reader = |salt: u64| {
        let checks = (0..128).map(|number| Check::Exists { key: key(&format!("{salt}/{number}")) }).collect();
        transaction(salt, checks, vec![put("done", "x")])
    };
    let transactions: Vec<Transaction> = (0..12).map(reader).collect();
    let execution = execute_seen(&Endless, transactions.clone(), &|_| false);
    assert_eq!(execution.receipts.len(), 8, "eight of them load 8 MiB and their keys each");
    let rest: Vec<_> = transactions[8..].iter().map(|rest| (rest.id(), Stopped::Full)).collect();
    assert_eq!(execution.deferred, rest);
}

#[test]
fn gets_of_failed_transactions_count_as_work_of_the_block() {
    let reader = |salt| {
        let ops = ["w", "x", "y", "z", "w"].map(get).to_vec();
        transaction(salt, vec![], ops)
    };
    let execution = execute(&large(), (0..300).map(reader).collect());
    assert!(execution.receipts.iter().all(|receipt| receipt.outcome == failed(FailureReason::ReadTooLarge)));
    assert_eq!(
        (execution.receipts.len(), execution.deferred.len()),
        (256, 44),
        "256 of them copy 256 KiB each"
    );
}

#[test]
fn the_keys_of_a_transaction_are_all_that_it_reads_or_writes() {
    let checks = vec![
        Check::Absent { key: key("1") },
        Check::Exists { key: key("2") },
        Check::Value { key: key("3"), value: vec![] },
        Check::Version { key: key("4"), version: 0 },
        Check::Balance { account: account(5), at_least: 0 },
    ];
    let ops = vec![
        put("6", ""),
        Op::Delete { key: key("7") },
        append("8", b""),
        add("9", 1),
        get("10"),
        transfer(2, 0),
    ];
    let found: Vec<Key> = keys(&transaction(1, checks, ops)).map(Cow::into_owned).collect();
    let plain = |names: &[&str]| names.iter().map(|name| key(name)).collect::<Vec<_>>();
    let balances = [5, 1, 2].map(|number| Key::balance_of(&account(number)));
    let expected = [
        plain(&["1", "2", "3", "4"]),
        balances[..2].to_vec(),
        plain(&["6", "7", "8", "9", "10"]),
        balances[2..].to_vec(),
    ];
    assert_eq!(found, expected.concat());
}

fn keys_used() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => prop::sample::select(vec!["bytes", "list", "counter", "d"]).prop_map(Key::from),
        1 => (1..4_u8).prop_map(|number| Key::balance_of(&account(number))),
        1 => (1..4_u8).prop_map(|number| Key::from(format!("@{}/own", account(number)).as_str())),
    ]
}

fn accounts() -> impl Strategy<Value = Account> {
    (1..4_u8).prop_map(account)
}

fn items() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![6 => vec(0..3_u8, 0..3), 1 => Just(vec![1; 30_000]), 1 => Just(vec![2; MAX_VALUE_BYTES])]
}

fn checks() -> impl Strategy<Value = Check> {
    let version = prop_oneof![Just(0), Just(Version::new(0, 3, 9).0), Just(Version::new(0, HEIGHT, 0).0)];
    prop_oneof![
        keys_used().prop_map(|key| Check::Absent { key }),
        keys_used().prop_map(|key| Check::Exists { key }),
        (keys_used(), items()).prop_map(|(key, value)| Check::Value { key, value }),
        (keys_used(), version).prop_map(|(key, version)| Check::Version { key, version }),
        (accounts(), 0..2_000_u128).prop_map(|(account, at_least)| Check::Balance { account, at_least }),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    let delta = prop_oneof![8 => -5..5_i128, 1 => Just(i128::MAX), 1 => Just(i128::MIN)];
    prop_oneof![
        2 => (keys_used(), items()).prop_map(|(key, value)| Op::Put { key, value }),
        1 => keys_used().prop_map(|key| Op::Delete { key }),
        2 => (keys_used(), items()).prop_map(|(key, item)| Op::Append { key, item }),
        2 => (keys_used(), delta).prop_map(|(key, delta)| Op::Add { key, delta }),
        2 => transfers(),
        2 => keys_used().prop_map(|key| Op::Get { key }),
    ]
}

fn transfers() -> impl Strategy<Value = Op> {
    let amount = prop_oneof![8 => 0..700_u128, 1 => Just(u128::MAX)];
    (accounts(), amount).prop_map(|(to, amount)| Op::Transfer { to, amount })
}

fn transactions(
    checks: impl Strategy<Value = Vec<Check>>,
    ops: impl Strategy<Value = Op>,
) -> impl Strategy<Value = Transaction> {
    (accounts(), 0..1_000_000_u64, checks, vec(ops, 1..6))
        .prop_map(|(signer, salt, checks, ops)| Transaction { signer, ..transaction(salt, checks, ops) })
}

fn programs() -> impl Strategy<Value = Vec<Transaction>> {
    vec(transactions(vec(checks(), 0..2), ops()), 0..12)
}

proptest! {
    #[test]
    fn any_program_does_what_the_naive_model_does(program in programs()) {
        let (mut modelled, mut outcomes) = (state(), Vec::new());
        let mut ids = BTreeSet::new();
        for (index, transaction) in (0..).zip(&program) {
            if ids.insert(transaction.id()) {
                outcomes.push(model::run(&mut modelled, transaction, Version::new(0, HEIGHT, index)));
            }
        }
        let execution = execute(&state(), program);
        let mut executed = state();
        executed.apply(&execution.changes);
        prop_assert_eq!(executed, modelled);
        let found: Vec<_> = execution.receipts.into_iter().map(|receipt| receipt.outcome).collect();
        prop_assert_eq!(found, outcomes);
        prop_assert!(execution.changes.windows(2).all(|pair| pair[0].0 < pair[1].0), "ascending, each once");
    }

    #[test]
    fn execution_is_the_same_every_time(program in programs()) {
        prop_assert_eq!(execute(&state(), program.clone()), execute(&state(), program));
    }

    #[test]
    fn transfers_neither_make_nor_lose_balance(program in vec(transactions(Just(Vec::new()), transfers()), 0..20)) {
        let execution = execute(&state(), program);
        let mut after = state();
        after.apply(&execution.changes);
        prop_assert_eq!(after.total(), state().total());
    }

    #[test]
    fn a_failed_transaction_changes_nothing(program in programs()) {
        let execution = execute(&state(), program.clone());
        let failed = |id: &TxId| {
            let receipt = execution.receipts.iter().find(|receipt| receipt.id == *id);
            receipt.is_some_and(|receipt| matches!(receipt.outcome, TransactionOutcome::Failed { .. }))
        };
        let empty = |transaction: Transaction| Transaction { checks: vec![], ops: vec![get("none")], ..transaction };
        let without = program.into_iter().map(|one| if failed(&one.id()) { empty(one) } else { one }).collect();
        prop_assert_eq!(execute(&state(), without).changes, execution.changes);
    }

    #[test]
    fn the_receipts_of_a_block_stay_within_their_bound(
        reads in vec(vec(prop::sample::select(vec!["w", "x", "y", "z", "list"]), 1..5), 0..30),
    ) {
        let reader = |(salt, names): (u64, Vec<&str>)| transaction(salt, vec![], names.into_iter().map(get).collect());
        let execution = execute(&large(), (0..).zip(reads).map(reader).collect());
        let bytes: usize = execution.receipts.iter().map(|receipt| witan_types::codec::encode(receipt).len()).sum();
        prop_assert!(bytes <= MAX_RECEIPT_BYTES);
    }
}
