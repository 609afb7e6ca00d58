//! Taking in transactions: into the mempool, and on to the validators. What this node took in it sends again until it
//! is final or expired, since any single message may be lost.

use crate::event::{Admission, Class, Effects, Now, Outgoing, Recipient, Source, Ticket};
use crate::message::{MAX_RELAYED, Message};
use crate::replica::Replica;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use witan_consensus::engine::{Engine, Tick};
use witan_ledger::Store;
use witan_ledger::mempool::Refusal;
use witan_types::{FaultModel, IdentifiedTransaction, NodeId, TxId, ValidatorIndex};

/// A transaction taken in here that is not final after this long is sent again.
const RELAY_AGAIN: Duration = Duration::from_secs(3);
/// The most bytes sent again at once, a second.
const RELAY_AGAIN_BYTES: usize = 256 * 1024;
/// The most bytes of transactions in one message, unless a single one is larger.
const RELAY_BYTES: usize = 128 * 1024;

/// What this node took in from clients and has to see through.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    relayed: BTreeMap<TxId, Tick>,
    /// The newest term and its leader, to whom they were sent, among members who trust each other.
    leader: (u64, Option<ValidatorIndex>),
    /// Which validator a node outside the group hands transactions to next.
    next_validator: usize,
}

/// What became of a transaction that reached this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// It waits in the mempool since now.
    New,
    /// It waited there before.
    Waits,
    /// It was executed, or is pending across groups.
    Executed,
    /// It is void at the newest block's time; it may have been executed before.
    Expired,
    /// It expires later than the network remembers ids: at latest possible, in Unix milliseconds.
    ExpiryTooFar(u64),
    /// It touches a key of another group: no block of this one would ever execute it.
    Elsewhere,
    MempoolFull,
    SignerFull,
}

impl Taken {
    /// It waits in the mempool since now.
    pub(crate) fn is_new(self) -> bool {
        self == Taken::New
    }
}

impl Intake {
    /// It is final or expired.
    pub(crate) fn forget(&mut self, id: &TxId) {
        self.relayed.remove(id);
    }
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    pub(crate) fn on_submit(
        &mut self,
        now: Now,
        ticket: Ticket,
        list: Vec<IdentifiedTransaction>,
        effects: &mut Effects,
    ) {
        let mut admissions = Vec::with_capacity(list.len());
        let mut fresh = Vec::new();
        let latest = self.latest_expiry(now);
        for known in list {
            let taken = self.take_in(latest, &known);
            admissions.push(self.admission(&known.id(), taken));
            match taken {
                Taken::New => fresh.push(known),
                // Whoever brought it here may not bring it anywhere else.
                Taken::Waits => {
                    self.intake.relayed.entry(known.id()).or_insert(now.tick);
                }
                _ => {}
            }
        }
        effects.admissions.push((ticket, admissions));
        self.relay(now, fresh, effects);
    }

    /// Transactions from a peer. Those handed over as a request came from outside the group: this validator answers
    /// for them from now on.
    pub(crate) fn on_transactions(
        &mut self,
        now: Now,
        source: Source,
        list: Vec<IdentifiedTransaction>,
        effects: &mut Effects,
    ) {
        let mut fresh = Vec::new();
        let latest = self.latest_expiry(now);
        for known in list {
            if self.take_in(latest, &known) == Taken::New {
                fresh.push(known);
            }
        }
        if matches!(source, Source::Request(..)) {
            self.relay(now, fresh, effects);
        }
    }

    /// The latest expiry that a block made now could hold. The validators' clocks decide, not this node's alone: what
    /// they don't let into a block would only wait here.
    pub(crate) fn latest_expiry(&self, now: Now) -> u64 {
        let time_ms = self.ledger.tip().time_ms.max(self.catch_up.median_clock(now, &self.validators));
        time_ms.saturating_add(self.ledger.parameters().max_tx_lifetime_ms)
    }

    /// Takes a transaction in, unless what this node remembers speaks against it. Reads no disk.
    pub(crate) fn take_in(&mut self, latest: u64, known: &IdentifiedTransaction) -> Taken {
        let time = self.ledger.tip().time_ms;
        let expires = known.transaction.expires_at_ms;
        if self.ledger.is_seen(known) {
            return Taken::Executed;
        }
        if self.mempool.contains(&known.id()) {
            return Taken::Waits;
        }
        if expires <= time {
            return Taken::Expired;
        }
        if expires > latest {
            return Taken::ExpiryTooFar(latest);
        }
        if self.ledger.is_elsewhere(&known.transaction) {
            return Taken::Elsewhere;
        }
        match self.mempool.add(known.clone()) {
            Ok(()) => Taken::New,
            Err(Refusal::Duplicate) => Taken::Waits,
            Err(Refusal::Full) => Taken::MempoolFull,
            Err(Refusal::SignerFull) => Taken::SignerFull,
        }
    }

    /// What a client hears. One that asks again about what was executed long ago gets the same answer as ever.
    fn admission(&self, id: &TxId, taken: Taken) -> Admission {
        let executed = || self.ledger.find_transaction(id).map(|(height, _)| Admission::Final(height));
        match taken {
            Taken::New | Taken::Waits => Admission::Pending,
            Taken::Executed => executed().unwrap_or(Admission::Started),
            Taken::Expired => executed().unwrap_or(Admission::Expired),
            Taken::ExpiryTooFar(latest) => Admission::ExpiryTooFar(latest),
            Taken::Elsewhere => Admission::Elsewhere,
            Taken::MempoolFull => Admission::MempoolFull,
            Taken::SignerFull => Admission::SignerFull,
        }
    }

    /// Sends transactions on and remembers to do so again.
    fn relay(&mut self, now: Now, list: Vec<IdentifiedTransaction>, effects: &mut Effects) {
        self.intake.relayed.extend(list.iter().map(|known| (known.id(), now.tick)));
        self.disseminate(now, list, effects);
    }

    /// Sends transactions to who may lead next; a node outside the group hands them to one validator.
    pub(crate) fn pass_on(&mut self, now: Now, list: Vec<IdentifiedTransaction>, effects: &mut Effects) {
        let to = self.takers();
        self.pass_on_to(to, now, list, effects);
    }

    /// Who should have transactions that were taken in here: all validators, since each leads in turn. Among members who trust each
    /// other one leads for as long as it lives, and all others get them in its blocks.
    fn takers(&self) -> Option<Recipient> {
        if self.committee.faults() == FaultModel::Byzantine {
            return Some(Recipient::Validators);
        }
        match self.intake.leader.1 {
            Some(leader) if self.place() == Some(leader) => None,
            Some(leader) => self.validators.get(leader.at()).copied().map(Recipient::Node),
            None => Some(Recipient::Validators),
        }
    }

    fn pass_on_to(
        &mut self,
        to: Option<Recipient>,
        now: Now,
        list: Vec<IdentifiedTransaction>,
        effects: &mut Effects,
    ) {
        for part in parts(list) {
            let message = Message::Transactions(part);
            if self.identity.validator.is_none() {
                effects.gossip.push(message.clone());
                effects.requests.extend(self.next_validator(now).map(|node| (node, message)));
            } else if let Some(to) = to {
                effects.send.push(Outgoing { to, class: Class::Transactions, bytes: message.bytes() });
            }
        }
    }

    /// Where one leads until it fails, another leader, or the same after a new start, gets what waits here.
    pub(crate) fn look_for_leader(&mut self, now: Now, effects: &mut Effects) {
        if self.committee.faults() == FaultModel::Byzantine {
            return;
        }
        let Some(engine) = &self.engine else { return };
        let status = engine.engine().status();
        let leader = (status.view, status.leader);
        if std::mem::replace(&mut self.intake.leader, leader) != leader
            && leader.1.is_some()
            && let Some(to) = self.takers()
        {
            self.pass_all_on(to, now, effects);
        }
    }

    /// All that waits in the mempool, whoever brought it here: the one who did may be gone.
    fn pass_all_on(&mut self, to: Recipient, now: Now, effects: &mut Effects) {
        let waiting: Vec<IdentifiedTransaction> =
            self.mempool.since(0).map(|(_, known)| known.clone()).collect();
        for known in &waiting {
            self.intake.relayed.entry(known.id()).and_modify(|sent| *sent = now.tick);
        }
        self.pass_on_to(Some(to), now, waiting, effects);
    }

    /// Validators in turn, those that can be reached.
    fn next_validator(&mut self, now: Now) -> Option<NodeId> {
        let reachable: Vec<_> =
            self.validators.iter().filter(|node| self.catch_up.is_reached(now, node)).copied().collect();
        self.intake.next_validator = self.intake.next_validator.wrapping_add(1);
        let place = self.intake.next_validator.checked_rem(reachable.len())?;
        reachable.get(place).copied()
    }

    /// A leader that leaves has told nobody of what it took in.
    pub(crate) fn hand_on(&mut self, now: Now, effects: &mut Effects) {
        if self.committee.faults() == FaultModel::Crash {
            self.pass_all_on(Recipient::Validators, now, effects);
        }
    }

    /// Sends again, to all, what was taken in here and is still not final, within a bound.
    pub(crate) fn relay_again(&mut self, now: Now, effects: &mut Effects) {
        let is_due = |sent: &Tick| now.tick.0.saturating_sub(sent.0) >= RELAY_AGAIN;
        // What was sent longest ago goes first: nothing is kept back for ever by what is sent again and again.
        let due = self.intake.relayed.iter().filter(|(_, sent)| is_due(sent));
        let due: BTreeSet<(Tick, TxId)> = due.map(|(id, sent)| (*sent, *id)).collect();
        let mut bytes = 0;
        let mut again = Vec::new();
        for (_, id) in due {
            let Some(known) = self.mempool.get(&id).filter(|_| !self.mempool.is_batched(&id)) else {
                continue;
            };
            bytes += known.size();
            if bytes > RELAY_AGAIN_BYTES {
                break;
            }
            self.intake.relayed.insert(id, now.tick);
            again.push(known.clone());
        }
        self.pass_on_to(Some(Recipient::Validators), now, again, effects);
    }
}

/// Cuts a list into parts that fit a message each.
pub(crate) fn parts(list: Vec<IdentifiedTransaction>) -> Vec<Vec<IdentifiedTransaction>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for known in list {
        let size = known.size();
        if !part.is_empty() && (bytes + size > RELAY_BYTES || part.len() == MAX_RELAYED) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(known);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}
