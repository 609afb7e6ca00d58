//! Client signatures: verified once, many at a time, and remembered.

use crate::together::together;
use std::collections::HashMap;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};
use tokio::sync::oneshot;
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

/// Judges clients' transactions of right form: chain and signature, the signatures as one batch.
pub(crate) fn judge(
    cache: &dyn SignatureCache,
    chain: ChainId,
    transactions: impl IntoIterator<Item = SignedTransaction>,
) -> Vec<Verdict> {
    let judge_chain = |signed: SignedTransaction| match signed.transaction.chain == chain {
        true => Ok(IdentifiedTransaction::from(signed)),
        false => Err(Refused::WrongChain),
    };
    let mut verdicts: Vec<Verdict> = transactions.into_iter().map(judge_chain).collect();
    let places = verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_ok()).map(|(place, _)| place);
    let places: Vec<usize> = places.collect();
    let wrong = wrong_signatures(Scheme::Ed25519, cache, &verdicts.iter().flatten().collect::<Vec<_>>());
    for wrong in wrong {
        if let Some(verdict) = places.get(wrong).and_then(|place| verdicts.get_mut(*place)) {
            *verdict = Err(Refused::BadSignature);
        }
    }
    verdicts
}

/// Lists of transactions that may wait to be judged.
const WAITING: usize = 1_024;

/// What clients submit at the same time, each its own list, is judged together.
#[derive(Debug)]
pub(crate) struct ClientJudge {
    lists: SyncSender<List>,
}

#[derive(Debug)]
struct List {
    transactions: Vec<SignedTransaction>,
    answer: oneshot::Sender<Vec<Verdict>>,
}

impl ClientJudge {
    /// Starts the threads, each with `begin`.
    pub(crate) fn start(
        cache: &Arc<Signatures>,
        chain: ChainId,
        threads: usize,
        begin: fn(),
    ) -> io::Result<ClientJudge> {
        let (lists, waiting) = together(WAITING, |list: &List| list.transactions.len());
        let waiting = Arc::new(waiting);
        for number in 0..threads.max(1) {
            let (cache, waiting) = (Arc::clone(cache), Arc::clone(&waiting));
            thread::Builder::new().name(format!("judge-clients-{number}")).spawn(move || {
                begin();
                while let Some(lists) = waiting.next() {
                    judge_lists(cache.as_ref(), chain, lists);
                }
            })?;
        }
        Ok(ClientJudge { lists })
    }

    /// A verdict for each, in order; none if too much waits.
    pub(crate) async fn judge(&self, transactions: Vec<SignedTransaction>) -> Option<Vec<Verdict>> {
        let (answer, verdicts) = oneshot::channel();
        self.lists.try_send(List { transactions, answer }).ok()?;
        verdicts.await.ok()
    }
}

fn judge_lists(cache: &Signatures, chain: ChainId, lists: Vec<List>) {
    let (mut all, mut answers) = (Vec::new(), Vec::with_capacity(lists.len()));
    for List { transactions, answer } in lists {
        answers.push((transactions.len(), answer));
        all.extend(transactions);
    }
    let mut verdicts = judge(cache, chain, all).into_iter();
    for (count, answer) in answers {
        // Nobody waits any more if the client hung up.
        drop(answer.send(verdicts.by_ref().take(count).collect()));
    }
}

#[cfg(test)]
mod tests;
