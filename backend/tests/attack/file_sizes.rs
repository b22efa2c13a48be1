//! Files as large as they may be, and one byte more: what is refused, before its bytes pass, and what the service holds of them
//! in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::files::{download, put};
use crate::harness::{Harness, says};
use crate::support::{read, until};
use futures_util::stream::{self, Stream, StreamExt};
use reqwest::Body;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Size of the largest file, in bytes: 256 MiB.
const MOST: u64 = 256 << 20;

/// Bytes that pass in either direction. A build for tests takes too long for the digest of more: a helper has 30 s for it.
const PART: u64 = 40 << 20;

/// Size of a piece, in bytes.
const PIECE: u64 = 1 << 20;

/// Most memory that a file of any size may take of this process, with the test's own client, in bytes: as that of a file of a few
/// MiB.
const MEMORY: u64 = 20 << 20;

/// Most bytes of a body that the service reads after a refusal, and those on their way.
const IGNORED: u64 = 64 << 20;

/// A body of this size, and the number of its bytes that were asked for.
fn zeros(bytes: u64) -> (Body, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let pieces = pieces(bytes).inspect(move |piece| {
        counter.fetch_add(piece.as_ref().map_or(0, |piece| piece.len() as u64), Ordering::Relaxed);
    });
    (Body::wrap_stream(pieces), asked)
}

fn pieces(bytes: u64) -> impl Stream<Item = Result<Vec<u8>, Infallible>> + Send {
    stream::iter((0..bytes.div_ceil(PIECE)).map(move |number| Ok(vec![0; PIECE.min(bytes - number * PIECE) as usize])))
}

/// The most memory that a process has held so far, in bytes.
fn peak(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_file_of_the_limit_begins_in_little_memory_and_one_byte_more_is_refused() {
    let harness = Harness::with(|settings| settings.disk = 2 << 30).await;
    let mut eve = harness.shell("eve").await;
    let service = &harness.service;
    let send = async |name, bytes: u64| {
        let (body, asked) = zeros(bytes);
        let request = put(service, "eve", &[("name", name)]).header("content-length", bytes).body(body);
        (request.send().await, asked)
    };
    assert_eq!(read(send("little", 4 * PIECE).await.0.unwrap()).await.0, 201);
    assert_eq!(download(service, "eve", "little").await.bytes().await.unwrap().len() as u64, 4 * PIECE);
    let before = peak("self");

    // A service that gathered it would hold all of `PART` by then.
    let begun = Body::wrap_stream(pieces(PART).chain(stream::pending()));
    let uploading = put(service, "eve", &[("name", "most")]).header("content-length", MOST).body(begun).send();
    let uploading = tokio::spawn(uploading);
    let arrived = format!("{PART}");
    until("its beginning", async || says(&mut eve, "stat -c %s .*.part").await == arrived).await;
    uploading.abort();
    until("its end", async || says(&mut eve, "ls -A | grep -c [.]part").await == "0").await;
    assert_eq!(
        says(&mut eve, &format!("truncate -s {PART} part; truncate -s {MOST} most; cp most more; echo >>more")).await,
        ""
    );
    let mut answer = download(service, "eve", "part").await;
    let mut taken = 0;
    while let Some(piece) = answer.chunk().await.unwrap() {
        taken += piece.len() as u64;
    }
    assert_eq!(taken, PART);
    let grown = peak("self") - before;
    assert!(grown < MEMORY, "{grown} bytes of memory for a file of {PART}");

    let (answer, asked) = send("more", MOST + 1).await;
    // A refusal may come before the client has read it: its connection is closed then.
    if let Ok(answer) = answer {
        let (status, refused) = read(answer).await;
        assert_eq!((status, &refused["code"]), (413, &json!("TOO_LARGE")));
        assert_eq!(refused["error"], format!("a file may have {MOST} bytes"));
    }
    assert!(asked.load(Ordering::Relaxed) < IGNORED, "{asked:?} bytes of it were read");
    assert_eq!(says(&mut eve, "mkdir d; mv most more d").await, "");
    for path in ["d/more", "d"] {
        let (status, refused) = read(download(service, "eve", path).await).await;
        assert_eq!((status, &refused["code"]), (413, &json!("TOO_LARGE")), "{path}: {refused}");
    }
    harness.service.stop().await;
}
