//! A DynamoDB API: moto's server from the tests' Python environment, without tables.

use crate::process::Process;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

/// A running moto. Killed on drop.
#[derive(Debug)]
pub struct Moto {
    // Dropped before the folder that contains its log.
    _process: Process,
    address: SocketAddr,
    _folder: TempDir,
}

impl Moto {
    /// Starts the server, and waits until it listens.
    ///
    /// # Panics
    /// When moto is not installed or does not start.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/moto_server"));
        command.args(["--host", "127.0.0.1", "--port", "0"]).env("PYTHONUNBUFFERED", "1");
        let install = "set up the Python environment first: make .venv/installed";
        let mut process = Process::start("moto", command, folder.path(), install);
        let address = process.listening("Running on http://").await;
        Self { _process: process, address, _folder: folder }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates a table from the JSON of `CreateTable`. Without the SDK, whose time limits end before moto has loaded its code
    /// for the first request.
    ///
    /// # Panics
    /// When moto refuses.
    pub async fn create_table(&self, region: &str, definition: &str) {
        let (address, length) = (self.address, definition.len());
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\
             content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.CreateTable\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/20260101/{region}/dynamodb/aws4_request\r\n\r\n{definition}"
        );
        let mut connection = TcpStream::connect(address).await.expect("moto listens");
        connection.write_all(request.as_bytes()).await.expect("moto reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.expect("moto answers");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
