//! A node's life: open what is on disk, start the threads, serve until told to stop, stop in order.

use crate::admin::{LOG_FILTER, NodeAdmin};
use crate::backend::{
    CostlyReads, LocksSeen, MAX_STRICT_READS, NodeBackend, StrictRead, serve_strict_reads, trials,
};
use crate::config::{Config, LogFormat, Overrides};
use crate::disk::DiskWatch;
use crate::elsewhere::{Elsewhere, answering};
use crate::error::NodeError;
use crate::event_loop::{Command, EventLoop};
use crate::faults::Faults;
use crate::groups::{self, Opening, mempool_limits};
use crate::home::{DataLock, Home, Keys};
use crate::inbound::{self, Judge};
use crate::keys::PasswordSource;
use crate::load::{self, ClientJudge};
use crate::rehearsal::Liar;
use crate::shared::Shared;
use crate::signatures::Signatures;
use crate::writers::Writers;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use witan_p2p::{Network, NetworkConfig, NetworkEvent};
use witan_rpc::{FollowingConfig, RpcConfig, RpcServer};
use witan_storage::{Options, Storage, StorageError};
use witan_types::{Genesis, GroupId, NodeId, SecretKey, ValidatorIndex};

/// Commands that may wait for the loop.
const COMMANDS: usize = 8192;
/// How long messages to validators may take to leave when the node stops.
const FLUSH_WITHIN: Duration = Duration::from_millis(500);
/// How long one write of them takes at the most, as a rule.
const LAST_WRITE: Duration = Duration::from_millis(20);
/// How long tasks that hold stores may take to end when the node stops.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// The priority of threads that serve users: 0 is that of all others, 19 the least there is.
const RPC_PRIORITY: i32 = 19;
/// Threads that judge messages.
const JUDGES: usize = 2;

/// Runs the node of this home until SIGTERM or SIGINT.
///
/// # Errors
/// If the home, its configuration, its keys or its data are unusable, an address is taken, or the disk fails later.
pub fn run(home: &Path, overrides: &Overrides, password: &PasswordSource) -> Result<(), NodeError> {
    let home = Home::new(home);
    home.require()?;
    let config = home.config(overrides)?;
    start_logs(&config);
    let genesis = home.genesis()?;
    let keys = home.keys(password)?;
    end_with_lost_threads();
    let lock = home.lock()?;
    let node = Starting { home: &home, config: &config, genesis: &genesis, keys: &keys }.start(lock)?;
    node.serve(config.node.shutdown_timeout)
}

fn start_logs(config: &Config) {
    let filter =
        tracing_subscriber::EnvFilter::new(format!("warn,witan={0},witan_node={0}", config.log.level));
    let human = match config.log.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let ansi = std::io::stderr().is_terminal();
    let (filter, handle) = tracing_subscriber::reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi);
    let log = tracing_subscriber::registry().with(filter);
    let started = if human {
        log.with(lines).try_init()
    } else {
        log.with(lines.json().flatten_event(true)).try_init()
    };
    // A second node in one process (tests) keeps the first one's log.
    if started.is_ok() {
        drop(LOG_FILTER.set(handle));
    }
}

/// A node without one of its workers would look alive and do nothing: it ends instead. (The loop's own panic ends the
/// node in order, and a panic while serving one client costs that client its answer.)
fn end_with_lost_threads() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        let name = thread::current().name().unwrap_or_default().to_owned();
        if name.starts_with("judge-") || name.ends_with("-writer") {
            std::process::exit(101);
        }
    }));
}

/// What a start rests on.
struct Starting<'a> {
    home: &'a Home,
    config: &'a Config,
    genesis: &'a Genesis,
    keys: &'a Keys,
}

/// Where what users ask for waits until it is its turn.
struct Doors {
    client_judge: ClientJudge,
    strict_reads: tokio::sync::mpsc::Sender<StrictRead>,
}

/// A node that runs.
struct Running {
    event_loop: JoinHandle<Result<(), StorageError>>,
    commands: SyncSender<Command>,
    shared: Arc<Shared>,
    rpc: RpcServer,
    network: Network,
    network_runtime: Runtime,
    rpc_runtime: Runtime,
    _lock: DataLock,
}

impl Starting<'_> {
    fn start(&self, lock: DataLock) -> Result<Running, NodeError> {
        let rpc_config = self.rpc_config()?;
        let storage = self.open_storage()?;
        let network_runtime = runtime("network", || {})?;
        let rpc_runtime = runtime("rpc", give_way)?;
        let (network, events) = network_runtime.block_on(async { self.start_network() })?;
        self.start_metrics(&network_runtime)?;
        let (commands, inbox) = sync_channel(COMMANDS);
        let shared = Arc::new(Shared::new());
        let signatures = Arc::new(Signatures::default());
        let disk = Arc::new(DiskWatch::default());
        let writers = self.start_writers(&storage, &disk, &commands)?;
        let event_loop = EventLoop::new(
            self.keys.node_id(),
            self.members(),
            network.clone(),
            writers,
            Arc::clone(&shared),
            self.validator()?.and_then(|(_, key)| Liar::new(self.genesis, key)),
        );
        let (asked, questions) = tokio::sync::mpsc::channel(answering::MAX_WAITING);
        let mut judge = Judge {
            verifiers: Arc::default(),
            signatures: Arc::clone(&signatures),
            network: network.clone(),
            validators: Arc::new(self.nodes().into_iter().collect()),
            groups: self.groups().into_iter().collect(),
            commands: commands.clone(),
            questions: Arc::default(),
            asked,
        };
        let event_loop = self.start_loop(event_loop, inbox, &storage, &mut judge)?;
        let (load, client_judge) =
            load::start(&judge, self.genesis.chain(), load_judges()).map_err(NodeError::Thread)?;
        inbound::start(&judge, JUDGES, load, events, network_runtime.handle()).map_err(NodeError::Thread)?;
        let (strict_reads, strict) = tokio::sync::mpsc::channel(MAX_STRICT_READS);
        let backend =
            Arc::new(self.backend(&storage, &shared, &judge, Doors { client_judge, strict_reads }, disk)?);
        if self.genesis.devnet {
            let faults = Arc::clone(&backend.faults);
            rpc_runtime.spawn(async move { faults.end_in_time().await });
        }
        rpc_runtime.spawn(serve_strict_reads(Arc::clone(&backend), strict));
        let elsewhere = Arc::clone(&backend.elsewhere);
        rpc_runtime.spawn(async move { elsewhere.see_through().await });
        rpc_runtime.spawn(answering::serve(Arc::clone(&backend), network.clone(), questions));
        self.start_admin(&rpc_runtime, &backend);
        let rpc = rpc_runtime.block_on(witan_rpc::start(rpc_config, backend))?;
        tracing::info!(
            node = %self.keys.node_id(),
            chain = %self.genesis.chain(),
            rpc = %rpc.local_addr(),
            p2p = %network.listen_address(),
            "started"
        );
        Ok(Running { event_loop, commands, shared, rpc, network, network_runtime, rpc_runtime, _lock: lock })
    }

    fn open_storage(&self) -> Result<Storage, NodeError> {
        let cache_bytes = usize::try_from(self.config.storage.cache_bytes).unwrap_or(usize::MAX);
        let storage = Storage::open(&self.home.data_path(), Options { cache_bytes, ..Options::default() })?;
        storage.set_identity(self.genesis.chain())?;
        Ok(storage)
    }

    fn start_writers(
        &self,
        storage: &Storage,
        disk: &Arc<DiskWatch>,
        done: &SyncSender<Command>,
    ) -> Result<Writers, NodeError> {
        let (home, min_free) = (self.home.root().to_owned(), self.config.storage.min_free_bytes);
        let hosted = self.hosted()?.into_iter();
        Writers::start(storage, home, hosted, min_free, disk, done).map_err(NodeError::Thread)
    }

    /// The groups that this node hosts.
    fn hosted(&self) -> Result<Vec<GroupId>, NodeError> {
        groups::hosted(self.genesis, self.keys.validator.as_ref(), &self.config.node.follow)
    }

    /// The nodes of each group's members.
    fn members(&self) -> BTreeMap<GroupId, Vec<NodeId>> {
        let nodes = |group| self.genesis.members(group).into_iter().map(|member| member.node).collect();
        self.groups().into_iter().map(|group| (group, nodes(group))).collect()
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.genesis.validators.iter().map(|validator| validator.node).collect()
    }

    fn groups(&self) -> Vec<GroupId> {
        self.genesis.groups.iter().map(|group| group.id).collect()
    }

    fn start_network(&self) -> Result<(Network, tokio::sync::mpsc::Receiver<NetworkEvent>), NodeError> {
        let p2p = &self.config.p2p;
        let limits = witan_p2p::Limits {
            inbound: p2p.max_inbound as usize,
            inbound_per_address: p2p.max_inbound_per_address as usize,
            ..witan_p2p::Limits::default()
        };
        let config = NetworkConfig {
            identity_seed: self.keys.node.seed(),
            listen: p2p.listen,
            peers: p2p.peers.iter().map(peer_address).collect(),
            chain: self.genesis.chain(),
            validators: self.nodes(),
            allowed: self.genesis.admitted(),
            groups: self.hosted()?,
            limits,
        };
        Ok(witan_p2p::start(config, &tokio::runtime::Handle::current())?)
    }

    fn start_metrics(&self, runtime: &Runtime) -> Result<(), NodeError> {
        let Some(address) = self.config.metrics.listen.0 else { return Ok(()) };
        let builder = metrics_exporter_prometheus::PrometheusBuilder::new().with_http_listener(address);
        let refused = |error: &dyn std::fmt::Display| NodeError::Metrics(format!("{address}: {error}"));
        let (recorder, exporter) =
            runtime.block_on(async { builder.build() }).map_err(|error| refused(&error))?;
        metrics::set_global_recorder(recorder).map_err(|error| refused(&error))?;
        runtime.spawn(async move {
            if exporter.await.is_err() {
                tracing::error!("the metrics listener ended");
            }
        });
        Ok(())
    }

    /// This node's place among all validators, if its key is one of theirs.
    fn validator(&self) -> Result<Option<(ValidatorIndex, SecretKey)>, NodeError> {
        let Some(key) = &self.keys.validator else { return Ok(None) };
        let listed = self.genesis.validators.iter().zip(0_u16..).find(|(entry, _)| entry.key == key.public());
        let Some((entry, place)) = listed else {
            tracing::warn!("genesis does not list this validator key: the node follows without a vote");
            return Ok(None);
        };
        let own = self.keys.node_id();
        if entry.node != own {
            return Err(NodeError::OtherNode { listed: entry.node, own });
        }
        Ok(Some((ValidatorIndex(place), key.clone())))
    }

    /// Opens the groups and starts the loop's thread with them.
    fn start_loop(
        &self,
        mut event_loop: EventLoop,
        inbox: Receiver<Command>,
        storage: &Storage,
        judge: &mut Judge,
    ) -> Result<JoinHandle<Result<(), StorageError>>, NodeError> {
        let opening = Opening {
            genesis: self.genesis,
            home: self.home.root(),
            storage,
            config: self.config,
            node: self.keys.node_id(),
            validator: self.validator()?.map(|(_, key)| key),
            now: event_loop.now(),
        };
        let mut verifiers = BTreeMap::new();
        for id in self.hosted()? {
            let open = opening.open(id)?;
            verifiers.insert(id, open.verifier);
            event_loop.add_group(id, open.group, open.effects);
        }
        judge.verifiers = Arc::new(verifiers);
        let builder = thread::Builder::new().name("event-loop".into());
        builder.spawn(move || event_loop.run(inbox)).map_err(NodeError::Thread)
    }

    fn backend(
        &self,
        storage: &Storage,
        shared: &Arc<Shared>,
        judge: &Judge,
        doors: Doors,
        disk: Arc<DiskWatch>,
    ) -> Result<NodeBackend, NodeError> {
        let (hosted, limits) = (self.hosted()?, mempool_limits(self.config));
        let (network, questions) = (judge.network.clone(), Arc::clone(&judge.questions));
        let elsewhere =
            Elsewhere::new(self.genesis, &hosted, limits, network, questions, shared.clock.clone())?;
        Ok(NodeBackend {
            elsewhere: Arc::new(elsewhere),
            name: self.config.node.name.clone(),
            node: self.keys.node_id(),
            reader: self.keys.node.clone(),
            validator: self.validator()?.map(|(place, _)| place),
            chain: self.genesis.chain(),
            genesis: self.genesis.clone(),
            mempool: limits,
            shared: Arc::clone(shared),
            stores: hosted.into_iter().map(|group| (group, storage.ledger(group))).collect(),
            network: judge.network.clone(),
            signatures: Arc::clone(&judge.signatures),
            client_judge: doors.client_judge,
            commands: judge.commands.clone(),
            strict_reads: doors.strict_reads,
            log: storage.consensus_log(),
            costly: CostlyReads::new(),
            locks_seen: LocksSeen::default(),
            trials: trials(),
            faults: Arc::new(Faults::new(Arc::clone(shared), Arc::clone(&disk), judge.network.clone())),
            disk,
        })
    }

    /// The owner's socket. A node without it works all the same, so that it can't be made is said and no more: a path above
    /// some 100 bytes, say.
    fn start_admin(&self, runtime: &Runtime, backend: &Arc<NodeBackend>) {
        let admin = NodeAdmin { backend: Arc::clone(backend), config: self.config.clone() };
        let path = self.home.admin_socket();
        if let Err(error) = runtime.block_on(witan_rpc::server::start_admin(&path, Arc::new(admin))) {
            tracing::warn!(%error, path = %path.display(), "no admin socket");
        }
    }

    fn rpc_config(&self) -> Result<RpcConfig, NodeError> {
        let rpc = &self.config.rpc;
        Ok(RpcConfig {
            listen: rpc.listen,
            hosts: rpc.hosts.clone(),
            devnet: self.genesis.devnet,
            max_body_bytes: rpc.max_body_bytes,
            max_response_bytes: rpc.max_response_bytes,
            max_batch: rpc.max_batch,
            max_connections: rpc.max_connections,
            max_subscriptions: rpc.max_subscriptions,
            max_calls: rpc.max_calls,
            max_pending_bytes: rpc.max_pending_bytes,
            calls_per_second: rpc.requests_per_second,
            limit_loopback: rpc.limit_loopback,
            token: rpc.auth.0.as_ref().map(|path| self.home.token(path)).transpose()?,
            following: FollowingConfig::default(),
        })
    }
}

/// Threads that judge clients' transactions: half of the cores. More of them would each judge fewer together, which costs more for
/// each.
fn load_judges() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

/// A runtime whose threads all start with `begin`.
fn runtime(name: &str, begin: fn()) -> Result<Runtime, NodeError> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .on_thread_start(begin)
        .enable_all()
        .build()
        .map_err(NodeError::Thread)
}

/// Lets consensus go first: where the processor is short, this thread gets a small part of what others get. On Linux a
/// priority is a thread's own.
fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, RPC_PRIORITY) {
        tracing::warn!(%error, "threads that serve users could not be given a lower priority");
    }
}

impl Running {
    /// Serves until a signal or until the loop ends by itself, then stops in order: not ready any more, no more
    /// requests, the loop with its last words said and all writes done, the network once they are on their way.
    fn serve(self, patience: Duration) -> Result<(), NodeError> {
        let told = self.wait_for_signal();
        self.shared.stop();
        if told {
            end_process_after(patience);
        }
        self.rpc_runtime.block_on(self.rpc.stop());
        // A loop that ended by itself takes no more commands.
        drop(self.commands.send(Command::Stop));
        let end = self.event_loop.join().map_err(|_| NodeError::Panicked)?;
        self.network_runtime.block_on(flush(&self.network));
        self.network_runtime.block_on(self.network.shutdown());
        // What still answers others holds the stores: they close before the process ends.
        self.rpc_runtime.shutdown_timeout(CLOSE_WITHIN);
        self.network_runtime.shutdown_background();
        tracing::info!("stopped");
        end.map_err(NodeError::from)
    }

    /// True for a signal, false if the loop ended.
    fn wait_for_signal(&self) -> bool {
        self.network_runtime.block_on(async {
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return false;
            };
            let ended = async {
                while !self.event_loop.is_finished() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::select! {
                _ = terminate.recv() => true,
                _ = interrupt.recv() => true,
                () = ended => false,
            }
        })
    }
}

/// Waits until what was sent to validators has left, or has had time enough.
pub(crate) async fn flush(network: &Network) {
    let empty = async {
        while network.peers().iter().any(|peer| peer.queued_frames > 0) {
            tokio::time::sleep(LAST_WRITE).await;
        }
        // What is no longer queued is being written.
        tokio::time::sleep(LAST_WRITE).await;
    };
    if tokio::time::timeout(FLUSH_WITHIN, empty).await.is_err() {
        tracing::debug!("some messages did not leave in time");
    }
}

/// An orderly stop that takes too long ends anyway: everything promised is on disk before it is said.
fn end_process_after(patience: Duration) {
    let overdue = move || {
        thread::sleep(patience);
        tracing::error!("stopping took longer than {patience:?}: ending now");
        std::process::exit(1);
    };
    drop(thread::Builder::new().name("stop-watch".into()).spawn(overdue));
}

pub(crate) fn peer_address(peer: &crate::config::Peer) -> witan_p2p::PeerAddress {
    witan_p2p::PeerAddress { node: peer.node, host: peer.host.clone(), port: peer.port }
}
