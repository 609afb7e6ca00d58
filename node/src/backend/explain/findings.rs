//! What is wrong in a situation, the most important first, in words that name the nodes.

mod network;
mod node;

use super::situation::Situation;
use super::words::MAX_NAMED;
use witan_rpc::view::Finding;
use witan_types::GroupId;

/// A finding, and whether the node counts as ready all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) finding: Finding,
    pub(super) ready: bool,
}

/// Everything that is wrong.
pub(super) fn judge(situation: &Situation) -> Vec<Found> {
    let mut found = Vec::new();
    node::life(situation, &mut found);
    network::wrong_genesis(situation, &mut found);
    network::no_quorum(situation, &mut found);
    network::stuck(situation, &mut found);
    node::clock(situation, &mut found);
    node::syncing(situation, &mut found);
    node::mempool(situation, &mut found);
    node::disk(situation, &mut found);
    network::locks(situation, &mut found);
    network::elsewhere(situation, &mut found);
    network::strangers(situation, &mut found);
    network::absent(situation, &mut found);
    node::faults(situation, &mut found);
    found
}

/// A finding that leaves the node ready.
fn noted(reason: &str, group: Option<GroupId>, nodes: &[&str], text: String, fix: String) -> Found {
    let nodes = nodes.iter().take(MAX_NAMED).map(|name| (*name).to_owned()).collect();
    Found { finding: Finding { reason: reason.to_owned(), group, nodes, text, fix }, ready: true }
}

/// A finding that makes the node count as not ready.
fn grave(reason: &str, group: Option<GroupId>, nodes: &[&str], text: String, fix: String) -> Found {
    Found { ready: false, ..noted(reason, group, nodes, text, fix) }
}
