//! Bad lines to peers, for rehearsing bad networks: what is sent over one is held until it is due, lost or repeated.

use crate::{Priority, ResponseToken};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use witan_types::NodeId;

/// The most messages held at a time. More are lost, as a router's queue loses them.
const MAX_HELD: usize = 1 << 16;
/// The most bytes of them.
const MAX_HELD_BYTES: usize = 64 << 20;
/// What is overtaken arrives at least so much later than in order.
const OVERTAKEN_BY: Duration = Duration::from_millis(20);

/// What a line does to what this node sends to a peer: frames, requests and answers. All that is 0 does nothing. Gossip,
/// which anyone may pass on, takes other ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Line {
    /// Everything takes this much longer.
    pub delay: Duration,
    /// And up to this much more, in order all the same.
    pub jitter: Duration,
    /// So many of 100 messages are lost.
    pub loss_percent: u8,
    /// So many of 100 frames arrive twice.
    pub duplicate_percent: u8,
    /// So many of 100 are overtaken by what is sent after them.
    pub reorder_percent: u8,
    /// At most so many bytes a second pass; 0 is no limit.
    pub bytes_per_second: u64,
}

/// What is on its way.
#[derive(Debug)]
pub(crate) enum Cargo {
    Frame(Priority, Arc<[u8]>),
    Request { id: u64, bytes: Vec<u8> },
    Answer { token: ResponseToken, bytes: Vec<u8> },
}

impl Cargo {
    fn len(&self) -> usize {
        match self {
            Cargo::Frame(_, bytes) => bytes.len(),
            Cargo::Request { bytes, .. } | Cargo::Answer { bytes, .. } => bytes.len(),
        }
    }

    /// The same once more. Requests and answers come once: libp2p pairs them.
    fn again(&self) -> Option<Cargo> {
        match self {
            Cargo::Frame(priority, frame) => Some(Cargo::Frame(*priority, Arc::clone(frame))),
            Cargo::Request { .. } | Cargo::Answer { .. } => None,
        }
    }
}

/// What became of something that was to be sent.
#[derive(Debug)]
pub(crate) enum Fate {
    /// No line is in its way: here it is back.
    Free(Cargo),
    /// It is held; `begins` says that nothing was before, so that somebody has to deliver from now on.
    Held { begins: bool },
    /// It is lost.
    Lost(Cargo),
}

/// All lines, and what they hold. Nobody pays more than a look at a flag while there is none.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    any: AtomicBool,
    inside: Mutex<Inside>,
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    lines: BTreeMap<NodeId, (Line, Course)>,
    held: BinaryHeap<Reverse<Held>>,
    bytes: usize,
    number: u64,
    /// Whether somebody delivers.
    delivers: bool,
}

#[derive(Debug)]
struct Held {
    due: Instant,
    number: u64,
    to: NodeId,
    cargo: Cargo,
}

/// What is due first.
enum Due {
    Now(NodeId, Cargo),
    At(Instant),
    Never,
}

/// How far a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Course {
    /// When the next bytes may begin to pass.
    free_at: Instant,
    /// When the last message in order arrives.
    last: Instant,
}

impl Line {
    /// When a message of so many bytes arrives: never, once, or twice. Draws are below 100.
    fn arrivals(
        &self,
        course: &mut Course,
        bytes: usize,
        now: Instant,
        draw: &mut dyn FnMut() -> u8,
    ) -> Vec<Instant> {
        if draw() < self.loss_percent {
            return Vec::new();
        }
        let mut due = now;
        if self.bytes_per_second > 0 {
            let takes = bytes as f64 / self.bytes_per_second as f64;
            course.free_at = course.free_at.max(now) + Duration::from_secs_f64(takes);
            due = course.free_at;
        }
        due += self.delay + self.jitter * u32::from(draw()) / 100;
        if draw() < self.reorder_percent {
            due += self.delay + self.jitter + OVERTAKEN_BY;
        } else {
            due = due.max(course.last);
            course.last = due;
        }
        vec![due; 1 + usize::from(draw() < self.duplicate_percent)]
    }
}

impl Lines {
    /// Replaces all lines. What they hold still arrives.
    pub(crate) fn set(&self, lines: BTreeMap<NodeId, Line>) {
        let now = Instant::now();
        let mut inside = self.lock();
        self.any.store(!lines.is_empty(), Ordering::Release);
        let earlier = std::mem::take(&mut inside.lines);
        let course =
            |node| earlier.get(&node).map_or(Course { free_at: now, last: now }, |(_, course)| *course);
        inside.lines = lines.into_iter().map(|(node, line)| (node, (line, course(node)))).collect();
    }

    /// Sends something on its way over the line to a peer, if there is one.
    pub(crate) fn enter(&self, to: NodeId, cargo: Cargo) -> Fate {
        if !self.any.load(Ordering::Acquire) {
            return Fate::Free(cargo);
        }
        let now = Instant::now();
        let mut inside = self.lock();
        let Some((line, course)) = inside.lines.get_mut(&to) else { return Fate::Free(cargo) };
        let arrivals = line.arrivals(course, cargo.len(), now, &mut || rand::random_range(0..100));
        let Some((first, again)) = arrivals.split_first() else { return Fate::Lost(cargo) };
        let second = again.first().and_then(|due| Some((*due, cargo.again()?)));
        let fate = self.hold(&mut inside, to, cargo, *first);
        if let (Fate::Held { .. }, Some((due, cargo))) = (&fate, second) {
            self.hold(&mut inside, to, cargo, due);
        }
        fate
    }

    /// Holds something for so long, whatever the line.
    pub(crate) fn hold_for(&self, to: NodeId, cargo: Cargo, lasts: Duration) -> Fate {
        self.hold(&mut self.lock(), to, cargo, Instant::now() + lasts)
    }

    fn hold(&self, inside: &mut Inside, to: NodeId, cargo: Cargo, due: Instant) -> Fate {
        if inside.held.len() >= MAX_HELD || inside.bytes.saturating_add(cargo.len()) > MAX_HELD_BYTES {
            return Fate::Lost(cargo);
        }
        inside.bytes += cargo.len();
        inside.number += 1;
        let number = inside.number;
        if inside.held.peek().is_some_and(|Reverse(first)| due < first.due) {
            self.earlier.notify_one();
        }
        inside.held.push(Reverse(Held { due, number, to, cargo }));
        Fate::Held { begins: !std::mem::replace(&mut inside.delivers, true) }
    }

    /// Waits for what is due next. None once nothing is held: then whoever holds something next has to deliver.
    pub(crate) async fn next(&self) -> Option<(NodeId, Cargo)> {
        loop {
            let due = match self.take_due(Instant::now()) {
                Due::Now(to, cargo) => return Some((to, cargo)),
                Due::At(due) => due,
                Due::Never => return None,
            };
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    fn take_due(&self, now: Instant) -> Due {
        let mut inside = self.lock();
        match inside.held.peek().map(|Reverse(first)| first.due) {
            None => {
                inside.delivers = false;
                Due::Never
            }
            Some(due) if due > now => Due::At(due),
            Some(_) => inside.held.pop().map_or(Due::Never, |Reverse(held)| {
                inside.bytes -= held.cargo.len();
                Due::Now(held.to, held.cargo)
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

#[cfg(test)]
mod tests;
