//! Client signatures: verified once, many at a time, and remembered.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use witan_ledger::Pooled;
use witan_replica::SignatureCache;
use witan_types::{ChainId, Hash, Scheme, Signature, SignedTransaction, TxId, sha256};

/// Signatures remembered, in each of two generations.
const GENERATION: usize = 65_536;

/// Remembers the newest valid signatures: when a generation is full, the one before it is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    generations: Mutex<(HashSet<Hash>, HashSet<Hash>)>,
}

/// The id says what was signed, by whom; together with the signature it is the whole claim.
fn claim(id: &TxId, signature: &Signature) -> Hash {
    sha256(&[id.0.as_bytes(), &signature.0])
}

impl SignatureCache for Signatures {
    fn is_known(&self, id: &TxId, signature: &Signature) -> bool {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = claim(id, signature);
        generations.0.contains(&claim) || generations.1.contains(&claim)
    }

    fn learn(&self, id: &TxId, signature: &Signature) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.0.len() >= GENERATION {
            generations.1 = std::mem::take(&mut generations.0);
        }
        generations.0.insert(claim(id, signature));
    }
}

/// Why a client's transaction is refused before any replica sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    WrongChain,
    BadSignature,
}

/// Judges clients' transactions of right form: chain and signature, the signatures as one batch.
pub(crate) fn judge(
    cache: &dyn SignatureCache,
    chain: ChainId,
    transactions: Vec<SignedTransaction>,
) -> Vec<Result<Pooled, Refused>> {
    let mut verdicts = Vec::with_capacity(transactions.len());
    let (mut items, mut places) = (Vec::new(), Vec::new());
    for (place, transaction) in transactions.into_iter().enumerate() {
        if transaction.transaction.chain != chain {
            verdicts.push(Err(Refused::WrongChain));
            continue;
        }
        let pooled = Pooled::new(Arc::new(transaction));
        if !cache.is_known(&pooled.id, &pooled.transaction.signature) {
            items.push(pooled.transaction.signed());
            places.push(place);
        }
        verdicts.push(Ok(pooled));
    }
    for wrong in Scheme::Ed25519.verify_batch(&items) {
        if let Some(verdict) = places.get(wrong).and_then(|place| verdicts.get_mut(*place)) {
            *verdict = Err(Refused::BadSignature);
        }
    }
    for pooled in verdicts.iter().flatten() {
        cache.learn(&pooled.id, &pooled.transaction.signature);
    }
    verdicts
}
