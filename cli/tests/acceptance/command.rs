//! Running commands of the binary as a user would.

use crate::network::{DEADLINE, Testnet, WITAN};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Its one JSON document; the command must have succeeded.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary with these arguments, free of what this shell tells it. It dies with the story.
pub(crate) fn witan(arguments: &[&str]) -> Command {
    let mut command = Command::new(WITAN);
    for name in ["WITAN_RPC", "WITAN_DIR", "WITAN_NAME", "WITAN_HOME"] {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Waits for the end of a command.
pub(crate) async fn finish(child: Child) -> Said {
    let ended = tokio::time::timeout(DEADLINE, child.wait_with_output()).await;
    let output = ended.expect("the command ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a command to its end.
pub(crate) async fn run(arguments: &[&str]) -> Said {
    finish(witan(arguments).spawn().unwrap()).await
}

impl Testnet {
    /// A command about this network.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let folder = self.network.folder();
        let mut command = witan(arguments);
        command.arg("--dir").arg(folder.parent().unwrap()).arg("--name").arg(folder.file_name().unwrap());
        command
    }

    /// Runs a command about this network to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        finish(self.command(arguments).spawn().unwrap()).await
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
