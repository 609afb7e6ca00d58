//! Networks of real processes on this machine.
//!
//! A network is a folder `<dir>/<name>`: `testnet.json`, which says where everything is ([`Description`]),
//! `genesis.json`, and a home for each node. A node is the process `witan start --home <home>` with its log beside it.
//! It lives on when the command that started it ends, and it is told to stop only if both its process id and its start
//! time are the recorded ones, so that no stranger who got the same id is ever hit.

mod description;
mod error;
mod generate;
mod lifecycle;
mod ports;
mod process;
mod ready;
mod twin;

pub use description::{AccountEntry, Description, GroupEntry, NodeEntry};
pub(crate) use description::{read_json, write_json};
pub use error::LocalError;
pub(crate) use generate::parameters;
pub use generate::{BALANCE, Spec};
pub use process::STOP_TIMEOUT;
pub use ready::NodeReport;

use std::path::{Path, PathBuf};
use witan_types::Genesis;

/// A network of local processes.
#[derive(Clone, Debug)]
pub struct Network {
    folder: PathBuf,
    binary: PathBuf,
    /// Set for every node that is started, beside this process's own.
    environment: Vec<(String, String)>,
    description: Description,
}

impl Network {
    /// Whether there is a network of this name.
    pub fn exists(dir: &Path, name: &str) -> bool {
        description::path(&dir.join(name)).exists()
    }

    /// Makes a network's files: keys, genesis, homes. Starts nothing.
    ///
    /// # Errors
    /// If the specification makes no sense, the network exists, a port is taken, or a file can't be written.
    pub fn create(spec: &Spec) -> Result<Network, LocalError> {
        let folder = spec.dir.join(&spec.name);
        let description = generate::generate(spec, &folder)?;
        let (folder, binary) = (absolute(&folder)?, this_binary()?);
        Ok(Network { folder, binary, environment: Vec::new(), description })
    }

    /// The network of this name, as its files say.
    ///
    /// # Errors
    /// If there is none, or its files can't be read.
    pub fn open(dir: &Path, name: &str) -> Result<Network, LocalError> {
        let folder = dir.join(name);
        if !description::path(&folder).exists() {
            return Err(LocalError::Missing { name: name.to_owned(), dir: dir.to_owned() });
        }
        let folder = absolute(&folder)?;
        let description = Description::read(&folder)?;
        Ok(Network { folder, binary: this_binary()?, environment: Vec::new(), description })
    }

    /// Starts nodes from another `witan` binary than the running one.
    pub fn with_binary(mut self, binary: impl Into<PathBuf>) -> Network {
        self.binary = binary.into();
        self
    }

    /// Starts nodes from now on with this setting in their environment, such as `WITAN_RPC__MAX_BATCH`.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// What stands where: addresses, accounts, groups. As of the last call that changed or refreshed it.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The network's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that describes the network to programs.
    pub fn description_path(&self) -> PathBuf {
        description::path(&self.folder)
    }

    /// The genesis file.
    pub fn genesis_path(&self) -> PathBuf {
        self.folder.join("genesis.json")
    }

    /// The genesis.
    ///
    /// # Errors
    /// If its file can't be read.
    pub fn genesis(&self) -> Result<Genesis, LocalError> {
        read_json(&self.genesis_path())
    }

    /// Keeps other commands from changing what the network's folder says, until it is dropped.
    pub(crate) fn lock(&self) -> Result<impl Drop + use<>, LocalError> {
        description::lock(&self.folder)
    }

    /// A node of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn node(&self, name: &str) -> Result<&NodeEntry, LocalError> {
        self.description
            .nodes
            .iter()
            .find(|node| node.name == name)
            .ok_or_else(|| LocalError::NoNode { name: name.to_owned(), known: self.node_names().join(", ") })
    }

    /// All nodes' names, in order.
    pub fn node_names(&self) -> Vec<String> {
        self.description.nodes.iter().map(|node| node.name.clone()).collect()
    }

    /// The file that a node's output goes to.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn log_path(&self, name: &str) -> Result<PathBuf, LocalError> {
        Ok(self.node(name)?.home.join("node.log"))
    }
}

fn absolute(path: &Path) -> Result<PathBuf, LocalError> {
    std::path::absolute(path).map_err(LocalError::file("find", path))
}

fn this_binary() -> Result<PathBuf, LocalError> {
    std::env::current_exe().map_err(LocalError::file("find", Path::new("this program")))
}

#[cfg(test)]
mod tests;
