mod envelopes;

use super::*;
use crate::fixtures::{GENESIS_MS, account, block_at, child, genesis, get, put, transaction};
use crate::memory_store::MemoryStore;
use crate::slots::{SLOTS, first_owner, first_slots, slot_of};
use crate::value::TransactionOutcome;
use proptest::collection::vec;
use proptest::prelude::*;
use witan_types::genesis::GenesisGroup;
use witan_types::transaction::MAX_VALUE_BYTES;
use witan_types::{EngineKind, Op, QuorumSignatures, Seal, Transaction};

/// A ledger in memory that holds genesis.
fn started() -> Ledger<MemoryStore> {
    let (mut ledger, commit) = Ledger::open(MemoryStore::default(), &genesis(), GroupId(1)).unwrap();
    ledger.store_mut().apply(&commit.unwrap());
    ledger.flushed(0);
    ledger
}

fn reopened(store: MemoryStore) -> Result<Ledger<MemoryStore>, LedgerError> {
    Ledger::open(store, &genesis(), GroupId(1)).map(|(ledger, commit)| {
        assert_eq!(commit, None);
        ledger
    })
}

/// Executes a block of these transactions a second after the tip, without flushing it.
fn execute(ledger: &mut Ledger<MemoryStore>, transactions: Vec<Transaction>) -> Executed {
    let time_ms = ledger.tip().time_ms + 1_000;
    let block = child(ledger.tip(), time_ms, transactions);
    ledger.execute(Arc::new(block))
}

fn flush(ledger: &mut Ledger<MemoryStore>, executed: Executed) {
    let height = executed.commit.block.header.height;
    ledger.store_mut().apply(&executed.commit);
    ledger.flushed(height);
}

fn bytes(ledger: &Ledger<MemoryStore>, key: &str) -> Option<Vec<u8>> {
    ledger.entry(&Key::from(key)).map(|entry| match entry.value {
        Value::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    })
}

#[test]
fn genesis_issues_every_balance_in_the_first_group_and_none_in_the_root_group() {
    let ledger = started();
    for number in 1..=4 {
        let entry = ledger.entry(&Key::balance_of(&account(number))).unwrap();
        assert_eq!(entry.value, Value::Balance(1_000));
        assert_eq!(entry.version, Version::new(0, 0, number.into()), "never 0, which stands for absent");
    }
    let (root, commit) = Ledger::open(MemoryStore::default(), &genesis(), GroupId(0)).unwrap();
    assert!(commit.unwrap().changes.iter().all(|(key, _)| key.is_reserved()));
    assert_eq!(root.entry(&Key::balance_of(&account(1))), None);
}

#[test]
fn genesis_is_the_block_that_every_node_makes_alike() {
    let (ledger, commit) = Ledger::open(MemoryStore::default(), &genesis(), GroupId(1)).unwrap();
    let (again, _) = Ledger::open(MemoryStore::default(), &genesis(), GroupId(1)).unwrap();
    let commit = commit.unwrap();
    assert_eq!(ledger.tip(), &genesis().base_header(GroupId(1)));
    assert_eq!(ledger.tip_outcome(), again.tip_outcome());
    assert_eq!((commit.outcome.height, commit.outcome.block_id), (0, ledger.tip().id()));
    assert_eq!(ledger.outcome(0).as_ref(), Some(&commit.outcome), "there before it is flushed");
    assert_eq!(ledger.block(0).as_ref(), Some(&commit.block));
}

#[test]
fn what_executed_is_read_back_before_and_after_it_is_flushed() {
    let mut ledger = started();
    let write = transaction(1, vec![], vec![put("a", "1"), put("b", "1")]);
    let id = write.id();
    let first = execute(&mut ledger, vec![write]);
    let second = execute(
        &mut ledger,
        vec![transaction(2, vec![], vec![put("a", "2"), Op::Delete { key: Key::from("b") }])],
    );
    let check = |ledger: &Ledger<MemoryStore>| {
        assert_eq!((bytes(ledger, "a"), bytes(ledger, "b")), (Some(b"2".to_vec()), None));
        let (height, receipt) = ledger.find_transaction(&id).unwrap();
        assert_eq!((height, receipt.outcome), (1, TransactionOutcome::Applied { reads: vec![] }));
        assert_eq!(ledger.outcome(1), Some(first.commit.outcome.clone()));
        assert_eq!(ledger.block(1), Some(Arc::clone(&first.commit.block)));
        assert_eq!((ledger.outcome(3), ledger.block(3)), (None, None));
    };
    check(&ledger);
    flush(&mut ledger, first.clone());
    check(&ledger);
    flush(&mut ledger, second);
    check(&ledger);
    assert_eq!(ledger.store().tip(), Some(2));
}

#[test]
fn a_store_that_runs_ahead_of_the_ledgers_knowledge_does_no_harm() {
    let mut ledger = started();
    let first = execute(&mut ledger, vec![transaction(1, vec![], vec![put("a", "1")])]);
    ledger.store_mut().apply(&first.commit);
    let second = execute(&mut ledger, vec![transaction(2, vec![], vec![put("a", "2")])]);
    ledger.flushed(1);
    assert_eq!(bytes(&ledger, "a"), Some(b"2".to_vec()));
    flush(&mut ledger, second);
    assert_eq!(bytes(&ledger, "a"), Some(b"2".to_vec()));
}

#[test]
fn a_transaction_executes_once_however_often_it_is_decided() {
    let mut ledger = started();
    let pay = || transaction(1, vec![], vec![Op::Transfer { to: account(2), amount: 10 }]);
    assert_eq!(execute(&mut ledger, vec![pay(), pay()]).commit.receipts.len(), 1);
    assert!(ledger.remembers(&pay().id()));
    let repeated = execute(&mut ledger, vec![pay()]);
    assert!(repeated.commit.receipts.is_empty() && repeated.commit.changes.is_empty());
    let balance = ledger.entry(&Key::balance_of(&account(2))).map(|entry| entry.value);
    assert_eq!(balance, Some(Value::Balance(1_010)));
}

#[test]
fn an_id_is_remembered_over_a_restart_until_it_expires() {
    let mut ledger = started();
    let pay = || transaction(1, vec![], vec![Op::Transfer { to: account(2), amount: 10 }]);
    let executed = execute(&mut ledger, vec![pay()]);
    flush(&mut ledger, executed);
    let block = child(ledger.tip(), pay().expires_at_ms, vec![]);
    let executed = ledger.execute(Arc::new(block));
    flush(&mut ledger, executed);
    let mut ledger = reopened(ledger.store().clone()).unwrap();
    assert!(ledger.remembers(&pay().id()));
    assert_eq!(execute(&mut ledger, vec![pay()]).commit.receipts, vec![]);
    assert!(!ledger.remembers(&pay().id()), "an expired one needs no memory");
    assert_eq!(execute(&mut ledger, vec![pay()]).commit.receipts, vec![], "and still has no effect");
}

#[test]
fn damaged_state_is_found_when_the_ledger_opens() {
    let mut ledger = started();
    let mut executed = execute(&mut ledger, vec![transaction(1, vec![], vec![put("a", "1")])]);
    let (_, entry) = &mut Arc::make_mut(&mut executed.commit).changes[0];
    entry.as_mut().unwrap().value = Value::Bytes(b"damaged".to_vec());
    let expected = executed.commit.outcome.state_root;
    flush(&mut ledger, executed);
    let error = reopened(ledger.store().clone()).err();
    assert!(
        matches!(error, Some(LedgerError::Corrupt { height: 1, expected: root, .. }) if root == expected)
    );
}

#[test]
fn the_store_of_another_network_or_group_is_refused() {
    let store = started().store().clone();
    let mut other = genesis();
    other.name = "other".into();
    for (genesis, group) in [(other, GroupId(1)), (genesis(), GroupId(0))] {
        let error = Ledger::open(store.clone(), &genesis, group).err();
        let (chain, group) = (crate::fixtures::genesis().chain(), GroupId(1));
        assert_eq!(error, Some(LedgerError::OtherChain { chain, group }));
    }
}

#[test]
fn a_store_that_lost_a_recent_block_is_refused() {
    let mut ledger = started();
    let mut holey = ledger.store().clone();
    execute(&mut ledger, vec![]);
    holey.apply(&execute(&mut ledger, vec![]).commit);
    let missing = LedgerError::Missing { what: "block", height: 1, tip: 2 };
    assert_eq!(reopened(holey).err(), Some(missing));
}

#[test]
#[should_panic(expected = "in order")]
fn a_gap_in_the_decided_blocks_is_a_bug() {
    let mut ledger = started();
    let mut header = ledger.tip().clone();
    header.height = 1;
    ledger.execute(Arc::new(child(&header, GENESIS_MS + 1, vec![])));
}

#[test]
#[should_panic(expected = "parent")]
fn a_block_on_another_parent_is_a_bug() {
    let mut ledger = started();
    ledger.execute(Arc::new(block_at(1, GENESIS_MS + 1, vec![])));
}

#[test]
fn proofs_hold_against_the_root_of_their_height_for_the_whole_window() {
    let mut ledger = started();
    let early = ledger.proofs();
    let (window, tip) = (PROOF_WINDOW as u64, 70);
    let oldest = tip + 1 - window;
    for height in 1..=tip {
        let value = height.to_string();
        let mut write = transaction(height, vec![], vec![put("a", &value)]);
        write.expires_at_ms = u64::MAX;
        let executed = execute(&mut ledger, vec![write]);
        flush(&mut ledger, executed);
    }
    let (proofs, key) = (ledger.proofs(), Key::from("a"));
    // One taken early goes on with the ledger.
    assert_eq!((proofs.oldest(), early.oldest()), (Some(oldest), Some(oldest)));
    assert_eq!(early.prove(tip, &key), proofs.prove(tip, &key));
    assert!(proofs.prove(oldest - 1, &key).is_none() && proofs.prove(tip + 1, &key).is_none());
    for height in oldest..=tip {
        let value = Value::Bytes(height.to_string().into_bytes());
        let entry = Entry { value, version: Version::new(0, height, 0) };
        let (root, proof) = (ledger.outcome(height).unwrap().state_root, proofs.prove(height, &key).unwrap());
        assert!(proof.verify(&root, &key, Some(entry.hash())), "height {height}");
    }
}

#[test]
fn the_root_group_owns_no_slot_so_it_leaves_what_has_keys_to_others() {
    let (mut root, _) = Ledger::open(MemoryStore::default(), &genesis(), GroupId(0)).unwrap();
    let write = transaction(1, vec![], vec![put("a", "1")]);
    let id = write.id();
    let executed = execute(&mut root, vec![write]);
    assert_eq!(executed.deferred, [(id, Stopped::Elsewhere)]);
    assert!(executed.commit.changes.is_empty());
    assert!(root.proofs().prove_slot(0, slot_of(&Key::from("a"))).is_none());
}

/// Genesis with this many user groups, and a ledger of each.
fn shards(count: u32) -> (Genesis, Vec<Ledger<MemoryStore>>) {
    let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    let genesis = Genesis { groups: (0..=count).map(group).collect(), ..genesis() };
    let open = |id| Ledger::open(MemoryStore::default(), &genesis, GroupId(id)).unwrap().0;
    let ledgers = (1..=count).map(open).collect();
    (genesis, ledgers)
}

#[test]
fn each_slot_and_each_balance_of_genesis_is_in_exactly_one_group() {
    for count in [1, 2, 3, 4, 7, 64] {
        let (genesis, ledgers) = shards(count);
        for slot in 0..SLOTS {
            let owners: Vec<usize> = (0..ledgers.len())
                .filter(|place| ledgers[*place].proofs().prove_slot(0, slot).is_some())
                .collect();
            let owner = usize::try_from(first_owner(&genesis, slot).0).unwrap();
            assert_eq!(owners, [owner - 1], "slot {slot} of {count} groups");
        }
        let sizes = (1..=count).map(|id| first_slots(&genesis, GroupId(id)).len());
        let (least, most) = (sizes.clone().min().unwrap(), sizes.max().unwrap());
        assert!(most - least <= 1, "{least} to {most} slots");
        for number in 1..=4 {
            let key = Key::balance_of(&account(number));
            assert_eq!(ledgers.iter().filter(|ledger| ledger.entry(&key).is_some()).count(), 1);
        }
    }
}

#[test]
fn a_seal_is_read_back_and_the_newest_is_known() {
    let mut ledger = started();
    let executed = execute(&mut ledger, vec![]);
    let seal = Seal { outcome: executed.commit.outcome.clone(), signatures: QuorumSignatures::default() };
    flush(&mut ledger, executed);
    assert_eq!(ledger.store().sealed_tip(), 0);
    ledger.store_mut().put_seal(seal.clone());
    assert_eq!((ledger.store().sealed_tip(), ledger.store().seal(1)), (1, Some(seal)));
}

const NOW: u64 = GENESIS_MS + 5_000;

/// The verdict on a block of these transactions, on a clock that shows `NOW`.
fn verdict(transactions: Vec<Transaction>, change: impl Fn(&mut Block)) -> Validity {
    let ledger = started();
    let mut block = child(ledger.tip(), NOW, transactions);
    change(&mut block);
    let verdict = ledger.validate(&block, ledger.tip().time_ms, NOW);
    assert_eq!(verdict_on_judged(&ledger, &block).unwrap_or(verdict), verdict, "known or not");
    verdict
}

/// The verdict of whoever judged payload and form before, if they pass.
fn verdict_on_judged(ledger: &Ledger<MemoryStore>, block: &Block) -> Option<Validity> {
    let formed = |signed: &IdentifiedTransaction| {
        signed.transaction.chain == ledger.tip().chain && signed.transaction.check_form().is_ok()
    };
    let passes = block.is_consistent() && block.payload.transactions().all(formed);
    passes.then(|| ledger.validate_judged(block, ledger.tip().time_ms, NOW))
}

fn one() -> Vec<Transaction> {
    vec![transaction(1, vec![], vec![put("a", "1")])]
}

#[test]
fn a_well_formed_block_may_be_voted_for_whatever_the_state() {
    let overdraft = transaction(2, vec![], vec![Op::Transfer { to: account(2), amount: u128::MAX }]);
    assert_eq!(verdict([one(), vec![overdraft]].concat(), |_| ()), Validity::Valid);
    assert_eq!(verdict(vec![], |_| ()), Validity::Valid);
}

#[test]
fn a_block_ahead_of_the_clock_waits_and_one_not_above_its_parent_is_refused() {
    let drift = genesis().parameters.max_drift_ms;
    assert_eq!(verdict(one(), |block| block.header.time_ms = NOW + drift), Validity::Valid);
    assert_eq!(verdict(one(), |block| block.header.time_ms = NOW + drift + 1), Validity::NotYet);
    assert_eq!(verdict(one(), |block| block.header.time_ms = u64::MAX), Validity::NotYet);
    assert_eq!(verdict(one(), |block| block.header.time_ms = GENESIS_MS), Validity::Never);
}

#[test]
fn a_block_with_a_transaction_that_breaks_a_rule_is_never_voted_for() {
    let broken = |change: &dyn Fn(&mut Transaction)| {
        let mut transaction = transaction(1, vec![], vec![put("a", "1")]);
        change(&mut transaction);
        verdict(vec![transaction], |_| ())
    };
    let latest = NOW + genesis().parameters.max_tx_lifetime_ms;
    assert_eq!(broken(&|transaction| transaction.expires_at_ms = latest), Validity::Valid);
    assert_eq!(broken(&|transaction| transaction.expires_at_ms = latest + 1), Validity::Never);
    assert_eq!(broken(&|transaction| transaction.chain.0 = Hash::ZERO), Validity::Never);
    assert_eq!(broken(&|transaction| transaction.ops.clear()), Validity::Never);
    let other = format!("@{}/name", account(2));
    assert_eq!(broken(&|transaction| transaction.ops = vec![put(&other, "x")]), Validity::Never);
    let large = "x".repeat(MAX_VALUE_BYTES);
    assert_eq!(
        broken(&|transaction| transaction.ops = vec![put("a", &large), put("b", &large)]),
        Validity::Never
    );
}

#[test]
fn a_block_that_repeats_a_transaction_is_never_voted_for() {
    assert_eq!(verdict([one(), one()].concat(), |_| ()), Validity::Never);
}

#[test]
fn a_block_of_another_chain_or_group_or_with_another_payload_is_never_voted_for() {
    assert_eq!(verdict(one(), |block| block.header.group = GroupId(2)), Validity::Never);
    assert_eq!(verdict(one(), |block| block.header.chain.0 = Hash::ZERO), Validity::Never);
    assert_eq!(verdict(one(), |block| block.payload = Payload::default()), Validity::Never);
}

#[test]
fn a_block_above_twice_the_largest_size_that_can_be_agreed_is_never_voted_for() {
    let value = "x".repeat(MAX_VALUE_BYTES - 1_000);
    let large = |salt| transaction(salt, vec![], vec![put("a", &value)]);
    assert_eq!(verdict((0..32).map(large).collect(), |_| ()), Validity::Valid);
    assert_eq!(verdict((0..33).map(large).collect(), |_| ()), Validity::Never);
}

fn writes() -> impl Strategy<Value = Transaction> {
    let key = (0..12_u8).prop_map(|number| number.to_string());
    let op = prop_oneof![
        3 => (key.clone(), "[a-c]{0,3}").prop_map(|(key, value)| put(&key, &value)),
        2 => key.clone().prop_map(|key| Op::Delete { key: Key::from(key.as_str()) }),
        1 => key.prop_map(|key| get(&key)),
        2 => (1..6_u8, 0..900_u128).prop_map(|(to, amount)| Op::Transfer { to: account(to), amount }),
    ];
    (0..40_u64, vec(op, 1..4)).prop_map(|(salt, ops)| transaction(salt, vec![], ops))
}

proptest! {
    #[test]
    fn a_ledger_that_crashed_and_replayed_stands_where_one_stands_that_did_not(
        blocks in vec(vec(writes(), 0..6), 1..10), flushed in 0..10_usize,
    ) {
        let mut steady = started();
        let mut disk = steady.store().clone();
        let mut decided = Vec::new();
        for (height, transactions) in blocks.into_iter().enumerate() {
            let executed = execute(&mut steady, transactions);
            if height < flushed {
                disk.apply(&executed.commit);
            }
            decided.push(Arc::clone(&executed.commit.block));
        }
        let mut crashed = reopened(disk).unwrap();
        for block in decided.into_iter().skip(flushed) {
            crashed.execute(block);
        }
        prop_assert_eq!(crashed.tip_outcome(), steady.tip_outcome());
        prop_assert_eq!(crashed.tip(), steady.tip());
        let total: u128 = (1..6).map(|number| match steady.entry(&Key::balance_of(&account(number))) {
            Some(Entry { value: Value::Balance(balance), .. }) => balance,
            _ => 0,
        }).sum();
        prop_assert_eq!(total, 4_000, "balances are conserved");
    }
}
