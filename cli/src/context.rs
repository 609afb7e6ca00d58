//! What every command needs to know: where the network is, and how to speak to the user.

use crate::error::CliError;
use crate::output::Output;
use std::path::PathBuf;
use witan_testnet::local::Network;

/// Options that every command takes.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Global {
    /// Print one JSON document on stdout instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// A node's RPC address, for example http://127.0.0.1:27001; by default a running node of the network --name. Commands
    /// that speak to several nodes take it several times
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "WITAN_RPC",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) rpc: Vec<String>,
    /// A file with the bearer token that the node asks for, if it does (rpc.auth)
    #[arg(long, global = true, value_name = "FILE", env = "WITAN_RPC_TOKEN_FILE", hide_env_values = true)]
    pub(crate) rpc_token: Option<PathBuf>,
    /// The folder that holds local networks
    #[arg(long, global = true, default_value = ".witan", env = "WITAN_DIR", hide_env_values = true)]
    pub(crate) dir: PathBuf,
    /// The local network's name
    #[arg(long, global = true, default_value = "local", env = "WITAN_NAME", hide_env_values = true)]
    pub(crate) name: String,
}

/// What the command line says for all commands.
pub(crate) struct Context {
    /// Speaks to the user.
    pub(crate) output: Output,
    rpc: Vec<String>,
    rpc_token: Option<PathBuf>,
    dir: PathBuf,
    name: String,
}

impl Context {
    pub(crate) fn new(global: Global) -> Context {
        let Global { json, rpc, rpc_token, dir, name } = global;
        Context { output: Output::new(json), rpc, rpc_token, dir, name }
    }

    /// The folder that holds local networks.
    pub(crate) fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// The local network's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The local network that `--dir` and `--name` mean.
    ///
    /// # Errors
    /// If there is none, or its files can't be read.
    pub(crate) fn network(&self) -> Result<Network, CliError> {
        Ok(Network::open(&self.dir, &self.name)?)
    }

    /// The bearer token to show, if there is one.
    ///
    /// # Errors
    /// If its file can't be read.
    pub(crate) fn rpc_token(&self) -> Result<Option<String>, CliError> {
        let Some(path) = &self.rpc_token else { return Ok(None) };
        let refuse = |error| CliError::failed(format!("can't read the token {}: {error}", path.display()));
        std::fs::read_to_string(path).map(Some).map_err(refuse)
    }

    /// The RPC address that the command line names, if it names one; the first of several.
    pub(crate) fn rpc(&self) -> Option<&str> {
        self.rpcs().next()
    }

    /// The RPC addresses that the command line names.
    pub(crate) fn rpcs(&self) -> impl Iterator<Item = &str> {
        self.rpc.iter().map(|url| url.trim_end_matches('/'))
    }

    /// The RPC address to talk to: `--rpc`, else the first running node of the local network.
    ///
    /// # Errors
    /// If there is neither, no node of the network runs, or several addresses are named.
    pub(crate) fn rpc_url(&self) -> Result<String, CliError> {
        if self.rpc.len() > 1 {
            return Err(CliError::Usage("this command speaks to one node: name one with --rpc".into()));
        }
        if let Some(url) = self.rpc() {
            return Ok(url.to_owned());
        }
        let network = self
            .network()
            .map_err(|error| CliError::failed(format!("{error}; or name a node with --rpc URL")))?;
        let running = network.description().nodes.iter().find(|node| network.is_running(&node.name));
        match running {
            Some(node) => Ok(node.rpc.clone()),
            None => Err(CliError::failed(format!(
                "no node of the network {:?} in {} runs: start it with `witan testnet up`, or name a node with --rpc URL",
                self.name,
                self.dir.display()
            ))),
        }
    }
}
