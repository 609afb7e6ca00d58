//! What subscriptions tell: the `result` of each notification.

use super::state::{Kind, ValueForms, value_fields};
use super::{BlockView, ConsensusStatusView, Encoded, ReadPoint, TransactionState, TxStatusView, ValueView};
use crate::encoding::{Blob, Encoding, EncodingError};
use crate::error::ErrorView;
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::schema::Decimal;
use witan_types::{Account, BlockId, GroupId, Height, TxId};

/// One notification of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Notification<T> {
    /// Its number in the subscription: 1, 2, 3, ...
    pub seq: u64,
    /// What it tells.
    #[serde(flatten)]
    pub told: Told<T>,
}

/// What a notification tells.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Told<T> {
    /// That nothing follows.
    Last(Last),
    /// News.
    News(T),
}

/// The last notification of a subscription that the node ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Last {
    /// Everything was told: there can be no more news.
    End,
    /// The reader took nothing for too long.
    Lagged {
        /// Always true.
        lagged: bool,
        /// What `from` takes to go on after the last news sent.
        resume_from: Vec<Position>,
    },
    /// The node can't go on.
    Error {
        /// Why.
        error: ErrorView,
        /// What `from` takes to go on after the last news sent.
        resume_from: Vec<Position>,
    },
}

/// A place in a chain: what comes next there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The group.
    pub group: GroupId,
    /// The first block that is not told to its end.
    pub height: Height,
    /// How many news of that block were told already.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub index: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(index: &u32) -> bool {
    *index == 0
}

/// The news of `chain_subscribeBlocks`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum BlockNews {
    /// A block.
    Block(FollowedBlock),
}

/// A block, and where its reader then stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FollowedBlock {
    /// The block.
    #[serde(flatten)]
    pub block: BlockView,
    /// What `from` takes to go on after it.
    pub next: Position,
}

impl Encoded for BlockNews {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        let BlockNews::Block(followed) = self;
        followed.block.write_as(encoding)
    }
}

/// The news of `tx_subscribe`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum TransactionNews {
    /// How the transaction stands now.
    Status(TxStatusView),
    /// A transaction of the account.
    Tx(AccountTransaction),
}

impl Encoded for TransactionNews {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        match self {
            TransactionNews::Status(status) => status.write_as(encoding),
            TransactionNews::Tx(_) => Ok(()),
        }
    }
}

/// A transaction that an account signed, or that transfers to it, as a block decided it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountTransaction {
    /// Its id.
    #[serde(with = "text")]
    #[schemars(with = "TxId")]
    pub tx_id: TxId,
    /// How it ended: committed, failed or aborted.
    pub status: TransactionState,
    /// Why it failed or was given up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Who signed it.
    #[serde(with = "text")]
    #[schemars(with = "Account")]
    pub signer: Account,
    /// The group that decided it.
    pub group: GroupId,
    /// The height of the block that decided it.
    pub height: Height,
    /// That block.
    #[serde(with = "text")]
    #[schemars(with = "BlockId")]
    pub block_id: BlockId,
    /// What `from` takes to go on after it.
    pub next: Position,
}

/// The news of `state_subscribe`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum StateNews {
    /// A block changed a key.
    Change(StateChange),
}

/// A key as a block left it. What several transactions of one block did to it is one change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateChange {
    /// The key.
    pub key: Blob,
    /// Its value; none if the block deleted it.
    #[serde(flatten, with = "changed_value")]
    #[schemars(with = "changed_value::Described")]
    pub value: Option<ValueView>,
    /// The version it got; 0 if the block deleted it.
    #[serde(with = "text")]
    #[schemars(with = "Decimal")]
    pub version: u128,
    /// After which block.
    #[serde(flatten)]
    pub at: ReadPoint,
    /// What `from` takes to go on after it.
    pub next: Position,
}

impl Encoded for StateNews {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        let StateNews::Change(change) = self;
        change.key.write_as(encoding)?;
        change.value.iter_mut().try_for_each(|value| value.write_as(encoding))
    }
}

/// `value` and `valueType`: `type` is the notification's.
mod changed_value {
    use super::{Deserialize, JsonSchema, Kind, Serialize, ValueForms, ValueView, value_fields};
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserializer, Serializer};
    use serde_json::Value;

    /// The same for documents.
    #[derive(JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Described {
        /// What the key holds now; null if the block deleted it.
        #[serde(rename = "value")]
        _value: Option<ValueForms>,
        /// Which kind of value it is; null if the block deleted it.
        #[serde(rename = "valueType")]
        _value_type: Option<Kind>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        value: Value,
        value_type: Value,
    }

    #[derive(Serialize, Deserialize)]
    struct Inner(#[serde(with = "value_fields")] Option<ValueView>);

    pub(super) fn serialize<S: Serializer>(value: &Option<ValueView>, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = serde_json::to_value(Inner(value.clone())).map_err(S::Error::custom)?;
        let mut take = |name: &str| fields.get_mut(name).map(Value::take).unwrap_or_default();
        Fields { value: take("value"), value_type: take("type") }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ValueView>, D::Error> {
        let Fields { value, value_type } = Fields::deserialize(from)?;
        let fields = serde_json::json!({"value": value, "type": value_type});
        serde_json::from_value(fields).map(|Inner(value)| value).map_err(D::Error::custom)
    }
}

/// The news of `consensus_subscribe`: what is different from the look before, each with how consensus stands now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ConsensusNews {
    /// Another view, or the first look.
    View(ConsensusStatusView),
    /// Another leader in the same view.
    Leader(ConsensusStatusView),
    /// More blocks are decided.
    Decided(ConsensusStatusView),
    /// More blocks are sealed.
    Sealed(ConsensusStatusView),
    /// Views end by time-out, or validators gave up on the view.
    Timeout(ConsensusStatusView),
}

impl ConsensusNews {
    /// What is new in `now` since `before`; without that, how it stands.
    pub fn since(before: Option<&ConsensusStatusView>, now: &ConsensusStatusView) -> Vec<ConsensusNews> {
        let Some(before) = before else { return vec![ConsensusNews::View(now.clone())] };
        let is_other_view = (before.epoch, before.view) != (now.epoch, now.view);
        let gave_up = now.consecutive_timeouts > before.consecutive_timeouts
            || now.timed_out.iter().any(|validator| !before.timed_out.contains(validator));
        let has_other_leader = !is_other_view && before.leader != now.leader;
        let (decided, sealed) =
            (before.decided_height != now.decided_height, before.sealed_height != now.sealed_height);
        let news = [
            gave_up.then(|| ConsensusNews::Timeout(now.clone())),
            is_other_view.then(|| ConsensusNews::View(now.clone())),
            has_other_leader.then(|| ConsensusNews::Leader(now.clone())),
            decided.then(|| ConsensusNews::Decided(now.clone())),
            sealed.then(|| ConsensusNews::Sealed(now.clone())),
        ];
        news.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
