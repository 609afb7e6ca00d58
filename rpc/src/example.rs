//! What the examples of the OpenRPC document speak of: one made-up transaction of one made-up account.

use crate::encoding::Encoding;
use crate::transaction_json::{signed_to_json, unsigned_to_json};
use serde_json::{Map, Value};
use witan_types::{Account, Check, Key, Op, SecretKey, Transaction, TxId};

/// The secret behind the account; no network gives it anything.
const SEED: [u8; 32] = [7; 32];

/// The account.
pub(crate) fn account() -> Account {
    Account(SecretKey::from_seed(SEED).public())
}

fn transaction() -> Transaction {
    let greeting = Key(b"greeting".to_vec());
    Transaction {
        chain: witan_types::ChainId::default(),
        signer: account(),
        salt: 7,
        expires_at_ms: 1_800_000_000_000,
        checks: vec![Check::Exists { key: greeting.clone() }],
        ops: vec![
            Op::Put { key: greeting, value: b"hello".to_vec() },
            Op::Add { key: Key(b"visits".to_vec()), delta: 1 },
        ],
    }
}

/// Its id.
pub(crate) fn tx_id() -> TxId {
    transaction().id()
}

/// Its JSON form in UTF-8, without a signature.
pub(crate) fn unsigned() -> Map<String, Value> {
    unsigned_to_json(&transaction(), Encoding::Utf8).unwrap_or_default()
}

/// Its JSON form in UTF-8, signed.
pub(crate) fn signed() -> Map<String, Value> {
    let signed = transaction().sign(&SecretKey::from_seed(SEED));
    signed_to_json(&signed, Encoding::Utf8).unwrap_or_default()
}
