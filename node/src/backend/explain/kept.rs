//! What is costly to collect is kept for a moment: whoever asks meanwhile is told the same.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it is kept: nobody who reads an explanation sees a difference.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// Something that was collected, and when.
pub(super) struct Kept<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::new(None))
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was collected lately")
    }
}

impl<T: Clone> Kept<T> {
    /// What was collected lately; else it is collected now, while others who ask wait for that.
    pub(super) fn get(&self, now: Instant, collect: impl FnOnce() -> T) -> T {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, known)) = &*kept
            && now.saturating_duration_since(*since) < KEPT_FOR
        {
            return known.clone();
        }
        let collected = collect();
        *kept = Some((now, collected.clone()));
        collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_collected_once_for_all_who_ask_within_a_moment() {
        let (kept, start) = (Kept::default(), Instant::now());
        let almost = start + KEPT_FOR - Duration::from_millis(1);
        assert_eq!(kept.get(start, || 1), 1);
        assert_eq!(kept.get(almost, || 2), 1);
        assert_eq!(kept.get(start + KEPT_FOR, || 3), 3);
        assert_eq!(kept.get(almost, || 4), 3, "who asked before and came late hears the newest");
    }
}
