//! What a machine that runs one transaction at a time does always passes, and what it can't have done never does.

use super::super::*;
use super::machine::{Fate, Script, reads_of, run, scripts};
use proptest::prelude::*;

/// The list that the broken promises are about, among those that random transactions use too.
const LIST: Key = 0;

/// Another of these.
const OTHER: Key = 1;

const KEYS: Key = 3;

const MOST: usize = 30;

/// A transaction that reads everything, after all others.
fn last_reader() -> Script {
    Script::committed(&(0..KEYS).map(|key| (key, false)).collect::<Vec<_>>())
}

fn committed_writer(steps: &[Key]) -> Script {
    Script::committed(&steps.iter().map(|key| (*key, true)).collect::<Vec<_>>())
}

/// The values that a transaction appends to a list.
fn appended(transaction: &Transaction, list: Key) -> Vec<Value> {
    let of_list = |operation: &MicroOperation| match operation {
        MicroOperation::Append { key, value } if *key == list => Some(*value),
        _ => None,
    };
    transaction.operations.iter().filter_map(of_list).collect()
}

/// The list as a transaction reads it, to be changed.
fn list_of(transaction: &mut Transaction, list: Key) -> &mut Vec<Value> {
    reads_of(transaction).find(|(key, _)| *key == list).unwrap().1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_a_machine_did_passes(scripts in scripts(KEYS, MOST, 6)) {
        let history = run(&scripts);
        let summary = check(&history).unwrap();
        let done = |script: &&Script| script.fate == Fate::Commits;
        prop_assert_eq!(summary.committed, scripts.iter().filter(done).count());
    }

    #[test]
    fn the_order_in_which_transactions_were_recorded_is_nothing(scripts in scripts(KEYS, MOST, 6)) {
        let mut history = run(&scripts);
        history.transactions.reverse();
        prop_assert!(check(&history).is_ok());
    }

    #[test]
    fn an_append_is_not_read_before_it_is_asked_for(
        mut scripts in scripts(KEYS, MOST, 0),
        places in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let writer = places.0.index(scripts.len() + 1);
        scripts.insert(writer, committed_writer(&[LIST]));
        let reader = writer + 1 + places.1.index(scripts.len() - writer);
        scripts.insert(reader, last_reader());
        let mut history = run(&scripts);
        prop_assert!(check(&history).is_ok());
        let [one, other] = history.transactions.get_disjoint_mut([writer, reader]).unwrap();
        std::mem::swap(&mut one.invoked_us, &mut other.invoked_us);
        std::mem::swap(&mut one.completed_us, &mut other.completed_us);
        let violation = check(&history).unwrap_err();
        prop_assert!(matches!(violation, Violation::RealTimeCycle(_)), "{}", violation);
    }

    #[test]
    fn an_append_that_later_reads_lack_is_missed(
        mut scripts in scripts(KEYS, MOST, 6),
        place in any::<prop::sample::Index>(),
    ) {
        let writer = place.index(scripts.len() + 1);
        scripts.insert(writer, committed_writer(&[LIST]));
        scripts.extend(vec![Script::committed(&[]); 10]);
        scripts.push(last_reader());
        let mut history = run(&scripts);
        prop_assert!(check(&history).is_ok());
        let lost = appended(&history.transactions[writer], LIST)[0];
        for (_, values) in history.transactions.iter_mut().flat_map(reads_of) {
            values.retain(|value| *value != lost);
        }
        prop_assert!(check(&history).is_err());
    }

    #[test]
    fn the_middle_of_a_transaction_in_one_list_is_not_read(
        mut scripts in scripts(KEYS, MOST, 6),
        place in any::<prop::sample::Index>(),
    ) {
        let writer = place.index(scripts.len() + 1);
        scripts.insert(writer, committed_writer(&[LIST, OTHER, LIST]));
        scripts.push(last_reader());
        let mut history = run(&scripts);
        prop_assert!(check(&history).is_ok());
        let second = appended(&history.transactions[writer], LIST)[1];
        let values = list_of(history.transactions.last_mut().unwrap(), LIST);
        let end = values.iter().position(|value| *value == second).unwrap();
        values.truncate(end);
        let violation = check(&history).unwrap_err();
        prop_assert!(matches!(violation, Violation::IntermediateRead { .. }), "{}", violation);
    }

    #[test]
    fn half_of_a_transaction_over_two_lists_is_not_read(
        mut scripts in scripts(KEYS, MOST, 6),
        place in any::<prop::sample::Index>(),
    ) {
        let writer = place.index(scripts.len() + 1);
        scripts.insert(writer, committed_writer(&[LIST, OTHER]));
        scripts.push(last_reader());
        let mut history = run(&scripts);
        // Nothing is known of when, so that the halves alone tell.
        for transaction in &mut history.transactions {
            transaction.invoked_us = 0;
            transaction.completed_us = transaction.completed_us.map(|_| u64::MAX);
        }
        prop_assert!(check(&history).is_ok());
        let half = appended(&history.transactions[writer], OTHER)[0];
        let values = list_of(history.transactions.last_mut().unwrap(), OTHER);
        let end = values.iter().position(|value| *value == half).unwrap();
        values.truncate(end);
        prop_assert!(check(&history).is_err());
    }

    #[test]
    fn nothing_that_is_recorded_makes_the_check_panic(
        transactions in prop::collection::vec(anything(), 0..12)
    ) {
        if let Err(violation) = check(&History { transactions }) {
            prop_assert!(!violation.to_string().is_empty());
        }
    }
}

/// Any transaction at all, mostly out of few keys, values and times, so that they meet.
fn anything() -> impl Strategy<Value = Transaction> {
    let number = || prop_oneof![8 => 0..4_u64, 1 => any::<u64>()];
    let outcomes = vec![Outcome::Committed, Outcome::Committed, Outcome::Aborted, Outcome::Unknown];
    let values = prop::option::weighted(0.9, prop::collection::vec(number(), 0..5));
    let operation = prop_oneof![
        (number(), number()).prop_map(|(key, value)| MicroOperation::Append { key, value }),
        (number(), values).prop_map(|(key, values)| MicroOperation::Read { key, values }),
    ];
    let operations = prop::collection::vec(operation, 0..5);
    let times = (number(), prop::option::weighted(0.8, number()));
    (number(), times, prop::sample::select(outcomes), operations).prop_map(
        |(client, (invoked_us, completed_us), outcome, operations)| Transaction {
            client,
            invoked_us,
            completed_us,
            outcome,
            operations,
        },
    )
}
