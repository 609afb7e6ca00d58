//! Lists of a group's transactions, newest first: of all, and of those that concern one account. Written in the same batch as
//! the block that ended them, so that a list and the receipts never disagree; read without touching a block.

use super::{ACCOUNTS, HEADERS, LISTED, LedgerStore};
use crate::error::StorageError;
use crate::keys;
use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::WriteBatch;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use witan_ledger::records::reading;
use witan_ledger::{AbortReason, FailureReason, Receipt, TransactionOutcome};
use witan_types::codec::bounded;
use witan_types::{Account, Block, Header, Height, Op, Transaction, TxId, Wire};

/// The most transactions that a block's list has: more than receipts fit into a block, decisions of other groups' included.
const MAX_LISTED: usize = 65_536;

/// How a listed transaction ended: its receipt's outcome without what it read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
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

/// A transaction in the list of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Listed {
    place: u32,
    id: TxId,
    signer: Account,
    ended: Ended,
}

/// The transactions that ended in a block, or those of them that concern an account, in the order of their receipts.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
struct BlockList(#[borsh(deserialize_with = "bounded::<MAX_LISTED, _, _>")] Vec<Listed>);

impl Wire for BlockList {
    const MAX_BYTES: usize = 4 + MAX_LISTED * 80;
}

/// Whom a transaction concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Parties {
    signer: Account,
    /// Whom it pays, its signer left out.
    recipients: BTreeSet<Account>,
}

impl Parties {
    pub(super) fn of(transaction: &Transaction) -> Parties {
        let signer = transaction.signer;
        let paid = transaction.ops.iter().filter_map(|op| match op {
            Op::Transfer { to, .. } => Some(*to),
            _ => None,
        });
        Parties { signer, recipients: paid.filter(|to| *to != signer).collect() }
    }
}

/// Whom the transactions of a block concern.
pub(super) fn parties_in(block: &Block) -> HashMap<TxId, Parties> {
    let transactions = block.payload.transactions();
    transactions.map(|signed| (signed.id(), Parties::of(&signed.transaction))).collect()
}

impl LedgerStore {
    /// Adds a block to the lists. A transaction across groups ends in a later block than the one it is in: until then it is
    /// in the state before this block, which the store still holds.
    pub(super) fn put_lists(&self, batch: &mut WriteBatch, block: &Block, receipts: &[Receipt]) {
        let mut parties = if receipts.is_empty() { HashMap::new() } else { parties_in(block) };
        self.put_lists_of(batch, block, receipts, &mut |id| {
            let pending = |id| reading::coordinated(self, id);
            parties
                .remove(id)
                .or_else(|| pending(id).map(|known| Parties::of(&known.transaction.transaction)))
        });
    }

    /// The same, where `parties_of` finds whom a transaction concerns. One that it does not find is in no list: every
    /// receipt that a ledger leaves has its transaction in the block or in the state before it.
    pub(super) fn put_lists_of(
        &self,
        batch: &mut WriteBatch,
        block: &Block,
        receipts: &[Receipt],
        parties_of: &mut dyn FnMut(&TxId) -> Option<Parties>,
    ) {
        let height = block.header.height;
        batch.put_cf(
            self.instance.family(HEADERS),
            keys::at_height(self.group, height),
            block.header.encode(),
        );
        let (mut all, mut of_accounts) = (BlockList::default(), BTreeMap::<Account, BlockList>::new());
        for (place, receipt) in (0_u32..).zip(receipts) {
            let Some(Parties { signer, recipients }) = parties_of(&receipt.id) else { continue };
            let listed = Listed { place, id: receipt.id, signer, ended: Ended::from(&receipt.outcome) };
            all.0.push(listed);
            for account in std::iter::once(signer).chain(recipients) {
                of_accounts.entry(account).or_default().0.push(listed);
            }
        }
        if !all.0.is_empty() {
            batch.put_cf(self.instance.family(LISTED), keys::listed(self.group, None, height), all.encode());
        }
        for (account, list) in of_accounts {
            let key = keys::listed(self.group, Some(&account), height);
            batch.put_cf(self.instance.family(ACCOUNTS), key, list.encode());
        }
    }

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
        let family = if account.is_some() { ACCOUNTS } else { LISTED };
        let mut found = Vec::new();
        let mut iterator = self.instance.iterate(family, keys::listed_end(self.group, account));
        iterator.seek(keys::listed(self.group, account, from.height));
        while found.len() < limit
            && let Some((key, value)) = iterator.item()
        {
            let height =
                keys::decode_listed(key).ok_or_else(|| self.instance.malformed("place in a list"))?;
            let BlockList(list) = self.decode("list of transactions", value)?;
            let all = list.into_iter().rev().map(|Listed { place, id, signer, ended }| {
                let role = |account: &Account| {
                    if *account == signer { ListRole::Signer } else { ListRole::Recipient }
                };
                let (role, at) = (account.map(role), ListPlace { height, place });
                ListedTransaction { id, signer, role, ended, at }
            });
            found.extend(all.filter(|listed| listed.at <= from).take(limit - found.len()));
            iterator.next();
        }
        self.instance.finish(&iterator).map(|()| found)
    }
}
