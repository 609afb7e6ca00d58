//! `witan bench`: a local network under load, and how near it comes to what the machine could do.

use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use std::time::Duration;
use witan_testnet::bench::{self, BenchNode, BenchPlan, BenchReport};
use witan_testnet::load::presign::MIN_LOAD_BYTES;
use witan_testnet::local::{Network, Spec};
use witan_types::{EngineKind, GroupId};

const EXAMPLE: &str = "\
Example:
  witan bench -n 4 --for 20s
  witan bench -n 7 --json > bench.json";

/// How long the network may take to its first block.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// The group that is loaded.
const GROUP: GroupId = GroupId(1);

/// Measure a local network under load.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// How many validators
    #[arg(short = 'n', long = "nodes", default_value_t = 4)]
    nodes: usize,
    /// The consensus engine: hotstuff, pbft or raft
    #[arg(short = 'e', long, default_value = "hotstuff", value_parser = parse_engine)]
    engine: EngineKind,
    /// How long to measure
    #[arg(long = "for", default_value = "20s", value_parser = text::duration, value_name = "TIME")]
    window: Duration,
    /// How long to load before that
    #[arg(long, default_value = "5s", value_parser = text::duration, value_name = "TIME")]
    warm_up: Duration,
    /// Bytes of a signed transaction
    #[arg(long, default_value_t = 256, value_parser = parse_size)]
    size: usize,
    /// The median time to commit that the client aims for
    #[arg(long, default_value = "250ms", value_parser = text::duration, value_name = "TIME")]
    target: Duration,
    /// Always this many batches of 100 under way, instead of as many as the target allows
    #[arg(long, value_name = "BATCHES")]
    in_flight: Option<usize>,
    /// Where keys and load come from: the same seed makes the same
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave the network's folder behind, with the logs
    #[arg(long)]
    keep: bool,
}

fn parse_engine(name: &str) -> Result<EngineKind, String> {
    let all = [EngineKind::HotStuff, EngineKind::Pbft, EngineKind::Raft];
    let found = all.into_iter().find(|engine| engine.to_string() == name);
    found.ok_or_else(|| format!("{name:?}: expected hotstuff, pbft or raft"))
}

fn parse_size(text: &str) -> Result<usize, String> {
    const LARGEST: usize = 60 * 1024;
    let size: usize = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
    let range = MIN_LOAD_BYTES..=LARGEST;
    if range.contains(&size) {
        Ok(size)
    } else {
        Err(format!("{size}: expected {MIN_LOAD_BYTES} to {LARGEST} bytes"))
    }
}

/// Starts a network of its own, loads it, and takes it down again whatever happens.
///
/// # Errors
/// If the network does not start, or the run has no result.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let spec = Spec {
        dir: context.dir().to_owned(),
        name: format!("bench-{}", std::process::id()),
        validators: args.nodes,
        engine: args.engine,
        seed: Some(args.seed),
        port_base: 0,
        permissioned: args.engine == EngineKind::Raft,
        ..Spec::default()
    };
    let mut network = Network::create(&spec)?;
    context.output.note(&format!("starting {} validators in {}", args.nodes, network.folder().display()));
    let outcome = tokio::select! {
        outcome = measure(&args, &mut network, context) => outcome,
        _ = tokio::signal::ctrl_c() => Err(CliError::failed("interrupted")),
    };
    if args.keep {
        network.down().await?;
    } else {
        network.remove().await?;
    }
    let report = outcome?;
    context.output.result(&report, || report.to_string());
    Ok(())
}

async fn measure(args: &Args, network: &mut Network, context: &Context) -> Result<BenchReport, CliError> {
    network.start_all()?;
    network.wait_ready(READY_WITHIN).await?;
    let mut nodes = Vec::new();
    for node in &network.description().nodes {
        let pid = network.pid(&node.name);
        let pid = pid.ok_or_else(|| CliError::failed(format!("node {} does not run", node.name)))?;
        nodes.push(BenchNode { name: node.name.clone(), rpc: node.rpc.clone(), pid });
    }
    let plan = BenchPlan {
        nodes,
        group: GROUP,
        warm_up: args.warm_up,
        window: args.window,
        target: args.target,
        in_flight: args.in_flight,
        tx_bytes: args.size,
        seed: args.seed,
    };
    bench::run(&plan, &mut |what| context.output.note(what)).await.map_err(CliError::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_and_sizes_are_read_or_refused_with_what_is_possible() {
        assert_eq!(parse_engine("pbft"), Ok(EngineKind::Pbft));
        assert!(parse_engine("paxos").unwrap_err().contains("hotstuff"));
        assert_eq!(parse_size("256"), Ok(256));
        assert!(parse_size("10").is_err() && parse_size("1000000").is_err() && parse_size("x").is_err());
    }
}
