//! Simulated across groups: what is said is what comes of the transaction if nothing else happens meanwhile.

use super::*;
use crate::execute::{PartOutcome, Simulated, TriedPart, groups_of, put_together, try_part};
use crate::value::Entry;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use witan_types::TxId;

impl Network {
    fn owner(&self, key: &Key) -> GroupId {
        SlotMap::first(&self.genesis).owner(key)
    }

    /// Tries every part on the newest state of its group.
    fn try_parts(&self, signed: &SignedTransaction) -> BTreeMap<GroupId, TriedPart> {
        let groups: BTreeSet<GroupId> = groups_of(&signed.transaction, |key| self.owner(key)).collect();
        let tried = |group: GroupId| {
            let ledger = &self.ledgers[&group];
            let time_ms = ledger.tip().time_ms + 10;
            (group, try_part(ledger.store(), &self.genesis, ledger.tip(), time_ms, signed).unwrap())
        };
        groups.into_iter().map(tried).collect()
    }

    fn simulate(&self, signed: &SignedTransaction) -> Simulated {
        let parts = self.try_parts(signed).into_iter().map(|(group, part)| (group, part.outcome)).collect();
        put_together(&signed.transaction, |key| self.owner(key), parts)
    }

    fn locked(&self, signed: &SignedTransaction) -> Vec<(GroupId, Key, TxId)> {
        let of_group = |(group, part): (GroupId, TriedPart)| {
            part.locked.into_iter().map(move |(key, id)| (group, key, id))
        };
        self.try_parts(signed).into_iter().flat_map(of_group).collect()
    }
}

/// Versions name blocks, and those of a simulation are never made.
fn without_versions(outcome: TransactionOutcome) -> TransactionOutcome {
    match outcome {
        TransactionOutcome::Applied { mut reads } => {
            let entries = reads.iter_mut().filter_map(|read| read.entry.as_mut());
            entries.for_each(|entry| entry.version = crate::Version::default());
            TransactionOutcome::Applied { reads }
        }
        other => other,
    }
}

/// One op on one of the keys and accounts of all groups, by its kind.
fn op_of(network: &Network, id: u32, kind: u8, amount: u8) -> Op {
    let key = Key::from(network.key(id, "k").as_str());
    match kind % 6 {
        0 => Op::Put { key, value: vec![amount] },
        1 => Op::Append { key, item: vec![amount] },
        2 => Op::Add { key, delta: i128::from(amount) },
        3 => Op::Delete { key },
        4 => transfer(network.holder(id, 0), u128::from(amount) * 6),
        _ => Op::Get { key },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_simulated_across_groups_is_what_comes_of_it(
        list in vec(vec((1..=GROUPS, any::<u8>(), any::<u8>()), 1..6), 1..6),
    ) {
        let mut network = Network::start();
        for wish in list {
            let ops = wish.into_iter().map(|(id, kind, amount)| op_of(&network, id, kind, amount)).collect();
            let signed = network.signed_by(network.holder(1, 1), vec![], ops);
            let first = groups_of(&signed.transaction, |key| network.owner(key)).next().unwrap();
            let before = network.ledgers.values().map(|ledger| ledger.store().clone()).collect::<Vec<_>>();
            let (said, parts) = (network.simulate(&signed), network.try_parts(&signed));
            let after = network.ledgers.values().map(|ledger| ledger.store().clone()).collect::<Vec<_>>();
            prop_assert_eq!(before, after);
            network.block(first.0, vec![signed.clone()]);
            network.settle();
            let ended = network.outcome(first.0, &signed);
            let Simulated::Ends(said) = said else { panic!("{said:?}, and it ended as {ended:?}") };
            prop_assert_eq!(without_versions(said), without_versions(ended.clone()));
            for part in parts.into_values().filter(|_| applied(&ended)) {
                let PartOutcome::Applied { writes, .. } = part.outcome else { panic!("{part:?}") };
                for (key, entry) in writes {
                    let held = network.ledgers[&network.owner(&key)].entry(&key);
                    let value = |entry: Option<Entry>| entry.map(|entry| entry.value);
                    prop_assert_eq!(value(held), value(entry), "{:?}", key);
                }
            }
            prop_assert_eq!(network.simulate(&signed), Simulated::Repeated);
        }
    }
}

#[test]
fn a_key_that_is_locked_is_named_with_who_holds_it() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "k"), network.key(2, "k"));
    let holder = network.signed(vec![put(&one, "1"), put(&two, "1")]);
    network.block(1, vec![holder.clone()]);
    network.hear(2);
    assert_eq!(network.simulate(&holder), Simulated::Repeated, "it is pending");

    let alone = network.signed(vec![put(&one, "2")]);
    let across = network.signed(vec![put(&network.key(3, "k"), "2"), put(&two, "2"), get(&one)]);
    let (one, two) = (Key::from(one.as_str()), Key::from(two.as_str()));
    let by = |group: u32, key: &Key| (GroupId(group), key.clone(), holder.id());
    assert_eq!(network.locked(&alone), [by(1, &one)]);
    assert!(matches!(network.simulate(&alone), Simulated::Waits(GroupId(1), _)));
    assert_eq!(network.locked(&across), [by(1, &one), by(2, &two)]);
    assert!(matches!(network.simulate(&across), Simulated::Waits(..)));

    network.settle();
    assert_eq!(network.locked(&across), []);
    assert!(matches!(network.simulate(&across), Simulated::Ends(TransactionOutcome::Applied { .. })));
}

#[test]
fn who_holds_other_keys_is_not_in_the_way() {
    let mut network = Network::start();
    let (one, two) = (network.key(1, "k"), network.key(2, "k"));
    let holder = network.signed(vec![put(&one, "1"), put(&two, "1")]);
    network.block(1, vec![holder]);
    network.hear(2);
    let other = network.signed(vec![put(&network.key(1, "free"), "2"), put(&network.key(2, "free"), "2")]);
    assert_eq!(network.locked(&other), []);
    assert!(matches!(network.simulate(&other), Simulated::Ends(TransactionOutcome::Applied { .. })));
}
