//! `witan verify`: checks what nodes say offline, by a genesis file or a checkpoint alone.

mod document;

use crate::context::Context;
use crate::error::CliError;
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use witan_light::Verifier;
use witan_node::home::read_genesis;
use witan_types::{EngineKind, FaultModel, GroupId};

const EXAMPLE: &str = "\
Example:
  witan state get greeting --prove --json > proof.json
  witan verify proof.json --genesis .witan/local/genesis.json
  witan tx status 0x... --prove --json | witan verify -
  witan chain epoch --group 0 --json > checkpoint.json           once, from a node that you believe
  witan chain epoch --group 1 --prove --json > epoch.json
  witan verify proof.json --checkpoint checkpoint.json --epoch epoch.json

Everything the document shows is compared with what is proved. From genesis it holds as long as no quorum of the keys of
any epoch so far ever leaked; from a checkpoint, as long as whoever named it told the truth.";

/// The most bytes a document may have: a block of the largest payload in hex, with what stands around it.
const MAX_DOCUMENT_BYTES: u64 = 32 * 1024 * 1024;

/// Check a proof, a block, a seal or an epoch offline; trusts no node.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// What state get, state slot, tx status, chain epoch or chain block printed with --prove --json, or chain light or chain
    /// seal with --json; - for stdin
    file: PathBuf,
    /// The genesis file of the network: all that is trusted; by default that of the local network
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Trust this epoch of the root group instead of genesis: what `chain epoch --group 0 --json` printed
    #[arg(long, value_name = "FILE", conflicts_with = "genesis")]
    checkpoint: Option<PathBuf>,
    /// An epoch to learn first, proved by what `chain epoch --prove --json` printed; may come more than once
    #[arg(long = "epoch", value_name = "FILE")]
    epochs: Vec<PathBuf>,
}

/// Checks and says what was proved.
///
/// # Errors
/// If the document proves nothing, with the reason.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let mut verifier = start(args, context)?;
    for path in &args.epochs {
        let text = read(path).map_err(|error| refuse(path, &error))?;
        document::learn(&text, &mut verifier).map_err(|error| refuse(path, &error))?;
    }
    let text = read(&args.file).map_err(|error| refuse(&args.file, &error))?;
    let proved = document::verify(&text, &mut verifier).map_err(|error| refuse(&args.file, &error))?;
    let chain = verifier.chain().to_string();
    let engine = verifier.engine(proved.group, proved.epoch);
    let rests_on = std::iter::once((proved.group, proved.epoch)).chain(proved.others.iter().copied());
    let caveats = rests_on.filter_map(|(group, epoch)| caveat(group, verifier.engine(group, epoch)?));
    let caveat: String = caveats.collect();
    let mut document = json!({
        "verified": true,
        "kind": proved.kind,
        "chain": chain,
        "from": if args.checkpoint.is_some() { "checkpoint" } else { "genesis" },
        "group": proved.group,
        "epoch": proved.epoch,
        "engine": engine,
        "faults": engine.map(EngineKind::faults),
        "height": proved.height,
        "statement": format!("{}{caveat}", proved.statement),
    });
    if let (Some(object), Some(transaction)) = (document.as_object_mut(), proved.transaction) {
        object.insert("transaction".into(), transaction);
    }
    context.output.result(&document, || format!("verified: {}{caveat} Chain {chain}.", proved.statement));
    Ok(())
}

/// A verifier that knows what the user trusts.
fn start(args: &Args, context: &Context) -> Result<Verifier, CliError> {
    if let Some(path) = &args.checkpoint {
        let text = read(path).map_err(|error| refuse(path, &error))?;
        return document::checkpoint(&text).map_err(|error| refuse(path, &error));
    }
    let genesis = match &args.genesis {
        Some(path) => read_genesis(path)?,
        None => read_genesis(&context.network()?.genesis_path())?,
    };
    Verifier::new(&genesis).map_err(|error| refuse(&args.file, &error))
}

fn refuse(file: &Path, why: &dyn std::fmt::Display) -> CliError {
    CliError::failed(format!("not verified: {}: {why}", file.display()))
}

/// What a proof rests on beside signatures, where that is more than their quorum.
fn caveat(group: GroupId, engine: EngineKind) -> Option<String> {
    let trusting = engine.faults() == FaultModel::Crash;
    trusting.then(|| {
        format!(" Group {group} runs {}: that is so unless one of its members lied.", engine.label())
    })
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let taken = if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_DOCUMENT_BYTES + 1).read_to_string(&mut text)?
    } else {
        std::fs::File::open(file)?.take(MAX_DOCUMENT_BYTES + 1).read_to_string(&mut text)?
    };
    if taken as u64 > MAX_DOCUMENT_BYTES {
        return Err(std::io::Error::other(format!("more than {MAX_DOCUMENT_BYTES} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
