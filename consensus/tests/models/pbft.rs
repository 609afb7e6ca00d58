//! PBFT's rules over a window of a chain, with view changes: four members, one of them Byzantine.
//!
//! What is left to the adversary, so that the model holds more than can happen:
//!
//! - The liar's prepares and commits exist for everything, at every time: two honest signatures make a quorum. In a view
//!   change it reports any decided block and any prepared certificates that exist, or none.
//! - Every leader lies: at each height of a view honest members may meet either of two blocks on each parent, and each
//!   enters a new view by whichever quorum of reports suits the adversary, not the same for all.
//! - Whoever may give a view up does so at any time; certificates arrive at any time.

use super::{AGREEMENT, forks, holds, is_soak};
use stateright::{Model, Property};
use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use witan_consensus::pbft::rules::{self, Link, Point, Prepared, Report};
use witan_types::{BlockId, Hash, Height};

/// Honest members.
const HONEST: usize = 3;
/// Honest signatures that make a quorum with the liar's.
const ENOUGH: usize = 2;
/// The most heights of any setting.
const MAX_HEIGHTS: usize = 3;
/// The most views of any setting.
const MAX_VIEWS: usize = 3;

/// A rule to leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Broken {
    OneCertificateForAll,
    CommitOutOfOrder,
    PrepareTwice,
    ReportsForget,
    PrepareWithoutParent,
    StayInViewGivenUp,
}

/// A block: the base is 0, and block `b` has the children `2b + 1` and `2b + 2`.
type Id = u8;

/// A certificate: its view and block. None is block 0.
type Certificate = (u8, Id);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct Told {
    decided: Id,
    prepared: [Certificate; MAX_HEIGHTS],
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct Member {
    view: u8,
    /// Whether it takes part in the view, and not only asks for it.
    entered: bool,
    /// The block that the view starts from, and those that the view must propose again.
    start: Id,
    chosen: [Id; MAX_HEIGHTS],
    decided: Id,
    prepared: [[Id; MAX_HEIGHTS]; MAX_VIEWS],
    committed: [[Id; MAX_HEIGHTS]; MAX_VIEWS],
    certificates: [Certificate; MAX_HEIGHTS],
    /// What it reported when it asked for each view.
    reports: [Option<Told>; MAX_VIEWS],
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    members: [Member; HONEST],
}

#[derive(Clone, PartialEq, Eq)]
enum Step {
    Prepare { member: usize, block: Id },
    Certify { member: usize, height: usize },
    Decide { member: usize, block: Id },
    GiveUp { member: usize },
    Enter { member: usize, view: u8, start: Id, chosen: [Id; MAX_HEIGHTS] },
}

impl Debug for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Step::Prepare { member, block } => write!(f, "n{member} prepares {}", name(block)),
            Step::Certify { member, height } => write!(f, "n{member} sees a certificate at h{height}"),
            Step::Decide { member, block } => write!(f, "n{member} decides {}", name(block)),
            Step::GiveUp { member } => write!(f, "n{member} gives its view up"),
            Step::Enter { member, view, start, chosen } => {
                let chosen: Vec<String> = chosen.into_iter().filter(|id| *id > 0).map(name).collect();
                write!(f, "n{member} enters v{view} from {} with {chosen:?}", name(start))
            }
        }
    }
}

/// A block's path from the base: `aab` is a second child of a first child of a first child.
fn name(id: Id) -> String {
    let mut letters = Vec::new();
    let mut at = id;
    while at > 0 {
        letters.push(if at % 2 == 1 { 'a' } else { 'b' });
        at = parent(at);
    }
    if letters.is_empty() { "base".to_owned() } else { letters.into_iter().rev().collect() }
}

fn parent(id: Id) -> Id {
    (id - 1) / 2
}

fn height(id: Id) -> usize {
    if id == 0 { 0 } else { height(parent(id)) + 1 }
}

fn block_id(id: Id) -> BlockId {
    BlockId(Hash([id; 32]))
}

fn id_of(point: Point) -> Id {
    point.id.0.as_bytes()[0]
}

fn point(id: Id) -> Point {
    Point { height: height(id) as Height, id: block_id(id) }
}

fn link(id: Id) -> Link {
    Link { height: height(id) as Height, id: block_id(id), parent: block_id(parent(id)) }
}

fn stands_on(id: Id, below: Id) -> bool {
    id == below || (id > 0 && stands_on(parent(id), below))
}

impl Told {
    fn report(&self) -> Report {
        let prepared = self.prepared.iter().filter(|(_, block)| *block > 0);
        let prepared = prepared.map(|(view, block)| Prepared { view: u64::from(*view), link: link(*block) });
        Report { decided: point(self.decided), prepared: prepared.collect() }
    }
}

impl Member {
    fn told(&self) -> Told {
        let mut prepared = self.certificates;
        prepared[..height(self.decided)].fill((0, 0));
        Told { decided: self.decided, prepared }
    }

    /// The block accepted below a height in the current view.
    fn accepted_below(&self, at: usize) -> Option<Id> {
        let start = height(self.start);
        if at == start + 1 {
            return Some(self.start);
        }
        let below = at.checked_sub(2).filter(|_| at > start)?;
        Some(self.prepared[usize::from(self.view)][below]).filter(|id| *id > 0)
    }

    /// What it prepared last at a height.
    fn before(&self, at: usize) -> Option<(u64, BlockId)> {
        let views = self.prepared.iter().enumerate().rev();
        let mut prepared = views.map(|(view, heights)| (view as u64, heights[at - 1]));
        prepared.find(|(_, id)| *id > 0).map(|(view, id)| (view, block_id(id)))
    }
}

impl State {
    fn count(&self, signed: impl Fn(&Member) -> bool) -> usize {
        self.members.iter().filter(|member| signed(member)).count()
    }

    fn is_prepared(&self, view: usize, id: Id) -> bool {
        self.count(|member| member.prepared[view][height(id) - 1] == id) >= ENOUGH
    }

    fn is_final(&self, id: Id) -> bool {
        let committed =
            |view: usize| self.count(|member| member.committed[view][height(id) - 1] == id) >= ENOUGH;
        (0..MAX_VIEWS).any(committed)
    }
}

struct Pbft {
    heights: usize,
    views: u8,
    /// Honest members who ever do anything: two suffice for quorums with the liar.
    active: usize,
    broken: Option<Broken>,
}

impl Pbft {
    fn has(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn blocks(&self) -> impl Iterator<Item = Id> + use<> {
        let last = (1 << (self.heights + 1)) - 2;
        1..=last
    }

    fn finals(&self, state: &State) -> Vec<Id> {
        self.blocks().filter(|id| state.is_final(*id)).collect()
    }

    fn agrees(&self, state: &State) -> bool {
        let finals = self.finals(state);
        let on_one_chain = |one: Id, other: Id| stands_on(one, other) || stands_on(other, one);
        finals.iter().all(|one| finals.iter().all(|other| on_one_chain(*one, *other)))
    }

    fn takes_part(&self, member: &Member) -> bool {
        let decided = height(member.decided) as Height;
        member.entered && rules::may_take_part(height(member.start) as Height, decided)
    }

    fn may_prepare(&self, state: &State, member: &Member, id: Id) -> bool {
        let at = height(id);
        // Of two blocks on one parent, the adversary shows the first first.
        let is_twin = id.is_multiple_of(2);
        let first_was_shown =
            || state.members.iter().any(|it| it.prepared.iter().any(|view| view[at - 1] == id - 1));
        // Nothing that a prepare rests on comes of later views, so all prepares of a view may be thought to come before.
        let is_late = state.members.iter().any(|it| it.view > member.view && it.entered);
        if is_late || !self.takes_part(member) || (is_twin && !first_was_shown()) {
            return false;
        }
        let chosen = member.chosen[at - 1];
        let Some(mut below) = member.accepted_below(at).map(point) else { return false };
        if self.has(Broken::PrepareWithoutParent) {
            below.id = link(id).parent;
        }
        let before = member.before(at).filter(|_| !self.has(Broken::PrepareTwice));
        let is_new = member.prepared[usize::from(member.view)][at - 1] != id;
        is_new
            && (chosen == 0 || chosen == id)
            && rules::may_prepare(u64::from(member.view), &link(id), below, before)
    }

    fn may_commit(&self, member: &Member, at: usize) -> bool {
        let (view, below) = (usize::from(member.view), at - 1);
        let is_committed_below = height(member.decided) >= below
            || member.committed[view][below - 1] > 0
            || self.has(Broken::CommitOutOfOrder);
        rules::may_commit(view as u64, view as u64, is_committed_below)
    }

    /// What seeing a certificate changes: it is remembered, and the block committed if that is in order.
    fn certify(&self, state: &State, member: usize, at: usize) -> Option<Member> {
        let it = &state.members[member];
        let view = usize::from(it.view);
        let id = it.prepared[view][at - 1];
        if id == 0 || !self.takes_part(it) || !state.is_prepared(view, id) {
            return None;
        }
        let mut after = *it;
        after.certificates[at - 1] = (it.view, id);
        if self.may_commit(it, at) {
            after.committed[view][at - 1] = id;
        }
        Some(after).filter(|after| after != it)
    }

    /// Everything that the liar can report when `view` begins.
    fn lies(&self, state: &State, view: u8) -> Vec<Told> {
        let mut lies: Vec<Told> = std::iter::once(0)
            .chain(self.finals(state))
            .map(|decided| Told { decided, ..Told::default() })
            .collect();
        for at in 1..=self.heights {
            let exist = (0..view).flat_map(|view| self.blocks().map(move |id| (view, id)));
            let exist: Vec<Certificate> = exist
                .filter(|(view, id)| height(*id) == at && state.is_prepared(usize::from(*view), *id))
                .collect();
            let more: Vec<Told> = lies
                .iter()
                .filter(|told| height(told.decided) < at)
                .flat_map(|told| {
                    exist.iter().map(|certificate| {
                        let mut told = *told;
                        told.prepared[at - 1] = *certificate;
                        told
                    })
                })
                .collect();
            lies.extend(more);
        }
        lies
    }

    fn choose(&self, reports: &[Report]) -> (Id, [Id; MAX_HEIGHTS]) {
        let (start, mut links) = rules::choose(reports).unwrap();
        if self.has(Broken::OneCertificateForAll) {
            let all = reports.iter().flat_map(|report| &report.prepared);
            let highest = all.max_by_key(|prepared| (prepared.view, prepared.link.height));
            links.retain(|link| highest.is_some_and(|highest| link.height <= highest.link.height));
        }
        let mut chosen = [0; MAX_HEIGHTS];
        for link in links {
            let id = id_of(link.point());
            chosen[height(id) - 1] = id;
        }
        (id_of(start), chosen)
    }

    /// How a view can begin, by any quorum of reports.
    fn beginnings(&self, state: &State, view: u8) -> BTreeSet<(Id, [Id; MAX_HEIGHTS])> {
        let mut honest: Vec<Report> = Vec::new();
        for told in state.members.iter().filter_map(|member| member.reports[usize::from(view)]) {
            let told = if self.has(Broken::ReportsForget) {
                Told { prepared: Default::default(), ..told }
            } else {
                told
            };
            honest.push(told.report());
        }
        let mut beginnings = BTreeSet::new();
        if honest.len() > ENOUGH {
            beginnings.insert(self.choose(&honest));
        }
        if honest.len() >= ENOUGH {
            let lies: Vec<Report> = self.lies(state, view).iter().map(Told::report).collect();
            for left_out in 0..honest.len() {
                let mut reports = honest.clone();
                if honest.len() > ENOUGH {
                    reports.remove(left_out);
                }
                for lie in &lies {
                    reports.push(lie.clone());
                    beginnings.insert(self.choose(&reports));
                    reports.pop();
                }
            }
        }
        beginnings
    }
}

impl Model for Pbft {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State { members: [Member { entered: true, ..Member::default() }; HONEST] }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        // The checker tries what stands last first: a view's work before what ends it.
        let beginnings: Vec<_> = (0..self.views)
            .map(|view| if view == 0 { BTreeSet::new() } else { self.beginnings(state, view) })
            .collect();
        let finals = self.finals(state);
        for (member, it) in state.members.iter().enumerate().take(self.active) {
            if it.view + 1 < self.views {
                steps.push(Step::GiveUp { member });
            }
            for view in it.view..self.views {
                if view > it.view || !it.entered {
                    let ways = beginnings[usize::from(view)].iter();
                    steps.extend(ways.map(|(start, chosen)| Step::Enter {
                        member,
                        view,
                        start: *start,
                        chosen: *chosen,
                    }));
                }
            }
            let shown = self.blocks().filter(|block| self.may_prepare(state, it, *block));
            steps.extend(shown.map(|block| Step::Prepare { member, block }));
            let certified = (1..=self.heights).filter(|at| self.certify(state, member, *at).is_some());
            steps.extend(certified.map(|height| Step::Certify { member, height }));
            let ahead = finals.iter().filter(|id| height(**id) > height(it.decided));
            steps.extend(ahead.map(|block| Step::Decide { member, block: *block }));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Prepare { member, block } => {
                let it = &mut state.members[member];
                it.prepared[usize::from(it.view)][height(block) - 1] = block;
            }
            Step::Certify { member, height } => state.members[member] = self.certify(last, member, height)?,
            Step::Decide { member, block } => state.members[member].decided = block,
            Step::GiveUp { member } => {
                let it = &mut state.members[member];
                assert!(rules::may_give_up(it.view.into(), u64::from(it.view) + 1), "views ascend");
                it.reports[usize::from(it.view) + 1] = Some(it.told());
                if !self.has(Broken::StayInViewGivenUp) {
                    (it.view, it.entered, it.start, it.chosen) = (it.view + 1, false, 0, Default::default());
                }
            }
            Step::Enter { member, view, start, chosen } => {
                let it = &mut state.members[member];
                (it.view, it.entered, it.start, it.chosen) = (view, true, start, chosen);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Pbft>> {
        vec![
            Property::always(AGREEMENT, |model: &Pbft, state: &State| model.agrees(state)),
            Property::sometimes("the last height is final", |model: &Pbft, state: &State| {
                model.finals(state).into_iter().any(|id| height(id) == model.heights)
            }),
            Property::sometimes(
                "a later view decides what an earlier one prepared",
                |_: &Pbft, state: &State| {
                    let again = |member: &Member| {
                        member.prepared[0][0] > 0 && member.committed[1][0] == member.prepared[0][0]
                    };
                    state.count(again) >= ENOUGH
                },
            ),
            Property::sometimes(
                "a later view drops what an earlier one prepared",
                |_: &Pbft, state: &State| {
                    let other = |member: &Member| {
                        member.prepared[0][0] > 0
                            && ![0, member.prepared[0][0]].contains(&member.committed[1][0])
                    };
                    state.count(other) >= ENOUGH
                },
            ),
        ]
    }
}

/// Honest members differ in nothing but what they did.
fn representative(state: &State) -> State {
    let mut state = state.clone();
    state.members.sort_unstable();
    state
}

fn setting(heights: usize, views: u8, active: usize, broken: Option<Broken>) -> Pbft {
    Pbft { heights, views, active, broken }
}

fn forks_if(broken: Broken) {
    forks(&format!("PBFT, {broken:?}"), setting(2, 3, 2, Some(broken)), representative);
}

/// Two heights with every member acting are too many to exhaust: more than twenty million.
#[test]
fn pbft_never_forks() {
    holds("PBFT, 2 heights, 3 views, one member silent", setting(2, 3, 2, None), representative);
    holds("PBFT, 3 heights, 2 views, one member silent", setting(3, 2, 2, None), representative);
    if is_soak() {
        holds("PBFT, 1 height, 3 views", setting(1, 3, 3, None), representative);
    }
}

#[test]
fn pbft_forks_if_a_new_view_takes_one_certificate_for_all() {
    forks_if(Broken::OneCertificateForAll);
}

#[test]
fn pbft_forks_if_commits_come_out_of_order() {
    forks_if(Broken::CommitOutOfOrder);
}

#[test]
fn pbft_forks_if_members_prepare_twice() {
    forks_if(Broken::PrepareTwice);
}

#[test]
fn pbft_forks_if_reports_forget() {
    forks_if(Broken::ReportsForget);
}

#[test]
fn pbft_forks_if_blocks_are_prepared_on_others_than_the_accepted() {
    forks_if(Broken::PrepareWithoutParent);
}

#[test]
fn pbft_forks_if_members_go_on_in_a_view_they_gave_up() {
    forks_if(Broken::StayInViewGivenUp);
}
