//! Talking to a node: the client, and what its errors read like.

use crate::context::Context;
use crate::error::CliError;
use std::time::{SystemTime, UNIX_EPOCH};
use witan_testnet::rpc::{Client, ClientError, Encoded, Encoding};

/// A client of the node that the command line means.
///
/// # Errors
/// If there is none.
pub(crate) fn connect(context: &Context) -> Result<Client, CliError> {
    let url = context.rpc_url()?;
    match context.rpc_token()? {
        Some(token) => Client::with_token(&url, &token).map_err(failed),
        None => Client::new(&url).map_err(failed),
    }
}

/// A node's answer that is no result, with the next step.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(crate) fn failed(error: ClientError) -> CliError {
    CliError::failed(format!("{error}; {}", error.hint()))
}

/// Unix milliseconds by this machine's clock.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Has an answer written as text, or as hex if the user wants it or not all of it is text; says which.
pub(crate) fn write_readable<T: Encoded>(answer: &mut T, hex: bool) -> Encoding {
    if !hex && answer.write_as(Encoding::Utf8).is_ok() {
        return Encoding::Utf8;
    }
    // Every byte string has a hex form.
    answer.write_as(Encoding::Hex).unwrap_or_default();
    Encoding::Hex
}

/// An answer as JSON that says how its keys and values are written.
///
/// # Errors
/// If it has no JSON form.
pub(crate) fn with_encoding<T: serde::Serialize>(
    answer: &T,
    encoding: Encoding,
) -> Result<serde_json::Value, CliError> {
    let mut json = serde_json::to_value(answer).map_err(CliError::failed)?;
    if let Some(object) = json.as_object_mut() {
        object.insert("encoding".into(), encoding.name().into());
    }
    Ok(json)
}
