//! A WebSocket by hand, which reads only when told to.

use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The connection.
pub struct Socket(TcpStream);

impl Socket {
    /// Connects and upgrades. The kernel keeps little of what is not read.
    pub async fn connect(address: SocketAddr) -> Socket {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut socket = socket.connect(address).await.unwrap();
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(socket.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
        Socket(socket)
    }

    /// Sends a request, masked by zeros.
    pub async fn send(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let request =
            json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params}).to_string();
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend_from_slice(&u16::try_from(request.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(request.as_bytes());
        self.0.write_all(&frame).await.unwrap();
    }

    /// Returns once the other side has ended the connection, without reading anything.
    pub async fn is_cut(&mut self) {
        const PONG: [u8; 6] = [0x8A, 0x80, 0, 0, 0, 0];
        while self.0.write_all(&PONG).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// The next text; none if the connection ends.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let kind = self.0.read_u8().await.ok()? & 0x0F;
            let length = match self.0.read_u8().await.ok()? {
                126 => usize::from(self.0.read_u16().await.ok()?),
                127 => usize::try_from(self.0.read_u64().await.ok()?).unwrap(),
                short => usize::from(short),
            };
            let mut text = vec![0; length];
            self.0.read_exact(&mut text).await.ok()?;
            match kind {
                1 => return Some(serde_json::from_slice(&text).unwrap()),
                8 => return None,
                _ => {}
            }
        }
    }

    /// The answer to a request that must succeed.
    pub async fn result(&mut self, id: u64) -> Value {
        let mut answer = self.next().await.unwrap();
        assert_eq!((&answer["id"], &answer["error"]), (&json!(id), &Value::Null), "{answer}");
        answer["result"].take()
    }
}
