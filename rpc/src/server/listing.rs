//! What backends and handlers tell each other of lists, and where lists go on.

use crate::view::{EvidenceView, HistoryItem, ListedTransaction, ReadPoint};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::{Epoch, GroupId, Height, SignedTransaction, Transaction, ValidatorIndex};

/// Where a list of transactions goes on in a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ListFrom {
    /// The group.
    pub group: GroupId,
    /// The newest block that the list covers.
    pub newest: Height,
    /// The height and place of the next one; none if there is no more.
    pub next: Option<(Height, u32)>,
}

/// A part of a list of transactions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionSlice {
    /// The transactions, newest first.
    pub items: Vec<ListedTransaction>,
    /// Where it goes on in each of its groups, if there is more in any.
    pub next: Option<Vec<ListFrom>>,
    /// The newest block of each of its groups that it covers.
    pub at: Vec<ReadPoint>,
}

/// Where a history goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct HistoryFrom {
    /// The newest block that it covers.
    pub newest: Height,
    /// The height of the next version.
    pub next: Height,
}

/// A part of a key's history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistorySlice {
    /// The versions, newest first.
    pub items: Vec<HistoryItem>,
    /// Where it goes on, if there is more.
    pub next: Option<HistoryFrom>,
    /// The newest block that it covers.
    pub at: ReadPoint,
}

/// Names a piece of evidence.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct EvidenceFrom {
    /// In which group.
    pub group: GroupId,
    /// In which epoch.
    pub epoch: Epoch,
    /// Against whom.
    pub validator: ValidatorIndex,
    /// What kind of conflict.
    pub conflict: String,
}

/// A part of the evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvidenceSlice {
    /// The evidence, in order.
    pub items: Vec<EvidenceView>,
    /// The first that is not in `items`, if there is more.
    pub next: Option<EvidenceFrom>,
}

/// A transaction of right form that is tried and not submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trial {
    /// With a signature, which has to be the signer's.
    Signed(SignedTransaction),
    /// Without one.
    Unsigned(Transaction),
}
