//! Changes of the configuration in JSON: `{version, parameters}` or `{version, operators}`. What is left out is never taken
//! from somewhere else: a change names the whole new value.

use super::TransactionJsonError;
use super::read::{Object, Result};
use crate::view::ChangeView;
use serde_json::{Map, Value};
use witan_types::genesis::{MAX_OPERATORS, Parameters};
use witan_types::{Account, Change, ChangeKind, Operators};

/// Reads the change that an approval names.
pub(super) fn read_change(change: &Object<'_>) -> Result<Change> {
    let version = change.number("version", "the version that the change makes, a number")?;
    let kind = if change.has("operators") {
        change.only(&["version", "operators"])?;
        ChangeKind::Operators(read_operators(&change.object("operators")?)?)
    } else {
        change.only(&["version", "parameters"])?;
        ChangeKind::Parameters(read_parameters(&change.object("parameters")?)?)
    };
    Ok(Change { version, kind })
}

fn read_operators(operators: &Object<'_>) -> Result<Operators> {
    operators.only(&["accounts", "threshold"])?;
    let account = |place: usize, value: &Value| {
        let parsed = value.as_str().and_then(|text| text.parse::<Account>().ok());
        parsed.ok_or_else(|| operators.wrong(&format!("accounts[{place}]"), "an account, witan1..."))
    };
    let accounts = operators.array("accounts", MAX_OPERATORS)?;
    let accounts =
        accounts.iter().enumerate().map(|(place, value)| account(place, value)).collect::<Result<_>>()?;
    let threshold = operators.number("threshold", "how many operators have to agree, a number")?;
    Ok(Operators { accounts, threshold })
}

fn read_parameters(parameters: &Object<'_>) -> Result<Parameters> {
    let all = names();
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    parameters.only(&names)?;
    let mut read = Map::new();
    for name in names {
        let value: u64 = parameters.number(name, "a number: a change names every parameter")?;
        read.insert(name.to_owned(), value.into());
    }
    serde_json::from_value(Value::Object(read)).map_err(|error| TransactionJsonError {
        path: parameters.path.clone(),
        expected: format!("parameters as in genesis: {error}"),
    })
}

/// The names of all parameters, as genesis has them.
fn names() -> Map<String, Value> {
    match serde_json::to_value(Parameters::default()) {
        Ok(Value::Object(names)) => names,
        _ => Map::new(),
    }
}

/// Writes the change that an approval names.
pub(super) fn write_change(change: &Change) -> Value {
    serde_json::to_value(ChangeView::from(change.clone())).unwrap_or_default()
}
