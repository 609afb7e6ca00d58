//! The order of each list's appends, as the longest read of the list tells it.

use super::appends::Appends;
use super::{History, Key, Outcome, Value, Violation};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is known of one list.
#[derive(Default)]
pub(super) struct Order<'a> {
    /// The longest list that a committed transaction read, oldest append first; empty if none read any.
    pub(super) read: &'a [Value],
    /// Who read it: the first, if several did.
    pub(super) reader: usize,
    /// Transactions that took effect and have appends which no read shows, each with the first of these. They come after
    /// all that was read, in an order that nobody saw.
    pub(super) unread: Vec<(usize, Value)>,
}

/// The orders of all lists.
pub(super) struct Orders<'a> {
    by_key: BTreeMap<Key, Order<'a>>,
    /// Transactions of unknown outcome that took effect.
    inferred: BTreeSet<usize>,
}

impl<'a> Orders<'a> {
    /// Takes the longest reads, and looks at what they hold.
    ///
    /// # Errors
    ///
    /// If a longest read holds what no list of committed appends can hold.
    pub(super) fn of(history: &'a History, appends: &Appends) -> Result<Self, Violation> {
        let mut orders = Orders { by_key: BTreeMap::new(), inferred: BTreeSet::new() };
        orders.take_longest(history, appends);
        for (key, order) in &orders.by_key {
            sound(history, appends, order.reader, *key, order.read)?;
            let writers = order.read.iter().filter_map(|value| appends.find(*key, *value));
            let unknown = writers.map(|append| append.writer).filter(|writer| is_unknown(history, *writer));
            orders.inferred.extend(unknown);
        }
        orders.find_unread(history, appends);
        Ok(orders)
    }

    fn take_longest(&mut self, history: &'a History, appends: &Appends) {
        for key in appends.keys() {
            self.by_key.entry(key).or_default();
        }
        for (reader, transaction) in history.committed() {
            for (key, values) in transaction.reads() {
                let order = self.by_key.entry(key).or_default();
                if order.read.len() < values.len() {
                    (order.read, order.reader) = (values, reader);
                }
            }
        }
    }

    fn find_unread(&mut self, history: &History, appends: &Appends) {
        let Orders { by_key, inferred } = self;
        for (key, order) in by_key {
            let mut seen: HashMap<usize, usize> = HashMap::new();
            for append in order.read.iter().filter_map(|value| appends.find(*key, *value)) {
                *seen.entry(append.writer).or_default() += 1;
            }
            for (writer, values) in
                appends.to(*key).filter(|(writer, _)| effective(history, inferred, *writer))
            {
                let first_unread = values.get(seen.get(&writer).copied().unwrap_or(0));
                order.unread.extend(first_unread.map(|value| (writer, *value)));
            }
        }
    }

    /// Whether a transaction took effect: committed, or of unknown outcome with an append that was read.
    pub(super) fn takes_effect(&self, history: &History, number: usize) -> bool {
        effective(history, &self.inferred, number)
    }

    /// What is known of a list.
    pub(super) fn get(&self, key: Key) -> Option<&Order<'a>> {
        self.by_key.get(&key)
    }

    /// All lists with what is known of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Order<'a>)> {
        self.by_key.iter().map(|(key, order)| (*key, order))
    }

    /// How many lists there are.
    pub(super) fn keys(&self) -> usize {
        self.by_key.len()
    }
}

fn is_unknown(history: &History, number: usize) -> bool {
    history.transactions.get(number).is_some_and(|one| one.outcome == Outcome::Unknown)
}

fn effective(history: &History, inferred: &BTreeSet<usize>, number: usize) -> bool {
    let committed = history.transactions.get(number).is_some_and(|one| one.outcome == Outcome::Committed);
    committed || inferred.contains(&number)
}

/// Whether a list as read holds only appends of transactions that did not abort, each once.
///
/// # Errors
///
/// The first value that is not so.
pub(super) fn sound(
    history: &History,
    appends: &Appends,
    reader: usize,
    key: Key,
    values: &[Value],
) -> Result<(), Violation> {
    let mut seen = HashSet::with_capacity(values.len());
    let reader = history.name(reader);
    for &value in values {
        let Some(append) = appends.find(key, value) else {
            return Err(Violation::GarbageRead { reader, key, value });
        };
        let writer = history.transactions.get(append.writer);
        if writer.is_some_and(|writer| writer.outcome == Outcome::Aborted) {
            let writer = history.name(append.writer);
            return Err(Violation::AbortedRead { reader, writer, key, value });
        }
        if !seen.insert(value) {
            return Err(Violation::DuplicateAppend { reader, key, value });
        }
    }
    Ok(())
}
