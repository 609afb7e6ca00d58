//! Agreement: every node that hosts a group holds the same block, with the same result, at every height, and each node's chain
//! hangs together.

use super::evidence::{Evidence, HeldBlock};
use super::report::{Finding, MAX_EVIDENCE};
use super::{Network, Source, Witness};
use crate::sim::Promise;
use futures::future::join_all;
use std::collections::BTreeMap;
use witan_rpc::BlockView;
use witan_rpc::methods::MAX_PAGE;
use witan_types::{BlockId, GroupId, Hash, Height};

/// The most heights of a group that are compared: the newest. What is below follows from the parents that blocks name.
pub(super) const MAX_HEIGHTS: u64 = 100_000;

/// The blocks that were found at each height, of each group; where nodes differ, the one of the first.
pub(super) type Chains = BTreeMap<GroupId, BTreeMap<Height, BlockId>>;

/// One group's comparison.
#[derive(Default)]
struct Comparison {
    /// The block below the next page, of each node.
    below: BTreeMap<String, (Height, BlockId)>,
    chain: BTreeMap<Height, BlockId>,
    /// Heights that at least two nodes hold.
    compared: usize,
    forks: Vec<(Height, Vec<Held>)>,
}

/// A block, and who holds it.
#[derive(Clone)]
struct Held {
    block: BlockView,
    nodes: Vec<String>,
}

impl Held {
    /// Whether another node's block is the same, with the same result as far as both know it.
    fn is(&self, block: &BlockView) -> bool {
        let same =
            |ours: Option<Hash>, theirs: Option<Hash>| ours == theirs || ours.is_none() || theirs.is_none();
        self.block.block_id == block.block_id
            && same(self.block.state_root, block.state_root)
            && same(self.block.receipts_root, block.receipts_root)
    }
}

impl Comparison {
    /// Compares what the nodes hold in a stretch of heights.
    fn page(&mut self, group: GroupId, pages: Vec<(String, Vec<BlockView>)>, finding: &mut Finding) {
        let mut held: BTreeMap<Height, Vec<Held>> = BTreeMap::new();
        for (node, blocks) in pages {
            for block in blocks {
                self.hangs_together(group, &node, &block, finding);
                let at = held.entry(block.height).or_default();
                match at.iter_mut().find(|held| held.is(&block)) {
                    Some(held) => held.nodes.push(node.clone()),
                    None => at.push(Held { block, nodes: vec![node.clone()] }),
                }
            }
        }
        for (height, held) in held {
            if let Some(first) = held.first() {
                self.chain.insert(height, first.block.block_id);
            }
            let nodes: usize = held.iter().map(|held| held.nodes.len()).sum();
            self.compared = self.compared.saturating_add(usize::from(nodes > 1));
            if held.len() > 1 {
                self.forks.push((height, held));
            }
        }
    }

    /// Whether a node's block names the one below it as its parent.
    fn hangs_together(&mut self, group: GroupId, node: &str, block: &BlockView, finding: &mut Finding) {
        let before = self.below.insert(node.to_owned(), (block.height, block.block_id));
        let Some((height, below)) = before else { return };
        if height.checked_add(1) == Some(block.height) && below != block.parent {
            finding.broken_by(Evidence::Torn {
                node: node.to_owned(),
                group,
                height: block.height,
                parent: block.parent.to_string(),
                below: below.to_string(),
            });
        }
    }
}

pub(super) async fn check<S: Source>(network: &Network<'_, S>, from: Option<Height>) -> (Finding, Chains) {
    let mut finding = Finding::of(Promise::Agreement);
    let (mut chains, mut covered, mut total) = (Chains::new(), Vec::new(), 0_usize);
    for group in network.groups() {
        let hosts = network.hosts(group);
        let tip = hosts.iter().filter_map(|host| host.group(group)).map(|status| status.height).max();
        let Some(tip) = tip else {
            finding.leaves_out(format!("group {group}, which no node that answers hosts"));
            continue;
        };
        let newest = tip.saturating_sub(MAX_HEIGHTS).saturating_add(1);
        let first = from.unwrap_or(1).max(newest);
        if first > 1 {
            finding.leaves_out(format!("heights below {first} of group {group}: they follow from parents"));
        }
        let comparison = compare(group, &hosts, (first, tip), &mut finding).await;
        covered.push(format!("group {group} {}", comparison.compared));
        for (height, held) in &comparison.forks {
            let wanted = finding.evidence.len() < MAX_EVIDENCE;
            let blocks = if wanted { shown(network, group, *height, held).await } else { Vec::new() };
            finding.broken_by(Evidence::Fork { group, height: *height, blocks });
        }
        total = total.saturating_add(comparison.compared);
        chains.insert(group, comparison.chain);
    }
    finding.covered =
        format!("heights that several nodes hold: {}; by {}", covered.join(", "), network.names());
    if total == 0 && finding.violations == 0 {
        let left = std::mem::take(&mut finding.left);
        let why = format!("no height that two nodes show; {} answers", network.names());
        finding = Finding { left, ..Finding::not_judged(Promise::Agreement, why) };
    }
    (finding, chains)
}

async fn compare<S: Source>(
    group: GroupId,
    hosts: &[&Witness<'_, S>],
    (first, tip): (Height, Height),
    finding: &mut Finding,
) -> Comparison {
    let mut comparison = Comparison::default();
    let mut next = first;
    while next <= tip {
        let last = tip.min(next.saturating_add(u64::from(MAX_PAGE) - 1));
        let answers = join_all(hosts.iter().map(|host| host.source.blocks(group, next, MAX_PAGE))).await;
        let mut pages = Vec::new();
        for (host, answer) in hosts.iter().zip(answers) {
            match answer {
                Ok(mut blocks) => {
                    blocks.retain(|block| block.group == group && (next..=last).contains(&block.height));
                    pages.push((host.name().to_owned(), blocks));
                }
                Err(error) => {
                    let name = host.name();
                    finding.leaves_out(format!("group {group} at {name} from height {next} on: {error}"));
                }
            }
        }
        comparison.page(group, pages, finding);
        next = last.saturating_add(1);
    }
    comparison
}

/// What stands at a height, with the seals that nodes have for it.
async fn shown<S: Source>(
    network: &Network<'_, S>,
    group: GroupId,
    height: Height,
    held: &[Held],
) -> Vec<HeldBlock> {
    let mut shown = Vec::new();
    for Held { block, nodes } in held {
        let holder = network.witnesses.iter().find(|witness| nodes.iter().any(|node| node == witness.name()));
        let seal = match holder {
            Some(holder) => holder.source.seal(group, height).await.ok(),
            None => None,
        };
        let seal = seal.filter(|seal| seal.block_id == block.block_id);
        shown.push(HeldBlock {
            block_id: block.block_id.to_string(),
            state_root: block.state_root.map(|root| root.to_string()),
            proposer: network.member(group, block.proposer),
            time_ms: block.time_ms,
            nodes: nodes.clone(),
            seal: seal.map(|seal| witan_rpc::encoding::write_hex(&seal.encoded)),
        });
    }
    shown
}
