//! Lists of a group's transactions, newest first: of all, which are the receipts backwards, and of those that concern one account,
//! which say where the receipts stand. Read without touching a block.

use super::items::{Place, items_in};
use super::{ACCOUNTS, HEADERS, LedgerStore, RECEIPTS};
use crate::error::StorageError;
use crate::keys;
use witan_ledger::{AbortReason, FailureReason, TransactionOutcome};
use witan_types::{Account, Header, Height, TxId};

/// How a listed transaction ended: its receipt's outcome without what it read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// All of it happened.
    Applied,
    /// Nothing of it happened.
    Failed(FailureReason),
    /// Nothing of it happened in any group.
    Aborted(AbortReason),
}

impl From<&TransactionOutcome> for Ended {
    fn from(outcome: &TransactionOutcome) -> Ended {
        match outcome {
            TransactionOutcome::Applied { .. } => Ended::Applied,
            TransactionOutcome::Failed { reason } => Ended::Failed(*reason),
            TransactionOutcome::Aborted { reason } => Ended::Aborted(*reason),
        }
    }
}

/// What an account has to do with a transaction of its list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListRole {
    /// It signed it, and may be paid by it too.
    Signer,
    /// It is paid by it.
    Recipient,
}

/// A place in a list: a block, and the place of a receipt among the block's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ListPlace {
    /// The block's height.
    pub height: Height,
    /// The receipt's place, from 0.
    pub place: u32,
}

impl ListPlace {
    /// The newest place there can be in a block.
    pub fn last_of(height: Height) -> ListPlace {
        ListPlace { height, place: u32::MAX }
    }
}

/// A transaction in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedTransaction {
    /// Its id.
    pub id: TxId,
    /// Who signed it.
    pub signer: Account,
    /// What the account whose list it is has to do with it; none in a list of all.
    pub role: Option<ListRole>,
    /// How it ended.
    pub ended: Ended,
    /// Where its receipt stands.
    pub at: ListPlace,
}

impl LedgerStore {
    /// The header of the block at a height, without the block.
    pub fn header(&self, height: Height) -> Option<Header> {
        self.or_report(self.read_header(height))
    }

    fn read_header(&self, height: Height) -> Result<Option<Header>, StorageError> {
        let bytes = self.instance.get(HEADERS, &keys::at_height(self.group, height))?;
        bytes.map(|bytes| self.decode("header", &bytes)).transpose()
    }

    /// At most `limit` transactions that ended in this group (of those across groups: that it coordinated), newest first, from
    /// this place on; of an account, those that it signed or that pay it.
    pub fn transactions(
        &self,
        account: Option<&Account>,
        from: ListPlace,
        limit: usize,
    ) -> Vec<ListedTransaction> {
        self.or_report(self.read_transactions(account, from, limit))
    }

    fn read_transactions(
        &self,
        account: Option<&Account>,
        from: ListPlace,
        limit: usize,
    ) -> Result<Vec<ListedTransaction>, StorageError> {
        match account {
            Some(account) => self.read_transactions_of(account, from, limit),
            None => self.read_all_transactions(from, limit),
        }
    }

    /// The records of receipts, backwards.
    fn read_all_transactions(
        &self,
        from: ListPlace,
        limit: usize,
    ) -> Result<Vec<ListedTransaction>, StorageError> {
        let mut found = Vec::new();
        let mut iterator = self.instance.iterate_back(RECEIPTS, keys::group_start(self.group));
        iterator.seek_for_prev(keys::item(self.group, from.height, from.place));
        while found.len() < limit
            && let Some((key, record)) = iterator.item()
        {
            let (height, first) =
                keys::decode_item(key).ok_or_else(|| self.instance.malformed("place of receipts"))?;
            let all = (first..).zip(items_in(record)).map(|(place, item)| {
                let item = item.ok_or_else(|| self.instance.malformed("list of items"))?;
                self.listed(item, None, ListPlace { height, place })
            });
            let all: Vec<ListedTransaction> = all.collect::<Result<_, _>>()?;
            let newest_first = all.into_iter().rev().filter(|listed| listed.at <= from);
            found.extend(newest_first.take(limit - found.len()));
            iterator.prev();
        }
        self.instance.finish(&iterator).map(|()| found)
    }

    /// Where the receipts stand that concern an account, and those receipts.
    fn read_transactions_of(
        &self,
        account: &Account,
        from: ListPlace,
        limit: usize,
    ) -> Result<Vec<ListedTransaction>, StorageError> {
        let mut found = Vec::new();
        let mut iterator = self.instance.iterate(ACCOUNTS, keys::listed_end(self.group, account));
        iterator.seek(keys::listed(self.group, account, from.height));
        while found.len() < limit
            && let Some((key, places)) = iterator.item()
        {
            let height =
                keys::decode_listed(key).ok_or_else(|| self.instance.malformed("place in a list"))?;
            let places = self.decode_places(places)?;
            let newest_first = places.into_iter().rev();
            let up_to_from = newest_first.filter(|place| ListPlace { height, place: place.index() } <= from);
            for place in up_to_from.take(limit - found.len()) {
                found.push(self.read_listed(account, height, place)?);
            }
            iterator.next();
        }
        self.instance.finish(&iterator).map(|()| found)
    }

    /// The transactions that ended in the block at a height and that an account signed or is paid by, in the order of their
    /// receipts.
    pub fn transactions_at(&self, account: &Account, height: Height) -> Vec<ListedTransaction> {
        self.or_report(self.read_transactions_at(account, height))
    }

    fn read_transactions_at(
        &self,
        account: &Account,
        height: Height,
    ) -> Result<Vec<ListedTransaction>, StorageError> {
        let places = self.instance.get(ACCOUNTS, &keys::listed(self.group, account, height))?;
        let places = places.map(|places| self.decode_places(&places)).transpose()?.unwrap_or_default();
        places.into_iter().map(|place| self.read_listed(account, height, place)).collect()
    }

    fn decode_places(&self, places: &[u8]) -> Result<Vec<Place>, StorageError> {
        let places = places.chunks(Place::BYTES).map(Place::decode);
        places.collect::<Option<_>>().ok_or_else(|| self.instance.malformed("list of places"))
    }

    fn read_listed(
        &self,
        account: &Account,
        height: Height,
        place: Place,
    ) -> Result<ListedTransaction, StorageError> {
        let at = ListPlace { height, place: place.index() };
        self.read_item(RECEIPTS, height, place, |item| self.listed(item, Some(account), at))
    }

    /// What a list says of a stored receipt.
    fn listed(
        &self,
        item: &[u8],
        account: Option<&Account>,
        at: ListPlace,
    ) -> Result<ListedTransaction, StorageError> {
        let (signer, receipt) = self.decode_receipt(item)?;
        let role = account.map(|account| match *account == signer {
            true => ListRole::Signer,
            false => ListRole::Recipient,
        });
        Ok(ListedTransaction { id: receipt.id, signer, role, ended: Ended::from(&receipt.outcome), at })
    }
}
