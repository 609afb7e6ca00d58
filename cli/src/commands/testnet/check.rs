//! `witan testnet check`: the simulator's promises, asked of a live network through public RPC.

use super::nodes::{self, Whole};
use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Shade};
use std::path::PathBuf;
use std::time::Duration;
use witan_testnet::check::{self, CheckReport, Finding, Node, Options, Outcome, Subject, Verdict};
use witan_types::Height;

const EXAMPLE: &str = "\
Example:
  witan testnet check
  witan testnet check --no-write --json
  witan testnet check --rpc http://10.0.0.1:27001 --rpc http://10.0.0.2:27001 --genesis genesis.json

It believes no node: seals are judged from genesis alone, and what nodes say is compared. Where it may write, it writes keys
under check/ and list/ that it never reads again. What it did not look at, it says.
Exit codes: 0 every promise holds that was looked at, 1 nothing could be looked at, 3 a LIVENESS failure, 4 a SAFETY failure.";

/// Check a running network: agreement, seals, durability, conservation, serializability, locks, liveness
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// How long clients append to lists and read them, to be judged for strict serializability
    #[arg(long = "for", default_value = "5s", value_parser = text::duration, value_name = "TIME")]
    window: Duration,
    /// Submit nothing: leaves out liveness and strict serializability
    #[arg(long)]
    no_write: bool,
    /// Compare blocks and seals from this height on; by default all, or as many of the newest as a check looks at
    #[arg(long, value_name = "HEIGHT")]
    from: Option<Height>,
    /// The genesis file that everything is judged by; by default that of the local network
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// What the network acknowledged, as `witan testnet load` writes it down; by default in the local network's folder
    #[arg(long, value_name = "FILE")]
    acknowledged: Option<PathBuf>,
}

/// Checks the network.
///
/// # Errors
/// If nothing can be judged; a promise that does not hold is only an exit code.
pub(super) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let Whole { genesis, nodes, stopped, acknowledged } = nodes::find(context, args.genesis.as_deref())?;
    let token = context.rpc_token()?;
    let node = |node: &nodes::NamedNode| Node::new(&node.name, &node.rpc, token.as_deref());
    let nodes: Vec<Node> = nodes.iter().map(node).collect::<Result<_, _>>().map_err(CliError::failed)?;
    let absent = stopped.into_iter().map(|name| (name, "it does not run".to_owned())).collect();
    let options = Options {
        from: args.from,
        window: args.window,
        write: !args.no_write,
        acknowledged: args.acknowledged.or(acknowledged),
        ..Options::default()
    };
    let output = context.output;
    let mut tell = |finding: &Finding| {
        if !output.is_json() {
            output.text(&shown(finding, output));
        }
    };
    let subject = Subject { genesis, nodes, absent };
    let report = check::run(&subject, &options, &mut tell).await.map_err(CliError::failed)?;
    output.result(&report, || summary(&report, output));
    match report.outcome {
        Outcome::Kept => Ok(()),
        broken @ (Outcome::Liveness | Outcome::Safety) => Err(CliError::Exit(broken.exit_code())),
    }
}

fn shown(finding: &Finding, output: Output) -> String {
    let text = finding.to_string();
    let shade = match finding.verdict {
        Verdict::Kept => Shade::Green,
        Verdict::Broken => Shade::Red,
        Verdict::NotJudged => Shade::Dim,
    };
    let (sign, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", output.shade(shade, sign))
}

/// Who was not asked, and what all of it comes to.
fn summary(report: &CheckReport, output: Output) -> String {
    let silent = report.nodes.iter().filter_map(|node| Some((&node.name, node.not_asked.as_ref()?)));
    let mut text: String = silent.map(|(name, why)| format!("{name} was not asked: {why}\n")).collect();
    let shade = if report.outcome == Outcome::Kept { Shade::Green } else { Shade::Red };
    text.push_str(&output.shade(shade, report.outcome));
    text
}
