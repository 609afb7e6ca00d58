//! Epochs: who runs a group from one block to another, and how. A record says all of it, keys included, so that whoever
//! believes its hash needs nothing else to judge the epoch's seals.

use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeSet;
use witan_types::codec::{bounded, bounded_bytes, encode};
use witan_types::committee::MAX_VALIDATORS;
use witan_types::genesis::{GenesisGroup, GenesisValidator, MAX_NAME_BYTES};
use witan_types::{
    BlockId, Committee, EngineKind, Epoch, Genesis, GroupId, Hash, Height, NodeId, PublicKey, ValidatorIndex,
    Wire, sha256,
};

/// One validator, by its place among all.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ValidatorRecord {
    /// What it signs votes and seals with.
    pub key: PublicKey,
    /// Its network identity.
    pub node: NodeId,
    /// A name for people, in UTF-8.
    #[borsh(deserialize_with = "bounded_bytes::<MAX_NAME_BYTES, _>")]
    pub name: Vec<u8>,
}

impl ValidatorRecord {
    pub(super) fn of(validator: &GenesisValidator) -> ValidatorRecord {
        let GenesisValidator { name, key, node } = validator;
        ValidatorRecord { key: *key, node: *node, name: name.clone().into_bytes() }
    }
}

/// A validator that runs a group in an epoch.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// Its place among all validators.
    pub place: ValidatorIndex,
    /// The validator, as it is in this epoch.
    pub validator: ValidatorRecord,
}

/// One epoch of a group: who runs it, and how. Once written it changes in one thing alone: that the epoch closes.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct EpochRecord {
    /// Which group.
    pub group: GroupId,
    /// Which of its epochs, from 1.
    pub epoch: Epoch,
    /// Its engine.
    pub engine: EngineKind,
    /// Its members, in the order of its committee.
    #[borsh(deserialize_with = "bounded::<MAX_VALIDATORS, _, _>")]
    pub members: Vec<Member>,
    /// Its last block, once it is over.
    pub closed: Option<(Height, BlockId)>,
}

/// Why an epoch's record makes no committee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsoundEpoch {
    /// Nobody could seal.
    #[error("it has no members")]
    NoMembers,
    /// Epochs count from 1.
    #[error("epochs count from 1, and it is 0")]
    EpochZero,
    /// One would count twice.
    #[error("two members share a key or a place")]
    SharedKey,
}

impl EpochRecord {
    /// The first epoch of a group; none if genesis names no such group.
    pub fn first(genesis: &Genesis, group: GroupId) -> Option<EpochRecord> {
        genesis.groups.iter().find(|entry| entry.id == group).map(|it| EpochRecord::of_genesis(genesis, it))
    }

    pub(super) fn of_genesis(genesis: &Genesis, group: &GenesisGroup) -> EpochRecord {
        let places = 0..u16::try_from(genesis.validators.len()).unwrap_or(u16::MAX);
        let places = group.members.clone().unwrap_or_else(|| places.collect());
        let member = |place: u16| {
            let validator = genesis.validators.get(usize::from(place))?;
            Some(Member { place: ValidatorIndex(place), validator: ValidatorRecord::of(validator) })
        };
        EpochRecord {
            group: group.id,
            epoch: Epoch(1),
            engine: group.engine,
            members: places.into_iter().filter_map(member).collect(),
            closed: None,
        }
    }

    /// The hash that the last block of the epoch before names in its seal: of the record as the epoch opens, so that it
    /// stays the same when the epoch closes.
    pub fn hash(&self) -> Hash {
        let opened = EpochRecord { closed: None, ..self.clone() };
        sha256(&[b"witan epoch", &encode(&opened)])
    }

    /// Who seals in the epoch, and how many of them it takes.
    pub fn committee(&self) -> Committee {
        let keys = self.members.iter().map(|member| member.validator.key).collect();
        Committee::new(keys, self.engine.faults())
    }

    /// Whether a committee can be made of it in which each member counts once.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(&self) -> Result<(), UnsoundEpoch> {
        if self.members.is_empty() {
            return Err(UnsoundEpoch::NoMembers);
        }
        if self.epoch.0 == 0 {
            return Err(UnsoundEpoch::EpochZero);
        }
        let keys: BTreeSet<PublicKey> = self.members.iter().map(|member| member.validator.key).collect();
        let places: BTreeSet<ValidatorIndex> = self.members.iter().map(|member| member.place).collect();
        let each_once = keys.len() == self.members.len() && places.len() == self.members.len();
        if each_once { Ok(()) } else { Err(UnsoundEpoch::SharedKey) }
    }
}

impl Wire for ValidatorRecord {
    const MAX_BYTES: usize = 32 + 32 + 4 + MAX_NAME_BYTES;
}

impl Wire for EpochRecord {
    const MAX_BYTES: usize =
        4 + 8 + 1 + (4 + MAX_VALIDATORS * (2 + ValidatorRecord::MAX_BYTES)) + (1 + 8 + 32);
}
