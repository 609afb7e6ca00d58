//! The nodes that a command about a whole network speaks to: those of the local network, or those that are named.

use crate::context::Context;
use crate::error::CliError;
use std::path::{Path, PathBuf};
use witan_node::home::read_genesis;
use witan_testnet::check::acknowledged::FILE_NAME;
use witan_types::Genesis;

/// One node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NamedNode {
    /// Its name for people.
    pub(super) name: String,
    /// Its RPC address.
    pub(super) rpc: String,
}

/// A network to speak to.
#[derive(Debug)]
pub(super) struct Whole {
    /// What it started from.
    pub(super) genesis: Genesis,
    /// The nodes that can be asked.
    pub(super) nodes: Vec<NamedNode>,
    /// The local nodes that don't run.
    pub(super) stopped: Vec<String>,
    /// Where acknowledged transactions are written down, unless the command line says otherwise: in the local network's folder.
    pub(super) acknowledged: Option<PathBuf>,
}

/// Finds the network. A single address that is a local node's means the whole local network, as `witan testnet env` names one.
///
/// # Errors
/// If there is none, its genesis can't be read, or several nodes are named without one.
pub(super) fn find(context: &Context, genesis: Option<&Path>) -> Result<Whole, CliError> {
    let named: Vec<&str> = context.rpcs().collect();
    let local = context.network().ok().filter(|network| match named.as_slice() {
        [] => true,
        [only] => network.description().nodes.iter().any(|node| node.rpc == *only),
        _ => false,
    });
    if let Some(network) = local {
        let genesis = genesis.map_or_else(|| network.genesis_path(), Path::to_owned);
        let (mut nodes, mut stopped) = (Vec::new(), Vec::new());
        for node in &network.description().nodes {
            if network.is_running(&node.name) {
                nodes.push(NamedNode { name: node.name.clone(), rpc: node.rpc.clone() });
            } else {
                stopped.push(node.name.clone());
            }
        }
        let acknowledged = Some(network.folder().join(FILE_NAME));
        return Ok(Whole { genesis: read_genesis(&genesis)?, nodes, stopped, acknowledged });
    }
    if named.is_empty() {
        // Says that there is no such network, and what to do.
        context.network()?;
    }
    let genesis = genesis.ok_or_else(|| {
        CliError::Usage(
            "nodes that are named with --rpc are judged by their genesis: name it with --genesis FILE".into(),
        )
    })?;
    let name = |url: &str| url.trim_start_matches("http://").trim_start_matches("https://").to_owned();
    let nodes = named.into_iter().map(|url| NamedNode { name: name(url), rpc: url.to_owned() }).collect();
    Ok(Whole { genesis: read_genesis(genesis)?, nodes, stopped: Vec::new(), acknowledged: None })
}
