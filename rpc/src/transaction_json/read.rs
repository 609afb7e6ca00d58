//! From JSON to a transaction.

use super::TransactionJsonError;
use super::change::read_change;
use crate::encoding::{Encoding, read_hex};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::str::FromStr;
use witan_types::transaction::{MAX_CHECKS, MAX_OPS};
use witan_types::{Check, Key, Op, Signature, SignedTransaction, Transaction};

pub(super) type Result<T> = std::result::Result<T, TransactionJsonError>;

/// The fields of a transaction, without its signature.
const UNSIGNED: [&str; 6] = ["chain", "signer", "salt", "expiresAtMs", "checks", "ops"];
/// The most characters of a wrong value that an error repeats.
const SHOWN: usize = 60;

/// Reads the JSON form of a signed transaction. `path` is the parameter's name, for errors.
///
/// # Errors
/// The first part that is not as it should be. Limits on lengths are [`Transaction::check_form`]'s to judge.
pub fn signed_from_json(
    json: &Map<String, Value>,
    path: &str,
    encoding: Encoding,
) -> Result<SignedTransaction> {
    let object = Object { json, path: path.to_owned(), encoding };
    let [chain, signer, salt, expires, checks, ops] = UNSIGNED;
    object.only(&[chain, signer, salt, expires, checks, ops, "signature"])?;
    let transaction = read_transaction(&object)?;
    let expected = "0x and the 128 hex digits of an ed25519 signature";
    let bytes = read_hex(object.text("signature", expected)?).ok();
    let signature = bytes.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    let signature = signature.ok_or_else(|| object.wrong("signature", expected))?;
    Ok(SignedTransaction { transaction, signature: Signature(signature) })
}

/// Reads the JSON form of a transaction without a signature. `path` is the parameter's name, for errors.
///
/// # Errors
/// As [`signed_from_json`].
pub fn unsigned_from_json(json: &Map<String, Value>, path: &str, encoding: Encoding) -> Result<Transaction> {
    let object = Object { json, path: path.to_owned(), encoding };
    object.only(&UNSIGNED)?;
    read_transaction(&object)
}

fn read_transaction(object: &Object<'_>) -> Result<Transaction> {
    Ok(Transaction {
        chain: object.parsed("chain", "the chain's id, 0x and 64 hex digits")?,
        signer: object.parsed("signer", "an account, witan1...")?,
        salt: object.number("salt", "a number below 2^64 as a decimal string")?,
        expires_at_ms: object.milliseconds("expiresAtMs")?,
        checks: object.list("checks", MAX_CHECKS, read_check)?,
        ops: object.list("ops", MAX_OPS, read_op)?,
    })
}

fn read_check(object: &Object<'_>) -> Result<Check> {
    let kinds = "\"absent\", \"exists\", \"value\", \"version\" or \"balance\"";
    match object.text("check", kinds)? {
        "absent" => object.only(&["check", "key"]).and_then(|()| Ok(Check::Absent { key: object.key()? })),
        "exists" => object.only(&["check", "key"]).and_then(|()| Ok(Check::Exists { key: object.key()? })),
        "value" => {
            object.only(&["check", "key", "value"])?;
            Ok(Check::Value { key: object.key()?, value: object.bytes("value")? })
        }
        "version" => {
            object.only(&["check", "key", "version"])?;
            let version = object.number("version", "a version as a decimal string")?;
            Ok(Check::Version { key: object.key()?, version })
        }
        "balance" => {
            object.only(&["check", "account", "atLeast"])?;
            let account = object.parsed("account", "an account, witan1...")?;
            Ok(Check::Balance {
                account,
                at_least: object.number("atLeast", "an amount as a decimal string")?,
            })
        }
        _ => Err(object.wrong("check", kinds)),
    }
}

fn read_op(object: &Object<'_>) -> Result<Op> {
    let kinds = "\"put\", \"delete\", \"append\", \"add\", \"transfer\", \"get\" or \"approve\"";
    match object.text("op", kinds)? {
        "put" => {
            object.only(&["op", "key", "value"])?;
            Ok(Op::Put { key: object.key()?, value: object.bytes("value")? })
        }
        "append" => {
            object.only(&["op", "key", "value"])?;
            Ok(Op::Append { key: object.key()?, item: object.bytes("value")? })
        }
        "delete" => object.only(&["op", "key"]).and_then(|()| Ok(Op::Delete { key: object.key()? })),
        "get" => object.only(&["op", "key"]).and_then(|()| Ok(Op::Get { key: object.key()? })),
        "add" => {
            object.only(&["op", "key", "delta"])?;
            Ok(Op::Add {
                key: object.key()?,
                delta: object.number("delta", "a whole number as a decimal string")?,
            })
        }
        "transfer" => {
            object.only(&["op", "to", "amount"])?;
            let to = object.parsed("to", "an account, witan1...")?;
            Ok(Op::Transfer { to, amount: object.number("amount", "an amount as a decimal string")? })
        }
        "approve" => {
            object.only(&["op", "change"])?;
            Ok(Op::Approve { change: read_change(&object.object("change")?)? })
        }
        _ => Err(object.wrong("op", kinds)),
    }
}

/// A JSON object under its path.
pub(super) struct Object<'a> {
    json: &'a Map<String, Value>,
    pub(super) path: String,
    encoding: Encoding,
}

impl<'a> Object<'a> {
    pub(super) fn only(&self, fields: &[&str]) -> Result<()> {
        match self.json.keys().find(|field| !fields.contains(&field.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(TransactionJsonError {
                path: format!("{}.{}", self.path, shorten(unknown)),
                expected: format!("no such field; {} has {}", self.path, fields.join(", ")),
            }),
        }
    }

    pub(super) fn wrong(&self, field: &str, expected: &str) -> TransactionJsonError {
        let found = match self.json.get(field) {
            None => "nothing".to_owned(),
            Some(Value::Array(_)) => "an array".to_owned(),
            Some(Value::Object(_)) => "an object".to_owned(),
            Some(value) => shorten(&value.to_string()),
        };
        let expected = format!("{expected}, got {found}");
        TransactionJsonError { path: format!("{}.{field}", self.path), expected }
    }

    fn text(&self, field: &str, expected: &str) -> Result<&'a str> {
        self.json.get(field).and_then(Value::as_str).ok_or_else(|| self.wrong(field, expected))
    }

    fn parsed<T: FromStr<Err: Display>>(&self, field: &str, expected: &str) -> Result<T> {
        self.text(field, expected)?.parse().map_err(|_| self.wrong(field, expected))
    }

    /// A whole number as a decimal string; a JSON number too, where it is whole.
    pub(super) fn number<T: FromStr>(&self, field: &str, expected: &str) -> Result<T> {
        let digits = match self.json.get(field) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err(self.wrong(field, expected)),
        };
        // `parse` takes a leading plus; the format has one way to write a number.
        let plain = !digits.starts_with('+');
        digits.parse().ok().filter(|_| plain).ok_or_else(|| self.wrong(field, expected))
    }

    fn milliseconds(&self, field: &str) -> Result<u64> {
        let expected = "Unix milliseconds, a number";
        self.json.get(field).and_then(Value::as_u64).ok_or_else(|| self.wrong(field, expected))
    }

    fn bytes(&self, field: &str) -> Result<Vec<u8>> {
        let expected = match self.encoding {
            Encoding::Hex => "0x hex (or set `encoding`)",
            Encoding::Utf8 => "text",
            Encoding::Base64 => "base64",
        };
        self.encoding.read(self.text(field, expected)?).map_err(|_| self.wrong(field, expected))
    }

    fn key(&self) -> Result<Key> {
        self.bytes("key").map(Key)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.json.contains_key(field)
    }

    /// The object in a field.
    pub(super) fn object(&self, field: &str) -> Result<Object<'a>> {
        let json = self.json.get(field).and_then(Value::as_object);
        let json = json.ok_or_else(|| self.wrong(field, "an object"))?;
        Ok(Object { json, path: format!("{}.{field}", self.path), encoding: self.encoding })
    }

    /// The array in a field.
    pub(super) fn array(&self, field: &str, limit: usize) -> Result<&'a [Value]> {
        let items = self.json.get(field).and_then(Value::as_array).filter(|items| items.len() <= limit);
        items.map(Vec::as_slice).ok_or_else(|| self.wrong(field, &format!("an array of at most {limit}")))
    }

    /// The list in a field, empty if the field is absent.
    fn list<T>(&self, field: &str, limit: usize, read: fn(&Object<'_>) -> Result<T>) -> Result<Vec<T>> {
        let items = match self.json.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() <= limit => items,
            Some(_) => return Err(self.wrong(field, &format!("an array of at most {limit}"))),
        };
        let read_item = |(place, item): (usize, &Value)| {
            let path = format!("{}.{field}[{place}]", self.path);
            match item {
                Value::Object(json) => read(&Object { json, path, encoding: self.encoding }),
                _ => Err(TransactionJsonError { path, expected: "an object".into() }),
            }
        };
        items.iter().enumerate().map(read_item).collect()
    }
}

/// The start of a text, for an error to repeat.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
