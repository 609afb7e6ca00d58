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

/// Leaders whose last turn was given up, and whether they have been heard of since.
///
/// A group with a dead member would otherwise wait a whole time-out in each of its turns. Whom to doubt is each member's
/// own affair: only how long it waits depends on it, and nothing that it signs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doubts {
    failed: BTreeMap<ValidatorIndex, bool>,
}

impl Doubts {
    /// A turn of this leader was given up.
    pub(crate) fn failed(&mut self, leader: ValidatorIndex) {
        self.failed.insert(leader, false);
    }

    /// A turn of this leader brought a block.
    pub(crate) fn succeeded(&mut self, leader: ValidatorIndex) {
        self.failed.remove(&leader);
    }

    /// This member said something.
    pub(crate) fn heard(&mut self, member: ValidatorIndex) {
        if let Some(heard) = self.failed.get_mut(&member) {
            *heard = true;
        }
    }

    /// How long to wait for `leader` in `view`, after `failures` views given up in a row: longer with each, capped; half
    /// of the base if its last turn was given up too, an eighth if it was silent ever since. At most f times in a row
    /// is that so short: among f + 1 leaders one is honest, and has its full time.
    pub(crate) fn patience(
        &self,
        setup: &Setup,
        view: u64,
        leader: ValidatorIndex,
        failures: u64,
    ) -> Duration {
        let few = usize::try_from(failures).is_ok_and(|few| few <= setup.committee.max_faulty());
        let timeout = match self.failed.get(&leader).filter(|_| few) {
            Some(true) => setup.base_timeout / 2,
            Some(false) => setup.base_timeout / 8,
            None => backed_off(setup, failures),
        };
        spread(setup, view, timeout, 100)
    }
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
