//! Transactions that meet.

use super::*;
use crate::execute::Stopped;

#[test]
fn a_transaction_of_one_group_that_meets_a_lock_is_deferred_and_unseen() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let across = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    let alone = network.signed(vec![put(&one, "mine")]);
    network.block(1, vec![across]);
    let executed = network.block(1, vec![alone.clone()]);
    let key = Key::from(one.as_str());
    assert_eq!(executed.deferred, vec![(alone.id(), crate::execute::Stopped::Key(key.clone()))]);
    assert_eq!(executed.commit.receipts, vec![]);
    network.hear(2);
    let decided = network.hear(1);
    assert!(decided.freed.contains(&key));
    assert!(!network.ledger(1).remembers(&alone.id()));
    let executed = network.block(1, vec![alone]);
    assert!(applied(&executed.commit.receipts[0].outcome));
}

#[test]
fn a_copy_of_a_pending_transaction_is_skipped() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let op = |key: &str| Op::Append { key: Key::from(key), item: b"x".to_vec() };
    let across = network.signed(vec![op(&one), op(&two)]);
    network.block(1, vec![across.clone()]);
    let copy = network.block(1, vec![across.clone()]);
    assert_eq!((copy.started, copy.deferred, copy.commit.receipts.clone()), (vec![], vec![], vec![]));
    network.settle();
    assert_eq!(network.value(&one), Some(Value::List(vec![b"x".to_vec()])));
    let copy = network.block(1, vec![across]);
    assert_eq!(copy.commit.receipts, vec![]);
}

#[test]
fn two_that_want_each_others_keys_both_end_applied() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let first = network.signed(vec![put(&one, "first"), put(&two, "first")]);
    let second = network.signed(vec![put(&two, "second"), put(&one, "second")]);
    network.block(1, vec![first.clone()]);
    network.block(2, vec![second.clone()]);
    network.settle();
    assert!(applied(&network.outcome(1, &first)) && applied(&network.outcome(2, &second)));
    assert_eq!(network.bytes(&one), network.bytes(&two));
    assert_eq!(network.locks(), 0);
}

#[test]
fn a_copy_in_the_block_that_decides_is_skipped() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let op = |key: &str| Op::Append { key: Key::from(key), item: b"x".to_vec() };
    let across = network.signed(vec![op(&one), op(&two)]);
    network.block(1, vec![across.clone()]);
    network.hear(2);
    let votes = network.said(2, 1);
    let decided = network.block_of(1, 10, vec![across.clone()], votes);
    assert_eq!((decided.commit.receipts.len(), decided.started), (1, vec![]));
    network.settle();
    assert_eq!(network.value(&one), Some(Value::List(vec![b"x".to_vec()])));
    assert_eq!(network.value(&two), Some(Value::List(vec![b"x".to_vec()])));
}

#[test]
fn what_is_given_up_between_two_attempts_claims_nothing_any_more() {
    let mut network = Network::start();
    let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
    let holds = network.signed(vec![put(&two, "held"), put(&three, "held")]);
    let across = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    network.block(2, vec![holds]);
    network.block(1, vec![across.clone()]);
    let envelopes = network.said(1, 2);
    network.block_of(2, 10, vec![], envelopes);
    let refusal = network.said(2, 1);
    network.block_of(1, 1, vec![], refusal);
    network.block_of(1, 60_000, vec![], vec![]);
    network.settle();
    let reason = AbortReason::Conflict;
    assert_eq!(network.outcome(1, &across), TransactionOutcome::Aborted { reason });
    let young = network.signed(vec![put(&two, "young")]);
    let executed = network.block(2, vec![young]);
    assert_eq!(executed.deferred, []);
    assert_eq!(network.bytes(&two).as_deref(), Some("young"));
}

#[test]
fn who_was_refused_in_one_group_is_passed_by_in_none() {
    let mut network = Network::start();
    let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
    let holds = network.signed(vec![put(&three, "held"), put(&network.key(1, "b"), "held")]);
    let across = network.signed(vec![put(&one, "1"), put(&two, "2"), put(&three, "3")]);
    network.block(3, vec![holds.clone()]);
    network.block(1, vec![across.clone()]);
    network.hear(2);
    let envelopes = network.said(1, 3);
    network.block_of(3, 10, vec![], envelopes);
    let answers = [network.said(3, 1), network.said(2, 1)].concat();
    network.block_of(1, 1, vec![], answers);
    network.hear(2);
    assert_eq!((network.ledger(1).locks().count(), network.ledger(2).locks().count()), (1, 0));
    for (id, key) in [(1, &one), (2, &two)] {
        let young = network.signed(vec![put(key, "young")]);
        let executed = network.block_of(id, 1, vec![young.clone()], vec![]);
        assert_eq!(executed.deferred, [(young.id(), Stopped::Key(Key::from(key.as_str())))]);
    }
    network.settle();
    assert!(applied(&network.outcome(3, &holds)) && applied(&network.outcome(1, &across)));
    assert_eq!(network.bytes(&three).as_deref(), Some("3"));
}
