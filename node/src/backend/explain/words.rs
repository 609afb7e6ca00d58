//! Words that several sentences are made of.

use crate::faults::Fault;
use witan_p2p::Cut;
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
    match fault {
        Fault::Clock { offset_ms } => {
            let way = if *offset_ms < 0 { "behind" } else { "ahead" };
            format!("its clock is set {} ms {way}", offset_ms.unsigned_abs())
        }
        Fault::Disk { delay_ms } => format!("each sync of its disk takes {delay_ms} ms longer"),
        Fault::Network { nodes, cut } => {
            let names: Vec<String> = nodes.iter().map(name_of).collect();
            let how = match cut {
                Cut::Both => "is cut off from",
                Cut::In => "does not hear from",
                Cut::Out => "does not reach",
            };
            format!("it {how} {}", listed(&names))
        }
    }
}
