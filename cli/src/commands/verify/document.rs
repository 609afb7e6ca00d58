//! What a document proves. Nothing it shows is believed: each field that a reader sees is compared with what the
//! proved bytes say.

use serde_json::{Map, Value};
use witan_light::{Entry, PortableStateProof, Value as StoredValue, VerifiedEntry, Verifier};
use witan_testnet::rpc::{
    BlockTransactions, BlockView, Encoded as _, Encoding, PROOF_FORMAT, ProofView, ReadPoint, SealView,
    StateValue, ValueView,
};
use witan_types::{Batch, Epoch, GroupId, Header, Height, Payload, Seal, SealedHeader, Wire as _};

/// What was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proved {
    /// `state`, `block` or `seal`.
    pub(super) kind: &'static str,
    pub(super) group: GroupId,
    pub(super) height: Height,
    /// In one sentence or two.
    pub(super) statement: String,
}

/// Judges a document.
///
/// # Errors
/// Why it proves nothing.
pub(super) fn verify(text: &str, verifier: &Verifier) -> Result<Proved, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| format!("no JSON document: {error}"))?;
    let Value::Object(document) = json else {
        return Err("expected a JSON object".into());
    };
    // What a JSON-RPC answer carries may be given with its envelope.
    let document = match document.get("result") {
        Some(Value::Object(result)) if document.contains_key("jsonrpc") => result.clone(),
        _ => document,
    };
    if document.contains_key("proof") {
        verify_state(&document, verifier)
    } else if document.contains_key("seal") {
        verify_block(&document, verifier)
    } else if document.contains_key("encoded") {
        verify_seal(&document, verifier)
    } else {
        Err("it holds no proof: print it with `witan state get KEY --prove --json`, `witan chain block --prove \
             --json` or `witan chain seal --json`"
            .into())
    }
}

fn verify_state(document: &Map<String, Value>, verifier: &Verifier) -> Result<Proved, String> {
    let proof = document.get("proof").cloned().unwrap_or_default();
    let proof: ProofView = serde_json::from_value(proof).map_err(|error| format!("proof: {error}"))?;
    if proof.format != PROOF_FORMAT {
        return Err(format!("proof.format is {:?}; this release reads {PROOF_FORMAT:?}", proof.format));
    }
    let portable =
        PortableStateProof::decode(&proof.bytes).map_err(|error| format!("proof.bytes: {error}"))?;
    let entry = verifier.verify_state(&portable).map_err(|error| error.to_string())?;
    let (group, height) = (entry.group, entry.height);
    let statement = describe_entry(&entry);
    compare(document, &state_as_shown(entry, document)?, &["proof", "encoding"])?;
    Ok(Proved { kind: "state", group, height, statement })
}

fn describe_entry(entry: &VerifiedEntry) -> String {
    let VerifiedEntry { group, height, block_id, time_ms, .. } = entry;
    let key = String::from_utf8_lossy(&entry.key.0);
    let held = match entry.entry.as_ref().map(|Entry { value, version }| (value, version.0)) {
        None => "held no value".to_owned(),
        Some((StoredValue::Bytes(bytes), version)) => {
            format!("held the {} bytes shown, at version {version}", bytes.len())
        }
        Some((StoredValue::List(items), version)) => {
            format!("held a list of the {} items shown, at version {version}", items.len())
        }
        Some((StoredValue::Counter(count), version)) => {
            format!("held the count {count}, at version {version}")
        }
        Some((StoredValue::Balance(balance), version)) => {
            format!("held the balance {balance}, at version {version}")
        }
        Some((StoredValue::Record(bytes), version)) => {
            format!(
                "held a record of {} bytes of dealings with other groups, at version {version}",
                bytes.len()
            )
        }
    };
    format!(
        "after block {height} of group {group} ({block_id}, block time {time_ms} ms), whose outcome a quorum of the \
         genesis validators signed, key {key:?} {held}. It says nothing about later blocks."
    )
}

/// The document that this entry would be shown as.
fn state_as_shown(entry: VerifiedEntry, document: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let encoding = document.get("encoding").cloned().unwrap_or_else(|| Encoding::Hex.name().into());
    let encoding: Encoding =
        serde_json::from_value(encoding).map_err(|error| format!("encoding: {error}"))?;
    let version = entry.entry.as_ref().map_or(0, |entry| entry.version.0);
    let value = entry.entry.map(|Entry { value, .. }| match value {
        StoredValue::Bytes(bytes) | StoredValue::Record(bytes) => ValueView::Bytes(bytes.into()),
        StoredValue::List(items) => ValueView::List(items.into_iter().map(Into::into).collect()),
        StoredValue::Counter(count) => ValueView::Counter(count),
        StoredValue::Balance(balance) => ValueView::Balance(balance),
    });
    let at = ReadPoint { group: entry.group, height: entry.height, block_id: entry.block_id };
    let mut shown = StateValue { key: entry.key.0.into(), value, version, at, proof: None };
    shown
        .write_as(encoding)
        .map_err(|error| format!("the proved bytes are no {}: {error}", encoding.name()))?;
    object(&shown)
}

fn verify_seal(document: &Map<String, Value>, verifier: &Verifier) -> Result<Proved, String> {
    let seal = read_seal(document)?;
    verifier.verify_seal(&seal).map_err(|error| error.to_string())?;
    compare(document, &object(&SealView::from(&seal))?, &[])?;
    let outcome = &seal.outcome;
    let statement = format!(
        "block {} of group {} ({}) is final, and its execution led to the state root {}: {} of the genesis \
         validators, a quorum, signed that.",
        outcome.height,
        outcome.group,
        outcome.block_id,
        outcome.state_root,
        seal.signatures.signers.count()
    );
    Ok(Proved { kind: "seal", group: outcome.group, height: outcome.height, statement })
}

fn read_seal(document: &Map<String, Value>) -> Result<Seal, String> {
    let encoded = document.get("encoded").and_then(Value::as_str).ok_or("encoded: expected 0x hex")?;
    let bytes = Encoding::Hex.read(encoded).map_err(|error| format!("encoded: {error}"))?;
    Seal::decode(&bytes).map_err(|error| format!("encoded: {error}"))
}

fn verify_block(document: &Map<String, Value>, verifier: &Verifier) -> Result<Proved, String> {
    let Some(Value::Object(seal_document)) = document.get("seal") else {
        return Err("seal: expected an object".into());
    };
    verify_seal(seal_document, verifier)?;
    let seal = read_seal(seal_document)?;
    let mut block = document.clone();
    block.remove("seal");
    block.remove("encoding");
    let block: BlockView =
        serde_json::from_value(Value::Object(block)).map_err(|error| format!("block: {error}"))?;
    let sealed = SealedHeader { header: header_of(&block, verifier), seal };
    verifier.verify_header(&sealed).map_err(|error| error.to_string())?;

    let outcome = &sealed.seal.outcome;
    let shown = (block.block_id, block.state_root.as_ref(), block.receipts_root.as_ref());
    if shown != (outcome.block_id, Some(&outcome.state_root), Some(&outcome.receipts_root)) || !block.sealed {
        return Err("blockId, stateRoot, receiptsRoot or sealed differ from the seal".into());
    }
    verify_transactions(&block)?;
    let statement = format!(
        "block {} of group {} ({}, block time {} ms) with exactly the {} transactions shown is final: {} of the \
         genesis validators, a quorum, signed its outcome, the state root {}.",
        block.height,
        block.group,
        block.block_id,
        block.time_ms,
        block.tx_count,
        sealed.seal.signatures.signers.count(),
        outcome.state_root
    );
    Ok(Proved { kind: "block", group: block.group, height: block.height, statement })
}

/// The header that a shown block has; its id proves or refutes each field.
fn header_of(block: &BlockView, verifier: &Verifier) -> Header {
    Header {
        chain: verifier.chain(),
        group: block.group,
        epoch: Epoch(block.epoch.0),
        height: block.height,
        tag: block.tag,
        parent: block.parent,
        proposer: block.proposer,
        time_ms: block.time_ms,
        payload_root: block.payload_root,
    }
}

/// Whether the transactions shown are all of the block's, in order.
fn verify_transactions(block: &BlockView) -> Result<(), String> {
    let transactions: Vec<_> = match &block.txs {
        Some(BlockTransactions::Full(full)) => full.iter().map(|full| full.transaction.clone()).collect(),
        // An empty list reads as either kind.
        Some(BlockTransactions::Ids(ids)) if ids.is_empty() => Vec::new(),
        Some(BlockTransactions::Ids(_)) | None => {
            return Err(
                "its transactions are not shown in full: print it with `witan chain block --prove --json`"
                    .into(),
            );
        }
    };
    if transactions.len() != block.tx_count {
        return Err(format!(
            "{} transactions are shown, and txCount is {}",
            transactions.len(),
            block.tx_count
        ));
    }
    let empty = transactions.is_empty() && Payload::default().root() == block.payload_root;
    let payload = Payload { batches: vec![Batch::Inline(transactions)], envelopes: Vec::new() };
    if empty || payload.root() == block.payload_root {
        return Ok(());
    }
    Err("the transactions shown do not make up the block's payload".into())
}

/// Every field of `shown` but the `apart` ones must say what the proved bytes say.
fn compare(shown: &Map<String, Value>, proved: &Map<String, Value>, apart: &[&str]) -> Result<(), String> {
    for (name, value) in shown.iter().filter(|(name, _)| !apart.contains(&name.as_str())) {
        match proved.get(name) {
            Some(expected) if expected == value => {}
            Some(expected) => {
                return Err(format!(
                    "{name} is {} in the document, and {} is proved",
                    cut(value),
                    cut(expected)
                ));
            }
            None => return Err(format!("the document shows {name}, which the proof does not cover")),
        }
    }
    Ok(())
}

/// A value's start, for an error to show.
fn cut(value: &Value) -> String {
    const SHOWN: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn object<T: serde::Serialize>(value: &T) -> Result<Map<String, Value>, String> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("expected an object".into()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
