//! Why one transaction must precede another, and circles of such reasons, in words.

use super::{Key, TransactionName, Value};
use std::fmt;

/// Transactions of which each must precede the next, and the last the first. Prints one line a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cycle {
    /// The steps in order, at least two; each starts where the one before it ends.
    pub steps: Vec<Step>,
}

/// One transaction that must precede another, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The earlier.
    pub from: TransactionName,
    /// The later.
    pub to: TransactionName,
    /// Why.
    pub dependency: Dependency,
}

/// The kinds of dependency, from the most basic on (Adya, Elle).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// ww.
    WriteWrite,
    /// wr.
    WriteRead,
    /// rw, also called anti-dependency.
    ReadWrite,
    /// One completed before the other was invoked.
    RealTime,
}

/// Why one transaction must precede another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dependency {
    /// Both appended to a list, one before the other.
    WriteWrite {
        /// Which list.
        key: Key,
        /// What the earlier appended.
        earlier: Value,
        /// What the later appended.
        later: Value,
    },
    /// The later read what the earlier appended.
    WriteRead {
        /// In which list.
        key: Key,
        /// What it read.
        value: Value,
    },
    /// The earlier read a list without what the later appended.
    ReadWrite {
        /// Which list.
        key: Key,
        /// What it did not see.
        value: Value,
    },
    /// The earlier completed before the later was invoked.
    RealTime {
        /// When the earlier completed, in microseconds.
        completed_us: u64,
        /// When the later was invoked, in microseconds.
        invoked_us: u64,
    },
}

impl Dependency {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Dependency::WriteWrite { .. } => Kind::WriteWrite,
            Dependency::WriteRead { .. } => Kind::WriteRead,
            Dependency::ReadWrite { .. } => Kind::ReadWrite,
            Dependency::RealTime { .. } => Kind::RealTime,
        }
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            let start = if place == 0 { "  " } else { "\n  " };
            write!(out, "{start}{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { from, to, dependency } = self;
        write!(out, "{from} before {to}: ")?;
        match dependency {
            Dependency::WriteWrite { key, earlier, later } => {
                write!(
                    out,
                    "key {key} has {earlier} of T{} before {later} of T{} (ww)",
                    from.number, to.number
                )
            }
            Dependency::WriteRead { key, value } => {
                write!(out, "T{} appended {value} to key {key}, and T{} read it (wr)", from.number, to.number)
            }
            Dependency::ReadWrite { key, value } => {
                write!(out, "T{} read key {key} without the {value} of T{} (rw)", from.number, to.number)
            }
            Dependency::RealTime { completed_us, invoked_us } => {
                write!(
                    out,
                    "completed at {completed_us} us, before the invocation at {invoked_us} us (real time)"
                )
            }
        }
    }
}
