//! Length-prefixed bytes: the frames of a validator link, and the request-response codec. Every length a peer
//! claims is checked against its bound before a byte of it is read, and memory grows only as bytes arrive.

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::StreamProtocol;
use libp2p::request_response;
use std::io;

/// The most bytes of one frame on a validator link.
pub const MAX_FRAME_BYTES: usize = 4 << 20;
/// The most bytes of a request.
pub const MAX_REQUEST_BYTES: usize = 320 << 10;
/// The most bytes of a response.
pub const MAX_RESPONSE_BYTES: usize = 8 << 20;
/// The length that stands before every frame, request and response: a little-endian `u32`.
pub(crate) const LENGTH_BYTES: usize = 4;

/// Memory set aside for a frame before any of it has arrived, in bytes.
const INITIAL_CAPACITY: usize = 16 << 10;

/// The prefix of a message of `length` bytes; an error above `bound`.
pub(crate) fn length_prefix(length: usize, bound: usize) -> io::Result<[u8; LENGTH_BYTES]> {
    match u32::try_from(length) {
        Ok(prefix) if length <= bound => Ok(prefix.to_le_bytes()),
        _ => Err(too_large(length, bound)),
    }
}

/// Reads one message of at most `bound` bytes. [`io::ErrorKind::InvalidData`] means that the peer claimed more.
pub(crate) async fn read_message<T>(io: &mut T, bound: usize) -> io::Result<Vec<u8>>
where
    T: AsyncRead + Unpin + Send,
{
    let mut prefix = [0; LENGTH_BYTES];
    io.read_exact(&mut prefix).await?;
    let length = usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(usize::MAX);
    if length > bound {
        return Err(too_large(length, bound));
    }
    let mut bytes = Vec::with_capacity(length.min(INITIAL_CAPACITY));
    io.take(u64::from(u32::from_le_bytes(prefix))).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

async fn write_message<T>(io: &mut T, bytes: &[u8], bound: usize) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    io.write_all(&length_prefix(bytes.len(), bound)?).await?;
    io.write_all(bytes).await
}

fn too_large(length: usize, bound: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a message of {length} bytes, at most {bound} are allowed"),
    )
}

/// Requests and responses as plain bytes.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct BytesCodec;

impl request_response::Codec for BytesCodec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_message(io, MAX_REQUEST_BYTES).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_message(io, MAX_RESPONSE_BYTES).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_message(io, &request, MAX_REQUEST_BYTES).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, response: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_message(io, &response, MAX_RESPONSE_BYTES).await
    }
}

#[cfg(test)]
mod tests;
