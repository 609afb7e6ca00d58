//! The configuration, and what operators approve.

use super::ReadPoint;
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::genesis::Parameters;
use witan_types::{Account, Change, ChangeKind, Hash, Operators};

/// What operators may change: the answer of `chain_getConfiguration`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationView {
    /// Ascends by one with each change; 1 is what genesis says.
    pub version: u64,
    /// What all groups go by as soon as they have heard of it.
    pub parameters: Parameters,
    /// Who may change it, and how many have to agree.
    pub operators: Operators,
    /// What operators approve that has not happened.
    pub approvals: Vec<ApprovalView>,
    /// Where the read stands in the root group.
    #[serde(flatten)]
    pub at: ReadPoint,
}

/// A change that operators approve and that has not happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalView {
    /// What it would change.
    pub change: ChangeView,
    /// Its short name.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub hash: Hash,
    /// Who approves it.
    pub operators: Vec<TextAccount>,
}

/// An account in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TextAccount(
    #[serde(with = "text")]
    #[schemars(with = "Account")]
    pub Account,
);

/// A change: one of `parameters` and `operators`, whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeView {
    /// The version that it makes.
    pub version: u64,
    /// The parameters from then on, if it changes those.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parameters: Option<Parameters>,
    /// The operators from then on, if it changes those.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operators: Option<Operators>,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> ChangeView {
        let Change { version, kind } = change;
        match kind {
            ChangeKind::Parameters(parameters) => {
                ChangeView { version, parameters: Some(parameters), operators: None }
            }
            ChangeKind::Operators(operators) => {
                ChangeView { version, parameters: None, operators: Some(operators) }
            }
        }
    }
}

impl ApprovalView {
    /// A change, and who approves it.
    pub fn new(change: Change, operators: Vec<Account>) -> ApprovalView {
        let hash = change.hash();
        let operators = operators.into_iter().map(TextAccount).collect();
        ApprovalView { change: change.into(), hash, operators }
    }
}
