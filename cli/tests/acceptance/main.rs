//! Acceptance: the promises made to users, kept by real processes of the real binary.
//!
//! Every story is told under every engine, as a test of its own: `import::raft::...`. It has a network of its own in a
//! folder of its own, and few networks run at a time. Stories wait for conditions, with deadlines that only a broken
//! network misses; the times that users are promised are printed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

/// Makes a test of each story under each engine. A story is an async function: those in `on_four_validators` get a network
/// that runs, those in `in_three_groups` one of three groups under three engines, the first under the story's, those in
/// `in_groups_of_some_nodes` six validators that are each in some groups only, and those in `from_nothing` the engine alone.
macro_rules! stories {
    ($($way:ident: [$($story:ident),+ $(,)?]);+ $(;)?) => {
        // Adding an engine costs one line here.
        stories!(hotstuff HotStuff $($way: [$($story),+]);+);
        stories!(pbft Pbft $($way: [$($story),+]);+);
        stories!(raft Raft $($way: [$($story),+]);+);
    };
    ($module:ident $engine:ident $($way:ident: [$($story:ident),+]);+) => {
        mod $module {
            $($(
                #[test]
                fn $story() {
                    crate::network::$way(witan_types::EngineKind::$engine, super::$story);
                }
            )+)+
        }
    };
}

mod access;
mod bad_input;
mod bank;
mod bench;
mod check;
mod command;
mod configuration;
mod conformance;
mod crashes;
mod faults;
mod followers;
mod http;
mod import;
mod lifecycle;
mod listing;
mod load;
mod network;
mod outcome;
mod proofs;
mod quorum;
mod shards;
mod slots;
mod some_groups;
mod stalls;
mod stranger;
mod subscriptions;
mod tutorial;
