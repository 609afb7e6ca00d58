//! JSON Schemas of the names and numbers that JSON carries as text.

use crate::{Account, BlockId, ChainId, Hash, NodeId, PublicKey, TxId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Describes types that are written as text, under their names in documents.
macro_rules! written_as_text {
    ($($type:ident $name:literal $pattern:literal $about:literal;)*) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "description": $about})
            }
        }
    )*};
}

/// A whole number of any size from 0 up, as a decimal string.
#[derive(Debug)]
pub struct Decimal;

/// A whole number of any size, as a decimal string.
#[derive(Debug)]
pub struct SignedDecimal;

/// Bytes as lowercase `0x` hex.
#[derive(Debug)]
pub struct Hex;

written_as_text! {
    Decimal "Decimal" "^[0-9]+$" "A whole number of any size from 0 up, as a decimal string.";
    SignedDecimal "SignedDecimal" "^-?[0-9]+$" "A whole number of any size, as a decimal string.";
    Hex "Hex" "^0x([0-9a-f]{2})*$" "Bytes as lowercase 0x hex.";
    Hash "Hash" "^0x[0-9a-f]{64}$" "A SHA-256 hash, or a key of 32 bytes.";
    ChainId "ChainId" "^0x[0-9a-f]{64}$" "One network: the hash of its genesis.";
    BlockId "BlockId" "^0x[0-9a-f]{64}$" "The hash of a block's header.";
    TxId "TxId" "^0x[0-9a-f]{64}$" "The hash of the bytes that a transaction's signer signs.";
    NodeId "NodeId" "^0x[0-9a-f]{64}$" "The ed25519 public key of a node's network identity.";
    PublicKey "PublicKey" "^0x[0-9a-f]{64}$" "An ed25519 public key.";
    Account "Account" "^witan1[02-9ac-hj-np-z]+$" "An account: an ed25519 public key in bech32m.";
}
