//! Why a node can't start or can't go on.

use crate::config::ConfigError;
use std::path::{Path, PathBuf};
use witan_ledger::LedgerError;
use witan_p2p::NetworkError;
use witan_rpc::RpcStartError;
use witan_rpc::server::TokenError;
use witan_storage::StorageError;
use witan_types::{GenesisError, NodeId};

/// A node's failure. Its text says what went wrong, with which file or value, and the next step.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration; every problem of it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or folder that can't be read or written.
    #[error("can't {what} {}: {source}", path.display())]
    File {
        /// What was tried: "read", "write", "make".
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No home where one was expected.
    #[error("{} is no home of a node ({missing} is missing): make one with `witan init --home {}`", home.display(), home.display())]
    NoHome {
        /// Where.
        home: PathBuf,
        /// The first file that is missing.
        missing: &'static str,
    },
    /// A home where a new one should be made.
    #[error("{} already exists: nothing was changed; choose another --home, or move it away", path.display())]
    Exists {
        /// The file that is in the way.
        path: PathBuf,
    },
    /// Another process uses the data directory.
    #[error("{} is in use by process {holder}: two nodes on one home would sign twice; stop that one first", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, as it wrote itself down.
        holder: String,
    },
    /// A genesis file that is not a genesis.
    #[error("{} is no genesis: {why}", path.display())]
    GenesisFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A genesis that breaks a rule.
    #[error("{}: {source}", path.display())]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// The rule.
        source: GenesisError,
    },
    /// A key file that can't be used.
    #[error("the key {}: {why}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A token file that holds no token.
    #[error("the token {}: {source}; make one with `openssl rand -hex 32`", path.display())]
    Token {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: TokenError,
    },
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A ledger on disk that contradicts itself.
    #[error("{0}: move the data folder away and start again, and the node fetches everything from its peers")]
    Ledger(#[from] LedgerError),
    /// A genesis whose groups can't be judged.
    #[error(transparent)]
    Light(#[from] witan_light::LightError),
    /// The network between nodes.
    #[error("{0}; choose another p2p.listen, or stop what holds the port")]
    Network(#[from] NetworkError),
    /// JSON-RPC.
    #[error(transparent)]
    Rpc(#[from] RpcStartError),
    /// The metrics listener.
    #[error("metrics can't be served: {0}; choose another metrics.listen, or \"off\"")]
    Metrics(String),
    /// A thread or runtime that the system refuses.
    #[error("the system refuses a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The event loop panicked: a bug of Witan.
    #[error(
        "the event loop panicked; its message is above. This is a bug of Witan: please report it with the log"
    )]
    Panicked,
    /// A validator key whose node id in genesis is another one.
    #[error(
        "genesis lists this validator key with node id {listed}, but keys/node.key is {own}: restore that node key"
    )]
    OtherNode {
        /// What genesis says.
        listed: NodeId,
        /// What this home has.
        own: NodeId,
    },
    /// A group to follow that genesis does not name.
    #[error("node.follow names group {unknown}, and genesis names groups {} of users' keys", list(groups))]
    NoGroup {
        /// What the configuration says.
        unknown: u32,
        /// What there is.
        groups: Vec<u32>,
    },
    /// A password that can't be had.
    #[error("no password: {0}")]
    Password(String),
}

fn list(groups: &[u32]) -> String {
    groups.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

impl NodeError {
    /// For `map_err`: a failure to do `what` with `path`.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> NodeError {
        let path = path.to_owned();
        move |source| NodeError::File { what, path, source }
    }
}
