//! The configuration at the start is what genesis says.

use super::*;
use crate::configuration::{EpochRecord, FIRST_VERSION, SlotMapRecord, ValidatorRecord};
use crate::fixtures::genesis;
use crate::slots::{SLOTS, SlotMap};
use witan_types::committee::MAX_VALIDATORS;
use witan_types::genesis::{GenesisValidator, MAX_GROUPS, MAX_NAME_BYTES, MAX_OPERATORS};
use witan_types::{Epoch, Hash, NodeId, PublicKey, ValidatorIndex};

fn root_store(genesis: &Genesis) -> MemoryStore {
    let (mut root, commit) = Ledger::open(MemoryStore::default(), genesis, GroupId::ROOT).unwrap();
    root.store_mut().apply(&commit.unwrap());
    root.store().clone()
}

/// Four validators, of whom two run group 2; three operators.
fn several() -> Genesis {
    let validator = |number: u8| GenesisValidator {
        name: format!("n{number}"),
        key: PublicKey([number; 32]),
        node: NodeId(Hash([number; 32])),
    };
    Genesis {
        permissioned: true,
        validators: (0..4).map(validator).collect(),
        operators: Operators { accounts: (1..=3).map(account).collect(), threshold: 2 },
        groups: vec![
            GenesisGroup::of_all(GroupId::ROOT, EngineKind::Pbft),
            GenesisGroup::of_all(GroupId(1), EngineKind::HotStuff),
            GenesisGroup { id: GroupId(2), engine: EngineKind::Raft, members: Some(vec![1, 3]) },
        ],
        ..genesis()
    }
}

#[test]
fn the_root_group_starts_with_all_that_genesis_says_and_no_key_of_a_user() {
    let genesis = several();
    let store = root_store(&genesis);

    let configuration: Configuration = read(&store, Record::Configuration).unwrap();
    assert_eq!((configuration.version, configuration.operators), (FIRST_VERSION, genesis.operators.clone()));
    assert_eq!(configuration.parameters, genesis.parameters);

    let validator: ValidatorRecord = read(&store, Record::Validator(ValidatorIndex(3))).unwrap();
    assert_eq!((validator.key, validator.name.as_slice()), (genesis.validators[3].key, &b"n3"[..]));
    assert!(read::<ValidatorRecord>(&store, Record::Validator(ValidatorIndex(4))).is_none());

    let epoch: EpochRecord = read(&store, Record::Epoch(GroupId(2), Epoch(1))).unwrap();
    assert_eq!((epoch.engine, epoch.closed), (EngineKind::Raft, None));
    let places: Vec<u16> = epoch.members.iter().map(|member| member.place.0).collect();
    assert_eq!((places, &epoch.members[1].validator), (vec![1, 3], &validator));
    assert_eq!(Some(epoch.committee()), genesis.committee(GroupId(2)));
    let root: EpochRecord = read(&store, Record::Epoch(GroupId::ROOT, Epoch(1))).unwrap();
    assert_eq!(root.members.len(), 4, "all run the root group");

    store.visit_entries(&mut |key, _| assert!(key.is_reserved(), "{key:?}"));
}

#[test]
fn each_group_starts_in_an_epoch_that_says_all_about_its_members() {
    let genesis = several();
    let store = root_store(&genesis);
    for group in genesis.groups.iter().map(|group| group.id) {
        let epochs = crate::configuration::reading::epochs(&store, group);
        let first = EpochRecord::first(&genesis, group).unwrap();
        assert_eq!((first.check(), Some(first.committee())), (Ok(()), genesis.committee(group)));
        assert_eq!(crate::configuration::reading::epoch(&store, group, Epoch(1)), Some(first.clone()));
        assert_eq!(epochs, [first]);
    }
    assert_eq!(crate::configuration::reading::epoch(&store, GroupId(1), Epoch(2)), None);
    assert_eq!(crate::configuration::reading::epochs(&store, GroupId(9)), []);
}

#[test]
fn the_slot_map_names_the_owner_of_every_slot() {
    for count in [1, 2, 3, 64] {
        let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
        let genesis = Genesis { groups: (0..=count).map(group).collect(), ..genesis() };
        let record: SlotMapRecord = read(&root_store(&genesis), Record::SlotMap).unwrap();
        let owners = record.owners.iter().flat_map(|run| (0..run.slots).map(|_| run.owner));
        let map = SlotMap::first(&genesis);
        assert!(owners.eq((0..SLOTS).map(|slot| map.owner_of_slot(slot))), "{count} groups");
        assert_eq!(record.owners.len(), usize::try_from(count).unwrap(), "one run each");
    }
}

#[test]
fn the_largest_genesis_fits_and_a_restart_finds_the_same_state() {
    let validator = |number: u8| GenesisValidator {
        name: "n".repeat(MAX_NAME_BYTES),
        key: PublicKey([number; 32]),
        node: NodeId(Hash([number; 32])),
    };
    let operators = (0..u8::try_from(MAX_OPERATORS).unwrap()).map(account).collect();
    let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    let genesis = Genesis {
        validators: (0..u8::try_from(MAX_VALIDATORS).unwrap()).map(validator).collect(),
        operators: Operators { accounts: operators, threshold: 64 },
        groups: (0..u32::try_from(MAX_GROUPS).unwrap()).map(group).collect(),
        ..genesis()
    };
    genesis.check().unwrap();
    let store = root_store(&genesis);
    let expected = store.outcome(0).unwrap().state_root;
    let (again, commit) = Ledger::open(store, &genesis, GroupId::ROOT).unwrap();
    assert_eq!((again.tip_outcome().state_root, commit), (expected, None));
}

#[test]
fn a_damaged_configuration_is_noticed_when_the_ledger_is_opened() {
    for record in [Record::Configuration, Record::SlotMap, Record::Validator(ValidatorIndex(0))] {
        let mut store = root_store(&genesis());
        let (block, outcome) = (store.block(0).unwrap(), store.outcome(0).unwrap());
        let mut entry = store.entry(&record.key()).unwrap();
        if let Value::Record(bytes) = &mut entry.value {
            bytes.pop();
        }
        let changes = vec![(record.key(), Some(entry))];
        store.apply(&crate::store::BlockCommit {
            block,
            outcome,
            receipts: Vec::new(),
            parties: Vec::new(),
            changes,
        });
        assert!(Ledger::open(store, &genesis(), GroupId::ROOT).is_err(), "{record:?}");
    }
}
