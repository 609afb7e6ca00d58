//! Faults that are staged on a node of a development network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::GroupId;

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
    /// Its disk has no room: the node ends before it loses a write.
    DiskFull,
    /// Syncs of its disk fail: the node ends rather than say what is not durable.
    DiskFailSync,
    /// Nothing passes between it and other nodes.
    Network {
        /// Which, by name or node id.
        drop: Vec<String>,
        /// Which way nothing passes.
        direction: CutDirection,
    },
    /// What it sends to other nodes meets a bad line.
    Line {
        /// Which, by name or node id; null for all other validators.
        nodes: Option<Vec<String>>,
        /// What the line does.
        line: BadLine,
    },
    /// As a validator it lies, in every group that it is a member of.
    Byzantine {
        /// How.
        behaviour: Lie,
    },
    /// What it proposes in a group leaves late.
    Proposals {
        /// The group.
        group: GroupId,
        /// So many milliseconds late.
        delay_ms: u64,
    },
    /// What one group says to another does not leave it.
    Channel {
        /// The group that speaks.
        from_group: GroupId,
        /// The group that should hear it.
        to_group: GroupId,
    },
}

/// The kinds of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// The wall clock is wrong.
    Clock,
    /// The disk is slow.
    Disk,
    /// The disk has no room.
    DiskFull,
    /// Syncs of the disk fail.
    DiskFailSync,
    /// Nothing passes between the node and others.
    Network,
    /// What the node sends to others meets a bad line.
    Line,
    /// The node lies.
    Byzantine,
    /// What the node proposes leaves late.
    Proposals,
    /// What one group says to another does not leave the node.
    Channel,
}

/// What a line does to what travels over it. What is absent or 0 does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BadLine {
    /// Everything takes so many milliseconds longer; at most 60000.
    pub delay_ms: u64,
    /// And up to so many more, in order all the same; at most 60000.
    pub jitter_ms: u64,
    /// So many of 100 messages are lost.
    pub loss_percent: u8,
    /// So many of 100 arrive twice.
    pub duplicate_percent: u8,
    /// So many of 100 are overtaken by what is sent after them.
    pub reorder_percent: u8,
    /// At most so many bytes a second pass.
    pub bytes_per_second: u64,
}

/// How a validator lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// It says nothing.
    Mute,
    /// It tells some one thing and others another: two proposals, two votes.
    Equivocate,
    /// It holds what it says back, often for longer than a time-out.
    Delay,
    /// It sends its proposals to some only.
    Withhold,
    /// It sends old messages again.
    Replay,
    /// It changes bytes of what it sends.
    Corrupt,
    /// It answers whoever catches up with lies, and lies about how it stands.
    MisleadSync,
    /// It signs results that nobody has.
    FalseShares,
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
