//! Two-phase commit over consensus: the group of a transaction's first key coordinates it, and its chain is the
//! coordinator's log, so that no crash of a node blocks anything (Gray and Lamport, "Consensus on Transaction Commit",
//! 2006, section 1). Read [`coordinator`] first, then [`participant`].

mod coordinator;
mod faults;
mod message;
mod participant;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use faults::Planted;
pub use faults::PlantedFault;
pub use message::{Answer, Message, Refusal, Verdict};
pub(crate) use participant::Prepare;
pub use record::{Coordinated, CoordinatorStage, ParticipantStage, Participated};

use crate::locks::Mode;
use std::collections::BTreeMap;
use witan_types::{GroupId, Key};

/// The keys that are used of some group, with their modes.
type Modes = BTreeMap<Key, Mode>;

/// Where a transaction executes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In this group alone.
    Here,
    /// Here and in these groups, ascending; this one coordinates.
    Across(Vec<GroupId>),
    /// Another group is its first key's.
    Elsewhere,
}
