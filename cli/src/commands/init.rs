//! `witan init`: makes the home of a node.

use crate::commands::keys::{KeyReport, Protection};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Output;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use witan_node::NodeError;
use witan_node::config::Config;
use witan_node::home::{Home, read_genesis};
use witan_types::Genesis;

const EXAMPLE: &str = "\
Example:
  witan init --home /var/lib/witan                          keys to send to the operator who writes genesis
  witan init --home /var/lib/witan --chain genesis.json     the same, for a chain that exists
  witan init --home /srv/follower --chain genesis.json --follower";

/// Make the home of a node: keys, configuration, genesis.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The folder to make
    #[arg(long, default_value = "witan-home", env = "WITAN_HOME", hide_env_values = true)]
    home: PathBuf,
    /// The chain's genesis, which is copied into the home
    #[arg(long, value_name = "GENESIS")]
    chain: Option<PathBuf>,
    /// Make no validator key: the node follows and has no vote
    #[arg(long)]
    follower: bool,
    #[command(flatten)]
    protection: Protection,
}

/// What was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    home: PathBuf,
    chain: Option<String>,
    keys: Vec<KeyReport>,
}

/// Makes the home.
///
/// # Errors
/// If the folder holds a home already, the genesis is no genesis, or a file can't be written.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let home = Home::new(&args.home);
    let taken = [home.node_key_path(), home.validator_key_path(), home.genesis_path(), home.config_path()];
    if let Some(path) = taken.into_iter().find(|path| path.exists()) {
        return Err(NodeError::Exists { path }.into());
    }
    // All that can be refused is, before the first file.
    let genesis = args.chain.as_deref().map(read_genesis).transpose()?;
    let plain = genesis.as_ref().is_some_and(|genesis| genesis.devnet);
    let password = args.protection.password(plain)?;
    home.create()?;
    let mut keys = vec![KeyReport::make("node", &home.node_key_path(), password.as_ref())?];
    if !args.follower {
        keys.push(KeyReport::make("validator", &home.validator_key_path(), password.as_ref())?);
    }
    write_new(&home.config_path(), &Config::default().render())?;
    if let Some(source) = &args.chain {
        let text = std::fs::read_to_string(source)
            .map_err(|error| CliError::failed(format!("can't read {}: {error}", source.display())))?;
        write_new(&home.genesis_path(), &text)?;
    }
    let chain = genesis.as_ref().map(|genesis| genesis.chain().to_string());
    let report = Report { home: args.home.clone(), chain, keys };
    context.output.result(&report, || describe(&report, genesis.as_ref(), context.output));
    Ok(())
}

fn describe(report: &Report, genesis: Option<&Genesis>, output: Output) -> String {
    let home = report.home.display();
    let mut text = format!("Made {home}\n\n{}", KeyReport::table(&report.keys));
    match (&report.chain, genesis) {
        (Some(chain), Some(genesis)) => {
            write!(text, "\nChain {chain} ({}).\n", genesis.name).ok();
            writeln!(text, "Name peers in {home}/config.toml, then run: witan start --home {home}").ok();
        }
        _ => {
            text.push_str(
                "\nSend the public keys to the operator who writes genesis: validators[].key is the\n",
            );
            text.push_str("validator's, validators[].node the node's. ");
            writeln!(text, "Then put genesis.json into {home} and run: witan start --home {home}").ok();
        }
    }
    if report.keys.iter().any(|key| !key.encrypted) {
        output.note("the keys stand in plain: right for a devnet only");
    }
    text
}

fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| CliError::failed(format!("can't write {}: {error}", path.display())))
}
