//! Where keys live.

use serde::{Deserialize, Serialize};
use witan_types::{EngineKind, FaultModel, GroupId};

/// The groups that hold keys: the answer of `shard_list`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardList {
    /// One a group, ascending.
    pub items: Vec<ShardView>,
}

/// A group that holds keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardView {
    /// The group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// What its members may do wrong.
    pub faults: FaultModel,
    /// The slots it owns, as ranges in order.
    pub slots: Vec<SlotRange>,
}

/// Slots next to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotRange {
    /// The first.
    pub first: u16,
    /// The last, itself included.
    pub last: u16,
}

/// Where a key lives: the answer of `shard_forKey`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyShardView {
    /// Its slot, of 4,096.
    pub slot: u16,
    /// The group that owns the slot.
    pub group: GroupId,
}
