//! An S3 API that takes descriptions of recordings, and hangs at each part: with as little memory of its own as can be.

use backend::recording::{Bucket, RecordingsPlace};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of a request that are read at once.
const READ_BYTES: usize = 1024;

/// The API. It ends with its runtime.
pub(crate) struct StuckBucket {
    address: SocketAddr,
    /// True once a part came.
    part: Arc<AtomicBool>,
}

impl StuckBucket {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, part) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&part);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen)));
            }
        });
        Self { address, part }
    }

    pub(crate) fn place(&self) -> RecordingsPlace {
        RecordingsPlace::Bucket(Bucket {
            bucket: "recordings".into(),
            folder: String::new(),
            endpoint: Some(format!("http://{}", self.address)),
            region: "eu-central-1".into(),
            access_key: "key".into(),
            secret_key: "secret".into(),
        })
    }

    /// True once a part came.
    pub(crate) fn has_part(&self) -> bool {
        self.part.load(Ordering::Relaxed)
    }
}

async fn serve(stream: TcpStream, part: Arc<AtomicBool>) {
    let mut stream = BufReader::with_capacity(READ_BYTES, stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|count| count > 0) {
        let is_description = line.contains("/meta.json ");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            let header = line.to_ascii_lowercase();
            length = header.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
        }
        if !is_description {
            part.store(true, Ordering::Relaxed);
            return std::future::pending().await;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        line.clear();
    }
}
