//! `testnet.json`: what programs need to know of a network.

use super::error::LocalError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use witan_types::{EngineKind, FaultModel, GroupId, ValidatorIndex};

/// A network, as `testnet.json` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The network's name.
    pub name: String,
    /// The chain's id, `0x` hex.
    pub chain: String,
    /// All nodes, in order; validators come first.
    pub nodes: Vec<NodeEntry>,
    /// Development accounts, all of which have a balance at genesis.
    pub accounts: Vec<AccountEntry>,
    /// All groups, in order.
    pub groups: Vec<GroupEntry>,
    /// Second processes of validators that are made to run twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<NodeEntry>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeEntry {
    /// Its name: n0, n1, ...
    pub name: String,
    /// `http://host:port`, where its JSON-RPC is.
    pub rpc: String,
    /// `ws://host:port/ws`, where its subscriptions are.
    pub ws: String,
    /// `host:port`, where other nodes connect to.
    pub p2p: String,
    /// `http://host:port/metrics`.
    pub metrics: String,
    /// Its network identity, `0x` hex.
    pub node_id: String,
    /// Whether it has a validator key.
    pub validator: bool,
    /// Its process, if it was started and not stopped since.
    pub pid: Option<u32>,
    /// When that process started, in the kernel's ticks since boot: with the id it names one process for sure.
    pub start_time: Option<u64>,
    /// Its home.
    pub home: PathBuf,
    /// Its three ports: p2p, RPC, metrics.
    pub ports: [u16; 3],
}

/// One development account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// `witan1...`
    pub address: String,
    /// The ed25519 seed, `0x` hex. Known to whoever can read this file.
    pub secret: String,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupEntry {
    /// Its number; 0 is the root.
    pub id: u32,
    /// Its engine.
    pub engine: EngineKind,
    /// What its members may do wrong.
    pub faults: FaultModel,
    /// The names of its members.
    pub validators: Vec<String>,
}

/// Keeps other commands from changing a description for as long as it lives.
pub(super) struct DescriptionLock {
    file: File,
}

impl Drop for DescriptionLock {
    fn drop(&mut self) {
        // Closing the file would do it too.
        self.file.unlock().ok();
    }
}

/// Where the description of the network in `folder` is.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("testnet.json")
}

/// Waits until no other command changes the network in `folder`.
pub(super) fn lock(folder: &Path) -> Result<DescriptionLock, LocalError> {
    let path = folder.join(".lock");
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(LocalError::file("open", &path))?;
    file.lock().map_err(LocalError::file("lock", &path))?;
    Ok(DescriptionLock { file })
}

impl Description {
    /// The name of the member at a place of a group's committee.
    pub fn member(&self, group: GroupId, place: ValidatorIndex) -> Option<&str> {
        let group = self.groups.iter().find(|entry| entry.id == group.0)?;
        group.validators.get(usize::from(place.0)).map(String::as_str)
    }

    pub(super) fn read(folder: &Path) -> Result<Description, LocalError> {
        read_json(&path(folder))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), LocalError> {
        write_json(&path(folder), self)
    }
}

/// What a file holds as JSON.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LocalError> {
    let text = std::fs::read_to_string(path).map_err(LocalError::file("read", path))?;
    serde_json::from_str(&text)
        .map_err(|error| LocalError::Description { path: path.to_owned(), why: error.to_string() })
}

/// Replaces a file in one move, so that a reader sees the old or the new one, whole.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), LocalError> {
    let mut text = to_json(value, path)?;
    text.push('\n');
    let staged = path.with_extension("json.new");
    write_private(&staged, &text)?;
    std::fs::rename(&staged, path).map_err(LocalError::file("write", path))
}

/// `value` as readable JSON, for the file `path`.
pub(super) fn to_json<T: Serialize>(value: &T, path: &Path) -> Result<String, LocalError> {
    serde_json::to_string_pretty(value)
        .map_err(|error| LocalError::Description { path: path.to_owned(), why: error.to_string() })
}

/// Writes a file that only its owner may read: most of these hold keys.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), LocalError> {
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(LocalError::file("write", path))
}
