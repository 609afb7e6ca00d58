//! Faults at given times, as a scenario has them: what begins and ends when, and what is to be seen of it.

use super::attack::Lies;
use super::plan::Plan;
use super::scenario::Scenario;
use super::staged::micros;
use super::trace::Line;
use super::world::{FORGETS_AFTER, Happening, What, World};
use crate::faults::{Fault, Span};
use crate::scenario::{Load, Note, Sample, Standing, Timed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::Tick;
use witan_replica::attack::Attack;
use witan_replica::{GroupStatus, Now};
use witan_types::GroupId;
use witan_types::genesis::Parameters;

/// How long nodes have to meet before the times of a scenario count; microseconds.
const MEETING: u64 = 1_000_000;

/// Faults at given times, and all else that a scenario wants of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timetable {
    /// The scenario's file, for the command that runs it again.
    pub file: String,
    /// What goes wrong.
    pub faults: Vec<Timed>,
    /// When everything heals.
    pub lasts: Duration,
    /// When the heights of all nodes are noted.
    pub looks: BTreeSet<Duration>,
    /// What clients ask for; nothing until everything heals if there is none.
    pub load: Option<Load>,
    /// The numbers that all validators share.
    pub parameters: Parameters,
    /// Whether theory says that the chain forks: the run goes on after that, until everything heals.
    pub forks: bool,
}

impl Timetable {
    /// Who lies at some time, and how at first.
    pub(super) fn attackers(&self) -> BTreeMap<usize, Attack> {
        let mut attackers = BTreeMap::new();
        for timed in &self.faults {
            let (who, attack) = match &timed.fault {
                Fault::Twin { node, .. } => (node, Attack::Twin),
                Fault::Byzantine { node, behaviour } => (node, *behaviour),
                _ => continue,
            };
            if let Some(place) = who.place() {
                attackers.entry(usize::from(place)).or_insert(attack);
            }
        }
        attackers
    }
}

/// A moment of a timetable. Faults are named by their place in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    Begins(usize),
    Ends(usize),
    Looks,
}

/// What was seen of a timetable.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// The heights of all nodes, whenever they were wanted.
    pub samples: Vec<Sample>,
    /// What happened, in order.
    pub notes: Vec<Note>,
    /// Faults that never began, since the group whose leader they are for had none.
    pub unbegun: Vec<String>,
    /// Faults that wait for a leader.
    waiting: BTreeSet<usize>,
}

impl Scenario {
    fn timetable(&self) -> Option<&Arc<Timetable>> {
        if let Plan::Timetable(timetable) = &self.plan { Some(timetable) } else { None }
    }

    /// The numbers that a timetable wants.
    pub(super) fn timetabled_parameters(&self) -> Option<Parameters> {
        self.timetable().map(|timetable| timetable.parameters.clone())
    }

    /// The pause between two clients that a timetable wants, on average; microseconds.
    pub(super) fn client_pause_us(&self) -> Option<u64> {
        let tps = self.timetable()?.load?.tps;
        Some(1_000_000_u64.checked_div(u64::from(tps)).unwrap_or(1_000_000))
    }

    /// The share of what clients ask for that spans groups, as a timetable wants it; in percent.
    pub(super) fn across_percent(&self) -> Option<u64> {
        Some(u64::from(self.timetable()?.load?.cross_shard_percent))
    }

    /// The command that runs a timetable again.
    pub(super) fn file(&self) -> Option<&str> {
        self.timetable().map(|timetable| timetable.file.as_str())
    }
}

impl World {
    /// Whether the run goes on although a promise is broken, as it had to be.
    pub(super) fn goes_on_broken(&self) -> bool {
        self.scenario.timetable().is_some_and(|timetable| timetable.forks)
    }

    pub(super) fn begin_timetable(&mut self, timetable: &Timetable) {
        let at = |time: Duration| MEETING.saturating_add(micros(time));
        if timetable.load.is_some() {
            self.after(MEETING / 2, Happening::ClientWakes);
        }
        // At one moment it is looked at first, and an end comes before a beginning.
        for look in &timetable.looks {
            self.after(at(*look), Happening::Timetabled(Moment::Looks));
        }
        for (place, timed) in timetable.faults.iter().enumerate() {
            self.after(at(timed.until), Happening::Timetabled(Moment::Ends(place)));
        }
        for (place, timed) in timetable.faults.iter().enumerate() {
            self.after(at(timed.at), Happening::Timetabled(Moment::Begins(place)));
        }
        self.after(at(timetable.lasts), Happening::Heals);
    }

    pub(super) fn timetabled(&mut self, moment: Moment) {
        match moment {
            Moment::Begins(place) => self.timed_begins(place),
            Moment::Ends(place) => self.timed_ends(place),
            Moment::Looks => {
                let sample = self.sample();
                self.course.samples.push(sample);
            }
        }
    }

    /// Faults that wait for a leader look for one again.
    pub(super) fn look_for_leaders(&mut self) {
        for place in self.course.waiting.clone() {
            self.timed_begins(place);
        }
    }

    fn timed(&self, place: usize) -> Option<Timed> {
        self.scenario.timetable()?.faults.get(place).cloned()
    }

    fn timed_begins(&mut self, place: usize) {
        let Some(Timed { fault, .. }) = self.timed(place) else { return };
        // A line follows its leader by itself.
        let is_link = matches!(fault, Fault::Link { .. });
        let leader = |group| self.leader(group).and_then(|at| u16::try_from(at).ok());
        let resolved = if is_link { Ok(fault) } else { fault.resolve(&leader) };
        match resolved {
            Ok(fault) => {
                self.course.waiting.remove(&place);
                self.tell_course(fault.to_string());
                self.stage(place, fault);
            }
            Err(group) if self.course.waiting.insert(place) => {
                self.tell_course(format!("group {group} has no leader to hit yet"));
            }
            Err(_) => {}
        }
    }

    fn stage(&mut self, place: usize, fault: Fault) {
        match &fault {
            Fault::Twin { node, audience } => {
                let Some(first) = node.place().map(usize::from) else { return };
                let audience = audience.iter().filter_map(|who| who.place()).map(usize::from);
                self.attackers.double(first, audience.collect());
                self.follow_faults();
                self.tell_second(first);
            }
            Fault::Byzantine { node, behaviour } => {
                let Some(at) = node.place().map(usize::from) else { return };
                let lies = self.scenario.lies(at, *behaviour, &self.genesis);
                self.attackers.turn(at, lies);
                if *behaviour == Attack::Forget {
                    self.after(*FORGETS_AFTER.start(), Happening::Forgets(at));
                }
            }
            _ => {
                self.faults.staged.begin(place, fault);
                self.follow_faults();
            }
        }
    }

    /// A second that just started hears of the connections that its first has had for long.
    fn tell_second(&mut self, first: usize) {
        let Some(second) = self.attackers.twins().second(first) else { return };
        for peer in (0..self.scenario.all_nodes()).filter(|peer| *peer != first) {
            self.after_at(1_000, second, What::PeerChanged(peer));
        }
    }

    fn timed_ends(&mut self, place: usize) {
        let Some(Timed { fault, .. }) = self.timed(place) else { return };
        if self.course.waiting.remove(&place) {
            self.course.unbegun.push(fault.to_string());
            return;
        }
        match &fault {
            Fault::Twin { node, .. } => {
                let first = node.place().map(usize::from);
                first.into_iter().for_each(|first| self.attackers.double(first, BTreeSet::new()));
            }
            Fault::Byzantine { node, .. } => {
                node.place().into_iter().for_each(|at| self.attackers.turn(usize::from(at), Lies::new()));
            }
            _ => self.faults.staged.end(place),
        }
        self.tell_course(format!("over: {fault}"));
        self.follow_faults();
    }

    fn tell_course(&mut self, text: String) {
        self.trace.event(self.now_us, 0, Line::Fault(text.clone()));
        let at = Span(Duration::from_millis(self.now_us.saturating_sub(MEETING) / 1_000));
        self.course.notes.push(Note { at, text });
    }

    /// A disk that takes no write ends its node: it must not say what is not durable.
    pub(super) fn disk_ends(&mut self, at: usize) -> bool {
        let home = self.home(at);
        let Some(trouble) = self.faults.staged.fails(home) else { return false };
        self.tell_course(format!("n{home} ends, its disk {trouble}"));
        self.faults.staged.ends(home);
        self.follow_faults();
        true
    }

    /// How a group stands on a node that runs.
    fn status(&self, at: usize, group: GroupId) -> Option<GroupStatus> {
        let replica = self.nodes.get(at)?.groups.get(&group)?.replica.as_ref()?;
        Some(replica.group.status(Now { tick: Tick(Duration::ZERO), wall_ms: 0 }))
    }

    /// Whether a node takes itself for the leader of a group.
    pub(super) fn leads(&self, at: usize, group: GroupId) -> bool {
        let leader = self.status(at, group).and_then(|status| status.consensus?.leader);
        leader.is_some() && leader.map(|leader| leader.0) == self.scenario.place_in(group, at)
    }

    /// Whom those who got furthest take for the leader of a group.
    fn leader(&self, group: GroupId) -> Option<usize> {
        let engines = (0..self.scenario.nodes).filter_map(|at| self.status(at, group)?.consensus);
        let led = engines.filter_map(|engine| Some((engine.view, engine.leader?)));
        let (_, leader) = led.max_by_key(|(view, _)| *view)?;
        (0..self.scenario.nodes).find(|at| self.scenario.place_in(group, *at) == Some(leader.0))
    }

    /// How far every node that runs is in each of its groups.
    fn sample(&self) -> Sample {
        let mut standings = Vec::new();
        for at in 0..self.scenario.nodes {
            for group in self.groups_of(at) {
                let Some(status) = self.status(at, group) else { continue };
                let node = u16::try_from(at).unwrap_or(u16::MAX);
                standings.push(Standing { node, group, height: status.tip.height });
            }
        }
        let at = Span(Duration::from_millis(self.now_us.saturating_sub(MEETING) / 1_000));
        Sample { at, standings }
    }
}
