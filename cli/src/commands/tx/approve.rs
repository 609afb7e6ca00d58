//! `witan tx approve`: an operator approves a change of the configuration.

use crate::commands::remote::failed;
use crate::error::CliError;
use serde::Serialize;
use serde_json::{Map, Value};
use witan_testnet::rpc::{Client, ConfigurationView};
use witan_types::genesis::Parameters;
use witan_types::{Account, Change, ChangeKind, Operators};

/// What is to be changed: parameters or operators.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = true)]
pub(super) struct Wanted {
    /// A parameter's new value, such as idleIntervalMs=2000; may come more than once. All others stay as they are
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., conflicts_with = "operators")]
    set: Vec<String>,
    /// The operators from then on
    #[arg(long, value_name = "ACCOUNT,...", value_delimiter = ',', requires = "threshold")]
    operators: Vec<Account>,
    /// How many of them have to agree
    #[arg(long, value_name = "N", requires = "operators")]
    threshold: Option<u16>,
}

/// What became of a change once one more operator has approved it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    /// The version that the change makes.
    version: u64,
    /// Whether it has happened.
    happened: bool,
    /// How many operators approve it, while it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<usize>,
    /// How many have to.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<u16>,
}

impl Wanted {
    /// The change of the configuration as it is now.
    pub(super) async fn change(&self, client: &Client) -> Result<Change, CliError> {
        let now = client.configuration().await.map_err(failed)?;
        let kind = self.kind(&now.parameters).map_err(CliError::Usage)?;
        let change = Change { version: now.version.saturating_add(1), kind };
        change.check(&now.parameters).map_err(CliError::failed)?;
        Ok(change)
    }

    fn kind(&self, now: &Parameters) -> Result<ChangeKind, String> {
        match self.threshold {
            Some(threshold) => {
                Ok(ChangeKind::Operators(Operators { accounts: self.operators.clone(), threshold }))
            }
            None => with(now, &self.set).map(ChangeKind::Parameters),
        }
    }
}

/// Parameters with some values set, such as `idleIntervalMs=2000`.
fn with(now: &Parameters, set: &[String]) -> Result<Parameters, String> {
    let Ok(Value::Object(mut values)) = serde_json::to_value(now) else {
        return Err("the node's parameters can't be written as JSON".into());
    };
    for assignment in set {
        let (name, value) = assignment
            .split_once('=')
            .ok_or_else(|| format!("--set {assignment}: expected NAME=VALUE, such as idleIntervalMs=2000"))?;
        let value: u64 =
            value.parse().map_err(|_| format!("--set {assignment}: {value:?} is no whole number"))?;
        let names = names(&values);
        let held = values.get_mut(name).ok_or_else(|| {
            format!("--set {assignment}: there is no parameter {name:?}; there are {names}")
        })?;
        *held = value.into();
    }
    serde_json::from_value(Value::Object(values)).map_err(|error| error.to_string())
}

fn names(values: &Map<String, Value>) -> String {
    values.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

impl Standing {
    /// How a change stands that was approved just now.
    pub(super) async fn of(change: &Change, client: &Client) -> Result<Standing, CliError> {
        Ok(Standing::read(change, &client.configuration().await.map_err(failed)?))
    }

    fn read(change: &Change, now: &ConfigurationView) -> Standing {
        let hash = change.hash();
        let approved = now.approvals.iter().find(|approval| approval.hash == hash);
        let holds = match &change.kind {
            ChangeKind::Parameters(parameters) => *parameters == now.parameters,
            ChangeKind::Operators(operators) => *operators == now.operators,
        };
        Standing {
            version: change.version,
            happened: now.version >= change.version && holds,
            approved_by: approved.map(|approval| approval.operators.len()),
            needed: approved.map(|_| now.operators.threshold),
        }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let Standing { version, happened, approved_by, needed } = self;
        match approved_by.zip(*needed) {
            _ if *happened => format!("the change happened: version {version}"),
            Some((approved_by, needed)) => format!("approved by {approved_by} of {needed} needed"),
            None => {
                format!("another change has made version {version}, or the operator approves another by now")
            }
        }
    }
}

#[cfg(test)]
mod tests;
