//! All that a slot held.

use super::{Proved, compare, decode, describe_block, encoding_of, object, value_view};
use serde_json::{Map, Value};
use witan_ledger::{PortableSlotProof, SlotEntry};
use witan_light::{VerifiedSlot, Verifier};
use witan_testnet::rpc::{Encoded as _, ProofView, ReadPoint, ScanItem, SlotView};

pub(super) fn verify(
    document: &Map<String, Value>,
    proof: &ProofView,
    verifier: &Verifier,
) -> Result<Proved, String> {
    let portable: PortableSlotProof = decode(proof)?;
    let VerifiedSlot { at, slot, entries } =
        verifier.verify_slot(&portable).map_err(|error| error.to_string())?;
    let statement = format!(
        "after {}, slot {slot} held exactly the {} keys shown, and every other key of the slot was absent. It says nothing \
         about later blocks.",
        describe_block(&at),
        entries.len()
    );
    let encoding = encoding_of(document)?;
    let item = |SlotEntry { key, entry }: SlotEntry| ScanItem {
        key: key.0.into(),
        value: Some(value_view(entry.value)),
        version: entry.version.0,
    };
    let point = ReadPoint { group: at.group, height: at.height, block_id: at.block_id };
    let mut shown = SlotView { slot, items: entries.into_iter().map(item).collect(), at: point, proof: None };
    shown
        .write_as(encoding)
        .map_err(|error| format!("the proved bytes are no {}: {error}", encoding.name()))?;
    compare(document, &object(&shown)?, &["proof", "encoding"])?;
    Ok(Proved::about("slot", &at, statement))
}
