//! The one wire format: borsh, which has exactly one encoding for each value, under a limit for each type.
//!
//! Everything that is hashed, signed, stored or sent is encoded here. A decoder reads from a slice whose size was
//! bounded before, refuses trailing bytes, and bounds each list and byte string by a named limit.

use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Error, ErrorKind, Read, Result as IoResult};

/// Why bytes are not an encoding of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// More bytes than any value of the type may take.
    #[error("{got} bytes, above the limit of {limit}")]
    TooLong {
        /// Bytes given.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not an encoding: cut short, too long, an unknown variant, a length above its limit.
    #[error("malformed: {0}")]
    Malformed(String),
}

/// A value with one canonical encoding of bounded length.
pub trait Wire: BorshSerialize + BorshDeserialize + Sized {
    /// The most bytes an encoding may have.
    const MAX_BYTES: usize;

    /// The canonical encoding.
    fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The value that `bytes` encode, all of them.
    ///
    /// # Errors
    /// If `bytes` are longer than `MAX_BYTES` or not the canonical encoding of a value.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(CodecError::TooLong { got: bytes.len(), limit: Self::MAX_BYTES });
        }
        Self::try_from_slice(bytes).map_err(|error| CodecError::Malformed(error.to_string()))
    }
}

/// The canonical encoding of any borsh value. Writing to memory can't fail.
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    encode_onto(value, &mut bytes);
    bytes
}

/// [`encode`], behind what `bytes` hold already.
#[expect(clippy::missing_panics_doc, reason = "a Vec takes every byte; lengths are far below u32::MAX")]
pub fn encode_onto<T: BorshSerialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) {
    match value.serialize(bytes) {
        Ok(()) => {}
        Err(error) => panic!("encoding to memory failed: {error}"),
    }
}

/// Reads a list of at most `LIMIT` items; for `#[borsh(deserialize_with = ...)]`.
///
/// # Errors
/// If the list is longer or an item malformed.
pub fn bounded<const LIMIT: usize, T: BorshDeserialize, R: Read>(reader: &mut R) -> IoResult<Vec<T>> {
    let length = read_length::<LIMIT, R>(reader)?;
    let mut items = Vec::with_capacity(length.min(1024));
    for _ in 0..length {
        items.push(T::deserialize_reader(reader)?);
    }
    Ok(items)
}

/// Reads a byte string of at most `LIMIT` bytes; for `#[borsh(deserialize_with = ...)]`.
///
/// # Errors
/// If it is longer or cut short.
pub fn bounded_bytes<const LIMIT: usize, R: Read>(reader: &mut R) -> IoResult<Vec<u8>> {
    let length = read_length::<LIMIT, R>(reader)?;
    let mut bytes = Vec::with_capacity(length.min(4096));
    let taken = reader.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    if taken != length {
        return Err(Error::new(ErrorKind::UnexpectedEof, "a byte string is cut short"));
    }
    Ok(bytes)
}

fn read_length<const LIMIT: usize, R: Read>(reader: &mut R) -> IoResult<usize> {
    let length = u32::deserialize_reader(reader)? as usize;
    if length > LIMIT {
        return Err(Error::new(ErrorKind::InvalidData, format!("a length of {length}, above {LIMIT}")));
    }
    Ok(length)
}
