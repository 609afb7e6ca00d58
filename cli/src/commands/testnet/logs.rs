//! `witan testnet logs`: what the nodes wrote, each line under its node's name.

use crate::context::Context;
use crate::error::CliError;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(200);
/// The most bytes read from a log at a time.
const CHUNK: u64 = 1024 * 1024;

/// Show the nodes' logs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  witan testnet logs n0 -f")]
pub(super) struct Args {
    /// Which nodes; all by default
    #[arg(value_name = "NODE")]
    names: Vec<String>,
    /// Go on as they write more
    #[arg(long, short)]
    follow: bool,
    /// How many lines of each to start with
    #[arg(long, short = 'n', default_value_t = 50)]
    lines: usize,
}

/// A log being read.
struct Log {
    name: String,
    path: PathBuf,
    position: u64,
    /// The start of a line whose end is not written yet.
    rest: Vec<u8>,
}

impl Log {
    /// The whole lines written since the last look.
    fn read(&mut self) -> std::io::Result<Vec<String>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if length < self.position {
            (self.position, self.rest) = (0, Vec::new());
        }
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.take(CHUNK).read_to_end(&mut self.rest)?;
        self.position += read as u64;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        Ok(String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect())
    }
}

/// Prints the logs.
///
/// # Errors
/// If there is no such network or node, or a log can't be read.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let network = context.network()?;
    let names = if args.names.is_empty() { network.node_names() } else { args.names.clone() };
    let mut logs = Vec::new();
    for name in names {
        let path = network.log_path(&name)?;
        // Far enough back for the lines asked for; lines are rarely longer.
        let length = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let wanted = (args.lines as u64).saturating_mul(512).min(CHUNK);
        logs.push(Log { name, path, position: length.saturating_sub(wanted), rest: Vec::new() });
    }
    let mut first = true;
    loop {
        for log in &mut logs {
            let lines =
                log.read().map_err(|error| CliError::failed(format!("{}: {error}", log.path.display())))?;
            let skipped = if first { lines.len().saturating_sub(args.lines) } else { 0 };
            for line in lines.iter().skip(skipped) {
                context.output.line(&serde_json::json!({ "node": log.name, "line": line }), || {
                    format!("{:<4} {line}", log.name)
                });
            }
        }
        if !args.follow {
            return Ok(());
        }
        first = false;
        tokio::time::sleep(POLL).await;
    }
}
