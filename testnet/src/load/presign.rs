//! Transactions of equal size, signed ahead of time.

use std::num::NonZeroUsize;
use std::thread;
use witan_types::{
    Account, ChainId, Key, Op, Scheme, SecretKey, SignedTransaction, Transaction, TxId, Wire as _, sha256,
};

/// Keys that the load writes, over and over.
pub const LOAD_KEYS: u64 = 100_000;
/// Accounts that sign the load. They need no balance to put.
pub const LOAD_SIGNERS: usize = 100;
/// Bytes of a signed transaction around its key and its value: chain, signer, salt, expiry, two list lengths, an op
/// with two lengths, signature.
const FIXED_BYTES: usize = 32 + 32 + 8 + 8 + 4 + 4 + 1 + 4 + 4 + 64;
/// Bytes of a load key.
const KEY_BYTES: usize = 10;
/// The smallest signed transaction that a plan can ask for: one with an empty value.
pub const MIN_LOAD_BYTES: usize = FIXED_BYTES + KEY_BYTES;

/// What to sign.
#[derive(Clone, Copy, Debug)]
pub struct LoadPlan {
    /// The network.
    pub chain: ChainId,
    /// The same seed and plan make the same transactions.
    pub seed: u64,
    /// How many.
    pub count: usize,
    /// Bytes of each signed transaction; at least [`MIN_LOAD_BYTES`].
    pub bytes: usize,
    /// When they expire, Unix milliseconds.
    pub expires_at_ms: u64,
}

/// A transaction ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its id.
    pub id: TxId,
    /// The signed bytes.
    pub bytes: Vec<u8>,
}

impl LoadPlan {
    /// The keys that sign.
    fn signers(&self) -> Vec<SecretKey> {
        let seed =
            |number: usize| sha256(&[b"witan load", &self.seed.to_le_bytes(), &number.to_le_bytes()]).0;
        (0..LOAD_SIGNERS).map(|number| SecretKey::from_seed(seed(number))).collect()
    }

    /// One put: to a key that looks drawn at random, of a value unlike the others.
    fn transaction(&self, number: u64, signer: Account) -> Transaction {
        // Multiplying by an odd constant scatters consecutive numbers over the keys.
        let key = number.wrapping_add(self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) % LOAD_KEYS;
        let filler = sha256(&[&self.seed.to_le_bytes(), &number.to_le_bytes()]).0;
        let value_bytes = self.bytes.saturating_sub(MIN_LOAD_BYTES);
        Transaction {
            chain: self.chain,
            signer,
            salt: self.seed.wrapping_add(number),
            expires_at_ms: self.expires_at_ms,
            checks: Vec::new(),
            ops: vec![Op::Put {
                key: Key(format!("load/{key:05}").into_bytes()),
                value: filler.iter().copied().cycle().take(value_bytes).collect(),
            }],
        }
    }
}

/// Signs the plan on every core.
pub fn presign(plan: &LoadPlan) -> Vec<Prepared> {
    let signers: Vec<(SecretKey, Account)> =
        plan.signers().into_iter().map(|key| (key.clone(), Account(key.public()))).collect();
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let numbers: Vec<u64> = (0..plan.count as u64).collect();
    thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(plan.count.div_ceil(cores).max(1))
            .map(|part| {
                let signers = &signers;
                let sign = move |(number, (key, account)): (&u64, &(SecretKey, Account))| {
                    prepare(&plan.transaction(*number, *account).sign(key))
                };
                scope.spawn(move || part.iter().zip(signers.iter().cycle()).map(sign).collect::<Vec<_>>())
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}

fn prepare(signed: &SignedTransaction) -> Prepared {
    debug_assert!(signed.verify(Scheme::Ed25519), "a load transaction is valid");
    Prepared { id: signed.id(), bytes: signed.encode() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(count: usize) -> LoadPlan {
        LoadPlan { chain: ChainId::default(), seed: 3, count, bytes: 256, expires_at_ms: 99 }
    }

    #[test]
    fn every_load_transaction_is_valid_of_the_size_asked_for_and_unlike_the_others() {
        let prepared = presign(&plan(500));
        assert_eq!(prepared.len(), 500);
        let ids: BTreeSet<TxId> = prepared.iter().map(|transaction| transaction.id).collect();
        assert_eq!(ids.len(), 500);
        for transaction in &prepared {
            let signed = SignedTransaction::decode(&transaction.bytes).unwrap();
            assert_eq!(transaction.bytes.len(), 256);
            assert_eq!(signed.id(), transaction.id);
            assert!(signed.transaction.check_form().is_ok() && signed.verify(Scheme::Ed25519));
        }
    }

    #[test]
    fn the_same_plan_signs_the_same_transactions() {
        assert_eq!(presign(&plan(100)), presign(&plan(100)));
        assert_ne!(presign(&plan(100)), presign(&LoadPlan { seed: 4, ..plan(100) }));
    }

    #[test]
    fn an_empty_plan_signs_nothing() {
        assert!(presign(&plan(0)).is_empty());
    }
}
