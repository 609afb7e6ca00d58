//! What a document proves. Nothing it shows is believed: each field that a reader sees is compared with what the
//! proved bytes say.

mod block;
mod epoch;
mod outcome;
mod slot;
mod state;

pub(super) use epoch::{checkpoint, learn};

use serde_json::{Map, Value};
use witan_light::{Value as StoredValue, VerifiedBlock, Verifier};
use witan_testnet::rpc::{
    EPOCH_PROOF_FORMAT, Encoding, OUTCOME_PROOF_FORMAT, PROOF_FORMAT, ProofView, SLOT_PROOF_FORMAT, ValueView,
};
use witan_types::{Epoch, GroupId, Height, Wire};

/// What was proved.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proved {
    /// `state`, `slot`, `outcome`, `epoch`, `light`, `block` or `seal`.
    pub(super) kind: &'static str,
    pub(super) group: GroupId,
    pub(super) epoch: Epoch,
    pub(super) height: Height,
    /// In one sentence or two.
    pub(super) statement: String,
    /// The epochs of other groups that it rests on too.
    pub(super) others: Vec<(GroupId, Epoch)>,
    /// The proved transaction in its JSON form, if there is one.
    pub(super) transaction: Option<Value>,
}

impl Proved {
    /// A statement about one block's outcome.
    fn about(kind: &'static str, at: &VerifiedBlock, statement: String) -> Proved {
        let VerifiedBlock { group, epoch, height, .. } = *at;
        Proved { kind, group, epoch, height, statement, others: Vec::new(), transaction: None }
    }
}

/// Reads a document; what a JSON-RPC answer carries may be given with its envelope.
fn read(text: &str) -> Result<Map<String, Value>, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| format!("no JSON document: {error}"))?;
    let Value::Object(document) = json else {
        return Err("expected a JSON object".into());
    };
    Ok(match document.get("result") {
        Some(Value::Object(result)) if document.contains_key("jsonrpc") => result.clone(),
        _ => document,
    })
}

/// Judges a document, by what the verifier knows and the epochs that the document itself proves.
///
/// # Errors
/// Why it proves nothing.
pub(super) fn verify(text: &str, verifier: &mut Verifier) -> Result<Proved, String> {
    let document = read(text)?;
    if document.contains_key("proof") {
        let proof = proof_of(&document)?;
        match proof.format.as_str() {
            PROOF_FORMAT => state::verify(&document, &proof, verifier),
            SLOT_PROOF_FORMAT => slot::verify(&document, &proof, verifier),
            OUTCOME_PROOF_FORMAT => outcome::verify(&document, &proof, verifier),
            EPOCH_PROOF_FORMAT => epoch::verify(&document, &proof, verifier),
            other => Err(format!(
                "proof.format is {other:?}; this release reads {PROOF_FORMAT:?}, {SLOT_PROOF_FORMAT:?}, \
                 {OUTCOME_PROOF_FORMAT:?} and {EPOCH_PROOF_FORMAT:?}"
            )),
        }
    } else if document.contains_key("seal") {
        block::verify(&document, verifier)
    } else if document.contains_key("epochs") {
        epoch::verify_light(&document, verifier)
    } else if document.contains_key("encoded") {
        block::verify_seal(&document, verifier)
    } else {
        Err("it holds no proof: print it with --json and --prove, by `witan state get`, `witan state slot`, `witan tx status`, \
             `witan chain epoch` or `witan chain block`, or by `witan chain light` or `witan chain seal`"
            .into())
    }
}

fn proof_of(document: &Map<String, Value>) -> Result<ProofView, String> {
    let proof = document.get("proof").cloned().unwrap_or_default();
    serde_json::from_value(proof).map_err(|error| format!("proof: {error}"))
}

/// What the bytes of a proof say.
fn decode<T: Wire>(proof: &ProofView) -> Result<T, String> {
    T::decode(&proof.bytes).map_err(|error| format!("proof.bytes: {error}"))
}

/// How the document says its keys and values are written; hex if it says nothing.
fn encoding_of(document: &Map<String, Value>) -> Result<Encoding, String> {
    let encoding = document.get("encoding").cloned().unwrap_or_else(|| Encoding::Hex.name().into());
    serde_json::from_value(encoding).map_err(|error| format!("encoding: {error}"))
}

fn value_view(value: StoredValue) -> ValueView {
    match value {
        StoredValue::Bytes(bytes) | StoredValue::Record(bytes) => ValueView::Bytes(bytes.into()),
        StoredValue::List(items) => ValueView::List(items.into_iter().map(Into::into).collect()),
        StoredValue::Counter(count) => ValueView::Counter(count),
        StoredValue::Balance(balance) => ValueView::Balance(balance),
    }
}

/// The block that a statement rests on, in words.
fn describe_block(at: &VerifiedBlock) -> String {
    let VerifiedBlock { group, epoch, height, block_id, time_ms } = at;
    format!(
        "block {height} of group {group} ({block_id}, block time {time_ms} ms), whose outcome a quorum of the group's \
         validators of epoch {epoch} signed"
    )
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
