//! The JSON form of a transaction, strictly read: an unknown field, a missing one or one of the wrong kind is
//! refused with the path to it and what was expected there.

mod change;
mod read;
pub mod schema;
mod write;

pub use read::{signed_from_json, unsigned_from_json};
pub use write::{signed_to_json, unsigned_to_json};

use crate::error::RpcError;

/// Where JSON is no transaction, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {expected}")]
pub struct TransactionJsonError {
    /// The path to the part concerned, such as `tx.ops[2].value`.
    pub path: String,
    /// What was expected there, and what was found.
    pub expected: String,
}

impl From<TransactionJsonError> for RpcError {
    fn from(error: TransactionJsonError) -> RpcError {
        RpcError::BadParameter { parameter: error.path, expected: error.expected }
    }
}

#[cfg(test)]
mod tests;
