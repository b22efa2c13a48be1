//! The terminal service as deployed: one process, or several behind a load balancer that share Redis. Tests end instances by
//! signals, and inject faults between instances and Redis.

use crate::binaries::binary;
use futures_util::future::join_all;
use rustix::process::Signal;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;
use tempfile::TempDir;
use test_servers::{LoadBalancer, Process, RedisServer, TcpProxy, until, zombies_of};
use tokio::process::Command;

/// Longest time until the service reaps an exited child.
const REAP_TIMEOUT: Duration = Duration::from_secs(5);

/// `METRICS_TOKEN` of the instances.
pub const METRICS_TOKEN: &str = "a token for the metrics of these tests";
pub(crate) const JWT_SECRET: &str = "the secret of user tokens in whole-stack tests";
pub(crate) const GATEWAY_SECRET: &str = "the secret of gateway and service in these tests";

struct Shared {
    redis: RedisServer,
    proxy: TcpProxy,
    balancer: LoadBalancer,
}

/// A running instance.
struct Instance {
    process: Process,
    /// Address on which it listens.
    address: SocketAddr,
    _folder: TempDir,
}

/// One or more instances.
pub struct Backend {
    instances: Vec<Option<Instance>>,
    shared: Option<Shared>,
    log: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// Home of the shells: empty, so that no user's settings affect a test.
    home: TempDir,
}

impl Backend {
    /// Starts the instances; more than one share Redis.
    pub(crate) async fn start(
        instances: usize,
        log: &'static str,
        variables: &'static [(&'static str, &'static str)],
    ) -> Self {
        let home = TempDir::new().expect("a temporary folder");
        let shared = if instances > 1 {
            let redis = RedisServer::start().await;
            let proxy = TcpProxy::start(redis.address()).await;
            Some(Shared { redis, proxy, balancer: LoadBalancer::start(&[]).await })
        } else {
            None
        };
        let mut backend = Self { instances: Vec::new(), shared, log, variables, home };
        for _ in 0..instances {
            backend.add().await;
        }
        backend
    }

    /// Starts another instance, and waits until the load balancer uses it. Returns its number.
    pub async fn add(&mut self) -> usize {
        let mut command = Command::new(binary("termgate"));
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home.path())
            // Without a uid of their own, shells can write files that the test reads.
            .env("SESSION_UIDS", "none")
            .env("USER", "student")
            .env("HOST", "127.0.0.1")
            .env("PORT", "0")
            .env("JWT_SECRET", JWT_SECRET)
            .env("GATEWAY_SECRET", GATEWAY_SECRET)
            .env("METRICS_TOKEN", METRICS_TOKEN)
            .env("LOG_FORMAT", "json")
            .env("RUST_LOG", self.log);
        if let Some(shared) = &self.shared {
            command.env("REDIS_URL", shared.redis.url_through(shared.proxy.address())).env("ADVERTISE_URL", "auto");
        }
        command.envs(self.variables.iter().copied());
        let folder = TempDir::new().expect("a temporary folder");
        let mut process = Process::start("the service", command, folder.path(), "build it");
        let address = process.listening(r#""address":""#).await;
        self.instances.push(Some(Instance { process, address, _folder: folder }));
        if let Some(shared) = &self.shared {
            shared.balancer.add(address).await;
            shared.balancer.wait_healthy(self.running().count()).await;
        }
        self.instances.len() - 1
    }

    fn running(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().flatten()
    }

    pub fn url(&self) -> String {
        let balancer = self.shared.as_ref().map(|shared| shared.balancer.address());
        format!("http://{}", balancer.unwrap_or_else(|| self.address(0)))
    }

    pub fn address(&self, instance: usize) -> SocketAddr {
        self.instance(instance).address
    }

    pub fn id(&self, instance: usize) -> u32 {
        self.instance(instance).process.id()
    }

    pub fn log(&self, instance: usize) -> String {
        self.instance(instance).process.log()
    }

    fn instance(&self, instance: usize) -> &Instance {
        self.instances[instance].as_ref().expect("the instance runs")
    }

    pub fn signal(&self, instance: usize, signal: Signal) {
        self.instance(instance).process.signal(signal);
    }

    pub fn signal_all(&self, signal: Signal) {
        self.running().for_each(|instance| instance.process.signal(signal));
    }

    /// Kills an instance (`SIGKILL`); the load balancer notices by its health check.
    pub async fn kill(&mut self, instance: usize) {
        self.instances[instance].take().expect("the instance runs").process.kill().await;
    }

    /// Stops an instance (`SIGTERM`), as a deployment does. Returns its exit status.
    pub async fn replace(&mut self, instance: usize) -> ExitStatus {
        let Instance { process, address, .. } = self.instances[instance].take().expect("the instance runs");
        let status = process.stop().await;
        if let Some(shared) = &self.shared {
            shared.balancer.remove(address).await;
        }
        status
    }

    /// The proxy between the instances and Redis.
    pub fn redis_proxy(&self) -> &TcpProxy {
        &self.shared().proxy
    }

    pub fn redis(&mut self) -> &mut RedisServer {
        &mut self.shared.as_mut().expect("several instances").redis
    }

    pub fn balancer(&self) -> &LoadBalancer {
        &self.shared().balancer
    }

    fn shared(&self) -> &Shared {
        self.shared.as_ref().expect("several instances")
    }

    /// Stops all instances. Panics if one leaves a zombie or fails.
    pub(crate) async fn stop(self) {
        for instance in self.running() {
            let reaped = async || zombies_of(instance.process.id()).is_empty();
            until("reaping the zombies", REAP_TIMEOUT, reaped).await;
        }
        let ended = self.instances.into_iter().flatten().map(|instance| instance.process.stop());
        for status in join_all(ended).await {
            assert!(status.success(), "the service ended with {status}");
        }
    }
}
