//! What the node does for who runs it, over its own socket.

use crate::backend::NodeBackend;
use crate::config::{Config, Peer};
use jsonrpsee::core::async_trait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use tracing_subscriber::{EnvFilter, Registry, reload};
use witan_rpc::RpcError;
use witan_rpc::server::{AdminBackend, Backend as _};
use witan_types::NodeId;

/// Changes which lines the log of this process gets; set when the log starts.
pub(crate) static LOG_FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// The node behind the methods for its owner.
pub(crate) struct NodeAdmin {
    pub(crate) backend: Arc<NodeBackend>,
    pub(crate) config: Config,
}

#[async_trait]
impl AdminBackend for NodeAdmin {
    async fn add_peer(&self, peer: &str) -> Result<NodeId, RpcError> {
        let wrong = |why: String| RpcError::parameter("peer", why);
        let peer: Peer = peer.parse().map_err(wrong)?;
        let address = crate::run::peer_address(&peer);
        self.backend.network.add_peer(address).map_err(|error| wrong(error.to_string()))?;
        tracing::warn!(peer = %peer.node, "the owner added a peer");
        Ok(peer.node)
    }

    async fn remove_peer(&self, node: NodeId) -> Result<(), RpcError> {
        self.backend.network.remove_peer(node);
        tracing::warn!(peer = %node, "the owner removed a peer");
        Ok(())
    }

    async fn set_log_filter(&self, filter: &str) -> Result<(), RpcError> {
        let parsed = EnvFilter::try_new(filter)
            .map_err(|error| RpcError::parameter("filter", format!("directives with commas: {error}")))?;
        let log =
            LOG_FILTER.get().ok_or_else(|| RpcError::internal("this process's log is not the node's"))?;
        log.reload(parsed).map_err(|error| RpcError::internal(error.to_string()))?;
        tracing::warn!(filter, "the owner set the log's filter");
        Ok(())
    }

    async fn pause_voting(&self, paused: bool) -> Result<(), RpcError> {
        self.backend.shared.pause_voting(paused);
        tracing::warn!(paused, "the owner paused voting, or let it go on");
        Ok(())
    }

    async fn shut_down(&self) -> Result<(), RpcError> {
        tracing::warn!("the owner stops the node");
        kill(Pid::this(), Signal::SIGTERM).map_err(|error| RpcError::internal(error.to_string()))
    }

    async fn debug_bundle(&self) -> Result<Value, RpcError> {
        let backend = &self.backend;
        let mut consensus = Vec::new();
        for group in backend.stores.keys() {
            consensus.push(backend.consensus(*group).await?);
        }
        Ok(json!({
            "version": backend.version(),
            "health": backend.health(),
            "status": backend.status().await?,
            "consensus": consensus,
            "peers": backend.peers().await?,
            "mempools": backend.mempools(None).await?,
            // It names the files of secrets, and holds none.
            "configuration": self.config.render(),
        }))
    }
}
