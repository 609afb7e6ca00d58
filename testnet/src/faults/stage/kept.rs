//! `faults.json`: what is staged on a network, for the next command.

use crate::faults::{Fault, Span};
use crate::local::{LocalError, Network, read_json, write_json};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Its name beside the network's description.
const FILE: &str = "faults.json";

/// A fault that is staged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Staged {
    /// Its number.
    pub id: u64,
    /// What was asked for.
    pub fault: Fault,
    /// The same with the leaders of now.
    pub now: Fault,
    /// When it began; Unix milliseconds.
    pub begun_ms: u64,
    /// After how long it is to end.
    pub lasts: Option<Span>,
    /// What is staged inside nodes: names, the numbers there, and the processes, since numbers begin anew with each.
    pub(super) on_nodes: Vec<(String, u64, u32)>,
    /// The second process of a twin.
    pub twin: Option<String>,
}

impl Staged {
    pub(super) fn new(id: u64, fault: Fault, now: Fault, lasts: Option<Duration>) -> Staged {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let begun_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Staged { id, fault, now, begun_ms, lasts: lasts.map(Span), on_nodes: Vec::new(), twin: None }
    }
}

/// What is staged on the network in `folder`.
pub(super) fn read(folder: &Path) -> Result<Vec<Staged>, LocalError> {
    let path = folder.join(FILE);
    if path.exists() { read_json(&path) } else { Ok(Vec::new()) }
}

/// Forgets what was staged: the nodes were stopped, and start without it.
///
/// # Errors
/// If the file can't be removed.
pub fn forget(folder: &Path) -> Result<(), LocalError> {
    let path = folder.join(FILE);
    if path.exists() {
        std::fs::remove_file(&path).map_err(LocalError::file("remove", &path))
    } else {
        Ok(())
    }
}

/// Changes what is written down, while no other command does. Returns all of it.
pub(super) fn change(
    network: &Network,
    change: impl FnOnce(&mut Vec<Staged>),
) -> Result<Vec<Staged>, LocalError> {
    let _lock = network.lock()?;
    let mut staged = read(network.folder())?;
    change(&mut staged);
    write_json(&network.folder().join(FILE), &staged)?;
    Ok(staged)
}
