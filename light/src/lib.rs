//! Verifies blocks, seals and proofs from genesis alone.
