//! The lock table of two-phase commit in one group: which keys are held for transactions that are prepared and not yet
//! decided, by whom, and who goes next. A function of the calls made and of the block times and committed values given.

mod claim;
mod held;
mod mode;
mod request;
mod reservation;
#[cfg(test)]
mod tests;

use crate::value::{FailureReason, Value};
use claim::{Claim, Claims};
use held::{KeyLocks, Lock};
use reservation::{Fit, Reservations, Room};
use std::collections::{BTreeMap, BTreeSet};
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{Key, TxId};

pub(crate) use claim::ClaimRecord;
pub use claim::{Age, MAX_CLAIMS};
pub use mode::{Delta, DeltaOverflow, MAX_KEYS, Mode, modes_of};
pub use request::{HeldLock, Holder, LockError, Outcome, Request};

/// The most locks that a group holds at once.
pub const MAX_LOCKS: usize = 16_384;

/// What one key says to a request.
enum Verdict {
    Free,
    Met(Holder),
    Impossible(FailureReason),
}

/// The locks and claims of one group.
///
/// Whoever uses it gives the committed value of keys, without what is reserved, and holds to two rules. A held key
/// changes through its holders' decisions alone, or by adds that [`LockTable::judge`] grants. And a decision applies the
/// sum of an add in the same step that releases it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockTable {
    prepare_timeout_ms: u64,
    keys: BTreeMap<Key, KeyLocks>,
    /// The keys of each holder, so that a release does not search.
    holders: BTreeMap<Holder, BTreeSet<Key>>,
    /// How many locks are held.
    count: usize,
    claims: Claims,
    /// Keys given back since somebody asked.
    freed: BTreeSet<Key>,
}

impl LockTable {
    /// A table without locks. Claims last for twice `prepare_timeout_ms` of block time.
    pub fn new(prepare_timeout_ms: u64) -> LockTable {
        LockTable {
            prepare_timeout_ms,
            keys: BTreeMap::new(),
            holders: BTreeMap::new(),
            count: 0,
            claims: Claims::default(),
            freed: BTreeSet::new(),
        }
    }

    /// From now on claims last for twice this, in milliseconds of block time.
    pub(crate) fn claims_last_for(&mut self, prepare_timeout_ms: u64) {
        self.prepare_timeout_ms = prepare_timeout_ms;
    }

    /// Takes every lock of a request or none, at block time `now_ms`. `committed` tells the value of a key that the
    /// request adds to. A grant or a failure drops the transaction's claim; any other refusal leaves or renews it.
    ///
    /// # Errors
    /// If the holder holds locks already, or the request is larger than a transaction may be.
    pub fn take(
        &mut self,
        request: &Request,
        committed: &dyn Fn(&Key) -> Option<Value>,
        now_ms: u64,
    ) -> Result<Outcome, LockError> {
        self.check(request)?;
        let outcome = self.judge(request, committed);
        match outcome {
            Outcome::Granted => {
                self.claims.fulfil(&request.holder.id);
                for (key, mode) in &request.modes {
                    self.hold(key, request.holder, Lock { mode: *mode, taken_at_ms: now_ms });
                }
            }
            Outcome::Impossible { .. } => {
                self.claims.remove(&request.holder.id);
            }
            Outcome::Conflict { .. } | Outcome::Full => self.leave_claim(request, now_ms),
        }
        Ok(outcome)
    }

    fn check(&self, request: &Request) -> Result<(), LockError> {
        let longest = request.modes.keys().map(|key| key.0.len()).max().unwrap_or_default();
        if self.holders.contains_key(&request.holder) {
            Err(LockError::AlreadyHeld(request.holder))
        } else if request.modes.len() > MAX_KEYS {
            Err(LockError::TooManyKeys(request.modes.len()))
        } else if longest > MAX_KEY_BYTES {
            Err(LockError::KeyLength(longest))
        } else {
            Ok(())
        }
    }

    /// What [`LockTable::take`] would say to a request, without any change: for a transaction of this group alone,
    /// which must not pass locks or older claims either. Locks of the same holder stand in its way as those of others.
    pub fn judge(&self, request: &Request, committed: &dyn Fn(&Key) -> Option<Value>) -> Outcome {
        let mut conflict = None;
        for (key, mode) in &request.modes {
            match self.judge_key(request.age(), key, *mode, committed) {
                Verdict::Free => {}
                Verdict::Met(holder) => {
                    conflict.get_or_insert_with(|| Outcome::Conflict { key: key.clone(), holder });
                }
                // Waiting for the locks of other keys would not help.
                Verdict::Impossible(reason) => return Outcome::Impossible { key: key.clone(), reason },
            }
        }
        let room = || if self.has_room(request) { Outcome::Granted } else { Outcome::Full };
        conflict.unwrap_or_else(room)
    }

    /// Whether the locks fit beside those held and those that the oldest claim wants, if it is older.
    fn has_room(&self, request: &Request) -> bool {
        // For the oldest alone: it is the one that must get through, and claims cost less to leave than locks.
        let kept_free = self.claims.older(request.age()).next().map_or(0, |(_, claim)| claim.modes.len());
        request.modes.is_empty() || self.count + kept_free + request.modes.len() <= MAX_LOCKS
    }

    fn judge_key(
        &self,
        age: Age,
        key: &Key,
        mode: Mode,
        committed: &dyn Fn(&Key) -> Option<Value>,
    ) -> Verdict {
        let locks = self.keys.get(key);
        if let Some(holder) = locks.and_then(|locks| locks.excludes(mode)) {
            return Verdict::Met(holder);
        }
        if let Mode::Add(delta) = mode {
            let room = match Room::around(key, committed(key).as_ref()) {
                Ok(room) => room,
                Err(reason) => return Verdict::Impossible(reason),
            };
            self.judge_add(age, key, delta, room)
        } else {
            let met = self.claims.first_older(age, key, |claimed| !claimed.is_compatible(mode));
            met.map_or(Verdict::Free, Verdict::Met)
        }
    }

    /// Judges an add on a key that only adds hold.
    fn judge_add(&self, age: Age, key: &Key, delta: Delta, room: Room) -> Verdict {
        let locks = self.keys.get(key);
        let reserved = locks.map(KeyLocks::reserved).unwrap_or_default();
        match (reserved.fit(room, delta), locks.and_then(KeyLocks::first)) {
            (Fit::Always, _) => {}
            (Fit::Sometimes, Some(holder)) => return Verdict::Met(holder),
            _ => return Verdict::Impossible(reservation::failure(key, delta)),
        }
        let met = self.claim_before_add(age, key, delta, room, reserved);
        met.map_or(Verdict::Free, Verdict::Met)
    }

    /// Who goes before an add that what is `reserved` allows.
    fn claim_before_add(
        &self,
        age: Age,
        key: &Key,
        delta: Delta,
        room: Room,
        reserved: Reservations,
    ) -> Option<Holder> {
        let mut ahead = reserved;
        let is_before = |claimed| {
            let Mode::Add(claimed) = claimed else {
                return true;
            };
            // Otherwise many small adds would use up what a large one waits for.
            ahead = ahead.ahead_of(claimed);
            // And a claim that does not fit yet must come to an end with those who hold the key now: one undecided
            // deposit after the other would keep a withdrawal between grant and failure.
            let is_waiting = delta != Delta::ZERO && reserved.fit(room, claimed) != Fit::Always;
            is_waiting || ahead.fit(room, delta) != Fit::Always
        };
        self.claims.first_older(age, key, is_before)
    }

    /// Holds one lock; `false`, and nothing changes, if others exclude it or what is reserved overflows, which a judged
    /// request rules out.
    fn hold(&mut self, key: &Key, holder: Holder, lock: Lock) -> bool {
        let is_held = self.keys.entry(key.clone()).or_default().hold(holder, lock);
        if is_held {
            self.holders.entry(holder).or_default().insert(key.clone());
            self.count += 1;
        }
        is_held
    }

    /// Takes locks again that were held when the state was written.
    ///
    /// # Errors
    /// If the holder holds locks already, or others exclude them: no table wrote that.
    pub(crate) fn restore(
        &mut self,
        holder: Holder,
        modes: &BTreeMap<Key, Mode>,
        taken_at_ms: u64,
    ) -> Result<(), LockError> {
        if self.holders.contains_key(&holder) {
            return Err(LockError::AlreadyHeld(holder));
        }
        let held = |(key, mode): (&Key, &Mode)| self.hold(key, holder, Lock { mode: *mode, taken_at_ms });
        if modes.iter().all(held) { Ok(()) } else { Err(LockError::AlreadyHeld(holder)) }
    }

    /// Leaves or renews the claim of a transaction that was refused.
    pub(crate) fn leave_claim(&mut self, request: &Request, now_ms: u64) {
        let over_ms = now_ms.saturating_add(self.prepare_timeout_ms.saturating_mul(2));
        // The transaction is not void yet in a block of exactly its expiry.
        let until_ms = over_ms.min(request.expires_at_ms.saturating_add(1));
        let claim = Claim { attempt: request.holder.attempt, modes: request.modes.clone(), until_ms };
        self.claims.renew(request.age(), claim);
    }

    /// Gives back every lock of a holder, and says how many those were. The transaction's claim, if it has one, stays
    /// for its next attempt.
    pub fn release(&mut self, holder: &Holder) -> usize {
        let keys = self.holders.remove(holder).unwrap_or_default();
        for key in &keys {
            if let Some(locks) = self.keys.get_mut(key) {
                locks.release(holder);
                if locks.is_empty() {
                    self.keys.remove(key);
                }
            }
        }
        self.count = self.count.saturating_sub(keys.len());
        let released = keys.len();
        self.freed.extend(keys);
        released
    }

    /// A planted mistake: gives back what a holder only reads.
    pub(crate) fn release_reads(&mut self, holder: &Holder) {
        let Some(keys) = self.holders.get_mut(holder) else { return };
        let is_read = |locks: &KeyLocks| locks.iter().any(|(_, lock)| lock.mode == Mode::Read);
        let read: Vec<Key> =
            keys.iter().filter(|key| self.keys.get(*key).is_some_and(is_read)).cloned().collect();
        for key in read {
            keys.remove(&key);
            if let Some(locks) = self.keys.get_mut(&key) {
                locks.release(holder);
            }
            self.count = self.count.saturating_sub(1);
        }
        self.keys.retain(|_, locks| !locks.is_empty());
    }

    /// Drops the claim of a transaction that is final; whether it had one.
    pub fn drop_claim(&mut self, id: &TxId) -> bool {
        self.claims.remove(id)
    }

    /// Drops the claims that are over at block time `now_ms`: not renewed for twice the prepare time-out, or of
    /// transactions that have expired.
    pub fn expire(&mut self, now_ms: u64) {
        self.claims.expire(now_ms);
    }

    /// Every lock, ascending by key and holder.
    pub fn locks(&self) -> impl Iterator<Item = HeldLock<'_>> {
        self.keys.iter().flat_map(|(key, locks)| {
            let shown = move |(holder, lock): (&Holder, &Lock)| HeldLock {
                key,
                mode: lock.mode,
                holder: *holder,
                taken_at_ms: lock.taken_at_ms,
            };
            locks.iter().map(shown)
        })
    }

    /// Who claims keys, the oldest first.
    pub fn claims(&self) -> impl Iterator<Item = Age> {
        self.claims.iter().map(|(age, _)| *age)
    }

    /// When the first claim is over, unless it is renewed; Unix milliseconds.
    pub(crate) fn claims_until_ms(&self) -> Option<u64> {
        self.claims.iter().map(|(_, claim)| claim.until_ms).min()
    }

    /// Since when a transaction has had a claim; `None` if it has none.
    pub(crate) fn claimed_since(&self, id: &TxId) -> Option<u64> {
        self.claims.age_of(id).map(|age| age.since_ms)
    }

    /// The claim of a transaction, for its record.
    pub(crate) fn claim_record(&self, id: &TxId) -> Option<ClaimRecord> {
        self.claims.record(id)
    }

    /// Puts a claim back that was left when the state was written.
    pub(crate) fn restore_claim(&mut self, id: TxId, record: ClaimRecord) {
        self.claims.restore(id, record);
    }

    /// The transactions whose claims changed since this was last asked.
    pub(crate) fn changed_claims(&mut self) -> BTreeSet<TxId> {
        self.claims.take_changed()
    }

    /// The keys that somebody gave back, or claims no longer, since this was last asked.
    pub(crate) fn freed(&mut self) -> BTreeSet<Key> {
        let mut freed = std::mem::take(&mut self.freed);
        freed.append(&mut self.claims.take_freed());
        freed
    }

    /// Whether nothing is held and nothing claimed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.claims.iter().next().is_none()
    }
}
