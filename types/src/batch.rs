//! Transactions as blocks carry them: in a block, or apart from it under a name.

use crate::codec::{Wire, bounded, encode_onto};
use crate::committee::{CertificateError, Committee, QuorumSignatures};
use crate::crypto::{Domain, Role, SecretKey, Signature};
use crate::hash::{Hash, sha256};
use crate::identified::IdentifiedTransaction;
use crate::ids::{ChainId, Epoch, GroupId};
use borsh::{BorshDeserialize, BorshSerialize};

/// The most transactions one batch may hold.
pub const MAX_BATCH_TRANSACTIONS: usize = 16_384;

/// Transactions as a payload carries them. Both forms of a batch have the same digest, so a block has the same id whichever
/// of them it carries.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Batch {
    /// The transactions themselves.
    Inline(#[borsh(deserialize_with = "bounded::<MAX_BATCH_TRANSACTIONS, _, _>")] Vec<IdentifiedTransaction>),
    /// The name of transactions that a quorum holds: only among the members of a group, until they have decided.
    Named(HeldBatch),
}

impl Batch {
    /// A batch of these transactions.
    pub fn of<T: Into<IdentifiedTransaction>>(transactions: impl IntoIterator<Item = T>) -> Batch {
        Batch::Inline(transactions.into_iter().map(Into::into).collect())
    }

    /// The transactions, as far as they are here: none of a batch that is only named.
    pub fn transactions(&self) -> &[IdentifiedTransaction] {
        match self {
            Batch::Inline(transactions) => transactions,
            Batch::Named(_) => &[],
        }
    }

    /// The batch's name with who holds it, if it is only named.
    pub fn named(&self) -> Option<&HeldBatch> {
        match self {
            Batch::Inline(_) => None,
            Batch::Named(held) => Some(held),
        }
    }

    /// The hash that stands for the batch in the payload's root.
    pub fn digest(&self) -> Hash {
        match self {
            Batch::Inline(transactions) => digest(&encoding(transactions)),
            Batch::Named(held) => held.name.digest,
        }
    }
}

fn encoding(transactions: &[IdentifiedTransaction]) -> Vec<u8> {
    let bytes: usize = transactions.iter().map(IdentifiedTransaction::size).sum();
    let mut encoding = Vec::with_capacity(bytes + 16);
    encode_onto(transactions, &mut encoding);
    encoding
}

/// The hash that stands for a batch with this encoding.
fn digest(encoding: &[u8]) -> Hash {
    sha256(&[b"witan batch", encoding])
}

/// What is said of a batch by whoever holds it. Who made it is no part of that: two who make the same one help each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct BatchName {
    /// The hash of its transactions.
    pub digest: Hash,
    /// How many there are.
    pub transactions: u32,
    /// Bytes of their encodings together.
    pub bytes: u32,
    /// When the last of them expires, Unix milliseconds: no block of a later time may name it.
    pub until_ms: u64,
}

impl BatchName {
    /// The name of a batch of these transactions.
    pub fn of(transactions: &[IdentifiedTransaction]) -> BatchName {
        BatchName::with_encoding(transactions).0
    }

    /// The same, with the encoding of the transactions that it took.
    pub fn with_encoding(transactions: &[IdentifiedTransaction]) -> (BatchName, Vec<u8>) {
        let encoding = encoding(transactions);
        let bytes: usize = transactions.iter().map(IdentifiedTransaction::size).sum();
        let until = transactions.iter().map(|known| known.transaction.expires_at_ms).max();
        let name = BatchName {
            digest: digest(&encoding),
            transactions: u32::try_from(transactions.len()).unwrap_or(u32::MAX),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            until_ms: until.unwrap_or(0),
        };
        (name, encoding)
    }

    /// The bytes that a holder signs.
    pub fn signing_bytes(&self, holders: &Holders) -> Vec<u8> {
        let Holders { chain, group, epoch } = *holders;
        Domain { chain, group, epoch, role: Role::Batch }.signing_bytes(self)
    }

    /// Says that the batch is held: its transactions are well formed and signed, they are this name's, and they survive a loss
    /// of power here.
    pub fn sign(&self, holders: &Holders, key: &SecretKey) -> Signature {
        key.sign_bytes(&self.signing_bytes(holders))
    }
}

impl Wire for BatchName {
    const MAX_BYTES: usize = 48;
}

/// Who holds batches for each other: the members of a group in one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holders {
    /// The network.
    pub chain: ChainId,
    /// The group.
    pub group: GroupId,
    /// The group's epoch.
    pub epoch: Epoch,
}

/// A batch's name, and a quorum's word that it is held: whoever has not got it can fetch it from an honest one of them.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct HeldBatch {
    /// The name.
    pub name: BatchName,
    /// Who holds it.
    pub held_by: QuorumSignatures,
}

impl HeldBatch {
    /// Checks that a quorum of `committee`, the members of `holders`, said so.
    ///
    /// # Errors
    /// If the signatures are not a quorum's.
    pub fn verify(&self, holders: &Holders, committee: &Committee) -> Result<(), CertificateError> {
        let message = self.name.signing_bytes(holders);
        self.held_by.verify(committee, |_| message.clone())
    }
}

impl Wire for HeldBatch {
    const MAX_BYTES: usize = BatchName::MAX_BYTES + 32 + 64 * crate::committee::MAX_VALIDATORS;
}
