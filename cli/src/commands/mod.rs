//! The commands: one module each, with its arguments (`Args`) and `run`.

pub(crate) mod bench;
pub(crate) mod chain;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod follow;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod man;
mod remote;
mod scenario;
pub(crate) mod shard;
pub(crate) mod sim;
pub(crate) mod start;
pub(crate) mod state;
pub(crate) mod testnet;
pub(crate) mod tx;
pub(crate) mod verify;

use crate::context::{Context, Global};
use crate::error::CliError;
use std::future::Future;

/// A consensus node with pluggable engines, atomic shards and a local testnet.
#[derive(clap::Parser, Debug)]
#[command(name = "witan", version, about, propagate_version = true, after_help = EXAMPLE)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLE: &str = "\
Example:
  witan testnet up -d            four validators on this machine
  witan tx put greeting hello    a transaction
  witan state get greeting       what it wrote
  witan testnet down             stop them";

/// What to do.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a network of nodes on this machine
    Testnet(testnet::Args),
    /// Make the home of a node: keys, configuration, genesis
    Init(init::Args),
    /// Run a node until it is told to stop
    Start(start::Args),
    /// Make and list the keys of a node
    Keys(keys::Args),
    /// Sign and submit a transaction
    Tx(tx::Args),
    /// Read the state: keys and accounts
    State(state::Args),
    /// See which group holds which keys
    Shard(shard::Args),
    /// Look at blocks and seals
    Chain(chain::Args),
    /// Say what a network does, or why it makes no progress
    Explain(explain::Args),
    /// Check a proof, a block, a seal or an epoch offline; trusts no node
    Verify(verify::Args),
    /// Load keys and values from a file
    Import(import::Args),
    /// Measure a local network under load
    Bench(bench::Args),
    /// Run networks in virtual time and check every promise
    Sim(sim::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Write manual pages
    Man(man::Args),
}

/// Runs a command to its end.
///
/// # Errors
/// What the command could not do.
pub(crate) fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Testnet(args) => block_on(testnet::run(args, context)),
        Command::Init(args) => init::run(&args, context),
        Command::Start(args) => start::run(&args),
        Command::Keys(args) => keys::run(args, context),
        Command::Tx(args) => block_on(tx::run(args, context)),
        Command::State(args) => block_on(state::run(args, context)),
        Command::Shard(args) => block_on(shard::run(args, context)),
        Command::Chain(args) => block_on(chain::run(args, context)),
        Command::Explain(args) => block_on(explain::run(args, context)),
        Command::Verify(args) => verify::run(&args, context),
        Command::Import(args) => block_on(import::run(args, context)),
        Command::Bench(args) => block_on(bench::run(args, context)),
        Command::Sim(args) => sim::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
    }
}

/// Runs an asynchronous command: a few requests at a time, so one thread is enough for most.
fn block_on(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("can't start the runtime: {error}")))?;
    runtime.block_on(command)
}

#[cfg(test)]
mod tests;
