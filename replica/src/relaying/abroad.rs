//! Envelopes over the network: which members of the receiving group have no replica of this one on their node, and who
//! sends to whom.

use std::collections::BTreeMap;
use witan_types::{Genesis, GroupId, NodeId};

/// Where what this node's group says to one other group has to go beside the replica on this node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Route {
    /// The members that hear of it from this node as soon as the block is sealed.
    pub(crate) first: Vec<NodeId>,
    /// All members that are not members of this group too: they hear from every member of it while they have not told
    /// to have consumed it.
    pub(crate) all: Vec<NodeId>,
}

/// The routes of a node from its group to each other one; none if it has no vote in its own group.
///
/// As soon as a block is sealed, each member of the other group that is not a member of this one gets as many copies as
/// there may be faulty members here, and one: from the members whose places follow its own, round and round. Lost
/// ones are made up for when all is offered again.
pub(crate) fn routes(genesis: &Genesis, group: GroupId, me: &NodeId) -> BTreeMap<GroupId, Route> {
    let members: Vec<NodeId> = genesis.members(group).into_iter().map(|member| member.node).collect();
    let Some(place) = members.iter().position(|member| member == me) else { return BTreeMap::new() };
    let copies = genesis.committee(group).map_or(1, |committee| committee.max_faulty().saturating_add(1));
    let others = genesis.groups.iter().map(|other| other.id).filter(|other| *other != group);
    let route = |other: GroupId| {
        let receivers = genesis.members(other).into_iter().map(|member| member.node);
        let all: Vec<NodeId> = receivers.filter(|node| !members.contains(node)).collect();
        let sends = |at: usize| {
            let behind = place.saturating_add(members.len()).saturating_sub(at % members.len().max(1));
            behind.checked_rem(members.len()).is_some_and(|behind| behind < copies)
        };
        let first = all.iter().enumerate().filter(|(at, _)| sends(*at)).map(|(_, node)| *node).collect();
        (other, Route { first, all })
    };
    others.map(route).filter(|(_, route)| !route.all.is_empty()).collect()
}

#[cfg(test)]
mod tests;
