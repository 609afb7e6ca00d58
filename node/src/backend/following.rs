//! What subscriptions read: how far chains are, and what each block did.

use super::state::scan_item;
use super::status::ended;
use super::{NodeBackend, not_started};
use std::collections::BTreeMap;
use tokio::sync::watch;
use witan_ledger::Store as _;
use witan_rpc::RpcError;
use witan_rpc::parameter::At;
use witan_rpc::server::{Followed, Heights, NewsSlice};
use witan_rpc::view::{AccountTransaction, Position, ScanItem, TxStatusView};
use witan_storage::{Decided, LedgerStore, News};
use witan_types::{Account, GroupId, Height, TxId};

/// A slice of a block's news stops growing past this many of them.
const SLICE_ITEMS: usize = 1_000;
/// A slice of changes stops growing past this many bytes of keys and values.
const SLICE_BYTES: usize = 1024 * 1024;

impl Followed for NodeBackend {
    fn heads(&self, group: Option<GroupId>) -> Result<Heights, RpcError> {
        let head =
            |group: GroupId, store: &LedgerStore| store.tip().map(|tip| (group, tip)).ok_or_else(not_started);
        match group {
            Some(group) => Ok([head(group, self.store(group)?)?].into()),
            None => self.stores.iter().map(|(group, store)| head(*group, store)).collect(),
        }
    }

    fn hosts_all(&self) -> Result<(), RpcError> {
        self.elsewhere.groups().next().map_or(Ok(()), |group| Err(self.elsewhere.not_hosted(group)))
    }

    fn committed(&self) -> watch::Receiver<Heights> {
        self.shared.committed()
    }

    fn sealed(&self) -> watch::Receiver<Heights> {
        self.shared.sealed()
    }

    fn traced(&self, id: &TxId) -> Option<TxStatusView> {
        NodeBackend::traced(self, id)
    }

    fn decided_for(
        &self,
        account: &Account,
        group: GroupId,
        height: Height,
        skip: u32,
    ) -> Result<NewsSlice<AccountTransaction>, RpcError> {
        let at = self.point(group, At::Height(height))?;
        let store = self.store(group)?;
        let news = news_of(store, height)?;
        let block = store.block(height).ok_or_else(|| RpcError::not_found(format!("block {height}")))?;
        let concerns = |whose: &Decided| whose.signer == *account || whose.recipients.contains(account);
        let begun_before = news.decided.into_iter().filter(concerns);
        let begun_here = block.payload.transactions().filter_map(|signed| {
            // The id costs a hash: only of those that matter.
            let whose = Decided::of(TxId::default(), &signed.transaction);
            concerns(&whose).then(|| Decided { id: signed.id(), ..whose })
        });
        let whose: BTreeMap<TxId, Account> =
            begun_before.chain(begun_here).map(|whose| (whose.id, whose.signer)).collect();
        if whose.is_empty() {
            return Ok(NewsSlice { items: Vec::new(), more: false, at });
        }
        let decided = store.receipts(height).into_iter().filter_map(|receipt| {
            let signer = *whose.get(&receipt.id)?;
            let (status, result) = ended(receipt.outcome);
            Some(AccountTransaction {
                tx_id: receipt.id,
                status,
                reason: result.reason,
                signer,
                group,
                height,
                block_id: at.block_id,
                next: Position { group, height, index: 0 },
            })
        });
        let mut decided = decided.skip(as_count(skip));
        let items: Vec<AccountTransaction> = decided.by_ref().take(SLICE_ITEMS).collect();
        Ok(NewsSlice { items, more: decided.next().is_some(), at })
    }

    fn changed(
        &self,
        prefix: &[u8],
        group: GroupId,
        height: Height,
        skip: u32,
    ) -> Result<NewsSlice<ScanItem>, RpcError> {
        let at = self.point(group, At::Height(height))?;
        let store = self.store(group)?;
        let keys = news_of(store, height)?.keys;
        let mut matching =
            keys.iter().filter(|key| key.0.starts_with(prefix)).skip(as_count(skip)).peekable();
        let (mut items, mut bytes) = (Vec::new(), 0_usize);
        while items.len() < SLICE_ITEMS && bytes < SLICE_BYTES {
            let Some(key) = matching.next() else { break };
            let entry = store.entry_at(key, height);
            let size = entry.as_ref().map_or(0, |entry| super::state::size_of_value(&entry.value));
            bytes = bytes.saturating_add(key.0.len()).saturating_add(size);
            items.push(scan_item(key, entry.as_ref()));
        }
        Ok(NewsSlice { items, more: matching.peek().is_some(), at })
    }
}

/// What a block changed. Blocks that a version wrote which kept no such list can't be followed.
fn news_of(store: &LedgerStore, height: Height) -> Result<News, RpcError> {
    store.news(height).ok_or_else(|| {
        let after_all = || store.tip().unwrap_or(0).saturating_add(1);
        RpcError::Pruned { oldest_height: store.oldest_news().unwrap_or_else(after_all) }
    })
}

fn as_count(skip: u32) -> usize {
    usize::try_from(skip).unwrap_or(usize::MAX)
}
