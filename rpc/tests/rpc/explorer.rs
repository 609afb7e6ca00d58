//! The explorer, as a browser gets it.

use crate::support::{FakeNode, Reply, devnet, send, serve};
use serde_json::json;
use witan_rpc::RpcConfig;
use witan_rpc::server::Token;

/// A header of an answer.
fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let lines = reply.head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

#[tokio::test]
async fn it_is_served_at_ui_itself_with_a_strict_policy() {
    let network = devnet().await;
    let address = network.server.local_addr();
    for (path, kind) in [
        ("/ui", "text/html; charset=utf-8"),
        ("/ui/", "text/html; charset=utf-8"),
        ("/ui/app.js", "text/javascript; charset=utf-8"),
        ("/ui/style.css", "text/css; charset=utf-8"),
        ("/ui/icon.svg", "image/svg+xml"),
        ("/ui/vendor/manifest.json", "application/json"),
        ("/ui/vendor/licences.txt", "text/plain; charset=utf-8"),
    ] {
        let reply = send(address, "GET", path, "", b"").await;
        assert_eq!((reply.status, header(&reply, "content-type")), (200, Some(kind)), "{path}");
        let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        assert_eq!(header(&reply, "content-security-policy"), Some(policy), "{path}");
        assert_eq!(header(&reply, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&reply, "referrer-policy"), Some("no-referrer"));
        assert_eq!(header(&reply, "cache-control"), Some("no-cache"));
        let length = reply.body.len().to_string();
        assert_eq!(header(&reply, "content-length"), Some(length.as_str()));

        let head = send(address, "HEAD", path, "", b"").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(header(&head, "content-length"), Some(length.as_str()));
    }
}

#[tokio::test]
async fn what_a_browser_has_kept_is_not_sent_again() {
    let network = devnet().await;
    let address = network.server.local_addr();
    let first = send(address, "GET", "/ui/app.js", "", b"").await;
    let tag = header(&first, "etag").unwrap();
    for kept in [tag.to_owned(), format!("\"other\", {tag}")] {
        let again = send(address, "GET", "/ui/app.js", &format!("If-None-Match: {kept}\r\n"), b"").await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{kept}");
        assert_eq!(header(&again, "etag"), Some(tag));
    }
    let other = send(address, "GET", "/ui/app.js", "If-None-Match: \"other\"\r\n", b"").await;
    assert_eq!((other.status, other.body.is_empty()), (200, false));
}

#[tokio::test]
async fn it_takes_get_and_head_alone_and_names_itself_where_nothing_is() {
    let network = devnet().await;
    let address = network.server.local_addr();
    for path in ["/ui", "/ui/app.js"] {
        let reply = send(address, "POST", path, "Content-Length: 0\r\n", b"").await;
        assert_eq!((reply.status, header(&reply, "allow")), (405, Some("GET, HEAD")), "{path}");
        assert!(reply.body.contains("/ui is the explorer"), "{}", reply.body);
    }
    for path in ["/ui/nothing.js", "/ui/../Cargo.toml", "/uix"] {
        let reply = send(address, "GET", path, "", b"").await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.body.contains("/ui (the explorer)"), "{}", reply.body);
    }
    let elsewhere = send(address, "GET", "/ui", "Host: evil.example\r\n", b"").await;
    assert_eq!(elsewhere.status, 403, "a name that was pointed here is refused like everywhere");
}

#[tokio::test]
async fn it_needs_no_token_and_its_calls_do() {
    let token = Some(Token::parse("a-token-of-many-characters").unwrap());
    let network = serve(FakeNode::default(), RpcConfig { token, ..RpcConfig::default() }).await;
    let address = network.server.local_addr();
    for path in ["/ui", "/ui/app.js"] {
        assert_eq!(send(address, "GET", path, "", b"").await.status, 200, "{path}");
    }
    let refused = network.call("node_status", json!({})).await;
    assert_eq!(refused["error"]["data"]["reason"], "UNAUTHORIZED");
}
