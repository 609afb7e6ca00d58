//! What a block has changed so far, over the state before it.

use super::StateView;
use crate::value::{Entry, FailureReason, MAX_LIST_ITEMS, Value, Version};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use witan_types::Key;
use witan_types::transaction::MAX_VALUE_BYTES;

/// A key as the block sees it.
#[derive(Debug)]
struct Cell {
    entry: Option<Entry>,
    /// [`encoded_bytes`] of the entry, kept so that growing a list does not measure it again.
    bytes: usize,
    /// Whether it differs from the state before the block.
    dirty: bool,
}

/// How to take one step back. Lists are not copied for it: many small appends to a long list stay cheap.
#[derive(Debug)]
enum Undo {
    /// Put this cell back, or none.
    Replaced(Key, Option<Cell>),
    /// Take the last item off the list, and restore the rest.
    Appended { key: Key, version: Version, bytes: usize, dirty: bool },
}

/// Keys that the block has loaded or changed, and how to undo the transaction that runs.
pub(crate) struct Overlay<'a> {
    view: &'a dyn StateView,
    cells: BTreeMap<Key, Cell>,
    undo: Vec<Undo>,
    loaded_bytes: usize,
}

/// Bytes of an entry's encoding: version, tag and value.
pub(super) fn encoded_bytes(entry: Option<&Entry>) -> usize {
    entry.map_or(0, |entry| {
        17 + match &entry.value {
            Value::Bytes(bytes) => 4 + bytes.len(),
            Value::List(items) => 4 + items.iter().map(|item| 4 + item.len()).sum::<usize>(),
            Value::Counter(_) | Value::Balance(_) => 16,
            Value::Record(bytes) => 4 + bytes.len(),
        }
    })
}

impl<'a> Overlay<'a> {
    pub(super) fn new(view: &'a dyn StateView) -> Overlay<'a> {
        Overlay { view, cells: BTreeMap::new(), undo: Vec::new(), loaded_bytes: 0 }
    }

    /// Bytes of keys and entries that the block has loaded from the state before it, or copied for gets: its work,
    /// that of failed transactions included.
    pub(super) fn loaded_bytes(&self) -> usize {
        self.loaded_bytes
    }

    /// Counts what a get copies.
    pub(super) fn charge(&mut self, bytes: usize) {
        self.loaded_bytes = self.loaded_bytes.saturating_add(bytes);
    }

    /// What a key holds now.
    pub(crate) fn entry(&mut self, key: &Key) -> Option<&Entry> {
        self.cell(key).entry.as_ref()
    }

    /// Bytes of the entry's encoding.
    pub(super) fn size(&mut self, key: &Key) -> usize {
        self.cell(key).bytes
    }

    fn cell(&mut self, key: &Key) -> &mut Cell {
        match self.cells.entry(key.clone()) {
            Slot::Occupied(cell) => cell.into_mut(),
            Slot::Vacant(place) => {
                let entry = self.view.entry(key);
                let bytes = encoded_bytes(entry.as_ref());
                self.loaded_bytes = self.loaded_bytes.saturating_add(key.0.len() + bytes);
                place.insert(Cell { entry, bytes, dirty: false })
            }
        }
    }

    fn replace(&mut self, key: &Key, entry: Option<Entry>) {
        let bytes = encoded_bytes(entry.as_ref());
        let old = self.cells.insert(key.clone(), Cell { entry, bytes, dirty: true });
        self.undo.push(Undo::Replaced(key.clone(), old));
    }

    pub(super) fn put(&mut self, key: &Key, value: Value, version: Version) {
        self.replace(key, Some(Entry { value, version }));
    }

    pub(super) fn delete(&mut self, key: &Key) {
        if self.entry(key).is_some() {
            self.replace(key, None);
        }
    }

    pub(super) fn append(&mut self, key: &Key, item: &[u8], version: Version) -> Result<(), FailureReason> {
        let cell = self.cell(key);
        let Some(entry) = &mut cell.entry else {
            // An item alone fits unless its own length leaves no room for the list's.
            let value = Value::List(vec![item.to_vec()]);
            return if 9 + item.len() > MAX_VALUE_BYTES {
                Err(FailureReason::Overflow)
            } else {
                self.put(key, value, version);
                Ok(())
            };
        };
        let Value::List(items) = &mut entry.value else {
            return Err(FailureReason::WrongType);
        };
        let bytes = cell.bytes + 4 + item.len();
        if bytes - 16 > MAX_VALUE_BYTES || items.len() >= MAX_LIST_ITEMS {
            return Err(FailureReason::Overflow);
        }
        items.push(item.to_vec());
        let undo =
            Undo::Appended { key: key.clone(), version: entry.version, bytes: cell.bytes, dirty: cell.dirty };
        (entry.version, cell.bytes, cell.dirty) = (version, bytes, true);
        self.undo.push(undo);
        Ok(())
    }

    pub(super) fn add(&mut self, key: &Key, delta: i128, version: Version) -> Result<(), FailureReason> {
        let count = match self.entry(key).map(|entry| &entry.value) {
            None => 0,
            Some(Value::Counter(count)) => *count,
            Some(_) => return Err(FailureReason::WrongType),
        };
        let sum = count.checked_add(delta).ok_or(FailureReason::Overflow)?;
        self.put(key, Value::Counter(sum), version);
        Ok(())
    }

    /// The balance at a key; an absent one is 0.
    pub(super) fn balance(&mut self, key: &Key) -> Result<u128, FailureReason> {
        match self.entry(key).map(|entry| &entry.value) {
            None => Ok(0),
            Some(Value::Balance(balance)) => Ok(*balance),
            Some(_) => Err(FailureReason::WrongType),
        }
    }

    /// Takes from a balance.
    pub(super) fn debit(&mut self, key: &Key, amount: u128, version: Version) -> Result<(), FailureReason> {
        let left = self.balance(key)?.checked_sub(amount).ok_or(FailureReason::InsufficientBalance)?;
        self.put(key, Value::Balance(left), version);
        Ok(())
    }

    /// Adds to a balance.
    pub(super) fn credit(&mut self, key: &Key, amount: u128, version: Version) -> Result<(), FailureReason> {
        let sum = self.balance(key)?.checked_add(amount).ok_or(FailureReason::Overflow)?;
        self.put(key, Value::Balance(sum), version);
        Ok(())
    }

    /// The transaction that ran stands.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// The transaction that ran leaves nothing behind.
    pub(crate) fn undo(&mut self) {
        while let Some(step) = self.undo.pop() {
            match step {
                Undo::Replaced(key, Some(cell)) => {
                    self.cells.insert(key, cell);
                }
                Undo::Replaced(key, None) => {
                    self.cells.remove(&key);
                }
                Undo::Appended { key, version, bytes, dirty } => {
                    if let Some(Cell { entry: Some(entry), bytes: now, dirty: is_dirty }) =
                        self.cells.get_mut(&key)
                    {
                        if let Value::List(items) = &mut entry.value {
                            items.pop();
                        }
                        (entry.version, *now, *is_dirty) = (version, bytes, dirty);
                    }
                }
            }
        }
    }

    /// Each changed key once, ascending.
    pub(super) fn into_changes(self) -> Vec<(Key, Option<Entry>)> {
        self.cells.into_iter().filter(|(_, cell)| cell.dirty).map(|(key, cell)| (key, cell.entry)).collect()
    }
}
