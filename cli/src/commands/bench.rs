//! `witan bench`: a local network under load, and how near it comes to what the machine could do.

mod calls;
mod flood;
mod rate;

use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use rate::Rate;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;
use witan_testnet::bench::{self, AcrossPlan, BenchNode, BenchPlan, BenchReport, EngineRun, Offer, Suite};
use witan_testnet::load::presign::{MAX_LOAD_KEYS, MIN_LOAD_BYTES};
use witan_testnet::local::{Network, Spec};
use witan_types::genesis::UnknownEngine;
use witan_types::{Committee, EngineKind, FaultModel, GroupId, PublicKey};

const EXAMPLE: &str = "\
Example:
  witan bench -n 4 --for 20s
  witan bench -e hotstuff,pbft,raft --dead 1
  witan bench --rate 50% --dead 1
  witan bench -n 3 -e raft --clients 256 --value-size 256
  witan bench -s 1,2,4,8 --across 0,10,50,100
  witan bench -n 1 --calls
  witan bench --flood --for 60s
  witan bench -n 7 --json > bench.json";

/// How long the network may take to its first block.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// The largest value that --value-size takes: what --size takes, less what is around a value.
const MAX_VALUE: i64 = 60_000;
/// The most clients: each has a connection, and a node takes no more than so many.
const MAX_CLIENTS: i64 = 1_024;
/// The group that is loaded.
const GROUP: GroupId = GroupId(1);

/// Measure a local network under load.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// How many validators
    #[arg(short = 'n', long = "nodes", default_value_t = 4)]
    nodes: usize,
    /// The consensus engine: hotstuff, pbft or raft. Several (hotstuff,pbft,raft, or -e again) run one after the other
    /// under the same load, and are shown side by side
    #[arg(short = 'e', long = "engine", default_value = "hotstuff", value_name = "ENGINE")]
    engines: Vec<Engines>,
    /// Measure each engine once more with this many validators that are never started: how much of it is kept
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    dead: usize,
    /// How many groups share the keys; several run one after the other. Only with --across
    #[arg(short = 's', long, value_delimiter = ',', default_values_t = [1], value_name = "COUNT", requires = "across")]
    shards: Vec<u32>,
    /// Measure what several groups cost instead: with this share of transactions, in percent, spanning two groups.
    /// Several run one after the other; with none across, only once a number of groups
    #[arg(long, value_delimiter = ',', value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    across: Vec<u32>,
    /// How many transactions to load for each figure of --across
    #[arg(long, default_value_t = 8_000, value_name = "COUNT")]
    transactions: usize,
    /// How many transactions of each kind to time one after another, for --across
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    samples: usize,
    /// Measure what single calls cost one node instead: state_get, tx_submit and tx_submitBatch over HTTP and WebSocket,
    /// beside a method that does nothing, in five rounds of --for each
    #[arg(long, conflicts_with = "across")]
    calls: bool,
    /// Measure whether consensus minds a flood of RPC instead: the time between blocks under a steady load, with every node
    /// at rest and flooded at many times its limit, in three rounds within --for
    #[arg(long, conflicts_with_all = ["across", "calls"])]
    flood: bool,
    /// Be the flood of these nodes
    #[arg(long, hide = true, value_delimiter = ',')]
    flood_nodes: Vec<SocketAddr>,
    /// Be the server with the method that does nothing
    #[arg(long, hide = true)]
    serve_no_op: bool,
    /// How long to measure
    #[arg(long = "for", default_value = "20s", value_parser = text::duration, value_name = "TIME")]
    window: Duration,
    /// How long to load before that
    #[arg(long, default_value = "5s", value_parser = text::duration, value_name = "TIME")]
    warm_up: Duration,
    /// Bytes of a signed transaction
    #[arg(long, default_value_t = 256, value_parser = parse_size)]
    size: usize,
    /// Bytes of the value that each transaction puts, instead of the --size of the whole
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(0..=MAX_VALUE), conflicts_with = "size")]
    value_size: Option<u32>,
    /// Write this many keys before the load, which then writes these; otherwise it writes 100,000 that are not there before
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=MAX_LOAD_KEYS))]
    keys: Option<u64>,
    /// Offer this many transactions a second, whatever becomes of those before (an open loop; latency counts from when each was
    /// due), or this share of the full load, such as 50%, which is measured first. With --dead the same is offered to a
    /// network whose validators are dead from the start, and to one in which they are killed in the middle
    #[arg(long, value_name = "TX_PER_S|PERCENT", conflicts_with_all = ["across", "calls", "flood", "clients"])]
    rate: Option<Rate>,
    /// This many clients with one request outstanding each, instead of as many requests as the target allows
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=MAX_CLIENTS))]
    clients: Option<u16>,
    /// Transactions in a request, at most 100. If not given 100, with --clients 1, and at a low --rate fewer. A request of one
    /// waits until it is committed
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=100))]
    batch: Option<u8>,
    /// The median time to commit that the client aims for
    #[arg(long, default_value = "250ms", value_parser = text::duration, value_name = "TIME")]
    target: Duration,
    /// Where keys and load come from: the same seed makes the same
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave the network's folder behind, with the logs
    #[arg(long)]
    keep: bool,
}

/// One or more engines of one `-e`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Engines(Vec<EngineKind>);

impl FromStr for Engines {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Engines, UnknownEngine> {
        text.split([',', '|']).map(|name| name.trim().parse()).collect::<Result<_, _>>().map(Engines)
    }
}

impl Args {
    fn engines(&self) -> Vec<EngineKind> {
        self.engines.iter().flat_map(|engines| engines.0.iter().copied()).collect()
    }

    fn tx_bytes(&self) -> usize {
        let value = self.value_size.and_then(|bytes| usize::try_from(bytes).ok());
        value.map_or(self.size, |bytes| bytes.saturating_add(MIN_LOAD_BYTES))
    }

    /// A closed loop: what goes out when without --rate.
    fn closed(&self) -> Offer {
        self.clients.map_or(Offer::Target(self.target), |clients| Offer::Clients(clients.into()))
    }
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

/// Measures each engine in turn, each with all validators and, if asked for, with some of them dead.
///
/// # Errors
/// If the engines can't do without that many, a network does not start, or a run has no result.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    if args.serve_no_op {
        return calls::serve(context).await;
    }
    if !args.flood_nodes.is_empty() {
        return flood::be_the_flood(&args, context).await;
    }
    if args.flood {
        return flood::run(&args, context).await;
    }
    if args.calls {
        return calls::run(&args, context).await;
    }
    if !args.across.is_empty() {
        return across(&args, context).await;
    }
    let engines = args.engines();
    engines.iter().try_for_each(|engine| check_dead(&args, *engine))?;
    let mut runs = Vec::new();
    for engine in engines {
        runs.push(match args.rate {
            Some(rate) => rate::run(&args, engine, rate, context).await?,
            None => with_and_without_dead(&args, engine, args.closed(), context).await?,
        });
    }
    match <[EngineRun; 1]>::try_from(runs) {
        Ok([only]) => context.output.result(&only, || only.to_string()),
        Err(runs) => {
            let suite = Suite::new(runs);
            context.output.result(&suite, || side_by_side(&suite));
        }
    }
    Ok(())
}

/// Measures each number of groups with each share of transactions across two of them.
async fn across(args: &Args, context: &Context) -> Result<(), CliError> {
    let mut reports = Vec::new();
    for engine in args.engines() {
        for shards in &args.shards {
            let mut timed = false;
            for share in args.across.iter().filter(|share| *shards > 1 || **share == 0) {
                let samples = if timed { 0 } else { args.samples };
                timed = true;
                let spec = Spec { shards: *shards, ..spec(args, engine, &format!("-{shards}")) };
                let measured = async |network: &mut Network| {
                    let plan = AcrossPlan {
                        nodes: start(network, args.nodes).await?,
                        share: *share,
                        transactions: args.transactions,
                        samples,
                        seed: args.seed,
                    };
                    bench::run_across(&plan).await.map_err(CliError::failed)
                };
                context.output.note(&format!("{}: {shards} groups, {share} % across", engine.label()));
                reports.push(on_a_network(args, spec, context, measured).await?);
            }
        }
    }
    context
        .output
        .result(&reports, || reports.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    Ok(())
}

/// Refuses to measure a group that can't decide.
fn check_dead(args: &Args, engine: EngineKind) -> Result<(), CliError> {
    let keys = vec![PublicKey([0; 32]); args.nodes];
    let quorum = Committee::new(keys, engine.faults()).quorum();
    if args.dead == 0 || args.nodes.saturating_sub(args.dead) >= quorum {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "--dead {}: {} decides with {quorum} of {} validators, so at most {} may be dead",
        args.dead,
        engine.label(),
        args.nodes,
        args.nodes.saturating_sub(quorum)
    )))
}

fn side_by_side(suite: &Suite) -> String {
    let mut table = Table::new(suite.headings());
    suite.rows().into_iter().for_each(|row| table.row(row));
    table.to_string()
}

fn spec(args: &Args, engine: EngineKind, suffix: &str) -> Spec {
    Spec {
        name: format!("bench-{}-{engine}{suffix}", std::process::id()),
        validators: args.nodes,
        engine,
        seed: Some(args.seed),
        port_base: 0,
        permissioned: engine.faults() == FaultModel::Crash,
        ..Spec::default()
    }
}

/// Makes a network, has it measured, and takes it down again whatever happens.
async fn on_a_network<T>(
    args: &Args,
    spec: Spec,
    context: &Context,
    measured: impl AsyncFnOnce(&mut Network) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let spec = Spec { dir: context.dir().to_owned(), ..spec };
    // The same engine may be measured twice.
    Network::reset(&spec.dir, &spec.name).await?;
    let mut network = Network::create(&spec)?;
    let outcome = tokio::select! {
        outcome = measured(&mut network) => outcome,
        _ = tokio::signal::ctrl_c() => Err(CliError::failed("interrupted")),
    };
    if args.keep {
        network.down().await?;
    } else {
        network.remove().await?;
    }
    outcome
}

/// One engine under load, with all validators and, if asked for, with some of them dead.
async fn with_and_without_dead(
    args: &Args,
    engine: EngineKind,
    offer: Offer,
    context: &Context,
) -> Result<EngineRun, CliError> {
    let all = on_its_own_network(args, engine, (0, offer), context).await?;
    let with_dead = match args.dead {
        0 => None,
        dead => Some((dead, on_its_own_network(args, engine, (dead, offer), context).await?)),
    };
    Ok(EngineRun::new(all, with_dead))
}

/// One engine under load, with so many of its validators never started.
async fn on_its_own_network(
    args: &Args,
    engine: EngineKind,
    (dead, offer): (usize, Offer),
    context: &Context,
) -> Result<BenchReport, CliError> {
    let suffix = if dead == 0 { String::new() } else { format!("-{dead}-dead") };
    let live = args.nodes - dead;
    context.output.note(&format!("{}: starting {live} of {} validators", engine.label(), args.nodes));
    let measured = async |network: &mut Network| {
        let plan = BenchPlan {
            nodes: start(network, live).await?,
            group: GROUP,
            warm_up: args.warm_up,
            window: args.window,
            offer,
            batch: args.batch.map(usize::from),
            tx_bytes: args.tx_bytes(),
            keys: args.keys,
            seed: args.seed,
        };
        bench::run(&plan, &mut |what| context.output.note(what)).await.map_err(CliError::failed)
    };
    on_a_network(args, spec(args, engine, &suffix), context, measured).await
}

/// Starts the first `live` validators; the others are never started.
async fn start(network: &mut Network, live: usize) -> Result<Vec<BenchNode>, CliError> {
    let names: Vec<String> = network.node_names().into_iter().take(live).collect();
    names.iter().try_for_each(|name| network.start(name))?;
    network.wait_committed(&names, READY_WITHIN).await?;
    let mut nodes = Vec::new();
    for name in names {
        let pid = network.pid(&name);
        let pid = pid.ok_or_else(|| CliError::failed(format!("node {name} does not run")))?;
        nodes.push(BenchNode { rpc: network.node(&name)?.rpc.clone(), name, pid });
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests;
