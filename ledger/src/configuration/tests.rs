//! What the root group's state says, and how it changes.

mod genesis;
