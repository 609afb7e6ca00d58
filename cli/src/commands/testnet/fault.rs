//! `witan testnet fault`: breaks the local network on purpose, tells first what theory expects, and then what happened.

mod ask;
#[cfg(test)]
mod tests;

use super::up::interrupted;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use ask::Ask;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use witan_testnet::faults::rehearse::{self, Outcome, Verdict};
use witan_testnet::faults::stage::{Stage, StageError, Staged};
use witan_testnet::faults::{Fault, Span, Theory, Who};

const EXAMPLE: &str = "\
Example:
  witan testnet fault kill n3 --for 20s
  witan testnet fault partition n0,n1 n2,n3 --for 20s
  witan testnet fault link --from n0 --delay 40ms --jitter 5ms --loss 1%
  witan testnet fault list
  witan testnet fault heal

With --for the command waits, heals, and ends with a verdict: exit code 0 if what happened is what theory expects, 3 if a
group halted or went on against it, 4 if a chain forked that can't.";

/// Break the network on purpose, and see what becomes of it
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
    /// For how long, such as 20s: then it heals, and the verdict follows. Without it the fault stays until `heal`
    #[arg(long = "for", global = true, value_name = "TIME")]
    lasts: Option<Span>,
    /// Tell what theory expects, and do nothing
    #[arg(long, global = true)]
    dry_run: bool,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    #[command(flatten)]
    Ask(Ask),
    /// Let paused nodes go on
    #[command(after_help = "Example:\n  witan testnet fault resume n3")]
    Resume {
        /// Their names
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<Who>,
    },
    /// End a fault, or all of them, and watch until all is well
    #[command(after_help = "Example:\n  witan testnet fault heal\n  witan testnet fault heal 2")]
    Heal {
        /// Its number, as `list` shows it; all if absent
        id: Option<u64>,
    },
    /// Show the faults that are staged
    #[command(after_help = "Example:\n  witan testnet fault list")]
    List,
}

/// Runs a command of `witan testnet fault`.
///
/// # Errors
/// What it could not do, or a verdict that is not what theory expects.
pub(super) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let mut stage = Stage::open(context.network()?).map_err(failed)?;
    match args.what {
        What::Ask(ask) => {
            let fault = ask.fault(&stage.network().node_names()).map_err(CliError::Usage)?;
            break_it(&mut stage, &fault, args.lasts.map(|span| span.0), args.dry_run, context).await
        }
        What::Resume { nodes } => {
            let paused =
                |staged: &&Staged| matches!(&staged.now, Fault::Pause { nodes: paused } if *paused == nodes);
            match stage.staged().iter().find(paused).map(|staged| staged.id) {
                Some(id) => end(&mut stage, id, context).await,
                None => Err(CliError::failed(
                    "no pause of exactly these nodes is staged: see `witan testnet fault list`",
                )),
            }
        }
        What::Heal { id: Some(id) } => end(&mut stage, id, context).await,
        What::Heal { id: None } => {
            let verdict = rehearse::heal(&mut stage, &mut teller(context)).await.map_err(failed)?;
            finish(&verdict, context)
        }
        What::List => {
            context.output.result(&stage.staged(), || list(stage.staged()));
            Ok(())
        }
    }
}

async fn break_it(
    stage: &mut Stage,
    fault: &Fault,
    lasts: Option<Duration>,
    dry_run: bool,
    context: &Context,
) -> Result<(), CliError> {
    let theory = rehearse::expects(stage, fault).await.map_err(failed)?;
    if dry_run {
        context.output.result(&theory, || expectation(fault, &theory));
        return Ok(());
    }
    context.output.note(&expectation(fault, &theory));
    if let Some(lasts) = lasts {
        let before: Vec<u64> = stage.staged().iter().map(|staged| staged.id).collect();
        let interrupted = interrupted()?;
        let rehearsed = {
            let mut tell = teller(context);
            tokio::select! {
                rehearsed = rehearse::rehearse(stage, fault, lasts, &mut tell) => Some(rehearsed),
                () = interrupted => None,
            }
        };
        if let Some(verdict) = rehearsed {
            return finish(&verdict.map_err(failed)?, context);
        }
        let own = stage.staged().iter().map(|staged| staged.id).find(|id| !before.contains(id));
        if let Some(id) = own {
            stage.end(id).await.map_err(failed)?;
        }
        return Err(CliError::failed("interrupted: the fault is healed, and there is no verdict"));
    }
    let id = stage.begin(fault, None).await.map_err(failed)?;
    let staged = stage.staged().iter().find(|staged| staged.id == id);
    let document = serde_json::json!({ "staged": staged, "theory": theory });
    context.output.result(&document, || {
        format!("staged as fault {id}; `witan testnet fault heal {id}` ends it, `witan testnet status --watch` shows what it does")
    });
    Ok(())
}

/// What is broken, and what theory expects of it.
fn expectation(fault: &Fault, theory: &Theory) -> String {
    format!("{fault}\ntheory expects:\n{theory}")
}

async fn end(stage: &mut Stage, id: u64, context: &Context) -> Result<(), CliError> {
    let ended = stage.end(id).await.map_err(failed)?;
    context.output.result(&ended, || format!("ended: {}", ended.fault));
    Ok(())
}

/// Tells on stderr how it goes; on a terminal the heights are written over.
fn teller(context: &Context) -> impl FnMut(&str) + Send + use<> {
    let output = context.output;
    let mut last = String::new();
    move |line: &str| {
        let is_height = line.contains("group ") && line.contains(" of ");
        // Heights that did not change are told once where lines stay.
        let told = line.find("group ").map_or(line, |at| line.get(at..).unwrap_or(line)).to_owned();
        if output.stderr_is_terminal() && is_height {
            eprint!("\r\x1b[2K{line}");
        } else if told != last {
            eprintln!("{line}");
        }
        last = told;
    }
}

fn finish(verdict: &Verdict, context: &Context) -> Result<(), CliError> {
    if context.output.stderr_is_terminal() {
        eprintln!();
    }
    context.output.result(verdict, || verdict.to_string());
    match verdict.outcome {
        Outcome::AsExpected => Ok(()),
        Outcome::TooShort => Err(CliError::Exit(1)),
        Outcome::Liveness => Err(CliError::Exit(3)),
        Outcome::Safety => Err(CliError::Exit(4)),
    }
}

fn list(staged: &[Staged]) -> String {
    if staged.is_empty() {
        return "No fault is staged.".into();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut table = Table::new(["ID", "FAULT", "SINCE", "LASTS"]);
    for fault in staged {
        let since = now.saturating_sub(Duration::from_millis(fault.begun_ms));
        let lasts = fault.lasts.map_or_else(|| "until healed".into(), |span| span.to_string());
        table.row([fault.id.to_string(), fault.now.to_string(), format!("{} s", since.as_secs()), lasts]);
    }
    table.to_string()
}

fn failed(error: StageError) -> CliError {
    match error {
        StageError::Local(error) => CliError::Local(error),
        StageError::Senseless(why) => CliError::Usage(why),
        error => CliError::failed(error),
    }
}
