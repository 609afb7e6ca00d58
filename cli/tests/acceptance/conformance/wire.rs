//! Clients that send exactly the bytes they are given: HTTP/1.1 over one connection, and WebSocket (RFC 6455).

use crate::network::DEADLINE;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What an HTTP server answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer in UTF-8")
    }
}

/// One HTTP connection, kept open from request to request.
pub(crate) struct Http {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Http {
    /// Connects to an address such as `http://127.0.0.1:27001`.
    pub(crate) async fn connect(rpc: &str) -> Http {
        let host = host_of(rpc);
        Http { stream: BufReader::new(TcpStream::connect(&host).await.unwrap()), host }
    }

    /// Posts a body as JSON; none if the server closed the connection instead of answering.
    pub(crate) async fn post(&mut self, body: &[u8]) -> Option<Reply> {
        let head = "POST / HTTP/1.1\r\nContent-Type: application/json\r\n";
        self.exchange(&format!("{head}Content-Length: {}\r\nHost: {}\r\n\r\n", body.len(), self.host), body)
            .await
    }

    /// Sends a head and a body as they are; none if the server closed the connection instead of answering.
    pub(crate) async fn exchange(&mut self, head: &str, body: &[u8]) -> Option<Reply> {
        timeout(DEADLINE, self.talk(head, body)).await.expect("an answer")
    }

    async fn talk(&mut self, head: &str, body: &[u8]) -> Option<Reply> {
        // A server that has heard enough may close before all is written.
        let message = [head.as_bytes(), body].concat();
        self.stream.write_all(&message).await.ok()?;
        let (status, length) = read_head(&mut self.stream).await?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(Reply { status, body })
    }
}

pub(crate) fn host_of(rpc: &str) -> String {
    rpc.strip_prefix("http://").unwrap().to_owned()
}

/// The status and the length of the body that follows.
async fn read_head(stream: &mut BufReader<TcpStream>) -> Option<(u16, usize)> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no HTTP: {line:?}")).parse().unwrap();
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if line.trim_end().is_empty() {
            return Some((status, length));
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        assert!(!lower.starts_with("transfer-encoding:"), "answers have a length: {line:?}");
    }
}

/// One WebSocket connection.
pub(crate) struct Socket {
    stream: BufReader<TcpStream>,
}

/// What a WebSocket server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A text message.
    Text(Vec<u8>),
    /// The answer to a ping.
    Pong(Vec<u8>),
    /// The end of the connection, with the code if it was closed and not cut.
    Closed(Option<u16>),
}

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

impl Socket {
    /// Connects and shakes hands; the status if that is refused.
    pub(crate) async fn connect(rpc: &str, path: &str) -> Result<Socket, u16> {
        let host = host_of(rpc);
        let mut stream = BufReader::new(TcpStream::connect(&host).await.unwrap());
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        match timeout(DEADLINE, read_head(&mut stream)).await.expect("an answer") {
            Some((101, _)) => Ok(Socket { stream }),
            Some((status, _)) => Err(status),
            None => Err(0),
        }
    }

    /// Sends a text message; false if the connection is gone.
    pub(crate) async fn send(&mut self, message: &[u8]) -> bool {
        self.frame(true, TEXT, message).await
    }

    /// Sends a text message in pieces of this many bytes, with a ping between them.
    pub(crate) async fn send_in_pieces(&mut self, message: &[u8], bytes: usize) {
        let pieces: Vec<&[u8]> = message.chunks(bytes).collect();
        for (place, piece) in pieces.iter().enumerate() {
            let kind = if place == 0 { TEXT } else { 0 };
            assert!(self.frame(place + 1 == pieces.len(), kind, piece).await);
            if place == 0 {
                assert!(self.frame(true, PING, b"between").await);
            }
        }
    }

    /// Sends a frame, masked as a client's have to be; false if the connection is gone.
    pub(crate) async fn frame(&mut self, last: bool, kind: u8, payload: &[u8]) -> bool {
        let mut frame = vec![kind | if last { 0x80 } else { 0 }];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            length @ 126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        let mask = [0x5a, 0xc3, 0x0f, 0x99];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.raw(&frame).await
    }

    /// Sends bytes as they are; false if the connection is gone.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) -> bool {
        timeout(DEADLINE, self.stream.write_all(bytes)).await.expect("the server reads").is_ok()
    }

    /// The next thing heard, pings aside, which are answered.
    pub(crate) async fn hear(&mut self) -> Heard {
        timeout(DEADLINE, self.next()).await.expect("the server says something")
    }

    /// The next message.
    pub(crate) async fn text(&mut self) -> Vec<u8> {
        match self.hear().await {
            Heard::Text(text) => text,
            other => panic!("{other:?} instead of a message"),
        }
    }

    async fn next(&mut self) -> Heard {
        let mut message = Vec::new();
        loop {
            let Some((last, kind, payload)) = self.read_frame().await else { return Heard::Closed(None) };
            match kind {
                PING => {
                    self.frame(true, PONG, &payload).await;
                }
                PONG => return Heard::Pong(payload),
                CLOSE => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Heard::Closed(code);
                }
                _ => {
                    message.extend(payload);
                    if last {
                        return Heard::Text(message);
                    }
                }
            }
        }
    }

    async fn read_frame(&mut self) -> Option<(bool, u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let second = self.stream.read_u8().await.ok()?;
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let length = match second {
            126 => u64::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()?,
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first & 0x80 != 0, first & 0x0f, payload))
    }
}
