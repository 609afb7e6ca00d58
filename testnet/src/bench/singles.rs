//! Clients that submit one transaction each and wait until it is committed, one request after another on a connection of their
//! own.

use super::calls::{Connection, Transport};
use super::driver::{latencies, resident_bytes, usage};
use super::run::Measured;
use super::{BenchError, BenchPlan};
use crate::load::Prepared;
use hdrhistogram::Histogram;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;
use witan_rpc::encoding::write_hex;

/// What an answer holds that a transaction is committed, that a node has no room for it, or another error.
const COMMITTED: &[u8] = b"\"status\":\"committed\"";
const FULL: &[u8] = b"\"MEMPOOL_FULL\"";
const ERROR: &[u8] = b"\"error\":";
/// How long a client waits before it tries again where there was no room.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// What one client saw in the window.
struct Seen {
    latencies_us: Histogram<u64>,
    mempool_full: u64,
    failed: u64,
    last_failure: Option<String>,
}

/// The requests, taken by whichever client is free.
struct Requests {
    bodies: Vec<Vec<u8>>,
    taken: AtomicUsize,
}

impl Requests {
    fn new(load: &[Prepared]) -> Requests {
        let body = |one: &Prepared| {
            let tx = write_hex(&one.bytes);
            format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tx_submit\",\"params\":[\"{tx}\",\"committed\"]}}")
                .into_bytes()
        };
        Requests { bodies: load.iter().map(body).collect(), taken: AtomicUsize::new(0) }
    }

    fn next(&self) -> Option<&[u8]> {
        self.bodies.get(self.taken.fetch_add(1, Ordering::Relaxed)).map(Vec::as_slice)
    }

    fn ran_out(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.bodies.len()
    }
}

/// Lets `clients` of them load the nodes in turn, and measures what is answered within the window.
pub(super) async fn measure(
    plan: &BenchPlan,
    clients: usize,
    load: Vec<Prepared>,
) -> Result<Measured, BenchError> {
    let requests = Arc::new(Requests::new(&load));
    drop(load);
    let addresses: Vec<&str> = plan.nodes.iter().map(|node| node.rpc.trim_start_matches("http://")).collect();
    let mut connections = Vec::with_capacity(clients);
    for address in addresses.iter().cycle().take(clients) {
        let address = address.parse().map_err(|error: std::net::AddrParseError| failed(&error))?;
        connections
            .push(Connection::open(Transport::Http, address, None).await.map_err(|error| failed(&error))?);
    }
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.window;
    let callers: Vec<_> = connections
        .into_iter()
        .map(|connection| tokio::spawn(one_after_another(connection, Arc::clone(&requests), begin, end)))
        .collect();
    sleep(plan.warm_up).await;
    let from = usage(&plan.nodes)?;
    sleep(end.saturating_duration_since(Instant::now())).await;
    let to = usage(&plan.nodes)?;
    let mut measured = Measured {
        from,
        to,
        committed: 0,
        latencies_us: latencies(),
        resident_bytes: resident_bytes(&plan.nodes)?,
        in_flight: clients,
        mempool_full: 0,
        failed: 0,
        last_failure: "none".into(),
        lost: 0,
        load_ran_out: requests.ran_out(),
        offered: None,
    };
    for caller in callers {
        let seen = caller.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        measured.latencies_us.add(seen.latencies_us).map_err(|error| failed(&error))?;
        measured.mempool_full += seen.mempool_full;
        measured.failed += seen.failed;
        measured.last_failure = seen.last_failure.unwrap_or(measured.last_failure);
    }
    Ok(Measured { committed: measured.latencies_us.len(), ..measured })
}

fn failed(error: &dyn std::error::Error) -> BenchError {
    BenchError::Calls { method: "tx_submit", why: error.to_string() }
}

/// One request after another until `end`; what is answered from `begin` on counts.
async fn one_after_another(
    mut connection: Connection,
    requests: Arc<Requests>,
    begin: Instant,
    end: Instant,
) -> io::Result<Seen> {
    let mut seen = Seen { latencies_us: latencies(), mempool_full: 0, failed: 0, last_failure: None };
    while Instant::now() < end {
        let Some(body) = requests.next() else { break };
        let sent = Instant::now();
        loop {
            let answer = connection.call(body).await?;
            let now = Instant::now();
            if holds(answer, COMMITTED) {
                if (begin..end).contains(&now) {
                    let microseconds = u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX);
                    seen.latencies_us.saturating_record(microseconds.max(1));
                }
                break;
            }
            if holds(answer, ERROR) && holds(answer, FULL) && now < end {
                seen.mempool_full += 1;
                sleep(RETRY_AFTER).await;
                continue;
            }
            seen.failed += 1;
            seen.last_failure = Some(String::from_utf8_lossy(answer).into_owned());
            break;
        }
    }
    Ok(seen)
}

fn holds(answer: &[u8], wanted: &[u8]) -> bool {
    answer.windows(wanted.len()).any(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{LoadPlan, presign};
    use serde_json::Value;
    use witan_types::ChainId;

    #[test]
    fn every_request_is_taken_once_and_submits_one_transaction_of_the_load() {
        let load = presign(&LoadPlan::scattered(ChainId::default(), 1, 3, 256, 1));
        let requests = Requests::new(&load);
        for one in &load {
            assert!(!requests.ran_out());
            let request: Value = serde_json::from_slice(requests.next().unwrap()).unwrap();
            assert_eq!(request["method"], "tx_submit");
            assert_eq!(request["params"][0], write_hex(&one.bytes));
            assert_eq!(request["params"][1], "committed");
        }
        assert!(requests.next().is_none() && requests.ran_out());
    }
}
