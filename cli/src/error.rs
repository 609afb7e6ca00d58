//! Why a command failed, and with which exit code.

use witan_node::NodeError;
use witan_testnet::local::LocalError;

/// A command's failure. Its text says what went wrong, with which value, and the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Anything else that went wrong.
    #[error("{0}")]
    Failed(String),
    /// The command has already said what it found; only the exit code is left.
    #[error("exit code {0}")]
    Exit(u8),
    /// The node, its home, its keys or its configuration.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A network of local processes.
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl CliError {
    /// A failure with this text.
    pub(crate) fn failed(text: impl ToString) -> CliError {
        CliError::Failed(text.to_string())
    }

    /// 1 for an error, 2 for wrong usage.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            CliError::Usage(_) | CliError::Local(LocalError::NeedsPermission(_)) => 2,
            CliError::Exit(code) => *code,
            CliError::Failed(_) | CliError::Node(_) | CliError::Local(_) => 1,
        }
    }
}
