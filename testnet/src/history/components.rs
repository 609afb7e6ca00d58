//! Strongly connected components, by R. Tarjan, "Depth-First Search and Linear Graph Algorithms" (SIAM Journal on
//! Computing 1, 1972), with a stack of its own instead of recursion: a history may be longer than the thread's stack.

use super::Kind;
use super::graph::Graph;

/// A node that the search has not met. Numbers of nodes are far below.
const UNMET: usize = usize::MAX;

/// A node whose component is complete.
const CLOSED: usize = usize::MAX - 1;

/// A number for each node.
pub(super) struct Marks {
    marks: Vec<usize>,
    default: usize,
}

impl Marks {
    /// The same number for every node.
    pub(super) fn new(nodes: usize, default: usize) -> Self {
        Marks { marks: vec![default; nodes], default }
    }

    /// The number of a node.
    pub(super) fn get(&self, node: usize) -> usize {
        self.marks.get(node).copied().unwrap_or(self.default)
    }

    /// Gives a node a number.
    pub(super) fn set(&mut self, node: usize, mark: usize) {
        if let Some(place) = self.marks.get_mut(node) {
            *place = mark;
        }
    }
}

/// The components of more than one node, by edges up to a kind: every cycle lies in one of them.
pub(super) fn components(graph: &Graph, up_to: Kind) -> Vec<Vec<usize>> {
    let nodes = graph.len();
    let mut search = Search {
        graph,
        up_to,
        number: Marks::new(nodes, UNMET),
        low: Marks::new(nodes, UNMET),
        met: 0,
        open: Vec::new(),
        path: Vec::new(),
        found: Vec::new(),
    };
    for root in 0..nodes {
        if search.number.get(root) == UNMET {
            search.explore(root);
        }
    }
    search.found
}

struct Search<'a> {
    graph: &'a Graph,
    up_to: Kind,
    /// When each node was met: the first, the second and so on.
    number: Marks,
    /// The earliest met node that is known to be reached from each node, and open.
    low: Marks,
    met: usize,
    /// Nodes met whose component is not complete.
    open: Vec<usize>,
    /// The nodes between the root and here, each with how many of its edges were followed.
    path: Vec<(usize, usize)>,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn explore(&mut self, root: usize) {
        self.enter(root);
        while let Some((node, followed)) = self.path.pop() {
            match self.graph.leaving(node).get(followed) {
                None => self.leave(node),
                Some(edge) => {
                    self.path.push((node, followed + 1));
                    if edge.dependency.kind() <= self.up_to {
                        self.follow(node, edge.to);
                    }
                }
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.number.set(node, self.met);
        self.low.set(node, self.met);
        self.met += 1;
        self.open.push(node);
        self.path.push((node, 0));
    }

    fn follow(&mut self, from: usize, to: usize) {
        match self.number.get(to) {
            UNMET => self.enter(to),
            CLOSED => {}
            number => self.lower(from, number),
        }
    }

    fn lower(&mut self, node: usize, low: usize) {
        self.low.set(node, low.min(self.low.get(node)));
    }

    /// All edges of a node are followed. If it reaches nothing met before it, it and what is open since are a component.
    fn leave(&mut self, node: usize) {
        let low = self.low.get(node);
        if low == self.number.get(node) {
            let start = self.open.iter().rposition(|open| *open == node).unwrap_or(0);
            let component = self.open.split_off(start);
            for member in &component {
                self.number.set(*member, CLOSED);
            }
            if component.len() > 1 {
                self.found.push(component);
            }
        }
        if let Some((parent, _)) = self.path.last().copied() {
            self.lower(parent, low);
        }
    }
}
