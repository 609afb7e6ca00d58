//! How long blocks and batches wait for more to carry. Each costs every member messages, signatures and writes, whatever it carries; so
//! where the processor is short, and the more groups share it, fewer of them are made.

use crate::together::COUNTS_FOR;
use std::collections::BTreeMap;
use std::time::Instant;
use witan_types::GroupId;

/// What it depends on, and what groups were last told.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// When the processor was last seen to be short.
    short: Option<Instant>,
    /// When each group last wrote to the ledger.
    wrote: BTreeMap<GroupId, Instant>,
    told: u32,
}

impl Default for Stretch {
    fn default() -> Stretch {
        Stretch { short: None, wrote: BTreeMap::new(), told: 1 }
    }
}

impl Stretch {
    /// The processor was seen to be short.
    pub(crate) fn saw_shortage(&mut self, now: Instant) {
        self.short = Some(now);
    }

    /// A group made progress.
    pub(crate) fn wrote(&mut self, group: GroupId, now: Instant) {
        self.wrote.insert(group, now);
    }

    /// How many times as long as usual blocks and batches are to wait, if that is not what groups were told: once more for each group
    /// at work while the processor is short.
    pub(crate) fn changed(&mut self, now: Instant) -> Option<u32> {
        let is_recent = |moment: &Instant| now.saturating_duration_since(*moment) < COUNTS_FOR;
        let at_work = self.wrote.values().filter(|moment| is_recent(moment)).count();
        let stretch = match self.short.as_ref().is_some_and(is_recent) {
            true => u32::try_from(at_work).unwrap_or(u32::MAX).saturating_add(1),
            false => 1,
        };
        (std::mem::replace(&mut self.told, stretch) != stretch).then_some(stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn groups_wait_the_longer_the_more_share_a_short_processor() {
        let (mut stretch, start) = (Stretch::default(), Instant::now());
        stretch.wrote(GroupId(0), start);
        assert_eq!(stretch.changed(start), None, "as usual");
        stretch.saw_shortage(start);
        assert_eq!(stretch.changed(start), Some(2));
        assert_eq!(stretch.changed(start), None, "they were told");
        let later = start + COUNTS_FOR - Duration::from_millis(1);
        stretch.wrote(GroupId(1), later);
        assert_eq!(stretch.changed(later), Some(3));
        let later = start + COUNTS_FOR;
        stretch.saw_shortage(later);
        assert_eq!(stretch.changed(later), Some(2), "the first group rests");
        assert_eq!(stretch.changed(later + COUNTS_FOR), Some(1), "what was seen long ago counts no more");
    }
}
