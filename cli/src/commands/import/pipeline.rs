//! The way of every record into a committed transaction: many transactions under way, each sent again with the same
//! bytes until the network says what became of it.

use super::groups::{Group, Groups, Step};
use super::journal::{Journal, Note, Progress, Sent, Span};
use super::records::{Line, Record, Rejection};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::time::Duration;
use witan_types::{Account, ChainId, SecretKey, SignedTransaction, Transaction, TxId, Wire as _};

/// The most transactions under way.
pub(crate) const MAX_IN_FLIGHT: usize = 128;
/// The most transactions in one submission, and the most bytes: their hex fits a request body of 1 MiB.
pub(crate) const MAX_BATCH: usize = 100;
pub(crate) const MAX_BATCH_BYTES: usize = 480_000;
/// The most transactions asked after at once.
const MAX_ASKED: usize = 32;
/// How long to wait between looks at what is under way.
const POLL: Duration = Duration::from_millis(50);
/// A transaction that no node knows is sent again after this time.
const RESUBMIT_AFTER_MS: u64 = 2_000;
/// How long a network may answer nothing before the import stops.
const PATIENCE_MS: u64 = 180_000;
/// How long to wait where the network asked for no particular time.
const RETRY_MS: u64 = 500;

/// What a node said to a submitted transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has it.
    Taken,
    /// Not now; try the same bytes again after this many milliseconds.
    Later(u64),
    /// It can't be executed any more, and was not: sign again.
    Expired,
    /// Its content is refused.
    Refused(String),
    /// No transaction signed like this will do: wrong chain or signature.
    Hopeless(String),
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing final yet.
    Waiting,
    /// The node does not know it.
    Unknown,
    Committed,
    Failed(String),
    Expired,
}

/// The network, as an import sees it.
pub(crate) trait Network {
    /// Submits signed bytes: one answer each, in order, or why no node answered.
    async fn submit(&mut self, transactions: &[&[u8]]) -> Result<Vec<Answer>, String>;
    /// What became of transactions: one fate each, in order, or why no node answered.
    async fn fates(&mut self, ids: &[TxId]) -> Result<Vec<Fate>, String>;
    /// Unix milliseconds.
    fn now_ms(&self) -> u64;
    /// Lets time pass.
    async fn pause(&mut self, time: Duration);
}

/// What the import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records in the file, blank lines left out.
    pub(crate) read: u64,
    /// Records whose transaction is committed.
    pub(crate) loaded: u64,
    /// Those of them that an earlier run had loaded.
    pub(crate) loaded_before: u64,
    /// Records that are not loaded, by reason.
    pub(crate) rejected: BTreeMap<String, u64>,
    /// Transactions that this run saw committed.
    pub(crate) transactions: u64,
}

/// Who signs, for how long.
#[derive(Debug)]
pub(crate) struct Signing {
    pub(crate) chain: ChainId,
    pub(crate) key: SecretKey,
    /// Milliseconds a transaction is good for.
    pub(crate) lifetime_ms: u64,
    /// Draws salts.
    pub(crate) salt: fn() -> u64,
}

/// A transaction under way.
struct Flight {
    group: Group,
    bytes: Vec<u8>,
    /// When to submit it, again or for the first time; `None` while the network has it.
    due_ms: Option<u64>,
    submitted_ms: u64,
}

/// Tells the user: of progress, and of each rejected record.
pub(crate) trait Listener {
    fn progress(&mut self, counts: &Counts);
    fn rejected(&mut self, line: u64, reason: &str, detail: &str);
    fn trouble(&mut self, what: &str);
}

/// An import at work.
pub(crate) struct Import<'a, F> {
    groups: Groups<F>,
    journal: Journal,
    /// What earlier runs did.
    before: Progress,
    signing: Signing,
    listener: &'a mut dyn Listener,
    counts: Counts,
    /// Groups that go before those still in the file.
    backlog: VecDeque<Group>,
    in_flight: BTreeMap<TxId, Flight>,
    at_end: bool,
    silent_since_ms: Option<u64>,
}

impl<'a, F: FnMut() -> io::Result<Option<Line>>> Import<'a, F> {
    pub(crate) fn new(
        groups: Groups<F>,
        journal: Journal,
        before: Progress,
        signing: Signing,
        listener: &'a mut dyn Listener,
    ) -> Self {
        Import {
            groups,
            journal,
            before,
            signing,
            listener,
            counts: Counts::default(),
            backlog: VecDeque::new(),
            in_flight: BTreeMap::new(),
            at_end: false,
            silent_since_ms: None,
        }
    }

    /// Loads everything.
    ///
    /// # Errors
    /// If the file or the journal fails, the network is silent for too long, or refuses this signer altogether. What
    /// was reached stands in the journal.
    pub(crate) async fn run(mut self, network: &mut impl Network) -> Result<Counts, String> {
        loop {
            self.launch(network.now_ms()).map_err(|error| error.to_string())?;
            if self.in_flight.is_empty() && self.backlog.is_empty() && self.at_end {
                return Ok(self.counts);
            }
            self.submit_due(network).await?;
            self.settle(network).await?;
            self.listener.progress(&self.counts);
            if self.in_flight.len() >= MAX_IN_FLIGHT / 2 || self.at_end || !self.backlog.is_empty() {
                network.pause(POLL).await;
            }
        }
    }

    /// Starts transactions while there is room. One that writes a key which an earlier one is still writing waits,
    /// so that the last value of a key in the file is the one that stays.
    fn launch(&mut self, now_ms: u64) -> io::Result<()> {
        let flights = self.in_flight.values();
        let mut busy: BTreeSet<Vec<u8>> =
            flights.flat_map(|flight| flight.group.records.iter().map(|record| record.key.clone())).collect();
        while self.in_flight.len() < MAX_IN_FLIGHT {
            let Some(group) = self.next_group()? else {
                return Ok(());
            };
            if group.records.iter().any(|record| busy.contains(&record.key)) {
                self.backlog.push_front(group);
                return Ok(());
            }
            busy.extend(group.records.iter().map(|record| record.key.clone()));
            self.start(group, now_ms, now_ms)?;
        }
        Ok(())
    }

    /// The next group with something left to load.
    fn next_group(&mut self) -> io::Result<Option<Group>> {
        if let Some(group) = self.backlog.pop_front() {
            return Ok(Some(group));
        }
        while !self.at_end {
            match self.groups.next_step()? {
                None => self.at_end = true,
                Some(Step::Rejected(Rejection { line, reason, detail })) => {
                    self.counts.read += 1;
                    self.reject(line, reason.name(), &detail);
                }
                Some(Step::Group(group)) => {
                    self.counts.read += group.records.len() as u64;
                    let group = self.without_finished(group);
                    if !group.records.is_empty() {
                        return Ok(Some(group));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The records of a group that no earlier run finished.
    fn without_finished(&mut self, group: Group) -> Group {
        let mut left = Vec::with_capacity(group.records.len());
        for record in group.records {
            if let Some(reason) = self.before.refusal(record.line).map(str::to_owned) {
                self.reject(record.line, &reason, "in an earlier run");
            } else if self.before.is_done(record.line) {
                self.counts.loaded += 1;
                self.counts.loaded_before += 1;
            } else {
                left.push(record);
            }
        }
        Group { records: left }
    }

    /// Signs a group and puts it under way: as the very transaction of an earlier run, if that sent it.
    fn start(&mut self, group: Group, now_ms: u64, due_ms: u64) -> io::Result<()> {
        let span = Span { first: group.first_line(), last: group.last_line() };
        let sent = match self.before.take_sent(span) {
            Some(sent) => sent,
            None => {
                let expires_at_ms = now_ms.saturating_add(self.signing.lifetime_ms);
                let sent = Sent { span, salt: (self.signing.salt)(), expires_at_ms };
                self.journal.write(&[Note::Sent(sent)])?;
                sent
            }
        };
        let signed = self.signing.sign(&group, &sent);
        let flight = Flight { group, bytes: signed.encode(), due_ms: Some(due_ms), submitted_ms: 0 };
        self.in_flight.insert(signed.id(), flight);
        Ok(())
    }

    /// Submits what is due, in batches within the bounds of a request.
    async fn submit_due(&mut self, network: &mut impl Network) -> Result<(), String> {
        let now_ms = network.now_ms();
        let due: Vec<TxId> = self
            .in_flight
            .iter()
            .filter(|(_, flight)| flight.due_ms.is_some_and(|due_ms| due_ms <= now_ms))
            .map(|(id, _)| *id)
            .collect();
        let mut rest = due.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.batch_length(rest));
            rest = later;
            let bytes: Vec<&[u8]> = batch
                .iter()
                .filter_map(|id| self.in_flight.get(id))
                .map(|flight| flight.bytes.as_slice())
                .collect();
            match network.submit(&bytes).await {
                Ok(answers) => {
                    self.silent_since_ms = None;
                    for (id, answer) in batch.iter().zip(answers) {
                        self.answered(*id, answer, network.now_ms())?;
                    }
                }
                Err(why) => return self.silence(network, &why).await,
            }
        }
        Ok(())
    }

    /// How many of `ids` fit one submission; at least one.
    fn batch_length(&self, ids: &[TxId]) -> usize {
        let mut bytes = 0;
        let sizes = ids.iter().map(|id| self.in_flight.get(id).map_or(0, |flight| flight.bytes.len()));
        let fitting = sizes.take(MAX_BATCH).take_while(|size| {
            bytes += size;
            bytes <= MAX_BATCH_BYTES
        });
        fitting.count().max(1)
    }

    fn answered(&mut self, id: TxId, answer: Answer, now_ms: u64) -> Result<(), String> {
        let Some(flight) = self.in_flight.get_mut(&id) else {
            return Ok(());
        };
        match answer {
            Answer::Taken => {
                flight.due_ms = None;
                flight.submitted_ms = now_ms;
                Ok(())
            }
            Answer::Later(after_ms) => {
                flight.due_ms = Some(now_ms.saturating_add(after_ms.clamp(1, 10_000)));
                Ok(())
            }
            Answer::Expired => self.sign_again(id, now_ms),
            Answer::Refused(reason) => self.refused(id, &reason),
            Answer::Hopeless(why) => Err(why),
        }
    }

    /// Asks what became of the transactions that the network has, the oldest first, until one of them still waits.
    async fn settle(&mut self, network: &mut impl Network) -> Result<(), String> {
        let flights = self.in_flight.iter().filter(|(_, flight)| flight.due_ms.is_none());
        let mut waiting: Vec<(u64, TxId)> = flights.map(|(id, flight)| (flight.submitted_ms, *id)).collect();
        waiting.sort_unstable();
        for part in waiting.chunks(MAX_ASKED) {
            let ids: Vec<TxId> = part.iter().map(|(_, id)| *id).collect();
            let fates = match network.fates(&ids).await {
                Ok(fates) => fates,
                Err(why) => return self.silence(network, &why).await,
            };
            self.silent_since_ms = None;
            let all_settled = !fates.contains(&Fate::Waiting);
            for (id, fate) in ids.into_iter().zip(fates) {
                self.learn(id, fate, network.now_ms())?;
            }
            if !all_settled {
                break;
            }
        }
        Ok(())
    }

    fn learn(&mut self, id: TxId, fate: Fate, now_ms: u64) -> Result<(), String> {
        match fate {
            Fate::Waiting => Ok(()),
            Fate::Unknown => {
                self.resubmit_if_lost(id, now_ms);
                Ok(())
            }
            Fate::Committed => self.committed(id),
            Fate::Failed(reason) => self.refused(id, &reason),
            Fate::Expired => self.sign_again(id, now_ms),
        }
    }

    /// No node answered: what the network had may be lost with it, so it is all sent again, with the same bytes.
    async fn silence(&mut self, network: &mut impl Network, why: &str) -> Result<(), String> {
        let now_ms = network.now_ms();
        let since = *self.silent_since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since) >= PATIENCE_MS {
            return Err(format!(
                "no node answered for {} s ({why}); run the same command again to go on from here",
                PATIENCE_MS / 1000
            ));
        }
        self.listener.trouble(why);
        network.pause(Duration::from_millis(RETRY_MS)).await;
        Ok(())
    }

    fn resubmit_if_lost(&mut self, id: TxId, now_ms: u64) {
        if let Some(flight) = self.in_flight.get_mut(&id)
            && now_ms >= flight.submitted_ms.saturating_add(RESUBMIT_AFTER_MS)
        {
            flight.due_ms = Some(now_ms);
        }
    }

    fn committed(&mut self, id: TxId) -> Result<(), String> {
        let Some(Flight { group, .. }) = self.in_flight.remove(&id) else {
            return Ok(());
        };
        self.counts.loaded += group.records.len() as u64;
        self.counts.transactions += 1;
        self.note(Note::Done(Span { first: group.first_line(), last: group.last_line() }))
    }

    /// The same records in a new transaction; the old one can't be executed any more.
    fn sign_again(&mut self, id: TxId, now_ms: u64) -> Result<(), String> {
        let Some(Flight { group, .. }) = self.in_flight.remove(&id) else {
            return Ok(());
        };
        self.start(group, now_ms, now_ms.saturating_add(RETRY_MS)).map_err(|error| error.to_string())
    }

    /// A single record is rejected; several are tried again in halves, ahead of the rest of the file.
    fn refused(&mut self, id: TxId, reason: &str) -> Result<(), String> {
        let Some(Flight { group, .. }) = self.in_flight.remove(&id) else {
            return Ok(());
        };
        if let [record] = group.records.as_slice() {
            let line = record.line;
            self.reject(line, reason, "by the network");
            return self.note(Note::Refused { line, reason: reason.to_owned() });
        }
        let (first, second) = group.halves();
        self.backlog.push_front(second);
        self.backlog.push_front(first);
        Ok(())
    }

    fn reject(&mut self, line: u64, reason: &str, detail: &str) {
        *self.counts.rejected.entry(reason.to_owned()).or_default() += 1;
        self.listener.rejected(line, reason, detail);
    }

    fn note(&mut self, note: Note) -> Result<(), String> {
        self.journal.write(&[note]).map_err(|error| error.to_string())
    }
}

impl Signing {
    fn sign(&self, group: &Group, sent: &Sent) -> SignedTransaction {
        let transaction = Transaction {
            chain: self.chain,
            signer: Account(self.key.public()),
            salt: sent.salt,
            expires_at_ms: sent.expires_at_ms,
            checks: Vec::new(),
            ops: group.records.iter().map(Record::op).collect(),
        };
        transaction.sign(&self.key)
    }
}

#[cfg(test)]
mod tests;
