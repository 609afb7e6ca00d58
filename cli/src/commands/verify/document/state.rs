//! What a key held.

use super::{Proved, compare, decode, describe_block, encoding_of, object, value_view};
use serde_json::{Map, Value};
use witan_light::{Entry, PortableStateProof, Value as StoredValue, VerifiedBlock, VerifiedEntry, Verifier};
use witan_testnet::rpc::{Encoded as _, ProofView, ReadPoint, StateValue};

pub(super) fn verify(
    document: &Map<String, Value>,
    proof: &ProofView,
    verifier: &Verifier,
) -> Result<Proved, String> {
    let portable: PortableStateProof = decode(proof)?;
    let entry = verifier.verify_state(&portable).map_err(|error| error.to_string())?;
    let at = block_of(&entry);
    let statement = describe_entry(&entry);
    compare(document, &state_as_shown(entry, document)?, &["proof", "encoding"])?;
    Ok(Proved::about("state", &at, statement))
}

fn block_of(entry: &VerifiedEntry) -> VerifiedBlock {
    let VerifiedEntry { group, epoch, height, block_id, time_ms, .. } = *entry;
    VerifiedBlock { group, epoch, height, block_id, time_ms }
}

fn describe_entry(entry: &VerifiedEntry) -> String {
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
    let block = describe_block(&block_of(entry));
    format!("after {block}, key {key:?} {held}. It says nothing about later blocks.")
}

/// The document that this entry would be shown as.
fn state_as_shown(entry: VerifiedEntry, document: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let encoding = encoding_of(document)?;
    let version = entry.entry.as_ref().map_or(0, |entry| entry.version.0);
    let value = entry.entry.map(|Entry { value, .. }| value_view(value));
    let at = ReadPoint { group: entry.group, height: entry.height, block_id: entry.block_id };
    let mut shown = StateValue { key: entry.key.0.into(), value, version, at, proof: None };
    shown
        .write_as(encoding)
        .map_err(|error| format!("the proved bytes are no {}: {error}", encoding.name()))?;
    object(&shown)
}
