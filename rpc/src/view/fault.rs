//! Faults that are staged on a node of a development network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A fault that was staged: the answer of `fault_set`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultStaged {
    /// Its number.
    pub id: u64,
}

/// The faults that are staged on the node: the answer of `fault_list`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultList {
    /// One a fault, oldest first.
    pub items: Vec<FaultView>,
}

/// Faults that ended: the answer of `fault_clear`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultsCleared {
    /// Their numbers.
    pub cleared: Vec<u64>,
}

/// A staged fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultView {
    /// Its number.
    pub id: u64,
    /// What goes wrong.
    #[serde(flatten)]
    pub effect: FaultEffect,
    /// In how many milliseconds it ends by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_in_ms: Option<u64>,
}

/// What a fault does to the node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultEffect {
    /// Its wall clock is wrong.
    Clock {
        /// So many milliseconds ahead; behind if negative.
        offset_ms: i64,
    },
    /// Its disk is slow.
    Disk {
        /// Each sync takes so many milliseconds longer.
        delay_ms: u64,
    },
    /// Nothing passes between it and other nodes.
    Network {
        /// Which, by name or node id.
        drop: Vec<String>,
        /// Which way nothing passes.
        direction: CutDirection,
    },
}

/// The kinds of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// The wall clock is wrong.
    Clock,
    /// The disk is slow.
    Disk,
    /// Nothing passes between the node and others.
    Network,
}

/// Which way nothing passes between two nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CutDirection {
    /// Neither way.
    #[default]
    Both,
    /// Towards the node.
    In,
    /// Away from the node.
    Out,
}
