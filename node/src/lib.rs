//! The event loop that hosts the replicas.
