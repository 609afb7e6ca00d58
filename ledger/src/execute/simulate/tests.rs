//! What a simulation says is what the next block does, and saying it changes nothing.

use super::*;
use crate::fixtures::{GENESIS_MS, account, child, genesis, signed, transaction};
use crate::ledger::Ledger;
use crate::memory_store::MemoryStore;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use witan_types::{Check, Hash, Height};

const GROUP: GroupId = GroupId(1);

/// A group's ledger, with every block flushed.
fn open() -> Ledger<MemoryStore> {
    let (mut ledger, commit) = Ledger::open(MemoryStore::default(), &genesis(), GROUP).unwrap();
    ledger.store_mut().apply(&commit.unwrap());
    ledger.flushed(0);
    ledger
}

fn execute(ledger: &mut Ledger<MemoryStore>, time_ms: u64, list: Vec<Transaction>) -> crate::Executed {
    let executed = ledger.execute(Arc::new(child(ledger.tip(), time_ms, list)));
    ledger.store_mut().apply(&executed.commit);
    ledger.flushed(executed.commit.outcome.height);
    executed
}

fn simulate(ledger: &Ledger<MemoryStore>, time_ms: u64, transaction: &Transaction) -> TriedPart {
    let signed = signed(transaction.clone());
    try_part(ledger.store(), &genesis(), ledger.tip(), time_ms, &signed).unwrap()
}

fn together(transaction: &Transaction, part: TriedPart) -> Simulated {
    put_together(transaction, |_| GROUP, BTreeMap::from([(GROUP, part.outcome)]))
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        Just(Key::from("a")),
        Just(Key::from("b")),
        Just(Key::from("c")),
        (1_u8..3).prop_map(|number| Key::balance_of(&account(number))),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = || vec(any::<u8>(), 0..4);
    prop_oneof![
        1 => (key(), bytes()).prop_map(|(key, value)| Op::Put { key, value }),
        1 => key().prop_map(|key| Op::Delete { key }),
        1 => (key(), bytes()).prop_map(|(key, item)| Op::Append { key, item }),
        1 => (key(), -3_i128..4).prop_map(|(key, delta)| Op::Add { key, delta }),
        3 => key().prop_map(|key| Op::Get { key }),
        2 => (1_u8..4, 0_u128..700).prop_map(|(to, amount)| Op::Transfer { to: account(to), amount }),
    ]
}

fn check() -> impl Strategy<Value = Check> {
    prop_oneof![
        key().prop_map(|key| Check::Exists { key }),
        key().prop_map(|key| Check::Absent { key }),
        (0_u128..1_200).prop_map(|at_least| Check::Balance { account: account(1), at_least }),
    ]
}

proptest! {
    #[test]
    fn a_transaction_does_in_the_next_block_what_was_simulated(
        list in vec((proptest::option::weighted(0.3, check()), vec(op(), 1..5), 1_u64..50), 1..12),
    ) {
        let mut ledger = open();
        for (salt, (check, ops, after_ms)) in (1..).zip(list) {
            let tried = transaction(salt, check.into_iter().collect(), ops);
            let time_ms = ledger.tip().time_ms + after_ms;
            let before = ledger.store().clone();
            let part = simulate(&ledger, time_ms, &tried);
            prop_assert_eq!(&before, ledger.store());
            prop_assert_eq!(&part.locked, &[]);
            let executed = execute(&mut ledger, time_ms, vec![tried.clone()]).commit;
            let changes = executed.changes.iter().filter(|(key, _)| !key.is_reserved()).cloned();
            let writes: Vec<(Key, Option<Entry>)> = match &part.outcome {
                PartOutcome::Applied { writes, .. } => writes.clone(),
                _ => Vec::new(),
            };
            prop_assert_eq!(writes, changes.collect::<Vec<_>>());
            let [receipt] = executed.receipts.as_slice() else { panic!("{:?}", executed.receipts) };
            prop_assert_eq!(together(&tried, part), Simulated::Ends(receipt.outcome.clone()));
            prop_assert_eq!(together(&tried, simulate(&ledger, time_ms + 1, &tried)), Simulated::Repeated);
        }
    }
}

#[test]
fn time_is_judged_as_a_block_would() {
    let mut ledger = open();
    execute(&mut ledger, GENESIS_MS + 10, vec![]);
    let get = || vec![Op::Get { key: Key::from("a") }];
    let expiring = |expires_at_ms| Transaction { expires_at_ms, ..transaction(1, vec![], get()) };
    let at = |time_ms, expires| together(&expiring(expires), simulate(&ledger, time_ms, &expiring(expires)));
    let lifetime_ms = genesis().parameters.max_tx_lifetime_ms;
    let (now_ms, ends) = (GENESIS_MS + 20, |said: Simulated| matches!(said, Simulated::Ends(_)));
    assert_eq!(at(now_ms, GENESIS_MS + 10), Simulated::Expired, "the newest block has that time");
    assert_eq!(at(now_ms, now_ms - 1), Simulated::Expired);
    assert!(ends(at(now_ms, now_ms)));
    assert!(ends(at(now_ms, now_ms + lifetime_ms)));
    assert_eq!(at(now_ms, now_ms + lifetime_ms + 1), Simulated::ExpiryTooFar(now_ms + lifetime_ms));
}

#[test]
fn what_a_transaction_may_read_is_bounded_as_in_a_block() {
    let mut ledger = open();
    let value = vec![7; witan_types::transaction::MAX_VALUE_BYTES];
    let (put, get) = (Op::Put { key: Key::from("a"), value }, Op::Get { key: Key::from("a") });
    execute(&mut ledger, GENESIS_MS + 10, vec![transaction(1, vec![], vec![put])]);
    let fits = transaction(2, vec![], vec![get.clone(); 3]);
    let too_much = transaction(3, vec![], vec![get; 4]);
    let said = |tried: &Transaction| together(tried, simulate(&ledger, GENESIS_MS + 20, tried));
    assert!(matches!(said(&fits), Simulated::Ends(TransactionOutcome::Applied { .. })));
    let reason = FailureReason::ReadTooLarge;
    assert_eq!(said(&too_much), Simulated::Ends(TransactionOutcome::Failed { reason }));
}

#[test]
fn parts_make_one_outcome() {
    let owner = |key: &Key| GroupId(u32::from(key.0[0] - b'0'));
    let get = |key: &str| Op::Get { key: Key::from(key) };
    let tried = transaction(1, vec![], vec![get("1"), get("2"), get("1"), get("3")]);
    let read = |key: &str| Read { key: Key::from(key), entry: None };
    let applied = |keys: &[&str]| PartOutcome::Applied {
        reads: keys.iter().map(|key| read(key)).collect(),
        writes: vec![],
    };
    let waits = || PartOutcome::Deferred(Stopped::Key(Key::from("3")));
    let fails = || PartOutcome::Failed(FailureReason::WrongType);
    let put = |one, two, three| {
        let parts = [(GroupId(1), one), (GroupId(2), two), (GroupId(3), three)];
        put_together(&tried, owner, parts.into())
    };
    let (one, two, three) = (|| applied(&["1", "1"]), || applied(&["2"]), || applied(&["3"]));
    let reads = ["1", "2", "1", "3"].map(read).to_vec();
    assert_eq!(put(one(), two(), three()), Simulated::Ends(TransactionOutcome::Applied { reads }));
    let reason = FailureReason::WrongType;
    assert_eq!(put(fails(), two(), waits()), Simulated::Ends(TransactionOutcome::Failed { reason }));
    let aborted = Simulated::Ends(TransactionOutcome::Aborted { reason: AbortReason::Failed(reason) });
    assert_eq!(put(one(), waits(), fails()), aborted);
    let waiting = |group| Simulated::Waits(GroupId(group), Stopped::Key(Key::from("3")));
    assert_eq!(put(one(), two(), waits()), waiting(3));
    assert_eq!(put(waits(), fails(), three()), waiting(1));
    assert_eq!(put(PartOutcome::Repeated, two(), three()), Simulated::Repeated);
}

#[test]
fn a_record_that_can_not_be_read_is_an_error_and_not_an_answer() {
    let mut ledger = open();
    let height: Height = ledger.tip().height + 1;
    let record = Record::Coordinated(TxId(Hash([1; 32]))).key();
    let entry = Entry { value: Value::Record(vec![1, 2, 3]), version: crate::Version::new(0, height, 0) };
    let mut commit = execute(&mut ledger, GENESIS_MS + 10, vec![]).commit;
    Arc::make_mut(&mut commit).changes = vec![(record.clone(), Some(entry))];
    ledger.store_mut().apply(&commit);
    let tried = signed(transaction(1, vec![], vec![Op::Get { key: Key::from("a") }]));
    let said = try_part(ledger.store(), &genesis(), ledger.tip(), GENESIS_MS + 20, &tried);
    assert!(matches!(said, Err(LedgerError::Record { key, .. }) if key == record));
}
