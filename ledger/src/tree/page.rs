//! A page: all leaves below one point of a slot's tree in one piece, with the hashes of the forks among them.
//!
//! The leaves ascend by path, so every fork with something on both sides stands in the gap between two neighbours: it is
//! at the depth where their paths part, and its span are the leaves around the gap that share the path down to there. A
//! page holds for each gap that depth and that hash. Forks with an empty side have none, and are made again when needed:
//! there are few.

use super::hashing::{EMPTY, fork_hash, leaf_hash};
use super::proof::OtherLeaf;
use super::{Change, path_bit};
use std::cmp::Ordering;
use std::ops::Range;
use witan_types::Hash;

#[derive(Clone, Copy, Debug)]
struct Leaf {
    path: Hash,
    entry: Hash,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Ascending by path.
    leaves: Vec<Leaf>,
    /// For the gap after each leaf but the last: the depth at which the paths beside it part.
    parts: Vec<u8>,
    /// For each gap the hash of its fork.
    forks: Vec<Hash>,
}

/// The changed leaves of the page that is at work, ascending.
#[derive(Debug, Default)]
pub(super) struct Dirty(Vec<usize>);

impl Dirty {
    /// What is marked out of order was marked before.
    fn mark(&mut self, leaf: usize) {
        if self.0.last().is_none_or(|last| *last < leaf) {
            self.0.push(leaf);
        }
    }
}

impl Page {
    /// How many leaves it holds.
    pub(super) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// `changes` ascend by path, all below the page, each path once.
    /// Each comes out as what stood there before.
    pub(super) fn update(&mut self, depth: usize, changes: &mut [Change], dirty: &mut Dirty) {
        dirty.0.clear();
        for change in changes {
            self.exchange(depth, change, dirty);
        }
        self.refresh(0..self.len(), depth, &dirty.0);
    }

    /// Where a path would stand if all were even.
    fn guess(&self, path: &Hash, depth: usize) -> usize {
        let length = u64::try_from(self.len()).unwrap_or(u64::MAX);
        let share = head(path).checked_shl(depth.try_into().unwrap_or(u32::MAX)).unwrap_or(0) >> 32;
        usize::try_from(share.saturating_mul(length) >> 32).unwrap_or(0).min(self.len())
    }

    /// Reads about what an update at a path will read. The result stands for it.
    pub(super) fn read_ahead(&self, path: &Hash, depth: usize) -> u8 {
        let at = self.guess(path, depth);
        let leaf = self.leaves.get(at).map_or(0, |leaf| leaf.path.0[0]);
        let part = self.parts.get(at).copied().unwrap_or(0);
        let near =
            [0, 4, 8, 16, 24, 32].into_iter().flat_map(|offset| [at.wrapping_sub(offset), at + offset]);
        let forks = near.filter_map(|gap| self.forks.get(gap)).fold(0, |all, fork| all ^ fork.0[0]);
        leaf ^ part ^ forks
    }

    /// How many leaves are below a path.
    fn find(&self, path: &Hash, depth: usize) -> usize {
        // Paths are even, so a path's value says about where it is: a walk of a few neighbours, where halving would jump
        // over the page.
        let mut at = self.guess(path, depth);
        while at
            .checked_sub(1)
            .and_then(|before| self.leaves.get(before))
            .is_some_and(|leaf| !is_below(&leaf.path, path))
        {
            at -= 1;
        }
        while self.leaves.get(at).is_some_and(|leaf| is_below(&leaf.path, path)) {
            at += 1;
        }
        at
    }

    fn exchange(&mut self, depth: usize, change: &mut Change, dirty: &mut Dirty) {
        let at = self.find(&change.place.path, depth);
        let here = self.leaves.get_mut(at).filter(|leaf| leaf.path == change.place.path);
        match (here, change.entry) {
            (Some(leaf), Some(entry)) => {
                change.entry = Some(std::mem::replace(&mut leaf.entry, entry));
                dirty.mark(at);
            }
            (None, Some(entry)) => {
                self.insert(at, Leaf { path: change.place.path, entry });
                change.entry = None;
                dirty.mark(at);
            }
            (Some(_), None) => {
                change.entry = Some(self.remove(at));
                // Each fork above it that remains is above one of its neighbours.
                if let Some(before) = at.checked_sub(1) {
                    dirty.mark(before);
                }
                dirty.mark(at);
            }
            (None, None) => {}
        }
    }

    /// The hashes of the gaps beside it are left to be made again.
    fn insert(&mut self, at: usize, leaf: Leaf) {
        let before = at.checked_sub(1).and_then(|before| self.leaves.get(before));
        let from_before = before.map(|other| parting(&leaf.path, &other.path));
        let from_after = self.leaves.get(at).map(|other| parting(&leaf.path, &other.path));
        let gap = match (from_before, from_after) {
            // Its neighbours were beside each other.
            (Some(before), Some(after)) => {
                if let Some(part) = self.parts.get_mut(at.saturating_sub(1)) {
                    *part = before;
                }
                Some((at, after))
            }
            (Some(before), None) => Some((at.saturating_sub(1), before)),
            (None, after) => after.map(|after| (at, after)),
        };
        let more = self.room();
        self.leaves.reserve_exact(more);
        if let Some((gap, part)) = gap {
            self.parts.reserve_exact(more);
            self.forks.reserve_exact(more);
            self.parts.insert(gap, part);
            self.forks.insert(gap, Hash::ZERO);
        }
        self.leaves.insert(at, leaf);
    }

    /// For how many leaves to make room where one more comes: some, so that not each one moves the page, and never twice
    /// as many as there are.
    fn room(&self) -> usize {
        if self.leaves.len() < self.leaves.capacity() { 0 } else { 1 }
    }

    fn remove(&mut self, at: usize) -> Hash {
        let gap = at.min(self.parts.len().saturating_sub(1));
        if gap < self.parts.len() {
            let (part, _) = (self.parts.remove(gap), self.forks.remove(gap));
            if let Some(merged) =
                at.checked_sub(1).filter(|_| gap == at).and_then(|gap| self.parts.get_mut(gap))
            {
                *merged = part.min(*merged);
            }
        }
        self.leaves.remove(at).entry
    }

    /// The hash at `depth` over everything in the page.
    pub(super) fn hash(&self, depth: usize) -> Hash {
        self.span_hash(0..self.len(), depth)
    }

    /// The gap where the leaves of a span part first, and the depth at which they do, which is `depth` or below. `None`
    /// below two leaves.
    fn parting(&self, span: &Range<usize>, depth: usize) -> Option<(usize, usize)> {
        let gaps = self.parts.get(span.start..span.end.checked_sub(1)?)?;
        // Paths are even, so many leaves nearly always part at once and around the middle.
        let (before, after) = gaps.split_at_checked(gaps.len() / 2)?;
        let outwards = before.iter().rev().zip(after).zip(0..);
        for ((one, other), offset) in outwards {
            if usize::from(*other) == depth {
                return Some((span.start + before.len() + offset, depth));
            }
            if usize::from(*one) == depth {
                return Some((span.start + before.len() - 1 - offset, depth));
            }
        }
        let least = *gaps.iter().min()?;
        let gap = gaps.iter().position(|part| *part == least)?;
        Some((span.start + gap, usize::from(least)))
    }

    /// The hash at `depth` over the leaves of a span, which share their path down to there and have no others beside them.
    fn span_hash(&self, span: Range<usize>, depth: usize) -> Hash {
        match self.parting(&span, depth) {
            Some((gap, part)) => {
                let hash = self.forks.get(gap).copied().unwrap_or_default();
                self.raise(hash, span.start, depth..part)
            }
            None => self.lone_hash(&span),
        }
    }

    /// The hash over at most one leaf, which is the same at any depth.
    fn lone_hash(&self, span: &Range<usize>) -> Hash {
        let lone = self.leaves.get(span.clone()).and_then(<[Leaf]>::first);
        lone.map_or(EMPTY, |leaf| leaf_hash(&leaf.path, &leaf.entry))
    }

    /// A hash led up through forks whose other side is empty. `below` is one of the leaves below it.
    fn raise(&self, mut hash: Hash, below: usize, depths: Range<usize>) -> Hash {
        if depths.is_empty() {
            return hash;
        }
        let path = self.leaves.get(below).map(|leaf| leaf.path).unwrap_or_default();
        for depth in depths.rev() {
            hash = if path_bit(&path, depth) { fork_hash(&EMPTY, &hash) } else { fork_hash(&hash, &EMPTY) };
        }
        hash
    }

    /// As [`Page::span_hash`], where all forks above a `dirty` leaf are made anew.
    fn refresh(&mut self, span: Range<usize>, depth: usize, dirty: &[usize]) -> Hash {
        if dirty.is_empty() {
            return self.span_hash(span, depth);
        }
        let Some((gap, part)) = self.parting(&span, depth) else {
            return self.lone_hash(&span);
        };
        let middle = gap + 1;
        let (to_left, to_right) = dirty.split_at(dirty.partition_point(|at| *at < middle));
        let (left, right, depth_below) = (span.start..middle, middle..span.end, part + 1);
        // What only has to be read is asked for on the way down, all of it together, before anything is hashed.
        let hash = if to_left.is_empty() {
            let left = self.span_hash(left, depth_below);
            fork_hash(&left, &self.refresh(right, depth_below, to_right))
        } else {
            let right = self.refresh(right, depth_below, to_right);
            fork_hash(&self.refresh(left, depth_below, to_left), &right)
        };
        if let Some(fork) = self.forks.get_mut(gap) {
            *fork = hash;
        }
        self.raise(hash, span.start, depth..part)
    }

    /// Its two halves below a fork at `depth`; one may be empty.
    pub(super) fn split(mut self, depth: usize) -> (Page, Page) {
        let goes_right = self.leaves.first().is_some_and(|leaf| path_bit(&leaf.path, depth));
        let middle = match self.parting(&(0..self.len()), depth) {
            Some((gap, part)) if part == depth => gap + 1,
            _ if goes_right => 0,
            _ => self.len(),
        };
        let gaps = middle.min(self.parts.len());
        let right = Page {
            leaves: self.leaves.split_off(middle),
            parts: self.parts.split_off(gaps),
            forks: self.forks.split_off(gaps),
        };
        self.parts.truncate(middle.saturating_sub(1));
        self.forks.truncate(middle.saturating_sub(1));
        // The left half would keep the room of the whole.
        self.leaves.shrink_to_fit();
        self.parts.shrink_to_fit();
        self.forks.shrink_to_fit();
        (self, right)
    }

    /// The two halves below a fork at `depth` in one.
    pub(super) fn join(left: &Page, right: &Page, depth: usize) -> Page {
        let mut joined = left.clone();
        if left.len() > 0 && right.len() > 0 {
            joined.parts.push(u8::try_from(depth).unwrap_or(u8::MAX));
            joined.forks.push(fork_hash(&left.hash(depth + 1), &right.hash(depth + 1)));
        }
        joined.leaves.extend_from_slice(&right.leaves);
        joined.parts.extend_from_slice(&right.parts);
        joined.forks.extend_from_slice(&right.forks);
        joined
    }

    /// Walks down along `path` from `depth`, collecting siblings, and returns the leaf at the end if it is another one.
    pub(super) fn descend(
        &self,
        path: &Hash,
        mut depth: usize,
        siblings: &mut Vec<Hash>,
    ) -> Option<OtherLeaf> {
        let mut span = 0..self.len();
        while let Some((gap, part)) = self.parting(&span, depth) {
            let shared = self.leaves.get(gap).map(|leaf| leaf.path).unwrap_or_default();
            // Forks with an empty side.
            while depth < part {
                depth += 1;
                if path_bit(path, depth - 1) != path_bit(&shared, depth - 1) {
                    siblings.push(self.span_hash(span, depth));
                    return None;
                }
                siblings.push(EMPTY);
            }
            let (left, right) = (span.start..gap + 1, gap + 1..span.end);
            let (next, sibling) = if path_bit(path, part) { (right, left) } else { (left, right) };
            depth = part + 1;
            siblings.push(self.span_hash(sibling, depth));
            span = next;
        }
        let leaf = self.leaves.get(span).and_then(<[Leaf]>::first)?;
        (leaf.path != *path).then_some(OtherLeaf { path: leaf.path, entry: leaf.entry })
    }
}

/// The first 64 bits of a path.
pub(super) fn head(path: &Hash) -> u64 {
    path.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Whether a path is below another: nearly always their first bits tell.
fn is_below(one: &Hash, other: &Hash) -> bool {
    match head(one).cmp(&head(other)) {
        Ordering::Equal => one < other,
        order => order.is_lt(),
    }
}

/// The depth at which two different paths part.
fn parting(one: &Hash, other: &Hash) -> u8 {
    let bytes = one.0.iter().zip(&other.0).map(|(one, other)| one ^ other);
    let parted = (0_u8..).zip(bytes).find(|(_, differs)| *differs != 0);
    parted.map_or(u8::MAX, |(byte, differs)| {
        u8::try_from(differs.leading_zeros()).unwrap_or(7).saturating_add(byte.saturating_mul(8))
    })
}
