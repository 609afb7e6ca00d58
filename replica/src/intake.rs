//! Taking in transactions: into the mempool, and on to the validators. What this node took in it sends again until it
//! is final or expired, since any single message may be lost.

use crate::event::{Admission, Class, Effects, Now, Source, Ticket};
use crate::message::{MAX_RELAYED, Message};
use crate::replica::{Replica, outgoing};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Engine, Tick};
use witan_ledger::mempool::Refusal;
use witan_ledger::{Pooled, Store};
use witan_types::{SignedTransaction, TxId};

/// A transaction taken in here that is not final after this long is sent again.
const RELAY_AGAIN: Duration = Duration::from_secs(3);
/// The most bytes sent again at once.
const RELAY_AGAIN_BYTES: usize = 256 * 1024;
/// The most bytes of transactions in one message, unless a single one is larger.
const RELAY_BYTES: usize = 128 * 1024;

/// What this node took in from clients and has to see through.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    relayed: BTreeMap<TxId, Tick>,
    /// Which validator a node outside the group hands transactions to next.
    next_validator: usize,
}

impl Intake {
    /// It is final or expired.
    pub(crate) fn forget(&mut self, id: &TxId) {
        self.relayed.remove(id);
    }
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    pub(crate) fn on_submit(&mut self, now: Now, ticket: Ticket, list: Vec<Pooled>, effects: &mut Effects) {
        let mut admissions = Vec::with_capacity(list.len());
        let mut fresh = Vec::new();
        for pooled in list {
            let transaction = Arc::clone(&pooled.transaction);
            let (admission, new) = self.admit(now, pooled);
            admissions.push(admission);
            if new {
                fresh.push(transaction);
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
        list: Vec<Pooled>,
        effects: &mut Effects,
    ) {
        let mut fresh = Vec::new();
        for pooled in list {
            let transaction = Arc::clone(&pooled.transaction);
            if let (Admission::Pending, true) = self.admit(now, pooled) {
                fresh.push(transaction);
            }
        }
        if matches!(source, Source::Request(..)) {
            self.relay(now, fresh, effects);
        }
    }

    /// Judges one transaction by what this node knows, and says whether it is new here.
    fn admit(&mut self, now: Now, pooled: Pooled) -> (Admission, bool) {
        let lifetime = self.parameters.max_tx_lifetime_ms;
        let time = self.ledger.tip().time_ms;
        let latest = time.max(now.wall_ms).saturating_add(lifetime);
        let expires = pooled.transaction.transaction.expires_at_ms;
        if self.ledger.is_seen(&pooled.id) {
            let height = self.ledger.find_transaction(&pooled.id).map_or(0, |(height, _)| height);
            return (Admission::Final(height), false);
        }
        if self.mempool.contains(&pooled.id) {
            return (Admission::Pending, false);
        }
        if expires <= time {
            let executed = self.ledger.find_transaction(&pooled.id);
            return (executed.map_or(Admission::Expired, |(height, _)| Admission::Final(height)), false);
        }
        if expires > latest {
            return (Admission::ExpiryTooFar(latest), false);
        }
        match self.mempool.add(pooled) {
            Ok(()) => (Admission::Pending, true),
            Err(Refusal::Duplicate) => (Admission::Pending, false),
            Err(Refusal::Full) => (Admission::MempoolFull, false),
            Err(Refusal::SignerFull) => (Admission::SignerFull, false),
        }
    }

    /// Sends transactions on and remembers to do so again.
    fn relay(&mut self, now: Now, transactions: Vec<Arc<SignedTransaction>>, effects: &mut Effects) {
        for transaction in &transactions {
            self.intake.relayed.insert(transaction.id(), now.tick);
        }
        for part in parts(transactions) {
            self.pass_on(now, Message::Transactions(part), effects);
        }
    }

    fn pass_on(&mut self, now: Now, message: Message, effects: &mut Effects) {
        if self.identity.validator.is_some() {
            effects.send.push(outgoing(Class::Transactions, &message));
        } else if let Some(node) = self.next_validator(now) {
            effects.requests.push((node, message));
        }
    }

    /// Validators in turn, those that can be reached.
    fn next_validator(&mut self, now: Now) -> Option<witan_types::NodeId> {
        let reachable: Vec<_> =
            self.validators.iter().filter(|node| self.catch_up.is_reached(now, node)).copied().collect();
        self.intake.next_validator = self.intake.next_validator.wrapping_add(1);
        let place = self.intake.next_validator.checked_rem(reachable.len())?;
        reachable.get(place).copied()
    }

    /// Sends again what was taken in here and is still not final, within a bound.
    pub(crate) fn relay_again(&mut self, now: Now, effects: &mut Effects) {
        let due = |sent: &Tick| now.tick.0.saturating_sub(sent.0) >= RELAY_AGAIN;
        let mut bytes = 0;
        let mut again = Vec::new();
        for (id, sent) in self.intake.relayed.iter_mut().filter(|(_, sent)| due(sent)) {
            let Some(pooled) = self.mempool.get(id) else { continue };
            bytes += pooled.size;
            if bytes > RELAY_AGAIN_BYTES {
                break;
            }
            *sent = now.tick;
            again.push(Arc::clone(&pooled.transaction));
        }
        for part in parts(again) {
            self.pass_on(now, Message::Transactions(part), effects);
        }
    }
}

/// Cuts a list into parts that fit a message each.
fn parts(transactions: Vec<Arc<SignedTransaction>>) -> Vec<Vec<Arc<SignedTransaction>>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for transaction in transactions {
        let size = transaction.size();
        if !part.is_empty() && (bytes + size > RELAY_BYTES || part.len() == MAX_RELAYED) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(transaction);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}
