//! The log: the entries above the newest stable block, and more below for whoever is slow.

use super::message::Point;
use super::rules::{End, Term};
use crate::engine::Seq;
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::codec::encode;
use witan_types::{Block, BlockId, Header, Height};

/// The most entries that a log keeps for whoever is slow: below the newest stable block, in memory alone. Under load a block takes
/// milliseconds, and whoever needs more than these fetches sealed blocks, round after round.
const MAX_KEPT: usize = 4_096;
/// The most bytes of the whole log, as long as there are entries below these:
const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;
/// so many below the newest stable block stay in any case, and all above it.
const LEAST_KEPT: Height = 16;

/// An entry with the place of its record.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: BlockId,
    pub(super) block: Arc<Block>,
    pub(super) seq: Seq,
    /// Its encoded size: what it takes of an append.
    pub(super) bytes: usize,
}

impl Entry {
    pub(super) fn new(block: Arc<Block>, seq: Seq) -> Entry {
        Entry { id: block.id(), bytes: encode(&*block).len(), block, seq }
    }

    fn point(&self) -> Point {
        let Header { height, tag, .. } = self.block.header;
        Point { height, term: tag, id: self.id }
    }
}

/// Entries without gaps above the root; each names the one below as its parent.
#[derive(Clone, Debug)]
pub(super) struct Log {
    root: Point,
    root_time_ms: u64,
    entries: BTreeMap<Height, Entry>,
    /// The bytes of all entries.
    bytes: usize,
}

impl Log {
    /// An empty log above `root`. The epoch's base counts as of term 0 whatever its tag.
    pub(super) fn new(root: &Header, base: BlockId) -> Log {
        let id = root.id();
        let term = if id == base { 0 } else { root.tag };
        let root_time_ms = root.time_ms;
        let root = Point { height: root.height, term, id };
        Log { root, root_time_ms, entries: BTreeMap::new(), bytes: 0 }
    }

    /// What the lowest entry stands on: a stable block.
    pub(super) fn root(&self) -> Point {
        self.root
    }

    /// The last entry, or the root.
    pub(super) fn last(&self) -> Point {
        self.entries.last_key_value().map_or(self.root, |(_, entry)| entry.point())
    }

    /// Where it ends.
    pub(super) fn end(&self) -> End {
        self.last().end()
    }

    /// The time of the last entry.
    pub(super) fn last_time_ms(&self) -> u64 {
        self.entries.last_key_value().map_or(self.root_time_ms, |(_, entry)| entry.block.header.time_ms)
    }

    /// What stands at a height, the root included.
    pub(super) fn at(&self, height: Height) -> Option<Point> {
        if height == self.root.height {
            return Some(self.root);
        }
        self.entries.get(&height).map(Entry::point)
    }

    /// The entries from a height on, ascending.
    pub(super) fn from(&self, height: Height) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.range(height..).map(|(_, entry)| entry)
    }

    /// The lowest height of the entries, up to `height`, that are of one term with the one there.
    pub(super) fn first_of_term(&self, height: Height) -> Option<End> {
        let term = self.at(height)?.term;
        let same = self.entries.range(..=height).rev().take_while(|(_, entry)| entry.point().term == term);
        let first = same.last().map_or(height, |(first, _)| *first);
        Some(End { term, height: first })
    }

    /// The highest height of an entry of at most this term and height.
    pub(super) fn last_up_to(&self, end: End) -> Height {
        let held = self.entries.range(..=end.height).rev();
        held.map(|(_, entry)| entry.point())
            .find(|point| point.term <= end.term)
            .map_or(self.root.height, |p| p.height)
    }

    /// Adds an entry on top.
    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes = self.bytes.saturating_add(entry.bytes);
        if let Some(replaced) = self.entries.insert(entry.block.header.height, entry) {
            self.bytes = self.bytes.saturating_sub(replaced.bytes);
        }
    }

    /// Drops the entries from a height on.
    pub(super) fn cut(&mut self, from: Height) {
        let gone = self.entries.split_off(&from);
        self.bytes = gone.values().fold(self.bytes, |bytes, entry| bytes.saturating_sub(entry.bytes));
    }

    /// The highest height whose record, and all below, are on disk by `durable`.
    pub(super) fn durable_up_to(&self, durable: Seq) -> Height {
        // Records are written in the order of the heights.
        let held = self.entries.values().rev().find(|entry| entry.seq <= durable);
        held.map_or(self.root.height, |entry| entry.block.header.height)
    }

    /// Notes that a block is stable: entries below it stay for followers that are slow, within bounds. If another block stands in its
    /// place or none, the log starts anew from it. Says whether the log went on.
    pub(super) fn settle_at(&mut self, stable: &Header, base: BlockId) -> bool {
        if self.at(stable.height).is_none_or(|held| held.id != stable.id()) {
            *self = Log::new(stable, base);
            return false;
        }
        let spare = stable.height.saturating_sub(LEAST_KEPT);
        while (self.entries.len() > MAX_KEPT || self.bytes > MAX_KEPT_BYTES)
            && let Some(lowest) = self.entries.first_entry().filter(|lowest| *lowest.key() <= spare)
        {
            let entry = lowest.remove();
            self.bytes = self.bytes.saturating_sub(entry.bytes);
            (self.root, self.root_time_ms) = (entry.point(), entry.block.header.time_ms);
        }
        true
    }

    /// The oldest record that an entry above a stable block stands in.
    pub(super) fn oldest_record(&self, stable: Height) -> Option<Seq> {
        self.from(stable.saturating_add(1)).next().map(|entry| entry.seq)
    }

    /// The term of the last entry.
    pub(super) fn last_term(&self) -> Term {
        self.last().term
    }
}
