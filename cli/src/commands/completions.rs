//! `witan completions`: a completion script for a shell.

use crate::commands::Cli;
use crate::context::Context;
use crate::error::CliError;
use clap::CommandFactory as _;

/// Print a completion script for a shell.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  witan completions bash > /etc/bash_completion.d/witan")]
pub(crate) struct Args {
    /// Which shell
    shell: clap_complete::Shell,
}

/// Prints the script.
///
/// # Errors
/// If stdout can't be written.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "witan", &mut script);
    context.output.text(&String::from_utf8_lossy(&script));
    Ok(())
}
