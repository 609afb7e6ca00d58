//! The listening socket and its connections.

use super::handlers::{self, Service};
use super::http::{Front, RpcBuilder};
use super::rate_limit::{RateLimitLayer, RateLimiter};
use super::{Backend, RpcConfig, RpcStartError};
use crate::{methods, openrpc};
use hyper::body::Incoming;
use jsonrpsee::Methods;
use jsonrpsee::server::middleware::rpc::RpcServiceBuilder;
use jsonrpsee::server::{
    BatchRequestConfig, HttpRequest, PingConfig, Server, ServerConfig, ServerHandle, StopHandle,
    serve_with_graceful_shutdown, stop_channel,
};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// How long requests under way may take to end after [`RpcServer::stop`].
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long to wait after the system refused a connection (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Answers that one WebSocket connection may have waiting to be sent.
const WEBSOCKET_BUFFER: u32 = 64;

/// A running server. It stops when dropped or told to.
#[derive(Debug)]
pub struct RpcServer {
    local_addr: SocketAddr,
    handle: ServerHandle,
    accepting: JoinHandle<()>,
}

impl RpcServer {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops it: takes no more connections, and gives requests under way two seconds to end.
    pub async fn stop(self) {
        if self.handle.stop().is_ok()
            && let Err(error) = self.accepting.await
        {
            tracing::warn!(%error, "the RPC server did not stop by itself");
        }
    }
}

/// Starts the server on the tokio runtime that polls this.
///
/// # Errors
/// If the address can't be listened on.
pub async fn start(config: RpcConfig, backend: Arc<dyn Backend>) -> Result<RpcServer, RpcStartError> {
    let address = config.listen;
    let refuse = |source| RpcStartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refuse)?;
    let local_addr = listener.local_addr().map_err(refuse)?;
    let (stop, handle) = stop_channel();
    let acceptor = Acceptor::new(config, backend, stop)?;
    let accepting = tokio::spawn(acceptor.run(listener));
    Ok(RpcServer { local_addr, handle, accepting })
}

/// Takes connections until told to stop.
struct Acceptor {
    service: Arc<Service>,
    methods: Methods,
    server: ServerConfig,
    limiter: Arc<RateLimiter>,
    room: Arc<Semaphore>,
    stop: StopHandle,
}

impl Acceptor {
    fn new(
        config: RpcConfig,
        backend: Arc<dyn Backend>,
        stop: StopHandle,
    ) -> Result<Acceptor, RpcStartError> {
        let server = ServerConfig::builder()
            .max_request_body_size(config.max_body_bytes)
            .max_response_body_size(config.max_response_bytes)
            .max_connections(config.max_connections)
            .max_subscriptions_per_connection(config.max_subscriptions)
            .set_batch_request_config(BatchRequestConfig::Limit(config.max_batch))
            .set_message_buffer_capacity(WEBSOCKET_BUFFER)
            .enable_ws_ping(PingConfig::new())
            .build();
        let limiter = Arc::new(RateLimiter::new(config.calls_per_second, config.devnet, Instant::now()));
        let room = Arc::new(Semaphore::new(config.max_connections as usize));
        let mut openrpc = openrpc::document();
        if !config.devnet {
            openrpc::leave_out(&mut openrpc, &methods::DEVNET_ONLY);
        }
        let service = Arc::new(Service { backend, config, openrpc });
        let methods = handlers::module(Arc::clone(&service))?.into();
        Ok(Acceptor { service, methods, server, limiter, room, stop })
    }

    async fn run(self, listener: TcpListener) {
        let stopped = self.stop.clone().shutdown();
        tokio::pin!(stopped);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stopped => break,
                accepted = listener.accept() => match accepted {
                    Ok((socket, remote)) => self.serve(&mut connections, socket, remote.ip()),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_GRACE, ended).await.is_err() {
            tracing::info!(open = connections.len(), "RPC connections were cut");
        }
    }

    /// Serves one connection, or closes it if there are too many.
    fn serve(&self, connections: &mut JoinSet<()>, socket: TcpStream, address: IpAddr) {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::debug!(%address, "an RPC connection above the limit was closed");
            return;
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let front = Front {
            service: Arc::clone(&self.service),
            methods: self.methods.clone(),
            rpc: self.rpc(address),
            stop: self.stop.clone(),
        };
        let stopped = self.stop.clone().shutdown();
        connections.spawn(async move {
            let answer =
                tower::service_fn(move |request: HttpRequest<Incoming>| front.clone().answer(request));
            if let Err(error) = serve_with_graceful_shutdown(socket, answer, stopped).await {
                tracing::debug!(%address, error, "an RPC connection ended early");
            }
            drop(permit);
        });
    }

    fn rpc(&self, address: IpAddr) -> RpcBuilder {
        let layer = RateLimitLayer { limiter: Arc::clone(&self.limiter), address };
        let limited = RpcServiceBuilder::new().layer(layer);
        Server::builder().set_config(self.server.clone()).set_rpc_middleware(limited).to_service_builder()
    }
}
