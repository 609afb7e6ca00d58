//! Answers about state.

use super::Encoded;
use crate::encoding::{Blob, Encoding, EncodingError};
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use witan_types::schema::{Decimal, Hex};
use witan_types::{Account, BlockId, GroupId, Height};

/// A value of state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueView {
    /// What put wrote; text in the encoding asked for.
    Bytes(Blob),
    /// What append built, oldest first; an array of such texts.
    List(Vec<Blob>),
    /// What add counted; a decimal string.
    Counter(i128),
    /// An account's balance; a decimal string.
    Balance(u128),
}

impl ValueView {
    fn kind(&self) -> Kind {
        match self {
            ValueView::Bytes(_) => Kind::Bytes,
            ValueView::List(_) => Kind::List,
            ValueView::Counter(_) => Kind::Counter,
            ValueView::Balance(_) => Kind::Balance,
        }
    }
}

impl Encoded for ValueView {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        match self {
            ValueView::Bytes(bytes) => bytes.write_as(encoding),
            ValueView::List(items) => items.iter_mut().try_for_each(|item| item.write_as(encoding)),
            ValueView::Counter(_) | ValueView::Balance(_) => Ok(()),
        }
    }
}

impl Serialize for ValueView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ValueView::Bytes(bytes) => bytes.serialize(serializer),
            ValueView::List(items) => items.serialize(serializer),
            ValueView::Counter(count) => serializer.collect_str(count),
            ValueView::Balance(balance) => serializer.collect_str(balance),
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ValueType")]
pub(crate) enum Kind {
    Bytes,
    List,
    Counter,
    Balance,
}

/// How [`value_fields`] writes a value, for documents.
#[derive(JsonSchema)]
pub(crate) struct ValueFields {
    /// What the key holds: bytes, a list of bytes, or a decimal string; null for nothing.
    #[serde(rename = "value")]
    _value: Option<ValueForms>,
    /// Which of these it is; null for nothing.
    #[serde(rename = "type")]
    _kind: Option<Kind>,
}

/// A value as JSON has it.
#[derive(JsonSchema)]
#[serde(untagged)]
pub(crate) enum ValueForms {
    /// What `put` wrote in the encoding asked for, or a counter or a balance as a decimal string.
    #[expect(dead_code, reason = "it describes, and is never made")]
    Text(String),
    /// What `append` built, oldest first, each in the encoding asked for.
    #[expect(dead_code, reason = "it describes, and is never made")]
    List(Vec<Blob>),
}

/// `value` and `type` as two fields of the object that holds them; both null where there is no value.
pub(crate) mod value_fields {
    use super::{Blob, Deserialize, Deserializer, Kind, Serialize, Serializer, ValueView};
    use serde::de::Error as _;

    #[derive(Serialize)]
    struct Write<'a> {
        value: Option<&'a ValueView>,
        #[serde(rename = "type")]
        kind: Option<Kind>,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Shape {
        Items(Vec<Blob>),
        Text(String),
    }

    #[derive(Deserialize)]
    struct Read {
        value: Option<Shape>,
        #[serde(rename = "type")]
        kind: Option<Kind>,
    }

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<ValueView>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let value = value.as_ref();
        Write { value, kind: value.map(ValueView::kind) }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ValueView>, D::Error> {
        let Read { value, kind } = Read::deserialize(deserializer)?;
        let value = match (value, kind) {
            (None, None) => return Ok(None),
            (Some(Shape::Items(items)), Some(Kind::List)) => ValueView::List(items),
            (Some(Shape::Text(text)), Some(Kind::Bytes)) => {
                ValueView::Bytes(crate::encoding::read_hex(&text).map_err(D::Error::custom)?.into())
            }
            (Some(Shape::Text(text)), Some(Kind::Counter)) => {
                ValueView::Counter(text.parse().map_err(D::Error::custom)?)
            }
            (Some(Shape::Text(text)), Some(Kind::Balance)) => {
                ValueView::Balance(text.parse().map_err(D::Error::custom)?)
            }
            _ => return Err(D::Error::custom("a value that does not fit its type")),
        };
        Ok(Some(value))
    }
}

/// Where a read stands: after which block of which group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadPoint {
    /// The group.
    pub group: GroupId,
    /// The block's height.
    pub height: Height,
    /// The block.
    #[serde(with = "text")]
    #[schemars(with = "BlockId")]
    pub block_id: BlockId,
}

/// The format of proofs that [`ProofView::new`] makes.
pub const PROOF_FORMAT: &str = "witan-state-proof-1";

/// A proof that an offline check judges by a genesis file alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProofView {
    /// How to read the bytes.
    pub format: String,
    /// The proof.
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub bytes: Vec<u8>,
}

impl ProofView {
    /// A proof in [`PROOF_FORMAT`].
    pub fn new(bytes: Vec<u8>) -> ProofView {
        ProofView::of(PROOF_FORMAT, bytes)
    }

    /// A proof in another format.
    pub fn of(format: &str, bytes: Vec<u8>) -> ProofView {
        ProofView { format: format.into(), bytes }
    }
}

/// The value at a key: the answer of `state_get`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateValue {
    /// The key asked for.
    pub key: Blob,
    /// The value; none if the key is absent.
    #[serde(flatten, with = "value_fields")]
    #[schemars(with = "ValueFields")]
    pub value: Option<ValueView>,
    /// When it was written; 0 if the key is absent.
    #[serde(with = "text")]
    #[schemars(with = "Decimal")]
    pub version: u128,
    /// Where the read stands.
    #[serde(flatten)]
    pub at: ReadPoint,
    /// The proof, if asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proof: Option<ProofView>,
}

impl Encoded for StateValue {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.key.write_as(encoding)?;
        self.value.iter_mut().try_for_each(|value| value.write_as(encoding))
    }
}

/// One key with its value, in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanItem {
    /// The key.
    pub key: Blob,
    /// The value; none if the key is absent.
    #[serde(flatten, with = "value_fields")]
    #[schemars(with = "ValueFields")]
    pub value: Option<ValueView>,
    /// When it was written; 0 if the key is absent.
    #[serde(with = "text")]
    #[schemars(with = "Decimal")]
    pub version: u128,
}

impl Encoded for ScanItem {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.key.write_as(encoding)?;
        self.value.iter_mut().try_for_each(|value| value.write_as(encoding))
    }
}

/// Values at several keys: the answer of `state_getMany`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManyValues {
    /// In the order of the keys asked for.
    pub items: Vec<ScanItem>,
    /// Where the read stands in each group it touched.
    pub at: Vec<ReadPoint>,
}

impl Encoded for ManyValues {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.items.iter_mut().try_for_each(|item| item.write_as(encoding))
    }
}

/// A stretch of keys in order: the answer of `state_scan`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanPage {
    /// Keys with their values, ascending.
    pub items: Vec<ScanItem>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
    /// Where the read stands; the same on every page of a group.
    #[serde(flatten)]
    pub at: ReadPoint,
}

impl Encoded for ScanPage {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.items.iter_mut().try_for_each(|item| item.write_as(encoding))
    }
}

/// An account: the answer of `state_account`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Whose.
    #[serde(with = "text")]
    #[schemars(with = "Account")]
    pub account: Account,
    /// Its balance; 0 for an account never heard of.
    #[serde(with = "text")]
    #[schemars(with = "Decimal")]
    pub balance: u128,
    /// When the balance was last written; 0 if never.
    #[serde(with = "text")]
    #[schemars(with = "Decimal")]
    pub version: u128,
    /// Where the read stands.
    #[serde(flatten)]
    pub at: ReadPoint,
}
