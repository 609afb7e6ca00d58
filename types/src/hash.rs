//! SHA-256 and the 32-byte value it makes. Every id, root and digest of Witan is one of these.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 value: 32 bytes, shown as lowercase `0x` hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The all-zero value: "none" where a format has a fixed place for a hash.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// SHA-256 over the concatenation of `parts`. The caller makes the concatenation unambiguous: by a leading tag and
/// parts of fixed length, or by hashing an encoding.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// What a SHA-256 starts from: FIPS 180-4, 5.3.3.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The bits of a tag and two hashes.
const PAIR_BITS: u64 = 8 * (1 + 32 + 32);

/// [`sha256`] over a tag and two hashes, which most nodes of a Merkle tree are: in one call, without a hasher in between.
#[must_use]
pub fn sha256_pair(tag: u8, left: &Hash, right: &Hash) -> Hash {
    let [mut first, mut last] = [[0; 64]; 2];
    first[0] = tag;
    first[1..33].copy_from_slice(&left.0);
    first[33..].copy_from_slice(&right.0[..31]);
    last[0] = right.0[31];
    // The bit that ends the text, and how many bits it has.
    last[1] = 0x80;
    last[56..].copy_from_slice(&PAIR_BITS.to_be_bytes());
    let mut state = START;
    compress256(&mut state, &[first, last]);
    let mut hash = [0; 32];
    for (to, word) in hash.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    Hash(hash)
}

/// Text that is no 32-byte `0x` hex value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 0x and 64 hex digits, got {0:?}")]
pub struct ParseHashError(pub String);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        // As many digits as they need.
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str("0x")?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}…", hex::encode(self.0.get(..4).unwrap_or_default()))
    }
}

impl FromStr for Hash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        let bad = || ParseHashError(text.chars().take(80).collect());
        let digits = text.strip_prefix("0x").ok_or_else(bad)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| bad())?;
        Ok(Hash(bytes))
    }
}

#[cfg(test)]
mod tests;
