//! A scenario in real time, wherever faults can be staged.

use super::file::{Load, Scenario};
use super::seen::{Note, Sample, Standing};
use super::verdict::{Checked, Found, Verdict};
use crate::faults::{Fault, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use witan_types::GroupId;

/// A look that ends so much later than it is due says nothing of its moment. One waits 2 s for a node that stands still.
const LATE: Duration = Duration::from_secs(4);
/// How often a leader is looked for by a fault that needs one.
const WAITS: Duration = Duration::from_millis(200);

/// Where a scenario plays. Faults are named by their place in [`Scenario::faults`]; every leader in them has been
/// replaced by the node that leads, but for lines of whoever leads ([`Fault::follows_leaders`]).
pub trait Venue {
    /// Begins a fault.
    ///
    /// # Errors
    /// Why it can't, for people.
    fn begin(&mut self, place: usize, fault: &Fault) -> impl Future<Output = Result<(), String>>;

    /// Ends a fault that has begun.
    ///
    /// # Errors
    /// Why it can't, for people.
    fn end(&mut self, place: usize, fault: &Fault) -> impl Future<Output = Result<(), String>>;

    /// Ends all that is still wrong.
    ///
    /// # Errors
    /// Why it can't, for people.
    fn heal(&mut self) -> impl Future<Output = Result<(), String>>;

    /// How far every node that answers is in each of its groups.
    fn standings(&mut self) -> impl Future<Output = Vec<Standing>>;

    /// Who leads a group, as far as anyone says.
    fn leader(&mut self, group: GroupId) -> impl Future<Output = Option<u16>>;

    /// Clients come from now on.
    fn begin_load(&mut self, load: Load) -> impl Future<Output = ()>;

    /// No more clients come.
    fn end_load(&mut self) -> impl Future<Output = ()>;

    /// What the checkers say once everything has healed.
    fn check(&mut self) -> impl Future<Output = Vec<Checked>>;
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Moment {
    Looks,
    Ends(usize),
    Begins(usize),
}

/// Everything that a scenario wants done, in order. At one moment it is looked at first, since what ends or begins takes its
/// time, and an end comes before a beginning.
fn moments(scenario: &Scenario) -> Vec<(Duration, Moment)> {
    let mut moments = Vec::new();
    for (place, timed) in scenario.faults.iter().enumerate() {
        moments.push((timed.at, Moment::Begins(place)));
        moments.push((timed.until, Moment::Ends(place)));
    }
    moments.extend(scenario.looks().into_iter().map(|at| (at, Moment::Looks)));
    moments.sort_unstable();
    moments
}

/// Plays a scenario on a network whose nodes all have committed, and judges it. Each thing that happens is told at once.
pub async fn play<V: Venue>(scenario: &Scenario, venue: &mut V, tell: &mut dyn FnMut(&Note)) -> Verdict {
    let start = Instant::now();
    let mut playing = Playing {
        scenario,
        venue,
        tell,
        start,
        notes: Vec::new(),
        samples: Vec::new(),
        waiting: BTreeSet::new(),
        begun: BTreeMap::new(),
        undone: Vec::new(),
    };
    if let Some(load) = scenario.load {
        playing.venue.begin_load(load).await;
    }
    for (at, moment) in moments(scenario) {
        playing.wait_until(at).await;
        match moment {
            Moment::Begins(place) => playing.begin(place).await,
            Moment::Ends(place) => playing.end(place).await,
            Moment::Looks => playing.look(at).await,
        }
    }
    playing.wait_until(scenario.lasts).await;
    playing.finish().await
}

struct Playing<'a, V> {
    scenario: &'a Scenario,
    venue: &'a mut V,
    tell: &'a mut dyn FnMut(&Note),
    start: Instant,
    notes: Vec<Note>,
    samples: Vec<Sample>,
    /// Faults that wait for a leader.
    waiting: BTreeSet<usize>,
    /// Faults that last, with whom they hit.
    begun: BTreeMap<usize, Fault>,
    undone: Vec<String>,
}

impl<V: Venue> Playing<'_, V> {
    fn note(&mut self, text: String) {
        let note = Note { at: Span(self.start.elapsed()), text };
        (self.tell)(&note);
        self.notes.push(note);
    }

    /// Something could not be done as the scenario has it.
    fn fail(&mut self, why: String) {
        self.note(why.clone());
        self.undone.push(why);
    }

    async fn wait_until(&mut self, at: Duration) {
        let end = self.start + at;
        loop {
            let next = Instant::now() + WAITS;
            if self.waiting.is_empty() || next >= end {
                return sleep_until(end).await;
            }
            sleep_until(next).await;
            self.begin_waiting().await;
        }
    }

    /// The same fault with every leader replaced by the node that leads now; lines of whoever leads stay theirs.
    async fn resolved(&mut self, place: usize) -> Option<Result<Fault, GroupId>> {
        let fault = self.scenario.faults.get(place)?.fault.clone();
        if fault.follows_leaders() {
            return Some(Ok(fault));
        }
        let mut leaders = BTreeMap::new();
        for who in fault.named() {
            if let crate::faults::Who::Leader(group) = who {
                leaders.insert(group, self.venue.leader(group).await);
            }
        }
        Some(fault.resolve(&|group| leaders.get(&group).copied().flatten()))
    }

    async fn begin(&mut self, place: usize) {
        match self.resolved(place).await {
            Some(Ok(fault)) => {
                self.waiting.remove(&place);
                self.note(fault.to_string());
                match self.venue.begin(place, &fault).await {
                    Ok(()) => drop(self.begun.insert(place, fault)),
                    Err(why) => self.fail(format!("{fault}: {why}")),
                }
            }
            Some(Err(group)) if self.waiting.insert(place) => {
                self.note(format!("group {group} has no leader to hit yet"));
            }
            Some(Err(_)) | None => {}
        }
    }

    async fn end(&mut self, place: usize) {
        if self.waiting.remove(&place) {
            let fault = self.scenario.faults.get(place).map(|timed| timed.fault.to_string());
            return self.fail(format!("no leader was there for: {}", fault.unwrap_or_default()));
        }
        let Some(fault) = self.begun.remove(&place) else { return };
        self.note(format!("over: {fault}"));
        if let Err(why) = self.venue.end(place, &fault).await {
            self.fail(format!("{fault} does not end: {why}"));
        }
    }

    /// Begins what waited for a leader that is there by now.
    async fn begin_waiting(&mut self) {
        for place in self.waiting.clone() {
            self.begin(place).await;
        }
    }

    async fn look(&mut self, at: Duration) {
        let standings = self.venue.standings().await;
        let late = self.start.elapsed().saturating_sub(at);
        if late > LATE {
            self.fail(format!(
                "looked {} s too late to tell what was so after {} s",
                late.as_secs(),
                at.as_secs()
            ));
        }
        self.samples.push(Sample { at: Span(at), standings });
    }

    async fn finish(mut self) -> Verdict {
        self.venue.end_load().await;
        self.note("everything heals".into());
        if let Err(why) = self.venue.heal().await {
            self.fail(format!("it does not heal: {why}"));
        }
        let checks = self.venue.check().await;
        let scenario = self.scenario;
        let found = Found { expectations: scenario.judge(&self.samples), checks, undone: self.undone };
        let replay = format!("witan testnet run {} --seed {}", scenario.file, scenario.seed);
        Verdict::of(scenario, "processes", self.notes, found, replay)
    }
}
