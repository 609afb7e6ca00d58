//! `witan testnet run`: plays a scenario on real processes.

use super::up::interrupted;
use crate::commands::scenario;
use crate::context::Context;
use crate::error::CliError;
use std::path::PathBuf;
use std::time::Duration;
use witan_testnet::faults::stage::StageError;
use witan_testnet::local::Network;
use witan_testnet::scenario::{Processes, Scenario, Verdict, play};

/// How long the first block of the slowest node may take.
const READY_TIMEOUT: Duration = Duration::from_secs(90);
/// The most characters of a scenario's name in a network's.
const MAX_NAME: usize = 40;

const EXAMPLE: &str = "\
Example:
  witan testnet run testnet/scenarios/partition-pbft.toml
  witan testnet run testnet/scenarios/twin-raft.toml --keep
  witan sim run testnet/scenarios/twin-raft.toml         the same in virtual time

Exit codes: 0 the verdict is PASS, 1 it is FAIL, 3 a LIVENESS failure, 4 a SAFETY failure that theory rules out.";

/// Play a scenario on a network of its own: nodes, load, faults and checks, with a verdict
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// The scenario's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where keys and load come from [default: what the scenario says]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Leave the network running, to look at it
    #[arg(long)]
    keep: bool,
}

/// Plays it.
///
/// # Errors
/// If the scenario or its network can't be; a verdict other than PASS is only an exit code.
pub(super) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let scenario = scenario::open(&args.file, args.seed)?;
    scenario::announce(&scenario, context.output);
    let name: String = format!("scenario-{}", scenario.name).chars().take(MAX_NAME).collect();
    Network::reset(context.dir(), &name).await?;
    let mut network = Network::create(&Processes::spec(&scenario, context.dir(), name.clone()))?;
    let interrupted = interrupted()?;
    let played = tokio::select! {
        played = play_on(&mut network, &scenario, context) => played,
        () = interrupted => Err(CliError::failed("interrupted")),
    };
    network.refresh()?;
    if args.keep {
        context
            .output
            .note(&format!("the network {name:?} keeps running: `witan testnet status --name {name}`"));
    } else {
        network.remove().await?;
    }
    scenario::conclude(&played?, context.output)
}

async fn play_on(network: &mut Network, scenario: &Scenario, context: &Context) -> Result<Verdict, CliError> {
    network.start_all()?;
    network.wait_ready(READY_TIMEOUT).await?;
    let refuse = |error: StageError| CliError::failed(error);
    let mut processes = Processes::take(network.clone(), scenario).await.map_err(refuse)?;
    let output = context.output;
    let verdict = play(scenario, &mut processes, &mut |note| output.note(&note.to_string())).await;
    processes.leave();
    Ok(verdict)
}
