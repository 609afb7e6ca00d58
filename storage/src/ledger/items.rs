//! The many small things of a block, such as receipts: in the order of their blocks, several to a record, so that writing one
//! costs little and reading one reads no whole block. What is found by a key is found there by its place alone.

use super::LedgerStore;
use crate::error::StorageError;
use crate::keys;
use rocksdb::{ColumnFamily, WriteBatch};
use std::ops::ControlFlow;
use witan_types::{GroupId, Height};

/// A record takes no more items once it has this many bytes: an item is read with little else, however large others are.
const RECORD_BYTES: usize = 2 * 1024;
const LENGTH_BYTES: usize = size_of::<u32>();

/// Where an item stands in its block: which item the record starts with, and how many of the record come before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    first: u32,
    nth: u16,
}

impl Place {
    pub(super) const BYTES: usize = 6;

    pub(super) fn encode(self) -> [u8; Place::BYTES] {
        let ([a, b, c, d], [e, f]) = (self.first.to_be_bytes(), self.nth.to_be_bytes());
        [a, b, c, d, e, f]
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Place> {
        let (first, nth) = bytes.split_first_chunk()?;
        Some(Place { first: u32::from_be_bytes(*first), nth: u16::from_be_bytes(nth.try_into().ok()?) })
    }

    /// How many items of the block come before it.
    pub(super) fn index(self) -> u32 {
        self.first.saturating_add(u32::from(self.nth))
    }
}

/// Puts the items of one block into records.
pub(super) struct Items<'a> {
    family: &'a ColumnFamily,
    group: GroupId,
    height: Height,
    next: Place,
    record: Vec<u8>,
}

impl Items<'_> {
    /// Adds an item; says where it stands.
    pub(super) fn push(&mut self, batch: &mut WriteBatch, item: &[u8]) -> Place {
        if self.record.len().saturating_add(item.len()) > RECORD_BYTES {
            self.finish(batch);
        }
        let place = self.next;
        self.next.nth = place.nth.saturating_add(1);
        #[expect(clippy::cast_possible_truncation, reason = "an item is far below 4 GiB")]
        let length = item.len() as u32;
        self.record.extend_from_slice(&length.to_be_bytes());
        self.record.extend_from_slice(item);
        place
    }

    /// Puts what is left: nothing, where no item was added.
    pub(super) fn finish(&mut self, batch: &mut WriteBatch) {
        if !self.record.is_empty() {
            batch.put_cf(self.family, keys::item(self.group, self.height, self.next.first), &self.record);
            self.record.clear();
        }
        self.next = Place { first: self.next.index(), nth: 0 };
    }
}

/// The items in a record; `None` in place of one that is cut short.
pub(super) fn items_in(mut record: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if record.is_empty() {
            return None;
        }
        let split = record.split_first_chunk::<LENGTH_BYTES>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
        });
        record = split.map_or(&[], |(_, rest)| rest);
        Some(split.map(|(item, _)| item))
    })
}

impl LedgerStore {
    pub(super) fn items(&self, family: &str, height: Height) -> Items<'_> {
        let (family, group) = (self.instance.family(family), self.group);
        let record = Vec::with_capacity(RECORD_BYTES);
        Items { family, group, height, next: Place { first: 0, nth: 0 }, record }
    }

    /// Reads one item of a block.
    pub(super) fn read_item<T>(
        &self,
        family: &str,
        height: Height,
        place: Place,
        read: impl FnOnce(&[u8]) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let record = self.instance.get(family, &keys::item(self.group, height, place.first))?;
        let item = record.as_deref().and_then(|record| items_in(record).nth(usize::from(place.nth)));
        read(item.flatten().ok_or_else(|| self.instance.malformed("list of items"))?)
    }

    /// Visits the items of a block in their order, until `visit` breaks.
    pub(super) fn visit_items(
        &self,
        family: &str,
        height: Height,
        mut visit: impl FnMut(&[u8]) -> Result<ControlFlow<()>, StorageError>,
    ) -> Result<(), StorageError> {
        let end = height.checked_add(1).map(|next| keys::at_height(self.group, next));
        let mut iterator = self.instance.iterate(family, end.or_else(|| keys::group_end(self.group)));
        iterator.seek(keys::at_height(self.group, height));
        while let Some(record) = iterator.value() {
            for item in items_in(record) {
                if visit(item.ok_or_else(|| self.instance.malformed("list of items"))?)?.is_break() {
                    return Ok(());
                }
            }
            iterator.next();
        }
        self.instance.finish(&iterator)
    }
}
