//! The gateway of a stack: in this process, or the real binary, so that what it costs can be told from its clients.

use crate::binaries::binary;
use dev_gateway::{Running, Usage};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tempfile::TempDir;
use test_servers::Process;
use tokio::process::Command;

pub(crate) enum Gateway {
    InProcess(Running),
    Own {
        process: Process,
        /// Address on which it listens.
        address: SocketAddr,
        _folder: TempDir,
    },
}

impl Gateway {
    /// Starts the binary with the real function, whose variables these are.
    pub(crate) async fn start(variables: &BTreeMap<String, String>, backend_url: &str) -> Self {
        let mut command = Command::new(binary("dev-gateway"));
        command.args(["--listen", "127.0.0.1:0", "--invoke", "runtime-api", "--backend-url", backend_url]);
        command.arg("--bootstrap").arg(binary("bootstrap")).env_clear().envs(variables);
        let folder = TempDir::new().expect("a temporary folder");
        let mut process = Process::start("the gateway", command, folder.path(), "build it");
        let address = process.listening("the API is ws://").await;
        Self::Own { process, address, _folder: folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::InProcess(running) => running.addr(),
            Self::Own { address, .. } => *address,
        }
    }

    /// Its process, if that is not this one.
    pub(crate) fn id(&self) -> Option<u32> {
        match self {
            Self::InProcess(_) => None,
            Self::Own { process, .. } => Some(process.id()),
        }
    }

    /// # Panics
    /// For a gateway in a process of its own.
    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::InProcess(running) => running.usage(),
            Self::Own { .. } => panic!("a gateway in this process counts its usage"),
        }
    }

    pub(crate) async fn stop(self) {
        match self {
            Self::InProcess(running) => running.shutdown().await,
            Self::Own { process, .. } => {
                let status = process.stop().await;
                assert!(status.success(), "the gateway ended with {status}");
            }
        }
    }
}
