//! What the fake node answers.

use super::{FakeNode, TIP, block_id, proofs, put, secret};
use jsonrpsee::core::async_trait;
use std::sync::atomic::Ordering;
use std::time::Duration;
use witan_rpc::server::{
    Backend, BlockSlice, EvidenceFrom, EvidenceSlice, FaultWanted, HistoryFrom, HistorySlice, ListFrom,
    LockNext, LockSlice, ScanNext, ScanRange, ScanSlice, TransactionSlice, Trial,
};
use witan_rpc::*;
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::seal::Outcome;
use witan_types::*;

#[async_trait]
impl Backend for FakeNode {
    fn health(&self) -> Health {
        let reasons = if self.ready { Vec::new() } else { vec!["NO_QUORUM".to_owned()] };
        let details = reasons.iter().map(|_| "n2 and n3 can't be reached".to_owned()).collect();
        Health { live: true, ready: self.ready, reasons, details }
    }

    async fn explanation(&self) -> Result<Explanation, RpcError> {
        let summary = "n0 is well: group 1 is idle at block 12.".into();
        let (findings, groups) = (Vec::new(), Vec::new());
        Ok(Explanation { summary, progressing: true, ready: self.ready, findings, groups })
    }

    async fn set_fault(&self, wanted: FaultWanted) -> Result<u64, RpcError> {
        let ends_in_ms = wanted.lasts.map(|lasts| lasts.as_millis() as u64);
        *self.fault.lock().unwrap() = Some(FaultView { id: 7, effect: wanted.effect, ends_in_ms });
        Ok(7)
    }

    async fn faults(&self) -> Result<Vec<FaultView>, RpcError> {
        Ok(self.fault.lock().unwrap().clone().into_iter().collect())
    }

    async fn clear_faults(&self, id: Option<u64>) -> Result<Vec<u64>, RpcError> {
        if id.is_some_and(|id| id != 7) { Err(RpcError::not_found("fault")) } else { Ok(vec![7]) }
    }

    async fn status(&self) -> Result<NodeStatus, RpcError> {
        let group = GroupStatus {
            group: GroupId(1),
            engine: EngineKind::HotStuff,
            faults: FaultModel::Byzantine,
            height: TIP,
            block_id: block_id(TIP),
            state_root: Hash([TIP as u8; 32]),
            sealed_height: TIP - 1,
            sealed_state_root: Hash([TIP as u8 - 1; 32]),
            view: 40,
            leader: Some(ValidatorIndex(2)),
            validators: 4,
            connected_validators: 4,
            mempool: 0,
            syncing: false,
        };
        Ok(NodeStatus {
            version: "0.1.0".into(),
            name: Some("n0".into()),
            node_id: NodeId(Hash([1; 32])),
            validator: Some(ValidatorIndex(0)),
            chain: ChainId(Hash([3; 32])),
            devnet: true,
            ready: self.ready,
            reasons: self.health().reasons,
            groups: vec![group],
            peers: 3,
        })
    }

    fn version(&self) -> VersionView {
        VersionView { version: "0.1.0".into(), commit: None, engines: vec![EngineKind::HotStuff] }
    }

    fn genesis(&self) -> GenesisView {
        let validator =
            GenesisValidator { name: "n0".into(), key: PublicKey([1; 32]), node: NodeId(Hash([2; 32])) };
        let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
        let genesis = Genesis {
            name: "local".into(),
            time_ms: 1,
            devnet: true,
            permissioned: false,
            validators: vec![validator],
            followers: Vec::new(),
            operators: Operators::default(),
            groups: vec![group(0), group(1)],
            balances: Vec::new(),
            parameters: Parameters::default(),
        };
        GenesisView::from(genesis)
    }

    async fn block(&self, group: GroupId, at: At, txs: TransactionDetail) -> Result<BlockView, RpcError> {
        self.group(group)?;
        let tx = put("block", b"text", 1);
        let txs = match txs {
            TransactionDetail::None => None,
            TransactionDetail::Ids => Some(BlockTransactions::ids([tx.id()])),
            TransactionDetail::Full => Some(BlockTransactions::full([tx])),
        };
        Ok(self.block_view(self.point(at)?.height, txs))
    }

    async fn blocks(
        &self,
        group: GroupId,
        from: Option<Height>,
        order: Order,
        limit: usize,
    ) -> Result<BlockSlice, RpcError> {
        self.group(group)?;
        let mut heights: Vec<Height> = match order {
            Order::Asc => (from.unwrap_or(0)..=TIP).collect(),
            Order::Desc => (0..=from.unwrap_or(TIP)).rev().collect(),
        };
        let next = heights.get(limit).copied();
        heights.truncate(limit);
        Ok(BlockSlice {
            items: heights.into_iter().map(|height| self.block_view(height, None)).collect(),
            next,
        })
    }

    async fn seal(&self, group: GroupId, height: Height) -> Result<SealView, RpcError> {
        self.group(group)?;
        let outcome = Outcome {
            chain: ChainId(Hash([3; 32])),
            group,
            epoch: Epoch(1),
            height,
            block_id: block_id(height),
            state_root: Hash([1; 32]),
            receipts_root: Hash([2; 32]),
            outbox_root: Hash([4; 32]),
            next_epoch: None,
        };
        let parts = [0, 2, 3].map(|place| (ValidatorIndex(place), Signature([place as u8; 64])));
        Ok(SealView::from(&Seal { outcome, signatures: QuorumSignatures::collect(parts) }))
    }

    async fn light_block(&self, group: GroupId, at: At) -> Result<LightBlockView, RpcError> {
        self.group(group)?;
        let SealView { encoded, .. } = self.seal(group, self.point(at)?.height).await?;
        Ok(proofs::light_block(&self.genesis().genesis, &encoded))
    }

    async fn epoch(&self, group: GroupId, epoch: Option<Epoch>, prove: bool) -> Result<EpochView, RpcError> {
        self.group(group)?;
        let at = ReadPoint { group: GroupId(0), ..self.point(At::Sealed)? };
        Ok(proofs::epoch(group, epoch, at, prove))
    }

    /// A key's slot is its length.
    async fn slot(&self, slot: u16, at: At, prove: bool) -> Result<SlotView, RpcError> {
        let has_length = |key: &&Vec<u8>| key.len() == usize::from(slot);
        let items = self.state.keys().filter(has_length).map(|key| self.item(key)).collect();
        let proof = prove.then(|| ProofView::of(SLOT_PROOF_FORMAT, vec![1]));
        Ok(SlotView { slot, items, at: self.point(at)?, proof })
    }

    async fn proved_transaction(&self, id: TxId) -> Result<TxStatusView, RpcError> {
        Err(RpcError::NotReady { reason: NotReady::Unproved, detail: format!("transaction {id} waits") })
    }

    async fn submit(
        &self,
        tx: SignedTransaction,
        wait: Wait,
        timeout: Duration,
    ) -> Result<TxStatusView, RpcError> {
        let accepted = self.take(tx)?;
        if timeout.is_zero() && wait > Wait::Accepted {
            return Err(RpcError::WaitTimeout { tx_id: accepted.tx_id, status: accepted.status });
        }
        if wait == Wait::Accepted {
            return Ok(accepted);
        }
        if self.undecided {
            std::future::pending::<()>().await;
        }
        let item = self.item(b"name");
        let read = ReadView { key: item.key, value: item.value, version: item.version };
        Ok(TxStatusView {
            status: TransactionState::Committed,
            result: Some(TransactionResult { reason: None, reads: vec![read] }),
            group: Some(GroupId(1)),
            height: Some(TIP),
            sealed: wait >= Wait::Sealed,
            applied: true,
            ..accepted
        })
    }

    async fn submit_batch(&self, txs: Vec<SignedTransaction>) -> Vec<Result<TxStatusView, RpcError>> {
        txs.into_iter().map(|tx| self.take(tx)).collect()
    }

    async fn transaction(&self, id: TxId) -> Result<TxStatusView, RpcError> {
        if let Some(status) = self.chain.statuses.lock().unwrap().get(&id) {
            return Ok(status.clone());
        }
        let known = self.submitted.lock().unwrap().iter().any(|tx| tx.id() == id);
        let status = if known { TransactionState::Accepted } else { TransactionState::Unknown };
        Ok(TxStatusView::outside_blocks(id, status))
    }

    async fn transactions(
        &self,
        account: Option<Account>,
        group: Option<GroupId>,
        from: Option<Vec<ListFrom>>,
        limit: usize,
    ) -> Result<TransactionSlice, RpcError> {
        self.list(account, group, from, limit)
    }

    async fn simulate(&self, trial: Trial) -> Result<SimulationView, RpcError> {
        self.try_out(trial)
    }

    async fn history(
        &self,
        key: Key,
        from: Option<HistoryFrom>,
        limit: usize,
    ) -> Result<HistorySlice, RpcError> {
        self.versions(&key, from, limit)
    }

    async fn evidence(&self, from: Option<EvidenceFrom>, limit: usize) -> Result<EvidenceSlice, RpcError> {
        Ok(self.accusations(from, limit))
    }

    async fn state(&self, key: Key, at: At, prove: bool) -> Result<StateValue, RpcError> {
        let ScanItem { key, value, version } = self.item(&key.0);
        let proof = prove.then(|| ProofView::new(vec![1, 2, 3]));
        Ok(StateValue { key, value, version, at: self.point(at)?, proof })
    }

    async fn states(&self, keys: Vec<Key>, at: At) -> Result<ManyValues, RpcError> {
        let items = keys.iter().map(|key| self.item(&key.0)).collect();
        Ok(ManyValues { items, at: vec![self.point(at)?] })
    }

    async fn configuration(&self) -> Result<ConfigurationView, RpcError> {
        let parameters = Parameters::default();
        let operator = Account(secret().public());
        let operators = Operators { accounts: vec![operator], threshold: 1 };
        let change = Change { version: 2, kind: ChangeKind::Operators(operators.clone()) };
        let approvals = vec![ApprovalView::new(change, vec![operator])];
        Ok(ConfigurationView { version: 1, parameters, operators, approvals, at: self.point(At::Latest)? })
    }

    fn shards(&self) -> Vec<ShardView> {
        let (engine, faults) = (EngineKind::HotStuff, FaultModel::Byzantine);
        let slots = vec![SlotRange { first: 0, last: 4095 }];
        vec![ShardView { group: GroupId(1), engine, faults, slots, parameters_version: Some(1) }]
    }

    fn shard_of(&self, key: &Key) -> KeyShardView {
        KeyShardView { slot: u16::try_from(key.0.len()).unwrap(), group: GroupId(1) }
    }

    async fn scan(
        &self,
        from: Option<ScanNext>,
        range: ScanRange,
        limit: usize,
        at: At,
    ) -> Result<ScanSlice, RpcError> {
        let start = from.and_then(|from| from.key).unwrap_or(range.start);
        let inside = |key: &&Vec<u8>| **key >= start && range.end.as_ref().is_none_or(|end| *key < end);
        let keys: Vec<&Vec<u8>> = self.state.keys().filter(inside).collect();
        let items = keys.iter().take(limit).map(|key| self.item(key)).collect();
        let next = keys.get(limit).map(|key| ScanNext { group: GroupId(1), key: Some(key.to_vec()) });
        Ok(ScanSlice { items, next, at: self.point(at)? })
    }

    async fn strict_states(&self, keys: Vec<Key>) -> Result<ManyValues, RpcError> {
        if keys.iter().any(|key| key.0 == b"locked") {
            return Err(RpcError::ReadAborted { reason: NoSnapshot::Conflict });
        }
        self.states(keys, At::Height(TIP)).await
    }

    /// One lock of each mode, by one transaction.
    async fn locks(
        &self,
        group: GroupId,
        from: Option<LockNext>,
        limit: usize,
    ) -> Result<LockSlice, RpcError> {
        self.group(group)?;
        let modes =
            [("a", LockMode::Read, None), ("b", LockMode::Write, None), ("c", LockMode::Add, Some("-5"))];
        let lock = |(key, mode, delta): (&str, LockMode, Option<&str>)| LockView {
            key: Blob::from(key.as_bytes().to_vec()),
            tx_id: TxId(Hash([6; 32])),
            mode,
            delta: delta.map(str::to_owned),
            since_height: TIP,
        };
        let start = from.map_or_else(Vec::new, |from| from.key);
        let mut locks = modes.into_iter().map(lock).filter(|lock| lock.key.to_vec() >= start);
        let items = locks.by_ref().take(limit).collect();
        let next = locks.next().map(|lock| LockNext { record: vec![0], key: lock.key.to_vec() });
        Ok(LockSlice { items, next })
    }

    async fn account(&self, account: Account, at: At) -> Result<AccountView, RpcError> {
        Ok(AccountView { account, balance: u128::MAX, version: 0, at: self.point(at)? })
    }

    async fn mempools(&self, group: Option<GroupId>) -> Result<Vec<MempoolView>, RpcError> {
        self.group(group.unwrap_or(GroupId(1)))?;
        let group = GroupId(1);
        Ok(vec![MempoolView { group, transactions: 1, bytes: 300, max_transactions: 10, max_bytes: 1000 }])
    }

    async fn net_info(&self) -> Result<NetInfo, RpcError> {
        let listen = vec!["127.0.0.1:27001".to_owned()];
        Ok(NetInfo { node_id: NodeId(Hash([1; 32])), listen, peers: 3, validators: 3, permissioned: false })
    }

    async fn peers(&self) -> Result<Vec<PeerView>, RpcError> {
        let node_id = NodeId(Hash([5; 32]));
        let (address, direction) = (Some("127.0.0.1:27002".to_owned()), Some(Direction::Inbound));
        Ok(vec![PeerView {
            node_id,
            name: None,
            validator: Some(ValidatorIndex(1)),
            address,
            direction,
            round_trip_us: Some(420),
            version: None,
        }])
    }

    async fn consensus(&self, group: GroupId) -> Result<ConsensusStatusView, RpcError> {
        self.group(group)?;
        Ok(ConsensusStatusView {
            group,
            engine: EngineKind::HotStuff,
            faults: FaultModel::Byzantine,
            epoch: Epoch(1),
            view: self.chain.view.load(Ordering::Relaxed),
            leader: None,
            decided_height: TIP,
            certified_height: TIP + 1,
            executed_height: TIP,
            sealed_height: TIP - 1,
            consecutive_timeouts: 0,
            timed_out: Vec::new(),
            timer_running: false,
        })
    }

    async fn validators(&self, group: GroupId, at: At) -> Result<ValidatorSetView, RpcError> {
        self.group(group)?;
        self.point(at)?;
        let validator = ValidatorView {
            index: ValidatorIndex(0),
            name: "n0".into(),
            key: Hash([1; 32]),
            node_id: NodeId(Hash([2; 32])),
            connected: true,
        };
        let (epoch, faults) = (Epoch(1), FaultModel::Byzantine);
        Ok(ValidatorSetView { group, epoch, faults, max_faulty: 0, quorum: 1, validators: vec![validator] })
    }
}
