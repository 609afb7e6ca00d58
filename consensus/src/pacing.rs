//! Time as engines use it: time-outs that back off and differ from member to member, and answers that are rationed.

use crate::engine::{Setup, Tick};
use std::collections::BTreeMap;
use std::time::Duration;
use witan_types::{ValidatorIndex, sha256};

/// The base time-out, half as long again for each of `times`, capped at the longest.
pub(crate) fn backed_off(setup: &Setup, times: u64) -> Duration {
    let mut timeout = setup.base_timeout.min(setup.max_timeout);
    for _ in 0..times.min(64) {
        timeout = timeout.saturating_add(timeout / 2).min(setup.max_timeout);
    }
    timeout
}

/// `timeout` and up to `thousandths` of it more, by a choice that differs from member to member and view to view.
pub(crate) fn spread(setup: &Setup, view: u64, timeout: Duration, thousandths: u32) -> Duration {
    let (seed, me) = (setup.seed.to_le_bytes(), setup.me.0.to_le_bytes());
    let choice = sha256(&[b"witan time-out", &seed, &me, &view.to_le_bytes()]);
    let [a, b, c, d, ..] = *choice.as_bytes();
    let share = u32::from_le_bytes([a, b, c, d]) % thousandths.saturating_add(1);
    timeout.saturating_add(timeout / 1000 * share)
}

/// Says when something may be done for a member again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ration {
    last: BTreeMap<ValidatorIndex, Tick>,
}

impl Ration {
    /// Whether `gap` has passed since this was last done for the member; if so, it counts as done now.
    pub(crate) fn is_due(&mut self, member: ValidatorIndex, now: Tick, gap: Duration) -> bool {
        let due = self.last.get(&member).is_none_or(|last| now.0.saturating_sub(last.0) >= gap);
        if due {
            self.last.insert(member, now);
        }
        due
    }
}
