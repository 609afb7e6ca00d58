//! The trace of a run: one running hash over everything that happened, and the newest events in full.

use super::engines::Speech;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use witan_replica::{Message, Timer};
use witan_types::{GroupId, TxId, Wire};

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
    Envelope(GroupId, u64),
    Host(&'static str),
    Fault(String),
}

impl Line {
    /// For people.
    fn in_words(&self, speech: Option<&dyn Speech>) -> String {
        match (self, speech) {
            (Line::Message { from, how, bytes }, Some(speech)) => {
                format!("{how} from {from}: {}", name(speech, bytes))
            }
            (Line::Timer(Timer::Engine(bytes)), Some(speech)) => format!("timer {}", speech.timer(bytes)),
            (line, _) => line.in_plain_words(),
        }
    }

    /// The same where no engine's words are needed.
    fn in_plain_words(&self) -> String {
        match self {
            Line::Message { from, how, bytes } => format!("{how} from {from}: {} bytes", bytes.len()),
            Line::Timer(timer) => format!("timer {timer:?}"),
            Line::Disk(what, number) => format!("{what} {number}"),
            Line::Peer(what, peer) => format!("{what} {peer}"),
            Line::Client(id) => format!("a client submits {id}"),
            Line::Envelope(source, first) => format!("group {source} says what comes from {first} on"),
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

/// An event that is kept to be shown.
#[derive(Debug)]
struct Kept {
    at_us: u64,
    node: usize,
    /// Unless it is about the whole node.
    group: Option<GroupId>,
    line: Line,
}

/// Hash and newest events.
#[derive(Debug)]
pub(super) struct Trace {
    /// How each group speaks.
    speeches: BTreeMap<GroupId, &'static dyn Speech>,
    hash: u64,
    newest: VecDeque<Kept>,
}

impl Trace {
    pub(super) fn new(speeches: BTreeMap<GroupId, &'static dyn Speech>) -> Trace {
        Trace { speeches, hash: 0xcbf2_9ce4_8422_2325, newest: VecDeque::new() }
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
        self.take(Kept { at_us, node, group: None, line });
    }

    /// An event in one group of a node. Where there is only one, nothing names it.
    pub(super) fn event_in(&mut self, at_us: u64, node: usize, group: GroupId, line: Line) {
        self.take(Kept { at_us, node, group: Some(group), line });
    }

    fn take(&mut self, kept: Kept) {
        self.number(kept.at_us);
        self.number(kept.node as u64);
        if let Some(group) = self.named(&kept) {
            self.number(u64::from(group.0));
        }
        match &kept.line {
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
            Line::Envelope(source, first) => {
                self.number(u64::from(source.0));
                self.number(*first);
            }
            Line::Host(what) => self.bytes(what.as_bytes()),
            Line::Fault(what) => self.bytes(what.as_bytes()),
        }
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(kept);
    }

    /// The group of an event, if there are several.
    fn named(&self, kept: &Kept) -> Option<GroupId> {
        kept.group.filter(|_| self.speeches.len() > 1)
    }

    /// The hash so far, as hex.
    pub(super) fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// The newest events as text, oldest first.
    pub(super) fn newest(&self) -> Vec<String> {
        let line = |kept: &Kept| {
            let Kept { at_us, node, group, line } = kept;
            let speech = group.and_then(|group| self.speeches.get(&group).copied());
            let group = self.named(kept).map_or(String::new(), |group| format!("group {group}  "));
            let (ms, us) = (at_us / 1_000, at_us % 1_000);
            format!("{ms:>9}.{us:03} ms  node {node}  {group}{}", line.in_words(speech))
        };
        self.newest.iter().map(line).collect()
    }
}
