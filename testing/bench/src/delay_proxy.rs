//! A server that is far away.

use std::net::SocketAddr;
use std::time::Duration;
use test_servers::TcpProxy;

/// A proxy in front of one server that adds latency in both directions. Closed on drop.
pub(crate) struct DelayProxy(TcpProxy);

impl DelayProxy {
    /// Starts a proxy in front of the server of this URL.
    pub(crate) async fn start(url: &str, round_trip: Duration) -> Self {
        let server: Vec<SocketAddr> = tokio::net::lookup_host(authority(url)).await.expect("a host and port").collect();
        let proxy = TcpProxy::start(server[0]).await;
        proxy.delay(round_trip / 2).await;
        Self(proxy)
    }

    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(authority(url), &self.0.address().to_string(), 1)
    }
}

fn authority(url: &str) -> &str {
    url.split('/').nth(2).expect("a URL with a host")
}
