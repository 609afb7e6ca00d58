//! Twins, enumerated: a committee of four, one of whom runs twice with one key. In each phase the five instances stand in
//! two rooms; letters are read within a room at once, and from the other room once a later phase brings both together. Every
//! way to choose the twin and the rooms of each phase is played, so every leader of the rounds is the liar once.
//!
//! Of ways that differ by the names of the two twins alone, one is played.
//!
//! Source: Bano et al., "Twins: BFT Systems Made Robust" (OPODIS 2021).

use super::stage::{Letter, Stage, Staged};

/// Members of the committee.
const SIZE: usize = 4;
/// The second instance of the twin.
const SECOND: usize = SIZE;

/// The second room of each instance, or not; instance 0 is always in the first.
type Rooms = [bool; SIZE + 1];

/// Which ways to part the five instances are played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Partings {
    /// All sixteen.
    All,
    /// The eight in which the twins stand in different rooms, and everyone in one room.
    OfTwins,
}

impl Partings {
    fn rooms(self, twin: usize) -> Vec<Rooms> {
        let all =
            (0..16_u8).map(|bits| std::array::from_fn(|place| place > 0 && bits >> (place - 1) & 1 == 1));
        let played = |rooms: &Rooms| {
            self == Partings::All || rooms[twin] != rooms[SECOND] || *rooms == [false; SIZE + 1]
        };
        all.filter(played).collect()
    }
}

/// Which schedules are played.
#[derive(Clone, Copy, Debug)]
pub struct Schedules<'a> {
    /// For each phase, how often letters are delivered before those who did not get on give up. Fewer than an engine's
    /// view needs part the members in its midst.
    pub waves: &'a [usize],
    /// How often letters are delivered after that, in the same rooms.
    pub after: usize,
    /// Who may stand where.
    pub partings: Partings,
}

/// What was played.
#[derive(Clone, Copy, Default, Debug)]
pub struct Played {
    /// Schedules played to their end.
    pub schedules: usize,
    /// Those after which an honest member has decided something.
    pub decided: usize,
    /// Those that forked the chain.
    pub forked: usize,
}

/// Plays every one of these schedules, with a fault planted in every member or none.
pub fn play_all<E: Staged + Clone>(schedules: Schedules<'_>, fault: Option<E::Fault>) -> Played {
    let mut played = Played::default();
    for twin in 0..SIZE {
        let stage = Stage::<E>::with_twin(SIZE, twin, fault);
        play(&stage, (twin, &schedules.partings.rooms(twin)), schedules, true, &mut played);
    }
    played
}

/// Plays every continuation. While `alike`, nothing has told the twins apart yet.
fn play<E: Staged + Clone>(
    stage: &Stage<E>,
    (twin, partings): (usize, &[Rooms]),
    schedules: Schedules<'_>,
    alike: bool,
    played: &mut Played,
) {
    let next_phase = schedules.waves.split_first().filter(|_| !forked(stage, twin));
    let Some((waves, later)) = next_phase else {
        played.schedules += 1;
        played.forked += usize::from(forked(stage, twin));
        played.decided += usize::from(honest(twin).any(|place| !stage.decided(place).is_empty()));
        return;
    };
    for rooms in partings {
        let mirrored = swapped(*rooms, twin);
        if alike && *rooms > mirrored {
            continue;
        }
        let mut next = stage.clone();
        phase(&mut next, *rooms, (*waves, schedules.after));
        let schedules = Schedules { waves: later, ..schedules };
        play(&next, (twin, partings), schedules, alike && *rooms == mirrored, played);
    }
}

/// The same rooms with the twins' names swapped; instance 0 is in the first room again.
fn swapped(rooms: Rooms, twin: usize) -> Rooms {
    let mut rooms = rooms;
    rooms.swap(twin, SECOND);
    let first = rooms[0];
    rooms.map(|room| room != first)
}

fn phase<E: Staged>(stage: &mut Stage<E>, rooms: Rooms, (before, after): (usize, usize)) {
    let reached = |stage: &Stage<E>, place| (stage.status(place).view, stage.status(place).decided);
    let started: Vec<_> = (0..=SIZE).map(|place| reached(stage, place)).collect();
    (0..before).for_each(|_| wave(stage, rooms));
    // Whoever did not get on gives up.
    for (place, started) in started.into_iter().enumerate() {
        if reached(stage, place) == started {
            stage.fire_timers(place);
        }
    }
    (0..after).for_each(|_| wave(stage, rooms));
}

/// Delivers what lies there, and not yet what comes of it.
fn wave<E: Staged>(stage: &mut Stage<E>, rooms: Rooms) {
    let together = |letter: &Letter<E::Message>| rooms[letter.from] == rooms[letter.to];
    let (read, kept) = std::mem::take(&mut stage.pool).into_iter().partition(together);
    stage.pool = kept;
    for Letter { from, to, message } in read {
        stage.say(from, to, message);
    }
}

fn honest(twin: usize) -> impl Iterator<Item = usize> {
    (0..SIZE).filter(move |place| *place != twin)
}

/// Whether two honest members have decided different blocks at one height.
fn forked<E: Staged>(stage: &Stage<E>, twin: usize) -> bool {
    let mut chain = std::collections::BTreeMap::new();
    let decided = honest(twin).flat_map(|place| stage.decided(place));
    decided.into_iter().any(|block| *chain.entry(block.header.height).or_insert(block.id()) != block.id())
}
