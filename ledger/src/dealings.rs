//! What a group remembers of its dealings with other groups: channels, locks, and the transactions across groups that are
//! under way. In memory while the node runs; every change is a record in state, from which it is read back.

use crate::channels::{Channels, Incoming, Outgoing, Sent};
use crate::configuration::{Agreed, EpochRecord, SlotMapRecord, ValidatorRecord};
use crate::error::LedgerError;
use crate::execute::groups_of;
use crate::locks::{ClaimRecord, Holder, LockTable, MAX_LOCKS, Mode, modes_of};
use crate::records::{Record, Records};
use crate::slots::SlotMap;
use crate::two_phase::{
    Coordinated, CoordinatorStage, ParticipantStage, Participated, Place, Planted, PlantedFault,
};
use crate::value::{Entry, Value};
use std::collections::{BTreeMap, BTreeSet};
use witan_types::genesis::Parameters;
use witan_types::{
    ChainId, Genesis, GroupId, Hash, Height, Key, Op, Scheme, SignedTransaction, Transaction, TxId, Wire,
};

/// The most transactions that a group coordinates at once.
pub(crate) const MAX_COORDINATED: usize = 4_096;
/// The most bytes that these may take, what they may read included.
const MAX_COORDINATED_BYTES: usize = 256 * 1024 * 1024;
/// The most transactions that a group takes part in and remembers.
pub(crate) const MAX_PARTICIPATED: usize = 65_536;
/// The most bytes of those that wait for a decision.
const MAX_PREPARED_BYTES: usize = 256 * 1024 * 1024;
/// The most locks that are held for transactions of one coordinator: one that stalls or lies leaves room for the others.
pub(crate) const MAX_LOCKS_OF_ONE: usize = MAX_LOCKS / 4;
/// The most transactions that a block forgets.
const MAX_FORGOTTEN: usize = 1_024;

/// When something is to be done for a coordinated transaction; of several at one time the oldest goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Due {
    at_ms: u64,
    since_ms: u64,
    id: TxId,
}

impl Due {
    fn of(id: TxId, coordinated: &Coordinated) -> Due {
        Due { at_ms: coordinated.due_ms(), since_ms: coordinated.since_ms, id }
    }
}

/// The dealings of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dealings {
    pub(crate) chain: ChainId,
    pub(crate) me: GroupId,
    pub(crate) slots: SlotMap,
    /// How users' signatures are judged.
    pub(crate) scheme: Scheme,
    /// How long after its expiry a transaction of another group is remembered, in milliseconds. It never changes, so that
    /// what is forgotten is not taken for new.
    pub(crate) remember_ms: u64,
    /// What the group goes by.
    pub(crate) agreed: Agreed,
    pub(crate) channels: Channels,
    pub(crate) locks: LockTable,
    coordinated: BTreeMap<TxId, Coordinated>,
    coordinated_bytes: usize,
    participated: BTreeMap<TxId, Participated>,
    prepared_bytes: usize,
    /// Locks held for transactions of each coordinator.
    prepared_locks: BTreeMap<GroupId, usize>,
    /// When something is to be done for a coordinated transaction.
    due: BTreeSet<Due>,
    /// After when a participated transaction is forgotten.
    forget: BTreeSet<(u64, TxId)>,
    /// What the block that executes changes.
    pub(crate) records: Records,
    pub(crate) planted: Planted,
}

impl Dealings {
    /// None yet, of a group of this network.
    pub(crate) fn start(genesis: &Genesis, me: GroupId, scheme: Scheme) -> Dealings {
        let parameters = &genesis.parameters;
        Dealings {
            chain: genesis.chain(),
            me,
            slots: SlotMap::first(genesis),
            scheme,
            remember_ms: parameters.prepare_timeout_ms,
            agreed: Agreed::first(genesis, me),
            channels: Channels::default(),
            locks: LockTable::new(parameters.prepare_timeout_ms),
            coordinated: BTreeMap::new(),
            coordinated_bytes: 0,
            participated: BTreeMap::new(),
            prepared_bytes: 0,
            prepared_locks: BTreeMap::new(),
            due: BTreeSet::new(),
            forget: BTreeSet::new(),
            records: Records::default(),
            planted: Planted::default(),
        }
    }

    /// Takes in a record of the state that a ledger is opened with. Those that are none are passed over.
    ///
    /// # Errors
    /// If it can't be read: the disk is damaged.
    pub(crate) fn restore(&mut self, key: &Key, entry: &Entry) -> Result<(), LedgerError> {
        let (Some(record), Value::Record(bytes)) = (Record::of(key), &entry.value) else { return Ok(()) };
        self.read(record, bytes).map_err(|why| LedgerError::Record { key: key.clone(), why })
    }

    fn read(&mut self, record: Record, bytes: &[u8]) -> Result<(), String> {
        fn decode<T: Wire>(bytes: &[u8]) -> Result<T, String> {
            T::decode(bytes).map_err(|error| error.to_string())
        }
        match record {
            Record::Incoming(group) => self.channels.restore_incoming(group, decode::<Incoming>(bytes)?),
            Record::Outgoing(group) => self.channels.restore_outgoing(group, decode::<Outgoing>(bytes)?),
            Record::Sent(_, height) => self.channels.restore_sent(height, &decode::<Sent>(bytes)?),
            Record::Coordinated(id) => {
                let coordinated: Coordinated = decode(bytes)?;
                if let CoordinatorStage::Preparing { taken_at_ms, .. } = coordinated.stage {
                    let holder = Holder { id, attempt: coordinated.attempt };
                    self.lock_again(holder, &coordinated.transaction.transaction, taken_at_ms)?;
                }
                self.put_coordinated(id, coordinated);
            }
            Record::Participated(id) => {
                let participated: Participated = decode(bytes)?;
                if let ParticipantStage::Prepared { taken_at_ms, transaction, .. } = &participated.stage {
                    let holder = Holder { id, attempt: participated.attempt };
                    self.lock_again(holder, &transaction.transaction, *taken_at_ms)?;
                }
                self.put_participated(id, participated);
            }
            Record::Claim(id) => self.locks.restore_claim(id, decode::<ClaimRecord>(bytes)?),
            Record::Approval(operator) => self.agreed.restore_approval(operator, decode(bytes)?),
            Record::Configuration => self.agreed.restore_configuration(decode(bytes)?),
            Record::Parameters => self.agreed.restore_parameters(decode(bytes)?),
            Record::Epoch(..) => drop(decode::<EpochRecord>(bytes)?),
            Record::SlotMap => drop(decode::<SlotMapRecord>(bytes)?),
            Record::Validator(_) => drop(decode::<ValidatorRecord>(bytes)?),
        }
        Ok(())
    }

    fn lock_again(&mut self, holder: Holder, transaction: &Transaction, at_ms: u64) -> Result<(), String> {
        let modes = self.modes_here(transaction).ok_or("its deltas overflow")?;
        self.locks.restore(holder, &modes, at_ms).map_err(|error| error.to_string())
    }

    /// What was restored is no change.
    pub(crate) fn restored(&mut self) {
        self.records = Records::default();
        self.locks.claims_last_for(self.agreed.parameters().prepare_timeout_ms);
        self.locks.changed_claims();
        self.locks.freed();
    }

    /// Where a transaction executes.
    pub(crate) fn place(&self, transaction: &Transaction) -> Place {
        let mut owners = groups_of(transaction, |key| self.slots.owner(key));
        if owners.next() != Some(self.me) {
            return Place::Elsewhere;
        }
        let others: BTreeSet<GroupId> = owners.filter(|owner| *owner != self.me).collect();
        if others.is_empty() { Place::Here } else { Place::Across(others.into_iter().collect()) }
    }

    /// Whether a key is this group's.
    pub(crate) fn owns(&self, key: &Key) -> bool {
        self.slots.owner(key) == self.me
    }

    /// The keys of this group that a transaction uses, with their modes; `None` if its deltas overflow whatever the
    /// values are.
    pub(crate) fn modes_here(&self, transaction: &Transaction) -> Option<BTreeMap<Key, Mode>> {
        let mut modes = modes_of(transaction).ok()?;
        let ignores = self.planted.is(PlantedFault::ReadIgnoresLocks) && only_reads(transaction);
        let is_locked = |mode: &Mode| {
            let is_none = self.planted.is(PlantedFault::AddLockIsNone) && matches!(mode, Mode::Add(_));
            !is_none && !ignores
        };
        modes.retain(|key, mode| self.owns(key) && is_locked(mode));
        Some(modes)
    }

    /// Until when the votes on an attempt that begins now are waited for. What only reads keeps others from its keys for a
    /// short time, then lets them pass and tries again for twice as long, so that slow groups answer in time at last; but
    /// for no longer in all than anything else, unless conflicts have held it up.
    pub(crate) fn deadline_ms(&self, coordinated: &Coordinated, now_ms: u64) -> u64 {
        let transaction = &coordinated.transaction.transaction;
        let Parameters { read_timeout_ms, prepare_timeout_ms, .. } = *self.agreed.parameters();
        if !only_reads(transaction) {
            return now_ms.saturating_add(prepare_timeout_ms);
        }
        let doublings = u32::try_from(coordinated.attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 2_u64.checked_pow(doublings).unwrap_or(u64::MAX);
        let longer_ms = now_ms.saturating_add(read_timeout_ms.saturating_mul(factor));
        let least_ms = now_ms.saturating_add(read_timeout_ms);
        let last_ms = self.last_deadline_ms(coordinated).max(least_ms);
        longer_ms.min(last_ms).min(transaction.expires_at_ms)
    }

    /// Whether what missed its deadline is asked for again.
    pub(crate) fn may_ask_again(&self, coordinated: &Coordinated, now_ms: u64) -> bool {
        only_reads(&coordinated.transaction.transaction) && now_ms < self.last_deadline_ms(coordinated)
    }

    fn last_deadline_ms(&self, coordinated: &Coordinated) -> u64 {
        coordinated.since_ms.saturating_add(self.agreed.parameters().prepare_timeout_ms)
    }

    /// A transaction that is pending here.
    pub(crate) fn coordinated(&self, id: &TxId) -> Option<&Coordinated> {
        self.coordinated.get(id)
    }

    /// How many transactions are pending here.
    pub(crate) fn pending(&self) -> usize {
        self.coordinated.len()
    }

    /// Whether one more may be coordinated.
    pub(crate) fn has_room_to_coordinate(&self, transaction: &SignedTransaction) -> bool {
        self.coordinated.len() < MAX_COORDINATED
            && self.coordinated_bytes.saturating_add(weight(transaction)) <= MAX_COORDINATED_BYTES
    }

    /// A transaction is pending, or its record changes.
    pub(crate) fn coordinate(&mut self, id: TxId, coordinated: Coordinated) {
        self.records.put(Record::Coordinated(id), &coordinated);
        self.put_coordinated(id, coordinated);
    }

    fn put_coordinated(&mut self, id: TxId, coordinated: Coordinated) {
        self.take_coordinated(&id);
        self.coordinated_bytes += weight(&coordinated.transaction);
        self.due.insert(Due::of(id, &coordinated));
        self.coordinated.insert(id, coordinated);
    }

    fn take_coordinated(&mut self, id: &TxId) -> Option<Coordinated> {
        let coordinated = self.coordinated.remove(id)?;
        self.coordinated_bytes = self.coordinated_bytes.saturating_sub(weight(&coordinated.transaction));
        self.due.remove(&Due::of(*id, &coordinated));
        Some(coordinated)
    }

    /// A transaction is no longer pending.
    pub(crate) fn finish(&mut self, id: &TxId) -> Option<Coordinated> {
        let coordinated = self.take_coordinated(id)?;
        self.records.delete(Record::Coordinated(*id));
        Some(coordinated)
    }

    /// The coordinated transactions for which something is due at this block time, the longest due first, at most `most`.
    pub(crate) fn due(&self, now_ms: u64, most: usize) -> Vec<TxId> {
        self.due.iter().take_while(|due| due.at_ms <= now_ms).take(most).map(|due| due.id).collect()
    }

    /// The block time at which something is due next; Unix milliseconds.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.due.first().map(|due| due.at_ms)
    }

    /// A transaction that this group takes or took part in.
    pub(crate) fn participated(&self, id: &TxId) -> Option<&Participated> {
        self.participated.get(id)
    }

    /// The transactions that this group has voted for and that are not decided, with when it voted.
    pub(crate) fn prepared(&self) -> impl Iterator<Item = (TxId, u64)> {
        self.participated.iter().filter_map(|(id, participated)| match participated.stage {
            ParticipantStage::Prepared { taken_at_ms, .. } => Some((*id, taken_at_ms)),
            ParticipantStage::Refused | ParticipantStage::Decided { .. } => None,
        })
    }

    /// Whether one more transaction of a coordinator may be prepared, and remembered.
    pub(crate) fn has_room_to_participate(
        &self,
        coordinator: GroupId,
        transaction: &SignedTransaction,
    ) -> bool {
        let held = self.prepared_locks.get(&coordinator).copied().unwrap_or(0);
        self.participated.len() < MAX_PARTICIPATED
            && held.saturating_add(self.locks_of(transaction)) <= MAX_LOCKS_OF_ONE
            && self.prepared_bytes.saturating_add(transaction.size()) <= MAX_PREPARED_BYTES
    }

    /// How many locks a transaction takes here.
    fn locks_of(&self, transaction: &SignedTransaction) -> usize {
        self.modes_here(&transaction.transaction).map_or(0, |modes| modes.len())
    }

    /// This group takes part in a transaction, or its record changes.
    pub(crate) fn participate(&mut self, id: TxId, participated: Participated) {
        self.records.put(Record::Participated(id), &participated);
        self.put_participated(id, participated);
    }

    fn put_participated(&mut self, id: TxId, participated: Participated) {
        self.take_participated(&id);
        self.prepared_bytes += prepared_bytes(&participated);
        if let ParticipantStage::Prepared { transaction, .. } = &participated.stage {
            *self.prepared_locks.entry(participated.coordinator).or_default() += self.locks_of(transaction);
        }
        self.forget.insert((participated.keep_until_ms, id));
        self.participated.insert(id, participated);
    }

    fn take_participated(&mut self, id: &TxId) {
        if let Some(old) = self.participated.remove(id) {
            self.prepared_bytes = self.prepared_bytes.saturating_sub(prepared_bytes(&old));
            if let ParticipantStage::Prepared { transaction, .. } = &old.stage {
                let locks = self.locks_of(transaction);
                let held = self.prepared_locks.entry(old.coordinator).or_default();
                *held = held.saturating_sub(locks);
                if *held == 0 {
                    self.prepared_locks.remove(&old.coordinator);
                }
            }
            self.forget.remove(&(old.keep_until_ms, *id));
        }
    }

    /// Forgets what is over at this block time: claims, and transactions of other groups that were decided.
    pub(crate) fn forget(&mut self, now_ms: u64) {
        self.locks.expire(now_ms);
        let over = self.forget.iter().take_while(|(keep_until_ms, _)| *keep_until_ms < now_ms);
        let is_open = |id: &TxId| {
            let stage = self.participated.get(id).map(|participated| &participated.stage);
            matches!(stage, Some(ParticipantStage::Prepared { .. }))
        };
        let over: Vec<TxId> = over.map(|(_, id)| *id).filter(|id| !is_open(id)).take(MAX_FORGOTTEN).collect();
        for id in over {
            self.take_participated(&id);
            self.records.delete(Record::Participated(id));
        }
    }

    /// Ends a block: the root of its outbox, and the changes of state that the dealings are, ascending by key.
    pub(crate) fn close(&mut self, height: Height, is_idle: bool) -> (Hash, Vec<(Key, Option<Entry>)>) {
        let mut records = std::mem::take(&mut self.records);
        let outbox_root = self.channels.close(height, is_idle, &mut records);
        for id in self.locks.changed_claims() {
            match self.locks.claim_record(&id) {
                Some(claim) => records.put(Record::Claim(id), &claim),
                None => records.delete(Record::Claim(id)),
            }
        }
        self.agreed.close();
        self.locks.claims_last_for(self.agreed.parameters().prepare_timeout_ms);
        (outbox_root, records.into_changes(height))
    }
}

/// What a coordinated transaction may take of memory: itself, and what it reads elsewhere.
fn weight(transaction: &SignedTransaction) -> usize {
    let reads = transaction.transaction.ops.iter().any(|op| matches!(op, Op::Get { .. }));
    transaction.size() + if reads { crate::execute::MAX_READ_BYTES } else { 0 }
}

fn prepared_bytes(participated: &Participated) -> usize {
    match &participated.stage {
        ParticipantStage::Prepared { transaction, .. } => transaction.size(),
        ParticipantStage::Refused | ParticipantStage::Decided { .. } => 0,
    }
}

/// Whether a transaction changes nothing.
fn only_reads(transaction: &Transaction) -> bool {
    transaction.ops.iter().all(|op| matches!(op, Op::Get { .. }))
}
