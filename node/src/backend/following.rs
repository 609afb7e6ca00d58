//! What subscriptions read: how far chains are, and what each block did.

use super::listing::how;
use super::state::scan_item;
use super::{NodeBackend, not_started};
use std::ops::ControlFlow;
use tokio::sync::watch;
use witan_ledger::Store as _;
use witan_rpc::RpcError;
use witan_rpc::parameter::At;
use witan_rpc::server::{Followed, Heights, NewsSlice};
use witan_rpc::view::{AccountTransaction, Position, ScanItem, TxStatusView};
use witan_storage::LedgerStore;
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
        let decided = store.transactions_at(account, height).into_iter().map(|listed| {
            let (status, reason) = how(listed.ended);
            AccountTransaction {
                tx_id: listed.id,
                status,
                reason: reason.map(str::to_owned),
                signer: listed.signer,
                group,
                height,
                block_id: at.block_id,
                next: Position { group, height, index: 0 },
            }
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
        let (mut skipped, mut items, mut bytes, mut more) = (0, Vec::new(), 0_usize, false);
        store.visit_changes(height, |key, entry| {
            if !key.0.starts_with(prefix) {
                return ControlFlow::Continue(());
            }
            if skipped < skip {
                skipped = skipped.saturating_add(1);
                return ControlFlow::Continue(());
            }
            if items.len() >= SLICE_ITEMS || bytes >= SLICE_BYTES {
                more = true;
                return ControlFlow::Break(());
            }
            let size = entry.as_ref().map_or(0, |entry| super::state::size_of_value(&entry.value));
            bytes = bytes.saturating_add(key.0.len()).saturating_add(size);
            items.push(scan_item(&key, entry.as_ref()));
            ControlFlow::Continue(())
        });
        Ok(NewsSlice { items, more, at })
    }
}

fn as_count(skip: u32) -> usize {
    usize::try_from(skip).unwrap_or(usize::MAX)
}
