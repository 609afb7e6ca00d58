//! What the loop shares with those who ask: how groups stand, proofs, and who waits for which transaction. Written by
//! the loop alone; readers never make it wait.

use crate::clock::Clock;
use crate::progress::Progress;
use crate::rehearsal::Script;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use witan_ledger::ProofWindow;
use witan_replica::{GroupStatus, Notice};
use witan_rpc::view::ReadPoint;
use witan_types::{GroupId, Height, TxId};

/// A loop that did not turn for this long counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(5);
/// Ids of expired transactions that are remembered.
const MAX_EXPIRED: usize = 100_000;
/// Transactions that clients may wait for at once.
pub(crate) const MAX_WAITED_FOR: usize = 100_000;

/// A group as its readers see it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) status: GroupStatus,
    pub(crate) progress: Progress,
    pub(crate) proofs: ProofWindow,
}

/// Shared by the loop with the threads that serve users.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The node's wall clock.
    pub(crate) clock: Clock,
    /// What it says otherwise than its replicas want.
    pub(crate) script: Script,
    started: Instant,
    beat_ms: AtomicU64,
    stopping: AtomicBool,
    voting_paused: AtomicBool,
    views: RwLock<BTreeMap<GroupId, Arc<View>>>,
    waiting: Mutex<HashMap<TxId, Vec<oneshot::Sender<()>>>>,
    expired: Mutex<Expired>,
    /// The newest flushed block of each group, since the start.
    flushed: RwLock<BTreeMap<GroupId, ReadPoint>>,
    committed: watch::Sender<BTreeMap<GroupId, Height>>,
    sealed: watch::Sender<BTreeMap<GroupId, Height>>,
}

#[derive(Debug, Default)]
struct Expired {
    ids: HashSet<TxId>,
    order: VecDeque<TxId>,
}

/// A lock whose holder panicked still guards sound data: each critical section here is one insertion or removal.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new() -> Shared {
        Shared {
            clock: Clock::default(),
            script: Script::default(),
            started: Instant::now(),
            beat_ms: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            voting_paused: AtomicBool::new(false),
            views: RwLock::default(),
            waiting: Mutex::default(),
            expired: Mutex::default(),
            flushed: RwLock::default(),
            committed: watch::Sender::new(BTreeMap::new()),
            sealed: watch::Sender::new(BTreeMap::new()),
        }
    }

    /// The loop turned.
    pub(crate) fn beat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat_ms.store(now, Ordering::Relaxed);
    }

    /// Whether the loop turned lately.
    pub(crate) fn is_live(&self) -> bool {
        let last = Duration::from_millis(self.beat_ms.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last) < DEAD_AFTER
    }

    /// The node stops: whoever waits hears that nobody will tell, while there is still somebody to answer.
    pub(crate) fn stop(&self) {
        let mut waiting = lock(&self.waiting);
        self.stopping.store(true, Ordering::Relaxed);
        waiting.clear();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether the node says nothing in consensus, as its owner wants.
    pub(crate) fn is_voting_paused(&self) -> bool {
        self.voting_paused.load(Ordering::Relaxed)
    }

    pub(crate) fn pause_voting(&self, paused: bool) {
        self.voting_paused.store(paused, Ordering::Relaxed);
    }

    pub(crate) fn publish(&self, group: GroupId, status: GroupStatus, proofs: ProofWindow) {
        let (now, height) = (Instant::now(), status.tip.height);
        let earlier = self.view(group).map(|view| view.progress.clone());
        let mut progress = earlier.unwrap_or_else(|| Progress::new(height, now));
        progress.note(height, status.sealed, status.has_work, now);
        let view = Arc::new(View { status, progress, proofs });
        self.views.write().unwrap_or_else(PoisonError::into_inner).insert(group, view);
    }

    pub(crate) fn view(&self, group: GroupId) -> Option<Arc<View>> {
        self.views.read().unwrap_or_else(PoisonError::into_inner).get(&group).cloned()
    }

    pub(crate) fn views(&self) -> Vec<Arc<View>> {
        self.views.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Wakes whoever waits for what happened.
    pub(crate) fn tell(&self, group: GroupId, notice: &Notice) {
        match notice {
            Notice::Committed(commit) => {
                let (height, block_id) = (commit.outcome.height, commit.outcome.block_id);
                let mut flushed = self.flushed.write().unwrap_or_else(PoisonError::into_inner);
                flushed.insert(group, ReadPoint { group, height, block_id });
                drop(flushed);
                self.committed.send_modify(|heights| {
                    heights.insert(group, commit.outcome.height);
                });
                self.wake(commit.receipts.iter().map(|receipt| receipt.id));
            }
            Notice::Sealed(sealed) => self.sealed.send_modify(|heights| {
                heights.insert(group, sealed.header.height);
            }),
            Notice::Expired(ids) => {
                lock(&self.expired).remember(ids);
                self.wake(ids.iter().copied());
            }
        }
    }

    fn wake(&self, ids: impl Iterator<Item = TxId>) {
        let mut waiting = lock(&self.waiting);
        for waiter in ids.filter_map(|id| waiting.remove(&id)).flatten() {
            if waiter.send(()).is_err() {
                tracing::trace!("the client hung up");
            }
        }
    }

    /// A place among those who wait for a transaction; `None` if too many wait already. While the node stops there is nobody to
    /// tell.
    pub(crate) fn wait_for(self: &Arc<Self>, id: TxId) -> Option<Waiter> {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= MAX_WAITED_FOR {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        if !self.is_stopping() {
            let waiters = waiting.entry(id).or_default();
            waiters.retain(|waiter| !waiter.is_closed());
            waiters.push(sender);
        }
        Some(Waiter { id, told: receiver, shared: Arc::clone(self) })
    }

    /// Forgets those who no longer wait for the transaction.
    fn give_up(&self, id: &TxId) {
        let mut waiting = lock(&self.waiting);
        if let Some(waiters) = waiting.get_mut(id) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
                waiting.remove(id);
            }
        }
    }

    /// Whether the transaction was seen to expire here.
    pub(crate) fn has_expired(&self, id: &TxId) -> bool {
        lock(&self.expired).ids.contains(id)
    }

    /// The newest block of a group that was flushed since the start; what is on disk may be newer by a moment.
    pub(crate) fn flushed(&self, group: GroupId) -> Option<ReadPoint> {
        self.flushed.read().unwrap_or_else(PoisonError::into_inner).get(&group).copied()
    }

    /// The newest flushed heights, and their changes.
    pub(crate) fn committed(&self) -> watch::Receiver<BTreeMap<GroupId, Height>> {
        self.committed.subscribe()
    }

    /// The newest sealed heights, and their changes.
    pub(crate) fn sealed(&self) -> watch::Receiver<BTreeMap<GroupId, Height>> {
        self.sealed.subscribe()
    }
}

/// Somebody who waits for a transaction. Dropped, however that comes, it leaves no trace.
#[derive(Debug)]
pub(crate) struct Waiter {
    id: TxId,
    told: oneshot::Receiver<()>,
    shared: Arc<Shared>,
}

impl Waiter {
    /// Returns when the transaction was executed or expired; false if nobody is left to tell.
    pub(crate) async fn wait(&mut self) -> bool {
        (&mut self.told).await.is_ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.told.close();
        self.shared.give_up(&self.id);
    }
}

impl Expired {
    fn remember(&mut self, ids: &[TxId]) {
        for id in ids {
            if self.ids.insert(*id) {
                self.order.push_back(*id);
            }
        }
        while self.order.len() > MAX_EXPIRED {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use witan_types::Hash;

    #[test]
    fn whoever_stops_waiting_leaves_no_trace() {
        let shared = Arc::new(Shared::new());
        let id = TxId(Hash([1; 32]));
        let (first, second) = (shared.wait_for(id).unwrap(), shared.wait_for(id).unwrap());
        drop(first);
        assert_eq!(lock(&shared.waiting).get(&id).map(Vec::len), Some(1), "the other one still waits");
        drop(second);
        assert!(lock(&shared.waiting).is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_on_a_node_that_stops_hears_that_nobody_will_tell() {
        let shared = Arc::new(Shared::new());
        let mut before = shared.wait_for(TxId(Hash([1; 32]))).unwrap();
        shared.stop();
        let mut after = shared.wait_for(TxId(Hash([2; 32]))).unwrap();
        assert!(!before.wait().await && !after.wait().await);
        assert!(lock(&shared.waiting).is_empty());
    }
}
