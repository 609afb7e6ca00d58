//! The trace of a run: one running hash over everything that happened, and the newest events in full.

use super::engines::Speech;
use std::collections::VecDeque;
use std::sync::Arc;
use witan_replica::{Message, Timer};
use witan_types::{TxId, Wire};

/// The events that are kept to be shown.
const KEPT: usize = 40;

/// What happened to a node, in the form that is hashed and kept.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Message { from: usize, how: &'static str, bytes: Arc<[u8]> },
    Timer(Timer),
    Disk(&'static str, u64),
    Peer(&'static str, usize),
    Client(TxId),
    Host(&'static str),
    Fault(String),
}

impl Line {
    /// For people.
    fn in_words(&self, speech: &dyn Speech) -> String {
        match self {
            Line::Message { from, how, bytes } => format!("{how} from {from}: {}", name(speech, bytes)),
            Line::Timer(Timer::Engine(bytes)) => format!("timer {}", speech.timer(bytes)),
            Line::Timer(timer) => format!("timer {timer:?}"),
            Line::Disk(what, number) => format!("{what} {number}"),
            Line::Peer(what, peer) => format!("{what} {peer}"),
            Line::Client(id) => format!("a client submits {id}"),
            Line::Host(what) => (*what).into(),
            Line::Fault(what) => what.clone(),
        }
    }
}

/// A message in few words.
fn name(speech: &dyn Speech, bytes: &[u8]) -> String {
    let full = match Message::decode(bytes) {
        Ok(Message::Engine(bytes)) => speech.message(&bytes),
        Ok(message) => format!("{message:?}"),
        Err(error) => format!("{error}"),
    };
    full.chars().take(160).collect()
}

/// Hash and newest events.
#[derive(Debug)]
pub(super) struct Trace {
    speech: &'static dyn Speech,
    hash: u64,
    newest: VecDeque<(u64, usize, Line)>,
}

impl Trace {
    pub(super) fn new(speech: &'static dyn Speech) -> Trace {
        Trace { speech, hash: 0xcbf2_9ce4_8422_2325, newest: VecDeque::new() }
    }

    /// Mixes a number in.
    pub(super) fn number(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Mixes bytes in, eight at a time, their length included.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.number(u64::from_le_bytes(word));
        }
    }

    /// An event: what happened, when, to which node.
    pub(super) fn event(&mut self, at_us: u64, node: usize, line: Line) {
        self.number(at_us);
        self.number(node as u64);
        match &line {
            Line::Message { from, how, bytes } => {
                self.number(*from as u64);
                self.bytes(how.as_bytes());
                self.bytes(bytes);
            }
            Line::Timer(Timer::Engine(bytes)) => self.bytes(bytes),
            Line::Timer(timer) => self.bytes(format!("{timer:?}").as_bytes()),
            Line::Client(id) => self.bytes(id.0.as_bytes()),
            Line::Disk(what, number) => {
                self.bytes(what.as_bytes());
                self.number(*number);
            }
            Line::Peer(what, peer) => {
                self.bytes(what.as_bytes());
                self.number(*peer as u64);
            }
            Line::Host(what) => self.bytes(what.as_bytes()),
            Line::Fault(what) => self.bytes(what.as_bytes()),
        }
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back((at_us, node, line));
    }

    /// The hash so far, as hex.
    pub(super) fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// The newest events as text, oldest first.
    pub(super) fn newest(&self) -> Vec<String> {
        let line = |(at, node, line): &(u64, usize, Line)| {
            format!("{:>9}.{:03} ms  node {node}  {}", at / 1_000, at % 1_000, line.in_words(self.speech))
        };
        self.newest.iter().map(line).collect()
    }
}
