//! The ledger: what blocks do to state. Values and versions, the store it reads, the Merkle tree and its proofs,
//! execution with its receipts, and the mempool. Pure: the store is an argument.

pub mod store;
pub mod value;

pub use store::{BlockCommit, Store};
pub use value::{Entry, FailureReason, Read, Receipt, TransactionOutcome, Value, Version};
