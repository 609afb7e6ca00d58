//! Stages faults on a local network of real processes: signals to processes, and `fault_set` on the nodes for what
//! happens inside them. What is staged stands in `faults.json` beside the network's description, so that another command
//! can list and heal it.

mod effects;
mod kept;

pub use kept::{Staged, forget};

use super::theory::{Members, Setting};
use super::{DiskTrouble, Fault, Who};
use crate::local::{LocalError, Network, NodeEntry};
use effects::{OnNode, on_nodes};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use witan_rpc::{Client, ClientError, RpcError};
use witan_types::{Genesis, GroupId};

/// How long a node may take to take a fault in.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a node that is started again may take to answer.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// A node ends its faults by itself so much later than whoever staged them wants to.
const MARGIN: Duration = Duration::from_secs(10);
/// The longest that nodes keep a fault that ends by itself.
const LONGEST: Duration = Duration::from_millis(witan_rpc::methods::MAX_FAULT_MS);
/// The most faults staged at a time.
const MAX_STAGED: usize = 16;

/// Why a fault can't be staged or ended.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The network itself.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A node that there is not, or a fault that makes no sense.
    #[error("{0}")]
    Senseless(String),
    /// A group that nobody leads now.
    #[error("group {0} has no leader now, so there is nobody to hit: name a node, such as n0")]
    NoLeader(GroupId),
    /// A node that did not take it in.
    #[error("{node} does not take the fault, or its end, in: {why}; see `witan testnet status`")]
    Node {
        /// Which.
        node: String,
        /// What it said.
        why: String,
    },
    /// No such fault.
    #[error("there is no fault {0}: see `witan testnet fault list`")]
    Unknown(u64),
}

/// A network with the faults that are staged on it.
#[derive(Debug)]
pub struct Stage {
    network: Network,
    genesis: Genesis,
    staged: Vec<Staged>,
}

impl Stage {
    /// Takes the stage of a network, with what earlier commands staged.
    ///
    /// # Errors
    /// If the network's files can't be read.
    pub fn open(network: Network) -> Result<Stage, StageError> {
        let (genesis, staged) = (network.genesis()?, kept::read(network.folder())?);
        Ok(Stage { network, genesis, staged })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, which keeps what is staged.
    pub fn into_network(self) -> Network {
        self.network
    }

    /// What is staged now, oldest first.
    pub fn staged(&self) -> &[Staged] {
        &self.staged
    }

    /// The network as theory sees it.
    pub fn setting(&self) -> Setting {
        let groups = self.genesis.groups.iter().map(|group| Members {
            group: group.id,
            engine: group.engine,
            places: (group.members.clone()).unwrap_or_else(|| {
                (0..self.genesis.validators.len()).filter_map(|at| at.try_into().ok()).collect()
            }),
        });
        let parameters = &self.genesis.parameters;
        Setting {
            groups: groups.collect(),
            nodes: u16::try_from(self.network.description().nodes.len()).unwrap_or(u16::MAX),
            max_timeout: Duration::from_millis(parameters.max_timeout_ms),
            max_drift: Duration::from_millis(parameters.max_drift_ms),
            prepare_timeout: Duration::from_millis(parameters.prepare_timeout_ms),
        }
    }

    /// A fault with leaders replaced by who leads now, if it makes sense here. Lines from a leader stay those of whoever
    /// leads.
    ///
    /// # Errors
    /// If it names nobody, or nothing that is there, or a group that nobody leads.
    pub async fn resolve(&self, fault: &Fault) -> Result<Fault, StageError> {
        let led = |who: Who| if let Who::Leader(group) = who { Some(group) } else { None };
        let resolved = if fault.follows_leaders() {
            fault.clone()
        } else {
            let leaders = self.leaders(&fault.named().into_iter().filter_map(led).collect()).await;
            fault.resolve(&|group| leaders.get(&group).copied()).map_err(StageError::NoLeader)?
        };
        resolved.sense(&self.setting()).map_err(StageError::Senseless)?;
        Ok(resolved)
    }

    /// Who leads a group now, as the node says that is furthest.
    pub async fn leader(&self, group: GroupId) -> Option<u16> {
        self.leaders(&BTreeSet::from([group])).await.remove(&group)
    }

    async fn leaders(&self, asked: &BTreeSet<GroupId>) -> BTreeMap<GroupId, u16> {
        if asked.is_empty() {
            return BTreeMap::new();
        }
        let reports = self.network.status().await;
        let mut views: BTreeMap<GroupId, (u64, u16)> = BTreeMap::new();
        for status in reports.iter().filter_map(|report| report.status.as_ref()) {
            for group in status.groups.iter().filter(|group| asked.contains(&group.group)) {
                let leader =
                    group.leader.and_then(|place| self.network.description().member(group.group, place));
                let place = leader.and_then(|name| self.place(name));
                // The node that is furthest knows best.
                if let Some(place) =
                    place.filter(|_| views.get(&group.group).is_none_or(|(view, _)| group.view > *view))
                {
                    views.insert(group.group, (group.view, place));
                }
            }
        }
        views.into_iter().map(|(group, (_, place))| (group, place)).collect()
    }

    fn place(&self, name: &str) -> Option<u16> {
        let found = self.network.description().nodes.iter().position(|node| node.name == name)?;
        u16::try_from(found).ok()
    }

    /// The name of a node, if there is one at that place.
    pub fn name_of(&self, who: Who) -> Option<&str> {
        let node = self.network.description().nodes.get(usize::from(who.place()?))?;
        Some(&node.name)
    }

    /// Stages a fault until it is ended; nodes end what happens inside them by themselves some time after `lasts`, so that
    /// a command that is lost leaves nothing behind. Returns its number.
    ///
    /// # Errors
    /// As [`Stage::resolve`], or if a running node does not take it in; what was staged until then is ended again.
    pub async fn begin(&mut self, fault: &Fault, lasts: Option<Duration>) -> Result<u64, StageError> {
        if self.staged.len() >= MAX_STAGED {
            let why = format!(
                "{MAX_STAGED} faults are staged, which is the most: `witan testnet fault heal` ends them"
            );
            return Err(StageError::Senseless(why));
        }
        let now = self.resolve(fault).await?;
        let id = self.staged.iter().map(|staged| staged.id).max().unwrap_or(0).saturating_add(1);
        let staged = Staged::new(id, fault.clone(), now.clone(), lasts);
        // Written down before it is done: whatever becomes of this command, the next one can heal it.
        self.keep(|kept| kept.push(staged))?;
        if let Err(error) = self.apply(id, &now, lasts).await {
            self.end(id).await?;
            return Err(error);
        }
        Ok(id)
    }

    async fn apply(&mut self, id: u64, fault: &Fault, lasts: Option<Duration>) -> Result<(), StageError> {
        let names = |whos: &[Who]| -> Vec<String> {
            whos.iter().filter_map(|who| self.name_of(*who)).map(str::to_owned).collect()
        };
        match fault {
            Fault::Kill { nodes } => {
                for name in names(nodes) {
                    self.network.kill(&name).await?;
                }
                return Ok(());
            }
            Fault::Pause { nodes } => {
                return Ok(names(nodes).iter().try_for_each(|name| self.network.pause(name))?);
            }
            Fault::Twin { node, audience } => {
                let (first, audience) = (names(&[*node]), names(audience));
                for name in first {
                    let twin = self.network.start_twin(&name, &audience)?;
                    self.change(id, |staged| staged.twin = Some(twin.name.clone()))?;
                    self.network.wait_answering(&[twin.name], BACK_WITHIN).await?;
                }
            }
            _ => {}
        }
        self.set_on(id, &self.on_nodes(id, fault), lasts).await
    }

    /// What a fault stages on which nodes.
    fn on_nodes(&self, id: u64, fault: &Fault) -> Vec<OnNode> {
        let twin =
            self.staged.iter().find(|staged| staged.id == id).and_then(|staged| staged.twin.as_deref());
        on_nodes(fault, &self.network.description().nodes, twin)
    }

    /// Stages its part on each of these nodes that runs.
    async fn set_on(&mut self, id: u64, on: &[OnNode], lasts: Option<Duration>) -> Result<(), StageError> {
        for OnNode { name, effect } in on {
            let Some(pid) = self.pid(name) else { continue };
            let ends = lasts.map(|lasts| lasts.saturating_add(MARGIN).min(LONGEST));
            let set = self.client(name)?.set_fault(effect.clone(), ends).await;
            let set = set.map_err(|error| StageError::Node { node: name.clone(), why: error.to_string() })?;
            self.change(id, |staged| staged.on_nodes.push((name.clone(), set, pid)))?;
        }
        Ok(())
    }

    /// Nodes that start anew have forgotten what was staged in them: it is staged again.
    async fn stage_again(&mut self, nodes: &[String]) -> Result<(), StageError> {
        for staged in self.staged.clone() {
            let mut on = self.on_nodes(staged.id, &staged.now);
            on.retain(|on| nodes.contains(&on.name));
            self.set_on(staged.id, &on, staged.lasts.map(|span| span.0)).await?;
        }
        Ok(())
    }

    /// The process of a node or of the second process of one, if it runs.
    fn pid(&self, name: &str) -> Option<u32> {
        let twin = self.network.description().twins.iter().find(|twin| twin.name == name);
        twin.map_or_else(|| self.network.pid(name), |twin| twin.pid)
    }

    /// Ends a fault: undoes it, and starts again the nodes that it ended. One that can't be undone stays listed.
    ///
    /// # Errors
    /// If there is no such fault, or a node does not take its end in, or does not come back.
    pub async fn end(&mut self, id: u64) -> Result<Staged, StageError> {
        let staged =
            self.staged.iter().find(|staged| staged.id == id).cloned().ok_or(StageError::Unknown(id))?;
        let named = |nodes: &[Who]| -> Vec<String> {
            nodes.iter().filter_map(|who| self.name_of(*who)).map(str::to_owned).collect()
        };
        let mut back = Vec::new();
        match &staged.now {
            Fault::Pause { nodes } => {
                named(nodes).iter().try_for_each(|name| self.network.resume(name))?;
            }
            Fault::Kill { nodes } => back = named(nodes),
            Fault::Disk { nodes, trouble: DiskTrouble::Full | DiskTrouble::FailSync } => {
                back = named(nodes);
                // It may be on its way out, or not have written since.
                for name in &back {
                    self.network.stop(name).await?;
                }
            }
            _ => self.clear(&staged).await?,
        }
        if let Some(twin) = &staged.twin {
            self.network.stop_twin(twin).await?;
        }
        for name in &back {
            self.network.start(name)?;
        }
        self.network.wait_answering(&back, BACK_WITHIN).await?;
        self.keep(|kept| kept.retain(|other| other.id != id))?;
        self.stage_again(&back).await?;
        Ok(staged)
    }

    /// Ends all faults, the newest first.
    ///
    /// # Errors
    /// As [`Stage::end`].
    pub async fn heal(&mut self) -> Result<Vec<Staged>, StageError> {
        let mut ended = Vec::new();
        while let Some(newest) = self.staged.last().map(|staged| staged.id) {
            ended.push(self.end(newest).await?);
        }
        Ok(ended)
    }

    /// Ends what happens inside nodes. A process that is gone has nothing staged any more.
    async fn clear(&self, staged: &Staged) -> Result<(), StageError> {
        for (name, id, pid) in &staged.on_nodes {
            if self.pid(name) != Some(*pid) {
                continue;
            }
            match self.client(name)?.clear_faults(Some(*id)).await {
                Ok(_) | Err(ClientError::Rpc(RpcError::NotFound { .. })) => {}
                // It ended meanwhile, and what was staged in it with it.
                Err(_) if !self.network.is_running(name) => {}
                Err(error) => return Err(StageError::Node { node: name.clone(), why: error.to_string() }),
            }
        }
        Ok(())
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Staged)) -> Result<(), StageError> {
        self.keep(|kept| {
            if let Some(staged) = kept.iter_mut().find(|staged| staged.id == id) {
                change(staged);
            }
        })
    }

    /// Changes what is written down, one command at a time.
    fn keep(&mut self, change: impl FnOnce(&mut Vec<Staged>)) -> Result<(), StageError> {
        self.staged = kept::change(&self.network, change)?;
        Ok(())
    }

    fn client(&self, name: &str) -> Result<Client, StageError> {
        let known =
            |nodes: &[NodeEntry]| nodes.iter().find(|node| node.name == name).map(|node| node.rpc.clone());
        let description = self.network.description();
        let url = known(&description.nodes).or_else(|| known(&description.twins)).unwrap_or_default();
        let refuse = |error: ClientError| StageError::Node { node: name.to_owned(), why: error.to_string() };
        Client::with_timeout(&url, ANSWER_WITHIN).map_err(refuse)
    }
}
