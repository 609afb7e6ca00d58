//! What comes at the same time is judged together: a signature costs the less the more are verified at once. While little comes
//! nothing waits for others: the processor has time. Where so much comes that a batch soon is full, it is waited for.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As many transactions as are worth waiting for: with twice as many a signature costs a fifth less.
pub(crate) const FULL: usize = 256;
/// Once there are so many, no more join them.
const MOST: usize = 1_024;
/// The longest that a batch is waited for.
const PATIENCE: Duration = Duration::from_millis(60);
/// How long what comes is counted to know its pace.
const COUNTED_FOR: Duration = Duration::from_millis(250);

/// A queue whose reader takes what belongs together.
#[derive(Debug)]
pub(crate) struct Together<T> {
    waiting: Mutex<Waiting<T>>,
    /// How many transactions something brings.
    weigh: fn(&T) -> usize,
}

#[derive(Debug)]
struct Waiting<T> {
    queue: Receiver<T>,
    pace: Pace,
}

/// How many transactions come.
#[derive(Debug)]
struct Pace {
    since: Instant,
    counted: usize,
    /// Whether a full batch comes together within [`PATIENCE`], as far as was counted last.
    is_fast: bool,
}

/// A queue that holds so many, and its readers' end.
pub(crate) fn together<T>(room: usize, weigh: fn(&T) -> usize) -> (SyncSender<T>, Together<T>) {
    let (sender, queue) = sync_channel(room);
    let pace = Pace { since: Instant::now(), counted: 0, is_fast: false };
    (sender, Together { waiting: Mutex::new(Waiting { queue, pace }), weigh })
}

impl<T> Together<T> {
    /// Waits for what comes next, and gives it with what belongs to it; none once nobody can send any more. Other readers wait
    /// meanwhile.
    pub(crate) fn next(&self) -> Option<Vec<T>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { queue, pace } = &mut *waiting;
        let first = queue.recv().ok()?;
        let started = Instant::now();
        let patience = if pace.is_fast { PATIENCE } else { Duration::ZERO };
        let (mut weight, mut taken) = ((self.weigh)(&first), vec![first]);
        while weight < MOST {
            let left =
                if weight < FULL { patience.saturating_sub(started.elapsed()) } else { Duration::ZERO };
            match queue.recv_timeout(left) {
                Ok(next) => {
                    weight += (self.weigh)(&next);
                    taken.push(next);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        pace.count(weight, Instant::now());
        Some(taken)
    }
}

impl Pace {
    fn count(&mut self, weight: usize, now: Instant) {
        self.counted = self.counted.saturating_add(weight);
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed >= COUNTED_FOR {
            // Transactions x patience >= full batches x time.
            let came = self.counted as u128 * PATIENCE.as_micros();
            self.is_fast = came >= FULL as u128 * elapsed.as_micros();
            (self.since, self.counted) = (now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_together_until_it_is_much() {
        let (sender, queue) = together(8, |weight: &usize| *weight);
        for _ in 0..5 {
            sender.send(MOST / 2).unwrap();
        }
        drop(sender);
        let lengths: Vec<usize> = std::iter::from_fn(|| queue.next()).map(|taken| taken.len()).collect();
        assert_eq!(lengths, [2, 2, 1]);
    }

    #[test]
    fn a_pace_is_fast_if_a_batch_is_full_before_patience_ends() {
        let start = Instant::now();
        let mut pace = Pace { since: start, counted: 0, is_fast: false };
        let mut second = |number: u64, weight: usize| {
            pace.count(weight, start + Duration::from_secs(number));
            pace.is_fast
        };
        let enough = (FULL * 1_000).div_ceil(usize::try_from(PATIENCE.as_millis()).unwrap());
        assert!(second(1, enough) && !second(2, enough - 1) && second(3, enough) && !second(4, 0));
    }

    #[test]
    fn one_alone_waits_for_nobody_while_little_comes() {
        let (sender, queue) = together(8, |_: &u8| 1);
        sender.send(1).unwrap();
        assert_eq!(queue.next(), Some(vec![1]));
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(2).unwrap());
            assert_eq!(queue.next(), Some(vec![2]));
        });
    }
}
