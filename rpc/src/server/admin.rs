//! Methods for who runs the node, on a Unix socket that only its owner can open.

use super::RpcConfig;
use crate::error::RpcError;
use crate::method::{Arguments, Method};
use crate::methods::admin::{
    self, AddPeer, DebugBundle, MakeSnapshot, PauseVoting, Prune, RemovePeer, ResumeVoting, SetLogFilter,
    Shutdown, for_every_method,
};
use crate::view::{LogFilter, PeerChange, Stopping, Voting};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use jsonrpsee::Methods;
use jsonrpsee::core::{BoxError, RegisterMethodError};
use jsonrpsee::server::{
    HttpBody, HttpRequest, HttpResponse, RpcModule, Server, ServerConfig, StopHandle,
    serve_with_graceful_shutdown, stop_channel,
};
use serde_json::{Value, json};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tower::Service as _;
use witan_types::NodeId;

/// The most connections at a time: those of people and their scripts.
const MAX_CONNECTIONS: usize = 16;
/// How long to wait after the system refused a connection (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Only the owner may connect.
const MODE: u32 = 0o600;

/// What the node must be able to do for who runs it.
#[jsonrpsee::core::async_trait]
pub trait AdminBackend: Send + Sync + 'static {
    /// Connects to a peer, `0x<node id>@host:port`, and stays connected.
    async fn add_peer(&self, peer: &str) -> Result<NodeId, RpcError>;

    /// Stops connecting to a peer.
    async fn remove_peer(&self, node: NodeId) -> Result<(), RpcError>;

    /// Says which lines the log gets.
    async fn set_log_filter(&self, filter: &str) -> Result<(), RpcError>;

    /// Says nothing in consensus, or takes part again.
    async fn pause_voting(&self, paused: bool) -> Result<(), RpcError>;

    /// Begins to stop in order.
    async fn shut_down(&self) -> Result<(), RpcError>;

    /// What helps to understand the node from afar, without secrets.
    async fn debug_bundle(&self) -> Result<Value, RpcError>;
}

/// Serves `backend` at `path` until the runtime ends. A socket that an ended process left there is taken over.
///
/// # Errors
/// If the socket can't be made. The folder must let nobody else in: the socket is narrowed only after it is made.
pub async fn start_admin(path: &Path, backend: Arc<dyn AdminBackend>) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
    let methods: Methods = module(backend).map_err(io::Error::other)?.into();
    tokio::spawn(accept(listener, methods));
    Ok(())
}

async fn accept(listener: UnixListener, methods: Methods) {
    // The handle is kept for as long as connections are accepted: dropped, it would stop them.
    let (stop, _handle) = stop_channel();
    let room = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let (socket, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the admin socket could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let front = Front { methods: methods.clone(), stop: stop.clone() };
        let stopped = stop.clone().shutdown();
        tokio::spawn(async move {
            let answer =
                tower::service_fn(move |request: HttpRequest<Incoming>| front.clone().answer(request));
            if let Err(error) = serve_with_graceful_shutdown(socket, answer, stopped).await {
                tracing::debug!(?address, error, "an admin connection ended early");
            }
            drop(place);
        });
    }
}

/// What the requests of one connection need.
#[derive(Clone)]
struct Front {
    methods: Methods,
    stop: StopHandle,
}

impl Front {
    async fn answer(self, request: HttpRequest<Incoming>) -> Result<HttpResponse, BoxError> {
        if request.method() != hyper::Method::POST {
            let why = json!({"error": "POST / takes JSON-RPC"}).to_string();
            let refused = HttpResponse::builder().status(StatusCode::METHOD_NOT_ALLOWED);
            return Ok(refused.header(CONTENT_TYPE, "application/json").body(HttpBody::from(why))?);
        }
        let config = ServerConfig::builder()
            .http_only()
            .max_request_body_size(RpcConfig::MAX_BODY_BYTES)
            .max_response_body_size(RpcConfig::MAX_RESPONSE_BYTES)
            .build();
        let builder = Server::builder().set_config(config).to_service_builder();
        builder.build(self.methods, self.stop).call(request).await
    }
}

/// A method that a node's owner may call.
trait HandleAdmin: Method {
    fn handle(
        self,
        backend: &dyn AdminBackend,
    ) -> impl Future<Output = Result<Self::Answer, RpcError>> + Send;
}

fn module(backend: Arc<dyn AdminBackend>) -> Result<RpcModule<Arc<dyn AdminBackend>>, RegisterMethodError> {
    let mut module = RpcModule::new(backend);
    macro_rules! register {
        ($request:ident) => {
            module.register_async_method(admin::$request::NAME, |params, backend, _| async move {
                answer_call::<admin::$request>(params.as_str(), backend.as_ref().as_ref()).await
            })?;
        };
    }
    for_every_method!(register);
    Ok(module)
}

async fn answer_call<M: HandleAdmin>(
    params: Option<&str>,
    backend: &dyn AdminBackend,
) -> Result<M::Answer, RpcError> {
    M::read(&Arguments::split(params, M::NAMES)?)?.handle(backend).await
}

impl HandleAdmin for AddPeer {
    async fn handle(self, backend: &dyn AdminBackend) -> Result<PeerChange, RpcError> {
        Ok(PeerChange { node_id: backend.add_peer(&self.peer).await? })
    }
}

impl HandleAdmin for RemovePeer {
    async fn handle(self, backend: &dyn AdminBackend) -> Result<PeerChange, RpcError> {
        backend.remove_peer(self.node_id.0).await?;
        Ok(PeerChange { node_id: self.node_id.0 })
    }
}

impl HandleAdmin for SetLogFilter {
    async fn handle(self, backend: &dyn AdminBackend) -> Result<LogFilter, RpcError> {
        backend.set_log_filter(&self.filter).await?;
        Ok(LogFilter { filter: self.filter })
    }
}

impl HandleAdmin for PauseVoting {
    async fn handle(self, backend: &dyn AdminBackend) -> Result<Voting, RpcError> {
        backend.pause_voting(true).await.map(|()| Voting { paused: true })
    }
}

impl HandleAdmin for ResumeVoting {
    async fn handle(self, backend: &dyn AdminBackend) -> Result<Voting, RpcError> {
        backend.pause_voting(false).await.map(|()| Voting { paused: false })
    }
}

impl HandleAdmin for MakeSnapshot {
    async fn handle(self, _: &dyn AdminBackend) -> Result<Value, RpcError> {
        Err(RpcError::Unsupported { what: "snapshots".into() })
    }
}

impl HandleAdmin for Prune {
    async fn handle(self, _: &dyn AdminBackend) -> Result<Value, RpcError> {
        Err(RpcError::Unsupported { what: "pruning".into() })
    }
}

impl HandleAdmin for Shutdown {
    async fn handle(self, backend: &dyn AdminBackend) -> Result<Stopping, RpcError> {
        backend.shut_down().await.map(|()| Stopping { stopping: true })
    }
}

impl HandleAdmin for DebugBundle {
    async fn handle(self, backend: &dyn AdminBackend) -> Result<Value, RpcError> {
        backend.debug_bundle().await
    }
}
