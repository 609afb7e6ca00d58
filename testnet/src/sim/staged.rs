//! Faults of the shared vocabulary while they last, as scenarios stage them. Nodes are named by place; only lines may
//! still name a leader, who is followed as it changes.

use crate::faults::{DiskTrouble, Fault, Line, Who};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use witan_types::GroupId;

/// How much later than its place in the line something arrives that is overtaken; microseconds.
const OVERTAKEN_US: u64 = 60_000;

/// The faults that last, by their number in the timetable.
#[derive(Debug, Default)]
pub(super) struct Staged {
    active: BTreeMap<usize, Fault>,
    /// Nodes whose process ended because its disk failed; they stay down until that is over.
    ended: BTreeSet<usize>,
    lanes: BTreeMap<(usize, usize), Lane>,
}

/// How one node's line to another stands, while something is wrong with it.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// When the newest message that keeps its place arrives.
    newest_us: u64,
    /// Until when earlier messages take up its width.
    busy_us: u64,
}

fn has(whos: &[Who], at: usize) -> bool {
    whos.iter().any(|who| who.place().is_some_and(|place| usize::from(place) == at))
}

impl Staged {
    pub(super) fn begin(&mut self, number: usize, fault: Fault) {
        self.active.insert(number, fault);
    }

    pub(super) fn end(&mut self, number: usize) {
        self.active.remove(&number);
        self.ended =
            std::mem::take(&mut self.ended).into_iter().filter(|at| self.fails(*at).is_some()).collect();
    }

    pub(super) fn end_all(&mut self) {
        *self = Staged::default();
    }

    fn all(&self) -> impl Iterator<Item = &Fault> {
        self.active.values()
    }

    /// Whether what one says does not reach the other.
    pub(super) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.all().any(|fault| match fault {
            Fault::Isolate { nodes } => has(nodes, from) || has(nodes, to),
            Fault::Partition { sides, one_way } => {
                let side = |at| sides.iter().position(|side| has(side, at));
                match (side(from), side(to)) {
                    (Some(one), Some(other)) => one != other && (!one_way || one == 0),
                    _ => false,
                }
            }
            _ => false,
        })
    }

    pub(super) fn is_down(&self, at: usize) -> bool {
        let is_killed = |fault: &Fault| matches!(fault, Fault::Kill { nodes } if has(nodes, at));
        self.ended.contains(&at) || self.all().any(is_killed)
    }

    pub(super) fn is_paused(&self, at: usize) -> bool {
        self.all().any(|fault| matches!(fault, Fault::Pause { nodes } if has(nodes, at)))
    }

    /// How wrong the node's wall clock is, in milliseconds.
    pub(super) fn skew(&self, at: usize) -> i64 {
        let skew = |fault: &Fault| match fault {
            Fault::Clock { nodes, offset_ms } if has(nodes, at) => *offset_ms,
            _ => 0,
        };
        self.all().map(skew).fold(0, i64::saturating_add)
    }

    fn troubles(&self, at: usize) -> impl Iterator<Item = DiskTrouble> {
        self.all().filter_map(move |fault| match fault {
            Fault::Disk { nodes, trouble } if has(nodes, at) => Some(*trouble),
            _ => None,
        })
    }

    /// How much longer each sync of the node's disk takes, in microseconds.
    pub(super) fn sync_takes_longer(&self, at: usize) -> u64 {
        let longer = self.troubles(at).map(|trouble| match trouble {
            DiskTrouble::Slow(delay) => micros(delay.0),
            DiskTrouble::Full | DiskTrouble::FailSync => 0,
        });
        longer.fold(0, u64::saturating_add)
    }

    /// What keeps the node's disk from any further write.
    pub(super) fn fails(&self, at: usize) -> Option<DiskTrouble> {
        self.troubles(at).find(|trouble| !matches!(trouble, DiskTrouble::Slow(_)))
    }

    /// The node's process ended because of that.
    pub(super) fn ends(&mut self, at: usize) {
        self.ended.insert(at);
    }

    /// Whether one group is kept from hearing another.
    pub(super) fn is_unheard(&self, from: GroupId, to: GroupId) -> bool {
        self.all().any(
            |fault| matches!(fault, Fault::TwoPhase { from: one, to: other } if (*one, *other) == (from, to)),
        )
    }

    /// What the line from one node to another does to a message; `leads` says whether a node leads a group by now.
    pub(super) fn line(
        &self,
        from: usize,
        to: usize,
        leads: &dyn Fn(usize, GroupId) -> bool,
    ) -> Option<Line> {
        let is = |whos: &[Who], at: usize| {
            whos.iter().any(|who| match who {
                Who::Node(place) => usize::from(*place) == at,
                Who::Leader(group) => leads(at, *group),
            })
        };
        let lines = self.all().filter_map(|fault| match fault {
            Fault::Link { from: senders, to: receivers, line }
                if is(senders, from) && (receivers.is_empty() || is(receivers, to)) =>
            {
                Some(*line)
            }
            _ => None,
        });
        lines.reduce(|one, other| Line {
            delay: crate::faults::Span(one.delay.0.saturating_add(other.delay.0)),
            jitter: crate::faults::Span(one.jitter.0.saturating_add(other.jitter.0)),
            loss_percent: one.loss_percent.max(other.loss_percent),
            duplicate_percent: one.duplicate_percent.max(other.duplicate_percent),
            reorder_percent: one.reorder_percent.max(other.reorder_percent),
            kilobytes_per_second: narrower(one.kilobytes_per_second, other.kilobytes_per_second),
        })
    }

    /// When a message of so many bytes that would take `takes_us` arrives over a bad line, counted from now. One that is
    /// overtaken lets those behind it pass; all others keep their order.
    pub(super) fn arrives(&mut self, lane: (usize, usize), line: &Line, sent: Sent) -> u64 {
        let lane = self.lanes.entry(lane).or_default();
        let Sent { now_us, takes_us, bytes, overtaken } = sent;
        let width = u64::from(line.kilobytes_per_second);
        let passes_us = (bytes as u64).saturating_mul(1_000).checked_div(width).unwrap_or(0);
        lane.busy_us = lane.busy_us.max(now_us).saturating_add(passes_us);
        let arrives_us = lane.busy_us.saturating_add(takes_us).saturating_add(micros(line.delay.0));
        if overtaken {
            return arrives_us.saturating_add(OVERTAKEN_US).saturating_sub(now_us);
        }
        lane.newest_us = lane.newest_us.max(arrives_us);
        lane.newest_us.saturating_sub(now_us)
    }
}

/// A message that starts over a bad line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) now_us: u64,
    /// How long it would take without the line's delay and width, jitter included.
    pub(super) takes_us: u64,
    pub(super) bytes: usize,
    pub(super) overtaken: bool,
}

/// The lesser of two rates, of which 0 is none.
fn narrower(one: u32, other: u32) -> u32 {
    if one == 0 || other == 0 { one.max(other) } else { one.min(other) }
}

/// In microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
