//! The reads that the pure rooms rest on.

use super::{BLOCKS, LedgerStore, OUTCOMES, RECEIPTS, SEALED_TIP, SEALS, STATE, TIP, TRANSACTIONS};
use crate::error::StorageError;
use crate::keys;
use std::ops::ControlFlow;
use std::sync::Arc;
use witan_ledger::{Entry, Receipt, Store};
use witan_types::{Block, Height, Key, Outcome, Seal, TxId, Wire};

const LENGTH_BYTES: usize = size_of::<u32>();

/// Appends a receipt to the stored list of a block.
pub(super) fn push_receipt(list: &mut Vec<u8>, receipt: &Receipt) {
    let bytes = receipt.encode();
    #[expect(clippy::cast_possible_truncation, reason = "a receipt is far below 4 GiB")]
    let length = bytes.len() as u32;
    list.extend_from_slice(&length.to_be_bytes());
    list.extend_from_slice(&bytes);
}

/// The encodings in a stored list of receipts; `None` in place of one that is cut short.
fn receipts_in(mut list: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if list.is_empty() {
            return None;
        }
        let split = list.split_first_chunk::<LENGTH_BYTES>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
        });
        list = split.map_or(&[], |(_, rest)| rest);
        Some(split.map(|(receipt, _)| receipt))
    })
}

/// Where a transaction's receipt stands.
pub(super) fn encode_place(height: Height, place: u32) -> Vec<u8> {
    [height.to_be_bytes().as_slice(), &place.to_be_bytes()].concat()
}

fn decode_place(bytes: &[u8]) -> Option<(Height, u32)> {
    let (height, place) = bytes.split_first_chunk()?;
    Some((Height::from_be_bytes(*height), u32::from_be_bytes(place.try_into().ok()?)))
}

impl LedgerStore {
    fn read<T: Wire>(&self, family: &str, key: &[u8], what: &str) -> Result<Option<T>, StorageError> {
        let bytes = self.instance.get(family, key)?;
        bytes.map(|bytes| self.decode(what, &bytes)).transpose()
    }

    pub(super) fn read_at<T: Wire>(&self, family: &str, height: Height, what: &str) -> Option<T> {
        self.or_report(self.read(family, &keys::at_height(self.group, height), what))
    }

    fn read_receipts(&self, height: Height) -> Result<Vec<Receipt>, StorageError> {
        let Some(list) = self.instance.get(RECEIPTS, &keys::at_height(self.group, height))? else {
            return Ok(Vec::new());
        };
        receipts_in(&list).map(|bytes| self.decode_receipt(bytes)).collect()
    }

    fn decode_receipt(&self, bytes: Option<&[u8]>) -> Result<Receipt, StorageError> {
        self.decode("receipt", bytes.ok_or_else(|| self.instance.malformed("list of receipts"))?)
    }

    fn read_transaction(&self, id: &TxId) -> Result<Option<(Height, Receipt)>, StorageError> {
        let Some(bytes) = self.instance.get(TRANSACTIONS, &keys::transaction(self.group, id))? else {
            return Ok(None);
        };
        let (height, place) =
            decode_place(&bytes).ok_or_else(|| self.instance.malformed("place of a transaction"))?;
        let list = self.instance.get(RECEIPTS, &keys::at_height(self.group, height))?;
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let receipt = list.as_ref().and_then(|list| receipts_in(list).nth(place)).flatten();
        self.decode_receipt(receipt).map(|receipt| Some((height, receipt)))
    }

    fn try_visit_entries(&self, visit: &mut dyn FnMut(Key, Entry)) -> Result<(), StorageError> {
        let mut iterator = self.instance.iterate(STATE, keys::group_end(self.group));
        iterator.seek(keys::group_start(self.group));
        while let Some((key, value)) = iterator.item() {
            let key = keys::decode_state(key).ok_or_else(|| self.instance.malformed("state key"))?;
            visit(key, self.decode("entry", value)?);
            iterator.next();
        }
        self.instance.finish(&iterator)
    }

    fn try_visit_reserved(
        &self,
        from: &Key,
        visit: &mut dyn FnMut(Key, Entry) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let mut iterator = self.instance.iterate(STATE, keys::group_end(self.group));
        iterator.seek(keys::state(self.group, from));
        while let Some((key, value)) = iterator.item() {
            let key = keys::decode_state(key).ok_or_else(|| self.instance.malformed("state key"))?;
            if !key.is_reserved() || visit(key, self.decode("entry", value)?).is_break() {
                return Ok(());
            }
            iterator.next();
        }
        self.instance.finish(&iterator)
    }
}

impl Store for LedgerStore {
    fn tip(&self) -> Option<Height> {
        self.or_report(self.read_height(TIP))
    }

    fn entry(&self, key: &Key) -> Option<Entry> {
        self.or_report(self.read(STATE, &keys::state(self.group, key), "entry"))
    }

    fn visit_entries(&self, visit: &mut dyn FnMut(Key, Entry)) {
        self.or_report(self.try_visit_entries(visit));
    }

    fn visit_reserved(&self, from: &Key, visit: &mut dyn FnMut(Key, Entry) -> ControlFlow<()>) {
        self.or_report(self.try_visit_reserved(from, visit));
    }

    fn block(&self, height: Height) -> Option<Arc<Block>> {
        self.read_at(BLOCKS, height, "block").map(Arc::new)
    }

    fn outcome(&self, height: Height) -> Option<Outcome> {
        self.read_at(OUTCOMES, height, "outcome")
    }

    fn seal(&self, height: Height) -> Option<Seal> {
        self.read_at(SEALS, height, "seal")
    }

    fn sealed_tip(&self) -> Height {
        self.or_report(self.read_height(SEALED_TIP)).unwrap_or(0)
    }

    fn receipts(&self, height: Height) -> Vec<Receipt> {
        self.or_report(self.read_receipts(height))
    }

    fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        self.or_report(self.read_transaction(id))
    }
}
