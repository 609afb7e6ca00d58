//! Known proofs, and forgeries with the reason why each is refused, for any other implementation to compare itself with.
//!
//! `light/vectors/<kind>.json` holds a genesis and cases: `proof` as hex, what it is said to be about, and in `refused` the
//! name of the [`LightError`], `MALFORMED` where the bytes are not even of the form, null where it is believed. After a wanted
//! change of a format, write the files anew and read the difference:
//!
//! ```sh
//! WITAN_WRITE_VECTORS=1 cargo test --release -p witan-light --test verify vectors
//! ```

mod epochs;
mod outcomes;
mod slots;

use super::*;
use serde_json::{Map, json};
use std::path::Path;

/// One proof, and what is to be thought of it.
#[derive(Clone)]
struct Case {
    name: &'static str,
    /// What else stands in the file: what the proof is said to be about.
    about: serde_json::Value,
    bytes: Vec<u8>,
    /// As stated here; that the verifier thinks so too is what is tested.
    refused: Option<&'static str>,
}

/// The answer to bytes that are of no form.
const MALFORMED: &str = "MALFORMED";

/// `WrongSlot(7)` -> `WRONG_SLOT`.
fn reason(error: &LightError) -> String {
    let shown = format!("{error:?}");
    let mut name = String::new();
    for (place, letter) in shown.chars().take_while(|letter| letter.is_ascii_alphanumeric()).enumerate() {
        if letter.is_ascii_uppercase() && place > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// What a verifier makes of bytes: nothing if it believes them.
fn verdict<T: Wire, V>(bytes: &[u8], judge: impl FnOnce(&T) -> Result<V, LightError>) -> Option<String> {
    match T::decode(bytes) {
        Err(_) => Some(MALFORMED.to_owned()),
        Ok(value) => judge(&value).err().map(|error| reason(&error)),
    }
}

/// Asserts that the cases are judged as they say and that the file holds them, or writes it anew; `more` stands in it beside them.
fn check(
    file: &str,
    more: Map<String, serde_json::Value>,
    cases: &[Case],
    judge: impl Fn(&Case) -> Option<String>,
) {
    for case in cases {
        assert_eq!(judge(case).as_deref(), case.refused, "{file}: {}", case.name);
    }
    let line = |Case { name, about, bytes, refused }: &Case| {
        let proof = format!("0x{}", hex::encode(bytes));
        let mut line = json!({"name": name, "proof": proof, "refused": refused});
        line.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
        line.to_string()
    };
    let lines: Vec<String> = cases.iter().map(line).collect();
    let mut text = format!("{{\n\"genesis\": {},\n", serde_json::to_value(genesis()).unwrap());
    for (name, value) in more {
        text += &format!("\"{name}\": {value},\n");
    }
    text += &format!("\"cases\": [\n{}\n]\n}}\n", lines.join(",\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vectors/{file}.json"));
    if std::env::var_os("WITAN_WRITE_VECTORS").is_some_and(|value| value == "1") {
        write(&path, &text);
    }
    let known = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; WITAN_WRITE_VECTORS=1 writes it", path.display()));
    assert!(known == text, "{file}.json holds other cases");
}

#[expect(clippy::disallowed_methods, reason = "only when somebody asks for new vectors")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// The bytes with one more, without the last, and with the number at `count` as large as it can be.
fn malformed(bytes: &[u8], count: usize) -> [(&'static str, Vec<u8>); 3] {
    let mut endless = bytes.to_vec();
    endless[count..count + 4].copy_from_slice(&[0xff; 4]);
    [
        ("with a byte too many", [bytes, &[0]].concat()),
        ("cut short", bytes[..bytes.len() - 1].to_vec()),
        ("with a count of what is not there", endless),
    ]
}
