//! The facts that an explanation rests on.

use crate::disk::DiskFigures;
use std::time::Duration;
use witan_types::{EngineKind, GroupId, Height};

/// A group in which work has waited so long without a block, though a quorum is reached, is stuck: longer than the time-outs
/// of a few views in a row.
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(30);
/// A node so far behind its peers is catching up, not just a block late.
const SYNCING_BLOCKS: u64 = 16;

/// How this node stands, as far as it knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Situation {
    /// This node's name.
    pub(super) node: String,
    pub(super) live: bool,
    pub(super) stopping: bool,
    /// The groups it hosts.
    pub(super) groups: Vec<GroupSituation>,
    /// The groups it does not host: only who is connected is known of them.
    pub(super) elsewhere: Vec<RemoteGroup>,
    /// How many milliseconds the clocks of other validators are ahead of this node's.
    pub(super) clocks: Vec<(String, i64)>,
    /// The difference of clocks from which votes are held back; milliseconds.
    pub(super) max_drift_ms: u64,
    pub(super) disk: DiskFigures,
    /// Locks of transactions across groups, oldest first.
    pub(super) locks: Vec<Lock>,
    /// This node's chain, shortened.
    pub(super) chain: String,
    /// Nodes of other chains that were met lately.
    pub(super) strangers: Vec<Stranger>,
    /// Faults staged here, each in words.
    pub(super) faults: Vec<String>,
}

/// How a group stands that this node hosts.
#[derive(Clone, Debug)]
pub(super) struct GroupSituation {
    pub(super) group: GroupId,
    pub(super) engine: EngineKind,
    pub(super) members: Vec<Member>,
    /// The number of members that a block needs.
    pub(super) quorum: usize,
    pub(super) height: Height,
    pub(super) sealed: Height,
    pub(super) sealed_elsewhere: Height,
    /// Sealed blocks a second lately.
    pub(super) sealed_a_second: Option<u64>,
    pub(super) view: u64,
    /// The place of who leads.
    pub(super) leader: Option<usize>,
    pub(super) timeouts: u32,
    pub(super) next_timeout_ms: Option<u64>,
    pub(super) has_work: bool,
    /// For how long work waits without a block.
    pub(super) stalled: Duration,
    /// For how long there was no block.
    pub(super) still: Duration,
    pub(super) mempool: Fill,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Whether it can be reached and votes.
    pub(super) reached: bool,
    /// Whether it is this node.
    pub(super) is_me: bool,
}

/// What waits in a mempool, and how much may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Fill {
    pub(super) transactions: usize,
    pub(super) max_transactions: usize,
    pub(super) bytes: usize,
    pub(super) max_bytes: usize,
}

/// A group that is hosted elsewhere.
#[derive(Clone, Debug)]
pub(super) struct RemoteGroup {
    pub(super) group: GroupId,
    pub(super) members: Vec<Member>,
    pub(super) quorum: usize,
}

/// Keys that a transaction has locked here.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) group: GroupId,
    /// The first key, for people.
    pub(super) key: String,
    /// How many keys more.
    pub(super) more: usize,
    pub(super) transaction: String,
    pub(super) since_height: Height,
    pub(super) age: Duration,
    /// The groups without whose word it stays.
    pub(super) awaits: Vec<GroupId>,
}

/// A node of another chain.
#[derive(Clone, Debug)]
pub(super) struct Stranger {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) address: String,
    /// Its chain, shortened; none if it speaks another version of the protocol.
    pub(super) chain: Option<String>,
    pub(super) validator: bool,
}

/// The members that are not reached, without the one that asks.
fn missing(members: &[Member]) -> Vec<&Member> {
    members.iter().filter(|member| !member.reached && !member.is_me).collect()
}

fn reached(members: &[Member]) -> usize {
    members.iter().filter(|member| member.reached).count()
}

impl GroupSituation {
    pub(super) fn missing(&self) -> Vec<&Member> {
        missing(&self.members)
    }

    pub(super) fn reached(&self) -> usize {
        reached(&self.members)
    }

    pub(super) fn has_quorum(&self) -> bool {
        self.reached() >= self.quorum
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.stalled >= STUCK_AFTER
    }

    pub(super) fn is_progressing(&self) -> bool {
        self.has_quorum() && !self.is_stuck()
    }

    /// How many blocks this node is behind, if that is more than a few.
    pub(super) fn behind(&self) -> Option<u64> {
        let behind = self.sealed_elsewhere.saturating_sub(self.sealed);
        (behind > SYNCING_BLOCKS).then_some(behind)
    }

    pub(super) fn leader_name(&self) -> Option<&str> {
        Some(&self.members.get(self.leader?)?.name)
    }

    /// Whether this node is a member that lost its vote.
    pub(super) fn lost_its_vote(&self) -> bool {
        self.members.iter().any(|member| member.is_me && !member.reached)
    }
}

impl RemoteGroup {
    pub(super) fn missing(&self) -> Vec<&Member> {
        missing(&self.members)
    }

    pub(super) fn has_quorum(&self) -> bool {
        reached(&self.members) >= self.quorum
    }
}

impl Fill {
    /// Whether as good as nothing more has room.
    pub(super) fn is_full(&self) -> bool {
        self.transactions >= self.max_transactions || self.bytes >= self.max_bytes / 20 * 19
    }
}
