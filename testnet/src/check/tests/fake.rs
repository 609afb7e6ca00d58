//! A network that answers as real ones do, and one node of which may answer otherwise.

use super::super::acknowledged::Acknowledged;
use super::super::source::{Balances, Source};
use super::super::{Options, Subject, Waits};
use crate::workload::Reach;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::sleep;
use witan_ledger::{EpochRecord, first_owner, slot_of};
use witan_rpc::{
    BlockView, ClientError, EpochView, ExplainedGroup, Explanation, GroupStatus, LockMode, LockView,
    NodeStatus, ReadView, RpcError, SealView, TransactionResult, TransactionState, TxStatusView, ValueView,
    Wait,
};
use witan_types::genesis::{GenesisBalance, GenesisGroup, GenesisValidator, Parameters};
use witan_types::{
    Account, BlockId, EngineKind, Epoch, Genesis, GroupId, Hash, Header, Height, Key, NodeId, Op, Operators,
    Outcome, QuorumSignatures, Seal, SealShare, SecretKey, SignedTransaction, TxId, ValidatorIndex, Wire,
    sha256,
};

type Answer<T> = Result<T, ClientError>;

/// What is wrong with a node's answers.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) enum Plant {
    /// Nothing.
    #[default]
    None,
    /// It holds another block of group 1 at this height.
    OtherBlock(Height),
    /// It holds the same block of group 1 at this height with another result.
    OtherResult(Height),
    /// Its seal of group 1 at this height is signed by too few.
    ForgedSeal(Height),
    /// Its seal of group 1 at this height is a good one of another height.
    SealOfAnother(Height),
    /// It has no seal of group 1 at this height.
    NoSeal(Height),
    /// It has forgotten all transactions.
    Forgets,
    /// It tells committed transactions in the block after.
    Misplaces,
    /// It tells all that it does not know as aborted.
    Aborts,
    /// One of a second's balances is gone from what it reads.
    LosesBalance,
    /// Its reads leave out the newest item of each list.
    StaleReads,
    /// A committed transaction keeps a lock in group 2 there.
    KeepsLock,
    /// Nothing commits through it.
    Stands,
    /// It does not answer.
    Silent,
}

/// The network behind all nodes.
pub(super) struct World {
    pub(super) genesis: Genesis,
    keys: Vec<SecretKey>,
    chains: BTreeMap<GroupId, Vec<Header>>,
    pub(super) balances: BTreeMap<Vec<u8>, u128>,
    lists: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    transactions: BTreeMap<TxId, TxStatusView>,
}

/// One node.
#[derive(Clone)]
pub(super) struct FakeNode {
    name: String,
    world: Arc<Mutex<World>>,
    plant: Plant,
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

fn genesis() -> Genesis {
    let validator = |place: u8| GenesisValidator {
        name: format!("n{place}"),
        key: secret(place + 1).public(),
        node: NodeId(Hash([place + 1; 32])),
    };
    let balance =
        |number: u8| GenesisBalance { account: Account(secret(number + 100).public()), balance: 1_000 };
    let engines = [EngineKind::HotStuff, EngineKind::HotStuff, EngineKind::Pbft];
    Genesis {
        name: "fake".into(),
        time_ms: 1_000,
        devnet: true,
        permissioned: false,
        validators: (0..4).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: (0..3)
            .map(GroupId)
            .zip(engines)
            .map(|(id, engine)| GenesisGroup::of_all(id, engine))
            .collect(),
        balances: (0..3).map(balance).collect(),
        parameters: Parameters { prepare_timeout_ms: 10, read_timeout_ms: 10, ..Parameters::default() },
    }
}

impl World {
    fn new() -> World {
        let genesis = genesis();
        let of = |entry: &GenesisBalance| (Key::balance_of(&entry.account).0, entry.balance);
        let mut world = World {
            keys: (0..4).map(|place| secret(place + 1)).collect(),
            chains: BTreeMap::new(),
            balances: genesis.balances.iter().map(of).collect(),
            lists: BTreeMap::new(),
            transactions: BTreeMap::new(),
            genesis,
        };
        for group in (0..3).map(GroupId) {
            (0..10).for_each(|_| world.extend(group));
        }
        world
    }

    fn extend(&mut self, group: GroupId) {
        let chain = self.genesis.chain();
        let headers = self.chains.entry(group).or_default();
        let height = headers.len() as u64 + 1;
        headers.push(Header {
            chain,
            group,
            epoch: Epoch(1),
            height,
            tag: height,
            parent: headers.last().map_or_else(BlockId::default, Header::id),
            proposer: ValidatorIndex(u16::try_from(height % 4).unwrap()),
            time_ms: 1_000 + height,
            payload_root: sha256(&[&height.to_le_bytes()]),
        });
    }

    fn height(&self, group: GroupId) -> Height {
        self.chains[&group].len() as u64
    }

    fn header(&self, group: GroupId, height: Height) -> Option<Header> {
        self.chains[&group].get(usize::try_from(height).unwrap().checked_sub(1)?).cloned()
    }

    fn seal(&self, group: GroupId, height: Height, signers: u16) -> Option<Seal> {
        let header = self.header(group, height)?;
        let root = state_root(&header);
        let outcome = Outcome {
            chain: header.chain,
            group,
            epoch: Epoch(1),
            height,
            block_id: header.id(),
            state_root: root,
            receipts_root: root,
            outbox_root: root,
            next_epoch: None,
        };
        let share = |place: u16| {
            SealShare::sign(outcome.clone(), ValidatorIndex(place), &self.keys[usize::from(place)])
        };
        let shares = (0..signers).map(share).map(|share| (share.validator, share.signature));
        Some(Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(shares) })
    }

    /// Executes at once, in a block of the group of the first key.
    fn submit(&mut self, signed: &SignedTransaction, stale: bool) -> TxStatusView {
        let id = signed.id();
        if let Some(status) = self.transactions.get(&id) {
            return status.clone();
        }
        let (mut reads, mut groups) = (Vec::new(), Vec::new());
        for op in &signed.transaction.ops {
            let key = match op {
                Op::Put { key, .. } => key.clone(),
                Op::Append { key, item } => {
                    self.lists.entry(key.0.clone()).or_default().push(item.clone());
                    key.clone()
                }
                Op::Get { key } => {
                    let value = self.read(&key.0, stale);
                    reads.push(ReadView { key: key.0.clone().into(), value, version: 0 });
                    key.clone()
                }
                other => panic!("no check does this: {other:?}"),
            };
            groups.push(first_owner(&self.genesis, slot_of(&key)));
        }
        let group = groups[0];
        self.extend(group);
        let mut status = TxStatusView::outside_blocks(id, TransactionState::Committed);
        status.result = Some(TransactionResult { reason: None, reads });
        (status.group, status.height, status.applied) = (Some(group), Some(self.height(group)), true);
        self.transactions.insert(id, status.clone());
        status
    }

    fn read(&self, key: &[u8], stale: bool) -> Option<ValueView> {
        if let Some(balance) = self.balances.get(key) {
            return Some(ValueView::Balance(*balance));
        }
        let mut items = self.lists.get(key)?.clone();
        if stale {
            items.pop();
        }
        Some(ValueView::List(items.into_iter().map(Into::into).collect()))
    }

    /// Makes an account more that holds nothing but what this one gives it.
    pub(super) fn transfer(&mut self, amount: u128) {
        let from = self.balances.keys().next().unwrap().clone();
        *self.balances.get_mut(&from).unwrap() -= amount;
        let account = Account(secret(200).public());
        *self.balances.entry(Key::balance_of(&account).0).or_default() += amount;
    }
}

fn state_root(header: &Header) -> Hash {
    sha256(&[b"state", &header.id().0.0])
}

/// Four nodes, of which the second has this to answer, and what it takes to check them.
pub(super) fn network(plant: Plant) -> (Subject<FakeNode>, Options, Arc<Mutex<World>>) {
    let world = Arc::new(Mutex::new(World::new()));
    let node = |place: usize| FakeNode {
        name: format!("n{place}"),
        world: Arc::clone(&world),
        plant: if place == 1 { plant } else { Plant::None },
    };
    let genesis = world.lock().unwrap().genesis.clone();
    let subject = Subject { genesis, nodes: (0..4).map(node).collect(), absent: Vec::new() };
    let soon = Duration::from_millis(50);
    let waits = Waits { commit: soon, lock: soon, decision: soon, look: Duration::from_millis(5) };
    let options = Options { window: Duration::from_millis(200), waits, ..Options::default() };
    (subject, options, world)
}

impl FakeNode {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn answers(&self) -> Answer<()> {
        match self.plant {
            Plant::Silent => Err(ClientError::Transport { url: self.name.clone(), why: "gone".into() }),
            _ => Ok(()),
        }
    }

    fn view(&self, mut header: Header) -> BlockView {
        if self.plant == Plant::OtherBlock(header.height) && header.group == GroupId(1) {
            header.proposer = ValidatorIndex(3 - header.proposer.0);
        }
        let mut root = state_root(&header);
        if self.plant == Plant::OtherResult(header.height) && header.group == GroupId(1) {
            root = Hash([9; 32]);
        }
        BlockView {
            group: header.group,
            height: header.height,
            block_id: header.id(),
            parent: header.parent,
            tag: header.tag,
            epoch: header.epoch,
            proposer: header.proposer,
            time_ms: header.time_ms,
            payload_root: header.payload_root,
            state_root: Some(root),
            receipts_root: Some(root),
            tx_count: 0,
            sealed: true,
            txs: None,
        }
    }
}

impl Reach for FakeNode {
    async fn submit(&self, bytes: Vec<u8>, _: Wait, _: Duration) -> Answer<TxStatusView> {
        self.answers()?;
        // Others come in between, as on a network.
        sleep(Duration::from_millis(1)).await;
        let signed = SignedTransaction::decode(&bytes).unwrap();
        if self.plant == Plant::Stands {
            let status = TransactionState::Accepted;
            return Err(ClientError::Rpc(RpcError::WaitTimeout { tx_id: signed.id(), status }));
        }
        Ok(self.world().submit(&signed, self.plant == Plant::StaleReads))
    }

    async fn transaction(&self, id: TxId) -> Answer<TxStatusView> {
        self.answers()?;
        let unknown = |state| Ok(TxStatusView::outside_blocks(id, state));
        let mut status = match self.world().transactions.get(&id) {
            _ if self.plant == Plant::Forgets => return unknown(TransactionState::Unknown),
            _ if self.plant == Plant::Aborts => return unknown(TransactionState::Aborted),
            None => return unknown(TransactionState::Unknown),
            Some(status) => status.clone(),
        };
        if self.plant == Plant::Misplaces {
            status.height = status.height.map(|height| height + 1);
        }
        Ok(status)
    }

    async fn strict_read(&self, keys: &[Vec<u8>]) -> Answer<Vec<Option<ValueView>>> {
        self.answers()?;
        sleep(Duration::from_millis(1)).await;
        let world = self.world();
        let mut values: Vec<_> =
            keys.iter().map(|key| world.read(key, self.plant == Plant::StaleReads)).collect();
        if self.plant == Plant::LosesBalance && matches!(values[0], Some(ValueView::Balance(_))) {
            values[0] = Some(ValueView::Balance(1));
        }
        Ok(values)
    }
}

impl Source for FakeNode {
    fn name(&self) -> &str {
        &self.name
    }

    async fn status(&self) -> Answer<NodeStatus> {
        self.answers()?;
        let world = self.world();
        let group = |group: GroupId| {
            let height = world.height(group);
            let header = world.header(group, height).unwrap();
            let engine = world.genesis.engine(group).unwrap();
            GroupStatus {
                group,
                engine,
                faults: engine.faults(),
                height,
                block_id: header.id(),
                state_root: state_root(&header),
                sealed_height: height,
                sealed_state_root: state_root(&header),
                view: 1,
                leader: None,
                validators: 4,
                connected_validators: 4,
                mempool: 0,
                syncing: false,
            }
        };
        Ok(NodeStatus {
            version: "0".into(),
            name: Some(self.name.clone()),
            node_id: NodeId(Hash([1; 32])),
            validator: None,
            chain: world.genesis.chain(),
            devnet: true,
            ready: true,
            reasons: Vec::new(),
            groups: (0..3).map(GroupId).map(group).collect(),
            peers: 3,
        })
    }

    async fn explain(&self) -> Answer<Explanation> {
        self.answers()?;
        let root = ExplainedGroup {
            group: GroupId::ROOT,
            engine: EngineKind::HotStuff,
            height: 1,
            sealed_height: 1,
            leader: None,
            view: 1,
            next_timeout_ms: None,
            missing: Vec::new(),
            reached: 4,
            quorum: 3,
            progressing: true,
        };
        let summary = format!("{} waits for n3.", self.name);
        Ok(Explanation { summary, progressing: true, ready: true, findings: Vec::new(), groups: vec![root] })
    }

    async fn blocks(&self, group: GroupId, from: Height, limit: u32) -> Answer<Vec<BlockView>> {
        self.answers()?;
        let world = self.world();
        let heights = (from..).take(limit as usize);
        Ok(heights.map_while(|height| world.header(group, height)).map(|header| self.view(header)).collect())
    }

    async fn seal(&self, group: GroupId, height: Height) -> Answer<SealView> {
        self.answers()?;
        let planted = group == GroupId(1);
        let world = self.world();
        let seal = match self.plant {
            Plant::ForgedSeal(at) if planted && at == height => world.seal(group, height, 2),
            Plant::SealOfAnother(at) if planted && at == height => world.seal(group, height - 1, 3),
            Plant::NoSeal(at) if planted && at == height => None,
            _ => world.seal(group, height, 3),
        };
        let seal = seal.ok_or_else(|| ClientError::Rpc(RpcError::not_found("seal")))?;
        Ok(SealView::from(&seal))
    }

    async fn epoch(&self, group: GroupId, _: Epoch) -> Answer<EpochView> {
        let known = EpochRecord::first(&self.world().genesis, group).is_some();
        Err(ClientError::Rpc(RpcError::not_found(if known { "a later epoch" } else { "group" })))
    }

    async fn locks(&self, group: GroupId) -> Answer<Vec<LockView>> {
        self.answers()?;
        if self.plant != Plant::KeepsLock || group != GroupId(2) {
            return Ok(Vec::new());
        }
        let mut world = self.world();
        // Time goes on.
        world.extend(group);
        let id = world.transactions.keys().next().copied().unwrap_or_default();
        let (key, mode) = (b"locked".to_vec().into(), LockMode::Write);
        Ok(vec![LockView { key, tx_id: id, mode, delta: None, since_height: 3 }])
    }

    async fn balances(&self) -> Answer<Balances> {
        self.answers()?;
        let mut items: Vec<_> = self.world().balances.clone().into_iter().collect();
        if self.plant == Plant::LosesBalance {
            items[0].1 = 1;
        }
        Ok(Balances { items, complete: true })
    }
}

/// A transaction that the network has committed.
pub(super) fn some_transaction(subject: &Subject<FakeNode>) -> Acknowledged {
    let world = subject.nodes[0].world();
    let (id, status) = world.transactions.iter().next().expect("the checks have written");
    Acknowledged { id: *id, group: status.group.unwrap(), height: status.height.unwrap() }
}
