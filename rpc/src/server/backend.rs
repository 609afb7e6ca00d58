//! What the node must be able to do for its users.

use super::Followed;
use super::listing::{
    EvidenceFrom, EvidenceSlice, HistoryFrom, HistorySlice, ListFrom, TransactionSlice, Trial,
};
use crate::error::RpcError;
use crate::parameter::{At, Order, TransactionDetail, Wait};
use crate::view::{
    AccountView, BlockView, ConfigurationView, ConsensusStatusView, EpochView, Explanation, FaultEffect,
    FaultView, GenesisView, Health, KeyShardView, LightBlockView, LockView, ManyValues, MempoolView, NetInfo,
    NodeStatus, PeerView, ReadPoint, ScanItem, SealView, ShardView, SimulationView, SlotView, StateValue,
    TxStatusView, ValidatorSetView, VersionView,
};
use std::time::Duration;
use witan_types::{Account, Epoch, GroupId, Height, Key, SignedTransaction, TxId};

/// Keys from `start` up to but without `end`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScanRange {
    /// The first key; empty for the very first.
    pub start: Vec<u8>,
    /// The first key beyond; none for all that follow.
    pub end: Option<Vec<u8>>,
}

impl ScanRange {
    /// The keys that start with `prefix`.
    pub fn prefix(prefix: Vec<u8>) -> ScanRange {
        let mut end = prefix.clone();
        while let Some(last) = end.pop() {
            if let Some(above) = last.checked_add(1) {
                end.push(above);
                return ScanRange { start: prefix, end: Some(end) };
            }
        }
        ScanRange { start: prefix, end: None }
    }
}

/// Where a scan goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScanNext {
    /// In this group.
    pub group: GroupId,
    /// At this key, at the same height; none for the start of the range in a group not read yet.
    pub key: Option<Vec<u8>>,
}

/// A part of a scan: of one group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScanSlice {
    /// Keys with their values, ascending.
    pub items: Vec<ScanItem>,
    /// What is not in `items`, if the range has more.
    pub next: Option<ScanNext>,
    /// Where the read stands.
    pub at: ReadPoint,
}

/// A part of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockSlice {
    /// The blocks, in the order asked for, without their transactions.
    pub items: Vec<BlockView>,
    /// The height of the first block not in `items`, if there is one.
    pub next: Option<Height>,
}

/// Where a list of locks goes on; the backend's own, and opaque to all others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockNext {
    /// What it names the transaction by.
    pub record: Vec<u8>,
    /// The next key.
    pub key: Vec<u8>,
}

/// A part of the locks of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockSlice {
    /// The locks.
    pub items: Vec<LockView>,
    /// What is not in `items`, if there is more.
    pub next: Option<LockNext>,
}

/// A fault to stage, within its bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultWanted {
    /// What it does.
    pub effect: FaultEffect,
    /// After which time it ends by itself, if it does.
    pub lasts: Option<Duration>,
}

/// The node behind the methods. It gets what a request asks for, decoded and within bounds, and says what it means.
///
/// A group, block or height that is not there is [`RpcError::NotFound`], [`RpcError::NotHosted`], [`RpcError::Pruned`] or
/// [`RpcError::FutureHeight`].
#[jsonrpsee::core::async_trait]
pub trait Backend: Followed {
    /// Whether it lives and works. Called for each probe, so it must be cheap and must not wait for the event loop.
    fn health(&self) -> Health;

    /// How it stands.
    async fn status(&self) -> Result<NodeStatus, RpcError>;

    /// What it does, or what keeps it from doing it.
    async fn explanation(&self) -> Result<Explanation, RpcError>;

    /// Stages a fault and returns its number. Called on development networks alone.
    ///
    /// # Errors
    /// If there are too many, or a node named is unknown.
    async fn set_fault(&self, wanted: FaultWanted) -> Result<u64, RpcError>;

    /// The faults that are staged, oldest first.
    async fn faults(&self) -> Result<Vec<FaultView>, RpcError>;

    /// Ends one fault, or all, and returns the numbers of those that ended.
    ///
    /// # Errors
    /// If there is no fault of this number.
    async fn clear_faults(&self, id: Option<u64>) -> Result<Vec<u64>, RpcError>;

    /// What runs.
    fn version(&self) -> VersionView;

    /// The network's genesis.
    fn genesis(&self) -> GenesisView;

    /// What operators may change, and what they approve.
    async fn configuration(&self) -> Result<ConfigurationView, RpcError>;

    /// One block.
    async fn block(&self, group: GroupId, at: At, txs: TransactionDetail) -> Result<BlockView, RpcError>;

    /// At most `limit` blocks from `from` on; from the latest or 0 if there is no `from`.
    async fn blocks(
        &self,
        group: GroupId,
        from: Option<Height>,
        order: Order,
        limit: usize,
    ) -> Result<BlockSlice, RpcError>;

    /// The seal of a block.
    async fn seal(&self, group: GroupId, height: Height) -> Result<SealView, RpcError>;

    /// A sealed block without its payload; `Latest` means the newest sealed one.
    async fn light_block(&self, group: GroupId, at: At) -> Result<LightBlockView, RpcError>;

    /// An epoch of a group, the newest if none is named, with a proof if `prove`.
    async fn epoch(&self, group: GroupId, epoch: Option<Epoch>, prove: bool) -> Result<EpochView, RpcError>;

    /// Takes a transaction of right form, and answers when it has come as far as `wait` says or never will.
    /// Signature, chain and expiry are for the backend to judge. A transaction already known answers its status.
    ///
    /// # Errors
    /// [`RpcError::Rejected`], [`RpcError::MempoolFull`], or after `timeout` [`RpcError::WaitTimeout`].
    async fn submit(
        &self,
        tx: SignedTransaction,
        wait: Wait,
        timeout: Duration,
    ) -> Result<TxStatusView, RpcError>;

    /// Takes transactions of right form, without waiting. One answer each, in order.
    async fn submit_batch(&self, txs: Vec<SignedTransaction>) -> Vec<Result<TxStatusView, RpcError>>;

    /// How a transaction stands.
    async fn transaction(&self, id: TxId) -> Result<TxStatusView, RpcError>;

    /// The same with a proof of how it ended in every group it touches.
    ///
    /// # Errors
    /// [`RpcError::NotReady`] with [`Unproved`](crate::error::NotReady::Unproved) if it has not ended or is not sealed in one of
    /// them, [`RpcError::NotFound`] if there is nothing to prove.
    async fn proved_transaction(&self, id: TxId) -> Result<TxStatusView, RpcError>;

    /// At most `limit` transactions that have ended, newest first: of one account, or of all; of one group, or of all that
    /// this node hosts.
    async fn transactions(
        &self,
        account: Option<Account>,
        group: Option<GroupId>,
        from: Option<Vec<ListFrom>>,
        limit: usize,
    ) -> Result<TransactionSlice, RpcError>;

    /// What would become of a transaction of right form, with nothing changed. Signature, chain and expiry are for the
    /// backend to judge.
    ///
    /// # Errors
    /// [`RpcError::Rejected`] where a submission would be.
    async fn simulate(&self, trial: Trial) -> Result<SimulationView, RpcError>;

    /// At most `limit` versions of a key, newest first.
    async fn history(
        &self,
        key: Key,
        from: Option<HistoryFrom>,
        limit: usize,
    ) -> Result<HistorySlice, RpcError>;

    /// At most `limit` pieces of evidence, in order, from this one on.
    async fn evidence(&self, from: Option<EvidenceFrom>, limit: usize) -> Result<EvidenceSlice, RpcError>;

    /// The value at a key, with a proof if `prove`.
    async fn state(&self, key: Key, at: At, prove: bool) -> Result<StateValue, RpcError>;

    /// All keys of a slot below 4,096 with their values, with a proof if `prove`.
    async fn slot(&self, slot: u16, at: At, prove: bool) -> Result<SlotView, RpcError>;

    /// The values at several keys, in order.
    async fn states(&self, keys: Vec<Key>, at: At) -> Result<ManyValues, RpcError>;

    /// The values at one to 128 keys, in order, at one moment after everything that was committed before: a transaction
    /// of gets. Where it stands is the one block that decided it.
    ///
    /// # Errors
    /// [`RpcError::ReadAborted`] if it was given up.
    async fn strict_states(&self, keys: Vec<Key>) -> Result<ManyValues, RpcError>;

    /// At most `limit` keys of a range with their values, of the first group that has any, from where the scan stands on.
    /// Inside a group, `at` is the height it stands at. Where it looks at much and finds little, it says so early: with few keys
    /// or none, and where it goes on.
    async fn scan(
        &self,
        from: Option<ScanNext>,
        range: ScanRange,
        limit: usize,
        at: At,
    ) -> Result<ScanSlice, RpcError>;

    /// The groups of the network with the keys they own.
    fn shards(&self) -> Vec<ShardView>;

    /// Where a key lives.
    fn shard_of(&self, key: &Key) -> KeyShardView;

    /// At most `limit` locks of a group, from where the list stands on; where it looks at much and finds little, fewer or none.
    async fn locks(
        &self,
        group: GroupId,
        from: Option<LockNext>,
        limit: usize,
    ) -> Result<LockSlice, RpcError>;

    /// An account.
    async fn account(&self, account: Account, at: At) -> Result<AccountView, RpcError>;

    /// The mempool of one group, or of each.
    async fn mempools(&self, group: Option<GroupId>) -> Result<Vec<MempoolView>, RpcError>;

    /// This node on the network.
    async fn net_info(&self) -> Result<NetInfo, RpcError>;

    /// Who is connected.
    async fn peers(&self) -> Result<Vec<PeerView>, RpcError>;

    /// How consensus stands in a group.
    async fn consensus(&self, group: GroupId) -> Result<ConsensusStatusView, RpcError>;

    /// Who decides in a group.
    async fn validators(&self, group: GroupId, at: At) -> Result<ValidatorSetView, RpcError>;
}
