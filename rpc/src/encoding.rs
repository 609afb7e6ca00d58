//! How bytes are written in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// How state keys and values are written, in a request and in its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// `0x` and lowercase digits; digits of either case are read.
    #[default]
    Hex,
    /// The text itself.
    Utf8,
    /// Standard base64 with padding.
    Base64,
}

/// Bytes or text that do not fit an encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodingError(pub String);

impl Encoding {
    /// The bytes that `text` stands for.
    ///
    /// # Errors
    /// If it is no text of this encoding.
    pub fn read(self, text: &str) -> Result<Vec<u8>, EncodingError> {
        match self {
            Encoding::Hex => read_hex(text),
            Encoding::Utf8 => Ok(text.as_bytes().to_vec()),
            Encoding::Base64 => {
                STANDARD.decode(text).map_err(|error| EncodingError(format!("no base64: {error}")))
            }
        }
    }

    /// The text that stands for `bytes`.
    ///
    /// # Errors
    /// If the encoding is [`Encoding::Utf8`] and the bytes are not UTF-8.
    pub fn write(self, bytes: &[u8]) -> Result<String, EncodingError> {
        match self {
            Encoding::Hex => Ok(write_hex(bytes)),
            Encoding::Base64 => Ok(STANDARD.encode(bytes)),
            Encoding::Utf8 => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| {
                let start = bytes.get(..bytes.len().min(16)).unwrap_or_default();
                EncodingError(format!("bytes that are not UTF-8: {}…", write_hex(start)))
            }),
        }
    }

    /// The name users give.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Hex => "hex",
            Encoding::Utf8 => "utf8",
            Encoding::Base64 => "base64",
        }
    }
}

/// `0x` and lowercase hex digits.
pub fn write_hex(bytes: &[u8]) -> String {
    let mut text = vec![0; 2 + bytes.len() * 2];
    if let Some((prefix, digits)) = text.split_first_chunk_mut::<2>() {
        *prefix = *b"0x";
        // The length fits by construction.
        hex::encode_to_slice(bytes, digits).unwrap_or_default();
    }
    String::from_utf8(text).unwrap_or_default()
}

/// The bytes of `0x` hex.
///
/// # Errors
/// If there is no `0x`, an odd number of digits, or something that is no digit.
pub fn read_hex(text: &str) -> Result<Vec<u8>, EncodingError> {
    let digits = text.strip_prefix("0x").ok_or_else(|| EncodingError("hex without its leading 0x".into()))?;
    hex::decode(digits).map_err(|error| EncodingError(format!("no hex: {error}")))
}

/// Bytes of state, a key or a value, with the encoding in which an answer writes them: hex unless
/// [`Blob::write_as`] says otherwise. They are read as hex, the encoding that [`crate::Client`] asks for.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Blob {
    bytes: Vec<u8>,
    encoding: Encoding,
}

impl Blob {
    /// Sets the encoding in which they are written.
    ///
    /// # Errors
    /// If they can't be written in it.
    pub fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        if encoding == Encoding::Utf8 {
            encoding.write(&self.bytes)?;
        }
        self.encoding = encoding;
        Ok(())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Blob {
        Blob { bytes, encoding: Encoding::Hex }
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Blob {
        Blob::from(bytes.to_vec())
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes))
    }
}

impl JsonSchema for Blob {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Bytes of a key or a value: lowercase 0x hex, or as the request's `encoding` says.",
        })
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.encoding.write(&self.bytes).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read_hex(&text).map(Blob::from).map_err(serde::de::Error::custom)
    }
}
