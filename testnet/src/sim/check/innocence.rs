//! Innocence: no message of an honest node is refused, and no honest validator is accused. An accusation of an
//! attacker proves itself to anyone: two different statements, both signed by the accused.

use super::{Promise, Verdict, holds};
use std::collections::BTreeSet;
use witan_consensus::engine::Evidence;
use witan_replica::Rejection;
use witan_types::{PublicKey, Scheme};

/// Who attacks, and how often that was proven.
#[derive(Debug)]
pub(in crate::sim) struct Innocence {
    keys: Vec<PublicKey>,
    scheme: Scheme,
    attackers: BTreeSet<usize>,
    accusations: u64,
}

impl Innocence {
    /// The validators' keys by place, and who of them attacks.
    pub(in crate::sim) fn new(keys: Vec<PublicKey>, scheme: Scheme, attackers: BTreeSet<usize>) -> Innocence {
        Innocence { keys, scheme, attackers, accusations: 0 }
    }

    /// Accusations so far; all of them true.
    pub(in crate::sim) fn accusations(&self) -> u64 {
        self.accusations
    }

    /// A node refused another's message.
    pub(in crate::sim) fn rejected(&self, node: usize, from: usize, why: &Rejection) -> Verdict {
        holds(Promise::Innocence, self.attackers.contains(&from), || {
            format!("node {node} refuses a message of node {from}: {why}")
        })
    }

    /// A node accused a validator.
    pub(in crate::sim) fn accused(&mut self, node: usize, evidence: &Evidence) -> Verdict {
        let (validator, conflict) = (evidence.validator, evidence.conflict);
        holds(Promise::Innocence, self.is_proof(evidence), || {
            format!("node {node} accuses validator {validator} without proof: {conflict}")
        })?;
        holds(Promise::Innocence, self.attackers.contains(&validator.at()), || {
            format!("node {node} accuses validator {validator}: {conflict}")
        })?;
        self.accusations += 1;
        Ok(())
    }

    /// What a third party would check, with the committee's keys alone.
    fn is_proof(&self, evidence: &Evidence) -> bool {
        let Evidence { validator, key, first, second, .. } = evidence;
        let signed = [first, second]
            .into_iter()
            .all(|signed| signed.key == *key && self.scheme.verify(key, &signed.message, &signed.signature));
        self.keys.get(validator.at()) == Some(key) && first.message != second.message && signed
    }
}
