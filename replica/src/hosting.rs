//! Hosting an engine: what it says is held back until the records it rests on are durable.

use crate::event::{Class, Outgoing, Recipient};
use crate::message::Message;
use std::collections::VecDeque;
use std::mem;
use std::time::Duration;
use witan_consensus::engine::{Engine, Input, Outputs, Seq, Tick, To};
use witan_types::{NodeId, Wire};

/// The most bytes of messages held back. What comes on top is lost, as any message may be, and said again by the engine.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// An engine with the messages that wait for its records.
#[derive(Debug)]
pub(crate) struct Hosted<E: Engine> {
    engine: E,
    /// The newest record handed out to be persisted.
    recorded: Seq,
    /// The newest record known to be durable.
    durable: Seq,
    /// Held back, first in first out, each with the record it waits for.
    held: VecDeque<(Seq, Outgoing)>,
    held_bytes: usize,
    /// The validators' network identities, by place.
    nodes: Vec<NodeId>,
    /// What was last said about pending work.
    pending: bool,
    /// The last timer set that gives a view up, and when it fires.
    view_timer: Option<(E::Timer, Tick)>,
}

impl<E: Engine> Hosted<E> {
    pub(crate) fn new(engine: E, durable: Seq, nodes: Vec<NodeId>) -> Hosted<E> {
        Hosted {
            engine,
            recorded: durable,
            durable,
            held: VecDeque::new(),
            held_bytes: 0,
            nodes,
            pending: false,
            view_timer: None,
        }
    }

    pub(crate) fn engine(&self) -> &E {
        &self.engine
    }

    /// Steps the engine.
    pub(crate) fn step(&mut self, now: Tick, input: Input<E>) -> Outputs<E> {
        if let Input::Durable(seq) = input {
            self.durable = self.durable.max(seq);
        }
        let outputs = self.engine.step(now, input);
        self.note_view_timer(now, &outputs);
        outputs
    }

    /// Remembers when the view's timer fires, if these outputs set it.
    pub(crate) fn note_view_timer(&mut self, now: Tick, outputs: &Outputs<E>) {
        let Some(timer) = self.engine.view_timer() else { return };
        if let Some((_, after)) = outputs.timers.iter().rev().find(|(set, _)| *set == timer) {
            self.view_timer = Some((timer, Tick(now.0.saturating_add(*after))));
        }
    }

    /// How long until the current view is given up, if its timer runs and has not fired.
    pub(crate) fn next_timeout(&self, now: Tick) -> Option<Duration> {
        let running = self.engine.view_timer()?;
        let (_, due) = self.view_timer.filter(|(timer, _)| *timer == running)?;
        due.0.checked_sub(now.0).filter(|left| !left.is_zero())
    }

    /// Takes the messages out of `outputs`, to be released once its records are durable.
    ///
    /// Whatever the engine truncates, its newest record stays: a validator that has signed and finds no record takes them
    /// for lost, and would not vote again.
    ///
    /// # Panics
    /// If the engine's records do not ascend.
    pub(crate) fn hold(&mut self, outputs: &mut Outputs<E>) {
        if let Some((seq, _)) = outputs.persist.last() {
            assert!(*seq > self.recorded, "records must ascend");
            self.recorded = *seq;
        }
        outputs.truncate = outputs.truncate.map(|first| first.min(self.recorded));
        for (to, message) in mem::take(&mut outputs.send) {
            let Some(to) = self.recipient(to) else { continue };
            let bytes = Message::Engine(message.encode()).bytes();
            if self.held_bytes + bytes.len() > MAX_HELD_BYTES {
                continue;
            }
            self.held_bytes += bytes.len();
            self.held.push_back((self.recorded, Outgoing { to, class: Class::Consensus, bytes }));
        }
    }

    fn recipient(&self, to: To) -> Option<Recipient> {
        match to {
            To::All => Some(Recipient::Validators),
            To::One(place) => self.nodes.get(place.at()).copied().map(Recipient::Node),
        }
    }

    /// The messages whose records are durable, oldest first.
    pub(crate) fn released(&mut self) -> Vec<Outgoing> {
        let mut released = Vec::new();
        while self.held.front().is_some_and(|(seq, _)| *seq <= self.durable) {
            released.extend(self.held.pop_front().map(|(_, message)| message));
        }
        self.held_bytes -= released.iter().map(|message| message.bytes.len()).sum::<usize>();
        released
    }

    /// Whether a message waits for its records.
    pub(crate) fn holds_back(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether `pending` differs from what the engine was last told; remembers it.
    pub(crate) fn pending_changed(&mut self, pending: bool) -> bool {
        mem::replace(&mut self.pending, pending) != pending
    }
}

#[cfg(test)]
mod tests;
