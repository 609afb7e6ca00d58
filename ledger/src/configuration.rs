//! The configuration of a network: the state of the root group, which holds nothing else. It stands in records under
//! reserved keys, from genesis on. Operators change it: read [`agreed`] for how, [`approving`] for what a block does.

mod agreed;
mod approving;
pub mod reading;
#[cfg(test)]
mod tests;

pub(crate) use agreed::Agreed;

use crate::records::{Record, Records};
use crate::slots::{SLOTS, SlotMap};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::committee::MAX_VALIDATORS;
use witan_types::genesis::{GenesisGroup, GenesisValidator, MAX_NAME_BYTES, MAX_OPERATORS, Parameters};
use witan_types::{
    BlockId, EngineKind, Epoch, Genesis, GroupId, Height, NodeId, Operators, PublicKey, ValidatorIndex, Wire,
};

/// The version of what genesis says; each change makes the next one.
pub const FIRST_VERSION: u64 = 1;

/// What operators may change, as the root group holds it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Configuration {
    /// Ascends by one with each change.
    pub version: u64,
    /// Who may change it.
    pub operators: Operators,
    /// What all groups go by.
    pub parameters: Parameters,
}

impl Configuration {
    /// What genesis says.
    pub(crate) fn first(genesis: &Genesis) -> Configuration {
        let (operators, parameters) = (genesis.operators.clone(), genesis.parameters.clone());
        Configuration { version: FIRST_VERSION, operators, parameters }
    }
}

/// The parameters of some version, as a group goes by them.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ParametersRecord {
    /// The version of the configuration that made them what they are.
    pub version: u64,
    /// What the group goes by.
    pub parameters: Parameters,
}

/// One epoch of a group: who runs it, and how. Once written it changes in one thing alone: that the epoch closes.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct EpochRecord {
    /// Which group.
    pub group: GroupId,
    /// Which of its epochs.
    pub epoch: Epoch,
    /// Its engine.
    pub engine: EngineKind,
    /// Its members by their places among all validators, in the order of its committee.
    #[borsh(deserialize_with = "bounded::<MAX_VALIDATORS, _, _>")]
    pub members: Vec<ValidatorIndex>,
    /// Its last block, once it is over.
    pub closed: Option<(Height, BlockId)>,
}

/// One validator, by its place among all.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ValidatorRecord {
    /// What it signs votes and seals with.
    pub key: PublicKey,
    /// Its network identity.
    pub node: NodeId,
    /// A name for people, in UTF-8.
    #[borsh(deserialize_with = "witan_types::codec::bounded_bytes::<MAX_NAME_BYTES, _>")]
    pub name: Vec<u8>,
}

/// Slots in a row of one owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SlotRun {
    /// Whose they are.
    pub owner: GroupId,
    /// How many.
    pub slots: u16,
}

/// Which group owns each slot.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SlotMapRecord {
    /// Ascends with each change.
    pub version: u64,
    /// All slots from the first on.
    #[borsh(deserialize_with = "bounded::<{ SLOTS as usize }, _, _>")]
    pub owners: Vec<SlotRun>,
}

impl Wire for Configuration {
    const MAX_BYTES: usize = 8 + (4 + 32 * MAX_OPERATORS + 2) + 9 * 8;
}

impl Wire for ParametersRecord {
    const MAX_BYTES: usize = 8 + 9 * 8;
}

impl Wire for EpochRecord {
    const MAX_BYTES: usize = 4 + 8 + 1 + (4 + 2 * MAX_VALIDATORS) + (1 + 8 + 32);
}

impl Wire for ValidatorRecord {
    const MAX_BYTES: usize = 32 + 32 + 4 + MAX_NAME_BYTES;
}

impl Wire for SlotMapRecord {
    const MAX_BYTES: usize = 8 + 4 + 6 * SLOTS as usize;
}

/// The records with which the root group starts.
pub(crate) fn at_genesis(genesis: &Genesis) -> Records {
    let mut records = Records::default();
    records.put(Record::Configuration, &Configuration::first(genesis));
    for (place, validator) in (0..).map(ValidatorIndex).zip(&genesis.validators) {
        let GenesisValidator { name, key, node } = validator;
        let name = name.clone().into_bytes();
        records.put(Record::Validator(place), &ValidatorRecord { key: *key, node: *node, name });
    }
    for group in &genesis.groups {
        let epoch = Epoch(1);
        let record = EpochRecord {
            group: group.id,
            epoch,
            engine: group.engine,
            members: members(genesis, group),
            closed: None,
        };
        records.put(Record::Epoch(group.id, epoch), &record);
    }
    let owners = runs(&SlotMap::first(genesis));
    records.put(Record::SlotMap, &SlotMapRecord { version: FIRST_VERSION, owners });
    records
}

fn members(genesis: &Genesis, group: &GenesisGroup) -> Vec<ValidatorIndex> {
    match &group.members {
        Some(places) => places.iter().copied().map(ValidatorIndex).collect(),
        None => (0..).map(ValidatorIndex).take(genesis.validators.len()).collect(),
    }
}

fn runs(map: &SlotMap) -> Vec<SlotRun> {
    let mut runs: Vec<SlotRun> = Vec::new();
    for owner in (0..SLOTS).map(|slot| map.owner_of_slot(slot)) {
        match runs.last_mut().filter(|run| run.owner == owner) {
            Some(run) => run.slots = run.slots.saturating_add(1),
            None => runs.push(SlotRun { owner, slots: 1 }),
        }
    }
    runs
}
