//! From view to view: giving one up, reporting what is known, starting the next from what a quorum reported.

use super::certificate::Kind;
use super::message::{Message, Vote};
use super::reports::{NewView, ViewChange, signing_bytes};
use super::rules::{self, Point, View};
use super::state::{Record, Recorded};
use super::{Pbft, PreparedCertificate, WINDOW};
use std::collections::BTreeMap;
use witan_types::{Height, SignerSet, ValidatorIndex};

impl Pbft {
    /// Gives the view up, and every one below `next`. What is known goes to disk before it is reported.
    pub(super) fn give_up(&mut self, next: View) {
        if !rules::may_give_up(self.promises.view, next) {
            return;
        }
        self.doubts.failed(self.leader(self.decided.height.saturating_add(1)));
        self.failures = self.failures.saturating_add(1);
        self.promises.view = next;
        self.start_view();
        let decided = self.last_final.clone();
        let prepared = self.known_prepared(decided.header.height);
        let asked = ViewChange::sign(&self.setup.instance, &self.setup.key, next, decided, prepared);
        let said = Message::ViewChange(asked.clone());
        let given = Box::new(asked);
        let seq = self.promise(Record::ViewChange(given.clone()), said.clone(), said);
        self.promises.view_change = Some(Recorded { seq, given });
    }

    /// For each height above a final block, the block committed last, with its certificate.
    fn known_prepared(&self, decided: Height) -> Vec<PreparedCertificate> {
        if !self.judge.reports_prepared() {
            return Vec::new();
        }
        let above = self.promises.slots.range(decided.saturating_add(1)..);
        let commits = above.filter_map(|(_, slot)| slot.commit.as_ref());
        commits.map(|commit| commit.given.certificate.clone()).take(WINDOW).collect()
    }

    pub(super) fn on_view_change(&mut self, from: ValidatorIndex, change: ViewChange) {
        if !self.is_grounded(&change.decided) {
            return;
        }
        self.check_view_change(from, &change);
        self.on_final(change.decided.clone());
        let decided = change.decided.header.height;
        if change.view <= self.entered_view() {
            return self.answer(from, change.view.saturating_sub(1), decided);
        }
        if decided < self.decided.height {
            self.answer(from, self.entered_view(), decided);
        }
        let known = self.view_changes.get(&from).map_or(0, |known| known.view);
        if change.view > known {
            self.view_changes.insert(from, change);
        }
        self.join();
        self.try_new_view();
    }

    /// Gives the view up with f + 1 others, at least one of whom is honest (section 4.5.2): for the highest view that so
    /// many ask for.
    fn join(&mut self) {
        let others = self.view_changes.iter().filter(|(from, _)| **from != self.setup.me);
        let mut views: Vec<View> = others.map(|(_, change)| change.view).collect();
        views.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(next) = views.get(self.setup.committee.max_faulty()).copied() {
            self.give_up(next);
        }
    }

    /// How many ask for this view or a later one: if a quorum, the new view is due.
    pub(super) fn is_new_view_due(&self) -> bool {
        let asking = self.view_changes.values().filter(|change| change.view >= self.promises.view);
        !self.promises.is_active() && asking.count() >= self.setup.committee.quorum()
    }

    /// Makes the new view, if a quorum asks for it and it is this member's to make.
    fn try_new_view(&mut self) {
        let view = self.promises.view;
        let asking: BTreeMap<ValidatorIndex, ViewChange> = self
            .view_changes
            .iter()
            .filter(|(_, change)| change.view == view)
            .map(|(from, change)| (*from, change.clone()))
            .collect();
        if self.promises.is_active() || asking.len() < self.setup.committee.quorum() {
            return;
        }
        let Some(start) = asking.values().map(|change| change.decided.point()).max() else { return };
        if NewView::maker(view, start, self.setup.committee.size()) == self.setup.me {
            let made = NewView::sign(&self.setup.instance, &self.setup.key, view, &asking);
            made.into_iter().for_each(|new_view| self.enter(new_view, true));
        }
    }

    /// Follows a new view. Whoever made it, what it chooses follows from what a quorum signed.
    pub(super) fn on_new_view(&mut self, new_view: NewView) {
        if new_view.view > self.entered_view()
            && new_view.view >= self.promises.view
            && self.is_grounded(&new_view.decided)
        {
            self.on_final(new_view.decided.clone());
            self.enter(new_view, false);
        }
    }

    fn enter(&mut self, new_view: NewView, is_own: bool) {
        self.promises.view = new_view.view;
        let given = Box::new(new_view);
        let seq = self.write(Record::NewView(given.clone()));
        if is_own {
            self.out.send.push((crate::engine::To::All, Message::NewView((*given).clone())));
        }
        self.promises.new_view = Some(Recorded { seq, given });
        let view = self.promises.view;
        self.view_changes.retain(|_, change| change.view > view);
        self.start_view();
    }

    /// Leaves behind what belonged to an earlier view, and takes up what this one must propose again.
    pub(super) fn start_view(&mut self) {
        let view = self.promises.view;
        self.accepted.clear();
        self.chosen.clear();
        self.held.retain(|_, held| held.view >= view);
        self.wanted = None;
        self.forget_votes();
        let Some(entered) = self.promises.new_view.as_ref().filter(|entered| entered.given.view == view)
        else {
            return;
        };
        let Some((_, chosen)) = self.judge.choose(&entered.given.reports()) else { return };
        let holders = |point: Point| -> SignerSet {
            let of_it = entered.given.prepared.iter().filter(|proof| proof.prepared().link.point() == point);
            of_it.flat_map(|proof| proof.signatures.signers.iter()).collect()
        };
        let above = chosen.iter().filter(|link| link.height > self.decided.height);
        self.chosen = above.map(|link| (link.height, (link.id, holders(link.point())))).collect();
    }

    /// What was prepared in this view, before a restart perhaps, is accepted already.
    pub(super) fn restore_accepted(&mut self) {
        let view = self.promises.view;
        let mut below = Point { height: self.decided.height, id: self.decided.id };
        while let Some(height) = below.height.checked_add(1) {
            let prepared = self.promises.slots.get(&height).and_then(|slot| slot.prepared());
            let Some((_, id)) = prepared.filter(|(last, _)| *last == view) else { return };
            if !self.takes_part() || self.tree.place(id).is_none_or(|place| place.parent != below.id) {
                return;
            }
            self.accepted.insert(height, id);
            below = Point { height, id };
        }
    }

    /// No honest member commits a block and then reports that it knows of none at that height.
    pub(super) fn check_commit(&mut self, from: ValidatorIndex, vote: &Vote) {
        let change = self
            .view_changes
            .get(&from)
            .filter(|change| rules::hides(&change.report(), change.view, vote.view, vote.block));
        if let Some(change) = change.cloned() {
            self.accuse_hidden(from, vote, &change);
        }
    }

    fn check_view_change(&mut self, from: ValidatorIndex, change: &ViewChange) {
        let report = change.report();
        let hidden =
            self.commits.of(from).find(|vote| rules::hides(&report, change.view, vote.view, vote.block));
        if let Some(vote) = hidden.cloned() {
            self.accuse_hidden(from, &vote, change);
        }
    }

    fn accuse_hidden(&mut self, from: ValidatorIndex, vote: &Vote, change: &ViewChange) {
        let instance = self.setup.instance;
        let first = (vote.signing_bytes(&instance, Kind::Commit), vote.signature);
        let second = (signing_bytes(&instance, change.view, &change.claims()), change.signature);
        self.accuse(from, "a commit and a view change that hides it", first, second);
    }
}
