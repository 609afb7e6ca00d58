//! Names of things: each its own type, so that a block id can't stand where a transaction id belongs.

use crate::hash::{Hash, ParseHashError};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::str::FromStr;

/// A block's place in its group's chain. The base block of a group (genesis) has height 0.
pub type Height = u64;

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub Hash);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseHashError;

            fn from_str(text: &str) -> Result<Self, ParseHashError> {
                text.parse().map($name)
            }
        }
    };
}

hash_id!(
    /// One network: the hash of its genesis. Part of everything that is signed.
    ChainId
);
hash_id!(
    /// The hash of a block's header.
    BlockId
);
hash_id!(
    /// The hash of the bytes a transaction's signer signs. The signature is no part of it.
    TxId
);
hash_id!(
    /// A node on the network: the ed25519 public key of its network identity (not its validator key).
    NodeId
);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, BorshSerialize, BorshDeserialize,
            serde::Serialize, serde::Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub $number);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// A group of validators with one engine, one chain, one state. 0 is the root group; user groups are 1 and up.
    GroupId(u32)
);
impl GroupId {
    /// The group that all validators run, and whose state is the configuration.
    pub const ROOT: GroupId = GroupId(0);
}

number_id!(
    /// One engine instance in the life of a group; the first is 1.
    Epoch(u64)
);
number_id!(
    /// A validator's place in its group's committee.
    ValidatorIndex(u16)
);

impl ValidatorIndex {
    /// The place as an index into the committee's list.
    pub fn at(self) -> usize {
        usize::from(self.0)
    }
}
