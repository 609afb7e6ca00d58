//! Block time: what a leader proposes and what a voter accepts. All times are Unix milliseconds.

/// A voter's judgement on a block's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeVerdict {
    /// Above the parent's and not too far ahead of this clock.
    Ok,
    /// Too far ahead of this clock; it will pass.
    TooEarly,
    /// Not above the parent's: never acceptable.
    NotAbove,
}

/// The time of a new block: above its parent's, and what the members' clocks say in the middle.
pub fn propose_time(parent_ms: u64, median_of_clocks_ms: u64) -> u64 {
    parent_ms.saturating_add(1).max(median_of_clocks_ms)
}

/// Judges a block's time against its parent's and the wall clock here. Once a block id: a block that was acceptable
/// stays so when it is proposed again.
pub fn judge_time(header_time_ms: u64, parent_time_ms: u64, now_ms: u64, max_drift_ms: u64) -> TimeVerdict {
    if header_time_ms <= parent_time_ms {
        TimeVerdict::NotAbove
    } else if header_time_ms > now_ms.saturating_add(max_drift_ms) {
        TimeVerdict::TooEarly
    } else {
        TimeVerdict::Ok
    }
}

/// The lower median of the members' clocks; `None` if there is none. While fewer than half of them lie it is between
/// two honest ones, whatever the others say.
pub fn median(clocks_ms: &[u64]) -> Option<u64> {
    let mut sorted = clocks_ms.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_leader_whose_clocks_stand_still_still_moves_block_time() {
        assert_eq!(propose_time(1_000, 400), 1_001);
        assert_eq!(propose_time(1_000, 5_000), 5_000);
        assert_eq!(propose_time(u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn a_block_from_the_near_future_is_too_early_until_the_clock_comes_close() {
        assert_eq!(judge_time(1_501, 900, 1_000, 500), TimeVerdict::TooEarly);
        assert_eq!(judge_time(1_501, 900, 1_001, 500), TimeVerdict::Ok);
    }

    #[test]
    fn a_block_that_is_not_above_its_parent_is_never_acceptable() {
        assert_eq!(judge_time(900, 900, 0, 0), TimeVerdict::NotAbove);
        assert_eq!(judge_time(900, u64::MAX, u64::MAX, u64::MAX), TimeVerdict::NotAbove);
    }

    #[test]
    fn nobody_has_no_median() {
        assert_eq!(median(&[]), None);
    }

    proptest! {
        #[test]
        fn what_an_honest_leader_proposes_is_accepted_by_clocks_near_its_own(
            parent in 0..1_000_000_u64, now in 1_000_001..2_000_000_u64, behind in 0..500_u64,
        ) {
            let time = propose_time(parent, now);
            prop_assert_eq!(judge_time(time, parent, now - behind, 500), TimeVerdict::Ok);
        }

        #[test]
        fn a_lying_third_cannot_move_the_median_out_of_the_honest_range(
            honest in prop::collection::vec(1_000..2_000_u64, 3..9), lies in prop::collection::vec(any::<u64>(), 2),
        ) {
            let faulty = (honest.len() - 1) / 2;
            let mut clocks = honest.clone();
            clocks.extend(lies.into_iter().take(faulty));
            let median = median(&clocks).unwrap();
            prop_assert!((1_000..2_000).contains(&median));
        }
    }
}
