//! How a transaction ended in every group it touches, on real ledgers that speak to each other.

use super::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_ledger::records::Record;
use witan_ledger::{Ledger, MemoryStore, PortableOutcome, PortablePart, SlotMap, Store as _};
use witan_types::{Check, SignedTransaction};

/// Two groups that make blocks by hand.
pub(super) struct Network {
    ledgers: BTreeMap<u32, Ledger<MemoryStore>>,
    seals: BTreeMap<(u32, u64), Seal>,
}

/// A key of a group.
fn key(group: u32) -> Key {
    let owners = SlotMap::first(&genesis());
    let keys = (0..).map(|number: u32| Key::from(format!("key {number}").as_str()));
    keys.into_iter().find(|key| owners.owner(key) == GroupId(group)).unwrap()
}

fn put(group: u32) -> Op {
    Op::Put { key: key(group), value: b"new".to_vec() }
}

fn signed(checks: Vec<Check>, ops: Vec<Op>) -> SignedTransaction {
    let (chain, signer) = (genesis().chain(), Account(secret(9).public()));
    let expires_at_ms = genesis().time_ms + 60_000;
    Transaction { chain, signer, salt: 1, expires_at_ms, checks, ops }.sign(&secret(9))
}

impl Network {
    fn start() -> Network {
        let open = |id| {
            let (mut ledger, commit) = Ledger::open(MemoryStore::default(), &genesis(), GroupId(id)).unwrap();
            ledger.store_mut().apply(&commit.unwrap());
            ledger.flushed(0);
            (id, ledger)
        };
        Network { ledgers: [1, 2].map(open).into(), seals: BTreeMap::new() }
    }

    /// A sealed block of a group with what the other one said in its newest block, and these transactions.
    fn block(&mut self, id: u32, hears: bool, list: Vec<SignedTransaction>) {
        let other = 3 - id;
        let newest = self.ledgers[&other].tip().height;
        let envelope = self.seals.get(&(other, newest)).filter(|_| hears);
        let envelopes: Vec<Envelope> =
            envelope.and_then(|seal| self.ledgers[&other].envelope(seal, GroupId(id))).into_iter().collect();
        assert_eq!(envelopes.len(), usize::from(hears));
        let ledger = self.ledgers.get_mut(&id).unwrap();
        let payload = Payload { batches: vec![Batch::of(list)], envelopes };
        let tip = ledger.tip();
        let (height, parent, time_ms) = (tip.height + 1, tip.id(), tip.time_ms + 10);
        let header = Header { height, parent, time_ms, payload_root: payload.root(), ..tip.clone() };
        let executed = ledger.execute(Arc::new(Block { header, payload }));
        let outcome = executed.commit.outcome.clone();
        ledger.store_mut().apply(&executed.commit);
        ledger.flushed(height);
        self.seals.insert((id, height), sealed_by(&[0, 1, 3], &outcome));
    }

    /// Plays a transaction of both groups to its end.
    fn play(&mut self, transaction: &SignedTransaction) {
        self.block(1, false, vec![transaction.clone()]);
        self.block(2, true, vec![]);
        self.block(1, true, vec![]);
        self.block(2, true, vec![]);
    }

    pub(super) fn sealed(&self, id: u32, height: u64) -> SealedHeader {
        let header = self.ledgers[&id].store().block(height).unwrap().header.clone();
        SealedHeader { header, seal: self.seals[&(id, height)].clone() }
    }

    fn receipt(&self, id: u32, transaction: &SignedTransaction) -> PortableReceipt {
        let store = self.ledgers[&id].store();
        let (height, receipt) = store.find_transaction(&transaction.id()).unwrap();
        let hashes: Vec<Hash> = store.receipts(height).iter().map(Receipt::hash).collect();
        let place = hashes.iter().position(|hash| *hash == receipt.hash()).unwrap();
        let proof = merkle_list::prove(&hashes, place).unwrap();
        PortableReceipt { header: self.sealed(id, height), receipt, proof }
    }

    /// What group 2 did by one of its blocks.
    pub(super) fn part(&self, height: u64) -> PortablePart {
        let (ledger, key) = (&self.ledgers[&2], Record::Incoming(GroupId(1)).key());
        let (cursor, proof) = (ledger.entry(&key).unwrap(), ledger.proofs().prove(height, &key).unwrap());
        PortablePart { header: self.sealed(2, height), cursor, proof }
    }

    fn outcome(&self, transaction: &SignedTransaction) -> PortableOutcome {
        let receipt = self.receipt(1, transaction);
        PortableOutcome { transaction: Some(transaction.clone()), receipt, parts: vec![self.part(2)] }
    }
}

/// A transaction of both groups that is committed, and its proof.
pub(super) fn committed() -> (Network, PortableOutcome) {
    let mut network = Network::start();
    let transaction = signed(vec![], vec![put(1), put(2)]);
    network.play(&transaction);
    let outcome = network.outcome(&transaction);
    (network, outcome)
}

#[test]
fn a_committed_transaction_is_proved_to_be_visible_in_every_group() {
    let (_, portable) = committed();
    let proved = verifier().verify_outcome(&portable).unwrap();
    assert_eq!((proved.at.group, proved.at.height), (GroupId(1), 2));
    assert!(matches!(proved.receipt.outcome, TransactionOutcome::Applied { .. }));
    assert_eq!(proved.transaction.unwrap().transaction.ops, [put(1), put(2)]);
    let parts: Vec<_> = proved.parts.iter().map(|part| (part.group, part.height)).collect();
    assert_eq!(parts, [(GroupId(2), 2)]);
}

/// The same of one that group 2 votes against.
pub(super) fn aborted() -> (Network, PortableOutcome) {
    let mut network = Network::start();
    // The group of the first key coordinates.
    let checks = vec![Check::Absent { key: key(1) }, Check::Exists { key: key(2) }];
    let transaction = signed(checks, vec![put(1), put(2)]);
    network.play(&transaction);
    let outcome = network.outcome(&transaction);
    (network, outcome)
}

#[test]
fn an_aborted_transaction_is_proved_to_have_done_nothing_anywhere() {
    let (network, portable) = aborted();
    let proved = verifier().verify_outcome(&portable).unwrap();
    let reason = witan_ledger::AbortReason::Failed(witan_ledger::FailureReason::CheckFailed);
    assert_eq!(proved.receipt.outcome, TransactionOutcome::Aborted { reason });
    assert_eq!(proved.parts.len(), 1);
    assert_eq!(network.ledgers[&1].entry(&key(1)), None);
}

/// A transaction of group 1 alone, whose bytes nobody finds any more.
pub(super) fn of_one_group() -> PortableOutcome {
    let mut network = Network::start();
    let transaction = signed(vec![], vec![put(1)]);
    network.block(1, false, vec![transaction.clone()]);
    PortableOutcome { transaction: None, receipt: network.receipt(1, &transaction), parts: Vec::new() }
}

#[test]
fn a_transaction_of_one_group_needs_no_parts() {
    let portable = of_one_group();
    let proved = verifier().verify_outcome(&portable).unwrap();
    let id = portable.receipt.receipt.id;
    assert_eq!((proved.receipt.id, proved.transaction, proved.parts), (id, None, Vec::new()));
}

/// A decision that group 2 has not heard.
pub(super) fn unheard() -> PortableOutcome {
    let mut network = Network::start();
    let transaction = signed(vec![], vec![put(1), put(2)]);
    network.block(1, false, vec![transaction.clone()]);
    network.block(2, true, vec![]);
    network.block(1, true, vec![]);
    let receipt = network.receipt(1, &transaction);
    PortableOutcome { transaction: None, receipt, parts: vec![network.part(1)] }
}

#[test]
fn a_group_that_has_not_heard_the_decision_proves_nothing_yet() {
    let portable = unheard();
    let expected = LightError::NotHeard { group: GroupId(2), height: 1 };
    assert_eq!(verifier().verify_outcome(&portable), Err(expected));
}

#[test]
fn parts_are_those_of_the_groups_that_the_receipt_names() {
    let (network, portable) = committed();
    let id = portable.receipt.receipt.id;
    let refused = |parts: Vec<PortablePart>| {
        let portable = PortableOutcome { parts, ..portable.clone() };
        assert_eq!(verifier().verify_outcome(&portable), Err(LightError::WrongParts(id)));
    };
    refused(Vec::new());
    refused(vec![network.part(2), network.part(2)]);
    let own = PortablePart { header: network.sealed(1, 2), ..network.part(2) };
    refused(vec![own]);
}

#[test]
fn another_transaction_an_unsigned_one_and_another_cursor_are_refused() {
    let (_, portable) = committed();
    let judge = |change: fn(&mut PortableOutcome)| {
        let mut changed = portable.clone();
        change(&mut changed);
        verifier().verify_outcome(&changed)
    };
    let other = judge(|it| it.transaction.as_mut().unwrap().transaction.salt = 2);
    assert!(matches!(other, Err(LightError::AnotherTransaction { .. })));
    let id = portable.receipt.receipt.id;
    assert_eq!(
        judge(|it| it.transaction.as_mut().unwrap().signature.0[0] ^= 1),
        Err(LightError::NotSigned(id))
    );
    let ahead = judge(|it| {
        if let Value::Record(bytes) = &mut it.parts[0].cursor.value {
            bytes[0] = 9;
        }
    });
    assert!(matches!(ahead, Err(LightError::WrongPath(_))));
    let no_cursor = judge(|it| it.parts[0].cursor.value = Value::Counter(9));
    assert!(matches!(no_cursor, Err(LightError::WrongPath(_))));
}

#[test]
fn no_byte_of_an_outcome_s_proof_can_change() {
    let (_, portable) = committed();
    every_tamper_is_refused(&portable, |it| verifier().verify_outcome(it).is_ok());
}
