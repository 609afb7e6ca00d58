//! A real map of lists that runs transactions one after another, and histories of it whose times overlap at random.

use super::super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// How far apart transactions take effect, in microseconds.
pub(super) const APART_US: u64 = 10;

/// When the first one does. Intervals start before it.
const FIRST_US: u64 = 1_000;

/// What becomes of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Commits,
    Aborts,
    /// It takes effect, and its client is not told.
    UnknownAndDone,
    /// It takes no effect, and its client is not told.
    UnknownAndLost,
}

/// A transaction before it runs.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// On which key, and whether it appends or reads.
    pub(super) steps: Vec<(Key, bool)>,
    pub(super) fate: Fate,
    /// How long before it takes effect it is invoked, and how long after it completes.
    pub(super) spread_us: (u64, u64),
}

impl Script {
    /// A transaction that commits and overlaps no other.
    pub(super) fn committed(steps: &[(Key, bool)]) -> Self {
        Script { steps: steps.to_vec(), fate: Fate::Commits, spread_us: (1, 1) }
    }
}

/// Random transactions on a few keys, up to so many, of which each overlaps up to so many others.
pub(super) fn scripts(keys: Key, most: usize, overlap: u64) -> impl Strategy<Value = Vec<Script>> {
    let fate = prop_oneof![
        6 => Just(Fate::Commits),
        1 => Just(Fate::Aborts),
        1 => Just(Fate::UnknownAndDone),
        1 => Just(Fate::UnknownAndLost),
    ];
    let spread = 0..=APART_US * overlap;
    let steps = prop::collection::vec((0..keys, any::<bool>()), 1..5);
    let script = (steps, fate, (spread.clone(), spread));
    let script = script.prop_map(|(steps, fate, spread_us)| Script { steps, fate, spread_us });
    prop::collection::vec(script, 0..=most)
}

/// Runs transactions in this order, each at one moment.
pub(super) fn run(scripts: &[Script]) -> History {
    let mut lists: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
    let mut next_value = 0;
    let mut transactions = Vec::new();
    for (script, number) in scripts.iter().zip(0..) {
        let before = lists.clone();
        let mut operations = Vec::new();
        for &(key, appends) in &script.steps {
            operations.push(step(&mut lists, &mut next_value, key, appends));
        }
        if matches!(script.fate, Fate::Aborts | Fate::UnknownAndLost) {
            lists = before;
        }
        transactions.push(recorded(script, number, operations));
    }
    History { transactions }
}

fn step(
    lists: &mut BTreeMap<Key, Vec<Value>>,
    next_value: &mut Value,
    key: Key,
    appends: bool,
) -> MicroOperation {
    let list = lists.entry(key).or_default();
    if !appends {
        return MicroOperation::Read { key, values: Some(list.clone()) };
    }
    *next_value += 1;
    list.push(*next_value);
    MicroOperation::Append { key, value: *next_value }
}

/// What the client of a transaction writes down.
fn recorded(script: &Script, number: u64, mut operations: Vec<MicroOperation>) -> Transaction {
    let effect_us = FIRST_US + APART_US * number;
    let outcome = match script.fate {
        Fate::Commits => Outcome::Committed,
        Fate::Aborts => Outcome::Aborted,
        Fate::UnknownAndDone | Fate::UnknownAndLost => Outcome::Unknown,
    };
    if outcome == Outcome::Unknown {
        for operation in &mut operations {
            if let MicroOperation::Read { values, .. } = operation {
                *values = None;
            }
        }
    }
    let (before, after) = script.spread_us;
    Transaction {
        client: number % 5,
        invoked_us: effect_us - before,
        completed_us: (outcome != Outcome::Unknown).then_some(effect_us + after),
        outcome,
        operations,
    }
}

/// Each list that a transaction has read, to be changed.
pub(super) fn reads_of(transaction: &mut Transaction) -> impl Iterator<Item = (Key, &mut Vec<Value>)> {
    transaction.operations.iter_mut().filter_map(|operation| match operation {
        MicroOperation::Read { key, values: Some(values) } => Some((*key, values)),
        _ => None,
    })
}
