//! Answers about the node itself.

use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::{BlockId, ChainId, EngineKind, FaultModel, GroupId, Hash, Height, NodeId, ValidatorIndex};

/// How the node stands: the answer of `node_status`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// The release.
    pub version: String,
    /// The name in its configuration or, for a validator, in genesis.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Its network identity.
    #[serde(with = "text")]
    #[schemars(with = "NodeId")]
    pub node_id: NodeId,
    /// Its place among the validators, if it is one.
    pub validator: Option<ValidatorIndex>,
    /// The network.
    #[serde(with = "text")]
    #[schemars(with = "ChainId")]
    pub chain: ChainId,
    /// Whether genesis allows fault injection and development accounts.
    pub devnet: bool,
    /// Whether transactions can be expected to commit here.
    pub ready: bool,
    /// Why not, as names: `SYNCING`, `NO_QUORUM`, ...
    pub reasons: Vec<String>,
    /// Every group the node follows.
    pub groups: Vec<GroupStatus>,
    /// Connected peers.
    pub peers: usize,
}

/// How one group stands on this node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// Which group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// What its members may do wrong.
    pub faults: FaultModel,
    /// The last block executed here.
    pub height: Height,
    /// Its id.
    #[serde(with = "text")]
    #[schemars(with = "BlockId")]
    pub block_id: BlockId,
    /// The state after it.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub state_root: Hash,
    /// The last block with a seal here.
    pub sealed_height: Height,
    /// The state after that.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub sealed_state_root: Hash,
    /// The engine's round, view or term.
    pub view: u64,
    /// Who leads it.
    pub leader: Option<ValidatorIndex>,
    /// Number of validators.
    pub validators: usize,
    /// How many of them are connected to this node, itself included.
    pub connected_validators: usize,
    /// Transactions waiting here.
    pub mempool: usize,
    /// Whether the node is catching up.
    pub syncing: bool,
}

/// Whether the node lives and works: the answer of `node_health`, `/livez` and `/readyz`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether its event loop turns.
    pub live: bool,
    /// Whether transactions can be expected to commit here.
    pub ready: bool,
    /// Why not, as names: `SYNCING`, `NO_QUORUM`, ...
    pub reasons: Vec<String>,
    /// What is behind the reasons, for people, and what would fix it.
    #[serde(default)]
    pub details: Vec<String>,
}

/// What runs: the answer of `node_version`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// The release.
    pub version: String,
    /// The commit it was built from, where the build knew it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// The engines it can run.
    pub engines: Vec<EngineKind>,
}
