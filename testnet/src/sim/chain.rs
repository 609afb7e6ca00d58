//! One group over all its nodes, seen from outside: the checkers of its chain.

use super::check::{Agreement, Durability, Liveness, Seals};
use super::scenario::Scenario;
use witan_types::{Genesis, GroupId};

/// What is known of one group.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) agreement: Agreement,
    pub(super) seals: Seals,
    pub(super) durability: Durability,
    /// Once all faults have healed.
    pub(super) liveness: Option<Liveness>,
    /// The highest round, view or term of an honest node.
    pub(super) views: u64,
}

impl Chain {
    pub(super) fn new(scenario: &Scenario, genesis: &Genesis, group: GroupId) -> Chain {
        Chain {
            agreement: Agreement::default(),
            seals: Seals::new(genesis, group, scenario.scheme),
            durability: Durability::default(),
            liveness: None,
            views: 0,
        }
    }
}
