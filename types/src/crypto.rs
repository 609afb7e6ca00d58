//! Keys and signatures, with domain separation.
//!
//! Every signature is judged by ZIP-215 (<https://zips.z.cash/zip-0215>), alone or in a batch, by one
//! implementation (ed25519-zebra), so that two nodes can't differ on what is valid. What is signed always starts with
//! a [`Domain`]: a vote can't be replayed in another group, epoch or role.

use crate::codec::encode_onto;
use crate::genesis::EngineKind;
use crate::hash::{Hash, sha256};
use crate::ids::{ChainId, Epoch, GroupId};
use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::Signer as _;
use ed25519_zebra::batch;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use std::fmt;
use zeroize::Zeroize;

/// An ed25519 public key in its 32-byte encoding. Holding one says nothing about its validity: verification does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?}", Hash(self.0))
    }
}

/// An ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signature {}…", hex::encode(self.0.get(..4).unwrap_or_default()))
    }
}

/// What a signature is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub enum Role {
    /// A client's transaction. Group and epoch are zero: any group may execute it.
    Transaction,
    /// A validator's signed result of executing a block.
    Seal,
    /// A consensus message: the engine, its wire version and its message kind.
    Engine {
        /// Which engine.
        engine: EngineKind,
        /// The engine's wire version.
        version: u16,
        /// The engine's own number for the kind of message.
        message: u8,
    },
    /// A validator's word that it holds a batch of transactions.
    Batch,
}

/// Where a signature counts: the first part of everything that is signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Domain {
    /// The network.
    pub chain: ChainId,
    /// The group, or 0 for a transaction.
    pub group: GroupId,
    /// The epoch, or 0 for a transaction.
    pub epoch: Epoch,
    /// What for.
    pub role: Role,
}

/// The first bytes of everything signed for Witan, so that a key shared with another system can't be tricked.
pub const SIGNING_PREFIX: &[u8; 8] = b"witan\0v1";

impl Domain {
    /// The domain of transactions on `chain`.
    pub fn transaction(chain: ChainId) -> Domain {
        Domain { chain, group: GroupId(0), epoch: Epoch(0), role: Role::Transaction }
    }

    /// The bytes to sign for `statement` here: prefix, domain, statement.
    pub fn signing_bytes<T: BorshSerialize + ?Sized>(&self, statement: &T) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(SIGNING_PREFIX);
        encode_onto(self, &mut bytes);
        encode_onto(statement, &mut bytes);
        bytes
    }
}

/// One signature with what it claims to sign: an item of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Who is said to have signed.
    pub key: PublicKey,
    /// The whole signed bytes, domain included.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Signature,
}

/// How signatures are made and judged. A network is always [`Scheme::Ed25519`]: genesis can't say otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scheme {
    /// Ed25519 under ZIP-215.
    #[default]
    Ed25519,
    /// A keyed hash anyone can compute, for the simulator alone, where it makes most seeds 100 times faster.
    StandIn,
}

impl Scheme {
    /// Whether `signature` is `key`'s on `message`.
    pub fn verify(self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        match self {
            Scheme::StandIn => stand_in(key, message) == *signature,
            Scheme::Ed25519 => ed25519_zebra::VerificationKey::try_from(key.0)
                .is_ok_and(|key| key.verify(&ed25519_zebra::Signature::from(signature.0), message).is_ok()),
        }
    }

    /// Checks many signatures at once, at about half the cost each, and returns the positions of the wrong ones,
    /// ascending. The verdict on each item is exactly [`Scheme::verify`]'s: a batch that fails is bisected.
    pub fn verify_batch(self, items: &[Signed]) -> Vec<usize> {
        let mut wrong = Vec::new();
        self.bisect(items, 0, &mut wrong);
        wrong
    }

    /// Whether all of these signatures are right, at the cost of [`Scheme::verify_batch`] where they are.
    pub fn verify_all(self, items: &[Signed]) -> bool {
        items.is_empty() || self.all_valid(items)
    }

    fn bisect(self, items: &[Signed], offset: usize, wrong: &mut Vec<usize>) {
        if let [item] = items {
            if !self.verify(&item.key, &item.message, &item.signature) {
                wrong.push(offset);
            }
        } else if !items.is_empty() && !self.all_valid(items) {
            let (left, right) = items.split_at(items.len() / 2);
            self.bisect(left, offset, wrong);
            self.bisect(right, offset + left.len(), wrong);
        }
    }

    fn all_valid(self, items: &[Signed]) -> bool {
        match self {
            Scheme::StandIn => {
                items.iter().all(|item| self.verify(&item.key, &item.message, &item.signature))
            }
            Scheme::Ed25519 => {
                let mut verifier = batch::Verifier::new();
                for item in items {
                    let key = ed25519_zebra::VerificationKeyBytes::from(item.key.0);
                    let signature = ed25519_zebra::Signature::from(item.signature.0);
                    verifier.queue((key, signature, &item.message));
                }
                verifier.verify(batch_randomness(items)).is_ok()
            }
        }
    }
}

/// The coefficients of a batch's linear combination must be out of the signers' control; drawn from a hash of the
/// whole batch they are, and the same batch is judged the same way in every run.
fn batch_randomness(items: &[Signed]) -> ChaCha20Rng {
    let mut transcript = Vec::with_capacity(items.len() * 128);
    for item in items {
        transcript.extend_from_slice(&item.key.0);
        transcript.extend_from_slice(&item.signature.0);
        transcript.extend_from_slice(sha256(&[&item.message]).as_bytes());
    }
    ChaCha20Rng::from_seed(sha256(&[b"witan batch", &transcript]).0)
}

fn stand_in(key: &PublicKey, message: &[u8]) -> Signature {
    let half = sha256(&[b"stand-in", &key.0, message]).0;
    let mut bytes = [0; 64];
    for (byte, source) in bytes.iter_mut().zip(half.iter().cycle()) {
        *byte = *source;
    }
    Signature(bytes)
}

/// A secret key. Its bytes are wiped when dropped and never shown.
#[derive(Clone)]
pub struct SecretKey {
    scheme: Scheme,
    signing: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret of {:?}", self.public())
    }
}

impl SecretKey {
    /// The key of a 32-byte ed25519 seed.
    pub fn from_seed(mut seed: [u8; 32]) -> SecretKey {
        let signing = ed25519_dalek::SigningKey::from_bytes(&seed);
        seed.zeroize();
        SecretKey { scheme: Scheme::Ed25519, signing }
    }

    /// The same key, signing under another scheme: for the simulator.
    pub fn under(mut self, scheme: Scheme) -> SecretKey {
        self.scheme = scheme;
        self
    }

    /// The seed, for storing the key. The caller wipes it.
    pub fn seed(&self) -> [u8; 32] {
        self.signing.to_bytes()
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.signing.verifying_key().to_bytes())
    }

    /// Signs `statement` in `domain`.
    pub fn sign<T: BorshSerialize + ?Sized>(&self, domain: &Domain, statement: &T) -> Signature {
        self.sign_bytes(&domain.signing_bytes(statement))
    }

    /// Signs bytes that already start with their domain.
    pub fn sign_bytes(&self, message: &[u8]) -> Signature {
        match self.scheme {
            Scheme::Ed25519 => Signature(self.signing.sign(message).to_bytes()),
            Scheme::StandIn => stand_in(&self.public(), message),
        }
    }
}
