//! HotStuff.
