//! `witan import`: loads a file of keys and values as signed transactions, in bulk.

mod groups;
mod journal;
mod pipeline;
mod pool;
mod records;

use crate::commands::remote::failed;
use crate::commands::tx::signer;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Output;
use groups::Groups;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use journal::{Binding, Journal};
use pipeline::{Counts, Import, Listener, Signing};
use pool::Pool;
use records::{Format, Records};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::Instant;
use witan_ledger::{first_owner, slot_of};
use witan_types::{Account, Hash, Key};

const EXAMPLE: &str = "\
Example:
  witan import packages.jsonl

Each line is {\"key\": \"...\", \"value\": \"...\"}; a value that is no text is stored as its JSON. A CSV file has two
columns. What was done stands in FILE.witan-import: the same command again goes on where it stopped.";

/// The longest that a transaction of an import is good for, in milliseconds.
const LIFETIME_MS: u64 = 60_000;
/// Rejected records that are told one by one; the others are only counted.
const REJECTIONS_SHOWN: u64 = 20;
/// Bytes of a file read at once.
const BUFFER: usize = 1024 * 1024;

/// Load keys and values from a file.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The file, JSON lines or CSV
    file: PathBuf,
    /// How it is written; by default CSV if its name ends in .csv, else JSON lines
    #[arg(long)]
    format: Option<Format>,
    /// Who signs: the index of a development account, or a key file
    #[arg(long, default_value = "0", value_name = "KEY")]
    from: String,
    /// Keys and values are hex
    #[arg(long)]
    hex: bool,
    /// Forget what earlier runs did, and write everything again
    #[arg(long)]
    again: bool,
}

/// Loads the file.
///
/// # Errors
/// If not every record could be loaded or rejected.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let key = signer::find(&args.from, context)?;
    let signer = Account(key.public());
    let mut pool = Pool::find(context)?;
    let genesis = pool.genesis().await.map_err(failed)?;
    let csv = args.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let format = args.format.unwrap_or(if csv { Format::Csv } else { Format::Jsonl });

    let of_file = |error: io::Error| CliError::failed(format!("{}: {error}", args.file.display()));
    let (digest, lines) = survey(&args.file).map_err(of_file)?;
    let binding = Binding {
        chain: genesis.chain.to_string(),
        file: format!("{digest} {format:?} hex={}", args.hex).to_lowercase(),
        signer: signer.to_string(),
    };
    let path = Journal::path_for(&args.file);
    let of_journal = |error: io::Error| CliError::failed(format!("{}: {error}", path.display()));
    let opened = Journal::open(path.clone(), &binding, args.again).map_err(of_journal)?;
    if opened.replaced {
        context
            .output
            .note("the journal beside the file was of another network, signer or content: starting anew");
    }

    let mut screen = Screen::new(context, lines);
    let input = BufReader::with_capacity(BUFFER, File::open(&args.file).map_err(of_file)?);
    let mut records = Records::new(input, format, args.hex, signer);
    let lifetime_ms = LIFETIME_MS.min(genesis.genesis.parameters.max_tx_lifetime_ms / 2);
    let signing = Signing { chain: genesis.chain, key, lifetime_ms, salt: rand::random };
    let network = genesis.genesis.clone();
    let home = move |key: &[u8]| first_owner(&network, slot_of(&Key(key.to_vec())));
    let groups = Groups::new(move || records.next_line(), Box::new(home));
    let started = Instant::now();
    let import = Import::new(groups, opened.journal, opened.progress, signing, &mut screen);
    let outcome = import.run(&mut pool).await;
    screen.finish();
    let counts = outcome.map_err(CliError::failed)?;
    report(&counts, started.elapsed().as_secs_f64(), context);
    Ok(())
}

/// A file's SHA-256 and its number of lines.
fn survey(path: &Path) -> io::Result<(Hash, u64)> {
    let mut input = BufReader::with_capacity(BUFFER, File::open(path)?);
    let (mut digest, mut lines) = (Sha256::new(), 0);
    loop {
        let part = input.fill_buf()?;
        if part.is_empty() {
            return Ok((Hash(digest.finalize().into()), lines));
        }
        digest.update(part);
        lines += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = part.len();
        input.consume(length);
    }
}

fn report(counts: &Counts, seconds: f64, context: &Context) {
    let rejected: u64 = counts.rejected.values().sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (counts.loaded - counts.loaded_before) as f64 / seconds.max(0.001);
    let document = json!({
        "read": counts.read,
        "loaded": counts.loaded,
        "loadedBefore": counts.loaded_before,
        "rejected": rejected,
        "rejectedByReason": counts.rejected,
        "transactions": counts.transactions,
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "recordsPerSecond": rate.round(),
    });
    context.output.result(&document, || {
        let mut text = format!(
            "read      {}\nloaded    {}  (every transaction committed; {} of the records by an earlier run)\nrejected  {rejected}",
            counts.read, counts.loaded, counts.loaded_before
        );
        for (reason, count) in &counts.rejected {
            text += &format!("\n  {reason}  {count}");
        }
        text += &format!(
            "\n{} transactions in {seconds:.1} s, {rate:.0} records a second",
            counts.transactions
        );
        text
    });
}

/// The progress bar, and remarks above it.
struct Screen {
    output: Output,
    bar: ProgressBar,
    told: u64,
    trouble: Option<String>,
}

impl Screen {
    fn new(context: &Context, records: u64) -> Screen {
        let shown = context.output.stderr_is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(records), target);
        let style =
            "{elapsed_precise} [{bar:40}] {human_pos}/{human_len} records  {per_sec}  {eta} left {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Screen { output: context.output, bar, told: 0, trouble: None }
    }

    /// A line on stderr, above the bar if there is one.
    fn say(&self, text: &str) {
        if self.bar.is_hidden() {
            self.output.note(text);
        } else {
            self.bar.println(text);
        }
    }

    fn finish(&self) {
        if self.told > REJECTIONS_SHOWN {
            self.say(&format!("and {} more records were rejected", self.told - REJECTIONS_SHOWN));
        }
        self.bar.finish_and_clear();
    }
}

impl Listener for Screen {
    fn progress(&mut self, counts: &Counts) {
        let finished = counts.loaded + counts.rejected.values().sum::<u64>();
        self.bar.set_position(finished);
        if self.trouble.take().is_some() {
            self.bar.set_message("");
        }
    }

    fn rejected(&mut self, line: u64, reason: &str, detail: &str) {
        self.told += 1;
        if self.told <= REJECTIONS_SHOWN {
            self.say(&format!("line {line} rejected: {reason}: {detail}"));
        }
    }

    fn trouble(&mut self, what: &str) {
        if self.trouble.as_deref() != Some(what) {
            self.say(&format!("no answer, trying again: {what}"));
            self.trouble = Some(what.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survey_tells_files_apart_and_counts_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        std::fs::write(&path, "a\nb\nc").unwrap();
        let (first, lines) = survey(&path).unwrap();
        assert_eq!((first, lines), (witan_types::sha256(&[b"a\nb\nc"]), 2));
        std::fs::write(&path, "a\nb\nd").unwrap();
        assert_ne!(survey(&path).unwrap().0, first);
    }
}
