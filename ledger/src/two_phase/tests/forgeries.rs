//! Messages that no group which keeps the rules sends: they are consumed, and do nothing.

use super::*;
use witan_types::{ChainId, Contents, Hash, Wire, merkle_list};

impl Network {
    /// A group says these messages although its ledger does not; they come next in its channel.
    pub(super) fn forged(&self, from: u32, to: u32, messages: Vec<Vec<u8>>) -> Envelope {
        let first = self.ledger(to).consumed(group(from));
        let contents = Contents { destination: group(to), first, consumed: 0, messages };
        let mut outcome = self.ledger(from).tip_outcome().clone();
        outcome.outbox_root = merkle_list::root(&[contents.leaf()]);
        let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
        Envelope { seal: Seal { outcome, signatures: QuorumSignatures::default() }, contents, proof }
    }

    /// A group hears one forged message of another.
    fn hear_forged(&mut self, from: u32, to: u32, message: &Message) -> Executed {
        let envelope = self.forged(from, to, vec![message.encode()]);
        self.block_of(to, 10, vec![], vec![envelope])
    }

    /// The one answer in what a group said to another.
    fn answer(&mut self, from: u32, to: u32) -> Answer {
        let said = self.said(from, to);
        let [Envelope { contents, .. }] = said.as_slice() else { panic!("{said:?}") };
        match contents.messages.as_slice() {
            [one] => match Message::decode(one).unwrap() {
                Message::Vote { answer, .. } => answer,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
}

fn prepare(attempt: u64, transaction: &SignedTransaction) -> Message {
    Message::Prepare { attempt, since_ms: 0, transaction: transaction.clone() }
}

/// Group 1 asks group 2 to prepare what it never may, changed from a good transaction.
fn assert_refused(change: impl Fn(&mut Network, SignedTransaction) -> SignedTransaction, from: u32) {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let good = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    let bad = change(&mut network, good.clone());
    let executed = network.hear_forged(from, 2, &prepare(1, &bad));
    let refusal = Refusal::Failed(FailureReason::ForbiddenKey);
    assert_eq!(network.answer(2, from), Answer::No { refusal });
    assert_eq!((network.locks(), executed.commit.receipts.clone()), (0, vec![]));
    assert_eq!(network.ledger(2).participated(&bad.id()), None);
    assert!(network.ledger(2).dealings().locks.is_empty());
}

#[test]
fn a_prepare_that_its_user_did_not_sign_is_refused() {
    assert_refused(
        |_, mut signed| {
            signed.signature.0[0] ^= 1;
            signed
        },
        1,
    );
}

#[test]
fn a_prepare_from_another_group_than_that_of_the_first_key_is_refused() {
    assert_refused(|_, signed| signed, 3);
}

#[test]
fn a_prepare_without_a_key_of_this_group_is_refused() {
    assert_refused(
        |network, _| {
            let (one, three) = (network.key(1, "a"), network.key(3, "a"));
            network.signed(vec![put(&one, "1"), put(&three, "3")])
        },
        1,
    );
}

#[test]
fn a_prepare_of_another_chain_is_refused() {
    assert_refused(
        |_, signed| {
            let chain = ChainId(Hash([7; 32]));
            Transaction { chain, ..signed.transaction }.sign(&secret(1))
        },
        1,
    );
}

#[test]
fn a_prepare_of_a_transaction_of_wrong_form_is_refused() {
    assert_refused(
        |network, _| {
            let (one, balance) = (network.key(1, "a"), Network::balance_key(network.holder(2, 0)));
            network.signed(vec![put(&one, "1"), put(&balance, "2")])
        },
        1,
    );
}

#[test]
fn a_transaction_is_prepared_for_its_coordinator_after_another_group_asked_for_it() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let across = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    network.hear_forged(3, 2, &prepare(u64::MAX, &across));
    network.block(1, vec![across.clone()]);
    network.settle();
    assert!(applied(&network.outcome(1, &across)));
    assert_eq!(network.bytes(&two).as_deref(), Some("2"));
}

#[test]
fn what_is_no_message_is_consumed_and_does_nothing() {
    let mut network = Network::start();
    let before = network.ledger(2).tip_outcome().outbox_root;
    let envelope = network.forged(1, 2, vec![vec![], vec![255; 100], b"x".to_vec()]);
    let executed = network.block_of(2, 10, vec![], vec![envelope]);
    assert_eq!(network.ledger(2).consumed(group(1)), 3);
    assert_eq!((executed.commit.receipts.clone(), executed.started), (vec![], vec![]));
    assert_eq!(executed.commit.outcome.outbox_root, before, "no answer");
    assert_eq!(network.locks(), 0);
}

/// A transaction that group 2 has prepared and its coordinator, group 1, has not decided.
fn prepared(network: &mut Network) -> (SignedTransaction, String) {
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let across = network.signed(vec![put(&one, "1"), put(&two, "2")]);
    network.block(1, vec![across.clone()]);
    network.hear(2);
    assert_eq!(network.ledger(2).locks().count(), 1);
    (across, two)
}

#[test]
fn a_decision_of_a_group_that_does_not_coordinate_does_nothing() {
    for verdict in [Verdict::Commit, Verdict::Abort, Verdict::GiveUp, Verdict::StepBack] {
        let mut network = Network::start();
        let (across, two) = prepared(&mut network);
        let before = network.ledger(2).participated(&across.id()).cloned();
        network.hear_forged(3, 2, &Message::Decision { id: across.id(), attempt: 1, verdict });
        assert_eq!(network.ledger(2).participated(&across.id()), before.as_ref());
        assert_eq!((network.bytes(&two), network.ledger(2).locks().count()), (None, 1));
    }
}

#[test]
fn a_decision_on_another_attempt_does_nothing() {
    for (attempt, verdict) in [(0, Verdict::Commit), (2, Verdict::Commit), (2, Verdict::GiveUp)] {
        let mut network = Network::start();
        let (across, two) = prepared(&mut network);
        network.hear_forged(1, 2, &Message::Decision { id: across.id(), attempt, verdict });
        assert_eq!((network.bytes(&two), network.ledger(2).locks().count()), (None, 1));
    }
}

#[test]
fn a_decision_on_a_transaction_that_is_not_known_does_nothing() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let id = network.signed(vec![put(&one, "1"), put(&two, "2")]).id();
    network.hear_forged(1, 2, &Message::Decision { id, attempt: 1, verdict: Verdict::Commit });
    assert_eq!((network.bytes(&two), network.ledger(2).participated(&id)), (None, None));
}

#[test]
fn what_was_decided_stays_decided() {
    let mut network = Network::start();
    let (across, two) = prepared(&mut network);
    network.settle();
    for verdict in [Verdict::Abort, Verdict::StepBack, Verdict::GiveUp, Verdict::Commit] {
        network.hear_forged(1, 2, &Message::Decision { id: across.id(), attempt: 1, verdict });
        assert_eq!(network.bytes(&two).as_deref(), Some("2"));
    }
}

/// A signature that a corrupt coordinator keeps: it asks for another attempt, and decides to commit that too.
fn asked_once_more(network: &mut Network, across: &SignedTransaction) {
    for attempt in 2..4 {
        network.hear_forged(1, 2, &prepare(attempt, across));
        let verdict = Verdict::Commit;
        network.hear_forged(1, 2, &Message::Decision { id: across.id(), attempt, verdict });
    }
    assert_eq!(network.ledger(2).locks().count(), 0);
}

/// A transaction that appends in two groups, and the list in the second.
fn appending(network: &mut Network) -> (SignedTransaction, String) {
    let (one, two) = (network.key(1, "a"), network.key(2, "a"));
    let append = |key: &str| Op::Append { key: Key::from(key), item: b"x".to_vec() };
    (network.signed(vec![append(&one), append(&two)]), two)
}

#[test]
fn one_signature_is_good_for_one_effect_whatever_its_coordinator_asks() {
    let mut network = Network::start();
    let (across, two) = appending(&mut network);
    network.block(1, vec![across.clone()]);
    network.settle();
    asked_once_more(&mut network, &across);
    assert_eq!(network.value(&two), Some(Value::List(vec![b"x".to_vec()])));
}

#[test]
fn what_was_given_up_never_comes_back() {
    let mut network = Network::start();
    let (across, two) = appending(&mut network);
    network.block(1, vec![across.clone()]);
    network.hear(2);
    network.block_of(1, 6_000, vec![], vec![]);
    network.settle();
    asked_once_more(&mut network, &across);
    assert_eq!(network.value(&two), None);
}

#[test]
fn what_has_expired_is_not_prepared_even_by_who_has_forgotten_it() {
    let mut network = Network::start();
    let (across, two) = appending(&mut network);
    network.block(1, vec![across.clone()]);
    network.settle();
    network.block_of(2, 120_000, vec![], vec![]);
    assert_eq!(network.ledger(2).participated(&across.id()), None, "forgotten");
    asked_once_more(&mut network, &across);
    assert_eq!(network.value(&two), Some(Value::List(vec![b"x".to_vec()])));
}

#[test]
fn what_expires_later_than_anything_may_is_not_prepared() {
    let mut network = Network::start();
    let (good, _) = appending(&mut network);
    let mut late = good.transaction;
    late.expires_at_ms = network.ledger(2).tip().time_ms + 1_000_000;
    let late = late.sign(&secret(1));
    network.hear_forged(1, 2, &prepare(1, &late));
    assert_eq!(network.answer(2, 1), Answer::No { refusal: Refusal::Full });
    assert_eq!(network.ledger(2).participated(&late.id()), None);
}

#[test]
fn a_vote_of_a_group_that_takes_no_part_does_nothing() {
    let answers = [
        Answer::Yes { reads: vec![] },
        Answer::No { refusal: Refusal::Conflict },
        Answer::No { refusal: Refusal::Full },
        Answer::No { refusal: Refusal::Failed(FailureReason::CheckFailed) },
    ];
    for answer in answers {
        let mut network = Network::start();
        let (across, _) = prepared(&mut network);
        let before = network.ledger(1).coordinated(&across.id()).cloned();
        network.hear_forged(3, 1, &Message::Vote { id: across.id(), attempt: 1, answer });
        assert_eq!(network.ledger(1).coordinated(&across.id()), before.as_ref());
        assert_eq!(network.receipt(1, &across), None);
        network.settle();
        assert!(applied(&network.outcome(1, &across)));
    }
}

#[test]
fn a_second_vote_of_one_group_does_not_stand_for_another() {
    let mut network = Network::start();
    let (one, two, three) = (network.key(1, "a"), network.key(2, "a"), network.key(3, "a"));
    let across = network.signed(vec![put(&one, "1"), put(&two, "2"), put(&three, "3")]);
    network.block(1, vec![across.clone()]);
    network.hear(2);
    let votes = network.said(2, 1);
    network.block_of(1, 10, vec![], votes);
    let again = Message::Vote { id: across.id(), attempt: 1, answer: Answer::Yes { reads: vec![] } };
    network.hear_forged(2, 1, &again);
    assert_eq!(network.receipt(1, &across), None);
}
