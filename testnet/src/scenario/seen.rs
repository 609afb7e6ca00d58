//! What is seen of a network while a scenario runs.

use crate::faults::Span;
use serde::Serialize;
use witan_types::{GroupId, Height};

/// How far a node is in a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The node's place.
    pub node: u16,
    /// The group.
    pub group: GroupId,
    /// The newest block that it executed.
    pub height: Height,
}

/// How far every node is that answers, at one moment of a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// When, counted from the start of the scenario.
    pub at: Span,
    /// Each node in each group; those that don't answer are missing.
    pub standings: Vec<Standing>,
}

impl Sample {
    /// How far a node is in a group, if it answered.
    pub fn height(&self, node: u16, group: GroupId) -> Option<Height> {
        let found = self.standings.iter().find(|standing| (standing.node, standing.group) == (node, group));
        found.map(|standing| standing.height)
    }
}

/// Something that happened in a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// When, counted from the start of the scenario.
    pub at: Span,
    /// What.
    pub text: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Note { at, text } = self;
        write!(f, "{:>7.2} s  {text}", at.0.as_secs_f64())
    }
}
