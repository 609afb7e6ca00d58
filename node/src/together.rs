//! What comes at the same time is judged together: a signature costs the less the more are verified at once. Where the processor has
//! time, nothing waits for others. Where it is short, a batch is waited for until it is full, though not for long.

use rustix::time::{ClockId, clock_gettime};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use witan_types::NodeId;

/// As many transactions as are worth waiting for: with twice as many a signature costs hardly less.
pub(crate) const FULL: usize = 512;
/// Once there are so many, no more join them.
const MOST: usize = 1_024;
/// The longest that a batch is waited for.
const PATIENCE: Duration = Duration::from_millis(50);
/// Over how much processor time of verifying it is seen whether the processor is short.
const WATCHED_FOR: Duration = Duration::from_millis(5);
/// What was seen counts for so long: with little to verify, nothing is waited for.
pub(crate) const COUNTS_FOR: Duration = Duration::from_millis(500);

/// Where something comes from. Each lane has its own room, and each validator its own in theirs; where both lanes wait each gets half:
/// nobody keeps others out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    /// From clients of this node.
    Clients,
    /// From other validators.
    Validators,
}

/// A queue with two lanes, whose readers take what belongs together.
#[derive(Debug)]
pub(crate) struct Together<T> {
    waiting: Mutex<Waiting<T>>,
    came: Condvar,
    /// Held by the reader that gathers: others wait.
    gathering: Mutex<()>,
    /// How many transactions something brings.
    weigh: fn(&T) -> usize,
    /// Which validator it comes from.
    sender: fn(&T) -> Option<NodeId>,
    room: Room,
}

/// How many may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// In the lane of clients.
    pub(crate) clients: usize,
    /// From each validator, in theirs.
    pub(crate) each_validator: usize,
}

#[derive(Debug)]
struct Waiting<T> {
    clients: VecDeque<T>,
    validators: VecDeque<T>,
    /// How much of it comes from each validator of which something waits.
    of_each: BTreeMap<NodeId, usize>,
    entrances: usize,
    readers: usize,
    shortage: Shortage,
}

/// Whether readers get the processor when they could use it: verifying takes longer than its processor time where others have it.
#[derive(Debug, Default)]
struct Shortage {
    worked: Duration,
    processor: Duration,
    /// When it was last seen to be short, unless it was not since.
    seen: Option<Instant>,
}

/// Who takes what comes. Once all are gone nothing is let in, and what waits is dropped.
#[derive(Debug)]
pub(crate) struct Reader<T> {
    queue: Arc<Together<T>>,
}

/// One way into the queue. Once all are gone, readers get what is left, and then nothing.
#[derive(Debug)]
pub(crate) struct Entrance<T> {
    queue: Arc<Together<T>>,
    lane: Lane,
}

/// What is taken of both lanes.
struct Taken<T> {
    things: Vec<T>,
    of_clients: usize,
    of_validators: usize,
}

impl<T> Together<T> {
    /// A queue with so much room.
    pub(crate) fn new(
        room: Room,
        weigh: fn(&T) -> usize,
        sender: fn(&T) -> Option<NodeId>,
    ) -> Arc<Together<T>> {
        let waiting = Waiting {
            clients: VecDeque::new(),
            validators: VecDeque::new(),
            of_each: BTreeMap::new(),
            entrances: 0,
            readers: 0,
            shortage: Shortage::default(),
        };
        let (waiting, came, gathering) = (Mutex::new(waiting), Condvar::new(), Mutex::new(()));
        Arc::new(Together { waiting, came, gathering, weigh, sender, room })
    }

    /// A way in.
    pub(crate) fn entrance(self: &Arc<Together<T>>, lane: Lane) -> Entrance<T> {
        self.lock().entrances += 1;
        Entrance { queue: Arc::clone(self), lane }
    }

    /// A reader, for one thread.
    pub(crate) fn reader(self: &Arc<Together<T>>) -> Reader<T> {
        self.lock().readers += 1;
        Reader { queue: Arc::clone(self) }
    }

    fn next(&self) -> Option<Vec<T>> {
        let _turn = self.gathering.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.lock();
        while waiting.is_empty() {
            if waiting.entrances == 0 {
                return None;
            }
            waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let started = Instant::now();
        let mut taken = Taken { things: Vec::new(), of_clients: 0, of_validators: 0 };
        loop {
            while taken.weight() < MOST && waiting.give(&mut taken, self) {}
            let patience = waiting.shortage.patience(taken.weight(), Instant::now());
            let left = patience.saturating_sub(started.elapsed());
            if left.is_zero() || waiting.entrances == 0 {
                break;
            }
            waiting = self.came.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(taken.things)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Reader<T> {
    /// Waits for what comes next, and gives it with what belongs to it; none once nobody can send any more. Other readers wait
    /// meanwhile.
    pub(crate) fn next(&self) -> Option<Vec<T>> {
        self.queue.next()
    }

    /// Does what needs nothing but the processor: whether that is short shows in how long it takes. Says whether it showed now.
    pub(crate) fn watched(&self, work: impl FnOnce()) -> bool {
        let (began, processor) = (Instant::now(), processor_time());
        work();
        let (worked, processor) = (began.elapsed(), processor_time().saturating_sub(processor));
        self.queue.lock().shortage.watch(worked, processor, Instant::now())
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.readers -= 1;
        if waiting.readers == 0 {
            waiting.clients.clear();
            waiting.validators.clear();
            waiting.of_each.clear();
        }
    }
}

/// What this thread has used of the processor.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

impl<T> Waiting<T> {
    fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.validators.is_empty()
    }

    /// Moves one thing over, of the lane that gave less; false if nothing waits.
    fn give(&mut self, taken: &mut Taken<T>, queue: &Together<T>) -> bool {
        let are_clients_next = taken.of_clients <= taken.of_validators;
        let of_clients = match (self.clients.is_empty(), self.validators.is_empty()) {
            (true, true) => return false,
            (is_none, is_alone) => !is_none && (is_alone || are_clients_next),
        };
        let lane = if of_clients { &mut self.clients } else { &mut self.validators };
        if let Some(thing) = lane.pop_front() {
            let weight = if of_clients { &mut taken.of_clients } else { &mut taken.of_validators };
            *weight = weight.saturating_add((queue.weigh)(&thing));
            if !of_clients {
                (queue.sender)(&thing).into_iter().for_each(|sender| self.left(sender));
            }
            taken.things.push(thing);
        }
        true
    }

    /// Something of a validator waits no longer.
    fn left(&mut self, sender: NodeId) {
        if let Entry::Occupied(mut count) = self.of_each.entry(sender) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Whether one more from there fits.
    fn fits(&self, lane: Lane, sender: Option<NodeId>, room: Room) -> bool {
        let of_sender = sender.and_then(|sender| self.of_each.get(&sender)).copied().unwrap_or(0);
        match lane {
            Lane::Clients => self.clients.len() < room.clients,
            Lane::Validators => sender.is_some() && of_sender < room.each_validator,
        }
    }
}

impl<T> Taken<T> {
    fn weight(&self) -> usize {
        self.of_clients.saturating_add(self.of_validators)
    }
}

impl<T> Entrance<T> {
    /// Lets something in; false if too much from there waits, or nobody reads any more.
    pub(crate) fn offer(&self, thing: T) -> bool {
        let mut waiting = self.queue.lock();
        let sender = (self.queue.sender)(&thing);
        let fits = waiting.readers > 0 && waiting.fits(self.lane, sender, self.queue.room);
        if fits {
            match self.lane {
                Lane::Clients => waiting.clients.push_back(thing),
                Lane::Validators => {
                    sender.into_iter().for_each(|sender| *waiting.of_each.entry(sender).or_default() += 1);
                    waiting.validators.push_back(thing);
                }
            }
            self.queue.came.notify_one();
        }
        fits
    }
}

impl<T> Drop for Entrance<T> {
    fn drop(&mut self) {
        self.queue.lock().entrances -= 1;
        self.queue.came.notify_all();
    }
}

impl Shortage {
    /// How long after the first of so many transactions came the next is waited for.
    fn patience(&self, weight: usize, now: Instant) -> Duration {
        let is_short = self.seen.is_some_and(|seen| now.saturating_duration_since(seen) < COUNTS_FOR);
        if is_short && weight < FULL { PATIENCE } else { Duration::ZERO }
    }

    /// Whether that shows now that the processor is short.
    fn watch(&mut self, worked: Duration, processor: Duration, now: Instant) -> bool {
        self.worked = self.worked.saturating_add(worked);
        self.processor = self.processor.saturating_add(processor);
        if self.processor < WATCHED_FOR {
            return false;
        }
        // Two thirds of the time or more were others'.
        let is_short = self.worked >= self.processor.saturating_mul(3);
        self.seen = is_short.then_some(now);
        (self.worked, self.processor) = (Duration::ZERO, Duration::ZERO);
        is_short
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use witan_types::Hash;

    /// A queue with the same room for all clients and for the one validator that there is.
    fn queue<T>(room: usize, weigh: fn(&T) -> usize) -> Arc<Together<T>> {
        Together::new(Room { clients: room, each_validator: room }, weigh, |_| Some(validator(0)))
    }

    fn validator(place: u8) -> NodeId {
        NodeId(Hash([place; 32]))
    }

    #[test]
    fn what_waits_comes_together_until_it_is_much() {
        let queue = queue(8, |weight: &usize| *weight);
        let (entrance, queue) = (queue.entrance(Lane::Validators), queue.reader());
        assert!([MOST / 2; 5].into_iter().all(|weight| entrance.offer(weight)));
        drop(entrance);
        let lengths: Vec<usize> = std::iter::from_fn(|| queue.next()).map(|taken| taken.len()).collect();
        assert_eq!(lengths, [2, 2, 1]);
    }

    #[test]
    fn neither_lane_keeps_the_other_out() {
        let queue = queue(6, |_: &(Lane, usize)| MOST / 4);
        let both = [Lane::Clients, Lane::Validators].map(|lane| (lane, queue.entrance(lane)));
        let queue = queue.reader();
        let offered = |count| {
            let offer = |(lane, entrance): &(Lane, Entrance<_>)| {
                (0..count).filter(|number| entrance.offer((*lane, *number))).count()
            };
            both.iter().map(offer).collect::<Vec<usize>>()
        };
        assert_eq!(offered(7), [6, 6], "each lane has room of its own");
        for first in [0, 2, 4] {
            let taken = queue.next().unwrap();
            for lane in [Lane::Clients, Lane::Validators] {
                let numbers = taken.iter().filter(|(of, _)| *of == lane).map(|(_, number)| *number);
                assert_eq!(numbers.collect::<Vec<_>>(), [first, first + 1]);
            }
        }
        drop(both);
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn a_validator_that_sends_too_much_loses_its_own_alone() {
        let room = Room { clients: 1, each_validator: 4 };
        let queue = Together::new(room, |_: &(u8, usize)| 1, |(from, _)| Some(validator(*from)));
        let (entrance, queue) = (queue.entrance(Lane::Validators), queue.reader());
        let offered = |from: u8, count| (0..count).filter(|number| entrance.offer((from, *number))).count();
        assert_eq!([offered(1, 1_000), offered(2, 3), offered(3, 4)], [4, 3, 4]);
        let taken = queue.next().unwrap();
        let of = |from: u8| taken.iter().filter(|(sender, _)| *sender == from).count();
        assert_eq!([of(1), of(2), of(3)], [4, 3, 4]);
        assert_eq!([offered(1, 1_000), offered(2, 5)], [4, 4], "once it is taken there is room again");
    }

    #[test]
    fn the_processor_is_short_if_two_thirds_of_the_time_were_others() {
        let (mut shortage, start) = (Shortage::default(), Instant::now());
        let is_short = |shortage: &Shortage, now| shortage.patience(1, now) == PATIENCE;
        let mut watch = |worked: u64, processor: u64| {
            shortage.watch(Duration::from_millis(worked), Duration::from_millis(processor), start);
            is_short(&shortage, start)
        };
        assert!(!watch(59, 4), "too little to say");
        assert!(watch(1, 16) && watch(40, 4) && !watch(20, 17), "until more was seen, what was seen counts");
        assert!(watch(60, 20));
        assert_eq!(shortage.patience(FULL - 1, start), PATIENCE);
        assert_eq!(shortage.patience(FULL, start), Duration::ZERO);
        assert!(!is_short(&shortage, start + COUNTS_FOR), "what was seen long ago counts no more");
    }

    #[test]
    fn nothing_waits_for_readers_that_are_gone() {
        let queue = queue(8, |_: &Arc<()>| 1);
        let (entrance, readers, thing) =
            (queue.entrance(Lane::Clients), [queue.reader(), queue.reader()], Arc::new(()));
        assert!(entrance.offer(Arc::clone(&thing)));
        drop(readers);
        assert_eq!(Arc::strong_count(&thing), 1);
        assert!(!entrance.offer(thing));
    }

    #[test]
    fn one_alone_waits_for_nobody_where_the_processor_has_time() {
        let queue = queue(8, |_: &u8| 1);
        let (entrance, queue) = (queue.entrance(Lane::Clients), queue.reader());
        assert!(entrance.offer(1));
        assert_eq!(queue.next(), Some(vec![1]));
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(entrance.offer(2)));
            assert_eq!(queue.next(), Some(vec![2]));
        });
    }
}
