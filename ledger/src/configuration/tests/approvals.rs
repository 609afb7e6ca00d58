//! Operators approve changes: who counts, for what, and when it happens.

use super::*;

#[test]
fn a_change_happens_in_the_block_in_which_as_many_operators_as_it_takes_agree() {
    let mut network = Network::start();
    let change = network.changed(2, |it| it.prepare_timeout_ms = 3_000);
    network.approve(1, &change).unwrap();
    assert_eq!((network.configuration().version, network.approvals()), (1, vec![(change.clone(), 1)]));

    network.approve(3, &change).unwrap();
    let after = network.configuration();
    assert_eq!((after.version, after.parameters.prepare_timeout_ms), (2, 3_000));
    assert_eq!(network.approvals(), [], "what has happened waits no longer");
    network.restarts_as_it_was();
}

#[test]
fn an_operator_counts_once_however_often_it_approves() {
    let mut network = Network::start();
    let change = network.changed(2, |it| it.prepare_timeout_ms = 3_000);
    for _ in 0..3 {
        network.approve(2, &change).unwrap();
    }
    let twice = vec![network.approval(2, &change), network.approval(2, &change)];
    network.block(0, twice, vec![]);
    assert_eq!((network.configuration().version, network.approvals()), (1, vec![(change, 1)]));
}

#[test]
fn who_is_no_operator_is_refused_with_the_reason() {
    let mut network = Network::start();
    let change = network.changed(2, |it| it.prepare_timeout_ms = 3_000);
    network.approve(1, &change).unwrap();
    assert_eq!(network.approve(4, &change), Err(FailureReason::NotAnOperator));
    assert_eq!((network.configuration().version, network.approvals()), (1, vec![(change, 1)]));
}

#[test]
fn without_operators_the_configuration_stays_as_it_is() {
    let mut network = Network::with(Operators::default());
    let change = network.changed(2, |it| it.prepare_timeout_ms = 3_000);
    assert_eq!(network.approve(1, &change), Err(FailureReason::NotAnOperator));
    assert_eq!(network.configuration().version, 1);
}

#[test]
fn a_change_that_does_not_make_the_next_version_is_refused() {
    let mut network = Network::start();
    for version in [0, 1, 3, u64::MAX] {
        let change = network.changed(version, |it| it.prepare_timeout_ms = 3_000);
        assert_eq!(network.approve(1, &change), Err(FailureReason::StaleVersion), "version {version}");
    }
    let change = network.changed(2, |it| it.prepare_timeout_ms = 3_000);
    network.approve(1, &change).unwrap();
    network.approve(2, &change).unwrap();
    assert_eq!(network.approve(3, &change), Err(FailureReason::StaleVersion), "it has happened");
}

#[test]
fn of_two_changes_of_the_same_version_the_one_that_gets_there_first_happens() {
    let mut network = Network::start();
    let (one, other) = (
        network.changed(2, |it| it.prepare_timeout_ms = 3_000),
        network.changed(2, |it| it.prepare_timeout_ms = 4_000),
    );
    network.approve(1, &one).unwrap();
    network.approve(2, &other).unwrap();
    assert_eq!((network.configuration().version, network.approvals().len()), (1, 2));
    network.approve(3, &other).unwrap();
    assert_eq!(network.configuration().parameters.prepare_timeout_ms, 4_000);
    assert_eq!(network.approvals(), [], "the other one can't happen any more");
    assert_eq!(network.approve(2, &one), Err(FailureReason::StaleVersion));
}

#[test]
fn an_operator_who_approves_another_change_no_longer_approves_the_first() {
    let mut network = Network::start();
    let (one, other) = (
        network.changed(2, |it| it.prepare_timeout_ms = 3_000),
        network.changed(2, |it| it.prepare_timeout_ms = 4_000),
    );
    network.approve(1, &one).unwrap();
    network.approve(1, &other).unwrap();
    assert_eq!(network.approvals(), [(other.clone(), 1)]);
    network.approve(2, &one).unwrap();
    assert_eq!(network.configuration().version, 1, "one operator for each");
    network.restarts_as_it_was();
    network.approve(3, &one).unwrap();
    assert_eq!(network.configuration().parameters.prepare_timeout_ms, 3_000);
}

#[test]
fn parameters_against_the_rules_or_of_a_whole_epoch_are_refused() {
    let mut network = Network::start();
    let bad: [fn(&mut Parameters); 6] = [
        |it| it.idle_interval_ms = 1,
        |it| it.read_timeout_ms = it.prepare_timeout_ms + 1,
        |it| it.base_timeout_ms += 1,
        |it| it.max_timeout_ms += 1,
        |it| it.max_tx_lifetime_ms += 1,
        |it| it.max_drift_ms += 1,
    ];
    for change in bad {
        let change = network.changed(2, change);
        assert_eq!(network.approve(1, &change), Err(FailureReason::BadChange), "{change:?}");
    }
    assert_eq!(network.approvals(), []);
}

#[test]
fn operators_replace_themselves_and_the_new_ones_decide_from_then_on() {
    let mut network = Network::start();
    for bad in [operators(2, &[], 0), operators(2, &[1, 1], 1), operators(2, &[1], 2), operators(2, &[1], 0)]
    {
        assert_eq!(network.approve(1, &bad), Err(FailureReason::BadChange), "{bad:?}");
    }
    let change = operators(2, &[4], 1);
    network.approve(1, &change).unwrap();
    network.approve(2, &change).unwrap();
    assert_eq!(network.configuration().operators.accounts, [account(4)]);
    assert!(network.said(0, 1).is_empty(), "no other group goes by who they are");

    let next = network.changed(3, |it| it.prepare_timeout_ms = 3_000);
    assert_eq!(network.approve(1, &next), Err(FailureReason::NotAnOperator));
    network.restarts_as_it_was();
    network.approve(4, &next).unwrap();
    assert_eq!(network.configuration().version, 3);
}

#[test]
fn one_change_happens_in_a_block_and_what_comes_behind_it_waits_for_the_next() {
    let mut network = Network::with(Operators { accounts: vec![account(1)], threshold: 1 });
    let change = |network: &Network, version| network.changed(version, |it| it.prepare_timeout_ms += version);
    let (one, other) = (change(&network, 2), change(&network, 3));
    let list = vec![network.approval(1, &one), network.approval(1, &other)];
    let (first, second) = (list[0].id(), list[1].id());
    let executed = network.block(0, list.clone(), vec![]);
    assert_eq!((network.outcome(&first), executed.deferred.len()), (Ok(()), 1));
    assert_eq!(network.configuration().version, 2);
    network.block(0, list[1..].to_vec(), vec![]);
    assert_eq!((network.outcome(&second), network.configuration().version), (Ok(()), 3));
}

#[test]
fn an_approval_beside_other_ops_has_no_effect_even_if_a_faulty_quorum_votes_it_in() {
    let mut network = Network::with(Operators { accounts: vec![account(1)], threshold: 1 });
    let change = network.changed(2, |it| it.prepare_timeout_ms = 3_000);
    let mut crowded = network.approval(1, &change);
    crowded.ops.push(crowded.ops[0].clone());
    let id = crowded.id();
    network.block(0, vec![crowded], vec![]);
    assert_eq!(network.outcome(&id), Err(FailureReason::ForbiddenKey));

    let mut mixed = network.approval(1, &change);
    mixed.ops.push(crate::fixtures::put("a", "1"));
    for id in GROUPS {
        let executed = network.block(id, vec![mixed.clone()], vec![]);
        assert!(executed.started.is_empty(), "no other group is asked to take part");
    }
    assert_eq!(network.configuration().version, 1);
}

#[test]
fn an_approval_is_taken_in_by_the_root_group_alone() {
    let mut network = Network::start();
    let change = network.changed(2, |it| it.prepare_timeout_ms = 3_000);
    let approval = network.approval(1, &change);
    assert!(!network.root().is_elsewhere(&approval));
    for id in [1, 2] {
        assert!(network.group(id).is_elsewhere(&approval));
        let executed = network.block(id, vec![approval.clone()], vec![]);
        assert_eq!((executed.commit.receipts.len(), executed.deferred.len()), (0, 1));
    }
}
