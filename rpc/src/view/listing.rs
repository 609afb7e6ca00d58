//! Answers about what was: transactions, versions of a key, evidence; and about what would be.

use super::state::{ValueFields, value_fields};
use super::{Encoded, ReadPoint, TransactionResult, TransactionState, ValueView};
use crate::encoding::{Blob, Encoding, EncodingError};
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::schema::{Decimal, Hex};
use witan_types::{Account, BlockId, Epoch, GroupId, Hash, Height, TxId, ValidatorIndex};

/// What an account has to do with a transaction of its list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountRole {
    /// It signed it, and may be paid by it too.
    Signer,
    /// It is paid by it.
    Recipient,
}

impl AccountRole {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            AccountRole::Signer => "signer",
            AccountRole::Recipient => "recipient",
        }
    }
}

/// A transaction that has ended, in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedTransaction {
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
    /// The group whose block decided it: of several the coordinator's.
    pub group: GroupId,
    /// That block's height.
    pub height: Height,
    /// The place of its receipt among those of the block, from 0.
    pub index: u32,
    /// That block's time.
    pub time_ms: u64,
    /// Whether that block has a seal here.
    pub sealed: bool,
    /// In a list of one account, what it has to do with the transaction.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<AccountRole>,
}

/// Transactions, newest first: the answer of `tx_list`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionPage {
    /// The transactions; those of several groups by the time of their blocks.
    pub items: Vec<ListedTransaction>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
    /// The newest block of each group that the list covers; the same on every page.
    pub at: Vec<ReadPoint>,
}

/// A version of a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    /// The value; none if the key was deleted.
    #[serde(flatten, with = "value_fields")]
    #[schemars(with = "ValueFields")]
    pub value: Option<ValueView>,
    /// When it was written; 0 if it was deleted.
    #[serde(with = "text")]
    #[schemars(with = "Decimal")]
    pub version: u128,
    /// The height of the block that did it.
    pub height: Height,
    /// That block.
    #[serde(with = "text")]
    #[schemars(with = "BlockId")]
    pub block_id: BlockId,
    /// Its time.
    pub time_ms: u64,
}

/// The versions of a key, newest first: the answer of `state_history`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    /// The versions: the newest of each block that changed the key.
    pub items: Vec<HistoryItem>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
    /// Where the read stands; the same on every page.
    #[serde(flatten)]
    pub at: ReadPoint,
}

impl Encoded for HistoryPage {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        let values = self.items.iter_mut().filter_map(|item| item.value.as_mut());
        values.into_iter().try_for_each(|value| value.write_as(encoding))
    }
}

/// What would become of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SimulatedState {
    /// It would be applied.
    Committed,
    /// It would fail, without effect.
    Failed,
    /// It would be given up, since another group than its coordinator's would refuse it.
    Aborted,
    /// It would wait: for a key that is locked, or for room.
    Deferred,
    /// It has executed before, or is pending across groups: nothing more would happen.
    Repeated,
}

impl SimulatedState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            SimulatedState::Committed => "committed",
            SimulatedState::Failed => "failed",
            SimulatedState::Aborted => "aborted",
            SimulatedState::Deferred => "deferred",
            SimulatedState::Repeated => "repeated",
        }
    }
}

/// A key that a transaction would change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteView {
    /// The key.
    pub key: Blob,
    /// What it would hold; none if it would be gone.
    #[serde(flatten, with = "value_fields")]
    #[schemars(with = "ValueFields")]
    pub value: Option<ValueView>,
    /// The group that owns it.
    pub group: GroupId,
}

/// A key that another transaction keeps it from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockedKeyView {
    /// The key.
    pub key: Blob,
    /// A transaction that holds it, or claims it since it has waited for longer.
    #[serde(with = "text")]
    #[schemars(with = "TxId")]
    pub tx_id: TxId,
    /// The group that owns the key.
    pub group: GroupId,
}

/// What would become of a transaction in the next blocks if nothing else happened: the answer of `tx_simulate`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SimulationView {
    /// Its id.
    #[serde(with = "text")]
    #[schemars(with = "TxId")]
    pub tx_id: TxId,
    /// What would become of it.
    pub status: SimulatedState,
    /// What would come out. One that waits says `LOCKED` or `NO_ROOM`. The versions of what it wrote itself are made up.
    pub result: TransactionResult,
    /// What it would change, group by group, ascending by key.
    pub writes: Vec<WriteView>,
    /// The keys that others keep it from.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub locked: Vec<LockedKeyView>,
    /// The newest block of each of its groups, on whose state its part was tried. They are no snapshot of one moment.
    pub at: Vec<ReadPoint>,
}

impl Encoded for SimulationView {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.result.write_as(encoding)?;
        for write in &mut self.writes {
            write.key.write_as(encoding)?;
            write.value.iter_mut().try_for_each(|value| value.write_as(encoding))?;
        }
        self.locked.iter_mut().try_for_each(|locked| locked.key.write_as(encoding))
    }
}

/// A message with its signature, which anyone can check with the key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedMessageView {
    /// The exact bytes that are signed, domain included.
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub message: Vec<u8>,
    /// The signature, 64 bytes, by ed25519 under ZIP-215.
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub signature: Vec<u8>,
}

/// Two messages that no honest validator signs both of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView {
    /// In which group.
    pub group: GroupId,
    /// In which epoch.
    pub epoch: Epoch,
    /// Who signed both: its place in the group's committee.
    pub validator: ValidatorIndex,
    /// Its name in genesis.
    pub name: String,
    /// The key that it signs with.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub key: Hash,
    /// What kind of conflict, such as "two votes in a round".
    pub conflict: String,
    /// The first message.
    pub first: SignedMessageView,
    /// The second.
    pub second: SignedMessageView,
    /// When this node saw the second, by its own clock.
    pub seen_ms: u64,
}

/// What this node itself caught validators signing: the answer of `consensus_evidence`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidencePage {
    /// By group, epoch, validator and kind of conflict.
    pub items: Vec<EvidenceView>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}
