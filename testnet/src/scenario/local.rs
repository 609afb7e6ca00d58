//! A scenario on a local network of real processes.

use super::file::{Load, Scenario};
use super::real::Venue;
use super::seen::Standing;
use super::verdict::{Checked, Kind};
use crate::check::{self, Node, Options, Subject, acknowledged};
use crate::faults::stage::{Stage, StageError};
use crate::faults::watch::{Watch, heights};
use crate::faults::{Fault, Probe};
use crate::load::{DrivePlan, Driven, LoadNode, drive};
use crate::local::{Network, Spec};
use crate::sim::Promise;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use witan_types::{Genesis, GroupId};

/// How often the chains of all nodes are compared.
const COMPARE: Duration = Duration::from_millis(500);
/// What is under way when the load ends may take so long to end as well, the heal included.
const LOAD_ENDS_WITHIN: Duration = Duration::from_secs(150);
/// For how long clients append to lists and read them after the heal.
const LISTS: Duration = Duration::from_secs(3);
/// Bytes of a transaction of the load, and its connections.
const LOAD_BYTES: usize = 256;
const LOAD_CLIENTS: usize = 8;

/// A local network that a scenario plays on.
pub struct Processes {
    stage: Stage,
    genesis: Genesis,
    seed: u64,
    lasts: Duration,
    /// Faults that last: their numbers on the stage, by their places in the scenario.
    staged: BTreeMap<usize, u64>,
    watch: Arc<Mutex<Watch>>,
    busy: JoinHandle<()>,
    load: Option<oneshot::Receiver<Result<Driven, String>>>,
}

impl Processes {
    /// What network to make for a scenario, in a folder of its own beside others.
    pub fn spec(scenario: &Scenario, dir: &Path, name: String) -> Spec {
        let network = &scenario.network;
        Spec {
            dir: dir.to_owned(),
            name,
            validators: usize::from(network.nodes),
            engine: network.engine,
            shards: network.shards,
            group_engines: network.engines.clone(),
            group_nodes: network.members.clone(),
            seed: Some(scenario.seed),
            port_base: 0,
            block_time: network.block_time,
            permissioned: network.permissioned,
            ..Spec::default()
        }
    }

    /// Takes a network of which every node has committed. Its groups have work from now on, and its chains are compared.
    ///
    /// # Errors
    /// If its files can't be read.
    pub async fn take(network: Network, scenario: &Scenario) -> Result<Processes, StageError> {
        let genesis = network.genesis()?;
        let watch = Arc::new(Mutex::new(Watch::begin(&network).await));
        let probe = Probe::of(&network, &genesis);
        let busy = tokio::spawn(keep_busy(network.clone(), probe, Arc::clone(&watch)));
        Ok(Processes {
            stage: Stage::open(network)?,
            genesis,
            seed: scenario.seed,
            lasts: scenario.lasts,
            staged: BTreeMap::new(),
            watch,
            busy,
            load: None,
        })
    }

    /// Gives the network back.
    pub fn leave(self) -> Network {
        self.busy.abort();
        self.stage.into_network()
    }

    fn journal(&self) -> PathBuf {
        self.stage.network().folder().join(acknowledged::FILE_NAME)
    }

    /// Waits for the load's end, and writes down what it was told. None where a scenario has no load.
    async fn settle_load(&mut self) -> Option<Checked> {
        let (kind, promise) = (Kind::OneChain, "load".to_owned());
        let (holds, evidence) = match timeout(LOAD_ENDS_WITHIN, self.load.take()?).await {
            Ok(Ok(Ok(driven))) => match self.write_down(&driven) {
                Ok(()) => judged(&driven),
                Err(why) => (None, why),
            },
            Ok(Ok(Err(why))) => (None, why),
            Ok(Err(_)) | Err(_) => (None, "it did not end".into()),
        };
        Some(Checked { promise, kind, holds, evidence })
    }

    fn write_down(&self, driven: &Driven) -> Result<(), String> {
        acknowledged::append(&self.journal(), self.genesis.chain(), &driven.acknowledged)
            .map_err(|error| error.to_string())
    }

    async fn check_by_rpc(&self) -> Result<Vec<Checked>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let network = self.stage.network();
        let running = |name: &String| network.is_running(name);
        let (asked, absent): (Vec<String>, Vec<String>) = network.node_names().into_iter().partition(running);
        let node = |name: &String| {
            let url = &network.node(name).map_err(|error| text(&error))?.rpc;
            Node::new(name, url, None).map_err(|error| text(&error))
        };
        let subject = Subject {
            genesis: self.genesis.clone(),
            nodes: asked.iter().map(node).collect::<Result<_, String>>()?,
            absent: absent.into_iter().map(|name| (name, "it does not run".to_owned())).collect(),
        };
        let options = Options { window: LISTS, acknowledged: Some(self.journal()), ..Options::default() };
        let report = check::run(&subject, &options, &mut |_| {}).await.map_err(|error| text(&error))?;
        let silent = report.nodes.iter().filter_map(|node| Some((&node.name, node.not_asked.as_ref()?)));
        let silent = silent.map(|(name, why)| Checked {
            promise: format!("{name} is back"),
            kind: Kind::Liveness,
            holds: Some(false),
            evidence: why.clone(),
        });
        Ok(silent.chain(report.findings.iter().map(checked)).collect())
    }
}

/// Whether a load had work done, and lost none of it.
fn judged(driven: &Driven) -> (Option<bool>, String) {
    let report = &driven.report;
    let holds = report.lost == 0 && report.outcomes.applied > 0;
    (Some(holds), format!("{} acknowledged transactions lost; {report}", report.lost))
}

/// What a finding means for a scenario.
fn checked(finding: &check::Finding) -> Checked {
    let holds = match finding.verdict {
        check::Verdict::Kept => Some(true),
        check::Verdict::Broken => Some(false),
        check::Verdict::NotJudged => None,
    };
    let (promise, evidence) = (finding.promise.to_string(), finding.to_string());
    Checked { promise, kind: Kind::of(finding.promise), holds, evidence }
}

/// Gives every group work, and compares the chains of all nodes, until it is aborted.
async fn keep_busy(mut network: Network, mut probe: Option<Probe>, watch: Arc<Mutex<Watch>>) {
    loop {
        // Another one stops and starts nodes meanwhile; what can't be read now is read at the next look.
        if network.refresh().is_ok() {
            if let Some(probe) = &mut probe {
                probe.send(&network);
            }
            watch.lock().await.look(&network).await;
        }
        sleep(COMPARE).await;
    }
}

impl Venue for Processes {
    async fn begin(&mut self, place: usize, fault: &Fault) -> Result<(), String> {
        let id = self.stage.begin(fault, None).await.map_err(|error| error.to_string())?;
        self.staged.insert(place, id);
        Ok(())
    }

    async fn end(&mut self, place: usize, _: &Fault) -> Result<(), String> {
        let Some(id) = self.staged.remove(&place) else { return Ok(()) };
        self.stage.end(id).await.map(drop).map_err(|error| error.to_string())
    }

    async fn heal(&mut self) -> Result<(), String> {
        self.staged.clear();
        self.stage.heal().await.map(drop).map_err(|error| error.to_string())
    }

    async fn standings(&mut self) -> Vec<Standing> {
        // Without a wait for whoever compares chains: a look is for its moment.
        let heights = heights(self.stage.network()).await;
        let names = self.stage.network().node_names();
        let place = |name: &String| names.iter().position(|known| known == name)?.try_into().ok();
        let of_group = |(group, nodes): (&GroupId, &BTreeMap<String, u64>)| {
            let standing = |(name, height): (&String, &u64)| {
                Some(Standing { node: place(name)?, group: *group, height: *height })
            };
            nodes.iter().filter_map(standing).collect::<Vec<_>>()
        };
        heights.iter().flat_map(of_group).collect()
    }

    async fn leader(&mut self, group: GroupId) -> Option<u16> {
        self.stage.leader(group).await
    }

    async fn begin_load(&mut self, load: Load) {
        let genesis = self.genesis.clone();
        let node =
            |node: &crate::local::NodeEntry| LoadNode { name: node.name.clone(), rpc: node.rpc.clone() };
        let plan = DrivePlan {
            nodes: self.stage.network().description().nodes.iter().map(node).collect(),
            token: None,
            per_second: load.tps.into(),
            clients: LOAD_CLIENTS,
            across: load.cross_shard_percent.into(),
            bytes: LOAD_BYTES,
            window: self.lasts,
            seed: self.seed,
        };
        // A thread of its own, which nobody waits for should the scenario be given up.
        let (sender, ended) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build();
        thread::spawn(move || {
            let driven = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
                let driven = runtime.block_on(drive(&plan, &genesis, &mut |_| {}));
                driven.map_err(|error| error.to_string())
            });
            // Nobody listens any more if the scenario was given up.
            drop(sender.send(driven));
        });
        self.load = Some(ended);
    }

    /// It ends by itself at the scenario's end, and what is under way then once all has healed.
    async fn end_load(&mut self) {}

    async fn check(&mut self) -> Vec<Checked> {
        let load = self.settle_load().await;
        self.watch.lock().await.look(self.stage.network()).await;
        let watch = self.watch.lock().await;
        let conflicts = watch.conflicts();
        let seen = Checked {
            promise: Promise::Agreement.to_string(),
            kind: Kind::Fork,
            holds: Some(conflicts.is_empty()),
            evidence: match conflicts.first() {
                Some(conflict) => format!("seen while it ran: {conflict}"),
                None => format!("seen while it ran: one block at each of {} heights", watch.compared()),
            },
        };
        let forked = !conflicts.is_empty();
        drop(watch);
        let mut checks: Vec<Checked> = load.into_iter().chain([seen]).collect();
        // Nodes that find their chain contradicted stop: there is nobody left to ask.
        if !forked {
            match self.check_by_rpc().await {
                Ok(more) => checks.extend(more),
                Err(why) => checks.push(Checked {
                    promise: Promise::Liveness.to_string(),
                    kind: Kind::Liveness,
                    holds: Some(false),
                    evidence: why,
                }),
            }
        }
        checks
    }
}
