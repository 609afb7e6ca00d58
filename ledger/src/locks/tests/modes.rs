//! Which transaction takes which key in which mode.

use super::*;
use crate::fixtures::{get, put, transaction};
use proptest::prelude::*;
use witan_types::{Check, Op};

fn count_up(key: &str, delta: i128) -> Op {
    Op::Add { key: Key::from(key), delta }
}

fn modes(checks: Vec<Check>, ops: Vec<Op>) -> BTreeMap<Key, Mode> {
    modes_of(&transaction(1, checks, ops)).unwrap()
}

fn one(checks: Vec<Check>, ops: Vec<Op>) -> Mode {
    let modes = modes(checks, ops);
    assert_eq!(modes.len(), 1, "{modes:?}");
    modes[&Key::from("k")]
}

#[test]
fn checks_and_gets_read() {
    let key = || Key::from("k");
    let checks = [
        Check::Absent { key: key() },
        Check::Exists { key: key() },
        Check::Value { key: key(), value: vec![1] },
        Check::Version { key: key(), version: 1 },
    ];
    for check in checks {
        assert_eq!(one(vec![check], vec![get("k")]), Mode::Read);
    }
    let check = Check::Balance { account: account(2), at_least: 5 };
    assert_eq!(modes(vec![check], vec![])[&Key::balance_of(&account(2))], Mode::Read);
}

#[test]
fn puts_deletes_and_appends_write_whatever_else_is_done() {
    let key = || Key::from("k");
    let writes = [put("k", "v"), Op::Delete { key: key() }, Op::Append { key: key(), item: vec![1] }];
    for write in writes {
        assert_eq!(one(vec![], vec![write.clone()]), Mode::Write);
        assert_eq!(one(vec![Check::Absent { key: key() }], vec![write.clone()]), Mode::Write);
        assert_eq!(one(vec![], vec![get("k"), write.clone()]), Mode::Write);
        assert_eq!(one(vec![], vec![write, count_up("k", 5)]), Mode::Write);
    }
}

#[test]
fn adds_in_one_direction_add_up_and_reads_beside_them_make_a_write() {
    assert_eq!(one(vec![], vec![count_up("k", -5), count_up("k", -7)]), add(-12));
    assert_eq!(
        one(vec![], vec![count_up("k", 5), count_up("k", -7)]),
        Mode::Write,
        "the way may leave the range"
    );
    assert_eq!(one(vec![], vec![count_up("k", 5), get("k")]), Mode::Write);
    assert_eq!(one(vec![Check::Exists { key: Key::from("k") }], vec![count_up("k", 5)]), Mode::Write);
}

#[test]
fn a_transfer_adds_at_both_ends_and_a_check_of_a_balance_makes_it_a_write() {
    let (from, to) = (Key::balance_of(&account(1)), Key::balance_of(&account(2)));
    let transfers = vec![
        Op::Transfer { to: account(2), amount: u128::MAX - 1 },
        Op::Transfer { to: account(2), amount: 1 },
    ];
    let all = NonZeroU128::MAX;
    let plain = modes(vec![], transfers.clone());
    assert_eq!(plain[&from], Mode::Add(Delta::Down(all)));
    assert_eq!(plain[&to], Mode::Add(Delta::Up(all.get())));
    let checked = modes(vec![Check::Balance { account: account(1), at_least: 1 }], transfers);
    assert_eq!((checked[&from], checked[&to]), (Mode::Write, Mode::Add(Delta::Up(all.get()))));
}

#[test]
fn a_transfer_to_oneself_writes_since_it_needs_the_balance() {
    let transfer = Op::Transfer { to: account(1), amount: 9 };
    assert_eq!(modes(vec![], vec![transfer])[&Key::balance_of(&account(1))], Mode::Write);
}

#[test]
fn deltas_that_no_value_bears_are_an_error_unless_the_key_is_written_anyway() {
    // From the lowest count to the highest is exactly as far as a sum may go.
    let widest = vec![count_up("k", i128::MAX), count_up("k", i128::MAX), count_up("k", 1)];
    assert_eq!(one(vec![], widest.clone()), Mode::Add(Delta::Up(u128::MAX)));
    let above = [widest, vec![count_up("k", 1)]].concat();
    let refused = modes_of(&transaction(1, vec![], above.clone()));
    assert_eq!(refused, Err(DeltaOverflow { key: Key::from("k") }));
    assert_eq!(one(vec![], [above, vec![put("k", "v")]].concat()), Mode::Write);
    let amounts = [u128::MAX, 1].map(|amount| Op::Transfer { to: account(2), amount });
    assert!(modes_of(&transaction(1, vec![], amounts.to_vec())).is_err());
    let below = [i128::MIN, i128::MIN].map(|delta| count_up("k", delta));
    assert!(modes_of(&transaction(1, vec![], below.to_vec())).is_err());
}

#[test]
fn the_largest_transaction_uses_as_many_keys_as_the_limit_says() {
    use witan_types::transaction::{MAX_CHECKS, MAX_OPS};
    let checks = (0..MAX_CHECKS).map(|number| Check::Exists { key: Key::from(&*format!("{number}")) });
    let transfers = (100_u8..).take(MAX_OPS).map(|number| Op::Transfer { to: account(number), amount: 1 });
    assert_eq!(modes(checks.collect(), transfers.collect()).len(), MAX_KEYS);
}

proptest! {
    #[test]
    fn the_keys_are_those_that_execution_names(
        steps in proptest::collection::vec((0..6_u8, 0..4_u8, any::<i16>()), 1..12),
    ) {
        let (mut checks, mut ops) = (vec![], vec![]);
        for (kind, number, delta) in steps {
            let key = Key::from(&*format!("{number}"));
            match kind {
                0 => checks.push(Check::Exists { key }),
                1 => checks.push(Check::Balance { account: account(number), at_least: 1 }),
                2 => ops.push(Op::Get { key }),
                3 => ops.push(Op::Put { key, value: vec![] }),
                4 => ops.push(Op::Add { key, delta: delta.into() }),
                _ => ops.push(Op::Transfer { to: account(number), amount: 1 }),
            }
        }
        let transaction = transaction(1, checks, ops);
        let named: BTreeSet<Key> =
            crate::execute::keys(&transaction).map(std::borrow::Cow::into_owned).collect();
        let locked: BTreeSet<Key> = modes_of(&transaction).unwrap().into_keys().collect();
        prop_assert_eq!(named, locked);
    }

    #[test]
    fn deltas_add_as_numbers_do(one in any::<i64>(), two in any::<i64>()) {
        let (one, two) = (i128::from(one), i128::from(two));
        prop_assert_eq!(Delta::from(one).plus(Delta::from(two)), Some(Delta::from(one + two)));
    }
}
