//! How the disk does: how long the consensus log's last syncs took.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The most syncs that count: few, so that a disk that is well again shows so soon.
const MAX_SYNCS: usize = 16;
/// Syncs longer ago say nothing of the disk now.
const LATELY: Duration = Duration::from_secs(60);

/// Watches the syncs of the disk's writers.
#[derive(Debug, Default)]
pub(crate) struct DiskWatch {
    /// How long each sync is held up, in milliseconds: a staged fault.
    delay_ms: AtomicU64,
    /// Whether the disk has no room left: a staged fault.
    full: AtomicBool,
    /// Whether syncs fail: a staged fault.
    fails: AtomicBool,
    syncs: Mutex<Syncs>,
}

#[derive(Debug, Default)]
struct Syncs {
    /// When each ended and how long it took, oldest first.
    ended: VecDeque<(Instant, Duration)>,
    under_way: Option<Instant>,
}

/// How long syncs of the consensus log took lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct DiskFigures {
    /// How many there were.
    pub(crate) syncs: usize,
    /// Half of them took at least so long.
    pub(crate) median: Duration,
    /// The longest: of so few it stands for the 99th percentile.
    pub(crate) longest: Duration,
    /// The last.
    pub(crate) last: Duration,
    /// For how long one is under way.
    pub(crate) under_way: Option<Duration>,
}

impl DiskWatch {
    /// Makes a sync of the consensus log, and notes how long it took.
    pub(crate) fn sync<T>(&self, sync: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        self.lock().under_way = Some(start);
        self.hold_up();
        let done = sync();
        let mut syncs = self.lock();
        syncs.under_way = None;
        syncs.ended.push_back((Instant::now(), start.elapsed()));
        if syncs.ended.len() > MAX_SYNCS {
            syncs.ended.pop_front();
        }
        done
    }

    /// Waits as long as a staged fault wants before a sync.
    pub(crate) fn hold_up(&self) {
        let delay = Duration::from_millis(self.delay_ms.load(Ordering::Relaxed));
        if !delay.is_zero() {
            thread::sleep(delay);
        }
    }

    /// Holds each sync up from now on.
    pub(crate) fn set_delay_ms(&self, delay_ms: u64) {
        self.delay_ms.store(delay_ms, Ordering::Relaxed);
    }

    /// Lets the disk have no room, or its syncs fail, from now on.
    pub(crate) fn break_down(&self, full: bool, fails: bool) {
        self.full.store(full, Ordering::Relaxed);
        self.fails.store(fails, Ordering::Relaxed);
    }

    /// Whether a staged fault says that the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Whether a staged fault says that syncs fail.
    pub(crate) fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// The figures now.
    pub(crate) fn figures(&self, now: Instant) -> DiskFigures {
        let syncs = self.lock();
        let lately = |at: &Instant| now.saturating_duration_since(*at) < LATELY;
        let took: Vec<Duration> =
            syncs.ended.iter().filter(|(at, _)| lately(at)).map(|(_, took)| *took).collect();
        let mut sorted = took.clone();
        sorted.sort_unstable();
        DiskFigures {
            syncs: took.len(),
            median: sorted.get(took.len() / 2).copied().unwrap_or_default(),
            longest: sorted.last().copied().unwrap_or_default(),
            last: took.last().copied().unwrap_or_default(),
            under_way: syncs.under_way.map(|since| now.saturating_duration_since(since)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Syncs> {
        self.syncs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_cover_the_last_syncs_and_the_one_under_way() {
        let (watch, start) = (DiskWatch::default(), Instant::now());
        assert_eq!(watch.figures(start), DiskFigures::default());
        let inside = watch.sync(|| watch.figures(start + Duration::from_secs(3)));
        assert!(inside.under_way.is_some_and(|since| since > Duration::from_secs(2)), "{inside:?}");
        for took in 1..=20 {
            watch.lock().ended.push_back((start, Duration::from_millis(took)));
            if watch.lock().ended.len() > MAX_SYNCS {
                watch.lock().ended.pop_front();
            }
        }
        let figures = watch.figures(start);
        let (median, last) = (Duration::from_millis(13), Duration::from_millis(20));
        assert_eq!(figures, DiskFigures { syncs: 16, median, longest: last, last, under_way: None });
        assert_eq!(watch.figures(start + LATELY).syncs, 0, "long ago");
    }
}
