//! Answers about mempools, peers and consensus.

use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::{EngineKind, Epoch, FaultModel, GroupId, Height, NodeId, ValidatorIndex};

/// The mempools of this node: the answer of `mempool_status`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MempoolStatus {
    /// One a group, or the one asked for.
    pub items: Vec<MempoolView>,
}

/// The mempool of one group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MempoolView {
    /// The group.
    pub group: GroupId,
    /// Transactions waiting.
    pub transactions: usize,
    /// Their bytes.
    pub bytes: usize,
    /// The most transactions that may wait.
    pub max_transactions: usize,
    /// The most bytes that may wait.
    pub max_bytes: usize,
}

/// This node on the network: the answer of `net_info`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetInfo {
    /// Its network identity.
    #[serde(with = "text")]
    #[schemars(with = "NodeId")]
    pub node_id: NodeId,
    /// Where it listens.
    pub listen: Vec<String>,
    /// Connected peers.
    pub peers: usize,
    /// How many of them are validators.
    pub validators: usize,
    /// Whether only listed nodes may connect.
    pub permissioned: bool,
}

/// Who is connected: the answer of `net_peers`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerList {
    /// One a peer.
    pub items: Vec<PeerView>,
}

/// Who opened a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The peer.
    Inbound,
    /// This node.
    Outbound,
}

/// One connected peer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerView {
    /// Its network identity.
    #[serde(with = "text")]
    #[schemars(with = "NodeId")]
    pub node_id: NodeId,
    /// Its name, if genesis lists it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Its place among the validators, if it is one.
    pub validator: Option<ValidatorIndex>,
    /// Where it is; null while unknown.
    pub address: Option<String>,
    /// Who opened the connection; null while unknown.
    pub direction: Option<Direction>,
    /// The last round trip, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub round_trip_us: Option<u64>,
    /// What it says it runs, at most 64 printable characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
}

/// How consensus stands in a group, as this node sees it: the answer of `consensus_status`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsensusStatusView {
    /// The group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// What its members may do wrong.
    pub faults: FaultModel,
    /// The epoch.
    pub epoch: Epoch,
    /// The engine's round, view or term.
    pub view: u64,
    /// Who leads it.
    pub leader: Option<ValidatorIndex>,
    /// Height of the newest decided block.
    pub decided_height: Height,
    /// Height of the newest certified block.
    pub certified_height: Height,
    /// Height of the newest executed block.
    pub executed_height: Height,
    /// Height of the newest sealed block.
    pub sealed_height: Height,
    /// Views that ended by time-out since the last one that did not.
    pub consecutive_timeouts: u32,
    /// Validators heard to have given up the current view.
    pub timed_out: Vec<ValidatorIndex>,
    /// Whether the view's timer runs; it does only while there is work.
    pub timer_running: bool,
}

/// Who decides in a group: the answer of `consensus_validators`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorSetView {
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub epoch: Epoch,
    /// What its members may do wrong.
    pub faults: FaultModel,
    /// The most faulty members that the group withstands.
    pub max_faulty: usize,
    /// How many members decide.
    pub quorum: usize,
    /// The members, in order of their places.
    pub validators: Vec<ValidatorView>,
}

/// One validator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorView {
    /// Its place.
    pub index: ValidatorIndex,
    /// Its name in genesis.
    pub name: String,
    /// What it signs votes and seals with, `0x` hex.
    #[serde(with = "text")]
    #[schemars(with = "witan_types::Hash")]
    pub key: witan_types::Hash,
    /// Its network identity.
    #[serde(with = "text")]
    #[schemars(with = "NodeId")]
    pub node_id: NodeId,
    /// Whether it is connected to this node, or is this node.
    pub connected: bool,
}
