//! Genesis: everything validators must agree on before the first block. Its hash is the chain's id.

mod json;
mod operators;
mod parameters;

pub use operators::{MAX_OPERATORS, Operators};
pub use parameters::Parameters;

use crate::account::Account;
use crate::block::{Header, Payload};
use crate::codec::encode;
use crate::committee::{Committee, FaultModel, MAX_VALIDATORS};
use crate::crypto::PublicKey;
use crate::hash::sha256;
use crate::ids::{BlockId, ChainId, Epoch, GroupId, NodeId, ValidatorIndex};
use borsh::{BorshDeserialize, BorshSerialize};
use json::{hex32, hex32_list, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most groups that genesis may list, the root group included.
pub const MAX_GROUPS: usize = 65;
/// The most followers that genesis may list.
pub const MAX_FOLLOWERS: usize = 1024;

/// The most bytes that the name of a validator may have.
pub const MAX_NAME_BYTES: usize = 64;

/// A consensus engine, as genesis and users name it.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Jolteon two-chain HotStuff.
    HotStuff,
    /// Practical Byzantine fault tolerance.
    Pbft,
    /// Raft, for members who trust each other not to lie.
    Raft,
}

impl EngineKind {
    /// Every engine there is.
    pub const ALL: [EngineKind; 3] = [EngineKind::HotStuff, EngineKind::Pbft, EngineKind::Raft];

    /// Its name for people, who must see wherever members are trusted not to lie: `raft (crash)`.
    pub fn label(self) -> String {
        match self.faults() {
            FaultModel::Byzantine => self.to_string(),
            faults @ FaultModel::Crash => format!("{self} ({faults})"),
        }
    }

    /// What its members may do wrong.
    pub fn faults(self) -> FaultModel {
        match self {
            EngineKind::HotStuff | EngineKind::Pbft => FaultModel::Byzantine,
            EngineKind::Raft => FaultModel::Crash,
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EngineKind::HotStuff => "hotstuff",
            EngineKind::Pbft => "pbft",
            EngineKind::Raft => "raft",
        })
    }
}

/// A name that no engine has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no engine {0:?}: expected hotstuff, pbft or raft")]
pub struct UnknownEngine(pub String);

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<EngineKind, UnknownEngine> {
        let found = EngineKind::ALL.into_iter().find(|engine| engine.to_string() == name);
        found.ok_or_else(|| UnknownEngine(name.to_owned()))
    }
}

/// A validator: its place in the list is its place in every group it is a member of.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisValidator {
    /// A name for people.
    pub name: String,
    /// What it signs votes and seals with.
    #[serde(with = "hex32")]
    #[cfg_attr(feature = "schema", schemars(with = "PublicKey"))]
    pub key: PublicKey,
    /// Its network identity.
    #[serde(with = "hex32")]
    #[cfg_attr(feature = "schema", schemars(with = "NodeId"))]
    pub node: NodeId,
}

/// A group at genesis.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisGroup {
    /// Which group.
    pub id: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// Which validators are its members, by their places in the list of validators, ascending; none means all. All are
    /// members of the root group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<u16>>,
}

impl GenesisGroup {
    /// A group of all validators.
    pub fn of_all(id: GroupId, engine: EngineKind) -> GenesisGroup {
        GenesisGroup { id, engine, members: None }
    }
}

/// A balance that exists from the start. Nothing else ever issues.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisBalance {
    /// Whose.
    #[serde(with = "text")]
    #[cfg_attr(feature = "schema", schemars(with = "Account"))]
    pub account: Account,
    /// How much, as a decimal string.
    #[serde(with = "text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Decimal"))]
    pub balance: u128,
}

/// The first agreement of a network.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Genesis {
    /// A name for people; part of the chain's id like all else.
    pub name: String,
    /// Unix milliseconds; the time of the base blocks.
    pub time_ms: u64,
    /// Whether fault injection and development accounts are allowed.
    #[serde(default)]
    pub devnet: bool,
    /// Whether only listed nodes may connect: validators and followers. Raft requires it.
    #[serde(default)]
    pub permissioned: bool,
    /// All validators.
    pub validators: Vec<GenesisValidator>,
    /// In a permissioned network the nodes that may connect beside the validators, without a vote.
    #[serde(default, with = "hex32_list", skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<NodeId>"))]
    pub followers: Vec<NodeId>,
    /// Who may change the configuration, and how many of them it takes. Without operators it stays as it is.
    #[serde(default, skip_serializing_if = "Operators::is_empty")]
    pub operators: Operators,
    /// All groups; group 0 is the root.
    pub groups: Vec<GenesisGroup>,
    /// All balances.
    pub balances: Vec<GenesisBalance>,
    /// Shared numbers.
    #[serde(default)]
    pub parameters: Parameters,
}

/// Why a genesis is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Too few or too many validators.
    #[error("genesis lists {0} validators; 1 to {MAX_VALIDATORS} are possible")]
    ValidatorCount(usize),
    /// A validator's name above [`MAX_NAME_BYTES`].
    #[error("the name {0:?} of a validator has more than {MAX_NAME_BYTES} bytes")]
    Name(String),
    /// A key or node id that two validators share.
    #[error("validators {0} and {1} share a key or a node id")]
    SharedKey(String, String),
    /// A list of followers that admits nobody else or the wrong number.
    #[error("followers: {0}")]
    Followers(String),
    /// Groups that are not 0, 1, 2, ..., or too many.
    #[error(
        "groups must be 0 (root), 1, 2, ... in order, at least one beside the root and {MAX_GROUPS} at most"
    )]
    Groups,
    /// Members that are no validators, or listed out of order, or none.
    #[error(
        "the members of group {0} must be places of validators, counted from 0, ascending, at least one; the root group has \
         none listed, since all validators run it"
    )]
    Members(GroupId),
    /// Operators who could never agree, or of whom one would count twice.
    #[error("operators: {0}")]
    Operators(String),
    /// Raft without permission.
    #[error(
        "group {0} runs raft, which trusts its members not to lie: genesis must say \"permissioned\": true"
    )]
    RaftNeedsPermission(GroupId),
    /// An account listed twice, or balances above u128.
    #[error("{0}")]
    Balances(String),
    /// A parameter without sense.
    #[error("parameter {0}")]
    Parameter(&'static str),
}

impl Genesis {
    /// The chain's id: the hash of this genesis.
    pub fn chain(&self) -> ChainId {
        ChainId(sha256(&[b"witan genesis", &encode(self)]))
    }

    /// The engine of a group.
    pub fn engine(&self, group: GroupId) -> Option<EngineKind> {
        self.groups.iter().find(|entry| entry.id == group).map(|entry| entry.engine)
    }

    /// The groups that hold users' keys: all but the root group.
    pub fn user_groups(&self) -> impl Iterator<Item = GroupId> {
        self.groups.iter().map(|group| group.id).filter(|id| *id != GroupId::ROOT)
    }

    /// The members of a group in its first epoch, in the order of its committee; none if there is no such group.
    pub fn members(&self, group: GroupId) -> Vec<&GenesisValidator> {
        let Some(group) = self.groups.iter().find(|entry| entry.id == group) else { return Vec::new() };
        match &group.members {
            None => self.validators.iter().collect(),
            Some(places) => {
                places.iter().filter_map(|place| self.validators.get(usize::from(*place))).collect()
            }
        }
    }

    /// The committee of a group in its first epoch.
    pub fn committee(&self, group: GroupId) -> Option<Committee> {
        let keys = self.members(group).into_iter().map(|validator| validator.key).collect();
        self.engine(group).map(|engine| Committee::new(keys, engine.faults()))
    }

    /// The nodes that may connect; none lets anyone.
    pub fn admitted(&self) -> Option<Vec<NodeId>> {
        let listed = self.validators.iter().map(|validator| validator.node);
        self.permissioned.then(|| listed.chain(self.followers.iter().copied()).collect())
    }

    /// The base block of a group: height 0, no payload.
    pub fn base_header(&self, group: GroupId) -> Header {
        Header {
            chain: self.chain(),
            group,
            epoch: Epoch(1),
            height: 0,
            tag: 0,
            parent: BlockId::default(),
            proposer: ValidatorIndex(0),
            time_ms: self.time_ms,
            payload_root: Payload::default().root(),
        }
    }

    /// Judges the whole document.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(&self) -> Result<(), GenesisError> {
        if !(1..=MAX_VALIDATORS).contains(&self.validators.len()) {
            return Err(GenesisError::ValidatorCount(self.validators.len()));
        }
        if let Some(named) = self.validators.iter().find(|entry| entry.name.len() > MAX_NAME_BYTES) {
            return Err(GenesisError::Name(named.name.clone()));
        }
        self.check_keys()?;
        self.check_followers()?;
        self.operators.check().map_err(GenesisError::Operators)?;
        self.check_groups()?;
        self.check_balances()?;
        self.parameters.check().map_err(GenesisError::Parameter)
    }

    fn check_keys(&self) -> Result<(), GenesisError> {
        for (place, one) in self.validators.iter().enumerate() {
            for other in self.validators.iter().skip(place + 1) {
                if one.key == other.key || one.node == other.node {
                    return Err(GenesisError::SharedKey(one.name.clone(), other.name.clone()));
                }
            }
        }
        Ok(())
    }

    fn check_followers(&self) -> Result<(), GenesisError> {
        let refuse = |why: String| Err(GenesisError::Followers(why));
        if self.followers.len() > MAX_FOLLOWERS {
            return refuse(format!(
                "{} are listed, at most {MAX_FOLLOWERS} are possible",
                self.followers.len()
            ));
        }
        if !self.followers.is_empty() && !self.permissioned {
            return refuse("anyone may follow unless genesis says \"permissioned\": true".into());
        }
        let mut seen: BTreeSet<NodeId> = self.validators.iter().map(|validator| validator.node).collect();
        match self.followers.iter().find(|node| !seen.insert(**node)) {
            Some(node) => refuse(format!("node {node} is listed twice, or is a validator's")),
            None => Ok(()),
        }
    }

    fn check_groups(&self) -> Result<(), GenesisError> {
        let ascending = self.groups.iter().zip(0..).all(|(group, expected)| group.id == GroupId(expected));
        if !ascending || !(2..=MAX_GROUPS).contains(&self.groups.len()) {
            return Err(GenesisError::Groups);
        }
        if let Some(group) = self.groups.iter().find(|group| group.engine == EngineKind::Raft)
            && !self.permissioned
        {
            return Err(GenesisError::RaftNeedsPermission(group.id));
        }
        match self.groups.iter().find(|group| !self.has_members(group)) {
            Some(group) => Err(GenesisError::Members(group.id)),
            None => Ok(()),
        }
    }

    fn has_members(&self, group: &GenesisGroup) -> bool {
        let Some(places) = &group.members else { return true };
        let ascending = places.iter().zip(places.iter().skip(1)).all(|(one, next)| one < next);
        let last_exists = places.last().is_some_and(|last| usize::from(*last) < self.validators.len());
        group.id != GroupId::ROOT && ascending && last_exists
    }

    fn check_balances(&self) -> Result<(), GenesisError> {
        let mut seen = BTreeSet::new();
        let mut total = 0_u128;
        for entry in &self.balances {
            if !seen.insert(entry.account) {
                return Err(GenesisError::Balances(format!("account {} is listed twice", entry.account)));
            }
            total = total
                .checked_add(entry.balance)
                .ok_or_else(|| GenesisError::Balances("all balances together exceed 128 bits".into()))?;
        }
        Ok(())
    }
}
