//! Who appended what: the index of a history's appends, and whether the history is one.

use super::{History, Key, Malformed, MicroOperation, Outcome, Transaction, TransactionName, Value};
use std::collections::{BTreeMap, HashMap};

/// Which append a value is.
#[derive(Clone, Copy)]
pub(super) struct Append {
    /// The transaction that made it.
    pub(super) writer: usize,
    /// How many appends to the same key that transaction made before it.
    pub(super) place: usize,
}

/// All appends of a history, whatever became of them.
pub(super) struct Appends {
    by_value: HashMap<(Key, Value), Append>,
    by_writer: BTreeMap<(Key, usize), Vec<Value>>,
}

impl Appends {
    /// Indexes a history.
    ///
    /// # Errors
    ///
    /// If it is not well-formed.
    pub(super) fn of(history: &History) -> Result<Self, Malformed> {
        let mut appends = Appends { by_value: HashMap::new(), by_writer: BTreeMap::new() };
        for (number, transaction) in history.transactions.iter().enumerate() {
            well_formed(history.name(number), transaction)?;
            for operation in &transaction.operations {
                if let MicroOperation::Append { key, value } = operation {
                    appends.add(history, number, *key, *value)?;
                }
            }
        }
        Ok(appends)
    }

    fn add(&mut self, history: &History, writer: usize, key: Key, value: Value) -> Result<(), Malformed> {
        let own = self.by_writer.entry((key, writer)).or_default();
        let append = Append { writer, place: own.len() };
        own.push(value);
        match self.by_value.insert((key, value), append) {
            None => Ok(()),
            Some(former) => {
                let (first, second) = (history.name(former.writer), history.name(writer));
                Err(Malformed::ValueNotUnique { first, second, key, value })
            }
        }
    }

    /// The append that put a value into a list, if there is one.
    pub(super) fn find(&self, key: Key, value: Value) -> Option<Append> {
        self.by_value.get(&(key, value)).copied()
    }

    /// Whether a transaction appended a value to a list.
    pub(super) fn made_by(&self, writer: usize, key: Key, value: Value) -> bool {
        self.find(key, value).is_some_and(|append| append.writer == writer)
    }

    /// What a transaction appended to a list, in order.
    pub(super) fn by(&self, writer: usize, key: Key) -> &[Value] {
        self.by_writer.get(&(key, writer)).map_or(&[], Vec::as_slice)
    }

    /// Who appended to a list, with what each appended, in order.
    pub(super) fn to(&self, key: Key) -> impl Iterator<Item = (usize, &[Value])> {
        let writers = self.by_writer.range((key, 0)..=(key, usize::MAX));
        writers.map(|((_, writer), values)| (*writer, values.as_slice()))
    }

    /// Each list that has an append; one with several writers comes several times.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.by_writer.keys().map(|(key, _)| *key)
    }
}

/// Whether times and outcome of a transaction fit together.
fn well_formed(name: TransactionName, transaction: &Transaction) -> Result<(), Malformed> {
    let unknown = transaction.outcome == Outcome::Unknown;
    if transaction.completed_us.is_none() != unknown {
        return Err(Malformed::CompletionAgainstOutcome(name));
    }
    if transaction.completed_us.is_some_and(|completed| completed < transaction.invoked_us) {
        return Err(Malformed::CompletedBeforeInvoked(name));
    }
    let fits = |operation: &MicroOperation| match (operation, transaction.outcome) {
        (MicroOperation::Read { values, .. }, Outcome::Committed) => values.is_some(),
        (MicroOperation::Read { values, .. }, Outcome::Unknown) => values.is_none(),
        _ => true,
    };
    if transaction.operations.iter().all(fits) { Ok(()) } else { Err(Malformed::ReadAgainstOutcome(name)) }
}
