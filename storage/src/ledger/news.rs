//! What a block changed, for those who follow a chain: the history is kept by key, and does not tell what a height did.

use super::{LedgerStore, NEWS};
use crate::error::StorageError;
use crate::keys;
use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::WriteBatch;
use witan_ledger::records::reading::coordinated;
use witan_ledger::{BlockCommit, Receipt};
use witan_types::codec::{bounded, encode};
use witan_types::transaction::MAX_OPS;
use witan_types::{Account, Height, Key, Op, Transaction, TxId, Wire};

/// The most keys that one block changes: far above what fits a block, and above the balances of any genesis.
const MAX_CHANGES: usize = 1 << 26;
/// The most transactions that one block decides.
const MAX_DECIDED: usize = 1 << 20;

/// What a block changed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct News {
    /// The keys of users that have another entry since, ascending.
    #[borsh(deserialize_with = "bounded::<MAX_CHANGES, _, _>")]
    pub keys: Vec<Key>,
    /// The transactions decided here that began in an earlier block, in the order of their receipts.
    #[borsh(deserialize_with = "bounded::<MAX_DECIDED, _, _>")]
    pub decided: Vec<Decided>,
}

/// A transaction, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Decided {
    /// Which one.
    pub id: TxId,
    /// Who signed it.
    pub signer: Account,
    /// Whom it transfers to, each once.
    #[borsh(deserialize_with = "bounded::<MAX_OPS, _, _>")]
    pub recipients: Vec<Account>,
}

impl Decided {
    /// Whose a transaction is.
    pub fn of(id: TxId, transaction: &Transaction) -> Decided {
        let mut recipients: Vec<Account> = Vec::new();
        for op in &transaction.ops {
            if let Op::Transfer { to, .. } = op
                && !recipients.contains(to)
            {
                recipients.push(*to);
            }
        }
        Decided { id, signer: transaction.signer, recipients }
    }
}

impl Wire for News {
    const MAX_BYTES: usize = 1 << 32;
}

impl LedgerStore {
    /// Adds what a block changed. Reads what is pending before the block, so blocks before it must be written.
    pub(super) fn put_news(&self, batch: &mut WriteBatch, commit: &BlockCommit) {
        let keys = commit.changes.iter().map(|(key, _)| key).filter(|key| !key.is_reserved()).cloned();
        let began_before = |receipt: &Receipt| {
            // Only what other groups take part in is decided in another block than the one it came in.
            let known = if receipt.told.is_empty() { None } else { coordinated(self, &receipt.id) };
            known.map(|known| Decided::of(receipt.id, &known.transaction.transaction))
        };
        let decided = commit.receipts.iter().filter_map(began_before).collect();
        let at_height = keys::at_height(self.group, commit.block.header.height);
        batch.put_cf(self.instance.family(NEWS), at_height, encode(&News { keys: keys.collect(), decided }));
    }

    /// What the block at `height` changed; none for one that is not there, or was written by a version that kept no news.
    pub fn news(&self, height: Height) -> Option<News> {
        self.read_at(NEWS, height, "list of what a block changed")
    }

    /// The first height that [`LedgerStore::news`] knows.
    pub fn oldest_news(&self) -> Option<Height> {
        self.or_report(self.read_oldest_news())
    }

    fn read_oldest_news(&self) -> Result<Option<Height>, StorageError> {
        let mut iterator = self.instance.iterate(NEWS, keys::group_end(self.group));
        iterator.seek(keys::group_start(self.group));
        match iterator.key() {
            Some(key) => keys::decode_height(key).map(Some).ok_or_else(|| self.instance.malformed("height")),
            None => self.instance.finish(&iterator).map(|()| None),
        }
    }
}
