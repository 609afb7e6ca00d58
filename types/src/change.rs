//! Changes of the configuration: what operators approve.

use crate::codec::{Wire, encode};
use crate::genesis::{MAX_OPERATORS, Operators, Parameters};
use crate::hash::{Hash, sha256};
use borsh::{BorshDeserialize, BorshSerialize};

/// A change of the configuration. It is signed whole, so that who approves it sees what is signed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Change {
    /// The version of the configuration that it makes: the next one.
    pub version: u64,
    /// What becomes other.
    pub kind: ChangeKind,
}

/// What a change makes other. It names the whole new value, never a difference.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum ChangeKind {
    /// The numbers that all groups go by.
    Parameters(Parameters),
    /// Who may change the configuration.
    Operators(Operators),
}

impl Change {
    /// Its short name, for people to compare.
    pub fn hash(&self) -> Hash {
        sha256(&[b"witan change", &encode(self)])
    }

    /// Judges whether it is possible while these parameters hold.
    ///
    /// # Errors
    /// The rule it breaks, for people.
    pub fn check(&self, now: &Parameters) -> Result<(), String> {
        match &self.kind {
            ChangeKind::Parameters(parameters) => parameters.check_change(now),
            ChangeKind::Operators(operators) if operators.is_empty() => {
                Err("somebody must be able to change the configuration: name at least one operator".into())
            }
            ChangeKind::Operators(operators) => operators.check(),
        }
    }
}

impl Wire for Change {
    const MAX_BYTES: usize = 8 + 1 + 4 + 32 * MAX_OPERATORS + 2;
}
