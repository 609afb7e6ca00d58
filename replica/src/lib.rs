//! One group on one node as a pure step function.
