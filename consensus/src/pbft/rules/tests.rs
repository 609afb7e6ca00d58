//! The predicates against what they promise, for any numbers.

use super::*;
use proptest::prelude::*;
use witan_types::Hash;

/// The block called `name` at `height`. Names tell blocks at one height apart.
fn id(height: Height, name: u8) -> BlockId {
    let mut bytes = [name; 32];
    bytes[0] = u8::try_from(height).unwrap();
    BlockId(Hash(bytes))
}

fn at(height: Height, name: u8) -> Point {
    Point { height, id: id(height, name) }
}

fn link(height: Height, name: u8, parent: u8) -> Link {
    Link { height, id: id(height, name), parent: id(height - 1, parent) }
}

fn prepared(view: View, link: Link) -> Prepared {
    Prepared { view, link }
}

fn report(decided: Point, prepared: &[Prepared]) -> Report {
    Report { decided, prepared: prepared.to_vec() }
}

const HEIGHTS: usize = 5;
const VIEWS: usize = 4;

/// What quorums prepared: at most one block at a height in a view. Three blocks a height, each on any of those below.
#[derive(Clone, Debug)]
struct World {
    parents: [[u8; 3]; HEIGHTS],
    prepared: [[Option<u8>; HEIGHTS]; VIEWS],
}

impl World {
    fn certificate(&self, view: usize, at: usize) -> Option<Prepared> {
        let name = self.prepared[view][at]?;
        let parent = self.parents[at][usize::from(name)];
        Some(prepared(view as View, link(at as Height + 11, name, parent)))
    }
}

fn world() -> impl Strategy<Value = World> {
    let parents = any::<[[u8; 3]; HEIGHTS]>().prop_map(|all| all.map(|some| some.map(|name| name % 3)));
    let prepared = any::<[[Option<u8>; HEIGHTS]; VIEWS]>()
        .prop_map(|all| all.map(|some| some.map(|name| name.map(|name| name % 3))));
    (parents, prepared).prop_map(|(parents, prepared)| World { parents, prepared })
}

/// Reports of that world: each decided one of the blocks, and says of some views what was prepared at each height.
fn reports() -> impl Strategy<Value = Vec<Report>> {
    let member = (0_u64..3, any::<[Option<prop::sample::Index>; HEIGHTS]>());
    (world(), prop::collection::vec(member, 1..5)).prop_map(|(world, members)| {
        let of = |(decided, views): (Height, [Option<prop::sample::Index>; HEIGHTS])| {
            let known = views.iter().enumerate().filter_map(|(height, view)| {
                let view = view.as_ref()?.index(VIEWS);
                world.certificate(view, height).filter(|prepared| prepared.link.height > 10 + decided)
            });
            Report { decided: at(10 + decided, 0), prepared: known.collect() }
        };
        members.into_iter().map(of).collect()
    })
}

proptest! {
    #[test]
    fn a_choice_is_a_chain_from_the_highest_decided_block_up_to_the_first_gap(reports in reports()) {
        let (start, chosen) = choose(&reports).expect("somebody reports");
        prop_assert!(reports.iter().all(|report| report.decided <= start));
        prop_assert!(reports.iter().any(|report| report.decided == start));
        let mut below = start;
        for link in &chosen {
            prop_assert!(link.extends(below));
            below = link.point();
        }
        let extends = |prepared: &Prepared| prepared.link.extends(below);
        prop_assert!(!reports.iter().flat_map(|report| &report.prepared).any(extends), "it stops at a gap alone");
    }

    #[test]
    fn a_choice_is_prepared_in_no_lower_view_than_another_on_the_same_block(reports in reports()) {
        let (mut below, chosen) = choose(&reports).expect("somebody reports");
        let all = || reports.iter().flat_map(|report| &report.prepared);
        for link in chosen {
            let highest = all().filter(|it| it.link.extends(below)).map(|it| it.view).max();
            let own = all().filter(|it| it.link == link).map(|it| it.view).max();
            prop_assert!(own.is_some() && own == highest);
            below = link.point();
        }
    }

    #[test]
    fn who_reports_first_does_not_matter(reports in reports(), order in any::<prop::sample::Index>()) {
        let mut turned = reports.clone();
        turned.rotate_left(order.index(reports.len()));
        for report in &mut turned {
            report.prepared.reverse();
        }
        prop_assert_eq!(choose(&turned), choose(&reports));
        turned.reverse();
        prop_assert_eq!(choose(&turned), choose(&reports));
    }

    #[test]
    fn what_does_not_extend_the_choice_changes_nothing(reports in reports(), view in 0_u64..9, height in 11_u64..18) {
        let stray = prepared(view, Link { height, id: id(height, 7), parent: id(height - 1, 8) });
        let mut more = reports.clone();
        more[0].prepared.push(stray);
        prop_assert_eq!(choose(&more), choose(&reports));
    }

    #[test]
    fn nobody_prepares_two_blocks_at_a_height_in_a_view(view in 0_u64..5, last in 0_u64..5, same: bool) {
        let before = Some((last, id(11, u8::from(!same))));
        let may = may_prepare(view, &link(11, 0, 0), at(10, 0), before);
        prop_assert_eq!(may, last < view || (last == view && same));
    }

    #[test]
    fn a_commit_is_of_its_own_view_and_on_a_committed_block(view in 0_u64..5, prepared_view in 0_u64..5, below: bool) {
        prop_assert_eq!(may_commit(view, prepared_view, below), view == prepared_view && below);
    }

    #[test]
    fn views_only_ascend(view: u64, next: u64) {
        prop_assert_eq!(may_give_up(view, next), next > view);
    }

    #[test]
    fn a_member_that_reports_what_it_committed_hides_nothing(
        reports in reports(), at_height in 0_usize..HEIGHTS, view in 0_u64..6, next in 0_u64..6, later in 0_u64..3,
    ) {
        let committed = at(11 + at_height as Height, 0);
        for mut report in reports {
            report.prepared.retain(|it| it.link.height != committed.height);
            let is_decided = report.decided.height >= committed.height;
            prop_assert_eq!(hides(&report, next, view, committed), view < next && !is_decided);
            report.prepared.push(prepared(view + later, link(committed.height, 1, 0)));
            prop_assert!(!hides(&report, next, view, committed), "that, or what a later view prepared instead");
        }
    }
}

#[test]
fn a_block_is_prepared_only_on_the_one_accepted_below() {
    assert!(may_prepare(0, &link(11, 0, 0), at(10, 0), None));
    assert!(!may_prepare(0, &link(11, 0, 1), at(10, 0), None), "on another block");
    assert!(!may_prepare(0, &link(12, 0, 0), at(10, 0), None), "across a gap");
    let last = Link { height: 0, id: id(0, 0), parent: id(255, 0) };
    assert!(!last.extends(Point { height: u64::MAX, id: id(255, 0) }), "heights do not wrap");
}

#[test]
fn nothing_is_chosen_from_no_reports() {
    assert_eq!(choose(&[]), None);
    assert_eq!(start(&[]), None);
}

#[test]
fn a_later_view_that_prepared_only_the_lowest_height_again_hides_none_above() {
    let old: Vec<Prepared> = (11..15).map(|height| prepared(3, link(height, 0, 0))).collect();
    let again = prepared(4, link(11, 0, 0));
    let reports = [report(at(10, 0), &old), report(at(10, 0), &[again]), report(at(10, 0), &[])];
    let heights = |links: Vec<Link>| links.iter().map(|link| link.height).collect::<Vec<_>>();
    assert_eq!(choose(&reports).map(|(_, links)| heights(links)), Some(vec![11, 12, 13, 14]));
}

#[test]
fn the_highest_view_wins_at_each_height_and_with_it_goes_what_stood_on_the_other() {
    let old = [prepared(1, link(11, 0, 0)), prepared(1, link(12, 0, 0))];
    let new = [prepared(2, link(11, 1, 0))];
    let reports = [report(at(10, 0), &old), report(at(10, 0), &new)];
    assert_eq!(choose(&reports), Some((at(10, 0), vec![link(11, 1, 0)])));
}

#[test]
fn a_choice_starts_from_the_highest_decided_block_whatever_is_prepared_at_or_below_it() {
    let low = [prepared(9, link(11, 1, 0)), prepared(9, link(12, 1, 1))];
    let reports = [report(at(10, 0), &low), report(at(12, 0), &[prepared(0, link(13, 0, 0))])];
    assert_eq!(choose(&reports), Some((at(12, 0), vec![link(13, 0, 0)])));
}

#[test]
fn a_choice_stops_at_a_gap() {
    let gap = [prepared(1, link(11, 0, 0)), prepared(1, link(13, 0, 0))];
    assert_eq!(choose(&[report(at(10, 0), &gap)]), Some((at(10, 0), vec![link(11, 0, 0)])));
}

#[test]
fn nobody_takes_part_in_a_view_before_it_has_decided_what_the_view_starts_from() {
    assert!(!may_take_part(11, 10));
    assert!(may_take_part(11, 11) && may_take_part(11, 12));
}
