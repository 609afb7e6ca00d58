//! The table of methods for who runs the node. They are served on a Unix socket alone, never on the public port.

use super::{IdText, Method, MethodDescription, PLAIN, SchemaGenerator, Value, request, view};
use witan_types::NodeId;

methods! {
    /// Connects to a node and stays connected, until the node restarts: what shall last stands in p2p.peers.
    "admin_addPeer" AddPeer {
        /// The node: "0x<node id>@host:port".
        peer "peer": String,
    } -> view::PeerChange, "nodeId.", {"peer": "0x0000000000000000000000000000000000000000000000000000000000000001@192.0.2.1:27000"};

    /// Stops connecting to a node, and closes its connections. It may connect again by itself.
    "admin_removePeer" RemovePeer {
        /// The node's id.
        node_id "nodeId": IdText<NodeId>,
    } -> view::PeerChange, "nodeId.", {"nodeId": "0x0000000000000000000000000000000000000000000000000000000000000001"};

    /// Says which lines the log gets from now on, until the node restarts.
    "admin_setLogFilter" SetLogFilter {
        /// Directives with commas, such as "warn,witan=debug,witan_node=trace".
        filter "filter": String,
    } -> view::LogFilter, "filter: the one that holds now.", {"filter": "warn,witan=debug"};

    /// Says nothing more in consensus: no votes, no proposals, no shares of seals. It still follows, stores and answers.
    "admin_pauseVoting" PauseVoting {} -> view::Voting, "paused: true.", {};

    /// Takes part in consensus again.
    "admin_resumeVoting" ResumeVoting {} -> view::Voting, "paused: false.", {};

    /// Makes a snapshot of what is stored. This release makes none, and says so.
    "admin_snapshot" MakeSnapshot {} -> Value, "Nothing yet.", {};

    /// Forgets blocks and states of the past. This release keeps all of them, and says so.
    "admin_prune" Prune {} -> Value, "Nothing yet.", {};

    /// Stops the node in order, as SIGTERM does.
    "admin_shutdown" Shutdown {} -> view::Stopping, "stopping: true.", {};

    /// What helps to understand the node from afar, without secrets: version, health, status, consensus, peers, mempools and the
    /// configuration.
    "admin_debugBundle" DebugBundle {} -> Value, "version, health, status, consensus, peers, mempools and configuration.", {};
}
