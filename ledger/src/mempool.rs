//! The mempool: transactions that wait for a block, first come, first served, within named bounds.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use witan_types::batch::MAX_BATCH_TRANSACTIONS;
use witan_types::{Account, GroupId, IdentifiedTransaction, Key, Lookup, TxId};

/// The most transactions that wait, unless configured otherwise.
pub const DEFAULT_MAX_TRANSACTIONS: usize = 50_000;
/// The most bytes of transactions that wait, unless configured otherwise.
pub const DEFAULT_MAX_BYTES: usize = 64 * 1024 * 1024;
/// The most transactions of one signer that wait, unless configured otherwise.
pub const DEFAULT_MAX_PER_SIGNER: usize = 20_000;

/// The bounds of a mempool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most transactions.
    pub max_transactions: usize,
    /// The most bytes of all transactions together.
    pub max_bytes: usize,
    /// The most transactions of one signer.
    pub max_per_signer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_transactions: DEFAULT_MAX_TRANSACTIONS,
            max_bytes: DEFAULT_MAX_BYTES,
            max_per_signer: DEFAULT_MAX_PER_SIGNER,
        }
    }
}

/// What keeps a transaction that waits from executing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Parked {
    /// Another transaction holds or claims this key.
    Key(Key),
    /// No more may be sent to this group.
    Group(GroupId),
    /// Its own group has no room for it until others have ended.
    Room,
}

/// Why a transaction may not wait here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// No room for it: too many transactions or bytes.
    #[error("the mempool is full")]
    Full,
    /// Its signer has too many here.
    #[error("the signer has too many transactions in the mempool")]
    SignerFull,
    /// It is here already.
    #[error("the transaction is in the mempool already")]
    Duplicate,
}

/// A transaction that waits.
#[derive(Clone, Debug)]
struct Waiting {
    known: IdentifiedTransaction,
    /// A batch brings it into a block.
    is_batched: bool,
}

/// Transactions that wait for a block, in the order of their arrival.
#[derive(Clone, Debug)]
pub struct Mempool {
    limits: Limits,
    bytes: usize,
    next_arrival: u64,
    by_arrival: BTreeMap<u64, Waiting>,
    /// How many of them are in a batch.
    batched: usize,
    arrivals: Lookup<TxId, u64>,
    /// When each expires, with the number of its arrival.
    by_expiry: BTreeSet<(u64, u64)>,
    per_signer: BTreeMap<Account, usize>,
    /// What each transaction waits for that can't execute now.
    parked: BTreeMap<TxId, Parked>,
    parked_by_expiry: BTreeSet<(u64, TxId)>,
}

impl Mempool {
    /// An empty one.
    pub fn new(limits: Limits) -> Mempool {
        Mempool {
            limits,
            bytes: 0,
            next_arrival: 0,
            by_arrival: BTreeMap::new(),
            batched: 0,
            arrivals: Lookup::default(),
            by_expiry: BTreeSet::new(),
            per_signer: BTreeMap::new(),
            parked: BTreeMap::new(),
            parked_by_expiry: BTreeSet::new(),
        }
    }

    /// Takes a transaction in, behind all others.
    ///
    /// # Errors
    /// If it is here already, or a bound would not hold.
    pub fn add(&mut self, known: IdentifiedTransaction) -> Result<(), Refusal> {
        let signed = &known.transaction;
        let of_signer = self.per_signer.get(&signed.signer).copied().unwrap_or(0);
        let bytes = self.bytes.saturating_add(known.size());
        if self.contains(&known.id()) {
            return Err(Refusal::Duplicate);
        }
        if self.len() >= self.limits.max_transactions || bytes > self.limits.max_bytes {
            return Err(Refusal::Full);
        }
        if of_signer >= self.limits.max_per_signer {
            return Err(Refusal::SignerFull);
        }
        self.bytes = bytes;
        self.per_signer.insert(signed.signer, of_signer + 1);
        self.by_expiry.insert((signed.expires_at_ms, self.next_arrival));
        self.arrivals.insert(known.id(), self.next_arrival);
        self.by_arrival.insert(self.next_arrival, Waiting { known, is_batched: false });
        self.next_arrival += 1;
        Ok(())
    }

    /// Transactions for a block of this time, oldest first, as many as `max_bytes` and a batch hold; none that is
    /// expired then or that `exclude` names. They stay here until they are removed.
    pub fn take(
        &self,
        max_bytes: usize,
        block_time_ms: u64,
        exclude: &dyn Fn(&TxId) -> bool,
    ) -> Vec<&IdentifiedTransaction> {
        let (mut taken, mut room) = (Vec::new(), max_bytes);
        for Waiting { known, is_batched } in self.by_arrival.values() {
            let unfit = known.size() > max_bytes || known.transaction.expires_at_ms < block_time_ms;
            if *is_batched || unfit || self.parked.contains_key(&known.id()) || exclude(&known.id()) {
                continue;
            }
            // No smaller one behind it goes first: else a large one might never go.
            if known.size() > room || taken.len() >= MAX_BATCH_TRANSACTIONS {
                break;
            }
            room -= known.size();
            taken.push(known);
        }
        taken
    }

    /// Takes a transaction out. Says whether it was here.
    pub fn remove(&mut self, id: &TxId) -> bool {
        let Some(arrival) = self.arrivals.remove(id) else { return false };
        let Some(Waiting { known, is_batched }) = self.by_arrival.remove(&arrival) else { return false };
        self.batched -= usize::from(is_batched);
        let signed = &known.transaction;
        self.bytes -= known.size();
        self.by_expiry.remove(&(signed.expires_at_ms, arrival));
        if self.parked.remove(id).is_some() {
            self.parked_by_expiry.remove(&(signed.expires_at_ms, *id));
        }
        if let Some(count) = self.per_signer.get_mut(&signed.signer) {
            *count -= 1;
            if *count == 0 {
                self.per_signer.remove(&signed.signer);
            }
        }
        true
    }

    /// Whether a transaction that is here is in a batch, so that [`Mempool::take`] leaves it out. One that is parked is not put
    /// into one. Says whether it is as wanted now.
    pub fn set_batched(&mut self, id: &TxId, is_batched: bool) -> bool {
        let waiting = self.arrivals.get(id).and_then(|arrival| self.by_arrival.get_mut(arrival));
        let Some(waiting) = waiting.filter(|_| !(is_batched && self.parked.contains_key(id))) else {
            return false;
        };
        self.batched = self.batched + usize::from(is_batched) - usize::from(waiting.is_batched);
        waiting.is_batched = is_batched;
        true
    }

    /// Whether a transaction is here and in a batch.
    pub fn is_batched(&self, id: &TxId) -> bool {
        let waiting = self.arrivals.get(id).and_then(|arrival| self.by_arrival.get(arrival));
        waiting.is_some_and(|waiting| waiting.is_batched)
    }

    /// A transaction that is here met this: it is offered no more until that is gone.
    pub fn park(&mut self, id: &TxId, until: Parked) {
        self.set_batched(id, false);
        if let Some(known) = self.get(id) {
            self.parked_by_expiry.insert((known.transaction.expires_at_ms, *id));
            self.parked.insert(*id, until);
        }
    }

    /// Offers those again whose obstacle is gone. Says whether there are any.
    pub fn unpark(&mut self, is_gone: impl Fn(&Parked) -> bool) -> bool {
        let before = self.parked.len();
        self.parked.retain(|_, parked| !is_gone(parked));
        self.parked_by_expiry.retain(|(_, id)| self.parked.contains_key(id));
        self.parked.len() < before
    }

    /// Whether any waits until more may be sent to this group.
    pub fn is_parked_for(&self, group: &GroupId) -> bool {
        self.parked.values().any(|parked| matches!(parked, Parked::Group(full) if full == group))
    }

    /// Whether any waits for a key that another transaction holds or claims.
    pub fn is_parked_on_keys(&self) -> bool {
        self.parked.values().any(|parked| matches!(parked, Parked::Key(_)))
    }

    /// How many could execute now, as far as is known, those in batches left out.
    pub fn unparked(&self) -> usize {
        self.len() - self.parked.len() - self.batched
    }

    /// Whether any could execute now, as far as is known.
    pub fn has_unparked(&self) -> bool {
        self.unparked() > 0
    }

    /// When the first of those expires that can't execute now; Unix milliseconds.
    pub fn parked_until_ms(&self) -> Option<u64> {
        self.parked_by_expiry.first().map(|(expires_at_ms, _)| *expires_at_ms)
    }

    /// Whether a transaction is here.
    pub fn contains(&self, id: &TxId) -> bool {
        self.arrivals.contains(id)
    }

    /// A transaction that is here.
    pub fn get(&self, id: &TxId) -> Option<&IdentifiedTransaction> {
        let waiting = self.arrivals.get(id).and_then(|arrival| self.by_arrival.get(arrival));
        waiting.map(|waiting| &waiting.known)
    }

    /// Takes out what is void in blocks of this time and later, and says what that was.
    pub fn expire(&mut self, block_time_ms: u64) -> Vec<TxId> {
        let mut expired = Vec::new();
        while let Some((expires_at_ms, arrival)) = self.by_expiry.first() {
            if *expires_at_ms >= block_time_ms {
                break;
            }
            let Some(id) = self.by_arrival.get(arrival).map(|waiting| waiting.known.id()) else { break };
            self.remove(&id);
            expired.push(id);
        }
        expired
    }

    /// The transactions that wait, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &IdentifiedTransaction> {
        self.by_arrival.values().map(|waiting| &waiting.known)
    }

    /// The transactions that could execute now and came as number `arrival` or later, oldest first, each with its number.
    pub fn since(&self, arrival: u64) -> impl Iterator<Item = (u64, &IdentifiedTransaction)> {
        let may_go = |(_, waiting): &(&u64, &Waiting)| {
            !waiting.is_batched && !self.parked.contains_key(&waiting.known.id())
        };
        self.by_arrival.range(arrival..).filter(may_go).map(|(number, waiting)| (*number, &waiting.known))
    }

    /// The number of the next transaction to come.
    pub fn next_arrival(&self) -> u64 {
        self.next_arrival
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.by_arrival.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.by_arrival.is_empty()
    }

    /// Bytes of all that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
