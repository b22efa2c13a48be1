//! The helper process of a transfer, as the service sees it: two pipes, and a guard. It belongs to the session's user, who may
//! stop or trace it, so nothing that it says is believed but about that user's own files, and each of its words has a bounded
//! length.

use super::reaper::TrackedChild;
use super::sys::readiness;
use crate::files::{CHUNK_BYTES, FileRefusal, FileTask, Head, MAX_HEAD_BYTES};
use bytes::Bytes;
use parking_lot::Mutex;
use rustix::fd::OwnedFd;
use rustix::process::{PidfdFlags, pidfd_open};
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The service's own binary, even after its file was replaced.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

/// Time that a helper has to remove its incomplete file once its transfer is over; then it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// Reason why a transfer did not begin, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The session's terminal has no files.
    #[error("this session has no files")]
    Unsupported,
    /// The session ends.
    #[error("the session has ended")]
    Ended,
    /// The session's user may not, or cannot.
    #[error(transparent)]
    Refused(#[from] FileRefusal),
    /// The helper was killed, or it or the machine has a fault.
    #[error("the transfer broke off: {0}")]
    Failed(#[from] io::Error),
}

/// The helpers of one session.
#[derive(Debug, Default)]
pub(crate) struct FileHelpers {
    /// Cancelled once the session ends. Locked while a helper starts, so that none is missed.
    ended: Mutex<CancellationToken>,
    /// The keepers of all helpers.
    running: TaskTracker,
}

impl FileHelpers {
    /// Starts a helper, which does the task. Call it within the runtime.
    pub(crate) fn start(&self, mut command: Command) -> Result<StartedHelper, FileError> {
        let ended = self.ended.lock();
        if ended.is_cancelled() {
            return Err(FileError::Ended);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let (mut child, tracked) = TrackedChild::spawn(|| {
            let child = command.spawn()?;
            let id = child.id();
            Ok((child, Some(id)))
        })?;
        let pidfd = pidfd_open(tracked.pid(), PidfdFlags::empty()).inspect_err(|_| {
            let _ = child.kill();
        });
        let pidfd = pidfd.map_err(io::Error::from)?;
        let (stdin, stdout) = (child.stdin.take().map(OwnedFd::from), child.stdout.take().map(OwnedFd::from));
        let (guard, dropped) = oneshot::channel();
        self.running.spawn(keep(child, tracked, pidfd, ended.clone(), dropped));
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else { return Err(FileError::Ended) };
        Ok(StartedHelper { stdin, stdout, ended: ended.clone(), guard })
    }

    /// Ends all helpers, and lets no other begin.
    pub(crate) fn end(&self) {
        self.ended.lock().cancel();
        self.running.close();
    }

    /// Waits until all helpers are gone. Call it after [`Self::end`].
    pub(crate) async fn gone(&self) {
        self.running.wait().await;
    }
}

/// Waits for the end of a helper, which follows that of its transfer.
async fn keep(
    mut child: Child,
    tracked: TrackedChild,
    pidfd: OwnedFd,
    ended: CancellationToken,
    dropped: oneshot::Receiver<()>,
) {
    let pidfd = readiness(pidfd, Interest::READABLE);
    let over = async {
        tokio::select! {
            () = ended.cancelled() => {}
            _ = dropped => {}
        }
    };
    if let Ok(pidfd) = &pidfd {
        let end = async { drop(pidfd.readable().await) };
        tokio::select! {
            () = end => {}
            () = over => {
                // Its pipes are closed by then.
                let _ = timeout(END_TIMEOUT, pidfd.readable()).await;
            }
        }
    }
    // Fails if it has ended.
    let _ = child.kill();
    if let Ok(pidfd) = &pidfd {
        let _ = timeout(END_TIMEOUT, pidfd.readable()).await;
    }
    // One that the kernel cannot end yet becomes the reaper's.
    let _ = child.try_wait();
    drop(tracked);
}

/// A helper that has no task yet.
#[derive(Debug)]
pub struct StartedHelper {
    stdin: OwnedFd,
    stdout: OwnedFd,
    ended: CancellationToken,
    guard: oneshot::Sender<()>,
}

impl StartedHelper {
    /// Gives the helper its task. Call it within the runtime.
    pub(crate) async fn with_task(self, task: &FileTask) -> Result<FileHelper, FileError> {
        let Self { stdin, stdout, ended, guard } = self;
        let (to, from) = (pipe::Sender::from_owned_fd(stdin)?, pipe::Receiver::from_owned_fd(stdout)?);
        let mut helper = FileHelper { to: Some(to), from, ended, _guard: guard };
        helper.write(&serde_json::to_vec(task).map_err(io::Error::from)?).await?;
        Ok(helper)
    }
}

/// A helper at work. Dropping it cuts the transfer off.
#[derive(Debug)]
pub(crate) struct FileHelper {
    /// `None` once nothing more is written.
    to: Option<pipe::Sender>,
    from: pipe::Receiver,
    /// Cancelled once the session ends.
    ended: CancellationToken,
    /// Tells the helper's keeper that the transfer is over.
    _guard: oneshot::Sender<()>,
}

impl FileHelper {
    /// The next answer, unless it is a refusal.
    pub(crate) async fn head(&mut self) -> Result<Head, FileError> {
        let answer = self.read(MAX_HEAD_BYTES).await?;
        match serde_json::from_slice(&answer).map_err(io::Error::from)? {
            Head::Refused(refusal) => Err(refusal.into()),
            head => Ok(head),
        }
    }

    /// The next bytes of a file; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Bytes, FileError> {
        self.read(CHUNK_BYTES).await
    }

    /// Hands over bytes of a new file. Fails with the helper's refusal, if it has one.
    pub(crate) async fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            if let Err(error) = self.write(chunk).await {
                return Err(match self.head().await {
                    Err(refusal @ FileError::Refused(_)) => refusal,
                    _ => error,
                });
            }
        }
        Ok(())
    }

    /// Ends a new file, whose SHA-256 should be this one, in hex digits.
    pub(crate) async fn finish(&mut self, sha256: Option<&str>) -> Result<Head, FileError> {
        let written = async {
            self.write(b"").await?;
            self.write(sha256.unwrap_or_default().as_bytes()).await
        };
        // One that has refused does not read it.
        let _ = written.await;
        self.head().await
    }

    async fn write(&mut self, chunk: &[u8]) -> Result<(), FileError> {
        let Some(to) = &mut self.to else { return Err(FileError::Ended) };
        let writing = async {
            to.write_all(&(chunk.len() as u32).to_le_bytes()).await?;
            to.write_all(chunk).await
        };
        let written = tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(FileError::Ended),
            written = writing => written.map_err(FileError::from),
        };
        if matches!(written, Err(FileError::Ended)) {
            // The helper removes its file when this ends.
            self.to = None;
        }
        written
    }

    async fn read(&mut self, most: usize) -> Result<Bytes, FileError> {
        let from = &mut self.from;
        let reading = async {
            let length = from.read_u32_le().await? as usize;
            if length > most {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            let mut chunk = vec![0; length];
            from.read_exact(&mut chunk).await?;
            Ok(Bytes::from(chunk))
        };
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(FileError::Ended),
            read = reading => Ok(read?),
        }
    }

    /// Completes once the session ends.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.ended.clone().cancelled_owned()
    }
}
