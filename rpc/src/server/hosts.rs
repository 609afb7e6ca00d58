//! Who may be named in a request: a page in a browser must not reach a node behind its user's back.
//!
//! A `Host` that is a bare address or a loopback name passes, any other only if configured: a name that an attacker
//! points at this machine (DNS rebinding) does not. An `Origin`, which browsers add to what other sites' pages send,
//! passes if it is the host itself, a loopback name or configured.

use hyper::Uri;
use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::uri::Authority;
use std::net::{IpAddr, SocketAddr};

/// Judges the `Host` and `Origin` of a request.
pub(super) fn check(headers: &HeaderMap, uri: &Uri, configured: &[String]) -> Result<(), &'static str> {
    let named = text(headers, HOST);
    // What most requests have, and the rules below let pass.
    if named.is_some_and(|host| host.parse::<SocketAddr>().is_ok()) && !headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let host: Authority = match (named, uri.authority()) {
        (Some(host), _) => host.parse().map_err(|_| "the Host header is no host")?,
        (None, Some(authority)) => authority.clone(),
        (None, None) => return Err("a Host header is needed"),
    };
    if !is_named(host.host(), configured) && !is_address(host.host()) {
        return Err("this Host is not served; name it in rpc.hosts, or use the node's address");
    }
    if !headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let origin: Option<Uri> = text(headers, ORIGIN).and_then(|origin| origin.parse().ok());
    match origin.as_ref().and_then(Uri::authority) {
        Some(origin) if *origin == host || is_named(origin.host(), configured) => Ok(()),
        _ => Err("requests of other sites' pages are not served; name the site's host in rpc.hosts"),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_address(host: &str) -> bool {
    address(host).is_some()
}

fn is_named(host: &str, configured: &[String]) -> bool {
    let loopback =
        host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|address| address.is_loopback());
    loopback || configured.iter().any(|name| name == "*" || name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests;
