//! Words that several sentences are made of.

use crate::faults::Fault;
use witan_p2p::{Cut, Line};
use witan_types::NodeId;

/// The most nodes that one sentence names.
pub(super) const MAX_NAMED: usize = 8;

/// `n0`, `n0 and n1`, `n0, n1 and n2`; the first 8, and how many more.
pub(super) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let more = names.len().saturating_sub(MAX_NAMED);
    let mut shown: Vec<String> = names.iter().take(MAX_NAMED).map(|name| name.as_ref().to_owned()).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    match shown.split_last() {
        None => "nobody".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// Milliseconds as seconds for people.
#[expect(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
pub(super) fn seconds(ms: u64) -> String {
    if ms < 10_000 { format!("{:.1} s", ms as f64 / 1000.0) } else { format!("{} s", ms / 1000) }
}

/// `is` or `are`, and the like, for this many.
pub(super) fn by_count<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// A staged fault, of the node that it is staged on.
pub(super) fn fault_in_words(fault: &Fault, name_of: impl Fn(&NodeId) -> String) -> String {
    let names = |nodes: &[NodeId]| listed(&nodes.iter().map(&name_of).collect::<Vec<String>>());
    match fault {
        Fault::Clock { offset_ms } => {
            let way = if *offset_ms < 0 { "behind" } else { "ahead" };
            format!("its clock is set {} ms {way}", offset_ms.unsigned_abs())
        }
        Fault::Disk { delay_ms } => format!("each sync of its disk takes {delay_ms} ms longer"),
        Fault::Network { nodes, cut } => {
            let how = match cut {
                Cut::Both => "is cut off from",
                Cut::In => "does not hear from",
                Cut::Out => "does not reach",
            };
            format!("it {how} {}", names(nodes))
        }
        Fault::DiskFull => "its disk is full".into(),
        Fault::DiskFailSync => "syncs of its disk fail".into(),
        Fault::Line { nodes, line } => {
            format!("its line to {} is bad: {}", names(nodes), line_in_words(line))
        }
        Fault::Byzantine(attack) => format!("it lies ({attack})"),
        Fault::Proposals { group, delay_ms } => {
            format!("what it proposes in group {group} leaves {delay_ms} ms late")
        }
        Fault::Channel { from, to } => format!("it keeps from group {to} what group {from} says to it"),
    }
}

fn line_in_words(line: &Line) -> String {
    let Line { delay, jitter, loss_percent, duplicate_percent, reorder_percent, bytes_per_second } = line;
    let facts = [
        (delay.as_millis(), " ms later"),
        (jitter.as_millis(), " ms of jitter"),
        (u128::from(*loss_percent), "% lost"),
        (u128::from(*duplicate_percent), "% twice"),
        (u128::from(*reorder_percent), "% overtaken"),
        (u128::from(*bytes_per_second), " bytes a second"),
    ];
    let told = facts.iter().filter(|(amount, _)| *amount > 0).map(|(amount, unit)| format!("{amount}{unit}"));
    told.collect::<Vec<_>>().join(", ")
}
