//! Transactions of equal size, signed ahead of time.

use super::spread::{GroupKeys, SPREAD_KEY_BYTES};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use witan_types::{
    Account, ChainId, Key, Op, Scheme, SecretKey, SignedTransaction, Transaction, TxId, Wire as _, sha256,
};

/// Keys that the load writes, over and over, if a plan says nothing else.
pub const LOAD_KEYS: u64 = 100_000;
/// The most keys of a load: as many as its names can tell apart.
pub const MAX_LOAD_KEYS: u64 = 1 << 20;
/// Accounts that sign the load. They need no balance to put.
pub const LOAD_SIGNERS: usize = 100;
/// Bytes of a signed transaction around its ops: chain, signer, salt, expiry, two list lengths, signature.
const FIXED_BYTES: usize = 32 + 32 + 8 + 8 + 4 + 4 + 64;
/// Bytes of a put around its key and its value: which op, two lengths.
const OP_BYTES: usize = 1 + 4 + 4;
/// Bytes of a load key.
const KEY_BYTES: usize = 10;
/// The smallest signed transaction that a plan can ask for: one with an empty value.
pub const MIN_LOAD_BYTES: usize = FIXED_BYTES + PUT_BYTES;
/// Bytes of a put to a load key around its value.
pub const PUT_BYTES: usize = OP_BYTES + KEY_BYTES;
/// The same where transactions span two groups.
pub const MIN_SPREAD_BYTES: usize = FIXED_BYTES + 2 * (OP_BYTES + SPREAD_KEY_BYTES);

/// What to sign.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// The network.
    pub chain: ChainId,
    /// The same seed and plan make the same transactions.
    pub seed: u64,
    /// The number of the first; a load that is signed part by part goes on counting.
    pub first: u64,
    /// How many.
    pub count: usize,
    /// Bytes of each signed transaction; at least [`MIN_LOAD_BYTES`], or [`MIN_SPREAD_BYTES`] where some span two groups.
    pub bytes: usize,
    /// When they expire, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Which keys they write.
    pub layout: Layout,
}

/// Which keys a load writes.
#[derive(Clone, Debug)]
pub enum Layout {
    /// One each, of so many that fall into whichever group.
    Scattered(u64),
    /// One each in the groups of its turn, of which this share, in percent, spans two.
    Spread(Arc<GroupKeys>, u32),
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
    /// So many transactions of so many bytes, each to one key of whichever group.
    pub fn scattered(chain: ChainId, seed: u64, count: usize, bytes: usize, expires_at_ms: u64) -> LoadPlan {
        LoadPlan { chain, seed, first: 0, count, bytes, expires_at_ms, layout: Layout::Scattered(LOAD_KEYS) }
    }

    /// The keys that sign.
    fn signers(&self) -> Vec<SecretKey> {
        let seed =
            |number: usize| sha256(&[b"witan load", &self.seed.to_le_bytes(), &number.to_le_bytes()]).0;
        (0..LOAD_SIGNERS).map(|number| SecretKey::from_seed(seed(number))).collect()
    }

    /// Puts to keys that look drawn at random, of values unlike the others.
    fn transaction(&self, number: u64, signer: Account) -> Transaction {
        let keys = self.keys(number);
        let filler = sha256(&[&self.seed.to_le_bytes(), &number.to_le_bytes()]).0;
        let around: usize = keys.iter().map(|key| OP_BYTES + key.0.len()).sum();
        let value_bytes = self.bytes.saturating_sub(FIXED_BYTES + around);
        let (each, more) = (value_bytes / keys.len().max(1), value_bytes % keys.len().max(1));
        let put = |(place, key): (usize, Key)| Op::Put {
            key,
            value: filler.iter().copied().cycle().take(if place == 0 { each + more } else { each }).collect(),
        };
        Transaction {
            chain: self.chain,
            signer,
            salt: self.seed.wrapping_add(number),
            expires_at_ms: self.expires_at_ms,
            checks: Vec::new(),
            ops: keys.into_iter().enumerate().map(put).collect(),
        }
    }

    fn keys(&self, number: u64) -> Vec<Key> {
        match &self.layout {
            Layout::Scattered(keys) => {
                // Multiplying by an odd constant scatters consecutive numbers over the keys.
                let scattered = number.wrapping_add(self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                vec![load_key(scattered % (*keys).clamp(1, MAX_LOAD_KEYS))]
            }
            Layout::Spread(keys, share) => {
                let groups = keys.groups_of(number, *share);
                groups.into_iter().filter_map(|group| keys.key(group, number).cloned()).collect()
            }
        }
    }
}

/// The `number`-th key of a load, of [`MAX_LOAD_KEYS`].
pub fn load_key(number: u64) -> Key {
    Key(format!("load/{number:05x}").into_bytes())
}

/// Signs the plan on every core.
pub fn presign(plan: &LoadPlan) -> Vec<Prepared> {
    let signers: Vec<(SecretKey, Account)> =
        plan.signers().into_iter().map(|key| (key.clone(), Account(key.public()))).collect();
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let numbers: Vec<u64> = (plan.first..).take(plan.count).collect();
    thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(plan.count.div_ceil(cores).max(1))
            .map(|part| {
                let signers = &signers;
                let sign = move |number: &u64| {
                    // By its number, so that the same load has the same signers however it is parted.
                    let place = usize::try_from(number % signers.len().max(1) as u64).ok()?;
                    let (key, account) = signers.get(place)?;
                    Some(prepare(&plan.transaction(*number, *account).sign(key)))
                };
                scope.spawn(move || part.iter().filter_map(sign).collect::<Vec<_>>())
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
    use std::collections::{BTreeMap, BTreeSet};
    use witan_ledger::{first_owner, slot_of};
    use witan_types::genesis::{GenesisGroup, Parameters};
    use witan_types::{EngineKind, Genesis, GroupId, Operators};

    fn plan(count: usize) -> LoadPlan {
        LoadPlan::scattered(ChainId::default(), 3, count, 256, 99)
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
    fn a_scattered_load_writes_the_keys_it_was_given_and_all_names_are_of_one_length() {
        let keys = presign(&LoadPlan { layout: Layout::Scattered(7), ..plan(200) });
        let keys =
            keys.iter().map(
                |one| match &SignedTransaction::decode(&one.bytes).unwrap().transaction.ops[..] {
                    [Op::Put { key, .. }] => key.clone(),
                    other => panic!("{other:?}"),
                },
            );
        assert_eq!(keys.collect::<BTreeSet<Key>>(), (0..7).map(load_key).collect());
        assert!(
            [0, LOAD_KEYS, MAX_LOAD_KEYS - 1].into_iter().all(|number| load_key(number).0.len() == KEY_BYTES)
        );
    }

    #[test]
    fn the_same_plan_signs_the_same_transactions() {
        assert_eq!(presign(&plan(100)), presign(&plan(100)));
        assert_ne!(presign(&plan(100)), presign(&LoadPlan { seed: 4, ..plan(100) }));
    }

    #[test]
    fn a_load_signed_part_by_part_is_the_load_signed_at_once() {
        let parts = [(0, 30), (30, 70)].map(|(first, count)| presign(&LoadPlan { first, ..plan(count) }));
        assert_eq!(parts.concat(), presign(&plan(100)));
    }

    #[test]
    fn a_spread_load_has_its_size_and_exactly_the_share_that_spans_two_groups() {
        let genesis = Genesis {
            groups: (0..4).map(|id| GenesisGroup::of_all(GroupId(id), EngineKind::Pbft)).collect(),
            ..empty()
        };
        let keys = Arc::new(GroupKeys::new(&genesis));
        let prepared = presign(&LoadPlan { layout: Layout::Spread(keys, 20), ..plan(300) });
        let (mut spans, mut of_group) = (0, BTreeMap::new());
        for transaction in &prepared {
            let signed = SignedTransaction::decode(&transaction.bytes).unwrap();
            assert_eq!(transaction.bytes.len(), 256);
            assert!(signed.transaction.check_form().is_ok());
            let groups: Vec<GroupId> = (signed.transaction.ops.iter())
                .map(|op| match op {
                    Op::Put { key, .. } => first_owner(&genesis, slot_of(key)),
                    other => panic!("{other:?}"),
                })
                .collect();
            spans += usize::from(groups.len() == 2 && groups[0] != groups[1]);
            *of_group.entry(groups[0]).or_insert(0) += 1;
        }
        assert_eq!((spans, of_group.into_values().collect::<Vec<_>>()), (60, vec![100, 100, 100]));
    }

    fn empty() -> Genesis {
        Genesis {
            name: String::new(),
            time_ms: 0,
            devnet: true,
            permissioned: false,
            validators: Vec::new(),
            followers: Vec::new(),
            operators: Operators::default(),
            groups: Vec::new(),
            balances: Vec::new(),
            parameters: Parameters::default(),
        }
    }

    #[test]
    fn an_empty_plan_signs_nothing() {
        assert!(presign(&plan(0)).is_empty());
    }
}
