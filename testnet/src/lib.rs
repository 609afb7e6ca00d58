//! Simulator, local networks, load.
