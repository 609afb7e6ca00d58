//! Faults that are staged on a running node, to see what the network and its users make of them: on development networks
//! alone, where genesis says so.

use crate::disk::DiskWatch;
use crate::rehearsal::Part;
use crate::shared::Shared;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use witan_p2p::{Cut, Line, Network};
use witan_replica::attack::Attack;
use witan_types::{GroupId, NodeId};

/// The most faults at a time.
const MAX_FAULTS: usize = 16;
/// How often the end of faults is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The wall clock is so many milliseconds ahead, or behind if negative.
    Clock { offset_ms: i64 },
    /// Each sync of the disk takes so many milliseconds longer.
    Disk { delay_ms: u64 },
    /// The disk has no room.
    DiskFull,
    /// Syncs of the disk fail.
    DiskFailSync,
    /// Nothing passes between this node and these, in one direction or both.
    Network { nodes: Vec<NodeId>, cut: Cut },
    /// What this node sends to these meets a bad line.
    Line { nodes: Vec<NodeId>, line: Line },
    /// This node lies.
    Byzantine(Attack),
    /// What this node proposes in a group leaves late.
    Proposals { group: GroupId, delay_ms: u64 },
    /// What one group says to another does not leave this node.
    Channel { from: GroupId, to: GroupId },
}

/// A fault that is staged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Staged {
    pub(crate) id: u64,
    pub(crate) fault: Fault,
    /// When it ends by itself.
    pub(crate) until: Option<Instant>,
}

/// What all staged faults come to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Effect {
    offset_ms: i64,
    delay_ms: u64,
    full: bool,
    fails: bool,
    cuts: BTreeMap<NodeId, Cut>,
    lines: BTreeMap<NodeId, Line>,
    part: Part,
}

/// The faults of this node, and where they take effect.
#[derive(Debug)]
pub(crate) struct Faults {
    shared: Arc<Shared>,
    disk: Arc<DiskWatch>,
    network: Network,
    staged: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    last_id: u64,
    items: Vec<Staged>,
}

impl Faults {
    pub(crate) fn new(shared: Arc<Shared>, disk: Arc<DiskWatch>, network: Network) -> Faults {
        Faults { shared, disk, network, staged: Mutex::default() }
    }

    /// Stages a fault, until it is cleared or its time is up; `None` if there are too many.
    pub(crate) fn set(&self, fault: Fault, lasts: Option<Duration>) -> Option<u64> {
        let mut list = self.lock();
        if list.items.len() >= MAX_FAULTS {
            return None;
        }
        list.last_id = list.last_id.saturating_add(1);
        let id = list.last_id;
        tracing::warn!(id, ?fault, ?lasts, "a fault is staged on this node");
        let until = lasts.map(|lasts| Instant::now() + lasts);
        list.items.push(Staged { id, fault, until });
        self.apply(&list);
        Some(id)
    }

    /// Ends one fault, or all. Returns those that ended.
    pub(crate) fn clear(&self, id: Option<u64>) -> Vec<u64> {
        self.end(|staged| id.is_none_or(|id| staged.id == id))
    }

    /// What is staged now, oldest first.
    pub(crate) fn list(&self) -> Vec<Staged> {
        self.lock().items.clone()
    }

    /// For as long as the node runs: ends the faults whose time is up.
    pub(crate) async fn end_in_time(&self) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let now = Instant::now();
            self.end(|staged| staged.until.is_some_and(|until| until <= now));
        }
    }

    fn end(&self, ends: impl Fn(&Staged) -> bool) -> Vec<u64> {
        let mut list = self.lock();
        let ended: Vec<u64> = list.items.iter().filter(|staged| ends(staged)).map(|it| it.id).collect();
        if !ended.is_empty() {
            tracing::warn!(?ended, "staged faults end");
            list.items.retain(|staged| !ended.contains(&staged.id));
            self.apply(&list);
        }
        ended
    }

    fn apply(&self, list: &List) {
        let Effect { offset_ms, delay_ms, full, fails, cuts, lines, part } = effect(&list.items);
        self.shared.clock.set_offset_ms(offset_ms);
        self.disk.set_delay_ms(delay_ms);
        self.disk.break_down(full, fails);
        self.network.set_cuts(cuts);
        self.network.set_lines(lines);
        self.shared.script.set(part);
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Offsets of the clock add up, the longest delay counts, and two directions are both. Of several lines to one node, and
/// of several ways to lie, the last counts.
fn effect(staged: &[Staged]) -> Effect {
    let mut effect = Effect::default();
    for Staged { fault, .. } in staged {
        match fault {
            Fault::Clock { offset_ms } => effect.offset_ms = effect.offset_ms.saturating_add(*offset_ms),
            Fault::Disk { delay_ms } => effect.delay_ms = effect.delay_ms.max(*delay_ms),
            Fault::DiskFull => effect.full = true,
            Fault::DiskFailSync => effect.fails = true,
            Fault::Line { nodes, line } => effect.lines.extend(nodes.iter().map(|node| (*node, *line))),
            Fault::Byzantine(attack) => effect.part.attack = Some(*attack),
            Fault::Proposals { group, delay_ms } => {
                effect.part.proposals.insert(*group, Duration::from_millis(*delay_ms));
            }
            Fault::Channel { from, to } => {
                effect.part.channels.insert((*from, *to));
            }
            Fault::Network { nodes, cut } => {
                for node in nodes {
                    let earlier = effect.cuts.insert(*node, *cut);
                    if earlier.is_some_and(|earlier| earlier != *cut) {
                        effect.cuts.insert(*node, Cut::Both);
                    }
                }
            }
        }
    }
    effect
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use witan_types::Hash;

    #[test]
    fn faults_of_one_kind_come_together() {
        let [one, other] = [1, 2].map(|number| NodeId(Hash([number; 32])));
        let staged = [
            Fault::Clock { offset_ms: 700 },
            Fault::Clock { offset_ms: -200 },
            Fault::Disk { delay_ms: 30 },
            Fault::Disk { delay_ms: 20 },
            Fault::Network { nodes: vec![one, other], cut: Cut::In },
            Fault::Network { nodes: vec![one], cut: Cut::Out },
            Fault::Network { nodes: vec![other], cut: Cut::In },
        ]
        .map(|fault| Staged { id: 1, fault, until: None });
        let cuts = BTreeMap::from([(one, Cut::Both), (other, Cut::In)]);
        let expected = Effect { offset_ms: 500, delay_ms: 30, cuts, ..Effect::default() };
        assert_eq!(effect(&staged), expected);
        assert_eq!(effect(&[]), Effect::default());
    }

    #[test]
    fn of_several_lines_and_lies_the_last_counts_and_silenced_channels_add_up() {
        let node = NodeId(Hash([1; 32]));
        let line = |delay| Line { delay: Duration::from_millis(delay), ..Line::default() };
        let staged = [
            Fault::Line { nodes: vec![node], line: line(1) },
            Fault::Line { nodes: vec![node], line: line(2) },
            Fault::Byzantine(Attack::Mute),
            Fault::Byzantine(Attack::Equivocate),
            Fault::Channel { from: GroupId(1), to: GroupId(2) },
            Fault::Channel { from: GroupId(2), to: GroupId(1) },
            Fault::DiskFull,
        ]
        .map(|fault| Staged { id: 1, fault, until: None });
        let channels = [(GroupId(1), GroupId(2)), (GroupId(2), GroupId(1))].into();
        let part = Part { attack: Some(Attack::Equivocate), channels, ..Part::default() };
        let lines = BTreeMap::from([(node, line(2))]);
        assert_eq!(effect(&staged), Effect { lines, part, full: true, ..Effect::default() });
    }

    #[test]
    fn a_clock_that_is_set_wrong_shows_it_until_it_is_set_right() {
        let (clock, machine) = (Clock::default(), Clock::default());
        clock.set_offset_ms(-3_600_000);
        assert!(clock.wall_ms() + 3_500_000 < machine.wall_ms());
        clock.set_offset_ms(0);
        assert!(clock.wall_ms() + 3_500_000 > machine.wall_ms());
    }
}
