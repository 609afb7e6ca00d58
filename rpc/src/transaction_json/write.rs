//! From a transaction to JSON.

use super::change::write_change;
use crate::encoding::{Encoding, EncodingError, write_hex};
use serde_json::{Map, Value, json};
use witan_types::{Check, Op, SignedTransaction, Transaction};

/// The JSON form of a signed transaction: that of [`unsigned_to_json`], and `signature`.
///
/// # Errors
/// If a key or a value can't be written in the encoding.
pub fn signed_to_json(
    signed: &SignedTransaction,
    encoding: Encoding,
) -> Result<Map<String, Value>, EncodingError> {
    let mut json = unsigned_to_json(&signed.transaction, encoding)?;
    json.insert("signature".into(), write_hex(&signed.signature.0).into());
    Ok(json)
}

/// The JSON form of a transaction, keys and values in `encoding`.
///
/// # Errors
/// If a key or a value can't be written in the encoding.
pub fn unsigned_to_json(
    transaction: &Transaction,
    encoding: Encoding,
) -> Result<Map<String, Value>, EncodingError> {
    let checks: Vec<Value> =
        transaction.checks.iter().map(|check| write_check(check, encoding)).collect::<Result<_, _>>()?;
    let ops: Vec<Value> =
        transaction.ops.iter().map(|op| write_op(op, encoding)).collect::<Result<_, _>>()?;
    Ok(Map::from_iter([
        ("chain".to_owned(), transaction.chain.to_string().into()),
        ("signer".to_owned(), transaction.signer.to_string().into()),
        ("salt".to_owned(), transaction.salt.to_string().into()),
        ("expiresAtMs".to_owned(), transaction.expires_at_ms.into()),
        ("checks".to_owned(), checks.into()),
        ("ops".to_owned(), ops.into()),
    ]))
}

fn write_check(check: &Check, encoding: Encoding) -> Result<Value, EncodingError> {
    let write = |bytes: &[u8]| encoding.write(bytes);
    Ok(match check {
        Check::Absent { key } => json!({"check": "absent", "key": write(&key.0)?}),
        Check::Exists { key } => json!({"check": "exists", "key": write(&key.0)?}),
        Check::Value { key, value } => {
            json!({"check": "value", "key": write(&key.0)?, "value": write(value)?})
        }
        Check::Version { key, version } => {
            json!({"check": "version", "key": write(&key.0)?, "version": version.to_string()})
        }
        Check::Balance { account, at_least } => {
            json!({"check": "balance", "account": account.to_string(), "atLeast": at_least.to_string()})
        }
    })
}

fn write_op(op: &Op, encoding: Encoding) -> Result<Value, EncodingError> {
    let write = |bytes: &[u8]| encoding.write(bytes);
    Ok(match op {
        Op::Put { key, value } => json!({"op": "put", "key": write(&key.0)?, "value": write(value)?}),
        Op::Delete { key } => json!({"op": "delete", "key": write(&key.0)?}),
        Op::Append { key, item } => json!({"op": "append", "key": write(&key.0)?, "value": write(item)?}),
        Op::Add { key, delta } => json!({"op": "add", "key": write(&key.0)?, "delta": delta.to_string()}),
        Op::Transfer { to, amount } => {
            json!({"op": "transfer", "to": to.to_string(), "amount": amount.to_string()})
        }
        Op::Get { key } => json!({"op": "get", "key": write(&key.0)?}),
        Op::Approve { change } => json!({"op": "approve", "change": write_change(change)}),
    })
}
