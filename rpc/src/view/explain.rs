//! What a node is doing, or why it isn't.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::{EngineKind, GroupId, Height};

/// What the node does, or what keeps it from doing it: the answer of `node_explain`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// One paragraph for people. Its first sentence names the nodes concerned.
    pub summary: String,
    /// Whether every group here makes blocks, or would if there was work.
    pub progressing: bool,
    /// Whether transactions can be expected to commit here; as in `node_health`.
    pub ready: bool,
    /// What is wrong, the most important first; nothing if all is well.
    pub findings: Vec<Finding>,
    /// How each group stands that the node hosts.
    pub groups: Vec<ExplainedGroup>,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is, as a name: `NO_QUORUM`, `DEAD_LEADER`, ...
    pub reason: String,
    /// The group it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The nodes concerned, by name; at most 8.
    pub nodes: Vec<String>,
    /// What is wrong, for people.
    pub text: String,
    /// What would fix it, for people.
    pub fix: String,
}

/// How one group stands on the node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedGroup {
    /// Which group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// The last block executed here.
    pub height: Height,
    /// The last block with a seal here.
    pub sealed_height: Height,
    /// Who leads, if the node votes and knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The engine's round, view or term; 0 if the node does not vote.
    pub view: u64,
    /// In how many milliseconds the view is given up, if its timer runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_timeout_ms: Option<u64>,
    /// The members that can't be reached or don't vote.
    pub missing: Vec<String>,
    /// The number of members that can be reached and vote, the node itself included.
    pub reached: usize,
    /// The number of members that a block needs.
    pub quorum: usize,
    /// Whether it makes blocks, or would if there was work.
    pub progressing: bool,
}
