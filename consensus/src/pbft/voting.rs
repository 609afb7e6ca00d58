//! A height's three phases: pre-prepare, prepare, commit.

use super::certificate::{Kind, PreparedCertificate, link, point};
use super::message::{Message, PrePrepare, Prepare, Vote, WINDOW};
use super::rules::{Link, Point};
use super::state::{Commit, Record, Recorded};
use super::tally::{Counted, VIEW_WINDOW};
use super::{Finality, Held, Pbft, Target};
use crate::engine::{Draft, To, Turn, Verdict};
use crate::tree::Kept;
use std::sync::Arc;
use witan_types::{Block, Height, Signature, ValidatorIndex};

/// How many heights a leader has under way above the newest decided block. More would not be faster: they share links
/// and processors.
pub const IN_FLIGHT: Height = 4;
/// How many decided heights votes are remembered for: whoever sends one again may lack something.
const KEPT_HEIGHTS: Height = 8;

impl Pbft {
    /// The highest block accepted in this view, or the newest decided one.
    fn top(&self) -> Point {
        let accepted = self.accepted.last_key_value().map(|(height, id)| Point { height: *height, id: *id });
        accepted.unwrap_or(Point { height: self.decided.height, id: self.decided.id })
    }

    /// The highest height that may be under way: the window above the newest stable block.
    fn window_end(&self) -> Height {
        self.tree.root().height.saturating_add(WINDOW as Height)
    }

    /// The leader asks for a payload for each height of its turn, a few ahead of what is decided.
    pub(super) fn want_payload(&mut self) {
        let turn = self.turn();
        if turn.is_some() && turn != self.wanted {
            self.out.want.clone_from(&turn);
        }
        self.wanted = turn;
    }

    fn turn(&self) -> Option<Turn> {
        let top = self.top();
        let height = top.height.checked_add(1)?;
        let in_window = height <= self.decided.height.saturating_add(IN_FLIGHT).min(self.window_end());
        let may_lead = self.takes_part() && self.leader(height) == self.setup.me;
        let before = self.promises.slots.get(&height).and_then(|slot| slot.prepared());
        let has_proposed = before.is_some_and(|(last, _)| last == self.promises.view);
        if !may_lead
            || has_proposed
            || !in_window
            || self.target.is_some()
            || self.chosen.contains_key(&height)
        {
            return None;
        }
        let parent = self.tree.place(top.id)?;
        let ancestors = self.tree.path_down(parent.id, self.decided.height);
        let blocks = ancestors.iter().filter_map(|place| self.tree.get(place.id));
        Some(Turn {
            height,
            tag: 0,
            parent: parent.id,
            parent_time_ms: parent.time_ms,
            ancestors: blocks.map(|kept| Arc::clone(&kept.block)).collect(),
            at_once: false, // Every height becomes final by its own votes.
        })
    }

    /// Proposes: that it did is on disk before the proposal leaves.
    pub(super) fn propose(&mut self, turn: &Turn, draft: Draft) {
        if self.wanted.take_if(|wanted| wanted.is_place_of(turn)).is_none() {
            return;
        }
        let block = turn.block(&self.setup.instance, self.setup.me, draft);
        let view = self.promises.view;
        let proposal = PrePrepare::sign(&self.setup.instance, &self.setup.key, view, Arc::clone(&block));
        let leader = Some(proposal.prepare.signature);
        self.accept(&link(&block.header), block, leader, Some(proposal));
    }

    pub(super) fn on_pre_prepare(&mut self, from: ValidatorIndex, proposal: PrePrepare) {
        let PrePrepare { block, prepare } = proposal;
        let Vote { view, block: Point { height, id }, signature } = prepare.clone();
        self.on_vote(Kind::Prepare, from, &prepare);
        self.fetching.offer(id, &block);
        if height <= self.decided.height || height > self.window_end() || view < self.promises.view {
            return;
        }
        let slot = self.promises.slots.get(&height);
        let given = slot.and_then(|slot| slot.prepare.as_ref()).map(|prepare| &prepare.given);
        if let Some(given) = given.filter(|given| given.vote.view == view && given.vote.block.id == id) {
            let again = Message::Prepare(given.clone());
            self.out.send.push((To::One(from), again));
            return;
        }
        if !self.judge.first_proposal_counts() {
            self.held.remove(&height);
            self.accepted.remove(&height);
        }
        if self.held.get(&height).is_none_or(|held| held.view < view) {
            self.keep_final_held();
            self.held.insert(height, Held { view, id, block, signature, asked: false, verdict: None });
        }
    }

    /// Accepts what the view proposes, height by height, each on top of the one below.
    pub(super) fn accept_heights(&mut self) {
        if !self.takes_part() {
            return;
        }
        let mut below = Point { height: self.decided.height, id: self.decided.id };
        while let Some(height) = below.height.checked_add(1) {
            let accepted = self.accepted.get(&height).copied().map(|id| Point { height, id });
            let Some(next) = accepted.or_else(|| self.accept_on(below, height)) else { return };
            below = next;
        }
    }

    /// Accepts the view's block at `height`, if there is one that stands on `below` and it may be prepared.
    fn accept_on(&mut self, below: Point, height: Height) -> Option<Point> {
        let (block, leader) = match self.chosen.get(&height) {
            Some((id, _)) => (Arc::clone(&self.tree.get(*id)?.block), None),
            None => self.approved(below, height)?,
        };
        let (view, link) = (self.promises.view, link(&block.header));
        let before = self.promises.slots.get(&height).and_then(|slot| slot.prepared());
        if !self.judge.may_prepare(view, &link, below, before) {
            return None;
        }
        self.accept(&link, block, leader, None);
        Some(link.point())
    }

    /// The leader's block at `height`, once the ledger has approved it.
    fn approved(&mut self, below: Point, height: Height) -> Option<(Arc<Block>, Option<Signature>)> {
        let view = self.promises.view;
        let parent_time_ms = self.tree.place(below.id)?.time_ms;
        let needs_parent = self.judge.needs_parent();
        let held = self.held.get_mut(&height).filter(|held| held.view == view)?;
        let header = &held.block.header;
        if header.time_ms <= parent_time_ms || (needs_parent && header.parent != below.id) {
            held.verdict = Some(Verdict::Never);
        } else if !std::mem::replace(&mut held.asked, true) {
            self.out.validate.push(Arc::clone(&held.block));
        }
        (held.verdict == Some(Verdict::Valid)).then(|| (Arc::clone(&held.block), Some(held.signature)))
    }

    /// Prepares a block. It and the promise go to disk first. A leader says so by its proposal.
    fn accept(
        &mut self,
        link: &Link,
        block: Arc<Block>,
        leader: Option<Signature>,
        proposal: Option<PrePrepare>,
    ) {
        let (view, height) = (self.promises.view, link.height);
        self.tree.insert(link.id, Kept { block, seq: None });
        self.keep(link.id);
        let vote = Vote::sign(&self.setup.instance, &self.setup.key, Kind::Prepare, view, link.point());
        let prepare = Prepare { vote, leader };
        self.accepted.insert(height, link.id);
        let counted = Message::Prepare(prepare.clone());
        let said = proposal.map_or_else(|| counted.clone(), Message::PrePrepare);
        if self.judge.prepare_is_saved() {
            let seq = self.promise(Record::Prepare(prepare.clone()), said, counted);
            self.promises.slots.entry(height).or_default().prepare = Some(Recorded { seq, given: prepare });
        } else {
            self.out.send.push((To::All, said));
            self.on_message(self.setup.me, counted);
        }
    }

    /// Commits what a quorum prepared, height by height. The certificate goes to disk first.
    pub(super) fn commit_prepared(&mut self) {
        if !self.takes_part() {
            return;
        }
        let (view, quorum) = (self.promises.view, self.setup.committee.quorum());
        let mut is_committed_below = true;
        for (height, id) in self.accepted.clone() {
            let slot = self.promises.slots.get(&height);
            if slot.and_then(|slot| slot.committed_in()) == Some(view) {
                is_committed_below = true;
                continue;
            }
            let signatures = self.prepares.certify(view, Point { height, id }, quorum);
            let may_commit = self.judge.may_commit(view, view, is_committed_below);
            is_committed_below = false;
            if let (Some(signatures), Some(header), true) = (signatures, self.header(id), may_commit) {
                self.commit(PreparedCertificate { view, header, signatures });
                is_committed_below = true;
            }
        }
    }

    fn commit(&mut self, certificate: PreparedCertificate) {
        let (view, block) = (certificate.view, point(&certificate.header));
        let vote = Vote::sign(&self.setup.instance, &self.setup.key, Kind::Commit, view, block);
        let said = Message::Commit(vote.clone());
        let commit = Commit { certificate, vote };
        let seq = self.promise(Record::Commit(commit.clone()), said.clone(), said);
        let slot = self.promises.slots.entry(block.height).or_default();
        slot.commit = Some(Recorded { seq, given: commit });
    }

    pub(super) fn on_prepare(&mut self, from: ValidatorIndex, prepare: &Prepare) {
        let leader = prepare.leader_vote(&self.setup.committee).filter(|(leader, _)| *leader != from);
        if let Some((leader, vote)) = leader {
            self.count(Kind::Prepare, leader, &vote);
        }
        self.on_vote(Kind::Prepare, from, &prepare.vote);
    }

    pub(super) fn on_commit(&mut self, from: ValidatorIndex, vote: &Vote) {
        if self.on_vote(Kind::Commit, from, vote) == Some(Counted::New) {
            self.check_commit(from, vote);
            let quorum = self.setup.committee.quorum();
            if let Some(signatures) = self.commits.certify(vote.view, vote.block, quorum) {
                let holders = signatures.signers;
                let finality = Finality::Commits(vote.view, signatures);
                self.aim_for(Target { block: vote.block, holders, finality });
            }
        }
    }

    /// Counts a vote. It also tells how far its author is: one that says an old thing again, or is far behind, lacks
    /// what we have; one that is ahead has what we lack.
    fn on_vote(&mut self, kind: Kind, from: ValidatorIndex, vote: &Vote) -> Option<Counted> {
        let counted = self.count(kind, from, vote);
        let (height, decided) = (vote.block.height, self.decided.height);
        let said_again = height <= decided && counted == Some(Counted::Again);
        if vote.view > self.entered_view() || height > decided.saturating_add(WINDOW as Height) {
            self.greet(To::One(from));
        } else if said_again
            || height.saturating_add(KEPT_HEIGHTS) < decided
            || vote.view < self.promises.view
        {
            self.answer(from, vote.view, height.saturating_sub(1));
        }
        counted
    }

    fn count(&mut self, kind: Kind, from: ValidatorIndex, vote: &Vote) -> Option<Counted> {
        let (view, height) = (vote.view, vote.block.height);
        let oldest = self.decided.height.saturating_sub(KEPT_HEIGHTS);
        let newest = self.window_end().saturating_add(WINDOW as Height);
        if view.abs_diff(self.promises.view) > VIEW_WINDOW || height < oldest || height > newest {
            return None;
        }
        let votes = if kind == Kind::Prepare { &mut self.prepares } else { &mut self.commits };
        let counted = votes.add(from, vote);
        if let Counted::Conflicts(first) = &counted {
            let conflict = match kind {
                Kind::Prepare => "two blocks prepared at a height in a view",
                _ => "two blocks committed at a height in a view",
            };
            let part = |vote: &Vote| (vote.signing_bytes(&self.setup.instance, kind), vote.signature);
            let (first, second) = (part(first), part(vote));
            self.accuse(from, conflict, first, second);
        }
        Some(counted)
    }

    /// Forgets votes of heights and views long gone.
    pub(super) fn forget_votes(&mut self) {
        let height = self.decided.height.saturating_sub(KEPT_HEIGHTS);
        let view = self.promises.view.saturating_sub(VIEW_WINDOW);
        self.prepares.keep_from(height, view);
        self.commits.keep_from(height, view);
    }
}
