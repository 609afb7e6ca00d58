//! From decoded parameters to the backend and back.

mod chain;
mod diagnosis;
mod listing;
mod state;
mod transaction;

pub(super) use state::read_prefix;

use super::places::Places;
use super::{Backend, RpcConfig, subscriptions};
use crate::encoding::Encoding;
use crate::error::RpcError;
use crate::method::{Arguments, Method};
use crate::methods::{
    self, Discover, GetConsensus, GetHealth, GetMempool, GetNetInfo, GetNodeStatus, GetPeers, GetValidators,
    GetVersion, MAX_PAGE, for_every_method,
};
use crate::view::{self, Encoded};
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What handlers work with.
pub(super) struct Service {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) config: RpcConfig,
    pub(super) openrpc: Value,
    /// Places for subscriptions.
    pub(super) places: Arc<Places>,
    /// The turn of a subscription to read.
    pub(super) reading: Semaphore,
}

/// A method that the server can answer.
trait Handle: Method {
    /// Answers it.
    fn handle(self, service: &Service) -> impl Future<Output = Result<Self::Answer, RpcError>> + Send;
}

impl Service {
    pub(super) fn new(config: RpcConfig, backend: Arc<dyn Backend>, openrpc: Value) -> Service {
        let places = Places::new(RpcError::NODE, config.following.max_of_node);
        Service { backend, config, openrpc, places, reading: Semaphore::new(1) }
    }
}

/// Every method and subscription, for WebSocket; and every method, with a refusal for every subscription, for HTTP.
pub(super) fn modules(
    service: &Arc<Service>,
) -> Result<(RpcModule<Service>, RpcModule<Service>), RegisterMethodError> {
    let (mut socket, mut http) = (module(Arc::clone(service))?, module(Arc::clone(service))?);
    subscriptions::register(&mut socket)?;
    subscriptions::register_refusals(&mut http)?;
    Ok((socket, http))
}

/// Every method of the table that this network has.
fn module(service: Arc<Service>) -> Result<RpcModule<Service>, RegisterMethodError> {
    let devnet = service.config.devnet;
    let mut module = RpcModule::from_arc(service);
    macro_rules! register {
        ($request:ident) => {
            module.register_async_method(methods::$request::NAME, |params, service, _| async move {
                answer::<methods::$request>(params.as_str(), &service).await
            })?;
        };
    }
    for_every_method!(register);
    if !devnet {
        for name in methods::DEVNET_ONLY {
            module.remove_method(name);
        }
    }
    Ok(module)
}

async fn answer<M: Handle>(params: Option<&str>, service: &Service) -> Result<M::Answer, RpcError> {
    let request = M::read(&Arguments::split(params, M::NAMES)?)?;
    request.handle(service).await
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
        Ok(service.backend.health())
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
