//! Who runs a group in an epoch, blocks without their payload, and checkpoints.

use super::{Proved, compare, decode, describe_block, object, proof_of, read};
use serde_json::{Map, Value};
use witan_ledger::{EpochLink, EpochRecord, PortableEpoch};
use witan_light::{Checkpoint, VerifiedBlock, VerifiedEpoch, Verifier};
use witan_node::epoch_view;
use witan_testnet::rpc::{EPOCH_PROOF_FORMAT, Encoding, EpochView, LightBlockView, ProofView, ReadPoint};
use witan_types::{ChainId, GroupId, Hash, SealedHeader, Wire as _};

/// A verifier that starts at the epoch of the root group that a document shows. The document is the trust itself: nothing in it
/// is proved, but that the record has the hash it names.
///
/// # Errors
/// If the document names no epoch of the root group, or shows another record than it names.
pub(in super::super) fn checkpoint(text: &str) -> Result<Verifier, String> {
    let document = read(text)?;
    let field =
        |name: &str| document.get(name).and_then(Value::as_str).ok_or(format!("{name}: expected text"));
    let chain: ChainId = field("chain")?.parse().map_err(|error| format!("chain: {error}"))?;
    let hash: Hash = field("hash")?.parse().map_err(|error| format!("hash: {error}"))?;
    let epoch = document.get("epoch").cloned().unwrap_or_default();
    let epoch = serde_json::from_value(epoch).map_err(|error| format!("epoch: {error}"))?;
    let record = read_bytes(field("record")?, "record")?;
    let record = EpochRecord::decode(&record).map_err(|error| format!("record: {error}"))?;
    let checkpoint = Checkpoint { chain, epoch, hash };
    Verifier::from_checkpoint(&checkpoint, &record).map_err(|error| error.to_string())
}

/// Has a verifier take in the epoch that a document proves.
///
/// # Errors
/// Why it proves none.
pub(in super::super) fn learn(text: &str, verifier: &mut Verifier) -> Result<(), String> {
    let document = read(text)?;
    let proof = proof_of(&document)?;
    if proof.format != EPOCH_PROOF_FORMAT {
        return Err(format!(
            "proof.format is {:?}; an epoch is proved by {EPOCH_PROOF_FORMAT:?}",
            proof.format
        ));
    }
    verify(&document, &proof, verifier).map(drop)
}

pub(super) fn verify(
    document: &Map<String, Value>,
    proof: &ProofView,
    verifier: &mut Verifier,
) -> Result<Proved, String> {
    let portable: PortableEpoch = decode(proof)?;
    let verified = verifier.learn_epoch(&portable).map_err(|error| error.to_string())?;
    compare(document, &object(&as_shown(&verified, verifier.chain()))?, &["proof"])?;
    let VerifiedEpoch { at, record } = &verified;
    let committee = record.committee();
    let until = record.closed.map_or("it was not over then".to_owned(), |(height, id)| {
        format!("it ended with block {height} ({id})")
    });
    let statement = format!(
        "epoch {} of group {} is run by the {} members shown under {}, of whom {} decide: that stands in the state after {}; \
         {until}.",
        record.epoch,
        record.group,
        committee.size(),
        record.engine.label(),
        committee.quorum(),
        describe_block(at)
    );
    Ok(Proved::about("epoch", at, statement))
}

/// The document that this epoch would be shown as.
fn as_shown(verified: &VerifiedEpoch, chain: ChainId) -> EpochView {
    let VerifiedEpoch { at, record } = verified;
    let at = ReadPoint { group: GroupId::ROOT, height: at.height, block_id: at.block_id };
    epoch_view(chain, record, at, None)
}

pub(super) fn verify_light(document: &Map<String, Value>, verifier: &mut Verifier) -> Result<Proved, String> {
    let encoded = document.get("encoded").and_then(Value::as_str).ok_or("encoded: expected 0x hex")?;
    let encoded = read_bytes(encoded, "encoded")?;
    let sealed = SealedHeader::decode(&encoded).map_err(|error| format!("encoded: {error}"))?;
    let steps: Vec<String> = serde_json::from_value(document.get("epochs").cloned().unwrap_or_default())
        .map_err(|error| format!("epochs: {error}"))?;
    for (place, step) in steps.iter().enumerate() {
        let name = format!("epochs[{place}]");
        let link =
            EpochLink::decode(&read_bytes(step, &name)?).map_err(|error| format!("{name}: {error}"))?;
        verifier.learn_root_epoch(&link).map_err(|error| format!("{name}: {error}"))?;
    }
    verifier.verify_header(&sealed).map_err(|error| error.to_string())?;
    compare(document, &object(&LightBlockView::new(&sealed, Vec::new()))?, &["epochs"])?;
    let (header, outcome) = (&sealed.header, &sealed.seal.outcome);
    let (group, epoch, height, time_ms) = (header.group, header.epoch, header.height, header.time_ms);
    let at = VerifiedBlock { group, epoch, height, block_id: outcome.block_id, time_ms };
    let steps = match steps.len() {
        0 => String::new(),
        count => format!(" {count} epochs of the root group lead there."),
    };
    let statement =
        format!("{} is final, and led to the state root {}.{steps}", describe_block(&at), outcome.state_root);
    Ok(Proved::about("light", &at, statement))
}

fn read_bytes(text: &str, name: &str) -> Result<Vec<u8>, String> {
    Encoding::Hex.read(text).map_err(|error| format!("{name}: {error}"))
}
