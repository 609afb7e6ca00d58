//! One transaction at a time.

use super::*;

#[test]
fn all_groups_say_yes_and_each_applies_its_part() {
    let mut network = Network::start();
    let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
    let list = network.signed(vec![put(&one, "1"), put(&two, "2"), get(&three), get(&one)]);
    let began = network.block(1, vec![list.clone()]);
    assert_eq!(
        (began.started, began.commit.receipts.len()),
        (vec![list.id()], 0),
        "pending, without a receipt"
    );
    assert_eq!((network.bytes(&one), network.locks()), (None, 1), "locked, not applied");
    network.hear(2);
    network.hear(3);
    assert_eq!(network.locks(), 3);
    let decided = network.hear(1);
    let receipt = &decided.commit.receipts[0];
    let TransactionOutcome::Applied { reads } = &receipt.outcome else { panic!("{receipt:?}") };
    let values: Vec<_> = reads.iter().map(|read| read.entry.clone().map(|entry| entry.value)).collect();
    assert_eq!(values, [None, Some(Value::Bytes(b"1".to_vec()))], "in the order of the transaction");
    assert_eq!(
        (network.bytes(&one).as_deref(), network.bytes(&two)),
        (Some("1"), None),
        "acknowledged first"
    );
    assert_eq!(receipt.told.len(), 2);
    network.settle();
    assert_eq!(network.bytes(&two).as_deref(), Some("2"));
    assert_eq!(network.locks(), 0);
    for told in &receipt.told {
        assert!(network.ledgers[&told.group].consumed(group(1)) > told.place, "applied at {:?}", told.group);
    }
}

#[test]
fn one_that_would_fail_in_another_group_has_no_effect_in_any() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let check =
        vec![Check::Absent { key: Key::from(one.as_str()) }, Check::Exists { key: Key::from(two.as_str()) }];
    let refused = network.signed_by(1, check, vec![put(&one, "1")]);
    network.block(1, vec![refused.clone()]);
    network.settle();
    let reason = AbortReason::Failed(FailureReason::CheckFailed);
    assert_eq!(network.outcome(1, &refused), TransactionOutcome::Aborted { reason });
    assert_eq!((network.bytes(&one), network.locks()), (None, 0));
}

#[test]
fn one_that_fails_at_its_coordinator_asks_nobody() {
    let mut network = Network::start();
    let (poor, other) = (network.holder(1, 0), network.holder(2, 0));
    let refused = network.signed_by(poor, vec![], vec![transfer(other, 1_001)]);
    let executed = network.block(1, vec![refused]);
    let reason = FailureReason::InsufficientBalance;
    assert_eq!(executed.commit.receipts[0].outcome, TransactionOutcome::Failed { reason });
    assert!(network.said.is_empty());
    assert_eq!(network.locks(), 0);
}

#[test]
fn a_transfer_moves_balance_between_groups() {
    let mut network = Network::start();
    let (from, to) = (network.holder(1, 0), network.holder(2, 0));
    let paid = network.signed_by(from, vec![], vec![transfer(to, 300)]);
    network.block(1, vec![paid.clone()]);
    network.settle();
    assert!(applied(&network.outcome(1, &paid)));
    assert_eq!((network.balance(from), network.balance(to), network.total()), (700, 1_300, 40_000));
}

#[test]
fn without_votes_the_deadline_in_the_coordinators_block_time_ends_it() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let lost = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    network.block(1, vec![lost.clone()]);
    network.block_of(1, 4_999, vec![], vec![]);
    assert_eq!(network.receipt(1, &lost), None);
    network.block_of(1, 1, vec![], vec![]);
    let reason = AbortReason::Deadline;
    assert_eq!(network.outcome(1, &lost), TransactionOutcome::Aborted { reason });
    assert_eq!(network.ledger(1).locks().count(), 0);
    network.settle();
    assert_eq!(
        (network.bytes(&two), network.locks()),
        (None, 0),
        "the late prepare is released by what follows it"
    );
}

#[test]
fn a_read_that_is_answered_too_late_lets_others_pass_and_is_tried_again_for_twice_as_long() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let read = network.signed(vec![get(&one), get(&two)]);
    network.block(1, vec![read.clone()]);
    network.block_of(1, 999, vec![], vec![]);
    assert_eq!(network.ledger(1).locks().count(), 1);
    let written = network.signed(vec![put(&one, "1")]);
    network.block_of(1, 1, vec![], vec![]);
    assert_eq!((network.receipt(1, &read), network.ledger(1).locks().count()), (None, 0));
    network.block(1, vec![written.clone()]);
    assert!(applied(&network.outcome(1, &written)), "nobody waits for a read between two attempts");

    network.block_of(1, 100, vec![], vec![]);
    assert_eq!(network.ledger(1).coordinated(&read.id()).unwrap().attempt, 2);
    network.hear(2);
    network.hear_after(1, 1_999);
    let TransactionOutcome::Applied { reads } = network.outcome(1, &read) else { panic!("it is read") };
    assert_eq!(reads.len(), 2);
    network.settle();
    assert_eq!(network.locks(), 0);
}

#[test]
fn a_read_of_a_group_that_never_answers_is_given_up_when_anything_else_would_be_and_says_why() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let read = network.signed(vec![get(&one), get(&two)]);
    let ends_at_ms = network.ledger(1).tip().time_ms + 10 + network.genesis.parameters.prepare_timeout_ms;
    network.block(1, vec![read.clone()]);
    while network.receipt(1, &read).is_none() {
        assert!(network.ledger(1).tip().time_ms < ends_at_ms, "it never ends");
        network.block_of(1, 100, vec![], vec![]);
    }
    let reason = AbortReason::Deadline;
    assert_eq!(network.outcome(1, &read), TransactionOutcome::Aborted { reason });
    assert_eq!(network.ledger(1).locks().count(), 0);
    network.settle();
    assert_eq!(network.locks(), 0, "what it asked for late is released by what follows");
}

#[test]
fn a_read_that_expires_is_waited_for_no_longer() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let unsigned = network.signed(vec![get(&one), get(&two)]).transaction;
    let expires_at_ms = network.ledger(1).tip().time_ms + 510;
    let read = Transaction { expires_at_ms, ..unsigned }.sign(&secret(1));
    network.block(1, vec![read.clone()]);
    network.block_of(1, 499, vec![], vec![]);
    assert_eq!(network.receipt(1, &read), None);
    network.block_of(1, 1, vec![], vec![]);
    let reason = AbortReason::Deadline;
    assert_eq!(network.outcome(1, &read), TransactionOutcome::Aborted { reason });
}

#[test]
fn votes_that_come_with_the_deadline_count() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let close = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    network.block(1, vec![close.clone()]);
    network.hear(2);
    network.hear_after(1, 60_000);
    assert!(applied(&network.outcome(1, &close)));
}

#[test]
fn a_participant_waits_for_the_decision_however_long_it_takes() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let slow = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    network.block(1, vec![slow.clone()]);
    network.hear(2);
    for _ in 0..10 {
        network.block_of(2, 60_000, vec![], vec![]);
    }
    assert_eq!(network.ledger(2).locks().count(), 1);
    network.hear(1);
    network.settle();
    assert!(applied(&network.outcome(1, &slow)));
    assert_eq!(network.bytes(&two).as_deref(), Some("2"));
}

#[test]
fn a_ledger_opened_again_goes_on_where_it_was() {
    let mut network = Network::start();
    let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
    let list = network.signed(vec![put(&one, "1"), put(&two, "2"), put(&three, "3")]);
    network.block(1, vec![list.clone()]);
    for _ in 0..6 {
        let genesis = network.genesis.clone();
        for (id, ledger) in &mut network.ledgers {
            let (again, _) = Ledger::open(ledger.store().clone(), &genesis, *id).unwrap();
            let again = again.under(Scheme::StandIn);
            assert_eq!(again.dealings(), ledger.dealings(), "group {id}");
            *ledger = again;
        }
        (1..=GROUPS).for_each(|id| {
            network.hear(id);
        });
    }
    assert!(applied(&network.outcome(1, &list)));
    assert_eq!(network.bytes(&three).as_deref(), Some("3"));
    assert_eq!(network.locks(), 0);
}
