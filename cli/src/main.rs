//! `witan`: the one binary. Each command is a module of [`commands`]; this file reads the command line, runs the
//! command and turns its result into an exit code: 0 ok, 1 error, 2 usage.

mod commands;
mod context;
mod error;
mod output;

use clap::Parser as _;
use std::process::ExitCode;

/// A node allocates for every message and every key it touches; this allocator does so at a fraction of the cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    let context = context::Context::new(cli.global);
    match commands::run(cli.command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            context.output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
