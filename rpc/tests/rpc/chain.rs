//! A chain that grows while others follow it.

use crate::support::{FakeNode, TIP, put, secret};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use tokio::sync::watch;
use witan_rpc::server::{Followed, Heights, NewsSlice};
use witan_rpc::*;
use witan_types::*;

/// Bytes of the values under the keys that start with "big/".
pub const BIG: usize = 60_000;
/// Keys that each block changes under "key/".
pub const KEYS: u32 = 5;
/// News that are read of a block at a time, so that blocks are read in parts.
const AT_ONCE: usize = 2;

/// What followers see of the fake node.
pub struct FakeChain {
    pub committed: watch::Sender<Heights>,
    pub sealed: watch::Sender<Heights>,
    pub statuses: Mutex<BTreeMap<TxId, TxStatusView>>,
    pub view: AtomicU64,
}

impl Default for FakeChain {
    fn default() -> Self {
        FakeChain {
            committed: watch::Sender::new(Heights::new()),
            sealed: watch::Sender::new(Heights::new()),
            statuses: Mutex::default(),
            view: AtomicU64::new(40),
        }
    }
}

impl FakeChain {
    pub fn tip(&self) -> Height {
        self.committed.borrow().get(&GroupId(1)).copied().unwrap_or(TIP)
    }

    pub fn grow_to(&self, tip: Height) {
        self.committed.send_modify(|heights| {
            heights.insert(GroupId(1), tip);
        });
    }

    /// A block says how a transaction stands.
    pub fn tell(&self, status: TxStatusView) {
        self.statuses.lock().unwrap().insert(status.tx_id, status);
        self.grow_to(self.tip() + 1);
    }
}

/// The transactions of the tests' account that a block of the fake chain decided.
pub fn decided_at(height: Height) -> Vec<TxId> {
    (0..3).map(|salt| put("key", &height.to_be_bytes(), salt).id()).collect()
}

/// Some of a list, with whether there is more.
fn slice<T>(all: Vec<T>, skip: u32, at: ReadPoint) -> NewsSlice<T> {
    let more = all.len() > skip as usize + AT_ONCE;
    NewsSlice { items: all.into_iter().skip(skip as usize).take(AT_ONCE).collect(), more, at }
}

impl Followed for FakeNode {
    fn heads(&self, group: Option<GroupId>) -> Result<Heights, RpcError> {
        group.map_or(Ok(()), |group| self.group(group))?;
        Ok([(GroupId(1), self.chain.tip())].into())
    }

    fn hosts_all(&self) -> Result<(), RpcError> {
        Ok(())
    }

    fn committed(&self) -> watch::Receiver<Heights> {
        self.chain.committed.subscribe()
    }

    fn sealed(&self) -> watch::Receiver<Heights> {
        self.chain.sealed.subscribe()
    }

    fn traced(&self, id: &TxId) -> Option<TxStatusView> {
        self.chain.statuses.lock().unwrap().get(id).cloned()
    }

    fn decided_for(
        &self,
        account: &Account,
        group: GroupId,
        height: Height,
        skip: u32,
    ) -> Result<NewsSlice<AccountTransaction>, RpcError> {
        let at = self.point(At::Height(height))?;
        let signer = Account(secret().public());
        let mine = if *account == signer { decided_at(height) } else { Vec::new() };
        let item = |tx_id| AccountTransaction {
            tx_id,
            status: TransactionState::Failed,
            reason: Some("CHECK_FAILED".into()),
            signer,
            group,
            height,
            block_id: at.block_id,
            next: Position { group, height, index: 0 },
        };
        Ok(slice(mine.into_iter().map(item).collect(), skip, at))
    }

    /// Each block counts up some keys, deletes one, and writes a big one.
    fn changed(
        &self,
        prefix: &[u8],
        _: GroupId,
        height: Height,
        skip: u32,
    ) -> Result<NewsSlice<ScanItem>, RpcError> {
        let at = self.point(At::Height(height))?;
        let number = i128::from(height);
        let counters = (1..KEYS).map(|key| (format!("key/{key}"), Some(ValueView::Counter(number))));
        let all = [("big/".into(), Some(ValueView::Bytes(vec![7; BIG].into()))), ("key/0".into(), None)];
        let all = all.into_iter().chain(counters).filter(|(key, _)| key.as_bytes().starts_with(prefix));
        let item = |(key, value): (String, Option<ValueView>)| {
            let version = if value.is_some() { u128::from(height) } else { 0 };
            ScanItem { key: key.as_bytes().into(), value, version }
        };
        Ok(slice(all.map(item).collect(), skip, at))
    }
}
