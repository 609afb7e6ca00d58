//! The promises of the lock table.

mod adds;
mod claims;
mod laws;
mod model;
mod modes;
mod pairs;
mod storm;

use super::*;
use crate::fixtures::{GENESIS_MS, account};
use std::num::NonZeroU128;
use witan_types::sha256;

/// Claims last for twice this.
const TIMEOUT_MS: u64 = 1_000;

fn table() -> LockTable {
    LockTable::new(TIMEOUT_MS)
}

/// The table, once all its news were told.
fn told(mut table: LockTable) -> LockTable {
    table.freed();
    table.changed_claims();
    table
}

fn id(number: u32) -> TxId {
    TxId(sha256(&[&number.to_le_bytes()]))
}

fn holder(number: u32) -> Holder {
    Holder { id: id(number), attempt: 1 }
}

fn add(delta: i128) -> Mode {
    Mode::Add(Delta::from(delta))
}

/// Transaction `number`, which is the younger the higher its number, asks for these.
fn request(number: u32, modes: &[(&str, Mode)]) -> Request {
    Request {
        holder: holder(number),
        since_ms: GENESIS_MS + u64::from(number),
        expires_at_ms: GENESIS_MS + 60_000,
        modes: modes.iter().map(|(key, mode)| (Key::from(*key), *mode)).collect(),
    }
}

/// Nothing has a value.
fn nothing(_: &Key) -> Option<Value> {
    None
}

/// Everything has this balance; ask it for balances alone.
fn balance(value: u128) -> impl Fn(&Key) -> Option<Value> {
    move |_| Some(Value::Balance(value))
}

/// Everything has this count; ask it for counters alone.
fn count(value: i128) -> impl Fn(&Key) -> Option<Value> {
    move |_| Some(Value::Counter(value))
}

/// Takes in a table where every counter and balance is absent.
fn take(table: &mut LockTable, request: &Request) -> Outcome {
    table.take(request, &nothing, GENESIS_MS).unwrap()
}

fn met(key: &str, number: u32) -> Outcome {
    Outcome::Conflict { key: Key::from(key), holder: holder(number) }
}

/// The balance key of a test account.
fn purse() -> String {
    String::from_utf8(Key::balance_of(&account(1)).0).unwrap()
}
