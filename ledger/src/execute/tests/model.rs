//! Execution spelled out naively: the state is copied for each transaction, and kept if all of it went well.

use crate::fixtures::MapView;
use crate::value::{Entry, FailureReason, Read, TransactionOutcome, Value, Version};
use std::collections::BTreeMap;
use witan_types::codec::encode;
use witan_types::{Check, Key, Op, Transaction};

type State = BTreeMap<Key, Entry>;

pub(super) fn run(state: &mut MapView, transaction: &Transaction, version: Version) -> TransactionOutcome {
    let mut copy = state.0.clone();
    match attempt(&mut copy, transaction, version) {
        Ok(reads) => {
            state.0 = copy;
            TransactionOutcome::Applied { reads }
        }
        Err(reason) => TransactionOutcome::Failed { reason },
    }
}

fn attempt(
    state: &mut State,
    transaction: &Transaction,
    version: Version,
) -> Result<Vec<Read>, FailureReason> {
    if transaction.check_form().is_err() {
        return Err(FailureReason::ForbiddenKey);
    }
    for check in &transaction.checks {
        let holds = match check {
            Check::Absent { key } => !state.contains_key(key),
            Check::Exists { key } => state.contains_key(key),
            Check::Value { key, value } => {
                state.get(key).is_some_and(|entry| entry.value == Value::Bytes(value.clone()))
            }
            Check::Version { key, version } => state.get(key).map_or(0, |entry| entry.version.0) == *version,
            Check::Balance { account, at_least } => balance(state, &Key::balance_of(account)) >= *at_least,
        };
        if !holds {
            return Err(FailureReason::CheckFailed);
        }
    }
    let mut reads = Vec::new();
    for op in &transaction.ops {
        match op {
            Op::Put { key, value } => set(state, key, Value::Bytes(value.clone()), version),
            Op::Delete { key } => drop(state.remove(key)),
            Op::Append { key, item } => {
                let mut items = match state.get(key).map(|entry| entry.value.clone()) {
                    None => Vec::new(),
                    Some(Value::List(items)) => items,
                    Some(_) => return Err(FailureReason::WrongType),
                };
                items.push(item.clone());
                let list = Value::List(items);
                if encode(&list).len() > 64 * 1024 {
                    return Err(FailureReason::Overflow);
                }
                set(state, key, list, version);
            }
            Op::Add { key, delta } => {
                let count = match state.get(key).map(|entry| entry.value.clone()) {
                    None => 0,
                    Some(Value::Counter(count)) => count,
                    Some(_) => return Err(FailureReason::WrongType),
                };
                let sum = count.checked_add(*delta).ok_or(FailureReason::Overflow)?;
                set(state, key, Value::Counter(sum), version);
            }
            Op::Transfer { to, amount } => {
                let (from, to) = (Key::balance_of(&transaction.signer), Key::balance_of(to));
                let left =
                    balance(state, &from).checked_sub(*amount).ok_or(FailureReason::InsufficientBalance)?;
                set(state, &from, Value::Balance(left), version);
                let sum = balance(state, &to).checked_add(*amount).ok_or(FailureReason::Overflow)?;
                set(state, &to, Value::Balance(sum), version);
            }
            Op::Approve { .. } => return Err(FailureReason::ForbiddenKey),
            Op::Get { key } => {
                reads.push(Read { key: key.clone(), entry: state.get(key).cloned() });
                if encode(&reads).len() - 4 > 256 * 1024 {
                    return Err(FailureReason::ReadTooLarge);
                }
            }
        }
    }
    Ok(reads)
}

fn set(state: &mut State, key: &Key, value: Value, version: Version) {
    state.insert(key.clone(), Entry { value, version });
}

fn balance(state: &State, key: &Key) -> u128 {
    match state.get(key) {
        Some(Entry { value: Value::Balance(balance), .. }) => *balance,
        _ => 0,
    }
}
