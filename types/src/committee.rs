//! Committees and quorums: who may vote in a group, and how many of them decide.

use crate::crypto::{PublicKey, Scheme, Signature, Signed};
use crate::ids::ValidatorIndex;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most validators a group may have.
pub const MAX_VALIDATORS: usize = 128;

/// What faulty members may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FaultModel {
    /// Anything, up to `f` of `n >= 3f + 1`.
    Byzantine,
    /// Stop, up to `f` of `n >= 2f + 1`; nobody lies.
    Crash,
}

impl fmt::Display for FaultModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultModel::Byzantine => "byzantine",
            FaultModel::Crash => "crash",
        })
    }
}

/// The validators of one group in one epoch, and the rule that makes a quorum of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committee {
    keys: Vec<PublicKey>,
    faults: FaultModel,
    scheme: Scheme,
}

impl Committee {
    /// A committee of these keys, in this order.
    pub fn new(keys: Vec<PublicKey>, faults: FaultModel) -> Committee {
        Committee { keys, faults, scheme: Scheme::Ed25519 }
    }

    /// The same committee, its signatures judged under another scheme: for the simulator.
    pub fn under(mut self, scheme: Scheme) -> Committee {
        self.scheme = scheme;
        self
    }

    /// How signatures of this committee are judged.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What its members may do wrong.
    pub fn faults(&self) -> FaultModel {
        self.faults
    }

    /// Number of validators, n.
    pub fn size(&self) -> usize {
        self.keys.len()
    }

    /// The validators' places, ascending.
    pub fn validators(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        let size = u16::try_from(self.keys.len()).unwrap_or(u16::MAX);
        (0..size).map(ValidatorIndex)
    }

    /// The key of a validator, if there is such a place.
    pub fn key(&self, validator: ValidatorIndex) -> Option<&PublicKey> {
        self.keys.get(validator.at())
    }

    /// The place of a key.
    pub fn place_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        self.validators().find(|place| self.key(*place) == Some(key))
    }

    /// The most faulty members, f, that the group withstands.
    pub fn max_faulty(&self) -> usize {
        match self.faults {
            FaultModel::Byzantine => self.keys.len().saturating_sub(1) / 3,
            FaultModel::Crash => self.keys.len().saturating_sub(1) / 2,
        }
    }

    /// How many members decide: any two quorums share an honest member. Byzantine: floor((n + f) / 2) + 1, which is
    /// 2f + 1 only where n = 3f + 1; crash: a majority.
    pub fn quorum(&self) -> usize {
        match self.faults {
            FaultModel::Byzantine => (self.keys.len() + self.max_faulty()) / 2 + 1,
            FaultModel::Crash => self.keys.len() / 2 + 1,
        }
    }
}

/// A set of validators, as a bitmap of fixed size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct SignerSet(u128);

impl SignerSet {
    /// Adds a validator; one beyond [`MAX_VALIDATORS`] is ignored. Says whether it was new.
    pub fn insert(&mut self, validator: ValidatorIndex) -> bool {
        let bit = 1_u128.checked_shl(u32::from(validator.0)).unwrap_or(0);
        let new = bit != 0 && self.0 & bit == 0;
        self.0 |= bit;
        new
    }

    /// Whether the validator is in the set.
    pub fn contains(&self, validator: ValidatorIndex) -> bool {
        self.0 & 1_u128.checked_shl(u32::from(validator.0)).unwrap_or(0) != 0
    }

    /// How many are in the set.
    pub fn count(&self) -> usize {
        self.0.count_ones() as usize
    }

    /// The validators in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        let set = *self;
        (0..128_u16).map(ValidatorIndex).filter(move |validator| set.contains(*validator))
    }
}

impl FromIterator<ValidatorIndex> for SignerSet {
    fn from_iter<I: IntoIterator<Item = ValidatorIndex>>(validators: I) -> Self {
        let mut set = SignerSet::default();
        for validator in validators {
            set.insert(validator);
        }
        set
    }
}

/// Why a quorum's signatures prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Fewer signers than a quorum.
    #[error("{signers} signers, a quorum is {quorum}")]
    NoQuorum {
        /// Signers named.
        signers: usize,
        /// Signers needed.
        quorum: usize,
    },
    /// Signers and signatures don't pair up.
    #[error("{signers} signers with {signatures} signatures")]
    Mismatch {
        /// Signers named.
        signers: usize,
        /// Signatures given.
        signatures: usize,
    },
    /// A signer who is no member.
    #[error("validator {0} is no member")]
    NotAMember(ValidatorIndex),
    /// A signature that does not verify.
    #[error("the signature of validator {0} is wrong")]
    BadSignature(ValidatorIndex),
}

/// Signatures of several validators: who, and their signatures in ascending order of place.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct QuorumSignatures {
    /// Who signed.
    pub signers: SignerSet,
    /// Their signatures, in the order of [`SignerSet::iter`].
    #[borsh(deserialize_with = "crate::codec::bounded::<MAX_VALIDATORS, _, _>")]
    pub signatures: Vec<Signature>,
}

impl QuorumSignatures {
    /// Puts signatures together: the first of each validator; one beyond [`MAX_VALIDATORS`] is dropped.
    pub fn collect(parts: impl IntoIterator<Item = (ValidatorIndex, Signature)>) -> QuorumSignatures {
        let mut by_place = std::collections::BTreeMap::new();
        for (validator, signature) in parts {
            if validator.at() < MAX_VALIDATORS {
                by_place.entry(validator).or_insert(signature);
            }
        }
        QuorumSignatures {
            signers: by_place.keys().copied().collect(),
            signatures: by_place.into_values().collect(),
        }
    }

    /// Each signer with its signature.
    pub fn iter(&self) -> impl Iterator<Item = (ValidatorIndex, Signature)> + '_ {
        self.signers.iter().zip(self.signatures.iter().copied())
    }

    /// Checks that a quorum of `committee` signed, where `message` gives the bytes each signed.
    ///
    /// # Errors
    /// If there is no quorum, a signer is no member, or a signature is wrong.
    pub fn verify(
        &self,
        committee: &Committee,
        message: impl Fn(ValidatorIndex) -> Vec<u8>,
    ) -> Result<(), CertificateError> {
        let signers = self.signers.count();
        if signers != self.signatures.len() {
            return Err(CertificateError::Mismatch { signers, signatures: self.signatures.len() });
        }
        if signers < committee.quorum() {
            return Err(CertificateError::NoQuorum { signers, quorum: committee.quorum() });
        }
        let item = |(validator, signature)| {
            let key = committee.key(validator).ok_or(CertificateError::NotAMember(validator))?;
            Ok(Signed { key: *key, message: message(validator), signature })
        };
        let items: Vec<Signed> = self.iter().map(item).collect::<Result<_, CertificateError>>()?;
        match committee.scheme().verify_batch(&items).first() {
            Some(wrong) => {
                let signer = self.signers.iter().nth(*wrong).unwrap_or_default();
                Err(CertificateError::BadSignature(signer))
            }
            None => Ok(()),
        }
    }
}
