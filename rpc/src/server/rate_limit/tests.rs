//! Buckets fill with time given, not with time passing.

use super::*;
use std::net::IpAddr;

fn address(last: u8) -> Source {
    Source::of([10, 0, 0, last].into())
}

fn taken(limiter: &RateLimiter, address: Source, now: Instant, calls: usize) -> usize {
    (0..calls).filter(|_| limiter.take(address, 1, now).is_ok()).count()
}

#[test]
fn an_address_makes_a_second_of_calls_at_once_and_then_waits_for_tokens() {
    let start = Instant::now();
    let limiter = RateLimiter::new(10, false, start);
    assert_eq!(taken(&limiter, address(1), start, 25), 10);
    assert_eq!(limiter.take(address(1), 1, start), Err(RpcError::RateLimited { retry_after_ms: 101 }));
    assert_eq!(taken(&limiter, address(1), start + Duration::from_millis(500), 25), 5);
    assert_eq!(taken(&limiter, address(1), start + Duration::from_secs(60), 25), 10);
}

#[test]
fn a_costly_call_takes_more_and_none_is_too_costly_for_a_full_bucket() {
    let start = Instant::now();
    let limiter = RateLimiter::new(10, false, start);
    assert_eq!(limiter.take(address(1), 8, start), Ok(()));
    assert_eq!(limiter.take(address(1), 4, start), Err(RpcError::RateLimited { retry_after_ms: 201 }));
    assert_eq!(limiter.take(address(1), 2, start), Ok(()));
    assert_eq!(limiter.take(address(2), 1_000, start), Ok(()));
    assert_eq!(taken(&limiter, address(2), start, 1), 0);
}

#[test]
fn addresses_do_not_share_a_bucket_but_one_ipv6_network_does() {
    let start = Instant::now();
    let limiter = RateLimiter::new(10, false, start);
    assert_eq!(taken(&limiter, address(1), start, 10), 10);
    assert_eq!(taken(&limiter, address(2), start, 10), 10);
    let [one, other]: [Source; 2] =
        ["2001:db8::1", "2001:db8::2"].map(|text| Source::of(text.parse().unwrap()));
    assert_eq!(taken(&limiter, one, start, 10) + taken(&limiter, other, start, 10), 10);
}

#[test]
fn loopback_is_spared_only_where_asked() {
    let start = Instant::now();
    let loopback = Source::of([127, 0, 0, 1].into());
    assert_eq!(taken(&RateLimiter::new(1, true, start), loopback, start, 50), 50);
    assert_eq!(taken(&RateLimiter::new(1, false, start), loopback, start, 50), 1);
    assert_eq!(taken(&RateLimiter::new(0, false, start), loopback, start, 50), 50);
}

#[test]
fn the_table_has_a_bound_and_callers_beyond_it_share_a_bucket() {
    let start = Instant::now();
    let limiter = RateLimiter::new(1, false, start);
    let many = |from: u32| (from..).map(|number| Source::of(IpAddr::from(number.to_be_bytes())));
    for source in many(1 << 24).take(MAX_SOURCES) {
        assert_eq!(limiter.take(source, 1, start), Ok(()));
    }
    let beyond = many(2 << 24).take(100).filter(|source| limiter.take(*source, 1, start).is_ok()).count();
    assert_eq!(beyond, 1, "one call of all of them together");
    assert_eq!(limiter.table.lock().unwrap().buckets.len(), MAX_SOURCES + 1);
    let later = start + Duration::from_secs(5);
    for source in many(2 << 24).take(10) {
        assert_eq!(limiter.take(source, 1, later), Ok(()), "those at rest are forgotten");
    }
    assert_eq!(limiter.table.lock().unwrap().buckets.len(), 10);
}
