//! What the network counts.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Totals since the start. Each is read alone: together they are no snapshot of one instant.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters themselves.
        #[derive(Default, Debug)]
        pub(crate) struct Tally {
            $(pub(crate) $name: Counter,)*
        }

        impl Tally {
            pub(crate) fn read(&self) -> Counters {
                Counters { $($name: self.$name.read(),)* }
            }
        }
    };
}

counters! {
    /// Frames written to validators.
    frames_out,
    /// Bytes of those frames.
    frame_bytes_out,
    /// Frames read from validators.
    frames_in,
    /// Bytes of those frames.
    frame_bytes_in,
    /// Frames given up because their queue was full, they were too large, or no link stood.
    frames_dropped,
    /// Gossip messages published here.
    gossip_out,
    /// Gossip messages given to the node.
    gossip_in,
    /// Gossip messages given up, in either direction.
    gossip_dropped,
    /// Requests sent.
    requests_out,
    /// Requests given to the node.
    requests_in,
    /// Requests of peers given up because they or the node were over their bounds.
    requests_dropped,
    /// Requests of this node that failed.
    requests_failed,
    /// Connections established.
    connections_opened,
    /// Connections closed.
    connections_closed,
    /// Connections that failed before they stood, admission's refusals among them.
    connections_refused,
    /// Faults counted against peers.
    misbehaviours,
    /// Bans.
    bans,
    /// Events lost because the node did not take them in time, gossip and requests apart.
    events_lost,
}

/// One total.
#[derive(Default, Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
