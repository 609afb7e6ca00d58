//! Accounts: a public key, written as bech32m with the prefix `witan`.

use crate::crypto::PublicKey;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::str::FromStr;

/// The human-readable part of an address.
const PREFIX: Hrp = Hrp::parse_unchecked("witan");

/// Who signs transactions and owns a balance: an ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Account(pub PublicKey);

/// Text that is no account address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no account address (witan1...): {why}")]
pub struct ParseAccountError {
    /// What was given, cut to 100 characters.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = bech32::encode::<Bech32m>(PREFIX, &self.0.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Account {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, ParseAccountError> {
        let refuse = |why: String| ParseAccountError { text: text.chars().take(100).collect(), why };
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse("addresses are lowercase".into()));
        }
        let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|error| refuse(error.to_string()))?;
        if checked.hrp() != PREFIX {
            return Err(refuse(format!("its prefix is {}, not witan", checked.hrp())));
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let key = bytes.try_into().map_err(|_| refuse("it does not hold 32 bytes".into()))?;
        let account = Account(PublicKey(key));
        // 52 characters carry 4 bits more than a key has: only one value of them is the account's address.
        if account.to_string() != text {
            return Err(refuse("its last character is not the one of this account's address".into()));
        }
        Ok(account)
    }
}
