//! The configuration of a network: the state of the root group, which holds nothing else. It stands in records under
//! reserved keys, from genesis on. Operators change it: read [`agreed`] for how, [`approving`] for what a block does.

mod agreed;
mod approving;
mod epoch;
pub mod reading;
#[cfg(test)]
mod tests;

pub(crate) use agreed::Agreed;
pub use epoch::{EpochRecord, Member, UnsoundEpoch, ValidatorRecord};

use crate::records::{Record, Records};
use crate::slots::{SLOTS, SlotMap};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::genesis::{MAX_OPERATORS, Parameters};
use witan_types::{Genesis, GroupId, Operators, ValidatorIndex, Wire};

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

impl Wire for SlotMapRecord {
    const MAX_BYTES: usize = 8 + 4 + 6 * SLOTS as usize;
}

/// The records with which the root group starts.
pub(crate) fn at_genesis(genesis: &Genesis) -> Records {
    let mut records = Records::default();
    records.put(Record::Configuration, &Configuration::first(genesis));
    for (place, validator) in (0..).map(ValidatorIndex).zip(&genesis.validators) {
        records.put(Record::Validator(place), &ValidatorRecord::of(validator));
    }
    for group in &genesis.groups {
        let record = EpochRecord::of_genesis(genesis, group);
        records.put(Record::Epoch(record.group, record.epoch), &record);
    }
    let owners = runs(&SlotMap::first(genesis));
    records.put(Record::SlotMap, &SlotMapRecord { version: FIRST_VERSION, owners });
    records
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
