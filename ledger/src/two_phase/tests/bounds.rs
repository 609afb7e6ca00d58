//! Bounds: what a block may say to another group, and how much may be under way.

use super::*;
use crate::channels::MAX_OUTBOX;
use crate::execute::Stopped;
use std::collections::BTreeSet;
use witan_types::envelope::{MAX_CONTENTS_BYTES, MAX_ENVELOPE_MESSAGES};
use witan_types::transaction::MAX_VALUE_BYTES;
use witan_types::{Wire, codec::encode};

impl Network {
    /// Keys of a group, each in its own place, so that no two transactions meet.
    fn keys(&self, id: u32, count: usize) -> Vec<String> {
        (0..count).map(|number| self.key(id, &format!("k{number}-"))).collect()
    }

    /// The largest contents that were said and not heard, in bytes and messages.
    fn assert_contents_fit(&self) -> (usize, usize) {
        let all = || self.said.values().flatten().map(|envelope| &envelope.contents);
        for contents in all() {
            assert!(encode(contents).len() <= MAX_CONTENTS_BYTES);
            assert!(contents.messages.len() <= MAX_ENVELOPE_MESSAGES);
        }
        for envelope in self.said.values().flatten() {
            assert_eq!(Envelope::decode(&envelope.encode()).as_ref(), Ok(envelope));
        }
        let bytes = all().map(|contents| encode(contents).len()).max().unwrap_or(0);
        (bytes, all().map(|contents| contents.messages.len()).max().unwrap_or(0))
    }
}

#[test]
fn many_of_the_largest_transactions_go_to_a_group_over_several_blocks() {
    let mut network = Network::start();
    let value = "x".repeat(MAX_VALUE_BYTES - 1_000);
    let (ones, twos) = (network.keys(1, 12), network.keys(2, 12));
    let pairs = ones.iter().zip(&twos);
    let ops = pairs.map(|(one, two)| vec![put(one, &value), put(two, &value)]);
    let ops: Vec<_> = ops.collect();
    let mut list: Vec<_> = ops.into_iter().map(|ops| network.signed(ops)).collect();
    let all = list.clone();
    let mut blocks = 0;
    while !list.is_empty() {
        let executed = network.block(1, list.clone());
        assert!(executed.deferred.iter().all(|(_, stopped)| *stopped == Stopped::Group(group(2))));
        let started: BTreeSet<_> = executed.started.into_iter().collect();
        list.retain(|signed| !started.contains(&signed.id()));
        blocks += 1;
        assert!(blocks <= 12, "each block takes some");
    }
    let (bytes, _) = network.assert_contents_fit();
    assert!(blocks > 1 && bytes > MAX_CONTENTS_BYTES / 3);
    network.settle();
    assert!(all.iter().all(|signed| applied(&network.outcome(1, signed))));
}

#[test]
fn votes_with_the_largest_reads_go_back_over_several_attempts() {
    let mut network = Network::start();
    let value = "x".repeat(MAX_VALUE_BYTES - 1_000);
    let (ones, twos) = (network.keys(1, 6), network.keys(2, 3));
    for key in &twos {
        let write = network.signed(vec![put(key, &value)]);
        network.block(2, vec![write]);
    }
    let gets: Vec<Op> = twos.iter().map(|key| get(key)).collect();
    let mut list = vec![];
    for one in &ones {
        let ops = [get(one)].into_iter().chain(gets.clone()).collect();
        list.push(network.signed(ops));
    }
    assert_eq!(network.block(1, list.clone()).started.len(), 6);
    network.hear(2);
    let (bytes, _) = network.assert_contents_fit();
    assert!(bytes > MAX_CONTENTS_BYTES / 4);
    network.settle();
    for signed in &list {
        let TransactionOutcome::Applied { reads } = network.outcome(1, signed) else { panic!() };
        assert_eq!(reads.len(), 4);
    }
}

#[test]
fn reads_that_are_too_large_together_end_the_transaction() {
    let mut network = Network::start();
    let value = "x".repeat(MAX_VALUE_BYTES - 1_000);
    let (twos, threes, one) = (network.keys(2, 3), network.keys(3, 3), network.key(1, "a"));
    for (id, key) in twos.iter().map(|key| (2, key)).chain(threes.iter().map(|key| (3, key))) {
        let write = network.signed(vec![put(key, &value)]);
        network.block(id, vec![write]);
    }
    let gets = twos.iter().chain(&threes).map(|key| get(key));
    let ops = [put(&one, "1")].into_iter().chain(gets).collect();
    let large = network.signed(ops);
    network.block(1, vec![large.clone()]);
    network.settle();
    let reason = AbortReason::Failed(FailureReason::ReadTooLarge);
    assert_eq!(network.outcome(1, &large), TransactionOutcome::Aborted { reason });
    assert_eq!((network.bytes(&one), network.locks()), (None, 0));
}

#[test]
fn a_group_that_acknowledges_nothing_stops_new_transactions_to_it_alone() {
    let mut network = Network::start();
    let adds = ["a", "b"].map(|name| (network.key(1, name), network.key(2, name), network.key(3, name)));
    let add = |key: &str| Op::Add { key: Key::from(key), delta: 1 };
    let [(one, two, three), _] = adds;
    let mut stopped = vec![];
    for _ in 0..6 {
        let list: Vec<_> = (0..500).map(|_| network.signed(vec![add(&one), add(&two)])).collect();
        let executed = network.block(1, list.clone());
        let deferred: BTreeSet<_> = executed.deferred.iter().map(|(id, _)| *id).collect();
        assert!(executed.deferred.iter().all(|(_, stopped)| *stopped == Stopped::Group(group(2))));
        stopped.extend(list.into_iter().filter(|signed| deferred.contains(&signed.id())));
    }
    assert_eq!(stopped.len(), 3_000 - usize::try_from(MAX_OUTBOX).unwrap());
    assert!(!network.ledger(1).may_prepare(group(2)));
    let to_three = network.signed(vec![add(&one), add(&three)]);
    assert_eq!(network.block(1, vec![to_three.clone()]).started, [to_three.id()]);
    network.hear(2);
    network.hear(1);
    assert!(network.ledger(1).may_prepare(group(2)), "its votes tell what it has consumed");
    stopped.truncate(100);
    assert_eq!(network.block(1, stopped.clone()).started.len(), 100);
    network.assert_contents_fit();
    network.settle();
    assert!(stopped.iter().all(|signed| applied(&network.outcome(1, signed))));
}

#[test]
fn an_attempt_without_room_in_the_outbox_is_put_off_and_holds_up_nothing() {
    let mut network = Network::start();
    let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
    let (left, right) = (network.key(1, "count"), network.key(2, "count"));
    let holds = network.signed(vec![put(&two, "held"), put(&three, "held")]);
    let across = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    network.block(2, vec![holds]);
    network.block(1, vec![across.clone()]);
    let asked = network.said(1, 2);
    network.block_of(2, 10, vec![], asked);
    let refusal = network.said(2, 1);
    network.block_of(1, 1, vec![], refusal);
    let add = |key: &str| Op::Add { key: Key::from(key), delta: 1 };
    while network.ledger(1).may_prepare(group(2)) {
        let list = (0..500).map(|_| network.signed(vec![add(&left), add(&right)])).collect();
        network.block_of(1, 1, list, vec![]);
    }
    network.block_of(1, 60, vec![], vec![]);
    let ledger = network.ledger(1);
    assert!(ledger.next_due_ms() > Some(ledger.tip().time_ms), "nothing that a block now could do");
    network.settle();
    assert!(applied(&network.outcome(1, &across)));
}

/// A corrupt group fills one envelope with votes that each want an answer; nothing of the group's own may come on top.
#[test]
fn a_block_that_answers_as_many_messages_as_fit_says_no_more_to_that_group() {
    let mut network = Network::start();
    let (own, due) = (network.key(1, "own"), network.key(1, "due"));
    let there = network.key(2, "a");
    let overdue = network.signed(vec![put(&due, "1"), put(&there, "1")]);
    network.block(1, vec![overdue.clone()]);
    network.said.clear();
    let vote = |number: usize| {
        let id = witan_types::TxId(witan_types::sha256(&[&number.to_le_bytes()]));
        Message::Vote { id, attempt: 1, answer: Answer::Yes { reads: vec![] } }.encode()
    };
    let flood = network.forged(2, 1, (0..MAX_ENVELOPE_MESSAGES).map(vote).collect());
    let mine = network.signed(vec![put(&own, "1"), put(&there, "1")]);
    let executed = network.block_of(1, 6_000, vec![mine.clone()], vec![flood]);
    assert_eq!(executed.deferred, [(mine.id(), Stopped::Group(group(2)))]);
    assert_eq!(network.receipt(1, &overdue), None, "its end is told in the next block");
    assert_eq!(network.assert_contents_fit().1, MAX_ENVELOPE_MESSAGES);
    let store = network.ledger(1).store().clone();
    let (again, _) = Ledger::open(store, &network.genesis, group(1)).unwrap();
    assert_eq!(again.under(Scheme::StandIn).dealings(), network.ledger(1).dealings());
    network.block(1, vec![]);
    assert!(network.receipt(1, &overdue).is_some());
}

#[test]
fn a_coordinator_that_never_decides_leaves_locks_to_the_others() {
    let mut network = Network::start();
    let (most, keys_each) = (crate::dealings::MAX_LOCKS_OF_ONE, 120);
    let (first, other) = (network.key(1, "c"), network.key(3, "c"));
    for number in 0..=most / keys_each {
        let mut ops = vec![get(&first)];
        let slots = SlotMap::first(&network.genesis);
        let names = (0_u32..).map(|place| format!("{number}/{place}"));
        let here = names.filter(|name| slots.owner(&Key::from(name.as_str())) == group(2));
        ops.extend(here.take(keys_each).map(|name| get(&name)));
        let across = network.signed(ops);
        network.block(1, vec![across]);
        network.hear(2);
    }
    let held = network.ledger(2).locks().count();
    assert!(held <= most && held > most - keys_each, "{held} of {most}");
    let two = network.key(2, "free");
    let good = network.signed(vec![put(&other, "1"), put(&two, "1")]);
    network.block(3, vec![good.clone()]);
    network.hear(2);
    network.hear(3);
    assert!(applied(&network.outcome(3, &good)));
}
