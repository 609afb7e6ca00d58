//! What reaches a node, and which of its groups hear of it.

use super::check::{Promise, holds};
use super::pipeline::Step;
use super::trace::Line;
use super::world::{How, Matter, Parcel, What, Work, World};
use std::sync::Arc;
use witan_replica::{Event, NoCache, Source, Ticket, Timer, VerifiedMessage};
use witan_types::{Envelope, GroupId, IdentifiedTransaction};

/// After the heal a refused client comes again after this long; microseconds.
const SUBMIT_AGAIN: u64 = 300_000;

impl World {
    /// The disk works on while the process stands still; everything else waits.
    pub(super) fn reach(&mut self, at: usize, what: What) {
        match what {
            What::Within(_, Matter::LogSynced) | What::Disk(Work::LedgerWritten | Work::LedgerSynced)
                if self.disk_ends(at) => {}
            What::Disk(work) => self.disk_worked(at, work),
            What::Within(group, Matter::LogSynced) => self.log_synced(at, group),
            what if self.faults.is_paused(self.home(at)) => self.node(at).stash.push(what),
            What::Within(group, Matter::Envelope(envelope)) => self.envelope(at, group, envelope),
            What::Message(Parcel { group, bytes, .. }) if self.passes_message(at, group, &bytes, true) => {}
            What::Message(parcel) => self.message(at, parcel),
            What::PeerChanged(peer) => self.peer_changed(at, peer),
            What::Within(group, matter) => self.reach_within(at, group, matter),
        }
    }

    fn reach_within(&mut self, at: usize, group: GroupId, matter: Matter) {
        match matter {
            // Taken care of before.
            Matter::LogSynced | Matter::Envelope(_) => {}
            Matter::Timer { timer, setting } => self.timer(at, group, timer, setting),
            Matter::Durable(seq) => {
                self.trace.event_in(self.now_us, at, group, Line::Disk("records durable up to", seq));
                self.step(at, group, Event::Durable(seq));
            }
            Matter::BatchesDurable(number) => {
                self.trace.event_in(self.now_us, at, group, Line::Disk("batches durable up to", number));
                self.step(at, group, Event::BatchesDurable(number));
            }
            Matter::Written(seq) => {
                self.trace.event_in(self.now_us, at, group, Line::Disk("ledger written up to", seq));
                self.step(at, group, Event::Written(seq));
                self.passes(at, Step::BlockTold);
            }
            Matter::LedgerDurable(seq) => {
                self.trace.event_in(self.now_us, at, group, Line::Disk("ledger durable up to", seq));
                self.step(at, group, Event::LedgerDurable(seq));
                self.passes(at, Step::LedgerTold);
            }
            Matter::RequestExpired(id) => {
                let replica = self.hosted(at, group).replica.as_mut();
                let asked = replica.and_then(|replica| replica.requests.remove(&id));
                if let Some(peer) = asked.and_then(|peer| self.ids.get(peer).copied()) {
                    self.trace.event_in(self.now_us, at, group, Line::Host("a request failed"));
                    self.step(at, group, Event::RequestFailed(peer));
                }
            }
            Matter::Submit(_) if self.passes(at, Step::Asked) => {}
            Matter::Submit(transaction) => self.submit(at, group, transaction),
        }
    }

    /// What another group says reaches a group of the node, unless the node goes down at this very moment.
    fn envelope(&mut self, at: usize, group: GroupId, envelope: Arc<Envelope>) {
        let life = self.node(at).life;
        self.crosses();
        if self.node(at).life == life {
            let line = Line::Envelope(envelope.source(), envelope.contents.first);
            self.trace.event_in(self.now_us, at, group, line);
            self.step(at, group, Event::Envelope(envelope));
        }
    }

    /// One group of a node takes an event in.
    pub(super) fn step(&mut self, at: usize, group: GroupId, event: Event) {
        let now = self.clocks(at);
        let Some(replica) = &mut self.hosted(at, group).replica else { return };
        let effects = replica.group.step(now, event);
        self.obey(at, group, effects);
    }

    /// Every group of a node does.
    pub(super) fn step_all(&mut self, at: usize, event: impl Fn() -> Event) {
        for group in self.groups_of(at) {
            self.step(at, group, event());
        }
    }

    fn message(&mut self, at: usize, parcel: Parcel) {
        let Parcel { from, group, how, bytes } = parcel;
        let name = match how {
            How::OneWay => "message",
            How::Request(_) => "request",
            How::Response(_) => "response",
        };
        let line = Line::Message { from, how: name, bytes: Arc::clone(&bytes) };
        self.trace.event_in(self.now_us, at, group, line);
        self.messages += 1;
        let ticket = Ticket(self.number());
        let Some(sender) = self.ids.get(from).copied().filter(|_| self.hosts(at, group)) else { return };
        let Some(replica) = &mut self.hosted(at, group).replica else { return };
        let source = match how {
            How::OneWay => Source::Node(sender),
            How::Request(id) => {
                replica.questions.insert(ticket, (from, id));
                Source::Request(sender, ticket)
            }
            How::Response(id) if replica.requests.remove(&id).is_some() => Source::Node(sender),
            How::Response(_) => return,
        };
        match replica.verifier.verify(&NoCache, sender, &bytes) {
            Ok(message) => self.hear(at, group, source, message),
            Err(why) => {
                replica.questions.remove(&ticket);
                let verdict = self.innocence.rejected(at, self.home(from), &why);
                self.note_in(group, verdict);
                // An answer that is refused is none.
                if matches!(how, How::Response(_)) {
                    self.step(at, group, Event::RequestFailed(sender));
                }
            }
        }
        let replica = self.hosted(at, group).replica.as_ref();
        let unanswered = replica.is_some_and(|replica| !replica.questions.is_empty());
        self.note_in(
            group,
            holds(Promise::Order, !unanswered, || format!("node {at} leaves a request open")),
        );
    }

    /// A judged message reaches a group of the node, unless it is of another group and the node goes down at this very
    /// moment.
    fn hear(&mut self, at: usize, group: GroupId, source: Source, message: VerifiedMessage) {
        let life = self.node(at).life;
        if message.is_envelope() {
            self.crosses();
        }
        if self.node(at).life == life {
            self.step(at, group, Event::Message(source, message));
        }
    }

    fn timer(&mut self, at: usize, group: GroupId, timer: Timer, setting: u64) {
        let Some(replica) = &mut self.hosted(at, group).replica else { return };
        if replica.timers.get(&timer) != Some(&setting) {
            return;
        }
        replica.timers.remove(&timer);
        self.trace.event_in(self.now_us, at, group, Line::Timer(timer.clone()));
        self.step(at, group, Event::Timer(timer));
    }

    fn submit(&mut self, at: usize, group: GroupId, transaction: IdentifiedTransaction) {
        let id = transaction.id();
        self.trace.event_in(self.now_us, at, group, Line::Client(id));
        let ticket = Ticket(self.number());
        self.step(at, group, Event::Submit(ticket, vec![transaction.clone()]));
        let replica = self.hosted(at, group).replica.as_ref();
        let waits = replica.is_some_and(|replica| replica.group.is_pending(&id));
        let liveness = self.chain(group).liveness.as_ref();
        // A full mempool may refuse it: then the client comes again.
        if !waits && liveness.is_some_and(|liveness| liveness.misses(at, &id)) {
            self.after_within(SUBMIT_AGAIN, at, group, Matter::Submit(transaction));
        }
    }
}
