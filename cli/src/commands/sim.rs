//! `witan sim`: a whole network in one process and in virtual time, under faults drawn from a seed.

use crate::context::Context;
use crate::error::CliError;
use crate::output::Shade;
use serde_json::json;
use std::num::NonZero;
use std::time::{Duration, Instant};
use witan_testnet::sim::{Report, Scenario, run_all};
use witan_types::EngineKind;

const EXAMPLE: &str = "\
Example:
  witan sim run -n 4 --seed 17
  witan sim run -n 7 --seeds 1..1000 --json";

/// The most validators that a run may have.
const MAX_NODES: usize = 40;

/// Run networks in virtual time, in this process.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Run seeds and check every promise: the same seed gives the same run, bit for bit
    Run(RunArgs),
}

#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
struct RunArgs {
    /// How many validators
    #[arg(short = 'n', long = "nodes", default_value_t = 4, value_parser = parse_nodes, value_name = "COUNT")]
    nodes: usize,
    /// The consensus engine: hotstuff
    #[arg(short = 'e', long, default_value = "hotstuff", value_parser = parse_engine)]
    engine: EngineKind,
    /// The seed of the one run
    #[arg(long, default_value_t = 1, conflicts_with = "seeds", value_name = "NUMBER")]
    seed: u64,
    /// A range of seeds, both ends included
    #[arg(long, value_parser = parse_seeds, value_name = "A..B")]
    seeds: Option<Seeds>,
    /// How many runs at once
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    threads: usize,
}

/// A range of seeds, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seeds {
    first: u64,
    last: u64,
}

fn parse_nodes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(nodes) if (1..=MAX_NODES).contains(&nodes) => Ok(nodes),
        _ => Err(format!("{text:?}: expected 1 to {MAX_NODES}")),
    }
}

fn parse_engine(text: &str) -> Result<EngineKind, String> {
    match text {
        "hotstuff" => Ok(EngineKind::HotStuff),
        "pbft" | "raft" => Err(format!("the simulator can't run {text} yet; it runs hotstuff")),
        _ => Err(format!("{text:?} is no engine: expected hotstuff")),
    }
}

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let ends = text.split_once("..").and_then(|(first, last)| {
        let last = last.strip_prefix('=').unwrap_or(last);
        Some(Seeds { first: first.parse().ok()?, last: last.parse().ok()? })
    });
    ends.filter(|seeds| seeds.first <= seeds.last)
        .ok_or_else(|| format!("{text:?}: expected a range of seeds such as 1..100"))
}

/// Runs the seeds; says each run's summary as it ends, and all together at the end.
///
/// # Errors
/// Exit code 1 if a promise did not hold, or a run does not count.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let Command::Run(args) = &args.command;
    let seeds = args.seeds.unwrap_or(Seeds { first: args.seed, last: args.seed });
    let scenarios = (seeds.first..=seeds.last)
        .map(|seed| Scenario { engine: args.engine, ..Scenario::of(seed, args.nodes) })
        .collect();
    let available = std::thread::available_parallelism().map_or(1, NonZero::get);
    let started = Instant::now();
    let mut total = Total::default();
    run_all(scenarios, args.threads.clamp(1, available), &mut |report| {
        total.add(&report);
        if !context.output.is_json() {
            context.output.text(&report.to_string());
        }
        total.reports.push(report);
    })
    .map_err(|error| CliError::Usage(error.to_string()))?;
    total.reports.sort_by_key(|report| report.seed);
    total.say(started.elapsed(), context);
    if total.is_good() { Ok(()) } else { Err(CliError::Exit(1)) }
}

/// All runs together.
#[derive(Debug, Default)]
struct Total {
    reports: Vec<Report>,
    counted: usize,
    violations: usize,
    blocks: u64,
    transactions: usize,
    virtual_ms: u64,
}

impl Total {
    fn add(&mut self, report: &Report) {
        self.counted += usize::from(report.counts);
        self.violations += usize::from(report.violation.is_some());
        self.blocks += report.blocks;
        self.transactions += report.transactions;
        self.virtual_ms += report.virtual_ms;
    }

    fn is_good(&self) -> bool {
        self.violations == 0 && self.counted == self.reports.len()
    }

    fn say(&self, wall: Duration, context: &Context) {
        let runs = self.reports.len();
        let Total { reports, counted, violations, blocks, transactions, virtual_ms } = self;
        let per_second = |seconds: f64| if seconds > 0.0 { (*blocks as f64 / seconds).round() } else { 0.0 };
        let (by_virtual, by_wall) =
            (per_second(*virtual_ms as f64 / 1_000.0), per_second(wall.as_secs_f64()));
        let document = json!({
            "runs": runs,
            "counted": counted,
            "violations": violations,
            "blocks": blocks,
            "transactions": transactions,
            "virtualMs": virtual_ms,
            "wallMs": u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
            "blocksPerVirtualSecond": by_virtual,
            "blocksPerSecond": by_wall,
            "reports": reports,
        });
        context.output.result(&document, || {
            let verdict = if self.is_good() {
                context.output.shade(Shade::Green, "every promise held")
            } else {
                let broken = format!("{violations} broke a promise, {} do not count", runs - counted);
                context.output.shade(Shade::Red, broken)
            };
            let (virtual_s, wall_s) = (virtual_ms / 1_000, wall.as_secs_f64());
            format!(
                "{runs} runs, {counted} counted: {verdict}. {blocks} blocks and {transactions} transactions in \
                 {virtual_s} s of virtual time ({by_virtual} blocks/s), {wall_s:.1} s here ({by_wall} blocks/s)"
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_seeds_include_both_ends_and_nonsense_is_refused() {
        assert_eq!(parse_seeds("1..1000"), Ok(Seeds { first: 1, last: 1000 }));
        assert_eq!(parse_seeds("5..=5"), Ok(Seeds { first: 5, last: 5 }));
        for wrong in ["", "7", "9..3", "a..b", "1..", "..3", "-1..3"] {
            assert!(parse_seeds(wrong).unwrap_err().contains("1..100"), "{wrong}");
        }
    }

    #[test]
    fn only_engines_and_sizes_that_can_run_are_taken() {
        assert_eq!(parse_engine("hotstuff"), Ok(EngineKind::HotStuff));
        assert!(parse_engine("pbft").unwrap_err().contains("yet"));
        assert!(parse_nodes("0").is_err() && parse_nodes("41").is_err() && parse_nodes("x").is_err());
        assert_eq!(parse_nodes("7"), Ok(7));
    }
}
