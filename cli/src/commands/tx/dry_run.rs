//! `witan tx ... --dry-run`: what would happen, with nothing submitted.

use super::text;
use crate::commands::remote::{failed, write_readable};
use crate::context::Context;
use crate::error::CliError;
use serde_json::{Map, Value, json};
use witan_testnet::rpc::transaction_json::unsigned_to_json;
use witan_testnet::rpc::{Client, SimulatedState, SimulationView};
use witan_types::{SignedTransaction, Wire as _};

/// Has the node try a transaction, and prints it with what would become of it.
///
/// # Errors
/// If it would not be applied.
pub(super) async fn show(
    client: &Client,
    signed: &SignedTransaction,
    hex: bool,
    context: &Context,
) -> Result<(), CliError> {
    let mut simulated = client.simulate(signed).await.map_err(failed)?;
    let said = describe(&simulated, hex);
    let encoding = write_readable(&mut simulated, hex);
    let unsigned: Map<String, Value> = unsigned_to_json(&signed.transaction, encoding)
        .or_else(|_| unsigned_to_json(&signed.transaction, text::encoding(true)))
        .map_err(CliError::failed)?;
    let document = json!({
        "txId": signed.id().to_string(),
        "tx": format!("0x{}", hex::encode(signed.encode())),
        "unsigned": unsigned,
        "encoding": encoding.name(),
        "submitted": false,
        "simulated": simulated,
    });
    context.output.result(&document, || said);
    match simulated.status {
        SimulatedState::Committed => Ok(()),
        SimulatedState::Failed
        | SimulatedState::Aborted
        | SimulatedState::Deferred
        | SimulatedState::Repeated => Err(CliError::Exit(1)),
    }
}

/// One line on what would become of it, and one for each read, write and lock.
fn describe(simulated: &SimulationView, hex: bool) -> String {
    let what = match simulated.status {
        SimulatedState::Committed => "would be committed",
        SimulatedState::Failed => "would fail",
        SimulatedState::Aborted => "would be aborted",
        SimulatedState::Deferred => "would have to wait",
        SimulatedState::Repeated => "is executed or pending already",
    };
    let mut said = what.to_owned();
    if let Some(reason) = &simulated.result.reason {
        said += &format!(": {reason}");
    }
    let places: Vec<String> =
        simulated.at.iter().map(|at| format!("{} of group {}", at.height, at.group)).collect();
    said += &format!("; not submitted, tried after block {}", places.join(", "));
    said += &format!("\ntransaction {}", simulated.tx_id);
    for read in &simulated.result.reads {
        let value = read.value.as_ref().map_or("(absent)".to_owned(), |value| text::show_value(value, hex));
        said += &format!("\nreads {} = {value}", text::show(&read.key, hex));
    }
    for write in &simulated.writes {
        let value = write.value.as_ref().map_or("(gone)".to_owned(), |value| text::show_value(value, hex));
        said += &format!("\nwrites {} = {value}  (group {})", text::show(&write.key, hex), write.group);
    }
    for locked in &simulated.locked {
        let key = text::show(&locked.key, hex);
        said += &format!("\nwaits for {key}, which {} holds  (group {})", locked.tx_id, locked.group);
    }
    said
}
