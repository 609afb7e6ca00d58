//! The safety predicates of PBFT, alone: what a validator may sign, and what a new view must propose again. Everything
//! rests on these few lines and on the promises being on disk before what they allow leaves.
//!
//! Sources: Castro and Liskov, "Practical Byzantine Fault Tolerance" (OSDI 1999), sections 4.2 (prepare, commit) and 4.4
//! (view changes). There, heights are agreed on one by one; here blocks form a chain, and several heights are under way
//! at once. Two rules of order make that safe: a block is prepared only on top of the one accepted below it in the same
//! view, and committed only after the one below it. So whatever is decided has decided ancestors, and a new view may
//! choose height by height.

use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use witan_types::{BlockId, Height};

/// A PBFT view; the first of an epoch is 0.
pub type View = u64;

/// A block by place and name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct Point {
    /// Its height.
    pub height: Height,
    /// Its id.
    pub id: BlockId,
}

/// A block with the one it stands on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Link {
    /// Its height.
    pub height: Height,
    /// Its id.
    pub id: BlockId,
    /// The id of its parent.
    pub parent: BlockId,
}

impl Link {
    /// The block itself.
    pub fn point(&self) -> Point {
        Point { height: self.height, id: self.id }
    }

    /// Whether it stands right on `below`.
    pub fn extends(&self, below: Point) -> bool {
        below.height.checked_add(1) == Some(self.height) && self.parent == below.id
    }
}

/// A block for which a quorum signed prepares in one view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prepared {
    /// The view.
    pub view: View,
    /// The block.
    pub link: Link,
}

/// What one member reports when it gives a view up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Report {
    /// Its newest decided block.
    pub decided: Point,
    /// For heights above that, the prepared block of the highest view: at most one a height.
    pub prepared: Vec<Prepared>,
}

/// Whether a block may be prepared in `view`: it stands on the block accepted below it in this view, and no other block
/// was prepared at its height in this view before (section 4.2, "has not accepted a pre-prepare message for view v and
/// sequence number n containing a different digest"). `before` is what was prepared last at this height.
pub fn may_prepare(view: View, link: &Link, accepted_below: Point, before: Option<(View, BlockId)>) -> bool {
    let is_first = before.is_none_or(|(last, id)| last < view || (last == view && id == link.id));
    is_first && link.extends(accepted_below)
}

/// Whether a block prepared in `prepared_view` may be committed in `view`: it is the view's own, and the block below is
/// committed in this view too, or decided. Without that order, a block could be decided on top of one that a new view
/// drops.
pub fn may_commit(view: View, prepared_view: View, is_committed_below: bool) -> bool {
    prepared_view == view && is_committed_below
}

/// Whether `view` may be given up for `next`. Whoever does so takes no more part in `view`.
pub fn may_give_up(view: View, next: View) -> bool {
    next > view
}

/// Whether a member that has decided up to a height may prepare and commit in a view that starts from `start`. Up to there
/// all is final, so the view has nothing to propose: whoever took part below it would agree on a height anew.
pub fn may_take_part(start: Height, decided: Height) -> bool {
    decided >= start
}

/// The highest decided block reported: what a new view starts from.
pub fn start(reports: &[Report]) -> Option<Point> {
    reports.iter().map(|report| report.decided).max()
}

/// The block that a new view starts from and those it must propose again above it: ascending by height, at each the one
/// prepared in the highest view among those that extend the choice below; it stops at the first height without one
/// (section 4.4, "min-s" and "max-s", with a chain in place of separate heights). To take one certificate for all, the
/// one with the highest view and height, would be wrong: a later view that prepared only a lower height again would hide
/// a decided higher one.
pub fn choose(reports: &[Report]) -> Option<(Point, Vec<Link>)> {
    let start = start(reports)?;
    let mut by_height: BTreeMap<Height, Vec<Prepared>> = BTreeMap::new();
    for prepared in reports.iter().flat_map(|report| &report.prepared) {
        by_height.entry(prepared.link.height).or_default().push(*prepared);
    }
    let (mut below, mut chosen) = (start, Vec::new());
    while let Some(next) = below.height.checked_add(1).and_then(|height| by_height.get(&height)) {
        let extending = next.iter().filter(|prepared| prepared.link.extends(below));
        let Some(highest) = extending.max_by_key(|prepared| prepared.view) else { break };
        below = highest.link.point();
        chosen.push(highest.link);
    }
    Some((start, chosen))
}

/// Whether a report made when giving up a view below `next` hides a commit of `view`: no honest member signs both, for it
/// commits only what is prepared, and remembers that until it is decided.
pub fn hides(report: &Report, next: View, view: View, committed: Point) -> bool {
    let reported = |prepared: &Prepared| prepared.link.height == committed.height && prepared.view >= view;
    view < next && report.decided.height < committed.height && !report.prepared.iter().any(reported)
}

#[cfg(test)]
mod tests;
