//! Long histories: nothing overflows, and the time stays in proportion.

use super::super::*;
use super::{append, at, read};
use std::time::Instant;

const TRANSACTIONS: u64 = 100_000;

/// Appends to each list before the next one is taken.
const APPENDS: u64 = 20;

/// A history of transactions that each overlap a few others, every one of which reads a list and appends to it.
fn long() -> History {
    let one = |number: u64| {
        let (key, count) = (number / APPENDS, number % APPENDS);
        let seen: Vec<Value> = (0..count).collect();
        let effect_us = 100 + number * 10;
        at(effect_us - 45, effect_us + 45, &[read(key, &seen), append(key, count)])
    };
    History { transactions: (0..TRANSACTIONS).map(one).collect() }
}

/// Checks a history, and prints how long that took.
fn timed(what: &str, history: &History) -> Result<Summary, Violation> {
    let start = Instant::now();
    let verdict = check(history);
    println!("{what}: {} transactions in {:?}", history.transactions.len(), start.elapsed());
    verdict
}

#[test]
fn a_long_history_is_checked() {
    let summary = timed("good", &long()).unwrap();
    assert_eq!(summary.committed, 100_000);
}

#[test]
fn a_cycle_over_a_whole_long_history_is_found() {
    let mut history = long();
    let last = history.transactions.last_mut().unwrap();
    (last.invoked_us, last.completed_us) = (0, Some(1));
    let violation = timed("real-time cycle", &history).unwrap_err();
    assert!(matches!(violation, Violation::RealTimeCycle(_)));
}

#[test]
fn one_cycle_through_every_transaction_is_found() {
    let one =
        |number: u64| at(0, 1, &[append(number, 1), read((number + TRANSACTIONS - 1) % TRANSACTIONS, &[1])]);
    let history = History { transactions: (0..TRANSACTIONS).map(one).collect() };
    let violation = timed("cycle through all", &history).unwrap_err();
    let Violation::InformationCycle(cycle) = violation else { panic!("{violation}") };
    assert_eq!(cycle.steps.len(), 100_000);
}

#[test]
fn many_readers_beside_many_appends_that_nobody_read_take_no_edge_a_pair() {
    let one = |number: u64| match number % 3 {
        0 => at(0, 10, &[append(1, number)]),
        1 => at(0, 10, &[read(1, &[])]),
        _ => at(0, 10, &[read(1, &[]), append(2, number)]),
    };
    let history = History { transactions: (0..TRANSACTIONS).map(one).collect() };
    let summary = timed("unread appends", &history).unwrap();
    assert!(summary.edges.read_write < 200_000);
}
