//! What must be seen of a network in a window of time.

use super::seen::Sample;
use super::verdict::Seen;
use crate::faults::{Span, Who};
use serde::{Deserialize, Serialize};
use std::fmt;
use witan_types::{GroupId, Height};

/// Whether a group makes progress in a window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expectation {
    /// When the window begins, counted from the start.
    pub from: Span,
    /// When it ends.
    pub to: Span,
    /// Which group.
    #[serde(default = "first_group")]
    pub group: GroupId,
    /// As seen by these nodes; by all that run, if none is named.
    #[serde(default)]
    pub nodes: Vec<Who>,
    /// Whether one of them at least executes a block, or none of them any.
    pub progress: bool,
    /// Why that is to be expected.
    pub because: String,
}

fn first_group() -> GroupId {
    GroupId(1)
}

/// A node at both ends of a window.
struct Ends {
    node: u16,
    from: Option<Height>,
    to: Option<Height>,
}

impl Ends {
    /// Whether it told both ends.
    fn answers(&self) -> bool {
        self.from.is_some() && self.to.is_some()
    }

    /// Whether it executed a block in between. One that did not answer at an end shows nothing.
    fn rises(&self) -> bool {
        self.from.zip(self.to).is_some_and(|(from, to)| to > from)
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ends { node, from, to } = self;
        match (from, to) {
            (Some(from), Some(to)) => write!(f, "n{node} {from} to {to}"),
            (None, Some(to)) => write!(f, "n{node} silent to {to}"),
            (Some(from), None) => write!(f, "n{node} {from} to silent"),
            (None, None) => write!(f, "n{node} silent"),
        }
    }
}

impl Expectation {
    /// Judges what was seen. `members` are the nodes of the group, and `is_down` says whether a fault holds one down all the
    /// while: that makes no progress for sure, while any other one has to be heard to.
    pub(super) fn judge(&self, samples: &[Sample], members: &[u16], is_down: &dyn Fn(u16) -> bool) -> Seen {
        let at = |when: Span| samples.iter().find(|sample| sample.at == when);
        let (Some(from), Some(to)) = (at(self.from), at(self.to)) else {
            return self.seen(false, "the run ended before the window did".into());
        };
        let named: Vec<u16> = self.nodes.iter().filter_map(|who| who.place()).collect();
        let watched = if named.is_empty() { members } else { &named };
        let ends = |node: &u16| Ends {
            node: *node,
            from: from.height(*node, self.group),
            to: to.height(*node, self.group),
        };
        let ends: Vec<Ends> = watched.iter().map(ends).collect();
        let progress = ends.iter().any(Ends::rises);
        let heard = ends.iter().any(Ends::answers) || ends.iter().all(|ends| is_down(ends.node));
        let words = ends.iter().map(Ends::to_string).collect::<Vec<_>>();
        self.seen(progress == self.progress && heard, format!("blocks executed: {}", words.join(", ")))
    }

    fn seen(&self, seen: bool, evidence: String) -> Seen {
        Seen { expectation: self.to_string(), because: self.because.clone(), seen, evidence }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expectation { from, to, group, nodes, progress, .. } = self;
        let what = if *progress { "makes progress" } else { "makes no progress" };
        write!(f, "group {group} {what} from {from} to {to}")?;
        if nodes.is_empty() {
            return Ok(());
        }
        let names = nodes.iter().map(Who::to_string).collect::<Vec<_>>();
        write!(f, ", as {} {} it", names.join(", "), if names.len() == 1 { "sees" } else { "see" })
    }
}
