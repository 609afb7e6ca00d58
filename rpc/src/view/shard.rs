//! Where keys live.

use super::Encoded;
use crate::encoding::{Blob, Encoding, EncodingError};
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::{EngineKind, FaultModel, GroupId, Height, TxId};

/// The groups that hold keys: the answer of `shard_list`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShardList {
    /// One a group, ascending.
    pub items: Vec<ShardView>,
}

/// A group that holds keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
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
    /// The version of the configuration that made the parameters by which the group goes what they are; none if this node
    /// does not host the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_version: Option<u64>,
}

/// Slots next to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotRange {
    /// The first.
    pub first: u16,
    /// The last, itself included.
    pub last: u16,
}

/// Where a key lives: the answer of `shard_forKey`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyShardView {
    /// Its slot, of 4,096.
    pub slot: u16,
    /// The group that owns the slot.
    pub group: GroupId,
}

/// What others may do with a locked key until the decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LockMode {
    /// Read it.
    Read,
    /// Nothing.
    Write,
    /// Add to it.
    Add,
}

impl LockMode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            LockMode::Read => "read",
            LockMode::Write => "write",
            LockMode::Add => "add",
        }
    }
}

/// A key that a transaction across groups has locked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockView {
    /// The key.
    pub key: Blob,
    /// The transaction.
    #[serde(with = "text")]
    #[schemars(with = "TxId")]
    pub tx_id: TxId,
    /// How it is locked.
    pub mode: LockMode,
    /// What an add reserves: a decimal number, below zero if it takes away.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delta: Option<String>,
    /// The block of the group since which the transaction is under way there.
    pub since_height: Height,
}

/// The locks of a group, transaction by transaction: the answer of `shard_locks`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockPage {
    /// One a transaction and key.
    pub items: Vec<LockView>,
    /// Where the next page begins; null on the last. Locks come and go between pages.
    pub next_cursor: Option<String>,
}

impl Encoded for LockPage {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.items.iter_mut().try_for_each(|item| item.key.write_as(encoding))
    }
}
