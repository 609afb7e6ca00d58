//! Validity of seals: each is judged again, from genesis alone, and compared with what was executed.

use super::{Agreement, Promise, Verdict, holds};
use witan_light::Verifier;
use witan_types::{Committee, Genesis, GroupId, Scheme, Seal};

/// Judges seals.
#[derive(Debug)]
pub(in crate::sim) struct Seals {
    /// The committee under the run's signatures.
    committee: Option<Committee>,
    /// The light client's verifier; it knows real signatures only.
    light: Option<Verifier>,
}

impl Seals {
    pub(in crate::sim) fn new(genesis: &Genesis, group: GroupId, scheme: Scheme) -> Seals {
        let light = if scheme == Scheme::Ed25519 { Verifier::new(genesis).ok() } else { None };
        Seals { committee: genesis.committee(group).map(|committee| committee.under(scheme)), light }
    }

    /// A node holds this seal.
    pub(in crate::sim) fn sealed(&self, node: usize, seal: &Seal, agreement: &Agreement) -> Verdict {
        let by_quorum = self.committee.as_ref().is_some_and(|committee| seal.verify(committee).is_ok());
        let by_light = self.light.as_ref().is_none_or(|light| light.verify_seal(seal).is_ok());
        let outcome = &seal.outcome;
        holds(Promise::ValidSeals, by_quorum && by_light, || {
            format!("node {node} holds a seal that does not verify: {outcome:?}")
        })?;
        holds(Promise::ValidSeals, agreement.outcome(outcome.height) == Some(outcome), || {
            format!("node {node} holds a seal on a result that nobody has: {outcome:?}")
        })
    }
}
