//! On tiny histories the check says what trying every order says.

use super::super::*;
use super::machine::{reads_of, run, scripts};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// More than this and trying every order takes long.
const MOST: usize = 5;

type Lists = BTreeMap<Key, Vec<Value>>;

/// Whether some order of the committed transactions, and of any of unknown outcome, respects real time and explains all
/// reads: extends an order that has led to `lists` by those that are not in it yet.
fn explained(history: &[Transaction], placed: &mut Vec<usize>, lists: &Lists) -> bool {
    let left = |number: &usize| !placed.contains(number);
    let must = |number: &usize| history[*number].outcome == Outcome::Committed;
    if !(0..history.len()).any(|number| left(&number) && must(&number)) {
        return true;
    }
    let may = |number: &usize| history[*number].outcome != Outcome::Aborted;
    let candidates: Vec<usize> = (0..history.len()).filter(|number| left(number) && may(number)).collect();
    candidates.iter().any(|&next| {
        let too_late = candidates.iter().any(|other| before(&history[*other], &history[next]));
        let Some(after) = (!too_late).then(|| applied(&history[next], lists.clone())).flatten() else {
            return false;
        };
        placed.push(next);
        let found = explained(history, placed, &after);
        placed.pop();
        found
    })
}

/// Whether one completed before the other was invoked.
fn before(one: &Transaction, other: &Transaction) -> bool {
    one.completed_us.is_some_and(|completed| completed < other.invoked_us)
}

/// The lists after a transaction, if it reads there what it has read.
fn applied(transaction: &Transaction, mut lists: Lists) -> Option<Lists> {
    for operation in &transaction.operations {
        match operation {
            MicroOperation::Append { key, value } => lists.entry(*key).or_default().push(*value),
            MicroOperation::Read { key, values } => {
                let list = lists.entry(*key).or_default();
                if values.as_ref().is_some_and(|values| values != list) {
                    return None;
                }
            }
        }
    }
    Some(lists)
}

/// A change of a history: of which kind, of which transaction, at which place, with which number.
type Change = (u8, prop::sample::Index, prop::sample::Index, u64);

fn change(history: &mut History, (kind, which, place, number): Change) {
    let transactions = &mut history.transactions;
    if transactions.is_empty() {
        return;
    }
    let chosen = which.index(transactions.len());
    let other = place.index(transactions.len());
    match kind {
        0 => {
            let (one, two) =
                (transactions[chosen].operations.clone(), transactions[other].operations.clone());
            if transactions[chosen].outcome == transactions[other].outcome {
                (transactions[chosen].operations, transactions[other].operations) = (two, one);
            }
        }
        1 if transactions[chosen].outcome == Outcome::Committed => {
            transactions[chosen].outcome = Outcome::Aborted;
        }
        2 => {
            let one = &mut transactions[chosen];
            let length = one.completed_us.unwrap_or(0).saturating_sub(one.invoked_us);
            one.invoked_us = 900 + number * 20;
            one.completed_us = one.completed_us.map(|_| 900 + number * 20 + length);
        }
        9 | 10 => exchange(transactions, 1 + number, 1 + place.index(8) as u64),
        _ => change_list(&mut transactions[chosen], kind, place, number),
    }
}

/// Puts each of two values in the place of the other, in all that was read: everyone saw another order.
fn exchange(transactions: &mut [Transaction], one: Value, other: Value) {
    for value in transactions.iter_mut().flat_map(reads_of).flat_map(|(_, values)| values) {
        if *value == one {
            *value = other;
        } else if *value == other {
            *value = one;
        }
    }
}

/// Changes one list that a transaction has read.
fn change_list(transaction: &mut Transaction, kind: u8, place: prop::sample::Index, number: u64) {
    let mut lists: Vec<&mut Vec<Value>> = reads_of(transaction).map(|(_, values)| values).collect();
    if lists.is_empty() {
        return;
    }
    let chosen = place.index(lists.len());
    let values = &mut *lists[chosen];
    let end = values.len();
    match kind {
        3 => drop(values.pop()),
        4 if end > 0 => drop(values.remove(place.index(end))),
        5 if end > 1 => values.swap(end - 1, place.index(end)),
        6 => values.push(1 + number),
        7 => values.insert(place.index(end + 1), 1 + number),
        _ => values.truncate(usize::try_from(number).unwrap()),
    }
}

fn agree(history: &History) {
    let verdict = check(history);
    let truth = explained(&history.transactions, &mut Vec::new(), &Lists::new());
    assert_eq!(verdict.is_ok(), truth, "{history:?} {verdict:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn the_check_agrees_with_trying_every_order(
        scripts in scripts(2, MOST, 2),
        changes in prop::collection::vec(
            (0..11_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u64),
            0..4,
        ),
    ) {
        let mut history = run(&scripts);
        for one in changes {
            change(&mut history, one);
        }
        agree(&history);
    }

    #[test]
    fn the_check_agrees_with_trying_every_order_when_nothing_is_known_of_times(
        scripts in scripts(2, MOST, 0),
        changes in prop::collection::vec(
            (3..11_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u64),
            1..3,
        ),
    ) {
        let mut history = run(&scripts);
        for one in &mut history.transactions {
            one.invoked_us = 0;
        }
        for one in changes {
            change(&mut history, one);
        }
        agree(&history);
    }

    #[test]
    fn the_check_agrees_with_trying_every_order_when_reads_and_times_are_old(
        scripts in scripts(2, MOST, 1),
        changes in prop::collection::vec(
            (
                prop::sample::select(vec![2, 8, 9]),
                any::<prop::sample::Index>(),
                any::<prop::sample::Index>(),
                0..5_u64,
            ),
            1..6,
        ),
    ) {
        let mut history = run(&scripts);
        for one in changes {
            change(&mut history, one);
        }
        agree(&history);
    }
}
