//! `witan bench --flood`: whether consensus minds a flood of RPC.

use super::calls::address_of;
use super::{Args, GROUP, on_a_network, spec, start};
use crate::context::Context;
use crate::error::CliError;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use witan_testnet::bench::{self, FloodPlan, Flooded};
use witan_testnet::local::Network;

/// How many rounds, each with and without the flood.
const ROUNDS: u32 = 3;
/// The option that makes this program the flood: addresses of nodes.
const FLOOD: &str = "--flood-nodes";
/// The calls a second that nodes grant an address here: few, so that what two cores can send is many times as much.
const LIMIT_PER_S: u32 = 200;

/// Measures a network of which every node limits its own machine too.
///
/// # Errors
/// If it does not start, or a node does not answer.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let engine = *args.engines().first().ok_or_else(|| CliError::Usage("--engine: none".into()))?;
    let measured = async |network: &mut Network| {
        network.set_environment("WITAN_RPC__LIMIT_LOOPBACK", "true");
        network.set_environment("WITAN_RPC__REQUESTS_PER_SECOND", &LIMIT_PER_S.to_string());
        let nodes = start(network, args.nodes).await?;
        let nodes: Vec<SocketAddr> =
            nodes.iter().map(|node| address_of(Some(node))).collect::<Result<_, _>>()?;
        let plan = FloodPlan {
            nodes: nodes.clone(),
            group: GROUP,
            window: args.window / ROUNDS / 2,
            rounds: ROUNDS as usize,
            limit_per_s: LIMIT_PER_S,
            seed: args.seed,
        };
        bench::run_flood(&plan, async |window| flood_from_a_process(&nodes, window).await)
            .await
            .map_err(CliError::failed)
    };
    let report = on_a_network(args, spec(args, engine, "-flood"), context, measured).await?;
    context.output.result(&report, || report.to_string());
    Ok(())
}

/// Floods these nodes for so long, and prints what came of it.
///
/// # Errors
/// If a node can't be reached.
pub(super) async fn be_the_flood(args: &Args, context: &Context) -> Result<(), CliError> {
    let told = bench::flood(&args.flood_nodes, args.window).await.map_err(CliError::failed)?;
    context.output.text(&serde_json::to_string(&told).map_err(CliError::failed)?);
    Ok(())
}

/// The flood in a process of its own with the least priority: it stands for other machines, whose processors are their own.
async fn flood_from_a_process(nodes: &[SocketAddr], window: Duration) -> std::io::Result<Flooded> {
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let output = tokio::process::Command::new("nice")
        .args(["-n", "19"])
        .arg(std::env::current_exe()?)
        .args(["bench", FLOOD, &nodes.join(","), "--for", &format!("{}ms", window.as_millis())])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    serde_json::from_slice(&output.stdout).map_err(std::io::Error::other)
}
