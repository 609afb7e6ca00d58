//! The event loop that hosts the replicas, with all that surrounds it: home, configuration, keys, the disk's writers,
//! the judges of incoming messages, and the answers to users.

mod admin;
mod backend;
mod clock;
pub mod config;
mod disk;
mod elsewhere;
mod epoch_view;
mod error;
mod event_loop;
mod faults;
mod groups;
pub mod home;
mod inbound;
pub mod keys;
mod load;
mod metrics;
mod progress;
mod rehearsal;
mod run;
mod shared;
mod signatures;
mod stretch;
mod timers;
mod together;
mod wire;
mod writers;

pub use epoch_view::epoch_view;
pub use error::NodeError;
pub use run::run;
