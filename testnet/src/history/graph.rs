//! What depends on what: the edges between transactions that took effect, each from the one that must come first.

use super::appends::Appends;
use super::order::{Order, Orders};
use super::{Dependency, EdgeCounts, History, Key, Value, reads};
use std::collections::BTreeMap;

/// An edge, at the node that it leaves.
pub(super) struct Edge {
    /// The node that it enters.
    pub(super) to: usize,
    /// Why. Through a helper node, the edge that leaves the helper tells it all.
    pub(super) dependency: Dependency,
}

/// Nodes by number: first the transactions of the history by theirs, then helper nodes, which stand for moments, or for
/// the end of what was read of a list. Helpers spare an edge for each pair of transactions on their two sides, and form
/// no cycle among themselves.
pub(super) struct Graph {
    edges: Vec<Vec<Edge>>,
    transactions: usize,
    counts: EdgeCounts,
}

/// Readers of all that anyone read of one list, while committed appends to it stay unread.
#[derive(Default)]
struct End {
    /// The helper node between these readers and the transactions of those appends.
    node: Option<usize>,
    /// Up to two readers that made such an append themselves. They must not reach themselves through the helper.
    appending: Vec<usize>,
}

impl Graph {
    /// All edges of a history whose reads are in order one by one.
    pub(super) fn of(history: &History, appends: &Appends, orders: &Orders<'_>) -> Self {
        let transactions = history.transactions.len();
        let edges = (0..transactions).map(|_| Vec::new()).collect();
        let mut graph = Graph { edges, transactions, counts: EdgeCounts::default() };
        for (key, order) in orders.iter() {
            graph.add_writes(appends, key, order);
        }
        graph.add_reads(history, appends, orders);
        graph.add_real_time(history, orders);
        graph
    }

    /// ww: from each append to the next of its list, and from the newest that was read to each that was not.
    fn add_writes(&mut self, appends: &Appends, key: Key, order: &Order<'_>) {
        let writer = |value: &Value| appends.find(key, *value).map(|append| append.writer);
        for (earlier, later) in order.read.iter().zip(order.read.iter().skip(1)) {
            if let (Some(from), Some(to)) = (writer(earlier), writer(later)) {
                self.add(from, to, Dependency::WriteWrite { key, earlier: *earlier, later: *later });
            }
        }
        let Some(&earlier) = order.read.last() else { return };
        let Some(from) = writer(&earlier) else { return };
        for &(to, later) in &order.unread {
            self.add(from, to, Dependency::WriteWrite { key, earlier, later });
        }
    }

    /// wr: from the newest append in each read to its reader; rw: from the reader to the first append that it lacks.
    fn add_reads(&mut self, history: &History, appends: &Appends, orders: &Orders<'_>) {
        let mut ends: BTreeMap<Key, End> = BTreeMap::new();
        for (reader, key, values, order) in reads::all(history, orders) {
            let writer = |value: Value| Some((appends.find(key, value)?.writer, value));
            if let Some((from, value)) = values.last().copied().and_then(writer) {
                self.add(from, reader, Dependency::WriteRead { key, value });
            }
            match order.read.get(values.len()) {
                Some(&next) => {
                    if let Some((to, value)) = writer(next) {
                        self.add(reader, to, Dependency::ReadWrite { key, value });
                    }
                }
                None if order.unread.is_empty() => {}
                None => self.add_end(ends.entry(key).or_default(), reader, key, order),
            }
        }
    }

    /// rw: from a reader of all that was read of a list to every unread append that is not its own.
    fn add_end(&mut self, end: &mut End, reader: usize, key: Key, order: &Order<'_>) {
        // Writers stand in ascending order, as the index yields them.
        let appends_too = order.unread.binary_search_by_key(&reader, |(writer, _)| *writer).is_ok();
        if !appends_too {
            let node = *end.node.get_or_insert_with(|| self.end_node(key, order));
            let value = order.unread.first().map_or(0, |(_, value)| *value);
            self.add(reader, node, Dependency::ReadWrite { key, value });
        } else if end.appending.len() < 2 && !end.appending.contains(&reader) {
            // Any two of these miss each other's append, so with two the history has a cycle and more would show nothing.
            end.appending.push(reader);
            for &(to, value) in &order.unread {
                self.add(reader, to, Dependency::ReadWrite { key, value });
            }
        }
    }

    fn end_node(&mut self, key: Key, order: &Order<'_>) -> usize {
        let node = self.helper();
        for &(to, value) in &order.unread {
            self.add(node, to, Dependency::ReadWrite { key, value });
        }
        node
    }

    /// A new helper node.
    pub(super) fn helper(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.edges.len() - 1
    }

    /// Adds an edge, unless it leads from a node to itself: a transaction's own operations are in order already.
    pub(super) fn add(&mut self, from: usize, to: usize, dependency: Dependency) {
        if from == to {
            return;
        }
        if let Some(leaving) = self.edges.get_mut(from) {
            leaving.push(Edge { to, dependency });
        }
        let count = match dependency {
            Dependency::WriteWrite { .. } => &mut self.counts.write_write,
            Dependency::WriteRead { .. } => &mut self.counts.write_read,
            Dependency::ReadWrite { .. } => &mut self.counts.read_write,
            Dependency::RealTime { .. } => &mut self.counts.real_time,
        };
        *count += 1;
    }

    /// How many nodes there are; they are numbered from 0.
    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// Whether a node is a transaction, and not a helper.
    pub(super) fn is_transaction(&self, node: usize) -> bool {
        node < self.transactions
    }

    /// The edges that leave a node.
    pub(super) fn leaving(&self, node: usize) -> &[Edge] {
        self.edges.get(node).map_or(&[], Vec::as_slice)
    }

    /// How many edges there are.
    pub(super) fn counts(&self) -> EdgeCounts {
        self.counts
    }
}
