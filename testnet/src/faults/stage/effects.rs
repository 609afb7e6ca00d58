//! What a fault means on each node.

use crate::faults::{DiskTrouble, Fault, Reach, Who, millis};
use crate::local::NodeEntry;
use std::collections::BTreeSet;
use witan_replica::attack::Attack;
use witan_rpc::{BadLine, CutDirection, FaultEffect, Lie};

/// What is to be staged on one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OnNode {
    /// The node, or the second process of one.
    pub(super) name: String,
    /// What.
    pub(super) effect: FaultEffect,
}

/// What a resolved fault stages on which nodes. What is done to processes from outside stages nothing in them.
pub(super) fn on_nodes(fault: &Fault, nodes: &[NodeEntry], twin: Option<&str>) -> Vec<OnNode> {
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let mut on = by_name(fault, &names, twin);
    // A node knows the names of validators alone, and of others their ids.
    let id = |name: &mut String| {
        if let Some(node) = nodes.iter().find(|node| node.name == *name) {
            name.clone_from(&node.node_id);
        }
    };
    for OnNode { effect, .. } in &mut on {
        match effect {
            FaultEffect::Network { drop, .. } => drop.iter_mut().for_each(id),
            FaultEffect::Line { nodes: Some(nodes), .. } => nodes.iter_mut().for_each(id),
            _ => {}
        }
    }
    on
}

fn by_name(fault: &Fault, names: &[String], twin: Option<&str>) -> Vec<OnNode> {
    let name = |place: u16| names.get(usize::from(place)).cloned().unwrap_or_default();
    let named = |whos: &[Who]| whos.iter().filter_map(|who| who.place()).map(name).collect::<Vec<String>>();
    let each = |whos: &[Who], effect: FaultEffect| {
        let on = |name: String| OnNode { name, effect: effect.clone() };
        named(whos).into_iter().map(on).collect::<Vec<_>>()
    };
    match fault {
        Fault::Kill { .. } | Fault::Pause { .. } => Vec::new(),
        Fault::Partition { .. } | Fault::Isolate { .. } => cuts(fault, names),
        Fault::Link { from, line, .. } if fault.follows_leaders() => {
            let late = |who: &Who| match who {
                Who::Leader(group) => {
                    Some(FaultEffect::Proposals { group: *group, delay_ms: millis(line.delay.0) })
                }
                Who::Node(_) => None,
            };
            let on = |name: &String| {
                let effects = from.iter().filter_map(late);
                effects.map(|effect| OnNode { name: name.clone(), effect }).collect::<Vec<_>>()
            };
            names.iter().flat_map(on).collect()
        }
        Fault::Link { from, to, line } => {
            let line = BadLine {
                delay_ms: millis(line.delay.0),
                jitter_ms: millis(line.jitter.0),
                loss_percent: line.loss_percent,
                duplicate_percent: line.duplicate_percent,
                reorder_percent: line.reorder_percent,
                bytes_per_second: u64::from(line.kilobytes_per_second).saturating_mul(1_000),
            };
            let to = named(to);
            let lines = named(from).into_iter().filter_map(|name| {
                let to = if to.is_empty() { names } else { &to };
                let nodes: Vec<String> = to.iter().filter(|other| **other != name).cloned().collect();
                let (is_idle, nodes) = (nodes.is_empty(), Some(nodes));
                (!is_idle).then_some(OnNode { name, effect: FaultEffect::Line { nodes, line } })
            });
            lines.collect()
        }
        Fault::Twin { node, audience } => between_twins(&named(&[*node]), &named(audience), names, twin),
        Fault::Byzantine { node, behaviour } => lie(*behaviour)
            .map(|behaviour| each(&[*node], FaultEffect::Byzantine { behaviour }))
            .unwrap_or_default(),
        Fault::Clock { nodes, offset_ms } => each(nodes, FaultEffect::Clock { offset_ms: *offset_ms }),
        Fault::Disk { nodes, trouble } => each(
            nodes,
            match trouble {
                DiskTrouble::Slow(delay) => FaultEffect::Disk { delay_ms: millis(delay.0) },
                DiskTrouble::Full => FaultEffect::DiskFull,
                DiskTrouble::FailSync => FaultEffect::DiskFailSync,
            },
        ),
        Fault::TwoPhase { from, to } => {
            let on = |name: &String| OnNode {
                name: name.clone(),
                effect: FaultEffect::Channel { from_group: *from, to_group: *to },
            };
            names.iter().map(on).collect()
        }
    }
}

/// Whom each node is cut off from.
fn cuts(fault: &Fault, names: &[String]) -> Vec<OnNode> {
    let places = |whos: &[Who]| whos.iter().filter_map(|who| who.place()).collect::<BTreeSet<u16>>();
    let mut reach = Reach::whole(u16::try_from(names.len()).unwrap_or(u16::MAX));
    match fault {
        Fault::Partition { sides, one_way } => {
            reach.part(&sides.iter().map(|side| places(side)).collect::<Vec<_>>(), *one_way);
        }
        Fault::Isolate { nodes } => reach.isolate(&places(nodes)),
        _ => {}
    }
    let mut on = Vec::new();
    for (place, name) in (0_u16..).zip(names) {
        let (deaf_to, unheard_by) = reach.around(place);
        let both: BTreeSet<u16> = deaf_to.intersection(&unheard_by).copied().collect();
        for (nodes, direction) in [
            (both.clone(), CutDirection::Both),
            (&deaf_to - &both, CutDirection::In),
            (&unheard_by - &both, CutDirection::Out),
        ] {
            let drop: Vec<String> =
                nodes.iter().filter_map(|at| names.get(usize::from(*at)).cloned()).collect();
            if !drop.is_empty() {
                on.push(OnNode { name: name.clone(), effect: FaultEffect::Network { drop, direction } });
            }
        }
    }
    on
}

/// The audience hears the second process alone, all others the first.
fn between_twins(first: &[String], audience: &[String], names: &[String], twin: Option<&str>) -> Vec<OnNode> {
    let apart = |drop: Vec<String>| FaultEffect::Network { drop, direction: CutDirection::Both };
    let (Some(first), Some(twin)) = (first.first(), twin) else { return Vec::new() };
    let others: Vec<String> =
        names.iter().filter(|name| *name != first && !audience.contains(name)).cloned().collect();
    let mut on = vec![OnNode { name: first.clone(), effect: apart(audience.to_vec()) }];
    if !others.is_empty() {
        on.push(OnNode { name: twin.to_owned(), effect: apart(others) });
    }
    on
}

/// A way to lie in a node's words; none for what is staged from outside.
fn lie(attack: Attack) -> Option<Lie> {
    match attack {
        Attack::Mute => Some(Lie::Mute),
        Attack::Equivocate => Some(Lie::Equivocate),
        Attack::Delay => Some(Lie::Delay),
        Attack::Withhold => Some(Lie::Withhold),
        Attack::Replay => Some(Lie::Replay),
        Attack::Corrupt => Some(Lie::Corrupt),
        Attack::MisleadSync => Some(Lie::MisleadSync),
        Attack::FalseShares => Some(Lie::FalseShares),
        Attack::Twin | Attack::Forget | Attack::WithholdBatches => None,
    }
}
