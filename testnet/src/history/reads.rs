//! Reads that no order of transactions explains, one by one.

use super::appends::Appends;
use super::order::{Order, Orders, sound};
use super::{History, Key, MicroOperation, Transaction, Value, Violation};
use std::collections::BTreeMap;

/// Looks at all that committed transactions read.
///
/// # Errors
///
/// The first read that is wrong by itself, or beside the longest read of its list.
pub(super) fn check(history: &History, appends: &Appends, orders: &Orders<'_>) -> Result<(), Violation> {
    let reads = Reads { history, appends };
    for (number, transaction) in history.committed() {
        reads.internal(number, transaction)?;
    }
    for (number, key, values, order) in all(history, orders) {
        reads.compatible(number, key, values, order)?;
    }
    for (key, order) in orders.iter() {
        reads.in_order_of_program(key, order)?;
    }
    for (number, key, values, _) in all(history, orders) {
        reads.not_intermediate(number, key, values)?;
    }
    Ok(())
}

/// Each read of a committed transaction, beside what is known of its list.
pub(super) fn all<'a>(
    history: &'a History,
    orders: &'a Orders<'a>,
) -> impl Iterator<Item = (usize, Key, &'a [Value], &'a Order<'a>)> {
    history.committed().flat_map(move |(number, transaction)| {
        let known = move |(key, values)| orders.get(key).map(|order| (number, key, values, order));
        transaction.reads().filter_map(known)
    })
}

/// What a transaction knows of a list by itself.
#[derive(Default)]
struct Known<'a> {
    /// What it read last.
    read: Option<&'a [Value]>,
    /// What it appended since.
    appended: Vec<Value>,
}

struct Reads<'a> {
    history: &'a History,
    appends: &'a Appends,
}

impl<'a> Reads<'a> {
    /// Whether a transaction's reads show its own appends and what it read before, as if it ran alone.
    fn internal(&self, number: usize, transaction: &'a Transaction) -> Result<(), Violation> {
        let mut lists: BTreeMap<Key, Known<'a>> = BTreeMap::new();
        for (operation, step) in transaction.operations.iter().enumerate() {
            match step {
                MicroOperation::Append { key, value } => lists.entry(*key).or_default().appended.push(*value),
                MicroOperation::Read { key, values } => {
                    let (key, values) = (*key, values.as_deref().unwrap_or_default());
                    let known = lists.entry(key).or_default();
                    if !self.fits(number, key, known, values) {
                        // What stands in the list may say more than that the list is not the expected one.
                        sound(self.history, self.appends, number, key, values)?;
                        let transaction = self.history.name(number);
                        return Err(Violation::InternalInconsistency { transaction, operation, key });
                    }
                    *known = Known { read: Some(values), appended: Vec::new() };
                }
            }
        }
        Ok(())
    }

    /// Whether a list is what the transaction knows of it. A first read may begin with anything but the transaction's own
    /// appends: an own append there was read before it was made, or out of order.
    fn fits(&self, number: usize, key: Key, known: &Known<'_>, values: &[Value]) -> bool {
        match (known.read, values.strip_suffix(known.appended.as_slice())) {
            (_, None) => false,
            (Some(former), Some(rest)) => former == rest,
            (None, Some(rest)) => {
                let own = self.appends.by(number, key);
                own.is_empty() || !rest.iter().any(|value| self.appends.made_by(number, key, *value))
            }
        }
    }

    /// Whether the longest read of the list begins with this one.
    fn compatible(
        &self,
        number: usize,
        key: Key,
        values: &[Value],
        order: &Order<'_>,
    ) -> Result<(), Violation> {
        if order.read.starts_with(values) {
            return Ok(());
        }
        sound(self.history, self.appends, number, key, values)?;
        let mut pairs = order.read.iter().zip(values).enumerate();
        match pairs.find(|(_, (left, right))| left != right) {
            None => Ok(()),
            Some((place, (&first_value, &second_value))) => {
                let (first, second) = (self.history.name(order.reader), self.history.name(number));
                Err(Violation::IncompatibleOrders { key, place, first, first_value, second, second_value })
            }
        }
    }

    /// Whether the longest read shows each transaction's appends in the order in which it made them, from the first on.
    fn in_order_of_program(&self, key: Key, order: &Order<'_>) -> Result<(), Violation> {
        let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
        for &value in order.read {
            let Some(append) = self.appends.find(key, value) else { continue };
            let count = seen.entry(append.writer).or_default();
            match self.appends.by(append.writer, key).get(*count) {
                Some(&missing) if missing != value => {
                    let (reader, writer) =
                        (self.history.name(order.reader), self.history.name(append.writer));
                    return Err(Violation::MisorderedAppends { reader, writer, key, value, missing });
                }
                _ => *count += 1,
            }
        }
        Ok(())
    }

    /// Whether what others appended, at the end of a list as read, is all that its writer appended to it.
    fn not_intermediate(&self, number: usize, key: Key, values: &[Value]) -> Result<(), Violation> {
        let others = values.iter().rev().find(|value| !self.appends.made_by(number, key, **value));
        let Some((&value, append)) = others.and_then(|value| Some((value, self.appends.find(key, *value)?)))
        else {
            return Ok(());
        };
        match self.appends.by(append.writer, key).get(append.place + 1) {
            None => Ok(()),
            Some(&missing) => {
                let (reader, writer) = (self.history.name(number), self.history.name(append.writer));
                Err(Violation::IntermediateRead { reader, writer, key, value, missing })
            }
        }
    }
}
