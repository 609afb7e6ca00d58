//! Each anomaly in a history made by hand, beside a history that is nearly the same and passes.

use super::*;

mod brute_force;
mod machine;
mod properties;
mod size;

/// Appends a value to a list.
fn append(key: Key, value: Value) -> MicroOperation {
    MicroOperation::Append { key, value }
}

/// Reads a list as these values.
fn read(key: Key, values: &[Value]) -> MicroOperation {
    MicroOperation::Read { key, values: Some(values.to_vec()) }
}

/// A committed transaction that lasts from one time to another.
fn at(invoked_us: u64, completed_us: u64, operations: &[MicroOperation]) -> Transaction {
    let operations = operations.to_vec();
    Transaction {
        client: 0,
        invoked_us,
        completed_us: Some(completed_us),
        outcome: Outcome::Committed,
        operations,
    }
}

/// A committed transaction that is concurrent with all others.
fn always(operations: &[MicroOperation]) -> Transaction {
    at(0, 1_000, operations)
}

fn aborted(operations: &[MicroOperation]) -> Transaction {
    Transaction { outcome: Outcome::Aborted, ..always(operations) }
}

/// A transaction whose client never heard what became of it.
fn unknown(invoked_us: u64, operations: &[MicroOperation]) -> Transaction {
    Transaction { outcome: Outcome::Unknown, invoked_us, completed_us: None, ..always(operations) }
}

/// A history in which each transaction has a client of its own, numbered as the transaction.
fn history<const N: usize>(transactions: [Transaction; N]) -> History {
    let numbered = (0..).zip(transactions).map(|(client, one)| Transaction { client, ..one });
    History { transactions: numbered.collect() }
}

fn name(number: usize) -> TransactionName {
    TransactionName { number, client: number as u64 }
}

#[track_caller]
fn passes<const N: usize>(transactions: [Transaction; N]) -> Summary {
    check(&history(transactions)).unwrap_or_else(|violation| panic!("{violation}"))
}

#[track_caller]
fn fails<const N: usize>(transactions: [Transaction; N]) -> Violation {
    check(&history(transactions)).unwrap_err()
}

/// The kinds of a cycle's steps.
fn kinds(cycle: &Cycle) -> Vec<Kind> {
    cycle.steps.iter().map(|step| step.dependency.kind()).collect()
}

#[test]
fn an_empty_history_passes() {
    assert_eq!(passes([]), Summary::default());
}

#[test]
fn a_summary_counts_what_was_checked() {
    let summary = passes([
        at(0, 10, &[append(1, 1)]),
        at(20, 30, &[read(1, &[1, 2]), append(2, 1)]),
        unknown(0, &[append(1, 2)]),
        unknown(0, &[append(3, 1)]),
        aborted(&[append(1, 3)]),
    ]);
    let edges = EdgeCounts { write_write: 1, write_read: 1, read_write: 0, real_time: 4 };
    assert_eq!(summary, Summary { transactions: 5, committed: 2, inferred: 1, keys: 3, edges });
}

#[test]
fn an_append_that_took_effect_twice_is_a_duplicate() {
    let violation = fails([always(&[append(1, 5)]), always(&[read(1, &[5, 5])])]);
    assert_eq!(violation, Violation::DuplicateAppend { reader: name(1), key: 1, value: 5 });
    passes([always(&[append(1, 5)]), always(&[read(1, &[5])])]);
}

#[test]
fn a_duplicate_in_a_shorter_read_is_found_too() {
    let appends = always(&[append(1, 5), append(1, 6), append(1, 7)]);
    let longest = always(&[read(1, &[5, 6, 7])]);
    let violation = fails([appends.clone(), longest.clone(), always(&[read(1, &[5, 5])])]);
    assert_eq!(violation, Violation::DuplicateAppend { reader: name(2), key: 1, value: 5 });
    passes([appends, longest, always(&[read(1, &[])])]);
}

#[test]
fn a_value_that_nobody_appended_is_garbage() {
    let violation = fails([always(&[append(1, 5)]), always(&[read(1, &[5, 6])])]);
    assert_eq!(violation, Violation::GarbageRead { reader: name(1), key: 1, value: 6 });
    passes([always(&[append(1, 5)]), always(&[append(1, 6)]), always(&[read(1, &[5, 6])])]);
}

#[test]
fn a_value_of_another_list_is_garbage() {
    let violation = fails([always(&[append(2, 5)]), always(&[read(1, &[5])])]);
    assert_eq!(violation, Violation::GarbageRead { reader: name(1), key: 1, value: 5 });
    passes([always(&[append(2, 5)]), always(&[read(2, &[5])])]);
}

#[test]
fn an_append_of_an_aborted_transaction_is_never_read() {
    let violation = fails([aborted(&[append(1, 5)]), always(&[read(1, &[5])])]);
    assert_eq!(violation, Violation::AbortedRead { reader: name(1), writer: name(0), key: 1, value: 5 });
    passes([aborted(&[append(1, 5)]), always(&[read(1, &[])])]);
}

#[test]
fn what_an_aborted_transaction_read_is_not_judged() {
    passes([aborted(&[append(1, 5), read(1, &[9, 9])]), always(&[read(1, &[])])]);
}

#[test]
fn an_unknown_transaction_may_take_effect_or_not() {
    passes([unknown(0, &[append(1, 5)]), always(&[read(1, &[5])])]);
    passes([unknown(0, &[append(1, 5)]), always(&[read(1, &[])])]);
    passes([unknown(0, &[append(1, 5)]), at(10, 20, &[read(1, &[])]), at(30, 40, &[read(1, &[5])])]);
}

#[test]
fn an_unknown_transaction_of_which_one_append_was_read_took_effect_as_a_whole() {
    let transfer = unknown(0, &[append(1, 5), append(2, 5)]);
    let violation = fails([transfer.clone(), always(&[read(1, &[5]), read(2, &[])])]);
    let Violation::AntiDependencyCycle(cycle) = violation else { panic!("{violation}") };
    assert_eq!(kinds(&cycle).len(), 2);
    passes([transfer, always(&[read(1, &[5]), read(2, &[5])])]);
}

#[test]
fn an_unknown_transaction_takes_no_effect_before_its_invocation() {
    let reader = at(10, 20, &[read(1, &[5])]);
    let violation = fails([unknown(30, &[append(1, 5)]), reader.clone()]);
    assert!(matches!(violation, Violation::RealTimeCycle(_)), "{violation}");
    passes([unknown(20, &[append(1, 5)]), reader]);
}

#[test]
fn the_state_in_the_middle_of_a_transaction_is_never_read() {
    let writer = always(&[append(1, 5), append(1, 6)]);
    let violation = fails([writer.clone(), always(&[read(1, &[5])])]);
    let found =
        Violation::IntermediateRead { reader: name(1), writer: name(0), key: 1, value: 5, missing: 6 };
    assert_eq!(violation, found);
    passes([writer, always(&[read(1, &[5, 6])])]);
    passes([always(&[append(1, 5), read(1, &[5]), append(1, 6)])]);
}

#[test]
fn an_append_in_the_middle_of_a_transaction_is_an_intermediate_read_of_who_sees_it() {
    let writer = always(&[append(1, 5), append(1, 6)]);
    let violation = fails([writer.clone(), always(&[append(1, 7), read(1, &[5, 7])])]);
    assert!(matches!(violation, Violation::IntermediateRead { value: 5, .. }), "{violation}");
    passes([writer, always(&[append(1, 7), read(1, &[5, 6, 7])])]);
}

#[test]
fn a_transaction_sees_its_own_appends() {
    let found = Violation::InternalInconsistency { transaction: name(0), operation: 1, key: 1 };
    assert_eq!(fails([always(&[append(1, 5), read(1, &[])])]), found);
    passes([always(&[append(1, 5), read(1, &[5])])]);
}

#[test]
fn a_transaction_sees_its_own_appends_as_the_newest() {
    let other = always(&[append(1, 6)]);
    let found = Violation::InternalInconsistency { transaction: name(1), operation: 1, key: 1 };
    assert_eq!(fails([other.clone(), always(&[append(1, 5), read(1, &[5, 6])])]), found);
    passes([other, always(&[append(1, 5), read(1, &[6, 5])])]);
}

#[test]
fn a_transaction_sees_what_it_read_before() {
    let other = always(&[append(1, 6)]);
    let found = Violation::InternalInconsistency { transaction: name(1), operation: 1, key: 1 };
    assert_eq!(fails([other.clone(), always(&[read(1, &[6]), read(1, &[])])]), found);
    assert_eq!(fails([other.clone(), always(&[read(1, &[]), read(1, &[6])])]), found);
    passes([other.clone(), always(&[read(1, &[6]), read(1, &[6])])]);
    passes([other, always(&[read(1, &[6]), append(1, 7), read(1, &[6, 7])])]);
}

#[test]
fn a_transaction_does_not_see_what_it_will_append() {
    let found = Violation::InternalInconsistency { transaction: name(0), operation: 0, key: 1 };
    assert_eq!(fails([always(&[read(1, &[5]), append(1, 5)])]), found);
    passes([always(&[read(1, &[]), append(1, 5)])]);
}

#[test]
fn reads_of_one_list_are_prefixes_of_each_other() {
    let appends = [always(&[append(1, 5)]), always(&[append(1, 6)])];
    let of = |left: &[Value], right: &[Value]| {
        let [five, six] = appends.clone();
        [five, six, always(&[read(1, left)]), always(&[read(1, right)])]
    };
    let found = Violation::IncompatibleOrders {
        key: 1,
        place: 0,
        first: name(2),
        first_value: 5,
        second: name(3),
        second_value: 6,
    };
    assert_eq!(fails(of(&[5, 6], &[6])), found);
    assert!(matches!(fails(of(&[5, 6], &[6, 5])), Violation::IncompatibleOrders { .. }));
    passes(of(&[5, 6], &[5]));
    passes(of(&[6, 5], &[6]));
}

#[test]
fn appends_of_a_transaction_stand_in_its_order() {
    let writer = always(&[append(1, 5), append(1, 6)]);
    let found =
        Violation::MisorderedAppends { reader: name(1), writer: name(0), key: 1, value: 6, missing: 5 };
    assert_eq!(fails([writer.clone(), always(&[read(1, &[6, 5])])]), found);
    assert_eq!(fails([writer.clone(), always(&[read(1, &[6])])]), found);
    let other = always(&[append(1, 7)]);
    let violation = fails([writer.clone(), other.clone(), always(&[read(1, &[6, 5, 7])])]);
    assert!(matches!(violation, Violation::MisorderedAppends { value: 6, missing: 5, .. }), "{violation}");
    passes([writer, other, always(&[read(1, &[5, 6, 7])])]);
}

#[test]
fn a_committed_append_that_a_later_read_lacks_is_lost() {
    let (writer, reader) = (at(0, 10, &[append(1, 5)]), [read(1, &[])]);
    let violation = fails([writer.clone(), at(11, 20, &reader)]);
    let Violation::RealTimeCycle(cycle) = &violation else { panic!("{violation}") };
    let mut found = kinds(cycle);
    found.sort();
    assert_eq!(found, [Kind::ReadWrite, Kind::RealTime]);
    passes([writer.clone(), at(10, 20, &reader)]);
    passes([writer, at(5, 20, &reader)]);
}

#[test]
fn an_append_that_is_lost_among_others_is_found() {
    let lost = at(0, 10, &[append(1, 5)]);
    let others = [at(0, 30, &[append(1, 6)]), at(0, 40, &[read(1, &[6])])];
    let [other, shorter] = others;
    let violation = fails([lost.clone(), other.clone(), shorter.clone(), at(50, 60, &[read(1, &[6])])]);
    assert!(matches!(violation, Violation::RealTimeCycle(_)), "{violation}");
    passes([lost, other, shorter, at(50, 60, &[read(1, &[6, 5])])]);
}

#[test]
fn appends_to_two_lists_in_opposite_orders_are_a_write_cycle() {
    let writers = |value| always(&[append(1, value), append(2, value)]);
    let of =
        |second: &[Value]| [writers(5), writers(6), always(&[read(1, &[5, 6])]), always(&[read(2, second)])];
    let violation = fails(of(&[6, 5]));
    let Violation::WriteCycle(cycle) = &violation else { panic!("{violation}") };
    assert_eq!(kinds(cycle), [Kind::WriteWrite, Kind::WriteWrite]);
    passes(of(&[5, 6]));
}

#[test]
fn an_append_that_no_read_shows_comes_after_those_that_one_does() {
    let writers = |value| always(&[append(1, value), append(2, value)]);
    let of =
        |second: &[Value]| [writers(5), writers(6), always(&[read(1, &[5])]), always(&[read(2, second)])];
    let violation = fails(of(&[6]));
    let Violation::WriteCycle(cycle) = &violation else { panic!("{violation}") };
    assert_eq!(kinds(cycle), [Kind::WriteWrite, Kind::WriteWrite]);
    passes(of(&[5]));
}

#[test]
fn two_transactions_that_read_each_others_appends_are_an_information_cycle() {
    let of =
        |seen: &[Value]| [always(&[append(1, 5), read(2, &[6])]), always(&[append(2, 6), read(1, seen)])];
    let violation = fails(of(&[5]));
    let Violation::InformationCycle(cycle) = &violation else { panic!("{violation}") };
    assert_eq!(kinds(cycle), [Kind::WriteRead, Kind::WriteRead]);
    passes(of(&[]));
}

#[test]
fn half_of_a_transaction_over_two_lists_is_an_anti_dependency_cycle() {
    let writer = always(&[append(1, 5), append(2, 5)]);
    let violation = fails([writer.clone(), always(&[read(1, &[5]), read(2, &[])])]);
    let Violation::AntiDependencyCycle(cycle) = &violation else { panic!("{violation}") };
    let mut found = kinds(cycle);
    found.sort();
    assert_eq!(found, [Kind::WriteRead, Kind::ReadWrite]);
    passes([writer.clone(), always(&[read(1, &[5]), read(2, &[5])])]);
    passes([writer, always(&[read(1, &[]), read(2, &[])])]);
}

#[test]
fn write_skew_is_an_anti_dependency_cycle() {
    let of = |seen: &[Value]| [always(&[read(1, &[]), append(2, 6)]), always(&[read(2, seen), append(1, 5)])];
    let violation = fails(of(&[]));
    let Violation::AntiDependencyCycle(cycle) = &violation else { panic!("{violation}") };
    assert_eq!(kinds(cycle), [Kind::ReadWrite, Kind::ReadWrite]);
    passes(of(&[6]));
}

#[test]
fn appends_that_nobody_read_make_a_lost_update_all_the_same() {
    let update = |seen: &[Value], value| always(&[read(1, seen), append(1, value)]);
    let violation = fails([update(&[], 5), update(&[], 6), update(&[], 7)]);
    let Violation::AntiDependencyCycle(cycle) = &violation else { panic!("{violation}") };
    assert_eq!(kinds(cycle), [Kind::ReadWrite, Kind::ReadWrite]);
    passes([update(&[], 5), update(&[5], 6), update(&[5, 6], 7)]);
    passes([update(&[], 5), always(&[append(1, 6)]), always(&[read(1, &[])])]);
}

#[test]
fn a_cycle_that_needs_real_time_is_told_from_one_that_does_not() {
    let of = |second_invoked_us| [at(0, 10, &[append(1, 5)]), at(second_invoked_us, 30, &[append(1, 6)])];
    let reader = || at(0, 40, &[read(1, &[6, 5])]);
    let [first, second] = of(20);
    let violation = fails([first, second, reader()]);
    let Violation::RealTimeCycle(cycle) = &violation else { panic!("{violation}") };
    let real_time = Dependency::RealTime { completed_us: 10, invoked_us: 20 };
    let write_write = Dependency::WriteWrite { key: 1, earlier: 6, later: 5 };
    let mut steps = cycle.steps.clone();
    steps.sort_by_key(|step| step.from.number);
    let expected = [
        Step { from: name(0), to: name(1), dependency: real_time },
        Step { from: name(1), to: name(0), dependency: write_write },
    ];
    assert_eq!(steps, expected);
    let [first, second] = of(5);
    passes([first, second, reader()]);
}

#[test]
fn real_time_reaches_over_any_number_of_transactions() {
    let between = |time| at(time, time + 1, &[read(2, &[])]);
    let of = |seen: &[Value]| {
        [at(0, 1, &[append(1, 5)]), between(10), between(20), between(30), at(40, 50, &[read(1, seen)])]
    };
    let violation = fails(of(&[]));
    let Violation::RealTimeCycle(cycle) = &violation else { panic!("{violation}") };
    assert_eq!(cycle.steps.len(), 2, "{violation}");
    passes(of(&[5]));
}

#[test]
fn the_shorter_cycle_is_told() {
    let chain = |key, value, seen: &[Value]| always(&[append(key, value), read(key + 1, seen)]);
    let violation = fails([
        chain(1, 1, &[1]),
        chain(2, 1, &[1]),
        always(&[append(3, 1), read(1, &[1]), read(9, &[1])]),
        always(&[append(9, 1), read(3, &[1])]),
    ]);
    let Violation::InformationCycle(cycle) = &violation else { panic!("{violation}") };
    assert_eq!(cycle.steps.len(), 2, "{violation}");
}

#[test]
fn the_most_basic_kind_of_cycle_is_told() {
    let writer = |value| always(&[append(1, value), append(2, value)]);
    let both = |second: &[Value]| {
        [
            writer(5),
            writer(6),
            writer(7),
            always(&[read(1, &[5, 6, 7])]),
            always(&[read(2, second)]),
            always(&[read(8, &[]), append(9, 1)]),
            always(&[read(9, &[]), append(8, 1)]),
            always(&[read(8, &[1]), read(9, &[1])]),
        ]
    };
    let violation = fails(both(&[7, 6, 5]));
    assert!(matches!(violation, Violation::WriteCycle(_)), "{violation}");
    let violation = fails(both(&[5, 6, 7]));
    assert!(matches!(violation, Violation::AntiDependencyCycle(_)), "{violation}");
}

#[test]
fn a_cycle_reads_as_a_story() {
    let violation = fails([at(0, 10, &[append(1, 5)]), at(20, 30, &[read(1, &[])])]);
    let told = violation.to_string();
    let mut lines: Vec<&str> = told.lines().collect();
    lines[1..].sort_unstable();
    let expected = [
        "real-time cycle (serializable, but not strictly):",
        "  T0 (client 0) before T1 (client 1): completed at 10 us, before the invocation at 20 us (real time)",
        "  T1 (client 1) before T0 (client 0): T1 read key 1 without the 5 of T0 (rw)",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_is_no_history_is_told_from_what_is_a_bad_one() {
    let malformed = |transaction: Transaction| {
        let violation = fails([transaction]);
        let Violation::Malformed(why) = violation else { panic!("{violation}") };
        why
    };
    let ran = always(&[append(1, 5)]);
    assert_eq!(malformed(at(10, 9, &[])), Malformed::CompletedBeforeInvoked(name(0)));
    let why = Malformed::CompletionAgainstOutcome(name(0));
    assert_eq!(malformed(Transaction { completed_us: None, ..ran.clone() }), why);
    assert_eq!(malformed(Transaction { outcome: Outcome::Unknown, ..ran }), why);
    let why = Malformed::ReadAgainstOutcome(name(0));
    assert_eq!(malformed(always(&[MicroOperation::Read { key: 1, values: None }])), why);
    assert_eq!(malformed(unknown(0, &[read(1, &[])])), why);
    let (first, second) = (name(0), name(0));
    let why = Malformed::ValueNotUnique { first, second, key: 1, value: 5 };
    assert_eq!(malformed(always(&[append(1, 5), append(1, 5)])), why);
    passes([
        at(10, 10, &[append(1, 5), append(2, 5)]),
        unknown(0, &[MicroOperation::Read { key: 1, values: None }]),
    ]);
}
