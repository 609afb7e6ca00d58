//! `witan verify`: checks a state proof, a block or a seal offline, by a genesis file alone.

mod document;

use crate::context::Context;
use crate::error::CliError;
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use witan_light::Verifier;
use witan_node::home::read_genesis;
use witan_types::{EngineKind, FaultModel};

const EXAMPLE: &str = "\
Example:
  witan state get greeting --prove --json > proof.json
  witan verify proof.json --genesis .witan/local/genesis.json";

/// The most bytes a document may have: a block of the largest payload in hex, with what stands around it.
const MAX_DOCUMENT_BYTES: u64 = 32 * 1024 * 1024;

/// Check a block, a seal or a state proof offline; trusts no node.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// What `state get --prove --json`, `chain block --prove --json` or `chain seal --json` printed; - for stdin
    file: PathBuf,
    /// The genesis file of the network: all that is trusted; by default that of the local network
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
}

/// Checks and says what was proved.
///
/// # Errors
/// If the document proves nothing, with the reason.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let genesis = match &args.genesis {
        Some(path) => read_genesis(path)?,
        None => read_genesis(&context.network()?.genesis_path())?,
    };
    let refuse = |why: String| CliError::failed(format!("not verified: {}: {why}", args.file.display()));
    let verifier = Verifier::new(&genesis).map_err(|error| refuse(error.to_string()))?;
    let text = read(&args.file).map_err(|error| refuse(error.to_string()))?;
    let proved = document::verify(&text, &verifier).map_err(refuse)?;
    let chain = verifier.chain().to_string();
    let engine = genesis.engine(proved.group);
    let caveat = engine.and_then(caveat).unwrap_or_default();
    let document = json!({
        "verified": true,
        "kind": proved.kind,
        "chain": chain,
        "group": proved.group,
        "engine": engine,
        "faults": engine.map(EngineKind::faults),
        "height": proved.height,
        "statement": format!("{}{caveat}", proved.statement),
    });
    context.output.result(&document, || format!("verified: {}{caveat} Chain {chain}.", proved.statement));
    Ok(())
}

/// What a proof rests on beside signatures, where that is more than their quorum.
fn caveat(engine: EngineKind) -> Option<String> {
    let trusting = engine.faults() == FaultModel::Crash;
    trusting
        .then(|| format!(" The group runs {}: that is so unless one of its members lied.", engine.label()))
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
