//! Lists of what was, and trials of what would be.

use super::state::read_key;
use super::transaction::{check_size, read_signed};
use super::{Handle, Service, page, write_as};
use crate::error::RpcError;
use crate::methods::{ListEvidence, ListHistory, ListTransactions, SimulateTransaction};
use crate::server::cursor;
use crate::server::{EvidenceFrom, HistoryFrom, ListFrom, Trial};
use crate::transaction_json::unsigned_from_json;
use crate::view;
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::genesis::MAX_GROUPS;
use witan_types::{Account, GroupId, Hash, sha256};

/// Bytes of a signature, which a signed transaction has beside what is signed.
const SIGNATURE_BYTES: usize = 64;

/// Where the next page of transactions begins.
#[derive(BorshSerialize, BorshDeserialize)]
struct TransactionCursor {
    account: Option<Account>,
    group: Option<GroupId>,
    #[borsh(deserialize_with = "bounded::<MAX_GROUPS, _, _>")]
    from: Vec<ListFrom>,
}

impl TransactionCursor {
    /// Whether a list of this account and group can have given it: it names groups in order and each once, only the one that
    /// was asked for, and goes on in one at least, below where the list began.
    fn fits(&self, account: Option<Account>, group: Option<GroupId>) -> bool {
        let is_below = |place: &ListFrom| place.next.is_none_or(|(height, _)| height <= place.newest);
        (self.account, self.group) == (account, group)
            && self.from.is_sorted_by(|one, other| one.group < other.group)
            && self.from.iter().all(|place| is_below(place) && group.is_none_or(|group| group == place.group))
            && self.from.iter().any(|place| place.next.is_some())
    }
}

/// Where the next page of a history begins.
#[derive(BorshSerialize, BorshDeserialize)]
struct HistoryCursor {
    /// The hash of the key.
    key: Hash,
    from: HistoryFrom,
}

impl Handle for ListTransactions {
    async fn handle(self, service: &Service) -> Result<view::TransactionPage, RpcError> {
        let (limit, group) = (page(self.limit)?, self.group);
        let account = self.account.map(|account| account.0);
        let from = match &self.cursor {
            None => None,
            Some(text) => {
                let cursor: TransactionCursor = cursor::read(text)?;
                if !cursor.fits(account, group) {
                    return Err(RpcError::CursorInvalid);
                }
                Some(cursor.from)
            }
        };
        let slice = service.backend.transactions(account, group, from, limit).await?;
        let cursor = |from| cursor::write(&TransactionCursor { account, group, from });
        Ok(view::TransactionPage { items: slice.items, next_cursor: slice.next.map(cursor), at: slice.at })
    }
}

impl Handle for ListHistory {
    async fn handle(self, service: &Service) -> Result<view::HistoryPage, RpcError> {
        let limit = page(self.limit)?;
        let key = read_key("key", &self.key, self.encoding.unwrap_or_default())?;
        let hash = sha256(&[&key.0]);
        let from = match &self.cursor {
            None => None,
            Some(text) => {
                let cursor: HistoryCursor = cursor::read(text)?;
                if cursor.key != hash || cursor.from.next > cursor.from.newest {
                    return Err(RpcError::CursorInvalid);
                }
                Some(cursor.from)
            }
        };
        let slice = service.backend.history(key, from, limit).await?;
        let next_cursor = slice.next.map(|from| cursor::write(&HistoryCursor { key: hash, from }));
        write_as(view::HistoryPage { items: slice.items, next_cursor, at: slice.at }, self.encoding)
    }
}

impl Handle for ListEvidence {
    async fn handle(self, service: &Service) -> Result<view::EvidencePage, RpcError> {
        let limit = page(self.limit)?;
        let from = self.cursor.as_deref().map(cursor::read::<EvidenceFrom>).transpose()?;
        let slice = service.backend.evidence(from, limit).await?;
        let next_cursor = slice.next.map(|next| cursor::write(&next));
        Ok(view::EvidencePage { items: slice.items, next_cursor })
    }
}

impl SimulateTransaction {
    fn trial(&self) -> Result<Trial, RpcError> {
        let encoding = self.encoding.unwrap_or_default();
        match (&self.tx, &self.unsigned) {
            (Some(tx), None) => read_signed(tx, "tx", encoding).map(Trial::Signed),
            (None, Some(json)) => {
                let transaction = unsigned_from_json(json, "unsigned", encoding)?;
                check_size(witan_types::codec::encode(&transaction).len().saturating_add(SIGNATURE_BYTES))?;
                transaction.check_form()?;
                Ok(Trial::Unsigned(transaction))
            }
            (Some(_), Some(_)) => Err(RpcError::parameter("unsigned", "tx or unsigned, not both")),
            (None, None) => {
                Err(RpcError::parameter("tx", "tx, or unsigned without a signature; got neither"))
            }
        }
    }
}

impl Handle for SimulateTransaction {
    async fn handle(self, service: &Service) -> Result<view::SimulationView, RpcError> {
        write_as(service.backend.simulate(self.trial()?).await?, self.encoding)
    }
}
