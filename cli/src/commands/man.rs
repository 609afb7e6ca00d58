//! `witan man`: manual pages.

use crate::commands::Cli;
use crate::context::Context;
use crate::error::CliError;
use clap::CommandFactory as _;
use std::path::PathBuf;

/// Write manual pages, one a command.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  witan man /usr/local/share/man/man1")]
pub(crate) struct Args {
    /// The folder to write them to: witan.1, witan-tx.1, ...
    folder: PathBuf,
}

/// Writes them.
///
/// # Errors
/// If the folder can't be written.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let refuse =
        |error| CliError::failed(format!("can't write manual pages to {}: {error}", args.folder.display()));
    std::fs::create_dir_all(&args.folder).map_err(refuse)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(refuse)?;
    let written = serde_json::json!({"folder": args.folder});
    context.output.result(&written, || format!("manual pages are in {}", args.folder.display()));
    Ok(())
}
