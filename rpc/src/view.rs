//! What methods answer: one type an answer, written and read as JSON with camelCase names.
//!
//! Hashes and ids are `0x` hex, accounts `witan1...`, heights and counts numbers, amounts and versions decimal
//! strings, times Unix milliseconds.

mod chain;
mod configuration;
mod explain;
mod fault;
mod network;
mod node;
mod shard;
mod state;
mod transaction;

pub use chain::{
    BlockPage, BlockTransactions, BlockView, FullTransaction, GenesisView, GroupEngine, SealView, TextId,
};
pub use configuration::{ApprovalView, ChangeView, ConfigurationView, TextAccount};
pub use explain::{ExplainedGroup, Explanation, Finding};
pub use fault::{CutDirection, FaultEffect, FaultKind, FaultList, FaultStaged, FaultView, FaultsCleared};
pub use network::{
    ConsensusStatusView, Direction, MempoolStatus, MempoolView, NetInfo, PeerList, PeerView,
    ValidatorSetView, ValidatorView,
};
pub use node::{GroupStatus, Health, NodeStatus, VersionView};
pub use shard::{KeyShardView, LockMode, LockPage, LockView, ShardList, ShardView, SlotRange};
pub use state::{
    AccountView, ManyValues, PROOF_FORMAT, ProofView, ReadPoint, ScanItem, ScanPage, StateValue, ValueView,
};
pub use transaction::{
    BatchAnswer, BatchItem, Phase, PhaseView, PreparedView, ReadView, TransactionResult, TransactionState,
    TxStatusView,
};

use crate::encoding::{Encoding, EncodingError};

/// An answer that may hold state keys or values, which the request's `encoding` covers.
pub trait Encoded {
    /// Sets how they are written.
    ///
    /// # Errors
    /// If one of them can't be written so.
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError>;
}
