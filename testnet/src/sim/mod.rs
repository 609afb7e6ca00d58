//! The simulator: production replicas in one process, in virtual time, on a virtual network and virtual disks.
//!
//! A [`Scenario`] describes a run, and everything in it follows from that: the same seed gives the same trace, bit for
//! bit. While faults come and go, clients submit transactions; then everything heals, and every group has to go on. The
//! checkers in [`check`] watch from outside, one for each [`Promise`].
//!
//! A node hosts several groups in one process, as a real one does: a crash, a pause or a cut hits all of them at once.
//!
//! A run may have attackers: as many validators as the group withstands run the production replica and say something
//! else than it does, to the end. The checkers look at the honest nodes alone.
//!
//! That nothing is said before it is durable is looked at from outside too: the disk tells what it holds at the moment
//! a vote leaves.

mod attack;
mod chain;
pub mod check;
mod clients;
mod course;
mod disk;
mod engines;
mod faults;
mod host;
mod ledger_writer;
mod looking;
mod network;
mod node;
mod operators;
mod pipeline;
mod plan;
mod random;
mod reaching;
mod recorder;
mod report;
mod runner;
mod scenario;
mod setting;
mod staged;
mod timetable;
mod total;
mod trace;
mod world;

pub use check::Promise;
#[cfg(feature = "planted-faults")]
pub use engines::RuleFault;
pub use faults::FaultKind;
pub use pipeline::{Crash, Crashed, PipelineCrash, Step, Whom};
pub use plan::Plan;
pub use report::{Across, Beside, Report, Violation};
pub use runner::{run, run_all};
pub use scenario::{Attacks, CannotRun, Disks, Relays, Scenario, Signatures};
pub use timetable::{Course, Timetable};
pub use total::Total;
pub use witan_replica::attack::Attack;
