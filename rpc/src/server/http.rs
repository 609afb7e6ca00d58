//! What comes before JSON-RPC: hosts, paths, body limits, health.

use super::handlers::Service;
use super::hosts;
use super::rate_limit::RateLimitLayer;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use jsonrpsee::Methods;
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse, StopHandle, TowerServiceBuilder, http, ws};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::Service as _;
use tower::layer::util::{Identity, Stack};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A body above its limit is read to its end up to this many times the limit, so that its sender is there to hear
/// the answer; beyond, the connection is cut.
const DRAIN_FACTOR: usize = 16;

pub(super) type RpcBuilder = TowerServiceBuilder<Stack<RateLimitLayer, Identity>, Identity>;

/// What the requests of one connection need.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) service: Arc<Service>,
    pub(super) methods: Methods,
    pub(super) rpc: RpcBuilder,
    pub(super) stop: StopHandle,
}

impl Front {
    /// Answers one request.
    pub(super) async fn answer(self, request: HttpRequest<Incoming>) -> Result<HttpResponse, BoxError> {
        let config = &self.service.config;
        if let Err(why) = hosts::check(request.headers(), request.uri(), &config.hosts) {
            return refuse(StatusCode::FORBIDDEN, why);
        }
        let path = request.uri().path().trim_end_matches('/').to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "" | "/ws") if ws::is_upgrade_request(&request) => self.upgrade(request).await,
            (&Method::POST, "") => self.call(request).await,
            (&Method::GET, "/livez") => self.live(),
            (&Method::GET, "/readyz") => self.ready(),
            (&Method::GET, "/openrpc.json") => respond(StatusCode::OK, &self.service.openrpc),
            (_, "" | "/ws" | "/livez" | "/readyz" | "/openrpc.json") => {
                refuse(StatusCode::METHOD_NOT_ALLOWED, "POST / takes JSON-RPC, GET /ws upgrades to WebSocket")
            }
            _ => refuse(
                StatusCode::NOT_FOUND,
                "there are / (JSON-RPC by POST), /ws (WebSocket), /livez, /readyz and /openrpc.json",
            ),
        }
    }

    fn live(&self) -> Result<HttpResponse, BoxError> {
        let live = self.service.backend.health().live;
        respond(if live { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &json!({ "live": live }))
    }

    fn ready(&self) -> Result<HttpResponse, BoxError> {
        let health = self.service.backend.health();
        let status = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        respond(status, &json!({"ready": health.ready, "reasons": health.reasons, "details": health.details}))
    }

    async fn upgrade(self, request: HttpRequest<Incoming>) -> Result<HttpResponse, BoxError> {
        self.rpc.build(self.methods, self.stop).call(request).await
    }

    async fn call(self, request: HttpRequest<Incoming>) -> Result<HttpResponse, BoxError> {
        let limit = self.service.config.max_body_bytes;
        let (parts, body) = request.into_parts();
        let read = tokio::time::timeout(BODY_TIMEOUT, read_body(body, limit as usize)).await;
        match read {
            Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the request's body did not arrive in time"),
            Ok(Err(error)) => Err(error),
            Ok(Ok(None)) => Ok(http::response::too_large(limit)),
            Ok(Ok(Some(body))) if std::str::from_utf8(&body).is_err() => Ok(http::response::malformed()),
            Ok(Ok(Some(body))) => {
                let request = HttpRequest::from_parts(parts, HttpBody::from(body));
                self.rpc.build(self.methods, self.stop).call(request).await
            }
        }
    }
}

/// The whole body, or none if it is above the limit.
async fn read_body(mut body: Incoming, limit: usize) -> Result<Option<Vec<u8>>, BoxError> {
    let (mut bytes, mut total) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        total = total.saturating_add(data.len());
        if total <= limit {
            bytes.extend_from_slice(&data);
        } else if total > limit.saturating_mul(DRAIN_FACTOR) {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    Ok((total <= limit).then_some(bytes))
}

fn refuse(status: StatusCode, why: &str) -> Result<HttpResponse, BoxError> {
    respond(status, &json!({ "error": why }))
}

fn respond(status: StatusCode, body: &Value) -> Result<HttpResponse, BoxError> {
    let response = HttpResponse::builder().status(status).header("content-type", "application/json");
    Ok(response.body(HttpBody::from(body.to_string()))?)
}
