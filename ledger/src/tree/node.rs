//! The tree of a slot: pages, and the forks above them where there is more than one.

use super::hashing::fork_hash;
use super::page::{Dirty, Page};
use super::proof::OtherLeaf;
use super::{Change, path_bit};
use std::sync::Arc;
use witan_types::Hash;

/// The most leaves of a page.
const MAX_LEAVES: usize = 64;
/// Two pages below a fork become one when they hold no more leaves than this.
const JOINED_LEAVES: usize = MAX_LEAVES / 2;

/// A point of a slot's tree with all below it. A clone shares it until one of both changes it.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Page(Arc<Page>),
    Fork(Arc<Fork>),
}

/// Holds more leaves than a joined page.
#[derive(Clone, Debug)]
pub(super) struct Fork {
    left: Node,
    right: Node,
    hash: Hash,
    leaves: usize,
}

impl Default for Node {
    fn default() -> Node {
        Node::page(Page::default())
    }
}

impl Node {
    fn page(page: Page) -> Node {
        Node::Page(Arc::new(page))
    }

    /// The tree of a slot that holds just these, which ascend by path, each path once.
    pub(super) fn of(mut changes: Vec<Change>) -> Node {
        let mut node = Node::default();
        node.update(0, &mut changes, &mut Dirty::default());
        node
    }

    /// How many leaves are below.
    pub(super) fn leaves(&self) -> usize {
        match self {
            Node::Page(page) => page.len(),
            Node::Fork(fork) => fork.leaves,
        }
    }

    /// Its hash, where it stands at `depth`.
    pub(super) fn hash(&self, depth: usize) -> Hash {
        match self {
            Node::Page(page) => page.hash(depth),
            Node::Fork(fork) => fork.hash,
        }
    }

    /// `changes` ascend by path, all below this node, which stands at `depth`, each path once. Each comes out as
    /// what stood there before.
    pub(super) fn update(&mut self, depth: usize, changes: &mut [Change], dirty: &mut Dirty) {
        if changes.is_empty() {
            return;
        }
        match self {
            Node::Page(page) if page.len().saturating_add(changes.len()) <= MAX_LEAVES => {
                Arc::make_mut(page).update(depth, changes, dirty);
            }
            Node::Page(page) => {
                let (left, right) = std::mem::take(Arc::make_mut(page)).split(depth);
                let fork =
                    Fork { left: Node::page(left), right: Node::page(right), hash: Hash::ZERO, leaves: 0 };
                *self = Node::Fork(Arc::new(fork));
                self.update(depth, changes, dirty);
            }
            Node::Fork(fork) => {
                if let Some(page) = Arc::make_mut(fork).update(depth, changes, dirty) {
                    *self = Node::page(page);
                }
            }
        }
    }

    /// Reads what an update at a path will read. The result stands for it.
    pub(super) fn read_ahead(&self, path: &Hash) -> u8 {
        let (mut node, mut depth) = (self, 0);
        loop {
            match node {
                Node::Page(page) => return page.read_ahead(path, depth),
                Node::Fork(fork) => {
                    node = if path_bit(path, depth) { &fork.right } else { &fork.left };
                    depth += 1;
                }
            }
        }
    }

    /// Walks down along `path`, collecting siblings, and returns the leaf at the end if it is another one.
    pub(super) fn descend(&self, path: &Hash, siblings: &mut Vec<Hash>) -> Option<OtherLeaf> {
        let (mut node, mut depth) = (self, 0);
        loop {
            match node {
                Node::Page(page) => return page.descend(path, depth, siblings),
                Node::Fork(fork) => {
                    let right = path_bit(path, depth);
                    let (next, sibling) =
                        if right { (&fork.right, &fork.left) } else { (&fork.left, &fork.right) };
                    depth += 1;
                    siblings.push(sibling.hash(depth));
                    node = next;
                }
            }
        }
    }
}

impl Fork {
    /// Returns the page that takes its place, if few leaves are left.
    fn update(&mut self, depth: usize, changes: &mut [Change], dirty: &mut Dirty) -> Option<Page> {
        let middle = changes.partition_point(|change| !path_bit(&change.place.path, depth));
        let (to_left, to_right) = changes.split_at_mut(middle);
        self.left.update(depth + 1, to_left, dirty);
        self.right.update(depth + 1, to_right, dirty);
        self.leaves = self.left.leaves().saturating_add(self.right.leaves());
        if let (Node::Page(left), Node::Page(right)) = (&self.left, &self.right)
            && self.leaves <= JOINED_LEAVES
        {
            return Some(Page::join(left, right, depth));
        }
        self.hash = fork_hash(&self.left.hash(depth + 1), &self.right.hash(depth + 1));
        None
    }
}
