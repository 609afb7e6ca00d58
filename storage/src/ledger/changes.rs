//! What blocks changed: each value once, in the order of the blocks, with an index by key and height beside it, from which the
//! history of a key and the state at a height are read.

use super::items::Place;
use super::{CHANGES, HISTORY, LedgerStore, STATE};
use crate::error::StorageError;
use crate::keys;
use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::WriteBatch;
use std::ops::{ControlFlow, RangeBounds};
use witan_ledger::Entry;
use witan_types::codec::encode_onto;
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{Height, Key, Wire};

/// An item of a block's changes. Its encoding is the key's, a byte that says whether there is an entry, and the entry's.
#[derive(BorshSerialize, BorshDeserialize)]
struct Change {
    key: Key,
    entry: Option<Entry>,
}

impl Wire for Change {
    const MAX_BYTES: usize = 4 + MAX_KEY_BYTES + 1 + Entry::MAX_BYTES;
}

impl LedgerStore {
    pub(super) fn put_changes(
        &self,
        batch: &mut WriteBatch,
        height: Height,
        changes: &[(Key, Option<Entry>)],
    ) {
        let (state, history) = (self.instance.family(STATE), self.instance.family(HISTORY));
        let (mut items, mut item) = (self.items(CHANGES, height), Vec::new());
        for (key, entry) in changes {
            item.clear();
            encode_onto(key, &mut item);
            let before_entry = item.len().saturating_add(1);
            encode_onto(entry, &mut item);
            let state_key = keys::state(self.group, key);
            match entry {
                Some(_) => batch.put_cf(state, state_key, item.get(before_entry..).unwrap_or_default()),
                None => batch.delete_cf(state, state_key),
            }
            if !key.is_reserved() {
                let place = items.push(batch, &item);
                batch.put_cf(history, keys::history(self.group, key, height), place.encode());
            }
        }
        items.finish(batch);
    }

    /// Calls `visit` for every key of users that the block at `height` changed, ascending, with its entry since, none if
    /// it is gone, until it breaks.
    pub fn visit_changes(
        &self,
        height: Height,
        mut visit: impl FnMut(Key, Option<Entry>) -> ControlFlow<()>,
    ) {
        self.or_report(self.visit_items(CHANGES, height, |item| {
            let Change { key, entry } = self.decode("change", item)?;
            Ok(visit(key, entry))
        }));
    }

    /// The entry of a key as it was after the block at `height`. Above the tip that is the newest entry.
    pub fn entry_at(&self, key: &Key, height: Height) -> Option<Entry> {
        self.or_report(self.read_entry_at(key, height))
    }

    fn read_entry_at(&self, key: &Key, height: Height) -> Result<Option<Entry>, StorageError> {
        let mut iterator = self.instance.iterate(HISTORY, Some(keys::history_end(self.group, key)));
        iterator.seek(keys::history(self.group, key, height));
        match iterator.item() {
            Some((version, place)) => self.read_version(version, place).map(|(_, entry)| entry),
            None => self.instance.finish(&iterator).map(|()| None),
        }
    }

    /// Calls `visit` for every version of a key that a block up to `from` wrote, newest first, with the block's height, until
    /// it breaks: none where it was deleted.
    pub fn visit_versions(
        &self,
        key: &Key,
        from: Height,
        visit: impl FnMut(Height, Option<Entry>) -> ControlFlow<()>,
    ) {
        self.or_report(self.try_visit_versions(key, from, visit));
    }

    fn try_visit_versions(
        &self,
        key: &Key,
        from: Height,
        mut visit: impl FnMut(Height, Option<Entry>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let mut iterator = self.instance.iterate(HISTORY, Some(keys::history_end(self.group, key)));
        iterator.seek(keys::history(self.group, key, from));
        while let Some((version, place)) = iterator.item() {
            let (height, entry) = self.read_version(version, place)?;
            if visit(height, entry).is_break() {
                return Ok(());
            }
            iterator.next();
        }
        self.instance.finish(&iterator)
    }

    fn decode_history(&self, version: &[u8]) -> Result<(Key, Height), StorageError> {
        keys::decode_history(version).ok_or_else(|| self.instance.malformed("history key"))
    }

    /// Follows an entry of the history: the height of the block, and what the key held after it.
    fn read_version(&self, version: &[u8], place: &[u8]) -> Result<(Height, Option<Entry>), StorageError> {
        let (key, height) = self.decode_history(version)?;
        let place = Place::decode(place).ok_or_else(|| self.instance.malformed("place of a change"))?;
        let change: Change = self.read_item(CHANGES, height, place, |item| self.decode("change", item))?;
        if change.key != key {
            return Err(self
                .instance
                .corrupt(format!("the change of {key:?} in block {height} is another's")));
        }
        Ok((height, change.entry))
    }

    /// The first `limit` keys in `range` with their entries as they were after the block at `at`, ascending. Pages
    /// read at one height fit together, whatever is committed meanwhile. See [`prefix_range`](crate::prefix_range).
    pub fn scan(&self, range: impl RangeBounds<Key>, limit: usize, at: Height) -> Vec<(Key, Entry)> {
        let (mut found, mut steps) = (Vec::new(), usize::MAX);
        if limit > 0 {
            self.visit_at(range, at, &mut steps, |key, entry| {
                found.push((key, entry));
                if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        }
        found
    }

    /// Calls `visit` for every key in `range` with its entry as it was after the block at `at`, ascending, until it
    /// breaks: for who bounds a page by its bytes.
    ///
    /// Keys that had been deleted by then, or are written only later, are passed over in silence, and there may be any number
    /// of them. So each place of the history that is looked at, at most three a key, takes one of `steps`. Where they ran out
    /// the next key is returned, and with 2 steps or more that is a later one than the first of `range`.
    pub fn visit_at(
        &self,
        range: impl RangeBounds<Key>,
        at: Height,
        steps: &mut usize,
        visit: impl FnMut(Key, Entry) -> ControlFlow<()>,
    ) -> Option<Key> {
        self.or_report(self.try_visit_at(range, at, steps, visit))
    }

    fn try_visit_at(
        &self,
        range: impl RangeBounds<Key>,
        at: Height,
        steps: &mut usize,
        mut visit: impl FnMut(Key, Entry) -> ControlFlow<()>,
    ) -> Result<Option<Key>, StorageError> {
        let mut iterator = self.instance.iterate(HISTORY, keys::scan_end(self.group, range.end_bound()));
        iterator.seek(keys::scan_start(self.group, range.start_bound()));
        let mut done: Option<Key> = None;
        while let Some((version, place)) = iterator.item() {
            let (key, height) = self.decode_history(version)?;
            let is_done = done.as_ref() == Some(&key);
            if *steps == 0 && !is_done {
                return Ok(Some(key));
            }
            *steps = steps.saturating_sub(1);
            if is_done {
                iterator.seek(keys::history_end(self.group, &key));
            } else if height > at {
                iterator.seek(keys::history(self.group, &key, at));
            } else {
                if let (_, Some(entry)) = self.read_version(version, place)?
                    && visit(key.clone(), entry).is_break()
                {
                    return Ok(None);
                }
                done = Some(key);
                iterator.next();
            }
        }
        self.instance.finish(&iterator).map(|()| None)
    }
}
