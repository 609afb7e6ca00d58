//! The promises, each with a checker of its own. Checkers look at what replicas do from outside, and share nothing
//! with them.

mod agreement;
mod bounds;
mod conservation;
mod durability;
mod innocence;
mod liveness;
mod locking;
mod order;
mod seals;
#[cfg(test)]
mod tests;
mod write_ahead;

pub(super) use agreement::Agreement;
pub(super) use bounds::{Bounds, MEMPOOL};
pub(super) use conservation::Conservation;
pub(super) use durability::Durability;
pub(super) use innocence::Innocence;
pub(super) use liveness::{Liveness, Standing};
pub(super) use locking::Locking;
pub(super) use order::Order;
pub(super) use seals::Seals;
pub(super) use write_ahead::WriteAhead;

use serde::Serialize;
use std::fmt;

/// What Witan promises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Promise {
    /// One block and one result at each height, over all nodes and restarts.
    Agreement,
    /// Every seal carries a quorum's signatures on the result that everyone has.
    ValidSeals,
    /// What a client was told is committed stays so everywhere, once.
    Durability,
    /// There is an order of all transactions, in accord with real time, that explains all that was read.
    Serializability,
    /// No transaction stays pending, and no key locked, once all groups go on.
    NoOrphans,
    /// Transfers move balance and never make or lose any.
    Conservation,
    /// After all faults have healed, every node goes on within a stated time, in every group.
    Liveness,
    /// Once everything has healed, a change of the parameters comes through, and every group goes by it.
    Configuration,
    /// Decisions, writes and notices ascend without gaps, across restarts too.
    Order,
    /// Nothing is said before what it rests on is durable.
    WriteAhead,
    /// No honest node's message is refused, no honest validator is accused, and accusations prove themselves.
    Innocence,
    /// Everything stays within its bounds.
    Bounds,
    /// Nothing panics.
    NoPanic,
}

impl Promise {
    /// All there are.
    pub const ALL: [Promise; 13] = [
        Promise::Agreement,
        Promise::ValidSeals,
        Promise::Durability,
        Promise::Serializability,
        Promise::NoOrphans,
        Promise::Conservation,
        Promise::Liveness,
        Promise::Configuration,
        Promise::Order,
        Promise::WriteAhead,
        Promise::Innocence,
        Promise::Bounds,
        Promise::NoPanic,
    ];
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Promise::Agreement => "agreement",
            Promise::ValidSeals => "validity of seals",
            Promise::Durability => "durability",
            Promise::Serializability => "strict serializability",
            Promise::NoOrphans => "no orphan locks",
            Promise::Conservation => "conservation",
            Promise::Liveness => "liveness after heal",
            Promise::Configuration => "the newest parameters everywhere",
            Promise::Order => "order",
            Promise::WriteAhead => "nothing before it is durable",
            Promise::Innocence => "innocence",
            Promise::Bounds => "bounds",
            Promise::NoPanic => "no panic",
        })
    }
}

/// A promise that did not hold, and what was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Broken {
    pub(super) promise: Promise,
    pub(super) what: String,
}

/// What a checker says.
pub(super) type Verdict = Result<(), Broken>;

/// The promise holds if `holds`; `what` tells otherwise.
pub(super) fn holds(promise: Promise, holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Broken { promise, what: what() }) }
}
