//! Asking nodes how they are, and waiting for them.

use super::Network;
use super::description::NodeEntry;
use super::error::LocalError;
use super::process::Process;
use futures::future::join_all;
use serde::Serialize;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};
use witan_rpc::{Client, NodeStatus};
use witan_types::{GroupId, Height};

/// How often a node that is not ready yet is asked.
const POLL: Duration = Duration::from_millis(50);
/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of a log's end is shown.
const TAIL_BYTES: u64 = 2_000;

/// How one node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// Its JSON-RPC address.
    pub rpc: String,
    /// Its process, if it runs.
    pub pid: Option<u32>,
    /// What it says of itself; none if it does not answer.
    pub status: Option<NodeStatus>,
}

impl NodeReport {
    /// The last block it executed in a group; none if it does not answer.
    pub fn height(&self, group: GroupId) -> Option<Height> {
        self.status.as_ref()?.groups.iter().find(|status| status.group == group).map(|status| status.height)
    }

    /// Whether it has executed a block of every group that it follows.
    fn has_committed(&self) -> bool {
        let groups = self.status.as_ref().map(|status| status.groups.as_slice()).unwrap_or_default();
        !groups.is_empty() && groups.iter().all(|group| group.height >= 1)
    }
}

impl Network {
    /// A client of this node, or of the second process of one.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn client(&self, name: &str) -> Result<Client, LocalError> {
        let refuse =
            |error: witan_rpc::ClientError| LocalError::Process { node: name.into(), why: error.to_string() };
        Client::new(&self.node_or_twin(name)?.rpc).map_err(refuse)
    }

    fn node_or_twin(&self, name: &str) -> Result<&NodeEntry, LocalError> {
        match self.description.twins.iter().find(|twin| twin.name == name) {
            Some(twin) => Ok(twin),
            None => self.node(name),
        }
    }

    /// How every second process of a twin is, asked all at the same time.
    pub async fn twins(&self) -> Vec<NodeReport> {
        join_all(self.description.twins.iter().map(|twin| self.report(twin))).await
    }

    /// How every node is, asked all at the same time.
    pub async fn status(&self) -> Vec<NodeReport> {
        join_all(self.description.nodes.iter().map(|node| self.report(node))).await
    }

    async fn report(&self, node: &NodeEntry) -> NodeReport {
        let pid = Process::recorded(node).filter(|process| process.is_running()).map(|process| process.pid);
        let status = match (pid, Client::with_timeout(&node.rpc, ANSWER_TIMEOUT)) {
            (Some(_), Ok(client)) => client.status().await.ok(),
            _ => None,
        };
        NodeReport { name: node.name.clone(), rpc: node.rpc.clone(), pid, status }
    }

    /// Waits until every node has committed a block in every group.
    ///
    /// # Errors
    /// If a node ends by itself, or one is not as far after `timeout`.
    pub async fn wait_ready(&self, timeout: Duration) -> Result<(), LocalError> {
        self.wait_committed(&self.node_names(), timeout).await
    }

    /// Waits until each of these nodes has committed a block in every group, whatever becomes of the others.
    ///
    /// # Errors
    /// If there is no such node, one ends by itself, or one is not as far after `timeout`.
    pub async fn wait_committed(&self, names: &[String], timeout: Duration) -> Result<(), LocalError> {
        self.wait(names, timeout, NodeReport::has_committed).await
    }

    /// Waits until these nodes answer requests, whether or not they can make blocks.
    ///
    /// # Errors
    /// If there is no such node, one ends by itself, or one does not answer within `timeout`.
    pub async fn wait_answering(&self, names: &[String], timeout: Duration) -> Result<(), LocalError> {
        self.wait(names, timeout, |report| report.status.is_some()).await
    }

    async fn wait(
        &self,
        names: &[String],
        timeout: Duration,
        done: impl Fn(&NodeReport) -> bool,
    ) -> Result<(), LocalError> {
        let deadline = Instant::now() + timeout;
        let mut waiting = names.iter().map(|name| self.node_or_twin(name)).collect::<Result<Vec<_>, _>>()?;
        loop {
            let reports = join_all(waiting.iter().map(|node| self.report(node))).await;
            if let Some(report) = reports.iter().find(|report| report.pid.is_none()) {
                let log = self.node_or_twin(&report.name)?.home.join("node.log");
                return Err(LocalError::Ended { node: report.name.clone(), tail: tail(&log), log });
            }
            let late: Vec<&NodeReport> = reports.iter().filter(|report| !done(report)).collect();
            if late.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let nodes = late.iter().map(|report| lacks(report)).collect::<Vec<_>>().join(", ");
                return Err(LocalError::NotReady { seconds: timeout.as_secs(), nodes });
            }
            waiting.retain(|node| late.iter().any(|report| report.name == node.name));
            tokio::time::sleep(POLL).await;
        }
    }
}

fn lacks(report: &NodeReport) -> String {
    match &report.status {
        None => format!("{} does not answer", report.name),
        Some(status) if status.reasons.is_empty() => format!("{} has no block", report.name),
        Some(status) => format!("{} has no block ({})", report.name, status.reasons.join(", ")),
    }
}

/// The last lines of a log.
fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let cut = length > TAIL_BYTES;
        Ok(if cut { text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or(text) } else { text })
    };
    read().unwrap_or_else(|error| format!("(it can't be read: {error})"))
}
