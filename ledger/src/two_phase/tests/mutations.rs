//! The mistakes that can be planted: for each a story whose promise holds without it and is broken by it.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use witan_types::Wire;

/// Asserts that a story, which says whether its promise held, tells a network with a mistake from one without.
fn assert_found(fault: PlantedFault, story: fn(&mut Network) -> bool) {
    assert!(story(&mut Network::start()), "the promise holds without {fault:?}");
    let mut planted = Network::with(Some(fault));
    let held = catch_unwind(AssertUnwindSafe(|| story(&mut planted)));
    assert!(!held.unwrap_or(false), "{fault:?} lives");
}

impl Network {
    /// A block of a group that hears what some of the others said to it, and nothing else.
    fn hear_from(&mut self, id: u32, after_ms: u64, sources: &[u32]) -> Executed {
        let envelopes = sources.iter().flat_map(|from| self.said(*from, id)).collect();
        self.block_of(id, after_ms, vec![], envelopes)
    }

    /// What the gets of a transaction returned.
    fn reads(&self, id: u32, transaction: &SignedTransaction) -> Vec<Option<Value>> {
        match self.outcome(id, transaction) {
            TransactionOutcome::Applied { reads } => {
                reads.into_iter().map(|read| read.entry.map(|entry| entry.value)).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn without_a_cursor_a_replayed_envelope_is_obeyed_again() {
    assert_found(PlantedFault::NoReplayCursor, |network| {
        let (one, two) = (network.key(1, "a"), network.key(2, "a"));
        let across = network.signed(vec![put(&one, "1"), put(&two, "2")]);
        network.block(1, vec![across]);
        network.hear(2);
        let replay = network.said[&(group(2), group(1))].clone();
        network.settle();
        network.block_of(1, 10, vec![], replay);
        // A vote on what has ended is answered, but this one was heard before.
        network.said(1, 2).iter().all(|envelope| envelope.contents.messages.is_empty())
    });
}

#[test]
fn a_gap_that_is_consumed_leaves_keys_locked_for_a_decision_that_a_relay_dropped() {
    assert_found(PlantedFault::GapsAreConsumed, |network| {
        let [one, two, three, four] =
            [(1, "a"), (2, "a"), (1, "b"), (2, "b")].map(|(id, name)| network.key(id, name));
        let first = network.signed(vec![put(&one, "1"), put(&two, "2")]);
        let second = network.signed(vec![put(&three, "3"), put(&four, "4")]);
        network.block(1, vec![first]);
        network.hear(2);
        network.hear(1);
        let mut dropped = network.said(1, 2);
        network.block(1, vec![second]);
        let passed_on = network.said(1, 2);
        network.block_of(2, 10, vec![], passed_on.clone());
        // Another relay offers all of it.
        dropped.extend(passed_on);
        network.block_of(2, 10, vec![], dropped);
        network.settle();
        network.bytes(&two).as_deref() == Some("2") && network.locks() == 0
    });
}

#[test]
fn a_gap_that_is_consumed_loses_what_a_relay_let_others_overtake() {
    assert_found(PlantedFault::GapsAreConsumed, |network| {
        let [one, two, three, four] =
            [(1, "a"), (2, "a"), (1, "b"), (2, "b")].map(|(id, name)| network.key(id, name));
        let both = [[one, two], [three, four]]
            .map(|[here, there]| network.signed(vec![put(&here, "here"), put(&there, "there")]));
        both.iter().for_each(|signed| {
            network.block(1, vec![signed.clone()]);
        });
        let mut reordered = network.said(1, 2);
        reordered.reverse();
        network.block_of(2, 10, vec![], reordered.clone());
        network.block_of(2, 10, vec![], reordered);
        network.settle();
        both.iter().all(|signed| applied(&network.outcome(1, signed)))
    });
}

#[test]
fn a_participant_that_decides_alone_splits_the_outcome() {
    assert_found(PlantedFault::ParticipantDecidesAlone, |network| {
        let (one, two) = (network.key(1, "a"), network.key(2, "a"));
        let slow = network.signed(vec![put(&one, "1"), put(&two, "2")]);
        network.block(1, vec![slow]);
        network.hear(2);
        network.block_of(2, 6_000, vec![], vec![]);
        network.hear(1);
        network.settle();
        network.bytes(&one).is_some() == network.bytes(&two).is_some()
    });
}

/// What ends first is seen first: `reader` votes in group 2, then `early` and after its end `late` write, and `reader` is
/// asked in group 3.
fn sees_the_early_with_the_late(network: &mut Network) -> bool {
    let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
    let reader = network.signed(vec![put(&one, "r"), get(&two), get(&three)]);
    let early = network.signed(vec![put(&two, "early")]);
    let late = network.signed(vec![put(&three, "late")]);
    network.block(1, vec![reader.clone()]);
    network.hear_from(2, 10, &[1]);
    network.block(2, vec![early.clone()]);
    if network.receipt(2, &early).is_some() {
        network.block(3, vec![late]);
    }
    network.settle();
    let reads = network.reads(1, &reader);
    reads[1].is_none() || reads[0].is_some()
}

#[test]
fn read_locks_that_end_with_the_vote_let_a_reader_see_the_late_without_the_early() {
    assert_found(PlantedFault::ReadLocksReleasedAtVote, sees_the_early_with_the_late);
}

/// A snapshot is asked for in the payer's group after the transfer is applied there, and in the payee's before.
fn sees_all_of_a_transfer_or_nothing(network: &mut Network) -> bool {
    let (from, to, other) = (network.holder(1, 0), network.holder(2, 0), network.holder(3, 0));
    let paid = network.signed_by(from, vec![], vec![transfer(to, 300)]);
    network.block(1, vec![paid]);
    network.hear(2);
    network.hear(1);
    let gets = [other, from, to].map(|number| get(&Network::balance_key(number)));
    let snapshot = network.signed(gets.to_vec());
    network.block(3, vec![snapshot.clone()]);
    network.hear_from(1, 10, &[3]);
    network.hear_from(2, 10, &[3]);
    network.settle();
    let balance = |value: Option<Value>| match value {
        Some(Value::Balance(balance)) => balance,
        other => panic!("{other:?}"),
    };
    network.reads(3, &snapshot).into_iter().map(balance).sum::<u128>() == 3_000
}

#[test]
fn a_snapshot_that_ignores_locks_sees_half_a_transfer() {
    assert_found(PlantedFault::ReadIgnoresLocks, sees_all_of_a_transfer_or_nothing);
}

#[test]
fn without_locks_for_adds_a_snapshot_sees_half_a_transfer() {
    assert_found(PlantedFault::AddLockIsNone, sees_all_of_a_transfer_or_nothing);
}

#[test]
fn without_locks_for_adds_two_withdrawals_that_do_not_fit_together_are_both_promised() {
    assert_found(PlantedFault::AddLockIsNone, |network| {
        let (from, to, other) = (network.holder(1, 0), network.holder(2, 0), network.holder(3, 0));
        let one = network.signed_by(from, vec![], vec![transfer(to, 600)]);
        let two = network.signed_by(from, vec![], vec![transfer(other, 600)]);
        network.block(1, vec![one.clone()]);
        let executed = network.block(1, vec![two.clone()]);
        executed.started.is_empty()
    });
}

/// Three keys, one in each group, and a transaction that writes all of them if the one in group 2 is absent. Its first
/// attempt is refused in group 3 by another transaction, which then ends; the yes of group 2 is still under way when the
/// second attempt is asked for. Gives back that yes. What is older than it starts in group 3 before.
fn second_attempt(
    network: &mut Network,
    keys: &[String; 3],
    older: Vec<SignedTransaction>,
) -> (SignedTransaction, Vec<Envelope>) {
    let [one, two, three] = keys;
    let absent = |key: &str| Check::Absent { key: Key::from(key) };
    let across = network.signed_by(
        1,
        vec![absent(one), absent(two)],
        vec![put(one, "all"), put(two, "all"), put(three, "all")],
    );
    let beside = network.key(1, "beside");
    let holds = network.signed(vec![put(three, "held"), put(&beside, "held")]);
    network.block_of(3, 5, [vec![holds], older].concat(), vec![]);
    network.block(1, vec![across.clone()]);
    network.hear_from(2, 10, &[1]);
    let late = network.said(2, 1);
    network.hear_from(3, 10, &[1]);
    network.hear_from(1, 10, &[3]);
    network.hear_from(3, 10, &[1]);
    network.block_of(1, 60, vec![], vec![]);
    (across, late)
}

#[test]
fn a_vote_that_counts_in_another_attempt_splits_the_outcome() {
    assert_found(PlantedFault::OldVoteCounts, |network| {
        let keys = [1, 2, 3].map(|id| network.key(id, "a"));
        let beside = network.key(3, "beside");
        let mine = network.signed(vec![put(&beside, "mine"), put(&keys[1], "mine")]);
        let (_, late) = second_attempt(network, &keys, vec![mine]);
        let mut asked = network.said(1, 2);
        let again = asked.split_off(1);
        network.block_of(2, 10, vec![], asked);
        network.hear_from(2, 10, &[3]);
        network.block_of(2, 10, vec![], again);
        network.hear_from(3, 10, &[1]);
        let mut votes = late;
        votes.extend(network.said(3, 1));
        network.block_of(1, 10, vec![], votes);
        network.settle();
        let is_all = keys.iter().map(|key| network.bytes(key).as_deref() == Some("all"));
        let applied: Vec<bool> = is_all.collect();
        applied == [true; 3] || applied == [false; 3]
    });
}

#[test]
fn an_attempt_that_was_aborted_is_never_told_to_commit() {
    assert_found(PlantedFault::CommitToStaleAttempt, |network| {
        let keys = [1, 2, 3].map(|id| network.key(id, "a"));
        let (across, late) = second_attempt(network, &keys, vec![]);
        network.block_of(1, 10, vec![], late);
        let told = network.said[&(group(1), group(2))].iter().flat_map(|said| &said.contents.messages);
        let verdicts = told.filter_map(|bytes| match Message::decode(bytes).unwrap() {
            Message::Decision { id, attempt: 1, verdict } if id == across.id() => Some(verdict),
            _ => None,
        });
        let verdicts: Vec<Verdict> = verdicts.collect();
        verdicts == [Verdict::StepBack, Verdict::Abort]
    });
}

#[test]
fn a_deadline_that_is_looked_at_before_the_votes_discards_votes_that_came_in_time() {
    assert_found(PlantedFault::DeadlineBeforeVotes, |network| {
        let (one, two) = (network.key(1, "a"), network.key(2, "a"));
        let close = network.signed(vec![put(&one, "1"), put(&two, "2")]);
        network.block(1, vec![close.clone()]);
        network.hear(2);
        network.hear_after(1, 5_000);
        applied(&network.outcome(1, &close))
    });
}

#[test]
fn a_copy_of_a_pending_transaction_that_executes_starts_it_from_the_beginning() {
    assert_found(PlantedFault::PendingIsUnseen, |network| {
        let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
        let holds = network.signed(vec![put(&two, "held"), put(&three, "held")]);
        let across = network.signed(vec![put(&one, "1"), put(&two, "2")]);
        network.block(2, vec![holds]);
        network.block(1, vec![across.clone()]);
        network.hear_from(2, 10, &[1]);
        network.hear_from(1, 10, &[2]);
        network.block(1, vec![across.clone()]);
        network.settle();
        applied(&network.outcome(1, &across))
    });
}

/// Whether a snapshot of two hot balances gets through while a transfer between them starts in every block.
fn reads_under_a_stream_of_transfers(network: &mut Network) -> bool {
    let (from, to, other) = (network.holder(1, 0), network.holder(2, 0), network.holder(3, 0));
    let gets = [other, from, to].map(|number| get(&Network::balance_key(number)));
    let snapshot = network.signed(gets.to_vec());
    for round in 0..300 {
        let paid = network.signed_by(from, vec![], vec![transfer(to, 1)]);
        let envelopes = [2, 3].into_iter().flat_map(|source| network.said(source, 1)).collect();
        network.block_of(1, 10, vec![paid], envelopes);
        network.hear(2);
        if round == 5 {
            network.block(3, vec![snapshot.clone()]);
        }
        network.hear(3);
        if network.receipt(3, &snapshot).is_some() {
            return applied(&network.outcome(3, &snapshot));
        }
    }
    false
}

#[test]
fn without_claims_a_stream_of_younger_transfers_starves_a_snapshot() {
    assert_found(PlantedFault::NoClaims, reads_under_a_stream_of_transfers);
}
