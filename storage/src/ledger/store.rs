//! The reads that the pure rooms rest on.

use super::items::Place;
use super::{BLOCKS, LedgerStore, OUTCOMES, RECEIPTS, SEALED_TIP, SEALS, STATE, TIP, TRANSACTIONS};
use crate::error::StorageError;
use crate::keys;
use std::ops::ControlFlow;
use std::sync::Arc;
use witan_ledger::{Entry, Receipt, Store};
use witan_types::{Account, Block, Height, Key, Outcome, PublicKey, Seal, TxId, Wire};

/// Where the receipt of a transaction stands.
pub(super) fn encode_place(height: Height, place: Place) -> Vec<u8> {
    [height.to_be_bytes().as_slice(), &place.encode()].concat()
}

fn decode_place(bytes: &[u8]) -> Option<(Height, Place)> {
    let (height, place) = bytes.split_first_chunk()?;
    Some((Height::from_be_bytes(*height), Place::decode(place)?))
}

impl LedgerStore {
    fn read<T: Wire>(&self, family: &str, key: &[u8], what: &str) -> Result<Option<T>, StorageError> {
        let bytes = self.instance.get(family, key)?;
        bytes.map(|bytes| self.decode(what, &bytes)).transpose()
    }

    fn read_at<T: Wire>(&self, family: &str, height: Height, what: &str) -> Option<T> {
        self.or_report(self.read(family, &keys::at_height(self.group, height), what))
    }

    fn read_receipts(&self, height: Height) -> Result<Vec<Receipt>, StorageError> {
        let mut receipts = Vec::new();
        self.visit_items(RECEIPTS, height, |item| {
            receipts.push(self.decode_receipt(item)?.1);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(receipts)
    }

    /// A receipt, and who signed its transaction.
    pub(super) fn decode_receipt(&self, item: &[u8]) -> Result<(Account, Receipt), StorageError> {
        let (signer, receipt) = item.split_first_chunk().ok_or_else(|| self.instance.malformed("receipt"))?;
        Ok((Account(PublicKey(*signer)), self.decode("receipt", receipt)?))
    }

    fn read_transaction(&self, id: &TxId) -> Result<Option<(Height, Receipt)>, StorageError> {
        let Some(bytes) = self.instance.get(TRANSACTIONS, &keys::transaction(self.group, id))? else {
            return Ok(None);
        };
        let (height, place) =
            decode_place(&bytes).ok_or_else(|| self.instance.malformed("place of a transaction"))?;
        let (_, receipt) = self.read_item(RECEIPTS, height, place, |item| self.decode_receipt(item))?;
        Ok(Some((height, receipt)))
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
