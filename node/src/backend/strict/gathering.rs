//! Which strict reads are read together: those of the same groups that wait at the same time. One alone does not wait; while
//! another of its groups is under way it waits for that, or for a short time, so that many clients who read the same groups
//! cost a few transactions, and one that is held up does not hold up the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use witan_rpc::RpcError;
use witan_rpc::view::ManyValues;
use witan_types::transaction::MAX_OPS;
use witan_types::{GroupId, Key};

/// The longest that a read waits for others of its groups that are under way.
const GATHER: Duration = Duration::from_millis(50);

/// The groups whose keys a read is of.
pub(super) type Groups = BTreeSet<GroupId>;

/// A strict read that somebody waits for.
#[derive(Debug)]
pub(crate) struct StrictRead {
    /// Its keys, at most [`MAX_OPS`].
    pub(super) keys: Vec<Key>,
    /// Who waits.
    pub(super) answer: oneshot::Sender<Result<ManyValues, RpcError>>,
}

/// Reads that become one transaction.
#[derive(Debug)]
pub(super) struct Together {
    pub(super) groups: Groups,
    pub(super) reads: Vec<StrictRead>,
}

impl Together {
    /// Every key once.
    pub(super) fn keys(&self) -> Vec<Key> {
        let keys: BTreeSet<&Key> = self.reads.iter().flat_map(|read| &read.keys).collect();
        keys.into_iter().cloned().collect()
    }
}

/// The reads of some groups.
#[derive(Debug, Default)]
struct Lane {
    /// The oldest first, each with when it came.
    waiting: VecDeque<(Instant, StrictRead)>,
    /// How many transactions are under way.
    under_way: usize,
}

impl Lane {
    /// When the oldest goes, whatever is under way.
    fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(since, _)| *since + GATHER)
    }

    fn is_ready(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| self.under_way == 0 || due <= now)
    }

    /// The oldest that fit into one transaction.
    fn take(&mut self) -> Vec<StrictRead> {
        let (mut taken, mut keys) = (Vec::new(), BTreeSet::new());
        while let Some((_, next)) = self.waiting.front() {
            let more: BTreeSet<&Key> = next.keys.iter().filter(|key| !keys.contains(*key)).collect();
            if !taken.is_empty() && keys.len() + more.len() > MAX_OPS {
                break;
            }
            let more: Vec<Key> = more.into_iter().cloned().collect();
            keys.extend(more);
            taken.extend(self.waiting.pop_front().map(|(_, read)| read));
        }
        self.under_way += 1;
        taken
    }
}

/// All strict reads of this node that have no transaction yet.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    lanes: BTreeMap<Groups, Lane>,
}

impl Gathering {
    /// A read that just came.
    pub(super) fn add(&mut self, now: Instant, groups: Groups, read: StrictRead) {
        self.lanes.entry(groups).or_default().waiting.push_back((now, read));
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len()).sum()
    }

    /// A transaction of these groups ended.
    pub(super) fn ended(&mut self, groups: &Groups) {
        if let Some(lane) = self.lanes.get_mut(groups) {
            lane.under_way = lane.under_way.saturating_sub(1);
            if lane.under_way == 0 && lane.waiting.is_empty() {
                self.lanes.remove(groups);
            }
        }
    }

    /// What goes now. Reads that nobody waits for any more are dropped.
    pub(super) fn ready(&mut self, now: Instant) -> Vec<Together> {
        let mut ready = Vec::new();
        for (groups, lane) in &mut self.lanes {
            lane.waiting.retain(|(_, read)| !read.answer.is_closed());
            while lane.is_ready(now) {
                ready.push(Together { groups: groups.clone(), reads: lane.take() });
            }
        }
        self.lanes.retain(|_, lane| lane.under_way > 0 || !lane.waiting.is_empty());
        ready
    }

    /// When something goes next, if nothing ends before.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.lanes.values().filter_map(Lane::due).min()
    }
}

#[cfg(test)]
mod tests;
