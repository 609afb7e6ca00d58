//! The signing markers: small files beside a validator's key that say "this key has signed in this epoch".
//!
//! A marker is durable before the first signature of its epoch. A validator that finds the marker but no consensus
//! records has lost them; it must not vote again in that epoch, since it can't know what it promised.

use crate::error::StorageError;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use witan_types::{Epoch, GroupId};

/// The folder of the markers in the node's home.
pub const MARKER_FOLDER: &str = "signed";

fn marker_path(home: &Path, group: GroupId, epoch: Epoch) -> PathBuf {
    home.join(MARKER_FOLDER).join(format!("group-{group}-epoch-{epoch}"))
}

/// Whether this validator may have signed in the epoch.
///
/// # Errors
/// If the disk can't tell.
pub fn has_signed(home: &Path, group: GroupId, epoch: Epoch) -> Result<bool, StorageError> {
    let path = marker_path(home, group, epoch);
    path.try_exists().map_err(|error| StorageError::from_io(&error, &path))
}

/// Marks the epoch: when this returns, the marker survives a loss of power. Marking twice is the same as once.
///
/// # Errors
/// If the disk refuses. Then nothing may be signed.
pub fn mark(home: &Path, group: GroupId, epoch: Epoch) -> Result<(), StorageError> {
    let path = marker_path(home, group, epoch);
    write_durably(home, &path, &format!("group {group} epoch {epoch}\n"))
        .map_err(|error| StorageError::from_io(&error, &path))
}

/// The file is whole under a temporary name before it gets its own; each folder is synced after its entries change.
fn write_durably(home: &Path, path: &Path, text: &str) -> io::Result<()> {
    let folder = home.join(MARKER_FOLDER);
    fs::create_dir_all(&folder)?;
    sync_folder(home)?;
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(&folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
