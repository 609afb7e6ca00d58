//! Innocence: every node here follows the protocol, so no message of one is refused and nobody is accused.

use super::{Broken, Promise};
use witan_consensus::engine::Evidence;
use witan_replica::Rejection;

/// A node refused another's message.
pub(in crate::sim) fn rejected(node: usize, from: usize, why: &Rejection) -> Broken {
    Broken {
        promise: Promise::Innocence,
        what: format!("node {node} refuses a message of node {from}: {why}"),
    }
}

/// A node accused a validator.
pub(in crate::sim) fn accused(node: usize, evidence: &Evidence) -> Broken {
    let (validator, conflict) = (evidence.validator, evidence.conflict);
    Broken {
        promise: Promise::Innocence,
        what: format!("node {node} accuses validator {validator}: {conflict}"),
    }
}
