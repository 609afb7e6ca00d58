//! The harness: one network of real processes for one story, torn down whatever happens.

use crate::slots::Slot;
use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use witan_testnet::local::{Network, Spec};
use witan_testnet::rpc::{
    At, BlockTransactions, Client, GroupStatus, NodeStatus, TransactionDetail, TransactionState,
    TxStatusView, Wait,
};
use witan_types::{
    Account, BlockId, EngineKind, FaultModel, Genesis, GroupId, Hash, Height, Key, Op, SecretKey,
    SignedTransaction, Transaction, TxId,
};

/// The group that executes transactions.
pub(crate) const GROUP: GroupId = GroupId(1);
/// Long enough for anything here on a busy machine: a test that gets here has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);
/// The binary under test.
pub(crate) const WITAN: &str = env!("CARGO_BIN_EXE_witan");

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(25);
/// How long a transaction of these stories may wait for its block.
const LIFETIME: Duration = Duration::from_secs(100);
/// How much of a node's log a failed story shows.
const LOG_LINES: usize = 15;

/// A network, its folder, and what stories ask of it.
pub(crate) struct Testnet {
    pub(crate) network: Network,
    folder: Option<TempDir>,
}

/// Tells a story of four validators that all have a block.
pub(crate) fn on_four_validators(engine: EngineKind, story: impl AsyncFn(&mut Testnet)) {
    let slot = Slot::take();
    let (permissioned, port_base) = (needs_permission(engine), slot.port_base());
    tell_story(Spec { engine, permissioned, port_base, ..Spec::default() }, story);
}

/// Tells a story of four validators in three groups: the first under `engine`, the others under the other two.
pub(crate) fn in_three_groups(engine: EngineKind, story: impl AsyncFn(&mut Testnet)) {
    let slot = Slot::take();
    let others = EngineKind::ALL.into_iter().filter(|other| *other != engine);
    let spec = Spec {
        engine,
        shards: 3,
        group_engines: [2, 3].map(GroupId).into_iter().zip(others).collect(),
        permissioned: true,
        port_base: slot.port_base(),
        ..Spec::default()
    };
    tell_story(spec, story);
}

/// Tells a story of six validators: n0 to n3 are in group 1 under `engine`, n2 to n5 in group 2 under another one.
pub(crate) fn in_groups_of_some_nodes(engine: EngineKind, story: impl AsyncFn(&mut Testnet)) {
    let slot = Slot::take();
    let other = if engine == EngineKind::Pbft { EngineKind::HotStuff } else { EngineKind::Pbft };
    let spec = Spec {
        validators: 6,
        engine,
        shards: 2,
        group_engines: [(GroupId(2), other)].into(),
        group_nodes: [(GroupId(1), vec![0, 1, 2, 3]), (GroupId(2), vec![2, 3, 4, 5])].into(),
        permissioned: needs_permission(engine),
        port_base: slot.port_base(),
        ..Spec::default()
    };
    tell_story(spec, story);
}

/// Tells a story of four validators in two groups under one engine; the second group has only these of them.
pub(crate) fn in_two_groups(engine: EngineKind, second: &[u16], story: impl AsyncFn(&mut Testnet)) {
    let slot = Slot::take();
    let spec = Spec {
        engine,
        shards: 2,
        group_nodes: [(GroupId(2), second.to_vec())].into(),
        permissioned: needs_permission(engine),
        port_base: slot.port_base(),
        ..Spec::default()
    };
    tell_story(spec, story);
}

/// Tells a story of four validators in four groups that run these engines in turn, with this many funded accounts.
pub(crate) fn in_four_groups(engines: &[EngineKind], accounts: usize, story: impl AsyncFn(&mut Testnet)) {
    let slot = Slot::take();
    let spec = Spec {
        engine: engines[0],
        shards: 4,
        group_engines: (2..=4).map(GroupId).zip(engines.iter().copied().cycle().skip(1)).collect(),
        permissioned: engines.iter().copied().any(needs_permission),
        accounts,
        port_base: slot.port_base(),
        ..Spec::default()
    };
    tell_story(spec, story);
}

/// Tells a story of a network of which every node has a block in every group. The caller holds a slot.
fn tell_story(spec: Spec, story: impl AsyncFn(&mut Testnet)) {
    runtime().block_on(async {
        let mut testnet = Testnet::make(spec);
        testnet.network.start_all().unwrap();
        testnet.network.wait_ready(DEADLINE).await.unwrap();
        story(&mut testnet).await;
        testnet.network.down().await.unwrap();
    });
}

/// Tells a story that makes its network itself.
pub(crate) fn from_nothing(engine: EngineKind, story: impl AsyncFn(EngineKind)) {
    let _slot = Slot::take();
    runtime().block_on(story(engine));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Whether only listed nodes may connect to a network under this engine: only where they must be.
pub(crate) fn needs_permission(engine: EngineKind) -> bool {
    engine.faults() == FaultModel::Crash
}

impl Testnet {
    /// The files of four validators, none of which runs.
    pub(crate) fn create(engine: EngineKind, port_base: u16) -> Testnet {
        Testnet::make(Spec { engine, permissioned: needs_permission(engine), port_base, ..Spec::default() })
    }

    /// The files of a network in a folder of its own, none of which runs.
    fn make(spec: Spec) -> Testnet {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec { dir: folder.path().to_owned(), ..spec };
        let network = Network::create(&spec).unwrap().with_binary(WITAN);
        Testnet { network, folder: Some(folder) }
    }

    /// A network that a command made in `folder`, under the default name.
    pub(crate) fn open(folder: TempDir) -> Testnet {
        let network = Network::open(folder.path(), "local").unwrap().with_binary(WITAN);
        Testnet { network, folder: Some(folder) }
    }

    /// A file of the story's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.network.folder().parent().unwrap().join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.network.node_names()
    }

    pub(crate) fn pids(&self) -> BTreeMap<String, Option<u32>> {
        self.names().into_iter().map(|name| (name.clone(), self.network.pid(&name))).collect()
    }

    pub(crate) fn client(&self, name: &str) -> Client {
        self.network.client(name).unwrap()
    }

    /// What all validators agree on.
    pub(crate) fn genesis(&self) -> Genesis {
        serde_json::from_str(&read_to_string(self.network.genesis_path()).unwrap()).unwrap()
    }

    /// The secret of a development account.
    pub(crate) fn secret(&self, place: usize) -> SecretKey {
        SecretKey::from_seed(self.network.description().accounts[place].secret.parse::<Hash>().unwrap().0)
    }

    /// A transaction of a development account, good for all of a story.
    pub(crate) fn unsigned(&self, account: usize, ops: Vec<Op>) -> Transaction {
        Transaction {
            chain: self.network.description().chain.parse().unwrap(),
            signer: Account(self.secret(account).public()),
            salt: rand::random(),
            expires_at_ms: now_ms() + u64::try_from(LIFETIME.as_millis()).unwrap(),
            checks: Vec::new(),
            ops,
        }
    }

    /// A signed transaction of the first development account.
    pub(crate) fn signed(&self, ops: Vec<Op>) -> SignedTransaction {
        self.unsigned(0, ops).sign(&self.secret(0))
    }

    /// Writes a key through a node, and waits until that is committed.
    pub(crate) async fn put(&self, node: &str, key: &str, value: &str) -> TxStatusView {
        let tx = self.signed(vec![put(key, value)]);
        let status = self.client(node).submit(&tx, Wait::Committed, Duration::from_secs(60)).await.unwrap();
        assert_eq!(status.status, TransactionState::Committed, "{key} through {node}");
        status
    }

    /// The text at a key, as this node has executed.
    pub(crate) async fn text_at(&self, node: &str, key: &str) -> Option<String> {
        text_of(self.client(node).state(key.as_bytes(), At::Latest, false).await.unwrap().value)
    }

    pub(crate) async fn status(&self, node: &str) -> NodeStatus {
        self.client(node).status().await.unwrap()
    }

    /// How the user group stands on this node, as soon as that can be said: a node that starts answers before.
    pub(crate) async fn group(&self, node: &str) -> GroupStatus {
        until(&format!("{node} has opened its group"), async || {
            group(&self.client(node).status().await.ok()?)
        })
        .await
    }

    /// The newest block that this node has executed.
    pub(crate) async fn height(&self, node: &str) -> Height {
        self.group(node).await.height
    }

    /// Waits until these nodes report the same height, block and state root, all sealed.
    pub(crate) async fn agreement(&self, nodes: &[String]) -> GroupStatus {
        until("all nodes report the same sealed block", async || {
            let mut reports = Vec::new();
            for node in nodes {
                reports.push(group(&self.client(node).status().await.ok()?)?);
            }
            let point = |report: &GroupStatus| {
                let sealed = (report.sealed_height, report.sealed_state_root);
                (report.height, report.block_id, report.state_root, sealed)
            };
            let first = reports.first()?;
            let same = reports.iter().all(|report| point(report) == point(first));
            (same && first.sealed_height == first.height && first.sealed_state_root == first.state_root)
                .then(|| first.clone())
        })
        .await
    }

    /// The node's whole chain up to `height`: each block with its transactions.
    pub(crate) async fn chain(&self, node: &str, height: Height) -> Vec<(BlockId, Vec<TxId>)> {
        let client = self.client(node);
        let mut chain = Vec::new();
        for height in 1..=height {
            let block = client.block(GROUP, At::Height(height), TransactionDetail::Ids).await.unwrap();
            let Some(BlockTransactions::Ids(ids)) = block.txs else { panic!("block {height} without ids") };
            chain.push((block.block_id, ids.into_iter().map(|id| id.0).collect()));
        }
        chain
    }

    /// Checks that these nodes, once they agree, have the same blocks all the way, no transaction twice. Returns the
    /// chain.
    pub(crate) async fn same_chain(&self, nodes: &[String]) -> Vec<(BlockId, Vec<TxId>)> {
        let tip = self.agreement(nodes).await;
        let chain = self.chain(&nodes[0], tip.height).await;
        for node in &nodes[1..] {
            assert_eq!(self.chain(node, tip.height).await, chain, "the chain of {node}");
        }
        let mut seen = BTreeMap::new();
        for (height, (_, ids)) in (1_u64..).zip(&chain) {
            for id in ids {
                let before = seen.insert(*id, height);
                assert_eq!(before, None, "transaction {id} is in block {height} and in an earlier one");
            }
        }
        chain
    }

    /// Checks that the network works: a new transaction through each node commits, and all nodes have it.
    pub(crate) async fn goes_on(&self, why: &str) {
        let key = format!("goes on/{:016x}", rand::random::<u64>());
        for node in self.names() {
            let before = self.height(&node).await;
            let status = self.put(&node, &key, &node).await;
            assert!(status.height.unwrap() > before, "{node} after {why}: no new block");
        }
        let last = self.names().pop().unwrap();
        for node in self.names() {
            until(&format!("{node} has the last write, after {why}"), async || {
                (self.text_at(&node, &key).await.as_deref() == Some(&last)).then_some(())
            })
            .await;
        }
    }

    /// The end of every node's log, for a story that failed.
    fn show_logs(&self) {
        for name in self.names() {
            let log = self.network.log_path(&name).ok().and_then(|path| read_to_string(path).ok());
            let log = log.unwrap_or_default();
            let skipped = log.lines().count().saturating_sub(LOG_LINES);
            println!("the end of {name}'s log:");
            log.lines().skip(skipped).for_each(|line| println!("    {line}"));
        }
    }
}

impl Drop for Testnet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_logs();
            if let Some(mut folder) = self.folder.take() {
                folder.disable_cleanup(true);
                println!("everything is kept in {}", folder.path().display());
            }
        }
        self.network.refresh().ok();
        let pids: Vec<u32> = self.pids().into_values().flatten().collect();
        for pid in &pids {
            signal(*pid, nix::sys::signal::Signal::SIGKILL);
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.pids().into_values().any(|pid| pid.is_some()) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap()), signal).ok();
}

/// How the user group stands, if the node has opened it yet.
fn group(status: &NodeStatus) -> Option<GroupStatus> {
    status.groups.iter().find(|group| group.group == GROUP).cloned()
}

pub(crate) fn put(key: &str, value: &str) -> Op {
    Op::Put { key: Key::from(key), value: value.as_bytes().to_vec() }
}

/// A value that put wrote, as text.
pub(crate) fn text_of(value: Option<witan_testnet::rpc::ValueView>) -> Option<String> {
    match value? {
        witan_testnet::rpc::ValueView::Bytes(bytes) => Some(String::from_utf8(bytes.into_bytes()).unwrap()),
        other => panic!("{other:?} is no text"),
    }
}

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Waits until `condition` gives something.
pub(crate) async fn until<T>(what: &str, condition: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Prints a time that users are promised, beside the promise.
pub(crate) fn tell(what: &str, took: Duration, promise: &str) {
    println!("    {what}: {:.2} s (promised: {promise})", took.as_secs_f64());
}
