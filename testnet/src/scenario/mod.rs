//! Scenarios: what goes wrong in a network, when, and what is to be seen of it. One file runs in the simulator
//! ([`simulate`]) and on real processes ([`play`]), and each run ends with a [`Verdict`].
//!
//! `docs/scenarios.md` describes the file; `testnet/scenarios` is a gallery.

mod error;
mod expect;
mod file;
mod local;
mod read;
mod real;
mod seen;
mod simulated;
#[cfg(test)]
mod tests;
mod theory;
mod verdict;

pub use error::ScenarioError;
pub use expect::Expectation;
pub use file::{Liveness, Load, Network, Right, Safety, Scenario, Timed};
pub use local::Processes;
pub use real::{Venue, play};
pub use seen::{Note, Sample, Standing};
pub use simulated::simulate;
pub use verdict::{Checked, Kind, Outcome, Seen, Staged, Verdict};
