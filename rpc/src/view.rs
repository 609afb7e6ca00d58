//! What methods answer: one type an answer, written and read as JSON with camelCase names.
//!
//! Hashes and ids are `0x` hex, accounts `witan1...`, heights and counts numbers, amounts and versions decimal
//! strings, times Unix milliseconds.

mod admin;
mod chain;
mod configuration;
mod explain;
mod fault;
mod listing;
mod network;
mod news;
mod node;
mod proofs;
mod shard;
mod state;
mod transaction;

pub use admin::{LogFilter, PeerChange, Stopping, Voting};
pub use chain::{
    BlockPage, BlockTransactions, BlockView, FullTransaction, GenesisView, GroupEngine, SealView, TextId,
};
pub use configuration::{ApprovalView, ChangeView, ConfigurationView, TextAccount};
pub use explain::{ExplainedGroup, Explanation, Finding};
pub use fault::{
    BadLine, CutDirection, FaultEffect, FaultKind, FaultList, FaultStaged, FaultView, FaultsCleared, Lie,
};
pub use listing::{
    AccountRole, EvidencePage, EvidenceView, HistoryItem, HistoryPage, ListedTransaction, LockedKeyView,
    SignedMessageView, SimulatedState, SimulationView, TransactionPage, WriteView,
};
pub use network::{
    ConsensusStatusView, Direction, MempoolStatus, MempoolView, NetInfo, PeerList, PeerView,
    ValidatorSetView, ValidatorView,
};
pub use news::{
    AccountTransaction, BlockNews, ConsensusNews, FollowedBlock, Last, Notification, Position, StateChange,
    StateNews, Told, TransactionNews,
};
pub use node::{GroupStatus, Health, NodeStatus, VersionView};
pub use proofs::{
    EPOCH_PROOF_FORMAT, EpochMemberView, EpochView, HexBytes, LightBlockView, OUTCOME_PROOF_FORMAT,
    SLOT_PROOF_FORMAT, SlotView,
};
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
