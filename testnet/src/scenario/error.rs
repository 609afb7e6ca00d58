//! What is wrong with a scenario.

use std::path::PathBuf;

/// Why a scenario can't be read or run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file can't be read.
    #[error("can't read {}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It is no TOML, or has a key or value that it can't have.
    #[error("{name}: {why}")]
    Text {
        /// The file's name.
        name: String,
        /// Where and what, with the line.
        why: String,
    },
    /// What it says can't be.
    #[error("{name}:{line}: {why}")]
    Nonsense {
        /// The file's name.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with which value, and what was expected.
        why: String,
    },
    /// The simulator can't run such a network.
    #[error("{name}: {why}")]
    CannotRun {
        /// The file's name.
        name: String,
        /// Why.
        why: String,
    },
    /// The network did not come up, or something could not be done to it.
    #[error("{0}")]
    Stage(String),
}
