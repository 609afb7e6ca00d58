//! What is wrong with this node itself.

use super::super::situation::{GroupSituation, Situation};
use super::super::words::{by_count, listed, seconds};
use super::{Found, grave, noted};
use std::time::Duration;

/// What clocks may seem to differ beyond the drift that genesis allows, since messages take their time; milliseconds.
const CLOCK_NOISE_MS: u64 = 1_000;
/// A disk whose syncs take so long is slow: several time-outs of a view may pass while one block becomes durable.
const SLOW_SYNC: Duration = Duration::from_millis(500);
/// Fewer syncs than these tell nothing yet, unless one hangs.
const MIN_SYNCS: usize = 3;
/// A sync that is under way for so long hangs.
const HUNG_SYNC: Duration = Duration::from_secs(2);
/// A full mempool counts against the node once no block has emptied it for so long.
const FULL_FOR: Duration = Duration::from_secs(5);

/// It starts, stops or hangs.
pub(super) fn life(situation: &Situation, found: &mut Vec<Found>) {
    let me = situation.node.as_str();
    if !situation.live {
        let text = format!("{me}'s event loop has not turned for 5 seconds.");
        found.push(grave(
            "STALLED",
            None,
            &[me],
            text,
            format!("Look at {me}'s disk and processor, then restart it."),
        ));
    }
    if situation.stopping {
        let text = format!("{me} is stopping: it was told to.");
        found.push(grave("STOPPING", None, &[me], text, "Start it again when it is wanted.".to_owned()));
    } else if situation.groups.is_empty() {
        let text = format!("{me} is starting: no group is open yet.");
        found.push(grave("STARTING", None, &[me], text, "Wait a moment.".to_owned()));
    }
}

/// Clocks differ: this node's is off if it differs from most others', else whichever differs.
pub(super) fn clock(situation: &Situation, found: &mut Vec<Found>) {
    let limit = situation.max_drift_ms.saturating_add(CLOCK_NOISE_MS);
    let mut ahead: Vec<i64> = situation.clocks.iter().map(|(_, ahead)| *ahead).collect();
    ahead.sort_unstable();
    let Some(median) = ahead.get(ahead.len().saturating_sub(1) / 2).copied() else { return };
    let me = situation.node.as_str();
    let fix = |who: &str| {
        format!(
            "Synchronize {who}'s clock (NTP): a voter holds its vote back while its clock is over {} ms behind a block's time.",
            situation.max_drift_ms
        )
    };
    if situation.clocks.len() > 1 && median.unsigned_abs() > limit {
        let others: Vec<&str> = situation.clocks.iter().map(|(name, _)| name.as_str()).collect();
        let way = if median < 0 { "ahead of" } else { "behind" };
        let text =
            format!("{me}'s clock is {} {way} those of {}.", seconds(median.unsigned_abs()), listed(&others));
        found.push(grave("CLOCK_SKEW", None, &[me], text, fix(me)));
        return;
    }
    for (name, ahead) in situation.clocks.iter().filter(|(_, ahead)| ahead.unsigned_abs() > limit) {
        let way = if *ahead < 0 { "behind" } else { "ahead of" };
        let text = format!("{name}'s clock is {} {way} {me}'s.", seconds(ahead.unsigned_abs()));
        found.push(noted("CLOCK_SKEW", None, &[name], text, fix(name)));
    }
}

/// It is catching up.
pub(super) fn syncing(situation: &Situation, found: &mut Vec<Found>) {
    let me = situation.node.as_str();
    for (group, behind) in situation.groups.iter().filter_map(|group| Some((group, group.behind()?))) {
        let sources = group.members.iter().filter(|member| member.reached && !member.is_me);
        let sources: Vec<&str> = sources.map(|member| member.name.as_str()).collect();
        let text = format!(
            "{me} is catching up: it has sealed block {} of {} in group {}, and fetches the other {behind} from {}.",
            group.sealed,
            group.sealed_elsewhere,
            group.group,
            listed(&sources)
        );
        let fix = match group.sealed_a_second.filter(|speed| *speed > 0) {
            Some(speed) => format!(
                "Wait: at {speed} blocks a second, as lately, that takes {} and what comes meanwhile; reads answer with the height they were made at.",
                seconds(behind.saturating_mul(1000) / speed)
            ),
            None => "Wait; reads answer with the height they were made at.".to_owned(),
        };
        found.push(grave("SYNCING", Some(group.group), &[me], text, fix));
    }
}

/// A mempool is full. While blocks empty it that is pressure, which clients are told; else it is a stall.
pub(super) fn mempool(situation: &Situation, found: &mut Vec<Found>) {
    let me = situation.node.as_str();
    for group in situation.groups.iter().filter(|group| group.mempool.is_full()) {
        let fill = group.mempool;
        let text = format!(
            "{me}'s mempool of group {} is full: {} of {} transactions wait, {} of {} bytes, and new ones are refused.",
            group.group, fill.transactions, fill.max_transactions, fill.bytes, fill.max_bytes
        );
        let stands = !group.has_quorum() || group.stalled >= FULL_FOR;
        let (make, fix) = if stands {
            (
                grave as fn(_, _, &[&str], _, _) -> _,
                format!("It empties once group {} makes blocks again.", group.group),
            )
        } else {
            (
                noted as fn(_, _, &[&str], _, _) -> _,
                format!(
                    "Send less, or raise mempool.max_transactions and mempool.max_bytes in {me}'s config.toml."
                ),
            )
        };
        found.push(make("MEMPOOL_FULL", Some(group.group), &[me], text, fix));
    }
}

/// The consensus log's syncs are slow: nothing is lost, and all wait.
pub(super) fn disk(situation: &Situation, found: &mut Vec<Found>) {
    let (me, disk) = (situation.node.as_str(), situation.disk);
    let ms = |time: Duration| seconds(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let is_slow = disk.syncs >= MIN_SYNCS && disk.median >= SLOW_SYNC;
    let hangs = disk.under_way.filter(|since| *since >= HUNG_SYNC);
    let text = match hangs {
        Some(since) => {
            format!("{me}'s disk is slow: a sync of its consensus log is under way for {}.", ms(since))
        }
        None if is_slow => format!(
            "{me}'s disk is slow: of the last {} syncs of its consensus log half took {} or more, the longest {}.",
            disk.syncs,
            ms(disk.median),
            ms(disk.longest)
        ),
        None => return,
    };
    let fix = format!(
        "Look at what else writes to {me}'s disk, and at the disk itself: no vote leaves before it is synced."
    );
    found.push(noted("SLOW_DISK", None, &[me], text, fix));
}

/// Faults were staged on purpose.
pub(super) fn faults(situation: &Situation, found: &mut Vec<Found>) {
    if situation.faults.is_empty() {
        return;
    }
    let me = situation.node.as_str();
    let count = situation.faults.len();
    let text = format!(
        "{me} has {count} {} staged: {}.",
        by_count(count, "fault", "faults"),
        situation.faults.join("; ")
    );
    found.push(noted(
        "FAULT",
        None,
        &[me],
        text,
        format!("fault_clear on {me} ends {}.", by_count(count, "it", "them")),
    ));
}

/// The time for which a group has waited, for people.
pub(super) fn waited(group: &GroupSituation) -> String {
    seconds(u64::try_from(group.stalled.as_millis()).unwrap_or(u64::MAX))
}
