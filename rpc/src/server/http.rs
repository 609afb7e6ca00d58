//! What comes before JSON-RPC: hosts, paths, body limits, health.

use super::answer::Answer;
use super::dispatch::Caller;
use super::fault::Fault;
use super::hosts;
use super::outflow::Outflow;
use super::shares::Share;
use super::websocket;
use crate::error::RpcError;
use crate::explorer::{self, Asset};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{StopHandle, http, ws};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A body above its limit is read to its end up to this many times the limit, so that its sender is there to hear
/// the answer; beyond, the connection is cut.
const DRAIN_FACTOR: usize = 16;

/// What is answered over HTTP.
pub(super) type HttpAnswer = Response<Full<Bytes>>;

/// What the requests of one connection need.
pub(super) struct Front {
    /// Who calls over HTTP.
    pub(super) caller: Caller,
    /// How its reader takes what is sent.
    pub(super) outflow: Arc<Outflow>,
    pub(super) openrpc: Bytes,
    pub(super) stop: StopHandle,
    /// One of the connections that there may be; a WebSocket holds it to its end.
    pub(super) _room: Share,
    /// The server waits for it when it stops.
    pub(super) _open: TaskTrackerToken,
}

impl Front {
    /// Answers one request.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<HttpAnswer, BoxError> {
        let config = &self.caller.service.config;
        if let Err(why) = hosts::check(request.headers(), request.uri(), &config.hosts) {
            return refuse(StatusCode::FORBIDDEN, why);
        }
        let path = request.uri().path().trim_end_matches('/');
        let is_call = matches!(path, "" | "/ws");
        if is_call && config.token.as_ref().is_some_and(|token| !token.is_shown(request.headers())) {
            return unauthorized();
        }
        if let Some(asset) = explorer::asset(path) {
            return match *request.method() {
                Method::GET | Method::HEAD => page(asset, request.headers()),
                _ => not_allowed(path),
            };
        }
        match (request.method(), path) {
            (&Method::POST, "") => self.call(request).await,
            (&Method::GET, "" | "/ws") if ws::is_upgrade_request(&request) => {
                websocket::upgrade(self, request)
            }
            (&Method::GET | &Method::HEAD, "/livez") => self.live(),
            (&Method::GET | &Method::HEAD, "/readyz") => self.ready(),
            (&Method::GET | &Method::HEAD, "/openrpc.json") => written(StatusCode::OK, self.openrpc.clone()),
            (_, "" | "/ws" | "/livez" | "/readyz" | "/openrpc.json") => not_allowed(path),
            _ => refuse(
                StatusCode::NOT_FOUND,
                "there are / (JSON-RPC by POST), /ws (WebSocket), /ui (the explorer), /livez, /readyz and /openrpc.json",
            ),
        }
    }

    fn live(&self) -> Result<HttpAnswer, BoxError> {
        let live = self.caller.service.health().live;
        respond(if live { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &json!({ "live": live }))
    }

    fn ready(&self) -> Result<HttpAnswer, BoxError> {
        let health = self.caller.service.health();
        let status = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        respond(status, &json!({"ready": health.ready, "reasons": health.reasons, "details": health.details}))
    }

    async fn call(&self, request: Request<Incoming>) -> Result<HttpAnswer, BoxError> {
        if !http::is_json(request.headers().get(CONTENT_TYPE)) {
            let why = "JSON-RPC comes with the header Content-Type: application/json";
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
        }
        let limit = self.caller.service.config.max_body_bytes as usize;
        let read = tokio::time::timeout(BODY_TIMEOUT, read_body(request.into_body(), limit)).await;
        match read {
            Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the request's body did not arrive in time"),
            Ok(Err(error)) => Err(error),
            Ok(Ok(None)) => {
                let error = self.caller.charge(Fault::RequestTooLarge { limit }, limit);
                answered(StatusCode::PAYLOAD_TOO_LARGE, Answer::error(error))
            }
            Ok(Ok(Some(body))) => match self.caller.answer(&body).await {
                Some(answer) => answered(StatusCode::OK, answer),
                None => Ok(Response::builder().status(StatusCode::NO_CONTENT).body(Full::default())?),
            },
        }
    }
}

/// The whole body, or none if it is above the limit. Most come in one piece, which is not copied.
async fn read_body(mut body: Incoming, limit: usize) -> Result<Option<Bytes>, BoxError> {
    let (mut first, mut bytes, mut total) = (Bytes::new(), Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        total = total.saturating_add(data.len());
        if total > limit {
            (first, bytes) = (Bytes::new(), Vec::new());
            if total > limit.saturating_mul(DRAIN_FACTOR) {
                break;
            }
        } else if total == data.len() {
            first = data;
        } else {
            bytes.extend_from_slice(&std::mem::take(&mut first));
            bytes.extend_from_slice(&data);
        }
    }
    let whole = if bytes.is_empty() { first } else { Bytes::from(bytes) };
    Ok((total <= limit).then_some(whole))
}

/// A JSON-RPC error, since who asks expects one: before the request is read it has no id.
fn unauthorized() -> Result<HttpAnswer, BoxError> {
    let mut response = answered(StatusCode::UNAUTHORIZED, Answer::error(RpcError::Unauthorized))?;
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Ok(response)
}

fn not_allowed(path: &str) -> Result<HttpAnswer, BoxError> {
    let why = "POST / takes JSON-RPC, GET /ws upgrades to WebSocket, GET /ui is the explorer";
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, why)?;
    let allowed = match path {
        "" => "POST, GET",
        "/ws" => "GET",
        _ => "GET, HEAD",
    };
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    Ok(response)
}

/// A file of the explorer, or that the one which a browser has kept is still the same. It holds no secrets, so it needs
/// no token; what it calls does.
fn page(asset: &'static Asset, headers: &HeaderMap) -> Result<HttpAnswer, BoxError> {
    let kept = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_kept = kept.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == asset.tag));
    let (status, body) = if is_kept {
        (StatusCode::NOT_MODIFIED, Bytes::new())
    } else {
        (StatusCode::OK, Bytes::from_static(asset.bytes))
    };
    let answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, asset.kind())
        .header(ETAG, asset.tag.as_str())
        .header(CACHE_CONTROL, "no-cache")
        .header(CONTENT_SECURITY_POLICY, explorer::POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(REFERRER_POLICY, "no-referrer");
    Ok(answer.body(Full::new(body))?)
}

pub(super) fn refuse(status: StatusCode, why: &str) -> Result<HttpAnswer, BoxError> {
    respond(status, &json!({ "error": why }))
}

fn respond(status: StatusCode, body: &impl Serialize) -> Result<HttpAnswer, BoxError> {
    written(status, Bytes::from(serde_json::to_vec(body)?))
}

/// An answer that takes its share of memory until it has left.
fn answered(status: StatusCode, answer: Answer) -> Result<HttpAnswer, BoxError> {
    written(status, Bytes::from_owner(answer))
}

fn written(status: StatusCode, body: Bytes) -> Result<HttpAnswer, BoxError> {
    let json = HeaderValue::from_static("application/json");
    Ok(Response::builder().status(status).header(CONTENT_TYPE, json).body(Full::new(body))?)
}
