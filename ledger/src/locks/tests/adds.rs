//! What adds may reserve, at the ends of both ranges.

use super::*;

fn ask(
    table: &mut LockTable,
    number: u32,
    key: &str,
    delta: Delta,
    value: &dyn Fn(&Key) -> Option<Value>,
) -> Outcome {
    table.take(&request(number, &[(key, Mode::Add(delta))]), value, GENESIS_MS).unwrap()
}

fn impossible(key: &str, reason: FailureReason) -> Outcome {
    Outcome::Impossible { key: Key::from(key), reason }
}

#[test]
fn withdrawals_reserve_a_balance_down_to_nothing_and_not_further() {
    let (mut table, purse) = (table(), purse());
    assert_eq!(ask(&mut table, 1, &purse, Delta::down(60), &balance(100)), Outcome::Granted);
    assert_eq!(ask(&mut table, 2, &purse, Delta::down(40), &balance(100)), Outcome::Granted);
    assert!(matches!(ask(&mut table, 3, &purse, Delta::down(1), &balance(100)), Outcome::Conflict { .. }));
    // Not even if both others abort.
    let reason = FailureReason::InsufficientBalance;
    assert_eq!(ask(&mut table, 4, &purse, Delta::down(101), &balance(100)), impossible(&purse, reason));
}

#[test]
fn a_deposit_that_is_undecided_can_be_waited_for_but_not_spent() {
    let (mut table, purse) = (table(), purse());
    assert_eq!(ask(&mut table, 1, &purse, Delta::Up(50), &balance(10)), Outcome::Granted);
    assert_eq!(ask(&mut table, 2, &purse, Delta::down(60), &balance(10)), met(&purse, 1));
    let reason = FailureReason::InsufficientBalance;
    assert_eq!(ask(&mut table, 3, &purse, Delta::down(61), &balance(10)), impossible(&purse, reason));
    // It commits.
    table.release(&holder(1));
    assert_eq!(ask(&mut table, 2, &purse, Delta::down(60), &balance(60)), Outcome::Granted);
}

#[test]
fn deposits_reserve_a_balance_up_to_its_highest() {
    let (mut table, purse) = (table(), purse());
    let value = balance(u128::MAX - 10);
    assert_eq!(ask(&mut table, 1, &purse, Delta::Up(10), &value), Outcome::Granted);
    assert_eq!(ask(&mut table, 2, &purse, Delta::Up(1), &value), met(&purse, 1));
    table.drop_claim(&id(2));
    assert_eq!(
        ask(&mut table, 3, &purse, Delta::Up(11), &value),
        impossible(&purse, FailureReason::Overflow)
    );
    assert_eq!(ask(&mut table, 4, &purse, Delta::down(u128::MAX - 10), &value), Outcome::Granted);
    assert_eq!(ask(&mut table, 3, &purse, Delta::Up(11), &value), met(&purse, table.first_on(&purse)));
}

impl LockTable {
    /// The number of the first holder of a key, as tests count them.
    fn first_on(&self, key: &str) -> u32 {
        let first = self.locks().find(|held| *held.key == Key::from(key)).unwrap().holder;
        (0..100).find(|number| holder(*number) == first).unwrap()
    }
}

#[test]
fn deltas_of_the_whole_range_fit_the_two_ends_alone() {
    let purse = purse();
    let whole = [Delta::Up(u128::MAX), Delta::down(u128::MAX)];
    for (up, down, value) in [(true, false, 0), (false, true, u128::MAX), (false, false, 1)] {
        let granted =
            whole.map(|delta| ask(&mut table(), 1, &purse, delta, &balance(value)) == Outcome::Granted);
        assert_eq!(granted, [up, down], "balance {value}");
    }
    for (up, down, value) in [(true, false, i128::MIN), (false, true, i128::MAX), (false, false, 0)] {
        let granted = whole.map(|delta| ask(&mut table(), 1, "k", delta, &count(value)) == Outcome::Granted);
        assert_eq!(granted, [up, down], "count {value}");
    }
}

#[test]
fn a_counter_goes_below_nothing_and_stops_at_its_own_ends() {
    let mut table = table();
    let lowest = i128::MIN.unsigned_abs();
    assert_eq!(ask(&mut table, 1, "k", Delta::down(lowest), &nothing), Outcome::Granted);
    assert_eq!(ask(&mut table, 2, "k", Delta::down(1), &nothing), met("k", 1));
    table.drop_claim(&id(2));
    assert_eq!(ask(&mut table, 3, "k", Delta::Up(lowest - 1), &nothing), Outcome::Granted);
    assert!(matches!(ask(&mut table, 4, "k", Delta::Up(1), &nothing), Outcome::Conflict { .. }));
    // Room for both ways at once: the sums of both are the whole range.
    let never = impossible("k", FailureReason::Overflow);
    assert_eq!(ask(&mut table, 5, "k", Delta::Up(u128::MAX), &count(1)), never);
}

#[test]
fn adding_nothing_fits_always() {
    let (mut table, purse) = (table(), purse());
    assert_eq!(ask(&mut table, 1, &purse, Delta::Up(u128::MAX), &nothing), Outcome::Granted);
    assert_eq!(ask(&mut table, 2, &purse, Delta::ZERO, &nothing), Outcome::Granted);
}

#[test]
fn a_value_of_another_type_fails_an_add() {
    let purse = purse();
    let text = |_: &Key| Some(Value::Bytes(vec![1]));
    let wrong = |key: &str| impossible(key, FailureReason::WrongType);
    assert_eq!(ask(&mut table(), 1, "k", Delta::ZERO, &text), wrong("k"));
    assert_eq!(ask(&mut table(), 1, "k", Delta::Up(1), &balance(1)), wrong("k"));
    assert_eq!(ask(&mut table(), 1, &purse, Delta::Up(1), &count(1)), wrong(&purse));
    // Only this exact form is a balance.
    for key in ["@bob/balance/x", "@bob/x", "bob/balance", "@balance"] {
        assert_eq!(ask(&mut table(), 1, key, Delta::Up(1), &count(-1)), Outcome::Granted, "{key}");
    }
}

#[test]
fn a_value_that_contradicts_what_is_held_is_refused_and_never_overflows() {
    let (mut table, purse) = (table(), purse());
    assert_eq!(ask(&mut table, 1, &purse, Delta::down(u128::MAX), &balance(u128::MAX)), Outcome::Granted);
    assert_eq!(ask(&mut table, 2, &purse, Delta::Up(u128::MAX), &balance(0)), Outcome::Granted);
    assert_eq!(
        ask(&mut table, 3, &purse, Delta::down(u128::MAX), &balance(0)),
        met(&purse, table.first_on(&purse))
    );
    assert!(matches!(
        ask(&mut table, 4, &purse, Delta::Up(u128::MAX), &balance(0)),
        Outcome::Conflict { .. }
    ));
}
