//! Who hears whom.

use std::collections::BTreeSet;

/// Pairs of nodes of which the first is not heard by the second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach {
    nodes: u16,
    cut: BTreeSet<(u16, u16)>,
}

impl Reach {
    /// Everyone hears everyone.
    pub fn whole(nodes: u16) -> Reach {
        Reach { nodes, cut: BTreeSet::new() }
    }

    /// What some say does not reach others; no others are all.
    pub fn cut(&mut self, from: &BTreeSet<u16>, to: &BTreeSet<u16>) {
        let all: BTreeSet<u16> = (0..self.nodes).collect();
        for one in from {
            let others = if to.is_empty() { &all } else { to };
            self.cut.extend(others.iter().filter(|other| *other != one).map(|other| (*one, *other)));
        }
    }

    /// Nothing passes between the sides; one way, only what the first says is lost.
    pub fn part(&mut self, sides: &[BTreeSet<u16>], one_way: bool) {
        for (at, side) in sides.iter().enumerate().filter(|(at, _)| *at == 0 || !one_way) {
            for (_, other) in sides.iter().enumerate().filter(|(place, _)| *place != at) {
                self.cut(side, other);
            }
        }
    }

    /// Nothing passes between each of these and anyone.
    pub fn isolate(&mut self, alone: &BTreeSet<u16>) {
        let all: BTreeSet<u16> = (0..self.nodes).collect();
        self.cut(alone, &all);
        self.cut(&all, alone);
    }

    /// The cuts that touch a node: whom it does not hear, and who does not hear it.
    pub fn around(&self, node: u16) -> (BTreeSet<u16>, BTreeSet<u16>) {
        let deaf_to = self.cut.iter().filter(|(_, to)| *to == node).map(|(from, _)| *from).collect();
        let unheard_by = self.cut.iter().filter(|(from, _)| *from == node).map(|(_, to)| *to).collect();
        (deaf_to, unheard_by)
    }

    fn hear_each_other(&self, one: u16, other: u16) -> bool {
        !self.cut.contains(&(one, other)) && !self.cut.contains(&(other, one))
    }

    /// The most of these nodes that all hear each other, as far as a greedy search finds them: around each node, whoever
    /// has most cuts within the circle leaves first. Sides of partitions are found exactly.
    pub fn largest_together(&self, nodes: &[u16]) -> Vec<u16> {
        let circle = |center: &u16| {
            let mut circle: Vec<u16> =
                nodes.iter().copied().filter(|node| self.hear_each_other(*center, *node)).collect();
            let cuts = |circle: &[u16], node: u16| {
                circle.iter().filter(|other| !self.hear_each_other(node, **other)).count()
            };
            while let Some(worst) = circle.iter().copied().max_by_key(|node| cuts(&circle, *node))
                && cuts(&circle, worst) > 0
            {
                circle.retain(|node| *node != worst);
            }
            circle
        };
        let mut circles: Vec<Vec<u16>> = nodes.iter().map(circle).collect();
        circles.sort_by_key(|circle| (std::cmp::Reverse(circle.len()), circle.clone()));
        circles.into_iter().next().unwrap_or_default()
    }
}
