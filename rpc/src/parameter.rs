//! The kinds of parameters: how each is read, described, and written by the client.

use crate::encoding::Encoding;
use crate::transaction_json::schema::{SignedTransactionJson, UnsignedTransaction};
use crate::view::{BadLine, CutDirection, FaultKind, Lie, Position, TransactionState};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::fmt;
use witan_types::schema::Hex;
use witan_types::{Account, GroupId, Height, NodeId, TxId};

/// A kind of parameter.
pub trait Parameter: Sized + Serialize {
    /// Whether a request without it is refused.
    const REQUIRED: bool = true;

    /// What a right value looks like, for people.
    fn expected() -> String;

    /// What a right value looks like, as JSON Schema.
    fn schema(generator: &mut SchemaGenerator) -> Value;

    /// Reads it; none stands for a request without it.
    ///
    /// # Errors
    /// If it is missing or not of this kind.
    fn read(raw: Option<&RawValue>) -> Result<Self, Wrong>;

    /// Whether a request is written without it.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A parameter that is not as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wrong;

/// A kind of parameter that serde reads.
macro_rules! read_by_serde {
    ($($kind:ty, $expected:expr, $schema:expr;)*) => {$(
        impl Parameter for $kind {
            fn expected() -> String {
                $expected.into()
            }

            fn schema(generator: &mut SchemaGenerator) -> Value {
                let describe: fn(&mut SchemaGenerator) -> Value = $schema;
                describe(generator)
            }

            fn read(raw: Option<&RawValue>) -> Result<Self, Wrong> {
                serde_json::from_str(raw.ok_or(Wrong)?.get()).map_err(|_| Wrong)
            }
        }
    )*};
}

read_by_serde! {
    bool, "true or false", of::<bool>;
    u32, "a whole number", of::<u32>;
    Height, "a whole number", of::<Height>;
    GroupId, "a group's number", of::<GroupId>;
    i64, "a whole number, negative or not", of::<i64>;
    FaultKind, r#""clock", "disk", "diskFull", "diskFailSync", "network", "line", "byzantine", "proposals" or "channel""#, of::<FaultKind>;
    BadLine, "an object with some of delayMs, jitterMs, lossPercent, duplicatePercent, reorderPercent, bytesPerSecond", of::<BadLine>;
    Lie, r#""mute", "equivocate", "delay", "withhold", "replay", "corrupt", "mislead-sync" or "false-shares""#, of::<Lie>;
    CutDirection, r#""both", "in" or "out""#, of::<CutDirection>;
    String, "text", of::<String>;
    Vec<String>, "an array of texts", of::<Vec<String>>;
    Encoding, r#""hex", "utf8" or "base64""#, of::<Encoding>;
    Wait, r#""accepted", "committed", "sealed" or "applied""#, of::<Wait>;
    Order, r#""asc" or "desc""#, of::<Order>;
    At, r#""latest", "sealed" or a height"#,
        |_| json!({"oneOf": [{"enum": ["latest", "sealed"]}, {"type": "integer", "minimum": 0}]});
    TransactionDetail, r#""none", "ids", "full", true (ids) or false (none)"#,
        |_| json!({"oneOf": [{"enum": ["none", "ids", "full"]}, {"type": "boolean"}]});
    IdText<TxId>, "a transaction id, 0x and 64 hex digits", of::<TxId>;
    IdText<NodeId>, "a node's id, 0x and 64 hex digits", of::<NodeId>;
    IdText<Account>, "an account, witan1...", of::<Account>;
    TxInput, "0x hex of a signed transaction, or its JSON form", transaction_schema;
    Vec<TxInput>, "an array of signed transactions",
        |generator| json!({"type": "array", "items": transaction_schema(generator)});
    Since, "a height beside group, or an array of {group, height}",
        |generator| json!({"oneOf": [of::<Height>(generator), of::<Vec<Position>>(generator)]});
    Map<String, Value>, "an unsigned transaction in JSON", of::<UnsignedTransaction>;
}

/// The schema of a type that serde derives.
fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn transaction_schema(generator: &mut SchemaGenerator) -> Value {
    json!({"oneOf": [of::<Hex>(generator), of::<SignedTransactionJson>(generator)]})
}

impl<T: Parameter> Parameter for Option<T> {
    const REQUIRED: bool = false;

    fn expected() -> String {
        T::expected()
    }

    fn schema(generator: &mut SchemaGenerator) -> Value {
        T::schema(generator)
    }

    fn read(raw: Option<&RawValue>) -> Result<Self, Wrong> {
        match raw {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(None),
            some => T::read(some).map(Some),
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// At which block a read stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum At {
    /// The last block executed here; of a group that the node does not host, the last one with a seal there.
    #[default]
    Latest,
    /// The last block with a seal here.
    Sealed,
    /// The block at this height.
    Height(Height),
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            At::Latest => serializer.serialize_str("latest"),
            At::Sealed => serializer.serialize_str("sealed"),
            At::Height(height) => serializer.serialize_u64(*height),
        }
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Height(Height),
            Name(String),
        }
        match Shape::deserialize(deserializer)? {
            Shape::Height(height) => Ok(At::Height(height)),
            Shape::Name(name) => name.parse().map_err(D::Error::custom),
        }
    }
}

impl std::str::FromStr for At {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<At, &'static str> {
        match text {
            "latest" => Ok(At::Latest),
            "sealed" => Ok(At::Sealed),
            height => height.parse().map(At::Height).map_err(|_| "expected latest, sealed or a height"),
        }
    }
}

/// Where a subscription begins: with what its reader has not seen yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Since {
    /// At this height of its one group.
    Height(Height),
    /// At these places; in other groups with the next block.
    Positions(Vec<Position>),
}

/// How far a submission waits: each step includes those before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// In a mempool; not durable.
    Accepted,
    /// Decided and executed.
    #[default]
    Committed,
    /// Provable by a seal.
    Sealed,
    /// Visible in every group it touches.
    Applied,
}

impl Wait {
    /// Whether a transaction that stands so has come this far, or never will.
    pub fn is_over(self, status: TransactionState, sealed: bool, applied: bool) -> bool {
        match (status, self) {
            (TransactionState::Unknown, _) => false,
            (_, Wait::Accepted) | (TransactionState::Aborted | TransactionState::Expired, _) => true,
            (TransactionState::Accepted | TransactionState::Pending, _) => false,
            (TransactionState::Committed | TransactionState::Failed, Wait::Committed) => true,
            (TransactionState::Committed, Wait::Applied) => applied,
            (TransactionState::Committed, Wait::Sealed) | (TransactionState::Failed, _) => sealed,
        }
    }
}

/// In which order a list comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Lowest first.
    Asc,
    /// Highest first.
    #[default]
    Desc,
}

/// How much of a block's transactions an answer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransactionDetail {
    /// Nothing.
    #[default]
    None,
    /// Their ids.
    Ids,
    /// Their JSON form.
    Full,
}

impl<'de> Deserialize<'de> for TransactionDetail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(TransactionDetail::None),
            Value::Bool(true) => Ok(TransactionDetail::Ids),
            Value::String(name) if name == "none" => Ok(TransactionDetail::None),
            Value::String(name) if name == "ids" => Ok(TransactionDetail::Ids),
            Value::String(name) if name == "full" => Ok(TransactionDetail::Full),
            _ => Err(D::Error::custom("unknown")),
        }
    }
}

/// An id or an address, written as its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdText<T>(pub T);

impl<T: fmt::Display> Serialize for IdText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::text::serialize(&self.0, serializer)
    }
}

impl<'de, T: std::str::FromStr<Err: fmt::Display>> Deserialize<'de> for IdText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::deserialize(deserializer).map(IdText)
    }
}

/// A signed transaction as given, in one of its two forms.
#[derive(Clone, PartialEq, Debug)]
pub enum TxInput {
    /// The signed bytes, read from `0x` hex.
    Bytes(Vec<u8>),
    /// Text that is no `0x` hex, and why. Kept, so that in a batch it costs the others nothing.
    NoHex(String),
    /// The JSON form, not yet read.
    Json(Map<String, Value>),
}

impl Serialize for TxInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            TxInput::Bytes(bytes) => crate::text::hex_bytes::serialize(bytes, serializer),
            TxInput::NoHex(text) => serializer.serialize_str(text),
            TxInput::Json(json) => json.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TxInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Input;
        impl<'de> Visitor<'de> for Input {
            type Value = TxInput;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&TxInput::expected())
            }

            fn visit_str<E>(self, text: &str) -> Result<TxInput, E> {
                // Straight from the request's text to bytes: this is where load arrives.
                Ok(match crate::encoding::read_hex(text) {
                    Ok(bytes) => TxInput::Bytes(bytes),
                    Err(error) => TxInput::NoHex(error.to_string()),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TxInput, A::Error> {
                Map::deserialize(MapAccessDeserializer::new(map)).map(TxInput::Json)
            }
        }
        deserializer.deserialize_any(Input)
    }
}
