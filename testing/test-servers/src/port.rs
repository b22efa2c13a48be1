//! A loopback port that stays one's own while nobody listens on it: what is killed and started again comes back where it was.

use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// The port. Its socket is bound and never listens: Linux gives the port to nobody who asks for any free one, refuses
/// connections to it, and lets one listener that sets `SO_REUSEADDR`, as Redis does, bind it by its number.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Port {
    /// Takes a free one.
    pub(crate) fn take() -> Self {
        let socket = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { address: socket.local_addr().expect("a bound socket has an address"), _held: socket }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on it. The listener before has to be gone.
    pub(crate) fn listen(&self) -> TcpListener {
        bound(self.address).listen(BACKLOG).expect("the port is kept for this listener")
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.set_reuseaddr(true).expect("a socket takes its options");
    socket.bind(address).expect("the loopback address can be bound");
    socket
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_port_refuses_listens_and_refuses_again() {
        let port = Port::take();
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
    async fn nobody_else_gets_it() {
        let ports: Vec<Port> = (0..200).map(|_| Port::take()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(|port| port.address().port()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ports.len());
    }
}
