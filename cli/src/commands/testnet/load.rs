//! `witan testnet load`: so many transactions a second for a while, and whether everything that was acknowledged is still there.

use super::nodes::{self, Whole};
use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Shade};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use witan_testnet::check::acknowledged;
use witan_testnet::faults::percent;
use witan_testnet::load::page::{About, page};
use witan_testnet::load::presign::MIN_SPREAD_BYTES;
use witan_testnet::load::{DrivePlan, Driven, LoadNode, LoadReport, MAX_CLIENTS, MAX_RATE, Progress, drive};
use witan_types::Genesis;

const EXAMPLE: &str = "\
Example:
  witan testnet load --tps 500 --cross-shard 20% --for 60s
  witan testnet load --for 5m --report load.html
  witan testnet load --tps 2000 --clients 32 --size 1024 --json > load.json
  witan testnet check                     what was acknowledged is still there, at every node

Transactions go out when they are due, whatever became of those before, and latency counts from then. One whose node goes away goes
to another, as the same bytes. What is acknowledged is written to acknowledged.jsonl in the network's folder, for
`witan testnet check`, and asked for at another node after the load: exit code 1 if anything of it is lost.";

/// The largest transactions of a load, in bytes.
const LARGEST: usize = 60 * 1024;

/// Load a running network with so many transactions a second, and look for everything that it acknowledged
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Transactions a second
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=MAX_RATE))]
    tps: u64,
    /// Connections, to one node after the other
    #[arg(long, default_value_t = 16, value_parser = parse_clients)]
    clients: usize,
    /// The share of transactions that span two groups
    #[arg(long, default_value = "20%", value_parser = percent, value_name = "PERCENT")]
    cross_shard: u8,
    /// Bytes of a signed transaction
    #[arg(long, default_value_t = 256, value_parser = parse_size)]
    size: usize,
    /// For how long
    #[arg(long = "for", default_value = "60s", value_parser = text::duration, value_name = "TIME")]
    window: Duration,
    /// Where the load comes from; drawn if absent. The same seed makes the same transactions, and a network takes each once
    #[arg(long)]
    seed: Option<u64>,
    /// Write an HTML page with plots to this file; it asks nothing of any network
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where to write down what the network acknowledged; by default in the local network's folder
    #[arg(long, value_name = "FILE")]
    acknowledged: Option<PathBuf>,
    /// The genesis file of nodes that are named with --rpc
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
}

fn parse_clients(text: &str) -> Result<usize, String> {
    let clients: usize = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
    if (1..=MAX_CLIENTS).contains(&clients) {
        Ok(clients)
    } else {
        Err(format!("{clients}: expected 1 to {MAX_CLIENTS}"))
    }
}

fn parse_size(text: &str) -> Result<usize, String> {
    let size: usize = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
    let range = MIN_SPREAD_BYTES..=LARGEST;
    if range.contains(&size) {
        Ok(size)
    } else {
        Err(format!("{size}: expected {MIN_SPREAD_BYTES} to {LARGEST} bytes"))
    }
}

/// Loads the network.
///
/// # Errors
/// If it can't be reached, a file can't be written, or something that was acknowledged is lost.
pub(super) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let whole = nodes::find(context, args.genesis.as_deref())?;
    let plan = plan(&args, &whole, context)?;
    let output = context.output;
    output.note(&format!(
        "{} tx/s for {:.0} s to {}, {} % of them across groups, seed {}",
        plan.per_second,
        plan.window.as_secs_f64(),
        whole.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(" "),
        plan.across,
        plan.seed
    ));
    let screen = Screen::new(output, &plan);
    let driven = load(&plan, &whole.genesis, &screen).await;
    screen.bar.finish_and_clear();
    let Driven { report, acknowledged: entries } = driven?;
    if let Some(path) = args.acknowledged.as_ref().or(whole.acknowledged.as_ref()) {
        acknowledged::append(path, whole.genesis.chain(), &entries).map_err(CliError::failed)?;
    }
    if let Some(path) = &args.report {
        write_page(path, &report)?;
        output.note(&format!("report: {}", path.display()));
    }
    output.result(&report, || shown(&report, output));
    if report.lost > 0 { Err(CliError::Exit(1)) } else { Ok(()) }
}

fn plan(args: &Args, whole: &Whole, context: &Context) -> Result<DrivePlan, CliError> {
    let node = |node: &nodes::NamedNode| LoadNode { name: node.name.clone(), rpc: node.rpc.clone() };
    Ok(DrivePlan {
        nodes: whole.nodes.iter().map(node).collect(),
        token: context.rpc_token()?,
        per_second: args.tps,
        clients: args.clients,
        across: args.cross_shard.into(),
        bytes: args.size,
        window: args.window,
        seed: args.seed.unwrap_or_else(rand::random),
    })
}

async fn load(plan: &DrivePlan, genesis: &Genesis, screen: &Screen) -> Result<Driven, CliError> {
    let mut show = |progress: &Progress| screen.show(progress);
    tokio::select! {
        driven = drive(plan, genesis, &mut show) => driven.map_err(CliError::failed),
        _ = tokio::signal::ctrl_c() => Err(CliError::failed("interrupted: nothing of this load was written down")),
    }
}

fn shown(report: &LoadReport, output: Output) -> String {
    let text = report.to_string();
    let (rest, last) = text.rsplit_once('\n').unwrap_or(("", &text));
    let shade = if report.lost == 0 { Shade::Green } else { Shade::Red };
    format!("{rest}\n{}", output.shade(shade, last))
}

fn write_page(path: &Path, report: &LoadReport) -> Result<(), CliError> {
    let about = About { command: command(), machine: machine(), when: when() };
    let refuse = |error| CliError::failed(format!("can't write {}: {error}", path.display()));
    std::fs::write(path, page(report, &about)).map_err(refuse)
}

/// This command as it was typed, but for where the program lies.
fn command() -> String {
    let mut words = std::env::args();
    words.next();
    std::iter::once("witan".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// What the load ran on.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let field = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    format!("{cores} cores of {model}, {memory} of memory, {}", std::env::consts::OS)
}

/// The time of day, for people, UTC.
fn when() -> String {
    let seconds = crate::commands::remote::now_ms() / 1000;
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(day);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", second / 3600, second / 60 % 60)
}

/// The date of a day since 1970-01-01, in the Gregorian calendar.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// The progress bar; without a terminal there is none.
struct Screen {
    bar: ProgressBar,
}

impl Screen {
    fn new(output: Output, plan: &DrivePlan) -> Screen {
        let target = if output.stderr_is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(plan.window.as_secs().max(1)), target);
        if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Screen { bar }
    }

    fn show(&self, progress: &Progress) {
        let Progress { committed, in_flight, per_second, lost, .. } = progress;
        if let Some((verified, of)) = progress.verified {
            self.bar.set_length(of.max(1));
            self.bar.set_position(verified);
            self.bar.set_message(format!("looking for {of} acknowledged transactions again  lost {lost}"));
            return;
        }
        self.bar.set_position(progress.elapsed.as_secs());
        self.bar.set_message(format!(
            "{per_second:.0} tx/s  {committed} committed  {in_flight} in flight  lost {lost}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percents_with_or_without_the_sign() {
        assert_eq!((percent("20%"), percent("0")), (Ok(20), Ok(0)));
        assert!(percent("101%").is_err() && percent("0.2").is_err() && percent("-1%").is_err());
    }

    #[test]
    fn days_have_their_dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!((date(59), date(365)), ((1970, 3, 1), (1971, 1, 1)));
        assert_eq!((date(789), date(790)), ((1972, 2, 29), (1972, 3, 1)));
        assert_eq!(date(20_453), (2025, 12, 31));
    }
}
