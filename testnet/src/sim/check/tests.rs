//! Each checker says nothing while its promise holds, and notices when it does not.

use super::*;
use crate::sim::scenario::{GROUP, Scenario};
use std::sync::Arc;
use witan_ledger::{BlockCommit, Ledger, MemoryStore, Receipt, TransactionOutcome, Value};
use witan_types::{Genesis, GroupId, Hash, QuorumSignatures, Seal, SealShare, TxId, ValidatorIndex};

/// The genesis commit, with a height and receipts of one's own.
fn commit(height: u64, receipts: &[u8]) -> BlockCommit {
    let (_, commit) = Ledger::open(MemoryStore::default(), &Scenario::of(1, 4).genesis(), GROUP).unwrap();
    let mut commit = Arc::unwrap_or_clone(commit.unwrap());
    let mut block = (*commit.block).clone();
    (block.header.height, commit.outcome.height) = (height, height);
    commit.outcome.block_id = block.id();
    commit.block = Arc::new(block);
    let receipt = |id: &u8| Receipt {
        id: TxId(Hash([*id; 32])),
        expires_at_ms: 0,
        index: 0,
        outcome: TransactionOutcome::Applied { reads: Vec::new() },
        told: Vec::new(),
    };
    commit.receipts = receipts.iter().map(receipt).collect();
    commit
}

fn promise(verdict: Verdict) -> Option<Promise> {
    verdict.err().map(|broken| broken.promise)
}

#[test]
fn two_results_at_one_height_break_agreement() {
    let mut agreement = Agreement::default();
    let outcome = commit(3, &[]).outcome;
    assert_eq!(agreement.executed(0, &outcome), Ok(()));
    assert_eq!(agreement.executed(1, &outcome), Ok(()));
    let other = witan_types::Outcome { state_root: Hash([1; 32]), ..outcome };
    assert_eq!(promise(agreement.executed(1, &other)), Some(Promise::Agreement));
}

#[test]
fn a_gap_or_a_repetition_breaks_order() {
    let mut order = Order::starts(0, Some(4), 2);
    assert_eq!((order.executes(5), order.executes(6), order.seals(3)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(promise(order.executes(8)), Some(Promise::Order), "a gap");
    assert_eq!(promise(order.seals(3)), Some(Promise::Order), "a repetition");
}

#[test]
fn a_lost_or_doubled_acknowledged_transaction_breaks_durability() {
    let mut durability = Durability::default();
    assert_eq!(durability.acknowledge(&commit(1, &[7])), Ok(()));
    let mut store = MemoryStore::default();
    assert_eq!(promise(durability.at_end(0, &store)), Some(Promise::Durability), "lost");
    store.apply(&commit(1, &[7]));
    assert_eq!(durability.at_end(0, &store), Ok(()));
    store.apply(&commit(2, &[7]));
    assert_eq!(promise(durability.at_end(0, &store)), Some(Promise::Durability), "twice");
    assert_eq!(promise(durability.acknowledge(&commit(2, &[7]))), Some(Promise::Durability), "told twice");
}

#[test]
fn balance_from_nothing_breaks_conservation() {
    let conservation = Conservation::new(&Scenario::of(1, 4).genesis());
    let mut store = MemoryStore::default();
    let mut genesis = commit(0, &[]);
    store.apply(&genesis);
    assert_eq!(conservation.on_disks(0, &[&store]), Ok(()));
    let (_, entry) = genesis.changes.first_mut().unwrap();
    entry.as_mut().unwrap().value = Value::Balance(1_001);
    store.apply(&genesis);
    assert_eq!(promise(conservation.on_disks(0, &[&store])), Some(Promise::Conservation));
}

#[test]
fn balances_are_conserved_over_all_groups_of_a_node_together() {
    let genesis = Scenario::of(1, 4).sharded(2).genesis();
    let conservation = Conservation::new(&genesis);
    let stores: Vec<MemoryStore> = genesis.user_groups().map(|group| at_genesis(&genesis, group)).collect();
    let [one, other] = &stores[..] else { panic!("two groups") };
    assert_eq!(conservation.on_disks(0, &[one, other]), Ok(()));
    assert_eq!(promise(conservation.on_disks(0, &[one])), Some(Promise::Conservation), "one is not all");
    let empty = MemoryStore::default();
    assert_eq!(conservation.on_disks(0, &[one, &empty]), Ok(()), "a group that does not hold genesis yet");
}

fn at_genesis(genesis: &Genesis, group: GroupId) -> MemoryStore {
    let (_, commit) = Ledger::open(MemoryStore::default(), genesis, group).unwrap();
    let mut store = MemoryStore::default();
    store.apply(&commit.unwrap());
    store
}

#[test]
fn a_seal_without_a_quorum_or_on_another_result_is_not_valid() {
    let scenario = Scenario::of(1, 4);
    let seals = Seals::new(&scenario.genesis(), GROUP, scenario.scheme);
    let mut agreement = Agreement::default();
    let outcome = commit(1, &[]).outcome;
    assert_eq!(agreement.executed(0, &outcome), Ok(()));
    let seal = |outcome: &witan_types::Outcome, signers: u16| {
        let share = |place: u16| {
            let key = scenario.validator_key(usize::from(place));
            SealShare::sign(outcome.clone(), ValidatorIndex(place), &key)
        };
        let shares = (0..signers).map(share).map(|share| (share.validator, share.signature));
        Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(shares) }
    };
    assert_eq!(seals.sealed(0, &seal(&outcome, 3), &agreement), Ok(()));
    assert_eq!(promise(seals.sealed(0, &seal(&outcome, 2), &agreement)), Some(Promise::ValidSeals));
    let other = witan_types::Outcome { state_root: Hash([1; 32]), ..outcome };
    assert_eq!(promise(seals.sealed(0, &seal(&other, 3), &agreement)), Some(Promise::ValidSeals));
}

#[test]
fn a_node_that_stands_still_after_the_heal_breaks_liveness() {
    let mut liveness = Liveness::healed(0, 10, 1_000, 0..2);
    let id = TxId(Hash([1; 32]));
    liveness.submitted(id);
    let at = |height| Standing { executed: height, flushed: height, sealed: height };
    assert!(!liveness.is_reached(&[at(15), at(15)]), "the new transaction is missing");
    (0..2).for_each(|node| liveness.committed(node, &id));
    assert!(!liveness.is_reached(&[at(15), at(10)]), "one node stands still");
    assert!(liveness.is_reached(&[at(15), at(15)]));
    assert_eq!(liveness.in_time(19_000_000, &[at(10), at(10)]), Ok(()));
    assert_eq!(promise(liveness.in_time(20_000_000, &[at(10), at(10)])), Some(Promise::Liveness));
}
