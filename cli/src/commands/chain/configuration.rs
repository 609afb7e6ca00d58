//! The configuration, for people.

use crate::output::Table;
use serde_json::Value;
use witan_testnet::rpc::{ApprovalView, ConfigurationView};
use witan_types::genesis::Parameters;

/// The configuration, and what operators approve.
pub(super) fn describe(configuration: &ConfigurationView) -> String {
    let ConfigurationView { version, parameters, operators, approvals, at } = configuration;
    let mut text = format!("configuration version {version}, block {} of the root group\n", at.height);
    let mut table = Table::new(["PARAMETER", "VALUE"]);
    for (name, value) in values(parameters) {
        table.row([name, value.to_string()]);
    }
    text += &format!("{table}\n");
    if operators.is_empty() {
        return text + "genesis names no operators: nothing can be changed";
    }
    text += &format!("{} of these operators have to agree on a change:\n", operators.threshold);
    for account in &operators.accounts {
        text += &format!("  {account}\n");
    }
    if approvals.is_empty() {
        return text + "no change is approved by anyone";
    }
    let approved: Vec<String> = approvals.iter().map(|approval| approved(approval, parameters)).collect();
    text + &approved.join("\n")
}

fn values(parameters: &Parameters) -> Vec<(String, Value)> {
    match serde_json::to_value(parameters) {
        Ok(Value::Object(values)) => values.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A change that waits: what it would make other, and who approves it.
fn approved(approval: &ApprovalView, now: &Parameters) -> String {
    let what: Vec<String> = match (&approval.change.parameters, &approval.change.operators) {
        (Some(wanted), _) => {
            let pairs = values(wanted).into_iter().zip(values(now));
            let other = pairs.filter(|(wanted, held)| wanted != held);
            other.map(|((name, value), _)| format!("{name}={value}")).collect()
        }
        (None, Some(operators)) => {
            let accounts = operators.accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            vec![format!("operators {accounts}, of whom {} agree", operators.threshold)]
        }
        (None, None) => Vec::new(),
    };
    let by: Vec<String> = approval.operators.iter().map(|operator| operator.0.to_string()).collect();
    let (version, what) = (approval.change.version, what.join(" "));
    format!("approved for version {version}: {what}\n  {}\n  by {}", approval.hash, by.join("\n     "))
}
