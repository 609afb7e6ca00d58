//! What the node must be able to do for its users' subscriptions: say how far its chains are, and read them block by block.

use crate::error::RpcError;
use crate::view::{AccountTransaction, ReadPoint, ScanItem, TxStatusView};
use std::collections::BTreeMap;
use tokio::sync::watch;
use witan_types::{Account, GroupId, Height, TxId};

/// The newest height of each group that has one.
pub type Heights = BTreeMap<GroupId, Height>;

/// Some of what happened in one block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewsSlice<T> {
    /// What happened, in order.
    pub items: Vec<T>,
    /// Whether more happened in the block, after `items`.
    pub more: bool,
    /// Which block.
    pub at: ReadPoint,
}

/// The node behind the subscriptions. Reads are of what is flushed; none may make consensus wait.
///
/// A group, block or height that is not there is an error as for [`Backend`](super::Backend).
pub trait Followed: Send + Sync + 'static {
    /// The newest flushed height of this group, or of each group that the node hosts.
    ///
    /// # Errors
    /// If the node does not host the group.
    fn heads(&self, group: Option<GroupId>) -> Result<Heights, RpcError>;

    /// Succeeds if the node hosts all groups of the network.
    ///
    /// # Errors
    /// [`RpcError::NotHosted`] with one that it does not host.
    fn hosts_all(&self) -> Result<(), RpcError>;

    /// The newest flushed heights, and their changes. Groups that had no block since the node started may be missing.
    fn committed(&self) -> watch::Receiver<Heights>;

    /// The newest sealed heights, and their changes. Groups that had no seal since the node started may be missing.
    fn sealed(&self) -> watch::Receiver<Heights>;

    /// How a transaction stands by what the node's own blocks say; none if they say nothing. Cheap.
    fn traced(&self, id: &TxId) -> Option<TxStatusView>;

    /// The transactions which the block at `height` decided, and which `account` signed or which transfer to it; all but the
    /// first `skip`.
    ///
    /// # Errors
    /// If the block is not there, or is older than what the node can tell this of.
    fn decided_for(
        &self,
        account: &Account,
        group: GroupId,
        height: Height,
        skip: u32,
    ) -> Result<NewsSlice<AccountTransaction>, RpcError>;

    /// The keys with this prefix that the block at `height` changed, ascending, each as the block left it; all but the first
    /// `skip`.
    ///
    /// # Errors
    /// If the block is not there, or is older than what the node can tell this of.
    fn changed(
        &self,
        prefix: &[u8],
        group: GroupId,
        height: Height,
        skip: u32,
    ) -> Result<NewsSlice<ScanItem>, RpcError>;
}
