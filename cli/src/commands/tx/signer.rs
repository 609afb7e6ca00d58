//! Who signs: a development account by its index, or a key file.

use crate::context::Context;
use crate::error::CliError;
use std::path::Path;
use witan_node::keys::{self, PasswordSource};
use witan_types::{Hash, SecretKey};

/// The key that `--from` means: an index into the development accounts of the local network, or the path of a key
/// file, whose password is asked for if it has one.
///
/// # Errors
/// If there is no such account or file.
pub(crate) fn find(from: &str, context: &Context) -> Result<SecretKey, CliError> {
    match from.parse::<usize>() {
        Ok(index) if !Path::new(from).exists() => development_account(index, context),
        _ => Ok(keys::load(Path::new(from), &PasswordSource::choose(None))?),
    }
}

fn development_account(index: usize, context: &Context) -> Result<SecretKey, CliError> {
    let network = context.network().map_err(|error| {
        CliError::failed(format!(
            "{error}; --from {index} is an account of the local network: or name a key file"
        ))
    })?;
    let accounts = &network.description().accounts;
    let account = accounts.get(index).ok_or_else(|| {
        let count = accounts.len();
        CliError::Usage(format!(
            "--from {index}: the network has {count} development accounts, counted from 0"
        ))
    })?;
    let seed: Hash = account.secret.parse().map_err(|_| {
        CliError::failed(format!("the secret of account {index} in testnet.json is no 32 bytes of 0x hex"))
    })?;
    Ok(SecretKey::from_seed(seed.0))
}
