//! A reserved loopback port: a server that is killed and restarted comes back at the same address.

use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

const BACKLOG: u32 = 1024;

/// A reserved port. Its socket is bound and never listens: Linux does not assign the port to others, refuses connections to
/// it, and lets one listener with `SO_REUSEADDR` (Redis, haproxy, nginx and Caddy set it) bind it by number.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _reserved: TcpSocket,
}

impl Port {
    pub fn reserve() -> Self {
        let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { address: socket.local_addr().expect("a bound socket has an address"), _reserved: socket }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on the port. The previous listener must be closed.
    pub(crate) fn listen(&self) -> TcpListener {
        bind(self.address).listen(BACKLOG).expect("the port is reserved for this listener")
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be created");
    socket.set_reuseaddr(true).expect("SO_REUSEADDR can be set");
    socket.bind(address).expect("the loopback address can be bound");
    socket
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn refuses_connections_unless_listening() {
        let port = Port::reserve();
        let refused = async || TcpStream::connect(port.address()).await.map(drop).unwrap_err().kind();
        assert_eq!(refused().await, ErrorKind::ConnectionRefused);
        for _ in 0..3 {
            let listener = port.listen();
            TcpStream::connect(port.address()).await.unwrap();
            drop(listener);
            assert_eq!(refused().await, ErrorKind::ConnectionRefused);
        }
    }

    #[tokio::test]
    async fn reserved_ports_are_distinct() {
        let ports: Vec<Port> = (0..200).map(|_| Port::reserve()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(|port| port.address().port()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ports.len());
    }
}
