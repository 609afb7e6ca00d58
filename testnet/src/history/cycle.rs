//! The search for a cycle of the most basic kind, and as short a one as is quickly found.

use super::components::{Marks, components};
use super::graph::Graph;
use super::{Cycle, Dependency, History, Kind, Step, Violation};
use std::collections::VecDeque;

/// From how many transactions of a component the shortest way back is searched. More would find shorter cycles, rarely.
const MAX_STARTS: usize = 64;

/// A node that the search has not reached.
const FAR: usize = usize::MAX;

/// Whether the graph is free of cycles.
///
/// # Errors
///
/// A cycle of the most basic kind that there is.
pub(super) fn none_in(history: &History, graph: &Graph) -> Result<(), Violation> {
    if components(graph, Kind::RealTime).is_empty() {
        return Ok(());
    }
    for kind in [Kind::WriteWrite, Kind::WriteRead, Kind::ReadWrite, Kind::RealTime] {
        // A small component has few ways, and so short ones.
        let smallest = components(graph, kind).into_iter().min_by_key(Vec::len);
        if let Some(way) = smallest.and_then(|component| shortest(graph, kind, &component)) {
            return Err(violation(kind, in_words(history, graph, &way)));
        }
    }
    Ok(())
}

fn violation(kind: Kind, cycle: Cycle) -> Violation {
    match kind {
        Kind::WriteWrite => Violation::WriteCycle(cycle),
        Kind::WriteRead => Violation::InformationCycle(cycle),
        Kind::ReadWrite => Violation::AntiDependencyCycle(cycle),
        Kind::RealTime => Violation::RealTimeCycle(cycle),
    }
}

/// A way round: each node with the dependency by which it was reached. The last is where the way starts.
type Way = Vec<(usize, Dependency)>;

/// The shortest of the ways from some transactions of a component back to themselves.
fn shortest(graph: &Graph, up_to: Kind, component: &[usize]) -> Option<Way> {
    let mut inside = Marks::new(graph.len(), 0);
    component.iter().for_each(|node| inside.set(*node, 1));
    let starts = component.iter().copied().filter(|node| graph.is_transaction(*node)).take(MAX_STARTS);
    let ways = starts.filter_map(|start| Round::of(graph, up_to, &inside, start).way());
    ways.min_by_key(|way| way.iter().filter(|(node, _)| graph.is_transaction(*node)).count())
}

/// A search, nearest nodes first, for the shortest way from a node back to itself. Helper nodes add no length.
struct Round<'a> {
    graph: &'a Graph,
    up_to: Kind,
    inside: &'a Marks,
    start: usize,
    distance: Marks,
    /// From where each node was reached, and why.
    reached: Vec<Option<(usize, Dependency)>>,
    queue: VecDeque<(usize, usize)>,
}

impl<'a> Round<'a> {
    fn of(graph: &'a Graph, up_to: Kind, inside: &'a Marks, start: usize) -> Self {
        let mut distance = Marks::new(graph.len(), FAR);
        distance.set(start, 0);
        let reached = vec![None; graph.len()];
        Round { graph, up_to, inside, start, distance, reached, queue: VecDeque::from([(start, 0)]) }
    }

    fn way(mut self) -> Option<Way> {
        while let Some((node, distance)) = self.queue.pop_front() {
            // It was reached on a shorter way since it was put into the queue.
            if distance > self.distance.get(node) {
                continue;
            }
            for edge in self.graph.leaving(node) {
                if edge.dependency.kind() > self.up_to || self.inside.get(edge.to) == 0 {
                    continue;
                }
                if edge.to == self.start {
                    return Some(self.back(node, edge.dependency));
                }
                self.reach(node, distance, edge.to, edge.dependency);
            }
        }
        None
    }

    fn reach(&mut self, from: usize, distance: usize, to: usize, dependency: Dependency) {
        let is_transaction = self.graph.is_transaction(to);
        let distance = distance + usize::from(is_transaction);
        if distance >= self.distance.get(to) {
            return;
        }
        self.distance.set(to, distance);
        if let Some(reached) = self.reached.get_mut(to) {
            *reached = Some((from, dependency));
        }
        if is_transaction {
            self.queue.push_back((to, distance));
        } else {
            self.queue.push_front((to, distance));
        }
    }

    /// The way by which a node was reached, closed by an edge from it to the start.
    fn back(&self, last: usize, dependency: Dependency) -> Way {
        let mut way = vec![(self.start, dependency)];
        let mut node = last;
        while let Some((from, dependency)) = self.reached.get(node).copied().flatten() {
            way.push((node, dependency));
            node = from;
        }
        way.reverse();
        way
    }
}

/// The steps from transaction to transaction of a way round.
fn in_words(history: &History, graph: &Graph, way: &Way) -> Cycle {
    let stations = way.iter().filter(|(node, _)| graph.is_transaction(*node));
    let mut from = way.last().map_or(0, |(start, _)| *start);
    let mut steps = Vec::new();
    for &(to, dependency) in stations {
        let dependency = with_times(history, from, dependency);
        steps.push(Step { from: history.name(from), to: history.name(to), dependency });
        from = to;
    }
    Cycle { steps }
}

/// An edge of real time knows only the last moment before it. The step tells when the earlier transaction completed.
fn with_times(history: &History, from: usize, dependency: Dependency) -> Dependency {
    let completed = history.transactions.get(from).and_then(|one| one.completed_us);
    match (dependency, completed) {
        (Dependency::RealTime { invoked_us, .. }, Some(completed_us)) => {
            Dependency::RealTime { completed_us, invoked_us }
        }
        _ => dependency,
    }
}
