//! `witan sim`: a whole network in one process and in virtual time, under faults drawn from a seed.

use crate::commands::scenario;
use crate::commands::testnet::{group_engine, group_nodes};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Shade;
use serde::Serialize;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use witan_testnet::scenario::simulate;
use witan_testnet::sim::{Attacks, Report, Scenario, Signatures, Total, run_all};
use witan_types::{EngineKind, GroupId};

const EXAMPLE: &str = "\
Example:
  witan sim run -n 4 --seed 17
  witan sim run -n 7 --seeds 1..1000 --byzantine --json
  witan sim run -n 4 --shards 3 --group-engines 2=pbft,3=raft
  witan sim run -n 4 --shards 2 --root
  witan sim run testnet/scenarios/twin-raft.toml
  witan sim run -n 4 --for 10m --signatures real";

/// The seed of a run that names none.
const FIRST_SEED: u64 = 1;
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
    /// Run seeds, or a scenario, and check every promise: the same seed gives the same run, bit for bit
    Run(RunArgs),
}

#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
struct RunArgs {
    /// A scenario: what goes wrong when, and what is to be seen of it. Exits with 0 if its verdict is PASS, 1 if it is FAIL,
    /// 3 if a group does not go on that should, 4 if what never may happen did
    #[arg(
        value_name = "FILE",
        conflicts_with_all = [
            "nodes", "engine", "shards", "group_engines", "root", "group_nodes", "seeds", "time", "byzantine", "signatures"
        ]
    )]
    file: Option<PathBuf>,
    /// How many validators
    #[arg(short = 'n', long = "nodes", default_value_t = 4, value_parser = parse_nodes, value_name = "COUNT")]
    nodes: usize,
    /// The consensus engine: hotstuff, pbft or raft
    #[arg(short = 'e', long, default_value = "hotstuff")]
    engine: EngineKind,
    /// How many groups share the keys, each with a chain of its own
    #[arg(long, short, default_value_t = 1, value_name = "COUNT")]
    shards: u32,
    /// The engines of single groups, by number or `root`, such as 1=hotstuff,2=raft
    #[arg(long, value_name = "GROUP=ENGINE,..", value_delimiter = ',', value_parser = group_engine)]
    group_engines: Vec<(GroupId, EngineKind)>,
    /// Run the root group too, whose operators change parameters while things go wrong
    #[arg(long)]
    root: bool,
    /// The members of single groups, such as 1=n0+n1+n2+n3,2=n2+n3+n4+n5; all validators are members of any other
    #[arg(long, value_name = "GROUP=NODE+..,..", value_delimiter = ',', value_parser = group_nodes)]
    group_nodes: Vec<(GroupId, Vec<u16>)>,
    /// The seed of the one run [default: 1, or what the scenario says]
    #[arg(long, conflicts_with = "seeds", value_name = "NUMBER")]
    seed: Option<u64>,
    /// A range of seeds, both ends included
    #[arg(long, value_parser = parse_seeds, value_name = "A..B")]
    seeds: Option<Seeds>,
    /// Fresh seeds for this long, until one breaks a promise: for example 60s, 10m, 2h
    #[arg(long = "for", conflicts_with_all = ["seed", "seeds"], value_parser = parse_time, value_name = "TIME")]
    time: Option<Duration>,
    /// As many attackers as the group withstands; each attacks as the seed says, or all as named here
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "drawn",
        value_parser = parse_attacks,
        value_name = "ATTACK"
    )]
    byzantine: Option<Attacks>,
    /// How signatures are made: real, stand-in (free, good while nobody forges), or mixed (real for 1 seed in 20)
    #[arg(long, default_value = "mixed", value_parser = parse_signatures, value_name = "KIND")]
    signatures: Signatures,
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

fn parse_attacks(text: &str) -> Result<Attacks, String> {
    text.parse()
}

fn parse_signatures(text: &str) -> Result<Signatures, String> {
    text.parse()
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600)];
    let seconds = units.into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds)
    });
    let seconds = seconds.filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("{text:?}: expected a time such as 60s, 10m or 2h"))
}

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let ends = text.split_once("..").and_then(|(first, last)| {
        let last = last.strip_prefix('=').unwrap_or(last);
        Some(Seeds { first: first.parse().ok()?, last: last.parse().ok()? })
    });
    ends.filter(|seeds| seeds.first <= seeds.last)
        .ok_or_else(|| format!("{text:?}: expected a range of seeds such as 1..100"))
}

impl RunArgs {
    fn scenario(&self, seed: u64) -> Scenario {
        let attacks = self.byzantine.unwrap_or_default();
        let engines = self.group_engines.iter().copied().collect();
        let scenario = Scenario::of(seed, self.nodes).with(self.engine).sharded(self.shards);
        let members = self.group_nodes.iter().cloned().collect();
        let scenario = Scenario { engines, members, root: self.root, ..scenario };
        scenario.signed(self.signatures).under(attacks)
    }

    fn threads(&self) -> usize {
        let available = std::thread::available_parallelism().map_or(1, NonZero::get);
        self.threads.clamp(1, available)
    }

    fn seeds(&self) -> Seeds {
        let seed = self.seed.unwrap_or(FIRST_SEED);
        self.seeds.unwrap_or(Seeds { first: seed, last: seed })
    }
}

/// Runs the seeds; says each run's summary as it ends, and all together at the end. Of fresh seeds only those that are
/// not as they should be are said.
///
/// # Errors
/// Exit code 1 if a promise did not hold, or a run does not count; of a scenario, the one of its verdict.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let Command::Run(args) = &args.command;
    if let Some(file) = &args.file {
        return play(file, args.seed, context);
    }
    let started = Instant::now();
    let mut total = Total::default();
    let mut reports = Vec::new();
    let failed = AtomicBool::new(false);
    let mut each = |report: Report| {
        total.add(&report);
        let bad = report.violation.is_some() || !report.counts;
        failed.fetch_or(bad, Ordering::Relaxed);
        if bad || args.time.is_none() {
            if !context.output.is_json() {
                context.output.text(&report.to_string());
            }
            reports.push(report);
        }
    };
    match args.time {
        Some(time) => {
            let goes_on = || started.elapsed() < time && !failed.load(Ordering::Relaxed);
            let fresh = || goes_on().then(|| args.scenario(u64::from(rand::random::<u32>())));
            run_all(std::iter::from_fn(fresh), args.threads(), &mut each)
        }
        None => {
            let Seeds { first, last } = args.seeds();
            run_all((first..=last).map(|seed| args.scenario(seed)), args.threads(), &mut each)
        }
    }
    .map_err(|error| CliError::Usage(error.to_string()))?;
    reports.sort_by_key(|report| report.seed);
    total.took(started.elapsed());
    say(&total, &reports, context);
    if total.is_good() { Ok(()) } else { Err(CliError::Exit(1)) }
}

/// Runs a scenario.
fn play(file: &Path, seed: Option<u64>, context: &Context) -> Result<(), CliError> {
    let scenario = scenario::open(file, seed)?;
    scenario::announce(&scenario, context.output);
    let verdict = simulate(&scenario).map_err(|error| CliError::Usage(error.to_string()))?;
    if !context.output.is_json() {
        verdict.timeline.iter().for_each(|note| context.output.text(&note.to_string()));
    }
    scenario::conclude(&verdict, context.output)
}

/// What is printed as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    total: &'a Total,
    seeds_per_hour: u64,
    reports: &'a [Report],
}

fn say(total: &Total, reports: &[Report], context: &Context) {
    let document = Document { total, seeds_per_hour: total.seeds_per_hour(), reports };
    let shade = if total.is_good() { Shade::Green } else { Shade::Red };
    context.output.result(&document, || context.output.shade(shade, total.to_string()));
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
    fn the_command_that_replays_a_run_is_read_as_that_run() {
        use clap::{Args as _, FromArgMatches as _};
        let command = "witan sim run -n 7 --engine pbft --shards 3 --group-engines 2=hotstuff,3=raft --root \
             --group-nodes 1=n0+n1,3=n2+n6 --seed 9";
        let words = command.split(' ').skip(2);
        let matches = RunArgs::augment_args(clap::Command::new("run")).get_matches_from(words);
        let args = RunArgs::from_arg_matches(&matches).unwrap();
        assert_eq!(args.scenario(args.seed.unwrap()).to_string(), command);
    }

    #[test]
    fn only_sizes_that_can_run_are_taken() {
        assert!(parse_nodes("0").is_err() && parse_nodes("41").is_err() && parse_nodes("x").is_err());
        assert_eq!(parse_nodes("7"), Ok(7));
    }

    #[test]
    fn times_have_a_unit_and_attackers_a_name() {
        assert_eq!(parse_time("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_time("10m"), Ok(Duration::from_secs(600)));
        for wrong in ["", "10", "0s", "-1s", "m", "1d"] {
            assert!(parse_time(wrong).unwrap_err().contains("10m"), "{wrong}");
        }
        assert_eq!(parse_attacks("drawn"), Ok(Attacks::Drawn));
        assert!(parse_attacks("nonsense").unwrap_err().contains("twin"));
        assert!(parse_signatures("none").unwrap_err().contains("stand-in"));
    }
}
