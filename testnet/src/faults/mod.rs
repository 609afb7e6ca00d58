//! What goes wrong in a network: one vocabulary for the simulator and for real processes, for scenario files and for
//! `witan testnet fault`.

mod probe;
mod reach;
pub mod rehearse;
mod sense;
mod span;
pub mod stage;
pub mod theory;
pub mod watch;
mod who;

pub use probe::Probe;
pub use reach::Reach;
pub use span::Span;
pub use theory::Theory;
pub use who::Who;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use witan_replica::attack::Attack;
use witan_types::GroupId;

/// One fault, as long as it lasts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Nodes die at once, without a chance to tidy up; they are started again when it ends.
    Kill {
        /// Which.
        nodes: Vec<Who>,
    },
    /// Nodes stand still, and go on where they stood when it ends.
    Pause {
        /// Which.
        nodes: Vec<Who>,
    },
    /// Nothing passes between these sides. A node in none of them still reaches all.
    Partition {
        /// Disjoint sides, two at least.
        sides: Vec<Vec<Who>>,
        /// Whether only what the first side says is lost, while it hears the others.
        #[serde(default)]
        one_way: bool,
    },
    /// Nothing passes between each of these nodes and any other.
    Isolate {
        /// Which.
        nodes: Vec<Who>,
    },
    /// What travels from some nodes to others meets a bad line.
    Link {
        /// Who sends; a leader is followed as it changes.
        from: Vec<Who>,
        /// Who receives; everyone if empty.
        #[serde(default)]
        to: Vec<Who>,
        /// What the line does.
        line: Line,
    },
    /// A validator runs twice, with one key and one name: the second process is heard by the audience, the first by all
    /// others.
    Twin {
        /// Who runs twice.
        node: Who,
        /// Who hears the second one alone.
        audience: Vec<Who>,
    },
    /// A validator lies.
    Byzantine {
        /// Which.
        node: Who,
        /// How.
        behaviour: Attack,
    },
    /// Wall clocks are wrong.
    Clock {
        /// Whose.
        nodes: Vec<Who>,
        /// So many milliseconds ahead; behind if negative.
        offset_ms: i64,
    },
    /// Disks do badly.
    Disk {
        /// Whose.
        nodes: Vec<Who>,
        /// How.
        trouble: DiskTrouble,
    },
    /// What one group says to another (asks, votes and decisions of two-phase commit) does not arrive.
    TwoPhase {
        /// The group that speaks.
        from: GroupId,
        /// The group that should hear it.
        to: GroupId,
    },
}

/// What a line does to what travels over it. All that is 0 does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Line {
    /// Everything takes this much longer.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub delay: Span,
    /// And up to this much more, each message its own share; they still arrive in order.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub jitter: Span,
    /// So many of 100 messages are lost.
    #[serde(skip_serializing_if = "is_zero")]
    pub loss_percent: u8,
    /// So many of 100 arrive twice.
    #[serde(skip_serializing_if = "is_zero")]
    pub duplicate_percent: u8,
    /// So many of 100 are overtaken by what was sent after them.
    #[serde(skip_serializing_if = "is_zero")]
    pub reorder_percent: u8,
    /// At most so many kilobytes a second pass from one node to another; 0 is no limit.
    #[serde(skip_serializing_if = "is_unlimited")]
    pub kilobytes_per_second: u32,
}

/// What is wrong with a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskTrouble {
    /// Each sync takes so much longer.
    Slow(Span),
    /// It has no room: the node must stop voting before it loses a write.
    Full,
    /// Syncs fail: the node must end rather than say what is not durable.
    FailSync,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(percent: &u8) -> bool {
    *percent == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_unlimited(rate: &u32) -> bool {
    *rate == 0
}

impl Fault {
    /// The word for its kind: what follows `witan testnet fault`.
    pub fn kind(&self) -> &'static str {
        match self {
            Fault::Kill { .. } => "kill",
            Fault::Pause { .. } => "pause",
            Fault::Partition { .. } => "partition",
            Fault::Isolate { .. } => "isolate",
            Fault::Link { .. } => "link",
            Fault::Twin { .. } => "twin",
            Fault::Byzantine { .. } => "byzantine",
            Fault::Clock { .. } => "clock",
            Fault::Disk { .. } => "disk",
            Fault::TwoPhase { .. } => "two-phase",
        }
    }

    /// Everyone it names.
    pub fn named(&self) -> Vec<Who> {
        match self {
            Fault::Kill { nodes }
            | Fault::Pause { nodes }
            | Fault::Isolate { nodes }
            | Fault::Clock { nodes, .. }
            | Fault::Disk { nodes, .. } => nodes.clone(),
            Fault::Partition { sides, .. } => sides.concat(),
            Fault::Link { from, to, .. } => [from.as_slice(), to].concat(),
            Fault::Twin { node, audience } => [std::slice::from_ref(node), audience].concat(),
            Fault::Byzantine { node, .. } => vec![*node],
            Fault::TwoPhase { .. } => Vec::new(),
        }
    }

    /// Whether it hits whoever leads while it lasts, not who leads when it begins.
    pub fn follows_leaders(&self) -> bool {
        matches!(self, Fault::Link { from, .. } if from.iter().any(|who| who.place().is_none()))
    }

    /// The same with every leader replaced by the node that leads now.
    ///
    /// # Errors
    /// The group that has no leader now.
    pub fn resolve(&self, leader: &dyn Fn(GroupId) -> Option<u16>) -> Result<Fault, GroupId> {
        let one = |who: &Who| match who {
            Who::Node(place) => Ok(Who::Node(*place)),
            Who::Leader(group) => leader(*group).map(Who::Node).ok_or(*group),
        };
        let all = |whos: &Vec<Who>| whos.iter().map(one).collect::<Result<Vec<Who>, GroupId>>();
        Ok(match self {
            Fault::Kill { nodes } => Fault::Kill { nodes: all(nodes)? },
            Fault::Pause { nodes } => Fault::Pause { nodes: all(nodes)? },
            Fault::Isolate { nodes } => Fault::Isolate { nodes: all(nodes)? },
            Fault::Partition { sides, one_way } => Fault::Partition {
                sides: sides.iter().map(all).collect::<Result<_, _>>()?,
                one_way: *one_way,
            },
            Fault::Link { from, to, line } => Fault::Link { from: all(from)?, to: all(to)?, line: *line },
            Fault::Twin { node, audience } => Fault::Twin { node: one(node)?, audience: all(audience)? },
            Fault::Byzantine { node, behaviour } => {
                Fault::Byzantine { node: one(node)?, behaviour: *behaviour }
            }
            Fault::Clock { nodes, offset_ms } => Fault::Clock { nodes: all(nodes)?, offset_ms: *offset_ms },
            Fault::Disk { nodes, trouble } => Fault::Disk { nodes: all(nodes)?, trouble: *trouble },
            Fault::TwoPhase { from, to } => Fault::TwoPhase { from: *from, to: *to },
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |whos: &[Who]| whos.iter().map(Who::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Fault::Kill { nodes } => write!(f, "{} killed", list(nodes)),
            Fault::Pause { nodes } => write!(f, "{} paused", list(nodes)),
            Fault::Isolate { nodes } => write!(f, "{} isolated", list(nodes)),
            Fault::Partition { sides, one_way } => {
                let sides = sides.iter().map(|side| list(side)).collect::<Vec<_>>();
                let cut = if *one_way { " not heard by " } else { " | " };
                write!(f, "partition {}", sides.join(cut))
            }
            Fault::Link { from, to, line } => {
                let to = if to.is_empty() { "everyone".to_owned() } else { list(to) };
                write!(f, "lines from {} to {to}: {line}", list(from))
            }
            Fault::Twin { node, audience } => {
                write!(f, "{node} runs twice, the second heard by {}", list(audience))
            }
            Fault::Byzantine { node, behaviour } => write!(f, "{node} lies ({behaviour})"),
            Fault::Clock { nodes, offset_ms } if *offset_ms < 0 => {
                write!(f, "clock of {} {} ms behind", list(nodes), offset_ms.unsigned_abs())
            }
            Fault::Clock { nodes, offset_ms } => write!(f, "clock of {} {offset_ms} ms ahead", list(nodes)),
            Fault::Disk { nodes, trouble } => write!(f, "disk of {} {trouble}", list(nodes)),
            Fault::TwoPhase { from, to } => write!(f, "nothing that group {from} says reaches group {to}"),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { delay, jitter, loss_percent, duplicate_percent, reorder_percent, kilobytes_per_second } =
            self;
        let shares = [(loss_percent, "lost"), (duplicate_percent, "twice"), (reorder_percent, "overtaken")];
        let mut words = Vec::new();
        if !delay.is_zero() {
            words.push(format!("{delay} later"));
        }
        if !jitter.is_zero() {
            words.push(format!("up to {jitter} more"));
        }
        words.extend(
            shares.iter().filter(|(share, _)| **share > 0).map(|(share, what)| format!("{share}% {what}")),
        );
        if *kilobytes_per_second > 0 {
            words.push(format!("{kilobytes_per_second} kB/s"));
        }
        f.write_str(&words.join(", "))
    }
}

/// Whole milliseconds, as the interface counts times.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl FromStr for Line {
    type Err = String;

    /// As `delay=40ms,jitter=5ms,loss=1%,duplicate=1%,reorder=1%,bandwidth=500`.
    fn from_str(text: &str) -> Result<Line, String> {
        let mut line = Line::default();
        for part in text.split(',') {
            let (what, value) = part.split_once('=').ok_or_else(|| {
                format!(
                    "{part:?} says nothing of a line: expected parts such as delay=40ms,jitter=5ms,loss=1%"
                )
            })?;
            match what {
                "delay" => line.delay = value.parse()?,
                "jitter" => line.jitter = value.parse()?,
                "loss" => line.loss_percent = percent(value)?,
                "duplicate" => line.duplicate_percent = percent(value)?,
                "reorder" => line.reorder_percent = percent(value)?,
                "bandwidth" => {
                    let rate = value
                        .parse()
                        .map_err(|_| format!("{value:?} is no rate: expected kilobytes a second"));
                    line.kilobytes_per_second = rate?;
                }
                _ => {
                    return Err(format!(
                        "{what:?} is nothing that a line does: expected delay, jitter, loss, duplicate, reorder or bandwidth"
                    ));
                }
            }
        }
        Ok(line)
    }
}

/// So many of 100: `1%`, or `1`.
///
/// # Errors
/// What was expected instead.
pub fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok().filter(|percent| *percent <= 100);
    number.ok_or_else(|| format!("{text:?} is no share: expected 0% to 100%"))
}

impl fmt::Display for DiskTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskTrouble::Slow(delay) => write!(f, "{delay} slower a sync"),
            DiskTrouble::Full => f.write_str("full"),
            DiskTrouble::FailSync => f.write_str("failing to sync"),
        }
    }
}

#[cfg(test)]
mod tests;
