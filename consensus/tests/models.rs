//! Models of the safety rules, explored to the last state: each calls the production rules (`rules.rs` of an engine) and
//! lets an adversary do everything else. Where a simulation samples, a model of a few members and rounds is exhausted.
//!
//! A model that sees nothing would pass as well, so each also runs with rules broken one by one, and must find the fork.
//!
//! ```sh
//! cargo test --release -p witan-consensus --test models -- --nocapture             # prints how many states there are
//! WITAN_MODEL_SOAK=1 cargo test --release -p witan-consensus --test models never_forks -- --nocapture
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail by panic"
)]

mod models {
    pub mod hotstuff;
    pub mod pbft;
    pub mod raft;

    use stateright::{Checker, Model};
    use std::fmt::Debug;
    use std::hash::Hash;

    /// Name of the one property that must always hold.
    pub const AGREEMENT: &str = "no two conflicting blocks are final";

    /// Whether to explore the larger setting, which takes minutes.
    pub fn is_soak() -> bool {
        std::env::var_os("WITAN_MODEL_SOAK").is_some()
    }

    /// Explores everything, one state for all that differ only in who is who. Everything that should be possible must be,
    /// and agreement must hold.
    pub fn holds<M>(name: &str, model: M, representative: fn(&M::State) -> M::State)
    where
        M: Model + Send + Sync + 'static,
        M::State: Clone + Debug + Hash + Send + Sync + PartialEq,
        M::Action: Clone + Debug + Send + Sync + PartialEq,
    {
        let checker = model.checker().threads(2).symmetry_fn(representative).spawn_dfs().join();
        let (states, depth) = (checker.unique_state_count(), checker.max_depth());
        println!("{name}: {states} states, at most {depth} steps deep");
        checker.assert_properties();
    }

    /// Looks for a fork, and shows the way to it.
    pub fn forks<M>(name: &str, model: M, representative: fn(&M::State) -> M::State)
    where
        M: Model + Send + Sync + 'static,
        M::State: Clone + Debug + Hash + Send + Sync + PartialEq,
        M::Action: Clone + Debug + Send + Sync + PartialEq,
    {
        let fork = stateright::HasDiscoveries::AnyOf([AGREEMENT].into());
        let checker =
            model.checker().threads(2).symmetry_fn(representative).finish_when(fork).spawn_dfs().join();
        let path = checker.discovery(AGREEMENT).unwrap_or_else(|| panic!("{name}: the model sees no fork"));
        let steps: Vec<String> = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        println!("{name}: forks after {} states, by {}", checker.unique_state_count(), steps.join("; "));
    }
}
