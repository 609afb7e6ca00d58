//! Whom a fault hits.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use witan_types::GroupId;

/// A node by its place, or whoever leads a group at that moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    /// `n3`.
    Node(u16),
    /// `leader` of group 1, or `leader:2` of another.
    Leader(GroupId),
}

impl Who {
    /// The node's place, if it is named by that.
    pub fn place(self) -> Option<u16> {
        match self {
            Who::Node(place) => Some(place),
            Who::Leader(_) => None,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Node(place) => write!(f, "n{place}"),
            Who::Leader(GroupId(1)) => f.write_str("leader"),
            Who::Leader(group) => write!(f, "leader:{group}"),
        }
    }
}

impl FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Who, String> {
        let found = match text.strip_prefix("leader") {
            Some("") => Some(Who::Leader(GroupId(1))),
            Some(group) => group
                .strip_prefix(':')
                .and_then(|group| group.parse().ok())
                .map(|id| Who::Leader(GroupId(id))),
            None => text.strip_prefix('n').and_then(|place| place.parse().ok()).map(Who::Node),
        };
        found.ok_or_else(|| format!("{text:?} is no node: expected one such as n0, leader or leader:2"))
    }
}

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Who, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
