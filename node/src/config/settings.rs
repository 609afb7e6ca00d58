//! The one list of settings: from it come the structures, the defaults, the keys, and the commented file.

use super::setting::{Follow, LogFormat, LogLevel, Optional, Peer, Setting};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Writes the structures and the tables from the list below.
macro_rules! settings {
    ($($(#[doc = $about:literal])* $section:ident: $Section:ident {
        $($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:expr;)*
    })*) => {
        $(
            $(#[doc = $about])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $Section {
                $($(#[doc = $doc])* pub $name: $type,)*
            }

            impl Default for $Section {
                fn default() -> $Section {
                    $Section { $($name: $default,)* }
                }
            }
        )*

        /// The whole configuration.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Config {
            $($(#[doc = $about])* pub $section: $Section,)*
        }

        /// Every key, by section.
        pub(super) const KEYS: &[(&str, &[&str])] = &[$((stringify!($section), &[$(stringify!($name)),*])),*];

        impl Config {
            /// Sets a value as the file gives it; none if there is no such key, an error says what was expected.
            pub(super) fn read(&mut self, section: &str, name: &str, value: &toml::Value) -> Option<Result<(), String>> {
                match (section, name) {
                    $($((stringify!($section), stringify!($name)) => {
                        Some(Setting::read(value).map(|value| self.$section.$name = value))
                    })*)*
                    _ => None,
                }
            }

            /// Sets a value as the environment or a flag gives it.
            pub(super) fn read_text(&mut self, section: &str, name: &str, text: &str) -> Option<Result<(), String>> {
                match (section, name) {
                    $($((stringify!($section), stringify!($name)) => {
                        Some(Setting::read_text(text).map(|value| self.$section.$name = value))
                    })*)*
                    _ => None,
                }
            }

            /// The file that says exactly this configuration, each setting under its explanation.
            pub fn render(&self) -> String {
                let mut text = String::from(HEADING);
                $(
                    text.push('\n');
                    $(comment(&mut text, $about);)*
                    text.push_str(concat!("[", stringify!($section), "]\n"));
                    $(
                        $(comment(&mut text, $doc);)*
                        text.push_str(&format!("{} = {}\n", stringify!($name), self.$section.$name.show()));
                    )*
                )*
                text
            }
        }
    };
}

const HEADING: &str = "\
# Configuration of a Witan node. What all validators must agree on stands in genesis.json, not here.
# A flag wins over the environment (WITAN_RPC__LISTEN for listen in [rpc]), the environment over this file.
";

fn comment(text: &mut String, line: &str) {
    text.push('#');
    text.push_str(line);
    text.push('\n');
}

/// Whether there is such a section.
pub(super) fn has_section(section: &str) -> bool {
    KEYS.iter().any(|(known, _)| *known == section)
}

settings! {
    /// The node itself.
    node: Node {
        /// A name for people: in logs, metrics and `node_status`. Up to 64 characters.
        name: String = "witan".into();
        /// How long an orderly stop may take before the process ends anyway. At most 1 minute.
        shutdown_timeout: Duration = Duration::from_secs(10);
        /// The groups of users' keys to follow beside those that the validator key is a member of: "auto" (all if the
        /// node has no vote in any group, else none), "all", or a list of numbers. For others it asks their members.
        follow: Follow = Follow::Auto;
    }
    /// The network between nodes.
    p2p: P2p {
        /// Where other nodes connect to: address:port.
        listen: SocketAddr = SocketAddr::from(([0, 0, 0, 0], 27000));
        /// Nodes to stay connected to, each "0x<node id>@host:port". At most 256.
        peers: Vec<Peer> = Vec::new();
        /// The most connections that others may open, all together.
        max_inbound: u32 = 128;
        /// The most connections that others may open from one address.
        max_inbound_per_address: u32 = 32;
    }
    /// JSON-RPC over HTTP and WebSocket.
    rpc: Rpc {
        /// Where clients connect to: address:port. Only this machine by default.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 27001));
        /// Host names by which clients may call this node, beside localhost and addresses.
        hosts: Vec<String> = Vec::new();
        /// The most bytes of a request.
        max_body_bytes: u32 = 1024 * 1024;
        /// The most bytes of a response.
        max_response_bytes: u32 = 10 * 1024 * 1024;
        /// The most calls in a batch.
        max_batch: u32 = 100;
        /// The most connections at once.
        max_connections: u32 = 512;
        /// The most subscriptions of one connection.
        max_subscriptions: u32 = 64;
        /// The most calls answered at a time, and beside them the most that wait for a transaction.
        max_calls: u32 = 16_384;
        /// The most bytes of requests that are being answered and of responses that have not left yet.
        max_pending_bytes: u32 = 256 * 1024 * 1024;
        /// The most requests a second from one address; 0 for no limit. Costly methods count as several (`x-cost` in
        /// /openrpc.json). A devnet does not limit its own machine.
        requests_per_second: u32 = 1000;
        /// Whether a devnet limits its own machine all the same.
        limit_loopback: bool = false;
        /// A file, in the node's home unless the path is absolute, with the bearer token that every call must show; "off"
        /// lets everyone call who can connect.
        auth: Optional<PathBuf> = Optional(None);
    }
    /// Figures for Prometheus.
    metrics: Metrics {
        /// Where `/metrics` is served: address:port, or "off".
        listen: Optional<SocketAddr> = Optional(Some(SocketAddr::from(([127, 0, 0, 1], 27002))));
    }
    /// What the node writes on stderr.
    log: Log {
        /// The least important lines to write: error, warn, info, debug or trace.
        level: LogLevel = LogLevel::Info;
        /// human, json, or auto: human on a terminal, json otherwise.
        format: LogFormat = LogFormat::Auto;
    }
    /// Transactions that wait for a block.
    mempool: Mempool {
        /// The most transactions, all signers together.
        max_transactions: u32 = 100_000;
        /// The most bytes, all transactions together.
        max_bytes: u64 = 128 * 1024 * 1024;
        /// The most transactions of one signer.
        max_per_signer: u32 = 20_000;
    }
    /// What is kept on disk.
    storage: Storage {
        /// Bytes of memory for blocks of the database.
        cache_bytes: u64 = 32 * 1024 * 1024;
        /// The node stops when the disk has fewer free bytes than this, before a write is lost.
        min_free_bytes: u64 = 256 * 1024 * 1024;
    }
}
