//! Load: transactions signed before they are due, and the rules that decide when each goes out: as many under way at once as keep
//! the time to commit near a target, or so many a second whatever becomes of those before.

mod drive;
mod found;
mod outcome;
pub mod pace;
pub mod page;
pub mod presign;
mod report;
pub mod schedule;
mod series;
pub mod spread;

pub use drive::{DrivePlan, Driven, LoadNode, MAX_CLIENTS, MAX_RATE, MAX_TRANSACTIONS, Progress, drive};
pub use outcome::Counts;
pub use pace::Pace;
pub use presign::{Layout, LoadPlan, Prepared, load_key, presign};
pub use report::{LoadReport, PERCENTILES, Percentile};
pub use schedule::Schedule;
pub use series::Point;
pub use spread::GroupKeys;

use witan_rpc::ClientError;

/// Why there is no load.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A node that can't be reached.
    #[error("{0}")]
    Rpc(#[from] ClientError),
    /// No node was named.
    #[error("there is no running node to load")]
    NoNodes,
    /// Too much, or nothing.
    #[error(
        "that makes {count} transactions, and a load has 1 to {most}: choose another rate or a shorter time"
    )]
    Count {
        /// How many.
        count: u64,
        /// How many there may be.
        most: u64,
    },
}
