//! The listening socket and its connections.

use super::handlers::{self, Service};
use super::http::Front;
use super::outflow::Patient;
use super::rate_limit::{RateLimitLayer, RateLimiter};
use super::{Backend, RpcConfig, RpcStartError};
use crate::{methods, openrpc};
use hyper::body::Incoming;
use jsonrpsee::Methods;
use jsonrpsee::server::{
    ConnectionId, HttpRequest, ServerHandle, StopHandle, serve_with_graceful_shutdown, stop_channel,
};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// How long requests under way may take to end after [`RpcServer::stop`].
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long to wait after the system refused a connection (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    socket_methods: Methods,
    limiter: Arc<RateLimiter>,
    calls: Arc<Semaphore>,
    /// Connections that there may be; each holds one to its end.
    room: Arc<Semaphore>,
    max_connections: u32,
    /// Connections so far: the number of the next one.
    taken: AtomicUsize,
    stop: StopHandle,
}

impl Acceptor {
    fn new(
        config: RpcConfig,
        backend: Arc<dyn Backend>,
        stop: StopHandle,
    ) -> Result<Acceptor, RpcStartError> {
        let spare_loopback = config.devnet && !config.limit_loopback;
        let limiter = Arc::new(RateLimiter::new(config.calls_per_second, spare_loopback, Instant::now()));
        let max_connections = config.max_connections;
        let room = Arc::new(Semaphore::new(max_connections as usize));
        let calls = Arc::new(Semaphore::new(config.max_calls as usize));
        let mut openrpc = openrpc::document();
        if !config.devnet {
            openrpc::leave_out(&mut openrpc, &methods::DEVNET_ONLY);
        }
        let service = Arc::new(Service::new(config, backend, openrpc));
        let (socket, http) = handlers::modules(&service)?;
        let (socket_methods, methods) = (socket.into(), http.into());
        let taken = AtomicUsize::new(0);
        Ok(Acceptor { service, methods, socket_methods, limiter, calls, room, max_connections, taken, stop })
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
        // What became a WebSocket is no task of ours any more, but holds its place.
        let ended = self.room.acquire_many(self.max_connections);
        if tokio::time::timeout(STOP_GRACE, ended).await.is_err() {
            tracing::info!("RPC connections were cut");
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
        let config = &self.service.config;
        let socket = Patient::new(socket, config.following.cut, config.max_subscriptions as usize);
        let front = Front {
            service: Arc::clone(&self.service),
            methods: self.methods.clone(),
            socket_methods: self.socket_methods.clone(),
            outflow: socket.outflow(),
            limit: RateLimitLayer {
                limiter: Arc::clone(&self.limiter),
                calls: Arc::clone(&self.calls),
                address,
            },
            connection: ConnectionId(self.taken.fetch_add(1, Ordering::Relaxed)),
            stop: self.stop.clone(),
            _room: Arc::new(permit),
        };
        let stopped = self.stop.clone().shutdown();
        connections.spawn(async move {
            let answer =
                tower::service_fn(move |request: HttpRequest<Incoming>| front.clone().answer(request));
            if let Err(error) = serve_with_graceful_shutdown(socket, answer, stopped).await {
                tracing::debug!(%address, error, "an RPC connection ended early");
            }
        });
    }
}
