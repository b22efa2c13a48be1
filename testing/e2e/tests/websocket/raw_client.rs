//! A WebSocket client that sends exactly the bytes it is given, and reads frames as they come. Separate from libraries' clients,
//! which cannot break the protocol.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for anything.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;
/// Added to the opcode of the last frame of a message.
pub(crate) const FIN: u8 = 0x80;

/// Mask of every frame. Any will do.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A frame: its first byte, and its payload masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len(), 0x80);
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A frame that a client must not send.
pub(crate) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    [header(first, payload.len(), 0), payload.to_vec()].concat()
}

fn header(first: u8, length: usize, mask: u8) -> Vec<u8> {
    match length {
        0..126 => vec![first, mask | length as u8],
        126..65536 => [&[first, mask | 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, mask | 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

/// An event from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Frame(u8, Vec<u8>),
    /// The server has closed the TCP connection in order.
    End,
}

pub(crate) struct RawClient {
    tcp: TcpStream,
    unread: Vec<u8>,
}

impl RawClient {
    /// Sends a handshake, and returns the first line of the answer.
    pub(crate) async fn handshake(address: SocketAddr, request: &str) -> (Self, String) {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(TIMEOUT, tcp.read_u8()).await.expect("an answer").expect("an answer");
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        (Self { tcp, unread: Vec::new() }, head.lines().next().unwrap_or_default().to_owned())
    }

    /// Opens a WebSocket.
    pub(crate) async fn open(address: SocketAddr, target: &str) -> Self {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let (client, status) = Self::handshake(address, &request).await;
        assert!(status.starts_with("HTTP/1.1 101"), "{status}");
        client
    }

    /// Sends bytes in pieces of this many.
    pub(crate) async fn send(&mut self, bytes: &[u8], piece: usize) {
        for piece in bytes.chunks(piece) {
            // Fails once the server has closed, which the caller reads.
            if self.tcp.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The next frame, or the end.
    pub(crate) async fn receive(&mut self) -> Result<Received, String> {
        loop {
            if let Some((received, length)) = parse(&self.unread)? {
                self.unread.drain(..length);
                if matches!(received, Received::Frame(first, _) if first == FIN | PING) {
                    // The server looks whether this client is there.
                    continue;
                }
                return Ok(received);
            }
            let read = self.tcp.read_buf(&mut self.unread);
            match timeout(TIMEOUT, read).await {
                Err(_) => return Err("nothing came".to_owned()),
                Ok(Err(error)) => return Err(format!("the connection failed: {error}")),
                Ok(Ok(0)) if self.unread.is_empty() => return Ok(Received::End),
                Ok(Ok(0)) => return Err("the connection ended within a frame".to_owned()),
                Ok(Ok(_)) => {}
            }
        }
    }
}

/// The first frame of these bytes, if it is complete, and its length.
fn parse(bytes: &[u8]) -> Result<Option<(Received, usize)>, String> {
    let [first, length, rest @ ..] = bytes else { return Ok(None) };
    let (length, extended) = match (*length, rest) {
        (126, [high, low, ..]) => (usize::from(*high) << 8 | usize::from(*low), 2),
        (126, _) => return Ok(None),
        (0..126, _) => (usize::from(*length), 0),
        (length, _) => return Err(format!("a server's frame with length byte {length}")),
    };
    let (start, end) = (2 + extended, 2 + extended + length);
    let payload = bytes.get(start..end);
    Ok(payload.map(|payload| (Received::Frame(*first, payload.to_vec()), end)))
}
