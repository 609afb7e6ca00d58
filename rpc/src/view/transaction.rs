//! Answers about transactions.

use super::state::{ValueFields, value_fields};
use super::{Encoded, ProofView, ValueView};
use crate::encoding::{Blob, Encoding, EncodingError};
use crate::error::ErrorView;
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::schema::{Decimal, Hex};
use witan_types::{GroupId, Height, TxId};

/// How far a transaction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransactionState {
    /// Never heard of here, or forgotten.
    Unknown,
    /// In a mempool. Not durable.
    Accepted,
    /// Decided to be tried across groups; the outcome is open.
    Pending,
    /// Executed, with effect.
    Committed,
    /// Executed, without effect: a check did not hold, a balance was too low, ...
    Failed,
    /// A cross-group one that was given up.
    Aborted,
    /// Its time passed, and it was not executed.
    Expired,
}

impl TransactionState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            TransactionState::Unknown => "unknown",
            TransactionState::Accepted => "accepted",
            TransactionState::Pending => "pending",
            TransactionState::Committed => "committed",
            TransactionState::Failed => "failed",
            TransactionState::Aborted => "aborted",
            TransactionState::Expired => "expired",
        }
    }

    /// Whether a block decided it.
    pub fn is_executed(self) -> bool {
        match self {
            TransactionState::Committed | TransactionState::Failed | TransactionState::Aborted => true,
            TransactionState::Unknown
            | TransactionState::Accepted
            | TransactionState::Pending
            | TransactionState::Expired => false,
        }
    }

    /// Whether it can't change any more.
    pub fn is_final(self) -> bool {
        match self {
            TransactionState::Unknown | TransactionState::Accepted | TransactionState::Pending => false,
            TransactionState::Committed
            | TransactionState::Failed
            | TransactionState::Aborted
            | TransactionState::Expired => true,
        }
    }
}

/// How a transaction stands: the answer of `tx_get` and `tx_submit`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxStatusView {
    /// Its id.
    #[serde(with = "text")]
    #[schemars(with = "TxId")]
    pub tx_id: TxId,
    /// How far it is.
    pub status: TransactionState,
    /// What came out, once executed or given up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<TransactionResult>,
    /// The group whose block decided it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<GroupId>,
    /// That block's height.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub height: Option<Height>,
    /// Whether that block has a seal here: the outcome is provable.
    pub sealed: bool,
    /// Whether it is over in every group it touches, as this node has executed: an effect is visible in all of them.
    pub applied: bool,
    /// For a cross-group one, how it stands in each group, the coordinator first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub phases: Vec<PhaseView>,
    /// The proof of how it ended in every group it touches, if asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proof: Option<ProofView>,
}

impl TxStatusView {
    /// A transaction that is not in a block.
    pub fn outside_blocks(tx_id: TxId, status: TransactionState) -> TxStatusView {
        TxStatusView {
            tx_id,
            status,
            result: None,
            group: None,
            height: None,
            sealed: false,
            applied: false,
            phases: Vec::new(),
            proof: None,
        }
    }
}

impl Encoded for TxStatusView {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.result.iter_mut().try_for_each(|result| result.write_as(encoding))
    }
}

impl Encoded for TransactionResult {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        for read in &mut self.reads {
            read.key.write_as(encoding)?;
            read.value.iter_mut().try_for_each(|value| value.write_as(encoding))?;
        }
        Ok(())
    }
}

/// What came out of a transaction.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionResult {
    /// Why it failed or was given up: `CHECK_FAILED`, `INSUFFICIENT_BALANCE`, `CONFLICT`, ...
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What its gets returned, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reads: Vec<ReadView>,
}

/// What a get returned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadView {
    /// The key.
    pub key: Blob,
    /// The value; none if the key was absent.
    #[serde(flatten, with = "value_fields")]
    #[schemars(with = "ValueFields")]
    pub value: Option<ValueView>,
    /// When it was written; 0 if the key was absent.
    #[serde(with = "text")]
    #[schemars(with = "Decimal")]
    pub version: u128,
}

/// How a transaction across groups stands in one of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseView {
    /// The group.
    pub group: GroupId,
    /// Its newest step.
    pub phase: Phase,
    /// The height of the block that took it; none if there is none yet, or the group has forgotten it.
    pub height: Option<Height>,
}

/// A step of a transaction in one of its groups. The coordinator is the group of its first key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// At the coordinator: the other groups are asked, and the outcome is open.
    Pending,
    /// At the coordinator: decided, with effect.
    Committed,
    /// At the coordinator: it failed there, without effect.
    Failed,
    /// At the coordinator: given up, without effect.
    Aborted,
    /// At another group: it was asked, and has not answered.
    Asked,
    /// At another group: its part can be applied, and its keys are locked until the decision.
    Prepared,
    /// At another group: its part can't be applied now, and nothing is locked.
    Refused,
    /// At another group: its part is visible.
    Applied,
    /// At another group: given up, and nothing is locked.
    Released,
}

impl Phase {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Committed => "committed",
            Phase::Failed => "failed",
            Phase::Aborted => "aborted",
            Phase::Asked => "asked",
            Phase::Prepared => "prepared",
            Phase::Refused => "refused",
            Phase::Applied => "applied",
            Phase::Released => "released",
        }
    }
}

/// What to sign: the answer of `tx_prepare`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreparedView {
    /// The exact bytes to sign with ed25519.
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub signing_bytes: Vec<u8>,
    /// The id: the SHA-256 of those bytes.
    #[serde(with = "text")]
    #[schemars(with = "TxId")]
    pub tx_id: TxId,
}

/// The answer of `tx_submitBatch`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// One a transaction, in the order given.
    pub items: Vec<BatchItem>,
}

/// What became of one transaction of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BatchItem {
    /// It was taken.
    #[serde(rename_all = "camelCase")]
    Taken {
        /// Its id.
        #[serde(with = "text")]
        #[schemars(with = "TxId")]
        tx_id: TxId,
        /// How far it is.
        status: TransactionState,
    },
    /// It was refused; the others were not.
    Refused {
        /// Why: what `tx_submit` would have answered.
        error: ErrorView,
    },
}
