//! What shows that a promise was broken: who said what, so that somebody else can look again.

use serde::Serialize;
use std::fmt;
use witan_types::{GroupId, Height};

/// One of several blocks that stand at one place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldBlock {
    /// The block.
    pub block_id: String,
    /// The state after it, where it is known.
    pub state_root: Option<String>,
    /// The name of the member that proposed it, as the block says.
    pub proposer: String,
    /// Its time, Unix milliseconds.
    pub time_ms: u64,
    /// The nodes that hold it.
    pub nodes: Vec<String>,
    /// The seal that one of them has for it, in its wire format: what `witan verify` judges.
    pub seal: Option<String>,
}

/// One violation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Evidence {
    /// Two blocks, or two results of one block, at one height of a group.
    Fork {
        /// The group.
        group: GroupId,
        /// The height.
        height: Height,
        /// What stands there.
        blocks: Vec<HeldBlock>,
    },
    /// A node's own chain does not hang together.
    Torn {
        /// Which node.
        node: String,
        /// The group.
        group: GroupId,
        /// Where.
        height: Height,
        /// The parent that the block there names.
        parent: String,
        /// What the node holds below it.
        below: String,
    },
    /// A seal that proves nothing, or another block than the chain has.
    Seal {
        /// Who holds it.
        node: String,
        /// The group.
        group: GroupId,
        /// The height.
        height: Height,
        /// What is wrong with it.
        why: String,
    },
    /// An acknowledged transaction that a node tells otherwise.
    Acknowledged {
        /// Which transaction.
        tx_id: String,
        /// What was acknowledged.
        acknowledged: String,
        /// Who tells otherwise.
        node: String,
        /// What it says.
        says: String,
    },
    /// Balances that do not add up.
    Balance {
        /// By whose word.
        node: String,
        /// What all accounts hold together.
        total: String,
        /// What genesis issued.
        issued: String,
        /// How many accounts.
        accounts: usize,
        /// How it was read.
        how: String,
    },
    /// A history that no order explains.
    History {
        /// The violation.
        violation: String,
    },
    /// A lock that outlives its transaction.
    Lock {
        /// Which node shows it.
        node: String,
        /// The group.
        group: GroupId,
        /// The locked key, hex.
        key: String,
        /// The transaction that holds it.
        tx_id: String,
        /// The block since which it is under way.
        since_height: Height,
        /// Why it should be gone.
        why: String,
    },
    /// A transaction that does not come through.
    Stalled {
        /// The group.
        group: GroupId,
        /// Through which node.
        node: String,
        /// What happened to it.
        why: String,
        /// What the node says about itself.
        explanation: String,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Evidence::Fork { group, height, blocks } => {
                write!(f, "group {group}, height {height}: {} different blocks or results", blocks.len())?;
                blocks.iter().try_for_each(|block| write!(f, "\n  {block}"))
            }
            Evidence::Torn { node, group, height, parent, below } => write!(
                f,
                "group {group}, height {height}: the block at {node} names the parent {parent}, and below it {node} holds {below}"
            ),
            Evidence::Seal { node, group, height, why } => {
                write!(f, "group {group}, height {height}: the seal at {node}: {why}")
            }
            Evidence::Acknowledged { tx_id, acknowledged, node, says } => {
                write!(f, "{tx_id} was acknowledged as {acknowledged}; {node} says {says}")
            }
            Evidence::Balance { node, total, issued, accounts, how } => write!(
                f,
                "{accounts} accounts hold {total} together by the word of {node} ({how}); genesis issued {issued}"
            ),
            Evidence::History { violation } => f.write_str(violation),
            Evidence::Lock { node, group, key, tx_id, since_height, why } => write!(
                f,
                "group {group} at {node}: {tx_id} has {key} locked since block {since_height}: {why}"
            ),
            Evidence::Stalled { group, node, why, explanation } => {
                write!(f, "group {group} through {node}: {why}\n  {}", first_sentence(explanation))
            }
        }
    }
}

impl fmt::Display for HeldBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HeldBlock { block_id, state_root, proposer, nodes, seal, .. } = self;
        write!(f, "{block_id} by {proposer}, state {}", state_root.as_deref().unwrap_or("not kept"))?;
        let sealed = if seal.is_some() { "sealed" } else { "without a seal" };
        write!(f, ", {sealed}, held by {}", nodes.join(" "))
    }
}

/// Up to the first end of a sentence: a point before a space, which decimal points are not.
pub fn first_sentence(text: &str) -> &str {
    text.find(". ").and_then(|end| text.get(..=end)).unwrap_or(text)
}
