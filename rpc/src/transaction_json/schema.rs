//! What the JSON form of a transaction looks like, for documents: these types describe what its reader takes and its writer
//! gives, and nothing else uses them. A law (`tests.rs`) holds them to the writer.

use crate::encoding::Blob;
use crate::view::ChangeView;
use schemars::JsonSchema;
use witan_types::schema::{Decimal, Hex, SignedDecimal};
use witan_types::{Account, ChainId, TxId};

/// A transaction without its signature.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedTransaction {
    /// The network it is for.
    pub chain: ChainId,
    /// Whose it is.
    pub signer: Account,
    /// Any number below 2^64: what tells apart two transactions that are otherwise the same.
    pub salt: Decimal,
    /// When it expires, by block time.
    pub expires_at_ms: u64,
    /// What must hold before, or nothing happens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<TransactionCheck>,
    /// What happens, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ops: Vec<TransactionOp>,
}

/// A transaction with its signature.
#[derive(Debug, JsonSchema)]
pub struct SignedTransactionJson {
    /// What is signed.
    #[serde(flatten)]
    pub unsigned: UnsignedTransaction,
    /// The signer's ed25519 signature of the signing bytes.
    pub signature: Hex,
}

/// A transaction of a block, with its id.
#[derive(Debug, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockTransaction {
    /// The transaction.
    #[serde(flatten)]
    pub signed: SignedTransactionJson,
    /// Its id.
    pub tx_id: TxId,
}

/// What must hold before a transaction does anything.
#[derive(Debug, JsonSchema)]
#[serde(tag = "check", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum TransactionCheck {
    /// The key holds nothing.
    Absent {
        /// Which key.
        key: Blob,
    },
    /// The key holds something.
    Exists {
        /// Which key.
        key: Blob,
    },
    /// The key holds these bytes.
    Value {
        /// Which key.
        key: Blob,
        /// The bytes.
        value: Blob,
    },
    /// The key was last written at this version; 0 if it holds nothing.
    Version {
        /// Which key.
        key: Blob,
        /// The version.
        version: Decimal,
    },
    /// The account has at least so much.
    Balance {
        /// Whose.
        account: Account,
        /// How much.
        at_least: Decimal,
    },
}

/// What a transaction does.
#[derive(Debug, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum TransactionOp {
    /// Writes a value.
    Put {
        /// Which key.
        key: Blob,
        /// The value.
        value: Blob,
    },
    /// Removes what the key holds.
    Delete {
        /// Which key.
        key: Blob,
    },
    /// Adds an item to a list's end.
    Append {
        /// Which key.
        key: Blob,
        /// The item.
        value: Blob,
    },
    /// Adds to a counter.
    Add {
        /// Which key.
        key: Blob,
        /// How much; below zero to take away.
        delta: SignedDecimal,
    },
    /// Moves some of the signer's balance.
    Transfer {
        /// To whom.
        to: Account,
        /// How much.
        amount: Decimal,
    },
    /// Reads a key into the transaction's result.
    Get {
        /// Which key.
        key: Blob,
    },
    /// Approves a change of the configuration, as one of its operators.
    Approve {
        /// The change, whole.
        change: ChangeView,
    },
}
