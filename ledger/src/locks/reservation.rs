//! What held adds reserve of the range of a counter or balance.

use super::mode::Delta;
use crate::value::{FailureReason, Value};
use witan_types::Key;

/// How far a committed value is from the ends of its range. Both ranges, `0..=u128::MAX` of balances and that of `i128`
/// of counters, are `u128::MAX` wide, so that a distance always fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Room {
    /// What may be taken away.
    pub(super) below: u128,
    /// What may be added.
    pub(super) above: u128,
}

impl Room {
    /// The room around the value of `key`; absent counters and balances are 0.
    ///
    /// # Errors
    /// If the value is of a type that no add applies to.
    pub(super) fn around(key: &Key, value: Option<&Value>) -> Result<Room, FailureReason> {
        let below = match (is_balance(key), value) {
            (true, None) => 0,
            (true, Some(Value::Balance(balance))) => *balance,
            (false, None) => 0_i128.abs_diff(i128::MIN),
            (false, Some(Value::Counter(count))) => count.abs_diff(i128::MIN),
            _ => return Err(FailureReason::WrongType),
        };
        Ok(Room { below, above: u128::MAX - below })
    }
}

/// Only transfers write keys of this form, and no transfer writes another.
pub(super) fn is_balance(key: &Key) -> bool {
    let rest = key.owner().and_then(|owner| key.0.get(owner.len() + 1..));
    rest == Some(b"/balance")
}

/// Why a delta that never fits fails.
pub(super) fn failure(key: &Key, delta: Delta) -> FailureReason {
    match delta {
        Delta::Down(_) if is_balance(key) => FailureReason::InsufficientBalance,
        _ => FailureReason::Overflow,
    }
}

/// Whether one more delta keeps a value in its range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// Whichever of the reservations are applied.
    Always,
    /// If some are applied and others are not.
    Sometimes,
    /// Whichever are applied.
    Never,
}

/// The sums of the deltas that are held on one key. Of all subsets the worst downwards is that of all negative deltas,
/// and upwards that of all positive ones, so two sums stand for every subset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Reservations {
    up: u128,
    down: u128,
}

impl Reservations {
    /// Judges `delta` on top of what is reserved, around a committed value that bears all of that.
    pub(super) fn fit(self, room: Room, delta: Delta) -> Fit {
        let (amount, room, with, against) = match delta {
            Delta::Up(0) => return Fit::Always,
            Delta::Up(amount) => (amount, room.above, self.up, self.down),
            Delta::Down(amount) => (amount.get(), room.below, self.down, self.up),
        };
        if with.checked_add(amount).is_some_and(|worst| worst <= room) {
            Fit::Always
        } else if amount <= room.saturating_add(against) {
            Fit::Sometimes
        } else {
            Fit::Never
        }
    }

    /// These with `delta` reserved too; `None` if a sum overflows, which no delta that fits brings about.
    pub(super) fn with(self, delta: Delta) -> Option<Reservations> {
        match delta {
            Delta::Up(amount) => Some(Reservations { up: self.up.checked_add(amount)?, ..self }),
            Delta::Down(amount) => Some(Reservations { down: self.down.checked_add(amount.get())?, ..self }),
        }
    }

    /// These with `delta` kept free too, which may be more than the range has room for.
    pub(super) fn ahead_of(self, delta: Delta) -> Reservations {
        match delta {
            Delta::Up(amount) => Reservations { up: self.up.saturating_add(amount), ..self },
            Delta::Down(amount) => Reservations { down: self.down.saturating_add(amount.get()), ..self },
        }
    }

    /// These without `delta`, which was reserved.
    pub(super) fn without(self, delta: Delta) -> Reservations {
        match delta {
            Delta::Up(amount) => Reservations { up: self.up.saturating_sub(amount), ..self },
            Delta::Down(amount) => Reservations { down: self.down.saturating_sub(amount.get()), ..self },
        }
    }
}
