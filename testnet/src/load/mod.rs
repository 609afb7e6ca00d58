//! Load: transactions signed before the clock starts, and the rule that decides how many are under way at once.

pub mod pace;
pub mod presign;

pub use pace::Pace;
pub use presign::{LoadPlan, Prepared, presign};
