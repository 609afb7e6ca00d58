//! The bearer token of a node that asks for one (`rpc.auth`): how clients show it, over HTTP and WebSocket alike, and how they
//! learn that it is asked for.

use super::{Answer, ClientError};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use jsonrpsee_client_transport::ws::WsHandshakeError;
use jsonrpsee_http_client::transport::Error as HttpError;

/// What the node said with the status of HTTP that asks for a token.
const UNAUTHORIZED: u16 = 401;

/// The headers that show a token to the node at `url`.
///
/// # Errors
/// If the token can't stand in a header.
pub(super) fn headers(url: &str, token: &str) -> Answer<HeaderMap> {
    let why = "the token can't stand in a header".to_owned();
    let refuse = |_| ClientError::Transport { url: url.to_owned(), why };
    let mut value: HeaderValue = format!("Bearer {}", token.trim()).parse().map_err(refuse)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// Whether the node asked for a token: the one error that comes as a status of HTTP, to a call or to the opening of a
/// WebSocket.
pub(super) fn is_asked_for(error: &(dyn std::error::Error + 'static)) -> bool {
    let call = matches!(error.downcast_ref(), Some(HttpError::Rejected { status_code: UNAUTHORIZED }));
    call || matches!(error.downcast_ref(), Some(WsHandshakeError::Rejected { status_code: UNAUTHORIZED }))
}
