//! Watches the chains of a network while faults last: how high each node is, and whether any two hold different blocks.

use crate::local::Network;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use witan_rpc::{Client, Order};
use witan_types::{BlockId, GroupId, Height};

/// The most blocks read of one node's chain at a time, and the most times at one look.
const PAGE: u32 = 100;
const PAGES: usize = 20;
/// How long a node may take to answer a page.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// The most heights of a chain that are remembered: older ones were compared while they were young.
const REMEMBERED: usize = 20_000;
/// The most conflicts that are told.
const MAX_CONFLICTS: usize = 16;

/// Two nodes with different blocks at one height.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// Whose chain.
    pub group: GroupId,
    /// Where.
    pub height: Height,
    /// A node with its block.
    pub one: (String, String),
    /// Another node with another block.
    pub other: (String, String),
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub struct Watch {
    chains: BTreeMap<GroupId, BTreeMap<Height, (BlockId, String)>>,
    /// How far each node's chains were read.
    read: BTreeMap<(String, GroupId), Height>,
    conflicts: Vec<Conflict>,
}

/// How high each node was in each group at one moment.
pub type Heights = BTreeMap<GroupId, BTreeMap<String, Height>>;

impl Watch {
    /// Begins at the newest blocks of now: what is older is for `witan testnet check`.
    pub async fn begin(network: &Network) -> Watch {
        let mut watch = Watch::default();
        for (group, nodes) in heights(network).await {
            // Every chain is read from the lowest, so that all of them meet.
            let lowest = nodes.values().min().copied().unwrap_or_default();
            let from = lowest.saturating_sub(1);
            watch.read.extend(nodes.into_keys().map(|node| ((node, group), from)));
        }
        watch
    }

    /// Reads what is new on every node that answers, second processes of twins among them. Returns how high each is.
    pub async fn look(&mut self, network: &Network) -> Heights {
        let heights = heights(network).await;
        for (group, nodes) in &heights {
            let first = self.chains.get(group).and_then(|chain| chain.keys().next().copied()).unwrap_or(1);
            for (node, height) in nodes {
                let read = self.read.entry((node.clone(), *group)).or_insert(first.saturating_sub(1));
                let from = *read;
                if let Some(client) = network.client(node).ok().and_then(|it| impatient(&it)) {
                    self.read_chain(&client, node, *group, from, *height).await;
                }
            }
        }
        heights
    }

    async fn read_chain(&mut self, client: &Client, node: &str, group: GroupId, above: Height, tip: Height) {
        let mut above = above;
        for _ in 0..PAGES {
            if above >= tip {
                break;
            }
            let Ok(page) = client.blocks(group, Some(above.saturating_add(1)), Order::Asc, PAGE, None).await
            else {
                break;
            };
            let Some(last) = page.items.last().map(|block| block.height) else { break };
            for block in &page.items {
                self.note(group, block.height, block.block_id, node);
            }
            above = last;
        }
        self.read.insert((node.to_owned(), group), above);
    }

    fn note(&mut self, group: GroupId, height: Height, id: BlockId, node: &str) {
        let chain = self.chains.entry(group).or_default();
        let (first, holder) = chain.entry(height).or_insert_with(|| (id, node.to_owned()));
        let is_new = !self.conflicts.iter().any(|known| (known.group, known.height) == (group, height));
        if *first != id && is_new && self.conflicts.len() < MAX_CONFLICTS {
            let one = (holder.clone(), first.to_string());
            self.conflicts.push(Conflict { group, height, one, other: (node.to_owned(), id.to_string()) });
        }
        while chain.len() > REMEMBERED {
            chain.pop_first();
        }
    }

    /// The conflicts seen so far.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The greatest height of each group that was ever seen.
    pub fn highest(&self) -> BTreeMap<GroupId, Height> {
        let newest =
            |(group, chain): (&GroupId, &BTreeMap<Height, _>)| Some((*group, *chain.last_key_value()?.0));
        self.chains.iter().filter_map(newest).collect()
    }

    /// How many heights were compared.
    pub fn compared(&self) -> usize {
        self.chains.values().map(BTreeMap::len).sum()
    }
}

/// A client of the same node that waits for no node that stands still.
fn impatient(client: &Client) -> Option<Client> {
    Client::with_timeout(client.url(), READ_WITHIN).ok()
}

/// How high every node is that answers, second processes of twins among them.
pub async fn heights(network: &Network) -> Heights {
    let (nodes, twins) = futures::future::join(network.status(), network.twins()).await;
    let mut heights = Heights::new();
    for report in nodes.iter().chain(&twins) {
        for group in report.status.iter().flat_map(|status| &status.groups) {
            heights.entry(group.group).or_default().insert(report.name.clone(), group.height);
        }
    }
    heights
}

/// The greatest height of a group that any node told.
pub fn highest(heights: &Heights, group: GroupId) -> Height {
    heights.get(&group).and_then(|nodes| nodes.values().max().copied()).unwrap_or_default()
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conflict { group, height, one, other } = self;
        write!(
            f,
            "group {group}, height {height}: {} has block {}, {} has block {}",
            one.0, one.1, other.0, other.1
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use witan_types::Hash;

    #[test]
    fn two_blocks_at_a_height_are_a_conflict_told_once_and_two_heights_are_none() {
        let (group, [one, other]) = (GroupId(1), [1, 2].map(|byte| BlockId(Hash([byte; 32]))));
        let mut watch = Watch::default();
        watch.note(group, 7, one, "n0");
        watch.note(group, 8, other, "n0");
        watch.note(GroupId(2), 7, other, "n0");
        watch.note(group, 7, one, "n1");
        assert_eq!(watch.conflicts(), []);
        watch.note(group, 7, other, "n2");
        watch.note(group, 7, other, "n3");
        assert_eq!(watch.conflicts().len(), 1);
        let told = watch.conflicts()[0].to_string();
        assert!(told.starts_with("group 1, height 7: n0 has block 0x0101"), "{told}");
        assert_eq!(watch.compared(), 3);
    }
}
