//! Finds the address of this instance for other instances: the one from which this machine reaches the store.

use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;

/// The URL of this instance, from the store's URL and the address that this instance listens on. Sends no packet.
pub async fn find(store: &str, listening: SocketAddr) -> io::Result<String> {
    let unusable = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
    let uri: http::Uri = store.parse().map_err(|_| unusable("REDIS_URL is not a URL"))?;
    let host = uri.host().ok_or_else(|| unusable("REDIS_URL names no host"))?;
    // Connecting a UDP socket makes the kernel choose the route, and with it the source address.
    let any = if host.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(6379))).await?;
    let source = socket.local_addr()?.ip();
    let reachable = match listening.ip() {
        ip if ip.is_unspecified() => source,
        ip => ip,
    };
    Ok(match reachable {
        IpAddr::V4(ip) => format!("http://{ip}:{}", listening.port()),
        IpAddr::V6(ip) => format!("http://[{ip}]:{}", listening.port()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_route_to_the_store_decides() {
        let everywhere = "0.0.0.0:3001".parse().unwrap();
        assert_eq!(find("redis://:secret@127.0.0.1:6379/0", everywhere).await.unwrap(), "http://127.0.0.1:3001");
        let one = "127.0.0.2:81".parse().unwrap();
        assert_eq!(find("rediss://127.0.0.1", one).await.unwrap(), "http://127.0.0.2:81");
        assert!(find("nonsense", everywhere).await.is_err());
    }
}
