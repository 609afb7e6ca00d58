//! Whatever accounts approve in whatever order, the configuration changes only by as many operators as it takes, who all
//! approve the same, each by its newest approval.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Accounts that approve: operators at the start are 1 to 3.
const ACCOUNTS: std::ops::RangeInclusive<u8> = 1..=5;

/// A change of one of a few kinds, of a version near the current one.
fn change(network: &Network, kind: u8, ahead: u64) -> Change {
    let version = network.configuration().version + ahead;
    match kind {
        0 => network.changed(version, |it| it.prepare_timeout_ms = 3_000),
        1 => network.changed(version, |it| it.idle_interval_ms += 1),
        2 => network.changed(version, |it| it.max_drift_ms += 1),
        3 => operators(version, &[1, 2, 3, 4], 3),
        4 => operators(version, &[4, 5], 1),
        _ => operators(version, &[1, 2, 3], 2),
    }
}

/// What the newest approvals are, worked out from all that happened.
#[derive(Default)]
struct Model {
    approvals: BTreeMap<u8, Change>,
}

impl Model {
    /// Whether this approval makes the change happen.
    fn approve(&mut self, before: &Configuration, number: u8, change: &Change) -> bool {
        let is_operator = before.operators.contains(&account(number));
        let is_next = change.version == before.version + 1;
        if !is_operator || !is_next || change.check(&before.parameters).is_err() {
            return false;
        }
        self.approvals.insert(number, change.clone());
        let agree: BTreeSet<u8> =
            self.approvals.iter().filter(|(_, it)| *it == change).map(|(number, _)| *number).collect();
        let happens = agree.len() >= usize::from(before.operators.threshold);
        if happens {
            self.approvals.clear();
        }
        happens
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_approvals_change_the_configuration_but_those_of_enough_operators(
        steps in vec((ACCOUNTS, 0..6_u8, 0..3_u64, any::<bool>()), 1..40),
    ) {
        let mut network = Network::start();
        let mut model = Model::default();
        for (number, kind, ahead, restarts) in steps {
            let before = network.configuration();
            let change = change(&network, kind, ahead);
            let expected = model.approve(&before, number, &change);
            let answer = network.approve(number, &change);
            let after = network.configuration();
            prop_assert_eq!(after != before, expected, "{:?} by {}: {:?}", change, number, answer);
            if expected {
                prop_assert_eq!(after.version, change.version);
                let expected = match &change.kind {
                    ChangeKind::Parameters(parameters) => (parameters.clone(), before.operators),
                    ChangeKind::Operators(operators) => (before.parameters, operators.clone()),
                };
                prop_assert_eq!((after.parameters, after.operators), expected);
            }
            let live: usize = network.approvals().iter().map(|(_, count)| count).sum();
            prop_assert_eq!(live, model.approvals.len(), "at most one for each operator");
            if restarts {
                network.restarts_as_it_was();
            }
        }
    }
}
