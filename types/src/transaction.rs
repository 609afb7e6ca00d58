//! Transactions: what clients sign.

use crate::account::Account;
use crate::change::Change;
use crate::codec::{Wire, bounded, bounded_bytes, encode};
use crate::crypto::{Domain, PublicKey, Scheme, SecretKey, Signature, Signed};
use crate::hash::sha256;
use crate::ids::{ChainId, TxId};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// The most bytes a state key may have; it has at least one.
pub const MAX_KEY_BYTES: usize = 256;
/// The most bytes a value may have.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// The most ops in a transaction; it has at least one.
pub const MAX_OPS: usize = 128;
/// The most checks in a transaction.
pub const MAX_CHECKS: usize = 128;
/// The most bytes a signed transaction may take.
pub const MAX_TRANSACTION_BYTES: usize = 128 * 1024;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;
/// Bytes before the transaction in what its signer signs: prefix and domain.
const SIGNING_DOMAIN_BYTES: usize = 53;

/// A state key: 1 to 256 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Key(#[borsh(deserialize_with = "bounded_bytes::<MAX_KEY_BYTES, _>")] pub Vec<u8>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Key {
        Key(text.as_bytes().to_vec())
    }
}

impl Key {
    /// Where an account's balance stands. Only transfers change it.
    pub fn balance_of(account: &Account) -> Key {
        Key(format!("@{account}/balance").into_bytes())
    }

    /// Whether it is one of those under which a group keeps what it must remember of its dealings with other groups: they
    /// start with a zero byte, and no transaction may use them.
    pub fn is_reserved(&self) -> bool {
        self.0.first() == Some(&0)
    }

    /// The account between `@` and `/`, as text, if the key belongs to one.
    pub fn owner(&self) -> Option<&str> {
        let rest = self.0.strip_prefix(b"@")?;
        let end = rest.iter().position(|byte| *byte == b'/')?;
        std::str::from_utf8(rest.get(..end)?).ok()
    }
}

/// A condition on the state before the transaction.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Check {
    /// The key has no value.
    Absent {
        /// Which key.
        key: Key,
    },
    /// The key has a value.
    Exists {
        /// Which key.
        key: Key,
    },
    /// The key holds exactly these bytes.
    Value {
        /// Which key.
        key: Key,
        /// What it must hold.
        #[borsh(deserialize_with = "bounded_bytes::<MAX_VALUE_BYTES, _>")]
        value: Vec<u8>,
    },
    /// The key was last written at exactly this version; 0 stands for absent.
    Version {
        /// Which key.
        key: Key,
        /// Its version.
        version: u128,
    },
    /// The account has at least this balance.
    Balance {
        /// Whose.
        account: Account,
        /// At least this.
        at_least: u128,
    },
}

/// One step of a transaction.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Op {
    /// Sets a key.
    Put {
        /// Which key.
        key: Key,
        /// Its new value.
        #[borsh(deserialize_with = "bounded_bytes::<MAX_VALUE_BYTES, _>")]
        value: Vec<u8>,
    },
    /// Removes a key; nothing if it is absent.
    Delete {
        /// Which key.
        key: Key,
    },
    /// Adds an item to the list at a key; an absent key becomes a list.
    Append {
        /// Which key.
        key: Key,
        /// The item.
        #[borsh(deserialize_with = "bounded_bytes::<MAX_VALUE_BYTES, _>")]
        item: Vec<u8>,
    },
    /// Adds to the counter at a key; an absent key counts from 0.
    Add {
        /// Which key.
        key: Key,
        /// What to add; may be negative.
        delta: i128,
    },
    /// Moves balance from the signer.
    Transfer {
        /// To whom.
        to: Account,
        /// How much.
        amount: u128,
    },
    /// Reads a key into the receipt.
    Get {
        /// Which key.
        key: Key,
    },
    /// Approves a change of the configuration, as one of its operators. Alone in its transaction, which is the root
    /// group's.
    Approve {
        /// Which change.
        change: Change,
    },
}

/// What a client wants done: all of it or nothing.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// The network.
    pub chain: ChainId,
    /// Who signs.
    pub signer: Account,
    /// Tells apart two transactions that want the same.
    pub salt: u64,
    /// Void in blocks whose time is above this; Unix milliseconds.
    pub expires_at_ms: u64,
    /// All must hold before.
    #[borsh(deserialize_with = "bounded::<MAX_CHECKS, _, _>")]
    pub checks: Vec<Check>,
    /// Done in order.
    #[borsh(deserialize_with = "bounded::<MAX_OPS, _, _>")]
    pub ops: Vec<Op>,
}

/// Why a transaction is refused for its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Signed bytes above [`MAX_TRANSACTION_BYTES`].
    #[error("the transaction has {0} bytes, above the limit of {MAX_TRANSACTION_BYTES}")]
    TooLarge(usize),
    /// No ops.
    #[error("a transaction needs at least one op")]
    NoOps,
    /// More ops or checks than allowed.
    #[error("the transaction has {ops} ops and {checks} checks, above {MAX_OPS} or {MAX_CHECKS}")]
    TooMany {
        /// Ops given.
        ops: usize,
        /// Checks given.
        checks: usize,
    },
    /// A key of a length that no key has.
    #[error("a key has {0} bytes; keys have 1 to {MAX_KEY_BYTES}")]
    KeyLength(usize),
    /// A value above [`MAX_VALUE_BYTES`].
    #[error("a value has {0} bytes, above the limit of {MAX_VALUE_BYTES}")]
    ValueTooLarge(usize),
    /// An approval beside other ops or under checks.
    #[error("an approval of a change is the only op of its transaction, which has no checks")]
    ApproveAlone,
    /// A write under another account or to a balance, or any use of a reserved key.
    #[error("key {0:?} may not be used like this by this signer")]
    ForbiddenKey(Key),
}

impl Transaction {
    /// The bytes that the signer signs, and whose hash is the id.
    pub fn signing_bytes(&self) -> Vec<u8> {
        Domain::transaction(self.chain).signing_bytes(self)
    }

    /// The transaction's id.
    pub fn id(&self) -> TxId {
        TxId(sha256(&[&self.signing_bytes()]))
    }

    /// Signs it.
    pub fn sign(self, key: &SecretKey) -> SignedTransaction {
        let signature = key.sign_bytes(&self.signing_bytes());
        SignedTransaction { transaction: self, signature }
    }

    /// Bytes of the encoding with a signature.
    fn signed_size(&self) -> usize {
        encode(self).len() + SIGNATURE_BYTES
    }

    /// The change that it approves, if that is all it does.
    pub fn approves(&self) -> Option<&Change> {
        match self.ops.as_slice() {
            [Op::Approve { change }] if self.checks.is_empty() => Some(change),
            _ => None,
        }
    }

    /// Judges everything but signature, chain and time: size, counts, lengths, and who may write which key.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check_form(&self) -> Result<(), TransactionError> {
        self.check_form_of(self.signed_size())
    }

    /// [`Transaction::check_form`] for whoever knows the bytes of the encoding with a signature.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check_form_of(&self, signed_size: usize) -> Result<(), TransactionError> {
        let (ops, checks) = (self.ops.len(), self.checks.len());
        if ops == 0 {
            return Err(TransactionError::NoOps);
        }
        if ops > MAX_OPS || checks > MAX_CHECKS {
            return Err(TransactionError::TooMany { ops, checks });
        }
        if (ops > 1 || checks > 0) && self.ops.iter().any(|op| matches!(op, Op::Approve { .. })) {
            return Err(TransactionError::ApproveAlone);
        }
        self.checks.iter().try_for_each(check_check)?;
        self.ops.iter().try_for_each(|op| self.check_op(op))?;
        // Decoding bounds a transaction that travels alone, but not one inside a payload.
        match signed_size {
            0..=MAX_TRANSACTION_BYTES => Ok(()),
            size => Err(TransactionError::TooLarge(size)),
        }
    }

    fn check_op(&self, op: &Op) -> Result<(), TransactionError> {
        match op {
            Op::Put { key, value } => self.check_write(key).and(value_length(value)),
            Op::Append { key, item } => self.check_write(key).and(value_length(item)),
            Op::Delete { key } | Op::Add { key, .. } => self.check_write(key),
            Op::Get { key } => usable(key),
            Op::Transfer { .. } | Op::Approve { .. } => Ok(()),
        }
    }

    /// A key under `@<account>/` is written by that account alone, and a balance by transfers alone.
    fn check_write(&self, key: &Key) -> Result<(), TransactionError> {
        usable(key)?;
        if key.0.first() != Some(&b'@') {
            return Ok(());
        }
        let own = key.owner() == Some(&self.signer.to_string());
        if own && *key != Key::balance_of(&self.signer) {
            return Ok(());
        }
        Err(TransactionError::ForbiddenKey(key.clone()))
    }
}

fn check_check(check: &Check) -> Result<(), TransactionError> {
    match check {
        Check::Absent { key } | Check::Exists { key } | Check::Version { key, .. } => usable(key),
        Check::Value { key, value } => usable(key).and(value_length(value)),
        Check::Balance { .. } => Ok(()),
    }
}

fn usable(key: &Key) -> Result<(), TransactionError> {
    match key.0.len() {
        1..=MAX_KEY_BYTES if key.is_reserved() => Err(TransactionError::ForbiddenKey(key.clone())),
        1..=MAX_KEY_BYTES => Ok(()),
        length => Err(TransactionError::KeyLength(length)),
    }
}

fn value_length(value: &[u8]) -> Result<(), TransactionError> {
    if value.len() > MAX_VALUE_BYTES { Err(TransactionError::ValueTooLarge(value.len())) } else { Ok(()) }
}

/// A transaction with its signer's signature.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SignedTransaction {
    /// What is wanted.
    pub transaction: Transaction,
    /// The signer's signature over [`Transaction::signing_bytes`].
    pub signature: Signature,
}

impl SignedTransaction {
    /// Id and bytes of the encoding, for the price of one encoding.
    pub(crate) fn id_and_size(&self) -> (TxId, usize) {
        let message = self.transaction.signing_bytes();
        let size = message.len().saturating_sub(SIGNING_DOMAIN_BYTES) + SIGNATURE_BYTES;
        (TxId(sha256(&[&message])), size)
    }

    /// The transaction's id.
    pub fn id(&self) -> TxId {
        self.transaction.id()
    }

    /// The item to verify, alone or in a batch.
    pub fn signed(&self) -> Signed {
        let PublicKey(key) = self.transaction.signer.0;
        Signed { key: PublicKey(key), message: self.transaction.signing_bytes(), signature: self.signature }
    }

    /// Whether the signature is the signer's.
    pub fn verify(&self, scheme: Scheme) -> bool {
        let signed = self.signed();
        scheme.verify(&signed.key, &signed.message, &signed.signature)
    }

    /// Bytes of the encoding.
    pub fn size(&self) -> usize {
        self.transaction.signed_size()
    }
}

impl Wire for SignedTransaction {
    const MAX_BYTES: usize = MAX_TRANSACTION_BYTES;
}
