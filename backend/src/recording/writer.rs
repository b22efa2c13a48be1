//! Writes one session's recording: takes what waits in the buffer, and puts each part into the store once it is full or due.

use super::buffer::{BUFFER_BYTES, Buffer, Happening, KEYS_BYTES};
use super::calls::Calls;
use super::cast::{Encoder, MAX_PART_BYTES, PART_BYTES};
use super::error::RecordingError;
use super::keys::RecordingKey;
use crate::metrics::Metrics;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use shared_protocol::SessionId;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Memory of one recording, in bytes, but for a screen behind a gap: its buffer and its part.
pub const RECORDING_BYTES: usize = BUFFER_BYTES + KEYS_BYTES + MAX_PART_BYTES;

const _: () = assert!(RECORDING_BYTES <= 128 * 1024);

/// Time after which a part is written that has not its size yet: what a killed instance loses.
pub const PART_TIME: Duration = Duration::from_secs(10);

/// Time that the store may take for a part, until it counts as failed.
const PUT_TIMEOUT: Duration = Duration::from_secs(20);

/// Time between two attempts to write a part.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Time for the last part, after the session's end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Marker where the recording ends before the session.
const FULL: &str = "The recording ends here: it has its largest size.";

/// A recording that is being written.
#[derive(Debug)]
pub struct ActiveRecording {
    /// Takes what happens.
    pub buffer: Arc<Buffer>,
    /// A moment of the recording...
    since: Instant,
    /// ... and its time, in ms since the recording's start.
    offset: u64,
    writer: AbortOnDropHandle<()>,
}

impl ActiveRecording {
    /// The clock of the recording.
    pub fn clock(&self) -> impl Fn(Instant) -> u64 + Send + Sync + use<> {
        let (since, offset) = (self.since, self.offset);
        move |now| offset + now.saturating_duration_since(since).as_millis() as u64
    }

    /// Waits until the last part is in the store, for some seconds. False if it is lost.
    pub async fn finish(self) -> bool {
        self.buffer.close();
        let is_whole = timeout(FLUSH_TIMEOUT, self.writer).await.is_ok();
        if !is_whole {
            tracing::warn!("the last part of a recording is lost: the store does not take it");
        }
        is_whole
    }
}

/// Starts the writer. `offset` is the time of `since`, in ms since the recording's start.
pub(super) fn start(writer: Writer, since: Instant, offset: u64) -> ActiveRecording {
    let buffer = Arc::clone(&writer.buffer);
    let writer = AbortOnDropHandle::new(tokio::spawn(writer.run()));
    ActiveRecording { buffer, since, offset, writer }
}

/// Writes one session's recording.
pub(super) struct Writer {
    pub objects: Arc<dyn ObjectStore>,
    pub calls: Calls,
    pub key: RecordingKey,
    pub buffer: Arc<Buffer>,
    pub encoder: Encoder,
    /// Bytes until the recording has its largest size.
    pub room: u64,
    pub session: SessionId,
    pub metrics: Arc<Metrics>,
}

impl Writer {
    async fn run(mut self) {
        let mut due = None;
        loop {
            let is_over = tokio::select! {
                entry = self.buffer.take() => match entry {
                    Some((at, happening)) => {
                        if self.encoder.is_full_for(happening.text_bytes()) {
                            self.put().await;
                        }
                        self.encode(at, happening);
                        if self.encoder.len() >= PART_BYTES {
                            self.put().await;
                        }
                        false
                    }
                    None => true,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.put().await;
                    false
                }
            };
            if is_over {
                return self.put().await;
            }
            due = (!self.encoder.is_empty()).then(|| due.unwrap_or_else(|| Instant::now() + PART_TIME));
        }
    }

    fn encode(&mut self, at: u64, happening: Happening) {
        let is_exit = matches!(happening, Happening::Exit(_));
        if self.buffer.is_full() && !is_exit {
            return;
        }
        let before = self.encoder.len();
        match happening {
            Happening::Output(bytes) => self.encoder.output(at, &bytes),
            Happening::Input(bytes) => self.encoder.input(at, &bytes),
            Happening::Resize { cols, rows } => self.encoder.resize(at, cols, rows),
            Happening::Marker(text) => self.encoder.marker(at, &text),
            Happening::Exit(code) => self.encoder.exit(at, code),
        }
        self.buffer.set_part(self.encoder.held());
        self.room = self.room.saturating_sub((self.encoder.len() - before) as u64);
        if self.room == 0 && !self.buffer.is_full() {
            self.encoder.marker(at, FULL);
            self.buffer.set_full();
        }
    }

    /// Writes the part, again and again until the store takes it. Meanwhile the buffer fills.
    async fn put(&mut self) {
        if self.encoder.is_empty() {
            return;
        }
        let (part, lines) = self.encoder.take_part();
        let (path, lines) = (self.key.part(&part), PutPayload::from(lines));
        let mut failures = 0_u32;
        let mut attempt = pin!(self.attempt(&path, &lines));
        loop {
            let error = match timeout(PUT_TIMEOUT, attempt.as_mut()).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => None,
            };
            failures += 1;
            if failures == 1 {
                let error = error.as_deref().unwrap_or("it does not answer");
                tracing::error!(session = %self.session, error, "the store of recordings takes no part; trying again");
            }
            self.metrics.recordings.failures.inc();
            // One that has not returned goes on: it may hold a thread, and a second one would hold another.
            if error.is_some() {
                sleep(RETRY_INTERVAL).await;
                attempt.set(self.attempt(&path, &lines));
            }
        }
        drop(lines);
        self.buffer.set_part(0);
        self.metrics.recordings.parts.inc();
    }

    fn attempt(
        &self,
        path: &Path,
        lines: &PutPayload,
    ) -> impl Future<Output = Result<(), RecordingError>> + Send + use<> {
        let (objects, calls, path, lines) =
            (Arc::clone(&self.objects), self.calls.clone(), path.clone(), lines.clone());
        async move { calls.make(async move { objects.put(&path, lines).await.map(drop) }).await }
    }
}
