//! The home of a node: one folder with all that it owns.
//!
//! ```text
//! config.toml          what this node decides for itself
//! genesis.json         what all validators agree on
//! keys/node.key        its identity on the network
//! keys/validator.key   what it signs votes with; a node without one follows and has no vote
//! data/                the databases, the lock that keeps a second process out, and the owner's socket
//! ```

use crate::config::{Config, Overrides};
use crate::error::NodeError;
use crate::keys::{self, PasswordSource};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use witan_rpc::server::Token;
use witan_types::{Genesis, NodeId, SecretKey};

/// The most bytes of a genesis file.
pub const MAX_GENESIS_BYTES: u64 = 64 * 1024 * 1024;

/// A node's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// The secrets of a node.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Its identity on the network.
    pub node: SecretKey,
    /// What it votes with; none for a node without a vote.
    pub validator: Option<SecretKey>,
}

impl Keys {
    /// The node's name on the network.
    pub fn node_id(&self) -> NodeId {
        NodeId(witan_types::Hash(self.node.public().0))
    }
}

/// Keeps other processes out of a data directory for as long as it lives, and no longer: the system releases it when
/// the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl Home {
    /// The home in this folder, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Home {
        Home { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The genesis file.
    pub fn genesis_path(&self) -> PathBuf {
        self.root.join("genesis.json")
    }

    /// The folder of the key files.
    pub fn keys_path(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The key of the node's network identity.
    pub fn node_key_path(&self) -> PathBuf {
        self.keys_path().join("node.key")
    }

    /// The key the node votes with.
    pub fn validator_key_path(&self) -> PathBuf {
        self.keys_path().join("validator.key")
    }

    /// The folder of the databases.
    pub fn data_path(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The socket for who runs the node, in a folder that lets nobody else in.
    pub fn admin_socket(&self) -> PathBuf {
        self.data_path().join("admin.sock")
    }

    /// Makes the folders, for their owner alone (0700). Existing ones stay as they are.
    ///
    /// # Errors
    /// If one can't be made.
    pub fn create(&self) -> Result<(), NodeError> {
        for path in [self.root.clone(), self.keys_path(), self.data_path()] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(NodeError::file("make", &path))?;
        }
        Ok(())
    }

    /// Refuses a folder that lacks what a node can't start without.
    ///
    /// # Errors
    /// [`NodeError::NoHome`] with the first missing file.
    pub fn require(&self) -> Result<(), NodeError> {
        let needed = [(self.genesis_path(), "genesis.json"), (self.node_key_path(), "keys/node.key")];
        match needed.iter().find(|(path, _)| !path.exists()) {
            Some((_, missing)) => Err(NodeError::NoHome { home: self.root.clone(), missing }),
            None => Ok(()),
        }
    }

    /// The configuration: the home's file, if there is one, under the environment and `overrides`.
    ///
    /// # Errors
    /// Every problem of the configuration.
    pub fn config(&self, overrides: &Overrides) -> Result<Config, NodeError> {
        let path = self.config_path();
        let file = path.exists().then_some(path.as_path());
        Ok(Config::load(file, overrides)?)
    }

    /// The genesis, checked.
    ///
    /// # Errors
    /// If the file can't be read or breaks a rule.
    pub fn genesis(&self) -> Result<Genesis, NodeError> {
        read_genesis(&self.genesis_path())
    }

    /// The node's keys. `password` is asked only if a key is encrypted.
    ///
    /// # Errors
    /// If a key file can't be used.
    pub fn keys(&self, password: &PasswordSource) -> Result<Keys, NodeError> {
        let validator = self.validator_key_path();
        Ok(Keys {
            node: keys::load(&self.node_key_path(), password)?,
            validator: validator.exists().then(|| keys::load(&validator, password)).transpose()?,
        })
    }

    /// The bearer token in a file of the home, or elsewhere if the path is absolute.
    ///
    /// # Errors
    /// If the file can't be read, others may read it, or it holds no token.
    pub fn token(&self, path: &Path) -> Result<Token, NodeError> {
        let path = self.root.join(path);
        let text = keys::read_secret(&path)?;
        Token::parse(&text).map_err(|source| NodeError::Token { path, source })
    }

    /// Takes the data directory for this process.
    ///
    /// # Errors
    /// [`NodeError::Locked`] with the process that has it.
    pub fn lock(&self) -> Result<DataLock, NodeError> {
        let data = self.data_path();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&data)
            .map_err(NodeError::file("make", &data))?;
        let path = data.join("LOCK");
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(NodeError::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(NodeError::Locked { holder: holder(&mut file), path });
            }
            Err(TryLockError::Error(error)) => return Err(NodeError::file("lock", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(NodeError::file("write", &path))?;
        Ok(DataLock { _file: file })
    }
}

/// What the holder of a lock wrote: its process id.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if !text.is_empty() => text,
        _ => "of unknown id".into(),
    }
}

/// The genesis of a file, checked.
///
/// # Errors
/// If the file can't be read or breaks a rule.
pub fn read_genesis(path: &Path) -> Result<Genesis, NodeError> {
    let refuse = |why: String| NodeError::GenesisFile { path: path.to_owned(), why };
    let size = std::fs::metadata(path).map_err(NodeError::file("read", path))?.len();
    if size > MAX_GENESIS_BYTES {
        return Err(refuse(format!("it has {size} bytes, above {MAX_GENESIS_BYTES}")));
    }
    let text = std::fs::read_to_string(path).map_err(NodeError::file("read", path))?;
    let genesis: Genesis = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    genesis.check().map_err(|source| NodeError::Genesis { path: path.to_owned(), source })?;
    Ok(genesis)
}

#[cfg(test)]
mod tests;
