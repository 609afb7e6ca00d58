//! What comes before JSON-RPC: hosts, paths, body limits, health.

use super::dispatch::{Answering, Dispatch, Told};
use super::fault::Fault;
use super::handlers::Service;
use super::hosts;
use super::outflow::Outflow;
use super::rate_limit::{RateLimitLayer, RateLimited};
use super::websocket;
use crate::error::{ErrorView, RpcError};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use jsonrpsee::Methods;
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{ConnectionId, HttpBody, HttpRequest, HttpResponse, StopHandle, http, ws};
use jsonrpsee::types::{ErrorObjectOwned, Id, Response, ResponsePayload};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tower::Layer as _;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A body above its limit is read to its end up to this many times the limit, so that its sender is there to hear
/// the answer; beyond, the connection is cut.
const DRAIN_FACTOR: usize = 16;

/// What the requests of one connection need.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) service: Arc<Service>,
    /// What is answered over HTTP.
    pub(super) methods: Methods,
    /// What is answered over WebSocket.
    pub(super) socket_methods: Methods,
    /// How its reader takes what is sent.
    pub(super) outflow: Arc<Outflow>,
    pub(super) limit: RateLimitLayer,
    pub(super) connection: ConnectionId,
    pub(super) stop: StopHandle,
    /// One of the connections that there may be; a WebSocket holds it to its end.
    pub(super) _room: Arc<OwnedSemaphorePermit>,
}

impl Front {
    /// Answers one request.
    pub(super) async fn answer(self, request: HttpRequest<Incoming>) -> Result<HttpResponse, BoxError> {
        let config = &self.service.config;
        if let Err(why) = hosts::check(request.headers(), request.uri(), &config.hosts) {
            return refuse(StatusCode::FORBIDDEN, why);
        }
        let path = request.uri().path().trim_end_matches('/').to_owned();
        let is_call = matches!(path.as_str(), "" | "/ws");
        if is_call && config.token.as_ref().is_some_and(|token| !token.is_shown(request.headers())) {
            return unauthorized();
        }
        match (request.method(), path.as_str()) {
            (&Method::GET, "" | "/ws") if ws::is_upgrade_request(&request) => {
                websocket::upgrade(self, request)
            }
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

    async fn call(self, request: HttpRequest<Incoming>) -> Result<HttpResponse, BoxError> {
        if !http::content_type_is_json(&request) {
            let why = "JSON-RPC comes with the header Content-Type: application/json";
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
        }
        let limit = self.service.config.max_body_bytes as usize;
        let read = tokio::time::timeout(BODY_TIMEOUT, read_body(request.into_body(), limit)).await;
        match read {
            Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the request's body did not arrive in time"),
            Ok(Err(error)) => Err(error),
            Ok(Ok(None)) => {
                let error = ErrorObjectOwned::from(Fault::RequestTooLarge { limit });
                let answer = Response::new(ResponsePayload::<()>::error(error), Id::Null);
                respond(StatusCode::PAYLOAD_TOO_LARGE, &answer)
            }
            Ok(Ok(Some(body))) => match self.answering(None).answer(&body).await {
                Some(answer) => written(StatusCode::OK, answer),
                None => Ok(HttpResponse::builder().status(StatusCode::NO_CONTENT).body(HttpBody::empty())?),
            },
        }
    }

    /// Answers the messages of this connection; `told` hears of subscriptions.
    pub(super) fn answering(&self, told: Option<Told>) -> Answering<RateLimited<Dispatch>> {
        let config = &self.service.config;
        let max_response = config.max_response_bytes as usize;
        let methods = if told.is_some() { &self.socket_methods } else { &self.methods };
        let dispatch = |told| {
            let (methods, connection) = (methods.clone(), self.connection);
            self.limit.layer(Dispatch { methods, max_response, connection, told })
        };
        let max_batch = config.max_batch as usize;
        Answering { alone: dispatch(told), plain: dispatch(None), max_batch, max_response }
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

/// A JSON-RPC error, since who asks expects one: before the request is read it has no id.
fn unauthorized() -> Result<HttpResponse, BoxError> {
    let error = ErrorView::from(RpcError::Unauthorized);
    let body = json!({"jsonrpc": "2.0", "id": null, "error": error});
    let mut response = respond(StatusCode::UNAUTHORIZED, &body)?;
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Ok(response)
}

pub(super) fn refuse(status: StatusCode, why: &str) -> Result<HttpResponse, BoxError> {
    respond(status, &json!({ "error": why }))
}

pub(super) fn respond(status: StatusCode, body: &impl Serialize) -> Result<HttpResponse, BoxError> {
    written(status, serde_json::to_string(body)?)
}

fn written(status: StatusCode, body: String) -> Result<HttpResponse, BoxError> {
    let response = HttpResponse::builder().status(status).header("content-type", "application/json");
    Ok(response.body(HttpBody::from(body))?)
}
