//! docs/rpc.md and the TypeScript client's document are made from the table of methods, and say what it says.
//!
//! `WITAN_WRITE_DOCS=1 cargo test --release -p witan-rpc --test reference` writes them anew.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod markdown;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use witan_rpc::openrpc;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether the file says this; written first if asked for.
fn is_up_to_date(path: &str, text: &str) -> bool {
    let path = repository().join(path);
    if std::env::var_os("WITAN_WRITE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_default() == text
}

#[test]
fn the_reference_says_what_the_table_says() {
    assert!(
        is_up_to_date("docs/rpc.md", &markdown::reference(&openrpc::document())),
        "see the first lines of this file"
    );
}

#[test]
fn the_typescript_client_is_made_from_this_document() {
    let text = serde_json::to_string_pretty(&openrpc::document()).unwrap() + "\n";
    assert!(is_up_to_date("clients/typescript/openrpc.json", &text), "see the first lines of this file");
}

#[test]
fn the_reference_names_what_each_answer_holds() {
    let text = markdown::reference(&openrpc::document());
    assert!(text.contains("### `state_get`"));
    assert!(text.contains("| `blockId` | BlockId | The block. |"), "an answer's fields, flattened ones too");
}

#[test]
fn a_schema_reads_as_a_few_words() {
    let words = |schema: Value| markdown::kind(&schema);
    assert_eq!(words(json!({"type": "integer", "minimum": 0})), "number");
    assert_eq!(words(json!({"enum": ["a", "b"]})), "`a`, `b`");
    assert_eq!(
        words(json!({"type": "array", "items": {"$ref": "#/components/schemas/TxId"}})),
        "list of TxId"
    );
    assert_eq!(words(json!({"anyOf": [{"type": "string"}, {"type": "null"}]})), "string or null");
}
