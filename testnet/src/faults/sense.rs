//! Whether a fault makes sense on a network: one judgement for scenario files and for the command line.

use super::theory::Setting;
use super::{DiskTrouble, Fault, Line, Who};
use std::collections::BTreeSet;
use std::time::Duration;
use witan_replica::attack::Attack;
use witan_rpc::methods::MAX_FAULT_DELAY_MS;
use witan_types::GroupId;

/// The longest that a line or a disk holds anything up: what nodes take in.
const LONGEST: Duration = Duration::from_millis(MAX_FAULT_DELAY_MS);

impl Fault {
    /// Judges it against a network.
    ///
    /// # Errors
    /// What makes no sense, for people.
    pub fn sense(&self, setting: &Setting) -> Result<(), String> {
        known(setting, &self.named())?;
        match self {
            Fault::Kill { nodes } | Fault::Pause { nodes } | Fault::Isolate { nodes } => named(nodes),
            Fault::Clock { nodes, .. } => named(nodes),
            Fault::Disk { nodes, trouble } => {
                match trouble {
                    DiskTrouble::Slow(delay) if delay.is_zero() => {
                        return Err("a disk that is 0s slower is not slow".into());
                    }
                    DiskTrouble::Slow(delay) => bounded(delay.0)?,
                    DiskTrouble::Full | DiskTrouble::FailSync => {}
                }
                named(nodes)
            }
            Fault::Partition { sides, .. } => {
                let all: Vec<Who> = sides.concat();
                let once = all.iter().collect::<BTreeSet<_>>().len() == all.len();
                let some = sides.len() >= 2 && sides.iter().all(|side| !side.is_empty());
                let why = "a partition has two sides at least, none empty, and each node is on one of them: n0,n1 n2,n3";
                if once && some { Ok(()) } else { Err(why.into()) }
            }
            Fault::Link { from, to, line } => self.line_sense(from, to, line),
            Fault::Twin { node, audience } => {
                named(audience)?;
                member(setting, *node)?;
                let others = audience.iter().all(|who| who.place().is_some() && who != node);
                if others { Ok(()) } else { Err("the audience of a twin are other nodes, by name".into()) }
            }
            Fault::Byzantine { behaviour: Attack::Twin, .. } => {
                Err("a twin is a fault of its own, with a node and an audience".into())
            }
            Fault::Byzantine { behaviour: Attack::Forget, .. } => {
                Err("only drawn runs of the simulator have validators that forget".into())
            }
            Fault::Byzantine { behaviour: Attack::WithholdBatches, .. } => {
                Err("a scenario can't name validators that keep batches back".into())
            }
            Fault::Byzantine { node, .. } => member(setting, *node),
            Fault::TwoPhase { from, to } => {
                let there = |group: &GroupId| setting.groups.iter().any(|members| members.group == *group);
                if from != to && there(from) && there(to) {
                    return Ok(());
                }
                Err(format!("groups {from} and {to} must be two of this network's"))
            }
        }
    }

    fn line_sense(&self, from: &[Who], to: &[Who], line: &Line) -> Result<(), String> {
        if *line == Line::default() {
            return Err(
                "the line does nothing: give it a delay, jitter, loss, duplicates, reordering or a bandwidth"
                    .into(),
            );
        }
        let shares = [line.loss_percent, line.duplicate_percent, line.reorder_percent];
        if let Some(share) = shares.into_iter().find(|share| *share > 100) {
            return Err(format!("{share} percent: at most 100"));
        }
        bounded(line.delay.0)?;
        bounded(line.jitter.0)?;
        if self.follows_leaders() {
            let only_late = Line { delay: line.delay, ..Line::default() };
            let all_lead = from.iter().all(|who| who.place().is_none());
            if *line != only_late || !to.is_empty() || !all_lead {
                let why = "lines from whoever leads are late, to everyone, and nothing else";
                return Err(why.into());
            }
        }
        named(from)
    }
}

fn named(whos: &[Who]) -> Result<(), String> {
    if whos.is_empty() { Err("it names no node: name one, such as n0".into()) } else { Ok(()) }
}

fn bounded(span: Duration) -> Result<(), String> {
    if span <= LONGEST {
        Ok(())
    } else {
        Err(format!("{} s is too long: at most {} s", span.as_secs(), LONGEST.as_secs()))
    }
}

fn known(setting: &Setting, whos: &[Who]) -> Result<(), String> {
    for who in whos {
        match who {
            Who::Node(place) if *place >= setting.nodes => {
                let last = setting.nodes.saturating_sub(1);
                return Err(format!("there is no node {who}: they are n0 to n{last}"));
            }
            Who::Leader(group) if !setting.groups.iter().any(|members| members.group == *group) => {
                return Err(format!("there is no group {group}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Who lies or runs twice has to be a validator, by name.
fn member(setting: &Setting, node: Who) -> Result<(), String> {
    let Some(place) = node.place() else {
        return Err(format!("{node}: who lies or runs twice must be named, such as n2"));
    };
    let votes = setting.groups.iter().any(|members| members.places.contains(&place));
    if votes { Ok(()) } else { Err(format!("{node} has no vote: it has nothing to lie about")) }
}
