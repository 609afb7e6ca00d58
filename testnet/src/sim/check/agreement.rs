//! Agreement: one block and one result at each height, whoever executes it and however often.

use super::{Promise, Verdict, holds};
use std::collections::BTreeMap;
use witan_types::{Height, Outcome};

/// The first result seen at each height. It names the block.
#[derive(Debug, Default)]
pub(in crate::sim) struct Agreement {
    outcomes: BTreeMap<Height, (usize, Outcome)>,
}

impl Agreement {
    /// A node executed a block.
    pub(in crate::sim) fn executed(&mut self, node: usize, outcome: &Outcome) -> Verdict {
        let first = self.outcomes.entry(outcome.height).or_insert_with(|| (node, outcome.clone()));
        holds(Promise::Agreement, first.1 == *outcome, || {
            let (height, other) = (outcome.height, first.0);
            format!("at height {height} node {other} has {:?}, node {node} has {outcome:?}", first.1)
        })
    }

    /// What came out at a height, if anyone got there.
    pub(in crate::sim) fn outcome(&self, height: Height) -> Option<&Outcome> {
        self.outcomes.get(&height).map(|(_, outcome)| outcome)
    }

    /// The newest height that anyone executed.
    pub(in crate::sim) fn newest(&self) -> Height {
        self.outcomes.last_key_value().map_or(0, |(height, _)| *height)
    }
}
