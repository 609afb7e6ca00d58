//! `witan testnet up`: makes a network or resumes it, starts every node, waits for blocks.

use super::{live, report};
use crate::context::Context;
use crate::error::CliError;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use witan_node::config::Setting as _;
use witan_testnet::faults::stage::{self, Stage};
use witan_testnet::faults::{Fault, Line};
use witan_testnet::local::{GroupEntry, Network, Spec};
use witan_types::genesis::UnknownEngine;
use witan_types::{EngineKind, GroupId};

/// How long the first block of the slowest node may take.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

const EXAMPLE: &str = "\
Example:
  witan testnet up                       four validators, until Ctrl-C
  witan testnet up -n 7 --name seven --port-base 0 -d
  witan testnet up -e raft --permissioned
  witan testnet up -s 4 --group-engines 2=pbft
  witan testnet up -n 8 -s 2 --group-nodes 1=n0+n1+n2+n3,2=n4+n5+n6+n7
  witan testnet up --link delay=40ms,jitter=5ms,loss=1%
  witan testnet up --reset --seed 1      the same keys and chain every time";

/// Make a network, or resume it, and start every node.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// How many validators [default: 4]
    #[arg(long, short = 'n', value_name = "COUNT")]
    nodes: Option<usize>,
    /// The consensus engine: hotstuff, pbft or raft [default: hotstuff]
    #[arg(long, short)]
    engine: Option<EngineKind>,
    /// How many groups share the keys, each with a chain of its own [default: 1]
    #[arg(long, short, value_name = "COUNT")]
    shards: Option<u32>,
    /// The engines of single groups, by number or `root`, such as root=pbft,2=hotstuff
    #[arg(long, value_name = "GROUP=ENGINE,..", value_delimiter = ',', value_parser = group_engine)]
    group_engines: Vec<(GroupId, EngineKind)>,
    /// The members of single groups, such as 1=n0+n1+n2+n3,2=n4+n5+n6+n7; all validators are members of any other
    #[arg(long, value_name = "GROUP=NODE+..,..", value_delimiter = ',', value_parser = group_nodes)]
    group_nodes: Vec<(GroupId, Vec<u16>)>,
    /// Let only nodes that genesis lists connect: the validators, and a few that `witan testnet add` makes. raft, whose
    /// members trust each other not to lie, needs it
    #[arg(long)]
    permissioned: bool,
    /// The least time between blocks, such as 200ms [default: 0]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    block_time: Option<Duration>,
    /// How many development accounts [default: 10]
    #[arg(long, value_name = "COUNT")]
    accounts: Option<usize>,
    /// Make all keys from this number: the same chain every time. Anyone can make them too
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// The first port; node i has three from here plus 10 i. 0 takes free ones, and keeps them [default: 27000]
    #[arg(long, value_name = "PORT")]
    port_base: Option<u16>,
    /// Make the lines between all nodes bad once they run, such as delay=40ms,jitter=5ms,loss=1%
    #[arg(long, value_name = "WHAT=..,..")]
    link: Option<Line>,
    /// Return once every node has committed a block, and leave them running
    #[arg(long, short)]
    detach: bool,
    /// Remove an existing network of this name first: keys, data, everything
    #[arg(long)]
    reset: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        Ok(Duration::ZERO)
    } else {
        Duration::read_text(text).map_err(|expected| format!("expected {expected}"))
    }
}

/// An engine for one group.
pub(in crate::commands) fn group_engine(text: &str) -> Result<(GroupId, EngineKind), String> {
    let (group, engine) = text.split_once('=').ok_or("expected a group and its engine, such as 1=pbft")?;
    let group = match group {
        "root" => Ok(0),
        number => number.parse().map_err(|_| format!("{number:?} is no group: expected root or a number")),
    };
    Ok((GroupId(group?), engine.parse().map_err(|error: UnknownEngine| error.to_string())?))
}

/// The members of one group, by the places of their nodes, ascending.
pub(in crate::commands) fn group_nodes(text: &str) -> Result<(GroupId, Vec<u16>), String> {
    let expected = "expected a group and its nodes, such as 1=n0+n1+n2+n3";
    let (group, nodes) = text.split_once('=').ok_or(expected)?;
    let group = group.parse().map_err(|_| format!("{group:?} is no group: expected its number"))?;
    let place = |name: &str| {
        let place = name.strip_prefix('n').and_then(|number| number.parse().ok());
        place.ok_or_else(|| format!("{name:?} is no node: {expected}"))
    };
    let mut places = nodes.split('+').map(place).collect::<Result<Vec<u16>, String>>()?;
    places.sort_unstable();
    match places.iter().zip(places.iter().skip(1)).find(|(one, next)| one == next) {
        Some((twice, _)) => Err(format!("n{twice} is named twice in group {group}")),
        None => Ok((GroupId(group), places)),
    }
}

impl Args {
    fn spec(&self, context: &Context) -> Spec {
        let defaults = Spec::default();
        Spec {
            dir: context.dir().to_owned(),
            name: context.name().to_owned(),
            validators: self.nodes.unwrap_or(defaults.validators),
            engine: self.engine.unwrap_or(defaults.engine),
            shards: self.shards.unwrap_or(defaults.shards),
            group_engines: self.group_engines.iter().copied().collect(),
            group_nodes: self.group_nodes.iter().cloned().collect(),
            seed: self.seed,
            port_base: self.port_base.unwrap_or(defaults.port_base),
            block_time: self.block_time.unwrap_or(defaults.block_time),
            accounts: self.accounts.unwrap_or(defaults.accounts),
            permissioned: self.permissioned,
        }
    }

    /// Options that only a new network can take.
    fn for_new_networks(&self) -> Vec<&'static str> {
        let given = [
            ("-n", self.nodes.is_some()),
            ("-e", self.engine.is_some()),
            ("-s", self.shards.is_some()),
            ("--group-engines", !self.group_engines.is_empty()),
            ("--group-nodes", !self.group_nodes.is_empty()),
            ("--permissioned", self.permissioned),
            ("--block-time", self.block_time.is_some()),
            ("--accounts", self.accounts.is_some()),
            ("--seed", self.seed.is_some()),
            ("--port-base", self.port_base.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(option, _)| option).collect()
    }

    /// What the existing network can't become.
    fn contradictions(&self, network: &Network) -> Option<String> {
        let description = network.description();
        let validators = description.nodes.iter().filter(|node| node.validator).count();
        let wanted = |group: GroupId| {
            let named = self.group_engines.iter().rev().find(|(named, _)| *named == group);
            named.map(|(_, engine)| *engine).or(self.engine)
        };
        let wrong_size = self.nodes.is_some_and(|nodes| nodes != validators);
        let other = |group: &GroupEntry| wanted(GroupId(group.id)).is_some_and(|it| it != group.engine);
        let wrong_engine = description.groups.iter().any(other);
        let engines: BTreeSet<EngineKind> = description.groups.iter().map(|group| group.engine).collect();
        let engines: Vec<String> = engines.into_iter().map(|engine| engine.to_string()).collect();
        let engine = engines.join(", ");
        let shards = description.groups.len().saturating_sub(1);
        let wrong_shards = self.shards.is_some_and(|wanted| usize::try_from(wanted) != Ok(shards));
        let names = |places: &[u16]| places.iter().map(|place| format!("n{place}")).collect::<Vec<_>>();
        let wrong_members = self.group_nodes.iter().any(|(group, places)| {
            let entry = description.groups.iter().find(|entry| entry.id == group.0);
            entry.is_none_or(|entry| entry.validators != names(places))
        });
        let groups = if shards == 1 { String::new() } else { format!(" in {shards} groups") };
        (wrong_size || wrong_engine || wrong_shards || wrong_members)
            .then(|| format!("{validators} validators under {engine}{groups}"))
    }
}

/// Brings the network up.
///
/// # Errors
/// If it can't be made or started, or a node has no block in time.
pub(super) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let mut network = prepare(&args, context).await?;
    let was_running = network.node_names().iter().any(|name| network.is_running(name));
    let interrupted = interrupted()?;
    tokio::pin!(interrupted);
    let started = tokio::select! {
        started = start(&mut network) => started,
        () = &mut interrupted => Err(CliError::failed("interrupted")),
    };
    if let Err(error) = started {
        if !was_running {
            network.down().await?;
        }
        return Err(error);
    }
    if let Some(line) = args.link
        && let Err(error) = with_bad_lines(network.clone(), line).await
    {
        network.down().await?;
        return Err(error);
    }
    context.output.result(network.description(), || report::banner(&network, context.output));
    if args.detach {
        return Ok(());
    }
    tokio::select! {
        () = live::line(&network, context) => {}
        () = &mut interrupted => {}
    }
    context.output.note("\nstopping every node");
    network.down().await?;
    Ok(stage::forget(network.folder())?)
}

/// Stages a fault of the lines between all nodes, as `witan testnet fault link` does.
async fn with_bad_lines(network: Network, line: Line) -> Result<(), CliError> {
    let everyone = network.node_names().iter().filter_map(|name| name.parse().ok()).collect();
    let mut stage = Stage::open(network).map_err(CliError::failed)?;
    let fault = Fault::Link { from: everyone, to: Vec::new(), line };
    stage.begin(&fault, None).await.map(drop).map_err(CliError::failed)
}

/// The network's files: new ones, or those of an existing network.
async fn prepare(args: &Args, context: &Context) -> Result<Network, CliError> {
    let spec = args.spec(context);
    if args.reset {
        Network::reset(&spec.dir, &spec.name).await?;
    }
    if !Network::exists(&spec.dir, &spec.name) {
        return Ok(Network::create(&spec)?);
    }
    let network = Network::open(&spec.dir, &spec.name)?;
    if let Some(existing) = args.contradictions(&network) {
        let name = &spec.name;
        return Err(CliError::failed(format!(
            "network {name:?} exists with {existing}: make it anew with --reset, or another one with --name"
        )));
    }
    let ignored = args.for_new_networks();
    if !ignored.is_empty() {
        context
            .output
            .note(&format!("resuming an existing network, so {} changes nothing", ignored.join(", ")));
    }
    Ok(network)
}

async fn start(network: &mut Network) -> Result<(), CliError> {
    network.start_all()?;
    Ok(network.wait_ready(READY_TIMEOUT).await?)
}

/// Ends with the first signal that asks this command to stop. The nodes don't get it: they have groups of their own.
pub(super) fn interrupted() -> Result<impl Future<Output = ()>, CliError> {
    let listen = |kind| signal(kind).map_err(CliError::failed);
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn contradicts(network: &Network, line: &str) -> bool {
        Line::try_parse_from(line.split(' ')).unwrap().args.contradictions(network).is_some()
    }

    #[test]
    fn the_command_that_made_a_network_resumes_it_and_one_for_another_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let group_engines = [(GroupId(1), EngineKind::Pbft)].into();
        let dir = folder.path().to_owned();
        let spec = Spec { dir, port_base: 0, shards: 2, group_engines, ..Spec::default() };
        let network = Network::create(&spec).unwrap();
        for same in
            ["up", "up -n 4 -s 2", "up -e hotstuff --group-engines 1=pbft", "up --group-engines 1=pbft"]
        {
            assert!(!contradicts(&network, same), "{same}");
        }
        assert!(!contradicts(&network, "up --group-nodes 1=n3+n1+n0+n2"));
        assert!(contradicts(&network, "up --group-nodes 1=n0+n1"));
        for other in ["up -n 5", "up -s 3", "up -e hotstuff", "up -e pbft", "up --group-engines root=pbft"] {
            assert!(contradicts(&network, other), "{other}");
        }
    }

    #[test]
    fn members_are_named_by_their_nodes_in_any_order_and_once() {
        assert_eq!(group_nodes("2=n4+n10+n5"), Ok((GroupId(2), vec![4, 5, 10])));
        for (wrong, why) in
            [("1", "such as"), ("root=n0", "no group"), ("1=n0+x", "no node"), ("1=", "no node")]
        {
            assert!(group_nodes(wrong).unwrap_err().contains(why), "{wrong}");
        }
        assert!(group_nodes("1=n2+n2").unwrap_err().contains("twice"));
    }
}
