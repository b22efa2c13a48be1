//! Recordings in a real S3 API: one that works, and ones that are away, slow, refuse, or are full.

use crate::support::{client, until};
use backend::metrics::{Deletion, Metrics};
use backend::recording::{
    ActiveRecording, Bucket, Happening, Meta, PART_BYTES, RecordingSettings, Recordings, RecordingsPlace, Replay,
    ReplayError, pieces,
};
use futures_util::TryStreamExt;
use shared_protocol::{Epoch, SessionId};
use std::sync::Arc;
use test_servers::{Moto, TcpProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

const START: u64 = 1_800_000_000_000;

fn id() -> SessionId {
    SessionId::new("lab-7").unwrap()
}

/// The recordings in a bucket of this API.
fn bucket(endpoint: String, name: &str) -> (Arc<Recordings>, Arc<Metrics>) {
    let bucket = Bucket {
        bucket: name.into(),
        folder: "of/termgate".into(),
        endpoint: Some(endpoint),
        region: "eu-central-1".into(),
        access_key: "key".into(),
        secret_key: "secret".into(),
    };
    let settings = RecordingSettings { place: RecordingsPlace::Bucket(bucket), ..RecordingSettings::default() };
    let metrics = Metrics::new(0);
    (Arc::new(Recordings::open(settings, Arc::clone(&metrics)).unwrap()), metrics)
}

/// An S3 API with the bucket `recordings`, behind a proxy.
async fn s3() -> (Moto, TcpProxy, Arc<Recordings>, Arc<Metrics>) {
    let moto = Moto::start().await;
    let made = client()
        .put(format!("{}/recordings", moto.url()))
        .header("authorization", "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request");
    assert!(made.send().await.unwrap().status().is_success());
    let proxy = TcpProxy::start(moto.url().trim_start_matches("http://").parse().unwrap()).await;
    let (recordings, metrics) = bucket(format!("http://{}", proxy.address()), "recordings");
    (moto, proxy, recordings, metrics)
}

async fn begin(recordings: &Recordings) -> Result<ActiveRecording, String> {
    let meta = Meta { session: id(), sub: "ada".into(), grp: None, started: START, cols: 80, rows: 24 };
    recordings.begin(meta, 17, Epoch(1), START).await.map_err(|error| error.0)
}

async fn read(recordings: &Arc<Recordings>) -> String {
    let found = Replay::find(recordings, &id(), None, |meta| meta.sub == "ada").await.unwrap();
    let bytes: Vec<_> = found.stream(Arc::clone(recordings)).try_collect().await.unwrap();
    String::from_utf8(bytes.concat()).unwrap()
}

/// Prints so many bytes, as soon as there is room for each.
async fn print(recording: &ActiveRecording, count: usize) {
    for piece in pieces(&vec![b'x'; count]) {
        until("room", async || recording.buffer.push(0, Happening::Output(piece.to_vec()))).await;
    }
}

#[tokio::test]
async fn a_bucket_takes_a_recording_and_gives_it_back() {
    let (_moto, _proxy, recordings, metrics) = s3().await;
    let recording = begin(&recordings).await.unwrap();
    print(&recording, 600_000).await;
    recording.buffer.push(5, Happening::Exit(0));
    recording.finish().await;
    assert!(metrics.recordings.parts.get() >= 2);
    let text = read(&recordings).await;
    assert_eq!(text.matches('x').count(), 600_000 + "xterm".matches('x').count() + 1);
    assert!(text.ends_with("[0.005, \"x\", \"0\"]\n"));
    // The same again goes on with it, and begins no other.
    let again = begin(&recordings).await.unwrap();
    again.finish().await;
}

#[tokio::test]
async fn a_bucket_that_is_away_gets_the_part_when_it_is_back() {
    let (_moto, proxy, recordings, metrics) = s3().await;
    let recording = begin(&recordings).await.unwrap();
    proxy.cut().await;
    print(&recording, PART_BYTES + 1000).await;
    until("a failure", async || metrics.recordings.failures.get() > 0).await;
    assert!(recording.buffer.push(1, Happening::Output(b"meanwhile".to_vec())), "the buffer takes more");
    proxy.restore().await;
    until("the part", async || metrics.recordings.parts.get() == 1).await;
    recording.finish().await;
    assert!(read(&recordings).await.contains("meanwhile"));
}

#[tokio::test]
async fn a_bucket_loses_a_recording_whole_or_keeps_whose_it_was() {
    let (_moto, proxy, recordings, metrics) = s3().await;
    let recording = begin(&recordings).await.unwrap();
    print(&recording, 600_000).await;
    recording.finish().await;
    let found = async || Replay::find(&recordings, &id(), None, |meta| meta.sub == "ada").await;
    let replay = found().await.unwrap();
    proxy.cut().await;
    replay.delete(&recordings).await.unwrap_err();
    proxy.restore().await;
    found().await.unwrap().delete(&recordings).await.unwrap();
    assert!(matches!(found().await, Err(ReplayError::NotFound)));
    assert_eq!(metrics.recordings.deleted.of(Deletion::Asked).get(), 1);
    assert!(!begin(&recordings).await.unwrap().buffer.is_full(), "its parts are gone, too");
}

#[tokio::test]
async fn no_recording_begins_without_a_bucket_and_the_wait_is_short() {
    let (moto, proxy, recordings, _) = s3().await;
    let (missing, _) = bucket(moto.url(), "another");
    begin(&missing).await.unwrap_err();
    let full = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (refusing, _) = bucket(format!("http://{}", full.local_addr().unwrap()), "recordings");
    let serve = async {
        loop {
            let (mut socket, _) = full.accept().await.unwrap();
            // One read has the whole request, which is short.
            let _ = socket.read(&mut [0; 8192]).await.unwrap();
            let answer = b"HTTP/1.1 507 Insufficient Storage\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            socket.write_all(answer).await.unwrap();
        }
    };
    tokio::select! {
        begun = begin(&refusing) => assert!(begun.is_err()),
        () = serve => {}
    }
    for fault in ["cut", "stall"] {
        match fault {
            "cut" => proxy.cut().await,
            _ => proxy.stall().await,
        }
        let since = Instant::now();
        let error = begin(&recordings).await.unwrap_err();
        assert!(since.elapsed().as_secs() < 5, "{fault}");
        assert!(!error.contains("secret"), "{error}");
        proxy.restore().await;
    }
    begin(&recordings).await.unwrap();
}
