//! From decoded parameters to the backend and back.

mod chain;
mod diagnosis;
mod faults;
mod listing;
mod state;
mod transaction;

pub(super) use state::read_prefix;

use super::answer::Draft;
use super::shares::Shares;
use super::{Backend, RpcConfig};
use crate::encoding::Encoding;
use crate::error::RpcError;
use crate::method::{Arguments, Method};
use crate::methods::{
    self, DEVNET_ONLY, Discover, GetConsensus, GetHealth, GetMempool, GetNetInfo, GetNodeStatus, GetPeers,
    GetValidators, GetVersion, MAX_PAGE, for_every_method,
};
use crate::openrpc;
use crate::view::{self, Encoded};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Health is looked at no more often, however many ask.
const HEALTH_INTERVAL: Duration = Duration::from_millis(50);

/// What handlers work with.
pub(super) struct Service {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) config: RpcConfig,
    /// The methods that this network has.
    pub(super) methods: HashMap<&'static str, Answers>,
    pub(super) openrpc: Value,
    /// Places for subscriptions.
    pub(super) places: Arc<Shares>,
    /// The turn of a subscription to read.
    pub(super) reading: Semaphore,
    health: Mutex<Option<(Instant, view::Health)>>,
}

/// Answers calls of one method: reads its parameters at once, and ends the draft when it has a result.
pub(super) type Answers = fn(&Arc<Service>, Option<&str>, Draft) -> BoxFuture<'static, String>;

/// A method that the server can answer.
trait Handle: Method {
    /// Answers it.
    fn handle(self, service: &Service) -> impl Future<Output = Result<Self::Answer, RpcError>> + Send;
}

impl Service {
    pub(super) fn new(config: RpcConfig, backend: Arc<dyn Backend>) -> Service {
        let mut openrpc = openrpc::document();
        let mut methods = table();
        if !config.devnet {
            openrpc::leave_out(&mut openrpc, &DEVNET_ONLY);
            methods.retain(|name, _| !DEVNET_ONLY.contains(name));
        }
        let places = Shares::new(config.following.max_of_node);
        Service {
            backend,
            config,
            methods,
            openrpc,
            places,
            reading: Semaphore::new(1),
            health: Mutex::default(),
        }
    }

    /// How the node is, or was a moment ago.
    pub(super) fn health(&self) -> view::Health {
        let mut looked = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match &*looked {
            Some((at, health)) if at.elapsed() < HEALTH_INTERVAL => health.clone(),
            _ => {
                let health = self.backend.health();
                *looked = Some((Instant::now(), health.clone()));
                health
            }
        }
    }
}

/// Every method of the table.
fn table() -> HashMap<&'static str, Answers> {
    let mut table: HashMap<&'static str, Answers> = HashMap::new();
    macro_rules! register {
        ($request:ident) => {
            table.insert(methods::$request::NAME, answer::<methods::$request>);
        };
    }
    for_every_method!(register);
    table
}

fn answer<M: Handle + Send + 'static>(
    service: &Arc<Service>,
    params: Option<&str>,
    draft: Draft,
) -> BoxFuture<'static, String> {
    let request = Arguments::split(params, M::NAMES).and_then(|arguments| M::read(&arguments));
    let service = Arc::clone(service);
    Box::pin(async move {
        let said = match request {
            Ok(request) => request.handle(&service).await,
            Err(error) => Err(error),
        };
        draft.end(said)
    })
}

/// Writes an answer's keys and values as the request asked.
pub(super) fn write_as<T: Encoded>(mut answer: T, encoding: Option<Encoding>) -> Result<T, RpcError> {
    let encoding = encoding.unwrap_or_default();
    match answer.write_as(encoding) {
        Ok(()) => Ok(answer),
        Err(error) => {
            Err(RpcError::parameter("encoding", format!("\"hex\" or \"base64\": the answer holds {error}")))
        }
    }
}

/// The size of a page.
fn page(limit: Option<u32>) -> Result<usize, RpcError> {
    match limit.unwrap_or(methods::DEFAULT_PAGE) {
        limit @ 1..=MAX_PAGE => Ok(limit as usize),
        limit => Err(RpcError::parameter("limit", format!("1 to {MAX_PAGE}, got {limit}"))),
    }
}

impl Handle for Discover {
    async fn handle(self, service: &Service) -> Result<Value, RpcError> {
        Ok(service.openrpc.clone())
    }
}

impl Handle for GetNodeStatus {
    async fn handle(self, service: &Service) -> Result<view::NodeStatus, RpcError> {
        service.backend.status().await
    }
}

impl Handle for GetHealth {
    async fn handle(self, service: &Service) -> Result<view::Health, RpcError> {
        Ok(service.health())
    }
}

impl Handle for GetVersion {
    async fn handle(self, service: &Service) -> Result<view::VersionView, RpcError> {
        Ok(service.backend.version())
    }
}

impl Handle for GetMempool {
    async fn handle(self, service: &Service) -> Result<view::MempoolStatus, RpcError> {
        Ok(view::MempoolStatus { items: service.backend.mempools(self.group).await? })
    }
}

impl Handle for GetNetInfo {
    async fn handle(self, service: &Service) -> Result<view::NetInfo, RpcError> {
        service.backend.net_info().await
    }
}

impl Handle for GetPeers {
    async fn handle(self, service: &Service) -> Result<view::PeerList, RpcError> {
        Ok(view::PeerList { items: service.backend.peers().await? })
    }
}

impl Handle for GetConsensus {
    async fn handle(self, service: &Service) -> Result<view::ConsensusStatusView, RpcError> {
        service.backend.consensus(self.group).await
    }
}

impl Handle for GetValidators {
    async fn handle(self, service: &Service) -> Result<view::ValidatorSetView, RpcError> {
        service.backend.validators(self.group, self.at.unwrap_or_default()).await
    }
}
