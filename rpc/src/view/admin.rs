//! Answers to who runs the node.

use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::NodeId;

/// A node to stay connected to, or no more: the answer of `admin_addPeer` and `admin_removePeer`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerChange {
    /// Which node.
    #[serde(with = "text")]
    #[schemars(with = "NodeId")]
    pub node_id: NodeId,
}

/// Which lines the log gets: the answer of `admin_setLogFilter`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogFilter {
    /// The directives that hold now.
    pub filter: String,
}

/// Whether the node takes part in consensus: the answer of `admin_pauseVoting` and `admin_resumeVoting`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Voting {
    /// Whether it says nothing.
    pub paused: bool,
}

/// The answer of `admin_shutdown`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stopping {
    /// Whether the node stops.
    pub stopping: bool,
}
