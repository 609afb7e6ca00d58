//! `witan testnet`: a network of real processes on this machine.

mod check;
mod fault;
mod live;
mod load;
mod logs;
mod nodes;
mod report;
mod run;
mod up;
mod watch;

pub(super) use up::{group_engine, group_nodes};

use crate::context::Context;
use crate::error::CliError;
use std::time::Duration;
use witan_testnet::faults::stage;
use witan_testnet::local::Network;

const EXAMPLE: &str = "\
Example:
  witan testnet up -d           start four validators, and return
  witan testnet status          what each of them does
  eval \"$(witan testnet env)\"   WITAN_RPC and others for this shell
  witan testnet down            stop them; their data stays";

/// How long a started node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Run a network of nodes on this machine.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Make a network, or resume it, and start every node
    Up(up::Args),
    /// Stop every node; keys and data stay
    #[command(after_help = "Example:\n  witan testnet down")]
    Down,
    /// Show what every node does
    #[command(after_help = "Example:\n  witan testnet status --watch")]
    Status {
        /// Show it on a screen of its own, looked at every second, until q or Ctrl-C; with --json a line each
        #[arg(long, short)]
        watch: bool,
    },
    /// Load the running network with so many transactions a second
    Load(load::Args),
    /// Check every promise against the running network
    Check(check::Args),
    /// Show the nodes' logs
    Logs(logs::Args),
    /// Print shell variables for this network
    #[command(after_help = "Example:\n  eval \"$(witan testnet env)\"")]
    Env,
    /// Show the development accounts with their secrets
    #[command(after_help = "Example:\n  witan testnet keys --json")]
    Keys,
    /// Add a node without a vote, and start it: it follows, serves and relays; returns when it answers
    #[command(after_help = "Example:\n  witan testnet add n4")]
    Add {
        /// Its name, if you want to be sure of it: the next number
        #[arg(value_name = "NODE")]
        node: Option<String>,
    },
    /// Stop the node that was added last, and remove its data
    #[command(after_help = "Example:\n  witan testnet remove n4")]
    Remove {
        /// Its name
        #[arg(value_name = "NODE")]
        node: String,
    },
    /// Break the network on purpose, and see what becomes of it
    Fault(fault::Args),
    /// Play a scenario on a network of its own: nodes, load, faults and checks, with a verdict
    Run(run::Args),
    /// Start nodes that were stopped; returns when they answer
    #[command(after_help = "Example:\n  witan testnet start n2")]
    Start(Nodes),
    /// Stop nodes
    #[command(after_help = "Example:\n  witan testnet stop n2")]
    Stop(Nodes),
    /// Stop nodes and start them again
    #[command(after_help = "Example:\n  witan testnet restart n0 n1")]
    Restart(Nodes),
}

#[derive(clap::Args, Debug)]
struct Nodes {
    /// Their names: n0, n1, ...
    #[arg(required = true, value_name = "NODE")]
    names: Vec<String>,
}

/// Runs a command of `witan testnet`.
///
/// # Errors
/// What it could not do.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    match args.what {
        What::Up(args) => up::run(args, context).await,
        What::Down => down(context).await,
        What::Status { watch: true } => watch::run(context).await,
        What::Status { watch: false } => status(context).await,
        What::Load(args) => load::run(args, context).await,
        What::Check(args) => check::run(args, context).await,
        What::Logs(args) => logs::run(&args, context).await,
        What::Env => env(context),
        What::Keys => {
            let network = context.network()?;
            let accounts = &network.description().accounts;
            context.output.result(accounts, || report::accounts(accounts).to_string());
            Ok(())
        }
        What::Add { node } => add(node.as_deref(), context).await,
        What::Remove { node } => remove(&node, context).await,
        What::Fault(args) => fault::run(args, context).await,
        What::Run(args) => run::run(args, context).await,
        What::Start(nodes) => change(&nodes.names, context, Change::Start).await,
        What::Stop(nodes) => change(&nodes.names, context, Change::Stop).await,
        What::Restart(nodes) => change(&nodes.names, context, Change::Restart).await,
    }
}

async fn status(context: &Context) -> Result<(), CliError> {
    let network = context.network()?;
    let reports = network.status().await;
    context.output.result(&reports, || report::status(&reports, network.description(), context.output));
    Ok(())
}

async fn down(context: &Context) -> Result<(), CliError> {
    let mut network = context.network()?;
    let running: Vec<String> =
        network.node_names().into_iter().filter(|name| network.is_running(name)).collect();
    network.down().await?;
    stage::forget(network.folder())?;
    context.output.result(&serde_json::json!({ "stopped": running }), || match running.as_slice() {
        [] => format!("No node of {} was running.", network.description().name),
        names => {
            format!("Stopped {}. `witan testnet up` resumes with the same keys and data.", names.join(", "))
        }
    });
    Ok(())
}

fn env(context: &Context) -> Result<(), CliError> {
    let network = context.network()?;
    let variables = report::variables(&network, context.dir());
    context.output.result(&variables, || {
        variables
            .iter()
            .map(|(name, value)| format!("export {name}={}\n", report::shell_quoted(value)))
            .collect()
    });
    Ok(())
}

/// Adds a follower, starts it, and waits until it answers.
async fn add(wanted: Option<&str>, context: &Context) -> Result<(), CliError> {
    let mut network = context.network()?;
    let next = format!("n{}", network.node_names().len());
    if let Some(wanted) = wanted.filter(|wanted| *wanted != next) {
        return Err(CliError::Usage(format!("{wanted:?} can't be added: the next node is {next}")));
    }
    let name = network.add_follower()?;
    network.start(&name)?;
    network.wait_answering(std::slice::from_ref(&name), ANSWER_TIMEOUT).await?;
    let node = network.node(&name)?;
    context.output.result(node, || report::nodes([node]).to_string());
    Ok(())
}

async fn remove(name: &str, context: &Context) -> Result<(), CliError> {
    let mut network = context.network()?;
    network.remove_follower(name).await?;
    let removed = serde_json::json!({ "removed": name });
    context.output.result(&removed, || format!("Removed {name}, with its data."));
    Ok(())
}

#[derive(Clone, Copy)]
enum Change {
    Start,
    Stop,
    Restart,
}

/// Starts, stops or restarts nodes, and waits until they answer.
async fn change(names: &[String], context: &Context, change: Change) -> Result<(), CliError> {
    let mut network: Network = context.network()?;
    // A wrong name is told before anything is done.
    for name in names {
        network.node(name)?;
    }
    for name in names {
        match change {
            Change::Start => network.start(name)?,
            Change::Stop => network.stop(name).await?,
            Change::Restart => network.restart(name).await?,
        }
    }
    if !matches!(change, Change::Stop) {
        network.wait_answering(names, ANSWER_TIMEOUT).await?;
    }
    let changed: Vec<_> =
        (network.description().nodes.iter()).filter(|node| names.contains(&node.name)).collect();
    context.output.result(&changed, || match change {
        Change::Stop => format!("Stopped {}.", names.join(", ")),
        Change::Start | Change::Restart => report::nodes(changed.iter().copied()).to_string(),
    });
    Ok(())
}
