//! The listening socket and its connections.

use super::dispatch::Caller;
use super::handlers::Service;
use super::http::Front;
use super::limits::Limits;
use super::outflow::Patient;
use super::shares::{Share, Shares};
use super::source::Source;
use super::{Backend, RpcConfig, RpcStartError, subscriptions};
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::Methods;
use jsonrpsee::server::{ConnectionId, ServerHandle, StopHandle, stop_channel};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::task::TaskTracker;

/// How long a connection may be open between requests, and how long the head of one may take to arrive.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes of a request that are taken in before they are looked at; its head must fit.
const READ_BUFFER: usize = 64 * 1024;
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
    subscriptions: Methods,
    limits: Arc<Limits>,
    openrpc: Bytes,
    /// Connections that there may be; each holds one to its end.
    room: Arc<Shares>,
    /// All that are open.
    open: TaskTracker,
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
        let limits = Arc::new(Limits::new(&config));
        let room = Shares::new(config.max_connections as usize);
        let service = Arc::new(Service::new(config, backend));
        let subscriptions = subscriptions::table(&service)?;
        let openrpc = Bytes::from(service.openrpc.to_string());
        let (open, taken) = (TaskTracker::new(), AtomicUsize::new(0));
        Ok(Acceptor { service, subscriptions, limits, openrpc, room, open, taken, stop })
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
        self.open.close();
        if tokio::time::timeout(STOP_GRACE, self.open.wait()).await.is_err() {
            tracing::info!("RPC connections were cut");
        }
    }

    /// Serves one connection, or closes it if there are too many.
    fn serve(&self, connections: &mut JoinSet<()>, socket: TcpStream, address: IpAddr) {
        let source = Source::of(address);
        let Ok(room) = self.room.take(source, 1) else {
            tracing::debug!(%address, "an RPC connection above the limit was closed");
            return;
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let config = &self.service.config;
        let socket = Patient::new(socket, config.following.cut, config.max_subscriptions as usize);
        let front = Arc::new(self.front(source, &socket, room));
        let answer = service_fn(move |request| Arc::clone(&front).answer(request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(socket), answer)
            .with_upgrades();
        let stopped = self.stop.clone().shutdown();
        connections.spawn(async move {
            tokio::pin!(connection, stopped);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = &mut stopped => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%address, %error, "an RPC connection ended early");
            }
        });
    }

    fn front(&self, source: Source, socket: &Patient, room: Share) -> Front {
        let caller = Caller {
            service: Arc::clone(&self.service),
            subscriptions: self.subscriptions.clone(),
            limits: Arc::clone(&self.limits),
            source,
            connection: ConnectionId(self.taken.fetch_add(1, Ordering::Relaxed)),
            told: None,
        };
        Front {
            caller,
            outflow: socket.outflow(),
            openrpc: self.openrpc.clone(),
            stop: self.stop.clone(),
            _room: room,
            _open: self.open.token(),
        }
    }
}
