//! What theory expects of a network under faults: who has a quorum, who goes on, and whether a chain may fork. Told before
//! a fault is staged, so that what happens then can prove it wrong.
//!
//! Sources: Castro and Liskov, "Practical Byzantine Fault Tolerance" (OSDI 1999), section 2; Ongaro and Ousterhout, "In
//! Search of an Understandable Consensus Algorithm" (ATC 2014), section 5; Dwork, Lynch and Stockmeyer, "Consensus in
//! the Presence of Partial Synchrony" (JACM 1988).

use super::reach::Reach;
use super::{DiskTrouble, Fault, Line, Who, millis};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use witan_replica::attack::Attack;
use witan_types::{Committee, EngineKind, FaultModel, GroupId, PublicKey};

/// A line that loses more than this share of messages, in percent, may keep a group from ever finishing a view.
const HEAVY_LOSS_PERCENT: u8 = 50;
/// A block takes about this many messages one after another.
const HOPS: u32 = 4;

/// What theory has to know of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Members {
    /// Which group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// The places of its members.
    pub places: Vec<u16>,
}

/// What theory has to know of a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its groups.
    pub groups: Vec<Members>,
    /// How many nodes there are.
    pub nodes: u16,
    /// The longest time-out of a view.
    pub max_timeout: Duration,
    /// How far a block's time may be ahead of a voter's clock.
    pub max_drift: Duration,
    /// After how long a transaction across groups is given up.
    pub prepare_timeout: Duration,
}

/// Whether a group makes blocks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It does.
    GoesOn,
    /// It does, with time-outs and retries between.
    GoesOnSlowly,
    /// It may or may not: chance decides.
    MayHalt,
    /// It does not.
    Halts,
}

/// Whether two nodes may hold different blocks at a height.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forks {
    /// Never.
    Never,
    /// The engine does not promise that they don't.
    Possible,
}

/// What theory expects of one group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupTheory {
    /// Which group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// How many members it has.
    pub members: usize,
    /// How many of them decide.
    pub quorum: usize,
    /// How many faulty ones it withstands.
    pub max_faulty: usize,
    /// The most honest members that all hear each other.
    pub together: Vec<String>,
    /// Whether it makes blocks.
    pub progress: Progress,
    /// Whether it may fork.
    pub forks: Forks,
    /// Why, in a sentence.
    pub why: String,
}

/// What theory expects.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Theory {
    /// One a group.
    pub groups: Vec<GroupTheory>,
    /// What else is to be expected: of nodes, of transactions across groups.
    pub notes: Vec<String>,
}

impl Theory {
    /// What to expect of a network while these faults last. Leaders have been resolved; one that is not is nobody.
    pub fn of(setting: &Setting, faults: &[Fault]) -> Theory {
        let world = World::under(setting, faults);
        Theory {
            groups: setting.groups.iter().map(|group| world.judge(group)).collect(),
            notes: faults.iter().filter_map(|fault| note(setting, fault)).collect(),
        }
    }

    /// Whether theory promises that no chain forks.
    pub fn is_safe(&self) -> bool {
        self.groups.iter().all(|group| group.forks == Forks::Never)
    }
}

/// Who does what under the faults.
struct World<'a> {
    setting: &'a Setting,
    /// Nodes that say nothing, or nothing that counts.
    silent: BTreeSet<u16>,
    /// Nodes that lie; they may also help.
    liars: BTreeSet<u16>,
    reach: Reach,
    lines: Vec<(BTreeSet<u16>, Line)>,
    /// How late whoever leads a group is heard.
    late_leaders: BTreeMap<GroupId, Duration>,
}

impl World<'_> {
    fn under<'a>(setting: &'a Setting, faults: &[Fault]) -> World<'a> {
        let places = |whos: &[Who]| whos.iter().filter_map(|who| who.place()).collect::<BTreeSet<u16>>();
        let mut world = World {
            setting,
            silent: BTreeSet::new(),
            liars: BTreeSet::new(),
            reach: Reach::whole(setting.nodes),
            lines: Vec::new(),
            late_leaders: BTreeMap::new(),
        };
        for fault in faults {
            match fault {
                Fault::Kill { nodes } | Fault::Pause { nodes } => world.silent.extend(places(nodes)),
                Fault::Disk { nodes, trouble: DiskTrouble::Full | DiskTrouble::FailSync } => {
                    world.silent.extend(places(nodes));
                }
                // To a clock far behind every block comes from the future: it has no vote until that has passed.
                Fault::Clock { nodes, offset_ms } => {
                    let behind = *offset_ms < 0 && offset_ms.unsigned_abs() > millis(setting.max_drift);
                    world.silent.extend(places(nodes).into_iter().filter(|_| behind));
                }
                Fault::Partition { sides, one_way } => {
                    world.reach.part(&sides.iter().map(|side| places(side)).collect::<Vec<_>>(), *one_way);
                }
                Fault::Isolate { nodes } => world.reach.isolate(&places(nodes)),
                Fault::Link { from, line, .. } if fault.follows_leaders() => {
                    let led = from
                        .iter()
                        .filter_map(|who| if let Who::Leader(group) = who { Some(*group) } else { None });
                    for group in led {
                        let late = world.late_leaders.entry(group).or_default();
                        *late = line.delay.0.max(*late);
                    }
                }
                Fault::Link { from, to, line } if line.loss_percent >= 100 => {
                    world.reach.cut(&places(from), &places(to));
                }
                Fault::Link { from, line, .. } => world.lines.push((places(from), *line)),
                Fault::Twin { node, .. } => world.liars.extend(node.place()),
                Fault::Byzantine { node, behaviour: Attack::Mute } => world.silent.extend(node.place()),
                Fault::Byzantine { node, .. } => world.liars.extend(node.place()),
                Fault::Disk { trouble: DiskTrouble::Slow(_), .. } | Fault::TwoPhase { .. } => {}
            }
        }
        world
    }

    fn judge(&self, group: &Members) -> GroupTheory {
        let committee = committee(group);
        let (quorum, max_faulty) = (committee.quorum(), committee.max_faulty());
        let of_group =
            |places: &BTreeSet<u16>| group.places.iter().filter(|place| places.contains(place)).count();
        let honest: Vec<u16> = (group.places.iter().copied())
            .filter(|place| !self.silent.contains(place) && !self.liars.contains(place))
            .collect();
        let together = self.reach.largest_together(&honest);
        let (liars, silent) = (of_group(&self.liars), of_group(&self.silent));
        let (progress, why) = if together.len() >= quorum {
            self.pace(group, &together, liars + silent)
        } else if together.len() + liars >= quorum {
            (
                Progress::MayHalt,
                format!(
                    "{} honest members hear each other, {quorum} are needed: it is up to the liars",
                    together.len()
                ),
            )
        } else {
            (Progress::Halts, format!("{} members hear each other, {quorum} are needed", together.len()))
        };
        let forks = match group.engine.faults() {
            FaultModel::Crash if liars > 0 => Forks::Possible,
            FaultModel::Byzantine if liars > max_faulty => Forks::Possible,
            FaultModel::Crash | FaultModel::Byzantine => Forks::Never,
        };
        GroupTheory {
            group: group.group,
            engine: group.engine,
            members: group.places.len(),
            quorum,
            max_faulty,
            together: together.iter().map(|place| format!("n{place}")).collect(),
            progress,
            forks,
            why,
        }
    }

    /// How fast a group with a quorum goes on.
    fn pace(&self, group: &Members, together: &[u16], out: usize) -> (Progress, String) {
        let quorum = committee(group).quorum();
        match self.late_leaders.get(&group.group) {
            Some(late) if *late >= self.setting.max_timeout => {
                let why = "whoever leads is heard later than the longest time-out, so no view ever finishes (FLP); the end of that ends it";
                return (Progress::Halts, why.into());
            }
            Some(_) => {
                let why = "whoever leads is late, and time-outs grow until one outlasts that: timing, not luck, is what ends it";
                return (Progress::MayHalt, why.into());
            }
            None => {}
        }
        // The quorum that is least hurt by lines decides.
        let mut worst: Vec<(bool, bool)> = together.iter().map(|place| self.line_of(*place)).collect();
        worst.sort_unstable();
        let (hopeless, bad) = worst.get(quorum.saturating_sub(1)).copied().unwrap_or_default();
        let any_bad = worst.iter().any(|(_, bad)| *bad);
        let missing = group.places.len().saturating_sub(together.len());
        if hopeless {
            return (
                Progress::MayHalt,
                "what a quorum says arrives too late or too seldom for its time-outs".into(),
            );
        }
        if bad || any_bad {
            return (
                Progress::GoesOnSlowly,
                "messages that are late or lost are waited for, or sent again".into(),
            );
        }
        if missing > 0 {
            let why = format!(
                "{} of {} members hear each other, {quorum} are enough; a turn of one of the others costs a time-out",
                together.len(),
                group.places.len()
            );
            return (Progress::GoesOnSlowly, why);
        }
        match out {
            0 => (Progress::GoesOn, "every member hears every other".into()),
            _ => (Progress::GoesOnSlowly, "the honest are a quorum".into()),
        }
    }

    /// Whether a node's lines are hopeless, and whether they are bad.
    fn line_of(&self, place: u16) -> (bool, bool) {
        let own = self.lines.iter().filter(|(from, _)| from.contains(&place));
        own.fold((false, false), |(hopeless, _), (_, line)| {
            let late =
                line.delay.0.saturating_add(line.jitter.0).saturating_mul(HOPS) >= self.setting.max_timeout;
            (hopeless || late || line.loss_percent > HEAVY_LOSS_PERCENT, true)
        })
    }
}

/// What a fault means beside consensus.
fn note(setting: &Setting, fault: &Fault) -> Option<String> {
    let list = |whos: &[Who]| whos.iter().map(Who::to_string).collect::<Vec<_>>().join(", ");
    Some(match fault {
        Fault::Kill { nodes } => format!("{} comes back with what its disk holds, and catches up", list(nodes)),
        Fault::Pause { nodes } => format!("{} goes on where it stood, finds itself behind, and catches up", list(nodes)),
        Fault::Partition { .. } | Fault::Isolate { .. } => {
            "whoever is cut off from a quorum refuses to commit rather than answer wrongly (CAP), and catches up after the heal".into()
        }
        Fault::TwoPhase { from, to } => format!(
            "each group goes on by itself; a transaction across {from} and {to} is given up after {} s of its coordinator's block \
             time, and where group {to} waits for a decision of group {from}, its keys stay locked until that arrives",
            setting.prepare_timeout.as_secs()
        ),
        Fault::Disk { nodes, trouble: DiskTrouble::Full } => {
            format!("{} ends before it loses a write, with the reason in its log, and is started again", list(nodes))
        }
        Fault::Disk { nodes, trouble: DiskTrouble::FailSync } => {
            format!("{} ends rather than say what is not durable, with the reason in its log, and is started again", list(nodes))
        }
        Fault::Disk { nodes, trouble: DiskTrouble::Slow(_) } => {
            format!("nothing leaves {} before it is durable, so its votes come late; a quorum of the others does not wait for them", list(nodes))
        }
        Fault::Clock { offset_ms, .. } if *offset_ms > 0 => {
            "block time is the median of the members' clocks, so one that is ahead moves nothing".into()
        }
        Fault::Clock { nodes, .. } => format!(
            "a block that is more than {} ms ahead of {}'s clock gets no vote there until that time has come",
            setting.max_drift.as_millis(),
            list(nodes)
        ),
        Fault::Twin { node, .. } => format!("{node} signs for both of its processes: two conflicting signatures are evidence against it"),
        Fault::Link { .. } | Fault::Byzantine { .. } => return None,
    })
}

fn committee(group: &Members) -> Committee {
    let keys = (0..group.places.len()).map(|_| PublicKey([0; 32])).collect();
    Committee::new(keys, group.engine.faults())
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Progress::GoesOn => "goes on",
            Progress::GoesOnSlowly => "goes on, more slowly",
            Progress::MayHalt => "may halt",
            Progress::Halts => "halts",
        })
    }
}

impl fmt::Display for GroupTheory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupTheory { group, engine, members, quorum, progress, why, .. } = self;
        write!(f, "group {group} ({engine}, quorum {quorum} of {members}) {progress}: {why}. ")?;
        match (self.forks, engine.faults()) {
            (Forks::Never, FaultModel::Byzantine) => {
                write!(f, "It can't fork: at most {} lie.", self.max_faulty)
            }
            (Forks::Never, FaultModel::Crash) => f.write_str("It can't fork while nobody lies."),
            (Forks::Possible, FaultModel::Byzantine) => {
                write!(f, "It MAY FORK: more than {} lie.", self.max_faulty)
            }
            (Forks::Possible, FaultModel::Crash) => {
                f.write_str("It MAY FORK: its engine trusts members not to lie, and one does.")
            }
        }
    }
}

impl fmt::Display for Theory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = self.groups.iter().map(GroupTheory::to_string);
        let lines: Vec<String> =
            groups.chain(self.notes.iter().cloned()).map(|line| format!("  {line}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests;
