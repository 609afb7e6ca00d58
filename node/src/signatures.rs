//! Client signatures: verified once, many at a time, and remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use witan_replica::{SignatureCache, wrong_signatures};
use witan_types::{ChainId, IdentifiedTransaction, Scheme, Signature, SignedTransaction, TxId};

/// Signatures remembered, in each of two generations, which together outnumber what waits in a mempool.
const GENERATION: usize = 28_000;

/// Remembers the newest valid signatures: when a generation is full, the one before it is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    generations: Mutex<(Generation, Generation)>,
}

/// An id says what was signed, by whom; together with the signature it is the whole claim.
type Generation = HashMap<TxId, Signature>;

impl SignatureCache for Signatures {
    fn unknown(&self, transactions: &[&IdentifiedTransaction]) -> Vec<usize> {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let is_in = |generation: &Generation, known: &IdentifiedTransaction| {
            generation.get(&known.id()).is_some_and(|signature| *signature == known.signature)
        };
        let is_unknown =
            |known: &IdentifiedTransaction| !is_in(&generations.0, known) && !is_in(&generations.1, known);
        (0..).zip(transactions).filter(|(_, known)| is_unknown(known)).map(|(place, _)| place).collect()
    }

    fn learn(&self, transactions: &[&IdentifiedTransaction]) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        for known in transactions {
            if generations.0.len() >= GENERATION {
                generations.1 = std::mem::take(&mut generations.0);
            }
            generations.0.insert(known.id(), known.signature);
        }
    }
}

/// Why a client's transaction is refused before any replica sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    WrongChain,
    BadSignature,
}

/// What becomes of a client's transaction before any replica sees it.
pub(crate) type Verdict = Result<IdentifiedTransaction, Refused>;

/// Whether clients' transactions are for this network; they are identified on the way.
pub(crate) fn judge_chains(
    chain: ChainId,
    transactions: impl IntoIterator<Item = SignedTransaction>,
) -> Vec<Verdict> {
    let judge_chain = |signed: SignedTransaction| match signed.transaction.chain == chain {
        true => Ok(IdentifiedTransaction::from(signed)),
        false => Err(Refused::WrongChain),
    };
    transactions.into_iter().map(judge_chain).collect()
}

/// Refuses those whose signature is wrong. The signatures that are not known to be right are verified as one batch.
pub(crate) fn judge_signatures(cache: &dyn SignatureCache, verdicts: &mut [Verdict]) {
    let places = verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_ok()).map(|(place, _)| place);
    let places: Vec<usize> = places.collect();
    let wrong = wrong_signatures(Scheme::Ed25519, cache, &verdicts.iter().flatten().collect::<Vec<_>>());
    for wrong in wrong {
        if let Some(verdict) = places.get(wrong).and_then(|place| verdicts.get_mut(*place)) {
            *verdict = Err(Refused::BadSignature);
        }
    }
}

#[cfg(test)]
mod tests;
