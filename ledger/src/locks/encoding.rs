//! The one encoding of a lock table, for snapshots of a group's state.

use super::claim::{Age, Claim, Claims, MAX_CLAIMS};
use super::held::Lock;
use super::mode::{MAX_KEYS, Mode};
use super::{Holder, LockTable, MAX_LOCKS};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use witan_types::codec::bounded;
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{Key, Wire};

const KEY_BYTES: usize = 4 + MAX_KEY_BYTES;
const HOLDER_BYTES: usize = 32 + 8;
const MODE_BYTES: usize = 1 + 1 + 16;
const LOCK_BYTES: usize = KEY_BYTES + HOLDER_BYTES + MODE_BYTES + 8;
const CLAIM_BYTES: usize = 40 + 8 + 8 + 4 + MAX_KEYS * (KEY_BYTES + MODE_BYTES);

#[derive(BorshSerialize, BorshDeserialize)]
struct PortableTable {
    prepare_timeout_ms: u64,
    /// Ascending by key and holder.
    #[borsh(deserialize_with = "bounded::<MAX_LOCKS, _, _>")]
    locks: Vec<PortableLock>,
    /// The oldest first.
    #[borsh(deserialize_with = "bounded::<MAX_CLAIMS, _, _>")]
    claims: Vec<PortableClaim>,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct PortableLock {
    key: Key,
    holder: Holder,
    lock: Lock,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct PortableClaim {
    age: Age,
    attempt: u64,
    until_ms: u64,
    /// Ascending by key.
    #[borsh(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
    modes: Vec<(Key, Mode)>,
}

impl Wire for LockTable {
    const MAX_BYTES: usize = 8 + 4 + MAX_LOCKS * LOCK_BYTES + 4 + MAX_CLAIMS * CLAIM_BYTES;
}

impl BorshSerialize for LockTable {
    fn serialize<W: Write>(&self, writer: &mut W) -> IoResult<()> {
        let locks = self.locks().map(|held| PortableLock {
            key: held.key.clone(),
            holder: held.holder,
            lock: Lock { mode: held.mode, taken_at_ms: held.taken_at_ms },
        });
        let claims = self.claims.iter().map(|(age, claim)| PortableClaim {
            age: *age,
            attempt: claim.attempt,
            until_ms: claim.until_ms,
            modes: claim.modes.iter().map(|(key, mode)| (key.clone(), *mode)).collect(),
        });
        PortableTable {
            prepare_timeout_ms: self.prepare_timeout_ms,
            locks: locks.collect(),
            claims: claims.collect(),
        }
        .serialize(writer)
    }
}

impl BorshDeserialize for LockTable {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<LockTable> {
        let portable = PortableTable::deserialize_reader(reader)?;
        let mut table = LockTable::new(portable.prepare_timeout_ms);
        let places = portable.locks.iter().map(|held| (&held.key, held.holder));
        refuse_unless(places.is_sorted_by(|one, two| one < two), "locks that do not ascend")?;
        for PortableLock { key, holder, lock } in portable.locks {
            refuse_unless(table.hold(&key, holder, lock), "locks that exclude each other")?;
        }
        let is_small = table.holders.values().all(|keys| keys.len() <= MAX_KEYS);
        refuse_unless(is_small, "a holder of more locks than a transaction takes")?;
        table.claims = read_claims(portable.claims)?;
        Ok(table)
    }
}

fn read_claims(portable: Vec<PortableClaim>) -> IoResult<Claims> {
    let ascend = portable.is_sorted_by(|one, two| one.age < two.age);
    let ids: BTreeSet<_> = portable.iter().map(|claim| claim.age.id).collect();
    refuse_unless(ascend && ids.len() == portable.len(), "claims that do not ascend")?;
    let mut claims = Claims::default();
    for PortableClaim { age, attempt, until_ms, modes } in portable {
        refuse_unless(modes.is_sorted_by(|one, two| one.0 < two.0), "a claim's keys that do not ascend")?;
        claims.renew(age, Claim { attempt, modes: modes.into_iter().collect(), until_ms });
    }
    Ok(claims)
}

fn refuse_unless(holds: bool, why: &'static str) -> IoResult<()> {
    if holds { Ok(()) } else { Err(Error::new(ErrorKind::InvalidData, why)) }
}
