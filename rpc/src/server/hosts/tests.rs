//! Who passes and who does not.

use super::*;

fn judge(host: &str, origin: Option<&str>) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host.parse().unwrap());
    if let Some(origin) = origin {
        headers.insert(ORIGIN, origin.parse().unwrap());
    }
    check(&headers, &Uri::from_static("/"), &["node.example".to_owned()]).is_ok()
}

#[test]
fn addresses_loopback_names_and_configured_names_are_served() {
    for host in ["127.0.0.1:27000", "localhost", "LocalHost:1", "[::1]:80", "10.1.2.3:80", "node.example:9"] {
        assert!(judge(host, None), "{host}");
    }
}

#[test]
fn a_name_that_somebody_pointed_at_this_machine_is_not_served() {
    for host in ["evil.example", "localhost.evil.example:27000", "127.0.0.1.evil.example", ""] {
        assert!(!judge(host, None), "{host}");
    }
}

#[test]
fn pages_of_other_sites_are_not_served() {
    assert!(judge("127.0.0.1:27000", Some("http://127.0.0.1:27000")));
    assert!(judge("10.1.2.3:80", Some("http://10.1.2.3:80")));
    assert!(judge("10.1.2.3:80", Some("https://node.example")));
    for origin in ["https://evil.example", "null", "http://10.9.9.9", "file://"] {
        assert!(!judge("127.0.0.1:27000", Some(origin)), "{origin}");
    }
}

#[test]
fn a_request_without_a_host_is_not_served() {
    assert!(check(&HeaderMap::new(), &Uri::from_static("/"), &[]).is_err());
}
