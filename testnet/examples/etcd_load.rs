//! Load for etcd, to be compared with `witan bench --clients`: clients with one put outstanding each, over gRPC, which is what etcd's
//! own clients speak. The two messages are encoded here by hand and nothing but HTTP/2 is between them and the socket, so this should
//! cost less processor time than etcd's own clients: on one machine that leaves more for etcd.
//!
//! `cargo run --release -p witan-testnet --example etcd_load -- --clients 256 --for 15 127.0.0.1:2379 ...` prints one JSON document.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use hdrhistogram::Histogram;
use http::Request;
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

type Failure = Box<dyn Error + Send + Sync>;

/// Clients that share a connection, as those of etcd's own load generator do at its recommended setting.
const CLIENTS_OF_CONNECTION: usize = 10;
/// Keys that are written, over and over: as many as `witan bench` writes.
const KEYS: u64 = 100_000;
/// What is sent before the measurement.
const WARM_UP: Duration = Duration::from_secs(3);
/// The slowest put that is told apart, in microseconds.
const SLOWEST_US: u64 = 60_000_000;

struct Plan {
    clients: usize,
    window: Duration,
    value_bytes: usize,
    members: Vec<String>,
}

impl Plan {
    /// Reads `--clients COUNT --for SECONDS --value-size BYTES ADDRESS...`.
    fn read() -> Result<Plan, Failure> {
        let mut plan =
            Plan { clients: 256, window: Duration::from_secs(15), value_bytes: 256, members: Vec::new() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number =
                || words.next().ok_or(format!("{word}: no value"))?.parse::<u64>().map_err(Failure::from);
            match word.as_str() {
                "--clients" => plan.clients = usize::try_from(number()?)?.max(1),
                "--for" => plan.window = Duration::from_secs(number()?.max(1)),
                "--value-size" => plan.value_bytes = usize::try_from(number()?)?,
                address => plan.members.push(address.to_owned()),
            }
        }
        if plan.members.is_empty() {
            return Err("name the members to load, such as 127.0.0.1:2379".into());
        }
        Ok(plan)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read()?;
    let mut connections = Vec::new();
    for member in
        plan.members.iter().cycle().take(plan.clients.div_ceil(CLIENTS_OF_CONNECTION).max(plan.members.len()))
    {
        connections.push((member.clone(), connect(member).await?));
    }
    let begin = Instant::now() + WARM_UP;
    let end = begin + plan.window;
    let clients: Vec<_> = (0..plan.clients)
        .zip(connections.iter().cycle())
        .map(|(number, (member, connection))| {
            let (uri, value) = (format!("http://{member}/etcdserverpb.KV/Put"), vec![7; plan.value_bytes]);
            tokio::spawn(put_until(connection.clone(), uri, (number as u64, value), (begin, end)))
        })
        .collect();
    let mut times = Histogram::<u64>::new_with_max(SLOWEST_US, 3)?;
    for client in clients {
        times.add(client.await??)?;
    }
    let ms = |quantile| Duration::from_micros(times.value_at_quantile(quantile)).as_secs_f64() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let puts_per_s = times.len() as f64 / plan.window.as_secs_f64();
    let report = serde_json::json!({
        "clients": plan.clients,
        "value_bytes": plan.value_bytes,
        "puts": times.len(),
        "puts_per_s": puts_per_s,
        "p50_ms": ms(0.5),
        "p99_ms": ms(0.99),
        "max_ms": Duration::from_micros(times.max()).as_secs_f64() * 1e3,
    });
    println!("{report}");
    Ok(())
}

async fn connect(member: &str) -> Result<SendRequest<Bytes>, Failure> {
    let stream = TcpStream::connect(member).await?;
    stream.set_nodelay(true)?;
    let (requests, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("a connection ended: {error}");
        }
    });
    Ok(requests)
}

/// One put after another until `end`; how long those took that ended from `begin` on, in microseconds.
async fn put_until(
    connection: SendRequest<Bytes>,
    uri: String,
    (first, value): (u64, Vec<u8>),
    (begin, end): (Instant, Instant),
) -> Result<Histogram<u64>, Failure> {
    let mut times = Histogram::new_with_max(SLOWEST_US, 3)?;
    // An odd step, so that clients come by all keys.
    for number in (0_u64..).map(|turn| first + turn * 257) {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        put(&connection, &uri, put_request(format!("load/{:05}", number % KEYS).as_bytes(), &value)?).await?;
        let now = Instant::now();
        if now >= begin && now < end {
            times.saturating_record(u64::try_from((now - sent).as_micros()).unwrap_or(SLOWEST_US));
        }
    }
    Ok(times)
}

/// The message `PutRequest { key = 1, value = 2 }` behind gRPC's five bytes: not compressed, and how long it is.
fn put_request(key: &[u8], value: &[u8]) -> Result<Bytes, Failure> {
    let mut message = BytesMut::new();
    for (field, bytes) in [(1_u8, key), (2, value)] {
        message.put_u8(field << 3 | 2);
        put_length(&mut message, bytes.len());
        message.put_slice(bytes);
    }
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len())?);
    framed.put_slice(&message);
    Ok(framed.freeze())
}

/// A length as protocol buffers write it: seven bits a byte, the low ones first.
fn put_length(message: &mut BytesMut, mut length: usize) {
    while length >= 0x80 {
        message.put_u8(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
        length >>= 7;
    }
    message.put_u8(u8::try_from(length).unwrap_or(0));
}

/// Sends a put, and waits for its answer to the end, which says whether it was done.
async fn put(connection: &SendRequest<Bytes>, uri: &str, body: Bytes) -> Result<(), Failure> {
    let request =
        Request::post(uri).header("content-type", "application/grpc").header("te", "trailers").body(())?;
    let (response, mut stream) = connection.clone().ready().await?.send_request(request, false)?;
    stream.send_data(body, true)?;
    let response = response.await?;
    let of_headers = response.headers().get("grpc-status").cloned();
    let mut body = response.into_body();
    while let Some(data) = body.data().await {
        let read = data?.len();
        body.flow_control().release_capacity(read)?;
    }
    let of_trailers = body.trailers().await?.and_then(|trailers| trailers.get("grpc-status").cloned());
    match of_headers.or(of_trailers) {
        Some(status) if status.as_bytes() == b"0" => Ok(()),
        status => Err(format!("etcd answered with status {status:?}").into()),
    }
}
