//! A connection that calls a server as cheaply as can be, so that what is measured is the server.

use soketto::handshake::{Client as Handshake, ServerResponse};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// What an HTTP answer's length stands after, in lower case.
const CONTENT_LENGTH: &[u8] = b"content-length:";

/// How calls travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::bench) enum Transport {
    /// HTTP, one connection for many calls.
    Http,
    /// WebSocket.
    WebSocket,
}

impl Transport {
    pub(super) const ALL: [Transport; 2] = [Transport::Http, Transport::WebSocket];

    pub(super) fn name(self) -> &'static str {
        match self {
            Transport::Http => "HTTP",
            Transport::WebSocket => "WebSocket",
        }
    }
}

/// An open connection, one call at a time.
pub(in crate::bench) enum Connection {
    Http(Http),
    WebSocket(Box<WebSocket>),
}

impl Connection {
    /// Connects, from the address `from` if there is one.
    pub(in crate::bench) async fn open(
        transport: Transport,
        address: SocketAddr,
        from: Option<IpAddr>,
    ) -> io::Result<Connection> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(from) = from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(match transport {
            Transport::Http => Connection::Http(Http::new(stream, address)),
            Transport::WebSocket => Connection::WebSocket(Box::new(WebSocket::open(stream, address).await?)),
        })
    }

    /// Sends a request's body, and gives the answer's.
    pub(in crate::bench) async fn call(&mut self, body: &[u8]) -> io::Result<&[u8]> {
        match self {
            Connection::Http(http) => http.call(body).await,
            Connection::WebSocket(socket) => socket.call(body).await,
        }
    }
}

pub(in crate::bench) struct Http {
    stream: TcpStream,
    head: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Http {
    fn new(stream: TcpStream, address: SocketAddr) -> Http {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: "
        );
        Http { stream, head, request: Vec::new(), answer: Vec::new() }
    }

    async fn call(&mut self, body: &[u8]) -> io::Result<&[u8]> {
        self.request.clear();
        self.request.extend_from_slice(self.head.as_bytes());
        self.request.extend_from_slice(format!("{}\r\n\r\n", body.len()).as_bytes());
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let (start, length) = loop {
            self.read_more().await?;
            if let Some(start) = find(&self.answer, b"\r\n\r\n") {
                let head = self.answer.get(..start).unwrap_or_default();
                break (start + 4, content_length(head)?);
            }
        };
        let end = start.saturating_add(length);
        while self.answer.len() < end {
            self.read_more().await?;
        }
        self.answer.get(start..end).ok_or_else(|| io::Error::other("an answer cut short"))
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.answer.len() > MAX_ANSWER {
            return Err(io::Error::other("an answer that is too long"));
        }
        match self.stream.read_buf(&mut self.answer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

/// The length that an HTTP answer's head names.
fn content_length(head: &[u8]) -> io::Result<usize> {
    let head = head.to_ascii_lowercase();
    let value = find(&head, CONTENT_LENGTH).and_then(|place| head.get(place + CONTENT_LENGTH.len()..));
    let line = value.and_then(|value| value.split(|byte| *byte == b'\r').next());
    let length = line.and_then(|line| std::str::from_utf8(line).ok()?.trim().parse().ok());
    length.ok_or_else(|| io::Error::other("an answer of unknown length"))
}

pub(in crate::bench) struct WebSocket {
    sender: soketto::Sender<Compat<TcpStream>>,
    receiver: soketto::Receiver<Compat<TcpStream>>,
    answer: Vec<u8>,
}

impl WebSocket {
    async fn open(stream: TcpStream, address: SocketAddr) -> io::Result<WebSocket> {
        let host = address.to_string();
        let mut handshake = Handshake::new(stream.compat(), &host, "/ws");
        match handshake.handshake().await.map_err(io::Error::other)? {
            ServerResponse::Accepted { .. } => {}
            refused => return Err(io::Error::other(format!("{refused:?}"))),
        }
        let (sender, receiver) = handshake.into_builder().finish();
        Ok(WebSocket { sender, receiver, answer: Vec::new() })
    }

    async fn call(&mut self, body: &[u8]) -> io::Result<&[u8]> {
        let text = std::str::from_utf8(body).map_err(io::Error::other)?;
        self.sender.send_text(text).await.map_err(io::Error::other)?;
        self.sender.flush().await.map_err(io::Error::other)?;
        self.answer.clear();
        self.receiver.receive_data(&mut self.answer).await.map_err(io::Error::other)?;
        Ok(&self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_an_answer_is_read_whatever_its_case() {
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y").unwrap(), 12);
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\ncontent-length:7").unwrap(), 7);
        assert!(content_length(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked").is_err());
    }
}
