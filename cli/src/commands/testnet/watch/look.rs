//! What the dashboard shows: asked of every node once a second, with what changed since the last look.

use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use witan_testnet::check::first_sentence;
use witan_testnet::local::{Network, NodeReport};
use witan_testnet::rpc::{Client, ConsensusStatusView, GroupStatus, Order};
use witan_types::{GroupId, Height};

/// The most blocks whose transactions are counted at a time.
const MAX_BLOCKS: u64 = 100;
/// Looks whose pace is kept, for the sparkline.
const KEPT: usize = 240;
/// How long a node may take to tell more than how it is.
const ANSWER_WITHIN: Duration = Duration::from_millis(700);

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupLook {
    /// Which.
    pub(super) group: GroupId,
    /// Its engine, with what its members may do wrong if that is not everything.
    pub(super) engine: String,
    /// The highest block of any node.
    pub(super) height: Height,
    /// The highest sealed one.
    pub(super) sealed: Height,
    /// Blocks a second since the last look.
    pub(super) blocks_per_s: f64,
    /// Transactions a second since the last look.
    pub(super) tx_per_s: f64,
    /// The highest view of any node.
    pub(super) view: u64,
    /// Who leads it, by that node's word.
    pub(super) leader: Option<String>,
    /// Views in a row that ended by time-out.
    pub(super) timeouts: Option<u32>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeLook {
    /// Its name.
    pub(super) name: String,
    /// `ready`, why it is not, `stopped`, or `does not answer`.
    pub(super) state: String,
    /// Whether it is ready.
    pub(super) ready: bool,
    /// Its height in each group that it hosts.
    pub(super) heights: BTreeMap<GroupId, Height>,
    /// Connected peers.
    pub(super) peers: usize,
    /// Transactions that wait in all its mempools.
    pub(super) mempool: usize,
    /// Faults staged on it; none if it does not tell.
    pub(super) faults: Option<usize>,
}

/// The whole network at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Look {
    /// Its name.
    pub(super) network: String,
    /// All groups.
    pub(super) groups: Vec<GroupLook>,
    /// All nodes.
    pub(super) nodes: Vec<NodeLook>,
    /// The first sentence of what a node says that is not ready; none if all are that answer.
    pub(super) explanation: Option<String>,
    /// Transactions a second of all groups, look by look, the newest last.
    #[serde(skip)]
    pub(super) pace: Vec<f64>,
}

/// Looks again and again.
#[derive(Default)]
pub(super) struct Observer {
    before: BTreeMap<GroupId, (Height, Instant)>,
    pace: VecDeque<f64>,
}

impl Observer {
    pub(super) async fn look(&mut self, network: &Network) -> Look {
        let reports = network.status().await;
        let description = network.description();
        let mut groups = Vec::new();
        for entry in &description.groups {
            let group = GroupId(entry.id);
            let (leading, consensus) = leading(&reports, group).await;
            let pace = self.pace_of(group, leading).await;
            let status = leading.map(|(_, status)| status);
            let leader = status.and_then(|status| description.member(group, status.leader?));
            let sealed = each(&reports, group).map(|(_, status)| status.sealed_height).max();
            groups.push(GroupLook {
                group,
                engine: entry.engine.label(),
                height: status.map_or(0, |status| status.height),
                sealed: sealed.unwrap_or(0),
                blocks_per_s: pace.0,
                tx_per_s: pace.1,
                view: status.map_or(0, |status| status.view),
                leader: leader.map(str::to_owned),
                timeouts: consensus.map(|consensus| consensus.consecutive_timeouts),
            });
        }
        self.pace.push_back(groups.iter().map(|group| group.tx_per_s).sum());
        if self.pace.len() > KEPT {
            self.pace.pop_front();
        }
        let nodes = futures::future::join_all(reports.iter().map(node)).await;
        let explanation = explanation(&reports).await;
        let pace = self.pace.iter().copied().collect();
        Look { network: description.name.clone(), groups, nodes, explanation, pace }
    }

    /// Blocks and transactions a second of a group since the last look.
    async fn pace_of(&mut self, group: GroupId, leading: Option<(&NodeReport, &GroupStatus)>) -> (f64, f64) {
        let Some((report, status)) = leading else { return (0.0, 0.0) };
        let now = Instant::now();
        let Some((height, at)) = self.before.insert(group, (status.height, now)) else { return (0.0, 0.0) };
        let seconds = now.duration_since(at).as_secs_f64().max(0.001);
        let blocks = status.height.saturating_sub(height);
        let transactions = transactions(report, group, status.height, blocks).await;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let blocks = blocks as f64;
        (blocks / seconds, transactions / seconds)
    }
}

/// How the group stands on each node that hosts it.
fn each(reports: &[NodeReport], group: GroupId) -> impl Iterator<Item = (&NodeReport, &GroupStatus)> {
    reports.iter().filter_map(move |report| {
        let status = report.status.as_ref()?.groups.iter().find(|status| status.group == group)?;
        Some((report, status))
    })
}

/// The node that is furthest in a group, and what it says of its engine.
async fn leading(
    reports: &[NodeReport],
    group: GroupId,
) -> (Option<(&NodeReport, &GroupStatus)>, Option<ConsensusStatusView>) {
    let leading = each(reports, group).max_by_key(|(_, status)| (status.height, status.view));
    let consensus = match leading.and_then(|(report, _)| client(report)) {
        Some(client) => client.consensus(group).await.ok(),
        None => None,
    };
    (leading, consensus)
}

fn client(report: &NodeReport) -> Option<Client> {
    Client::with_timeout(&report.rpc, ANSWER_WITHIN).ok()
}

/// How many transactions the last `blocks` blocks up to `height` hold; where there are many, as the newest suggest.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(in super::super) async fn transactions(
    report: &NodeReport,
    group: GroupId,
    height: Height,
    blocks: u64,
) -> f64 {
    let limit = u32::try_from(blocks.min(MAX_BLOCKS)).unwrap_or(1);
    if limit == 0 {
        return 0.0;
    }
    let Some(client) = client(report) else { return 0.0 };
    let Ok(page) = client.blocks(group, Some(height), Order::Desc, limit, None).await else { return 0.0 };
    let counted: usize = page.items.iter().map(|block| block.tx_count).sum();
    counted as f64 * blocks as f64 / (page.items.len() as f64).max(1.0)
}

async fn node(report: &NodeReport) -> NodeLook {
    let name = report.name.clone();
    let Some(status) = &report.status else {
        let state = if report.pid.is_some() { "does not answer" } else { "stopped" };
        let heights = BTreeMap::new();
        return NodeLook {
            name,
            state: state.into(),
            ready: false,
            heights,
            peers: 0,
            mempool: 0,
            faults: None,
        };
    };
    let faults = match client(report).filter(|_| status.devnet) {
        Some(client) => client.faults().await.ok().map(|faults| faults.len()),
        None => None,
    };
    NodeLook {
        name,
        state: if status.ready { "ready".into() } else { status.reasons.join(" ") },
        ready: status.ready,
        heights: status.groups.iter().map(|group| (group.group, group.height)).collect(),
        peers: status.peers,
        mempool: status.groups.iter().map(|group| group.mempool).sum(),
        faults,
    }
}

/// What the first node says that answers and is not ready, in a sentence.
async fn explanation(reports: &[NodeReport]) -> Option<String> {
    let waiting = reports.iter().find(|report| report.status.as_ref().is_some_and(|status| !status.ready))?;
    let explanation = client(waiting)?.explain().await.ok()?;
    Some(first_sentence(&explanation.summary).to_owned())
}
