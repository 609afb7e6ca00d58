//! What the node answers its users. Reads go to the disk's newest flushed state, on the threads of RPC (those that may find
//! much beside them: [`costly`]): the loop is asked only for what it alone knows, and never waits for a user.

mod chain;
mod configuration;
mod costly;
mod elsewhere;
mod explain;
mod faults;
#[cfg(test)]
mod fixtures;
mod following;
mod listing;
mod locks;
mod network;
mod proofs;
mod scan;
mod shards;
mod simulate;
mod state;
mod status;
mod strict;
mod transactions;

pub(crate) use costly::CostlyReads;
pub(crate) use explain::LocksSeen;
pub(crate) use simulate::trials;
pub(crate) use strict::{MAX_STRICT_READS, StrictRead, serve_strict_reads};

use crate::disk::DiskWatch;
use crate::elsewhere::Elsewhere;
use crate::event_loop::Command;
use crate::faults::Faults;
use crate::load::ClientJudge;
use crate::shared::{Shared, View};
use crate::signatures::Signatures;
use jsonrpsee::core::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use witan_ledger::Store as _;
use witan_p2p::Network;
use witan_rpc::parameter::{At, Order, TransactionDetail, Wait};
use witan_rpc::server::{
    Backend, BlockSlice, EvidenceFrom, EvidenceSlice, FaultWanted, HistoryFrom, HistorySlice, ListFrom,
    LockNext, LockSlice, ScanNext, ScanRange, ScanSlice, TransactionSlice, Trial,
};
use witan_rpc::view::{
    AccountView, BlockView, ConfigurationView, ConsensusStatusView, EpochView, Explanation, FaultView,
    GenesisView, Health, KeyShardView, LightBlockView, ManyValues, MempoolView, NetInfo, NodeStatus,
    PeerView, ReadPoint, SealView, ShardView, SimulationView, SlotView, StateValue, TxStatusView,
    ValidatorSetView, VersionView,
};
use witan_rpc::{NotReady, RpcError};
use witan_storage::{ConsensusLog, LedgerStore};
use witan_types::{
    Account, ChainId, EngineKind, Epoch, Genesis, GroupId, Height, Key, NodeId, SecretKey, SignedTransaction,
    TxId, ValidatorIndex,
};

/// When a client may try again after there was no room for what it sent, in milliseconds.
const RETRY_AFTER_MS: u64 = 200;

/// The node behind the RPC methods.
#[derive(Debug)]
pub(crate) struct NodeBackend {
    pub(crate) name: String,
    pub(crate) node: NodeId,
    /// The secret of the node's network identity, which signs strict reads.
    pub(crate) reader: SecretKey,
    pub(crate) validator: Option<ValidatorIndex>,
    pub(crate) genesis: Genesis,
    pub(crate) chain: ChainId,
    pub(crate) mempool: witan_ledger::Limits,
    pub(crate) shared: Arc<Shared>,
    pub(crate) stores: BTreeMap<GroupId, LedgerStore>,
    /// The groups that have no store here.
    pub(crate) elsewhere: Arc<Elsewhere>,
    pub(crate) network: Network,
    pub(crate) signatures: Arc<Signatures>,
    /// Who judges what clients submit.
    pub(crate) client_judge: ClientJudge,
    pub(crate) commands: SyncSender<Command>,
    /// To who serves strict reads.
    pub(crate) strict_reads: mpsc::Sender<StrictRead>,
    /// What liars were caught signing.
    pub(crate) log: ConsensusLog,
    /// Who may read much now.
    pub(crate) costly: CostlyReads,
    /// The locks that an explanation told of lately.
    pub(crate) locks_seen: LocksSeen,
    /// Who may try a transaction now.
    pub(crate) trials: Arc<Semaphore>,
    pub(crate) disk: Arc<DiskWatch>,
    pub(crate) faults: Arc<Faults>,
}

impl NodeBackend {
    fn store(&self, group: GroupId) -> Result<&LedgerStore, RpcError> {
        self.stores.get(&group).ok_or_else(|| self.elsewhere.not_hosted(group))
    }

    fn view(&self, group: GroupId) -> Result<Arc<View>, RpcError> {
        if self.elsewhere.has(group) {
            return Err(self.elsewhere.not_hosted(group));
        }
        let view = self.shared.view(group);
        view.ok_or_else(|| RpcError::not_found(format!("group {group} on this node")))
    }

    /// The height that `at` means here, and its block.
    fn point(&self, group: GroupId, at: At) -> Result<ReadPoint, RpcError> {
        let store = self.store(group)?;
        let tip = store.tip().ok_or_else(not_started)?;
        let height = match at {
            At::Latest => tip,
            At::Sealed => store.sealed_tip(),
            At::Height(height) if height > tip => return Err(RpcError::FutureHeight { height: tip }),
            At::Height(height) => height,
        };
        let outcome = store.outcome(height).ok_or_else(|| RpcError::not_found(format!("block {height}")))?;
        Ok(ReadPoint { group, height, block_id: outcome.block_id })
    }

    fn validator_name(&self, node: &NodeId) -> Option<String> {
        self.genesis.validators.iter().find(|entry| entry.node == *node).map(|entry| entry.name.clone())
    }

    fn place(&self, node: &NodeId) -> Option<ValidatorIndex> {
        let place = self.genesis.validators.iter().position(|entry| entry.node == *node)?;
        u16::try_from(place).ok().map(ValidatorIndex)
    }
}

fn stopping() -> RpcError {
    RpcError::NotReady { reason: NotReady::Syncing, detail: "the node is stopping".into() }
}

/// Before genesis is on disk nothing can be read.
fn not_started() -> RpcError {
    RpcError::NotReady { reason: NotReady::Syncing, detail: "the node is starting".into() }
}

#[async_trait]
impl Backend for NodeBackend {
    fn health(&self) -> Health {
        self.read_health()
    }

    async fn status(&self) -> Result<NodeStatus, RpcError> {
        self.read_status()
    }

    async fn explanation(&self) -> Result<Explanation, RpcError> {
        self.costly.run(|| Ok(self.explain())).await
    }

    async fn set_fault(&self, wanted: FaultWanted) -> Result<u64, RpcError> {
        self.stage_fault(wanted)
    }

    async fn faults(&self) -> Result<Vec<FaultView>, RpcError> {
        Ok(self.list_faults())
    }

    async fn clear_faults(&self, id: Option<u64>) -> Result<Vec<u64>, RpcError> {
        self.end_faults(id)
    }

    fn version(&self) -> VersionView {
        VersionView {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: None,
            engines: EngineKind::ALL.to_vec(),
        }
    }

    fn genesis(&self) -> GenesisView {
        GenesisView::from(self.genesis.clone())
    }

    async fn configuration(&self) -> Result<ConfigurationView, RpcError> {
        self.read_configuration()
    }

    async fn block(&self, group: GroupId, at: At, txs: TransactionDetail) -> Result<BlockView, RpcError> {
        self.read_block(group, at, txs)
    }

    async fn blocks(
        &self,
        group: GroupId,
        from: Option<Height>,
        order: Order,
        limit: usize,
    ) -> Result<BlockSlice, RpcError> {
        self.costly.run(|| self.read_blocks(group, from, order, limit)).await
    }

    async fn seal(&self, group: GroupId, height: Height) -> Result<SealView, RpcError> {
        self.read_seal(group, height)
    }

    async fn light_block(&self, group: GroupId, at: At) -> Result<LightBlockView, RpcError> {
        self.costly.run(|| self.read_light_block(group, at)).await
    }

    async fn epoch(&self, group: GroupId, epoch: Option<Epoch>, prove: bool) -> Result<EpochView, RpcError> {
        self.read_epoch(group, epoch, prove).await
    }

    async fn submit(
        &self,
        tx: SignedTransaction,
        wait: Wait,
        timeout: Duration,
    ) -> Result<TxStatusView, RpcError> {
        self.submit_and_wait(tx, wait, timeout).await
    }

    async fn submit_batch(&self, txs: Vec<SignedTransaction>) -> Vec<Result<TxStatusView, RpcError>> {
        self.submit_all(txs).await
    }

    async fn transaction(&self, id: TxId) -> Result<TxStatusView, RpcError> {
        self.read_transaction(id).await
    }

    async fn transactions(
        &self,
        account: Option<Account>,
        group: Option<GroupId>,
        from: Option<Vec<ListFrom>>,
        limit: usize,
    ) -> Result<TransactionSlice, RpcError> {
        self.costly.run(|| self.list_transactions(account, group, from, limit)).await
    }

    async fn simulate(&self, trial: Trial) -> Result<SimulationView, RpcError> {
        self.simulate_trial(trial).await
    }

    async fn history(
        &self,
        key: Key,
        from: Option<HistoryFrom>,
        limit: usize,
    ) -> Result<HistorySlice, RpcError> {
        self.costly.run(|| self.read_history(&key, from, limit)).await
    }

    async fn evidence(&self, from: Option<EvidenceFrom>, limit: usize) -> Result<EvidenceSlice, RpcError> {
        self.costly.run(|| self.read_evidence(from, limit)).await
    }

    async fn proved_transaction(&self, id: TxId) -> Result<TxStatusView, RpcError> {
        self.prove_transaction(id).await
    }

    async fn state(&self, key: Key, at: At, prove: bool) -> Result<StateValue, RpcError> {
        let group = self.group_of(&key);
        match prove {
            _ if self.elsewhere.has(group) => self.read_state_elsewhere(group, &key, at, prove).await,
            true => self.read_proved(&key, at),
            false => self.read_state(&key, at),
        }
    }

    async fn slot(&self, slot: u16, at: At, prove: bool) -> Result<SlotView, RpcError> {
        self.read_slot(slot, at, prove).await
    }

    async fn states(&self, keys: Vec<Key>, at: At) -> Result<ManyValues, RpcError> {
        self.read_states(&keys, at).await
    }

    async fn strict_states(&self, keys: Vec<Key>) -> Result<ManyValues, RpcError> {
        self.read_strictly(keys).await
    }

    async fn scan(
        &self,
        from: Option<ScanNext>,
        range: ScanRange,
        limit: usize,
        at: At,
    ) -> Result<ScanSlice, RpcError> {
        self.costly.run(|| self.read_scan(from, &range, limit, at)).await
    }

    fn shards(&self) -> Vec<ShardView> {
        self.read_shards()
    }

    fn shard_of(&self, key: &Key) -> KeyShardView {
        self.read_shard_of(key)
    }

    async fn locks(
        &self,
        group: GroupId,
        from: Option<LockNext>,
        limit: usize,
    ) -> Result<LockSlice, RpcError> {
        self.costly.run(|| self.read_locks(group, from, limit)).await
    }

    async fn account(&self, account: Account, at: At) -> Result<AccountView, RpcError> {
        self.read_account(account, at).await
    }

    async fn mempools(&self, group: Option<GroupId>) -> Result<Vec<MempoolView>, RpcError> {
        self.read_mempools(group)
    }

    async fn net_info(&self) -> Result<NetInfo, RpcError> {
        Ok(self.read_net_info())
    }

    async fn peers(&self) -> Result<Vec<PeerView>, RpcError> {
        Ok(self.read_peers())
    }

    async fn consensus(&self, group: GroupId) -> Result<ConsensusStatusView, RpcError> {
        self.read_consensus(group)
    }

    async fn validators(&self, group: GroupId, at: At) -> Result<ValidatorSetView, RpcError> {
        self.read_validators(group, at)
    }
}
