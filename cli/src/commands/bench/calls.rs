//! `witan bench --calls`: what single calls cost one node, beside a plain server's.

use super::{Args, on_a_network, spec, start};
use crate::context::Context;
use crate::error::CliError;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use witan_testnet::bench::{self, BenchNode, CallsPlan};
use witan_testnet::local::Network;

/// Connections that call at the same time.
const CONNECTIONS: usize = 32;
/// How many rounds.
const ROUNDS: usize = 5;
/// Methods over transports that share a round.
const SHARES: u32 = 10;
/// The option that makes this program the plain server.
const SERVE: &str = "--serve-no-op";

/// Measures the first node of a network.
///
/// # Errors
/// If a server does not start, or does not answer as it should.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let engine = *args.engines().first().ok_or_else(|| CliError::Usage("--engine: none".into()))?;
    let measured = async |network: &mut Network| {
        let nodes = start(network, args.nodes).await?;
        let plain = PlainServer::start()?;
        let plan = CallsPlan {
            node: address_of(nodes.first())?,
            no_op: plain.address,
            connections: CONNECTIONS,
            window: args.window / SHARES,
            rounds: ROUNDS,
            seed: args.seed,
        };
        bench::run_calls(&plan).await.map_err(CliError::failed)
    };
    let report = on_a_network(args, spec(args, engine, "-calls"), context, measured).await?;
    context.output.result(&report, || report.to_string());
    Ok(())
}

pub(super) fn address_of(node: Option<&BenchNode>) -> Result<SocketAddr, CliError> {
    let rpc = node.map(|node| node.rpc.trim_start_matches("http://")).unwrap_or_default();
    rpc.parse().map_err(|error| CliError::failed(format!("no address of a node: {rpc:?}: {error}")))
}

/// Is the plain server, until killed.
///
/// # Errors
/// If there is no free port.
pub(super) async fn serve(context: &Context) -> Result<(), CliError> {
    let address = bench::no_op::serve().await.map_err(CliError::failed)?;
    context.output.text(&format!("{address}\n"));
    std::future::pending().await
}

/// The plain server in a process of its own, ended when dropped.
struct PlainServer {
    child: Child,
    address: SocketAddr,
}

impl PlainServer {
    fn start() -> Result<PlainServer, CliError> {
        let program = std::env::current_exe().map_err(CliError::failed)?;
        // A node's threads that serve users have the least priority: so has this one.
        let mut command = Command::new("nice");
        let mut child = command
            .args(["-n", "19"])
            .arg(program)
            .args(["bench", SERVE])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(CliError::failed)?;
        let mut line = String::new();
        let read = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let address = line.trim().parse();
        match (read, address) {
            (Some(Ok(_)), Ok(address)) => Ok(PlainServer { child, address }),
            _ => {
                drop(child.kill());
                Err(CliError::failed("the plain server did not start"))
            }
        }
    }
}

impl Drop for PlainServer {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}
