//! A naive lock table: one list of locks, judged pair by pair, and every subset of the adds tried.

use super::*;

/// What a model's value stands for: so far above the lowest of its range, or below the highest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Lowest,
    Highest,
}

/// A key with the value that is committed, as a distance from one end of its range; the other end is out of reach.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) key: Key,
    pub(super) end: End,
    pub(super) distance: i128,
}

impl Cell {
    fn is_in_range(&self, sum: i128) -> bool {
        match self.end {
            End::Lowest => self.distance + sum >= 0,
            End::Highest => self.distance + sum <= 0,
        }
    }

    pub(super) fn value(&self) -> Value {
        match (reservation::is_balance(&self.key), self.end) {
            (true, End::Lowest) => Value::Balance(self.distance.unsigned_abs()),
            (true, End::Highest) => Value::Balance(u128::MAX - self.distance.unsigned_abs()),
            (false, End::Lowest) => Value::Counter(i128::MIN + self.distance),
            (false, End::Highest) => Value::Counter(i128::MAX + self.distance),
        }
    }
}

fn number_of(delta: Delta) -> i128 {
    match delta {
        Delta::Up(amount) => i128::try_from(amount).unwrap(),
        Delta::Down(amount) => -i128::try_from(amount.get()).unwrap(),
    }
}

/// The sums of all subsets, the empty one among them.
fn subset_sums(deltas: &[i128]) -> Vec<i128> {
    deltas.iter().fold(vec![0], |sums, delta| sums.iter().flat_map(|sum| [*sum, sum + delta]).collect())
}

#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) age: Age,
    attempt: u64,
    modes: BTreeMap<Key, Mode>,
    pub(super) until_ms: u64,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) cells: Vec<Cell>,
    pub(super) held: Vec<(Key, Holder, Mode, u64)>,
    pub(super) claims: Vec<Claimed>,
}

/// What the model says of one key: who may be named as in the way.
#[derive(Debug)]
enum Judgement {
    Free,
    Met(Vec<Holder>),
    Never,
}

impl Model {
    pub(super) fn cell(&self, key: &Key) -> &Cell {
        self.cells.iter().find(|cell| cell.key == *key).unwrap()
    }

    fn held_on(&self, key: &Key) -> Vec<(Holder, Mode)> {
        self.held.iter().filter(|held| held.0 == *key).map(|held| (held.1, held.2)).collect()
    }

    fn older_on(&self, age: Age, key: &Key) -> Vec<(Holder, Mode)> {
        let older = self.claims.iter().filter(|claim| claim.age < age && claim.age.id != age.id);
        older
            .filter_map(|claim| {
                let holder = Holder { id: claim.age.id, attempt: claim.attempt };
                claim.modes.get(key).map(|mode| (holder, *mode))
            })
            .collect()
    }

    fn judge(&self, age: Age, key: &Key, mode: Mode) -> Judgement {
        let excludes = |others: &[(Holder, Mode)]| -> Vec<Holder> {
            let is_apart = |other: Mode| match (other, mode) {
                (Mode::Read, Mode::Read) | (Mode::Add(_), Mode::Add(_)) => false,
                (Mode::Read | Mode::Write | Mode::Add(_), _) => true,
            };
            others.iter().filter(|(_, other)| is_apart(*other)).map(|(holder, _)| *holder).collect()
        };
        let (held, older) = (self.held_on(key), self.older_on(age, key));
        let names = |list: &[(Holder, Mode)]| list.iter().map(|(holder, _)| *holder).collect();
        if !excludes(&held).is_empty() {
            return Judgement::Met(excludes(&held));
        }
        if let Mode::Add(delta) = mode {
            let fits = self.fits(key, number_of(delta), &held);
            if !fits.contains(&true) {
                return Judgement::Never;
            } else if fits.contains(&false) {
                return Judgement::Met(names(&held));
            }
        }
        if !excludes(&older).is_empty() {
            return Judgement::Met(names(&older));
        }
        if let Mode::Add(delta) = mode {
            let delta = number_of(delta);
            let is_waiting = |claimed| self.fits(key, claimed, &held).contains(&false);
            // Claims of the same direction count as if they were held, and none may wait yet.
            let counts = |other: &&(Holder, Mode)| match other.1 {
                Mode::Add(other) => {
                    let other = number_of(other);
                    other.signum() == delta.signum() || is_waiting(other)
                }
                Mode::Read | Mode::Write => false,
            };
            let before: Vec<_> = older.iter().filter(counts).copied().collect();
            let waits = |(_, mode): &(Holder, Mode)| match mode {
                Mode::Add(other) => is_waiting(number_of(*other)),
                Mode::Read | Mode::Write => false,
            };
            let all = [held.clone(), before.clone()].concat();
            let is_behind = before.iter().any(waits) || self.fits(key, delta, &all).contains(&false);
            if delta != 0 && is_behind {
                return Judgement::Met(names(&before));
            }
        }
        Judgement::Free
    }

    /// For each subset of the adds, whether `delta` fits on top of it.
    fn fits(&self, key: &Key, delta: i128, others: &[(Holder, Mode)]) -> Vec<bool> {
        let cell = self.cell(key);
        let deltas: Vec<i128> = others
            .iter()
            .map(|(_, mode)| if let Mode::Add(delta) = mode { number_of(*delta) } else { 0 })
            .collect();
        subset_sums(&deltas).into_iter().map(|sum| cell.is_in_range(sum + delta)).collect()
    }

    /// Takes what the table granted, or claims, and fails if the table should have said otherwise.
    pub(super) fn follow(&mut self, request: &Request, outcome: &Outcome, now_ms: u64) {
        let judged: Vec<_> =
            request.modes.iter().map(|(key, mode)| (key, self.judge(request.age(), key, *mode))).collect();
        let never = judged.iter().find(|(_, verdict)| matches!(verdict, Judgement::Never));
        let met = judged.iter().find_map(|(key, verdict)| match verdict {
            Judgement::Met(holders) => Some((*key, holders)),
            _ => None,
        });
        match (outcome, never, met) {
            (Outcome::Impossible { key, .. }, Some((never, _)), _) => assert_eq!(key, *never),
            (Outcome::Conflict { key, holder }, None, Some((met, holders))) => {
                assert_eq!(key, met);
                assert!(holders.contains(holder), "{holder:?} of {holders:?}");
            }
            (Outcome::Granted, None, None) => {}
            _ => panic!("{outcome:?}, but the model says {judged:?}"),
        }
        self.claims.retain(|claim| claim.age.id != request.holder.id);
        match outcome {
            Outcome::Granted => self
                .held
                .extend(request.modes.iter().map(|(key, mode)| (key.clone(), request.holder, *mode, now_ms))),
            Outcome::Conflict { .. } => self.claims.push(Claimed {
                age: request.age(),
                attempt: request.holder.attempt,
                modes: request.modes.clone(),
                until_ms: now_ms + 2 * TIMEOUT_MS,
            }),
            _ => {}
        }
        self.claims.sort_by_key(|claim| claim.age);
    }

    pub(super) fn release(&mut self, holder: Holder, commits: bool) -> usize {
        let before = self.held.len();
        for (key, _, mode, _) in self.held.iter().filter(|held| held.1 == holder) {
            let cell = self.cells.iter_mut().find(|cell| cell.key == *key).unwrap();
            match mode {
                Mode::Add(delta) if commits => cell.distance += number_of(*delta),
                // A write may set anything.
                Mode::Write if commits => cell.distance = 0,
                _ => {}
            }
        }
        self.held.retain(|held| held.1 != holder);
        before - self.held.len()
    }

    /// The table holds what the model holds, and whatever is decided leaves every value in its range.
    pub(super) fn agree(&mut self, table: &LockTable) {
        self.held.sort_by_key(|held| (held.0.clone(), held.1));
        let listed = table.locks().map(|held| (held.key.clone(), held.holder, held.mode, held.taken_at_ms));
        assert_eq!(listed.collect::<Vec<_>>(), self.held);
        assert!(table.claims().eq(self.claims.iter().map(|claim| claim.age)));
        for cell in &self.cells {
            assert!(self.fits(&cell.key, 0, &self.held_on(&cell.key)).iter().all(|fits| *fits), "{cell:?}");
        }
    }
}
