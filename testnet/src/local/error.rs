//! Why a local network can't do what it is told.

use std::path::{Path, PathBuf};
use witan_types::{EngineKind, GenesisError};

/// A local network's failure. Its text says what went wrong, with which value, and the next step.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file that can't be read or written.
    #[error("can't {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No network of this name.
    #[error("there is no network {name:?} in {}: make one with `witan testnet up`, or name another with --dir and --name", dir.display())]
    Missing {
        /// Its name.
        name: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// A network of this name exists.
    #[error("{} already holds a network: `witan testnet up` resumes it, --reset makes it anew", folder.display())]
    Exists {
        /// Its folder.
        folder: PathBuf,
    },
    /// A description that can't be understood.
    #[error("{} is no description of a network: {why}; make the network anew with `witan testnet up --reset`", path.display())]
    Description {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A network that can't be.
    #[error("{0}")]
    Spec(String),
    /// An engine whose members trust each other, in a network that anyone may join.
    #[error(
        "{0} trusts its members not to lie, so only listed nodes may connect to its network: add --permissioned, or \
         take hotstuff or pbft"
    )]
    NeedsPermission(EngineKind),
    /// A permissioned network whose genesis lists no node that is not there yet.
    #[error(
        "{node} can't join: genesis lists the nodes of this permissioned network, and there is no spare one left; make \
         it anew with `witan testnet up --reset --permissioned`, or take an open one"
    )]
    NoSpare {
        /// The next node's name.
        node: String,
    },
    /// The generated genesis breaks a rule.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// No node of this name.
    #[error("there is no node {name:?}: the network has {known}")]
    NoNode {
        /// The name.
        name: String,
        /// The nodes there are.
        known: String,
    },
    /// A port that another program has.
    #[error(
        "port {port} of {node} is in use by another program: stop that one, or take free ports with --port-base 0"
    )]
    PortTaken {
        /// Whose port.
        node: String,
        /// Which port.
        port: u16,
    },
    /// No free ports.
    #[error("no {wanted} free ports in a row were found")]
    NoPorts {
        /// How many were wanted.
        wanted: u16,
    },
    /// A node that runs where it must not.
    #[error("{0} runs: stop the network first, with `witan testnet down`")]
    Running(String),
    /// A process that could not be started or ended.
    #[error("{node}: {why}")]
    Process {
        /// Which node.
        node: String,
        /// What went wrong.
        why: String,
    },
    /// A node that ended by itself.
    #[error("{node} ended by itself; the end of {}:\n{tail}", log.display())]
    Ended {
        /// Which node.
        node: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// Nodes that did not get as far as they should.
    #[error("after {seconds} s, {nodes}: see `witan testnet logs`")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// What each of them lacks.
        nodes: String,
    },
}

impl LocalError {
    /// For `map_err`: a failure to do `what` with `path`.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LocalError {
        let path = path.to_owned();
        move |source| LocalError::File { what, path, source }
    }
}
