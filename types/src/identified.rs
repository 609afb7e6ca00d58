//! Signed transactions that know their id: found out once, when they come in, and never again.

use crate::ids::TxId;
use crate::transaction::SignedTransaction;
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Read, Result, Write};
use std::ops::Deref;
use std::sync::Arc;

/// A signed transaction with its id and the bytes of its encoding. It can't be changed, so they are always its own; clones
/// share it. On the wire it is the transaction alone: who reads it finds out the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentifiedTransaction {
    id: TxId,
    size: usize,
    signed: Arc<SignedTransaction>,
}

impl IdentifiedTransaction {
    /// Its id.
    pub fn id(&self) -> TxId {
        self.id
    }

    /// Bytes of its encoding, signature included.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl From<SignedTransaction> for IdentifiedTransaction {
    fn from(signed: SignedTransaction) -> IdentifiedTransaction {
        let (id, size) = signed.id_and_size();
        IdentifiedTransaction { id, size, signed: Arc::new(signed) }
    }
}

impl Deref for IdentifiedTransaction {
    type Target = SignedTransaction;

    fn deref(&self) -> &SignedTransaction {
        &self.signed
    }
}

impl BorshSerialize for IdentifiedTransaction {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.signed.serialize(writer)
    }
}

impl BorshDeserialize for IdentifiedTransaction {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<IdentifiedTransaction> {
        SignedTransaction::deserialize_reader(reader).map(IdentifiedTransaction::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Wire as _, encode};
    use crate::{Account, ChainId, Op, SecretKey, Transaction};

    #[test]
    fn it_knows_what_the_transaction_would_say_and_is_that_transaction_on_the_wire() {
        let secret = SecretKey::from_seed([7; 32]);
        let transaction = Transaction {
            chain: ChainId::default(),
            signer: Account(secret.public()),
            salt: 1,
            expires_at_ms: 2,
            checks: Vec::new(),
            ops: vec![Op::Put { key: "key".into(), value: vec![3; 40] }],
        };
        let signed = transaction.sign(&secret);
        let known = IdentifiedTransaction::from(signed.clone());
        assert_eq!((known.id(), known.size()), (signed.id(), signed.size()));
        assert_eq!(encode(&known), signed.encode());
        assert_eq!(borsh::from_slice::<IdentifiedTransaction>(&signed.encode()).unwrap(), known);
    }
}
