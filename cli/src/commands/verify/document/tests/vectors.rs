//! The files follow from their genesis and these entries. After a wanted change of a format `WITAN_WRITE_VECTORS=1` writes
//! them anew.

use super::*;
use witan_ledger::{Entry, PortableStateProof, SLOTS, Tree, Value as Held, Version};
use witan_types::{SealedHeader, Wire as _};

/// What the state of height 1 holds, and what a document shows of each key: its name, the file, type and value.
fn entries() -> Vec<(&'static str, Option<Entry>, &'static str, Value, Value)> {
    let entry = |value, index| Some(Entry { value, version: Version::new(1, 1, index) });
    let items = vec![b"a".to_vec(), b"b".to_vec()];
    vec![
        ("grün", entry(Held::Bytes(b"blue".to_vec()), 0), "bytes", json!("bytes"), json!("blue")),
        ("list", entry(Held::List(items), 1), "list", json!("list"), json!(["a", "b"])),
        ("count", entry(Held::Counter(-7), 2), "counter", json!("counter"), json!("-7")),
        ("nothing", None, "absent", Value::Null, Value::Null),
    ]
}

#[test]
fn the_vectors_follow_from_their_genesis_and_entries() {
    let base = genesis().base_header(GroupId(1));
    let header = Header { height: 1, tag: 1, parent: base.id(), time_ms: base.time_ms + 1_000, ..base };
    let hashes: Vec<_> = entries()
        .iter()
        .filter_map(|(key, entry, ..)| Some((Key::from(*key), entry.as_ref()?.hash())))
        .collect();
    let tree = Tree::new(0..SLOTS, 1).update(hashes.iter().map(|(key, hash)| (key, Some(*hash))));
    let outcome = Outcome { state_root: tree.root(), ..outcome_of(&header) };
    let share = |place| SealShare::sign(outcome.clone(), ValidatorIndex(place), &secret(place));
    let parts = [0, 1, 2].map(share).map(|share| (share.validator, share.signature));
    let seal = Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(parts) };
    for (key, entry, file, kind, value) in entries() {
        let version = entry.as_ref().map_or(0, |entry| entry.version.0).to_string();
        let proof = tree.prove(&Key::from(key));
        let sealed = SealedHeader { header: header.clone(), seal: seal.clone() };
        let portable = PortableStateProof { header: sealed, key: Key::from(key), entry, proof };
        let document = json!({
            "blockId": header.id().to_string(), "encoding": "utf8", "group": 1, "height": 1, "key": key,
            "proof": serde_json::to_value(ProofView::new(portable.encode())).unwrap(),
            "type": kind, "value": value, "version": version,
        });
        check(file, &document);
    }
}

/// Whether a file holds this document, or writes it anew.
pub(super) fn check<T: serde::Serialize>(file: &str, document: &T) {
    let text = format!("{}\n", serde_json::to_string_pretty(document).unwrap());
    let path = format!("{}/src/commands/verify/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("WITAN_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{file}");
}
