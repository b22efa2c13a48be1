//! Transfers of files in messages of a terminal's connection, for pages that reach no service. A transfer belongs to a user and a
//! session and to no connection, so it goes on over the next one. Each is a task of its own, so
//! that the end of a request leaves no work half done.

mod download;
mod message;
mod step;
mod upload;

use super::error::HttpError;
use super::file_limits::{UPLOAD_TIMEOUT, cut, stalled};
use super::transfers::Transfer;
use crate::session::{SessionError, SessionFiles};
use crate::terminal::FileError;
use download::Downloading;
pub(super) use message::FileMessage;
use parking_lot::Mutex;
use shared_protocol::server::TransferFailed;
use shared_protocol::{ErrorCode, ServerMessage, SessionId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use step::Step;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use upload::Uploading;

/// Messages of a transfer that may wait: a page sends one at a time, and repeats it.
const MAILBOX: usize = 4;

/// Time without a message of its page, after which a transfer ends: a page that has lost its connection is back by then.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time for which the last answer of a transfer is kept. Repeats do not extend it: an ended transfer counts in no limit.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Time that a message waits for its answer: where an API hands over one message after the other, a key waits behind it. A page
/// repeats a message without one.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);

/// Names a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TransferKey {
    /// The session that has or gets the file.
    pub session: SessionId,
    /// The user of the token.
    pub user: String,
    /// Id that the page has given it.
    pub id: String,
}

/// The parts of a new transfer.
pub(super) struct Beginning {
    /// Its place among all that run.
    pub transfer: Transfer,
    /// The files of its session.
    pub files: SessionFiles,
    /// Name of a new file while it is incomplete.
    pub part: String,
}

/// A message with the place of its answer.
struct Asked {
    /// The message.
    message: FileMessage,
    /// Takes the answer, if the message's request is still there.
    answer: oneshot::Sender<ServerMessage>,
}

type Known = Arc<Mutex<HashMap<TransferKey, mpsc::Sender<Asked>>>>;

/// The transfers of this instance that run, or ended less than [`KEPT_FOR`] ago.
#[derive(Default)]
pub(super) struct MessagedTransfers {
    /// Their mailboxes.
    known: Known,
}

impl MessagedTransfers {
    /// Handles a message, which may begin a transfer. `None` if there is no answer yet.
    pub(super) async fn ask(
        &self,
        key: TransferKey,
        message: FileMessage,
        begin: impl FnOnce() -> Result<Beginning, HttpError>,
    ) -> Option<ServerMessage> {
        let id = key.id.clone();
        let sender = match self.sender(key, &message, begin) {
            Ok(sender) => sender,
            Err(error) => return Some(failed(&id, error)),
        };
        let (answer, answered) = oneshot::channel();
        sender.try_send(Asked { message, answer }).ok()?;
        timeout(ANSWER_TIMEOUT, answered).await.ok()?.ok()
    }

    fn sender(
        &self,
        key: TransferKey,
        message: &FileMessage,
        begin: impl FnOnce() -> Result<Beginning, HttpError>,
    ) -> Result<mpsc::Sender<Asked>, HttpError> {
        let mut known = self.known.lock();
        if let Some(sender) = known.get(&key) {
            return Ok(sender.clone());
        }
        if !matches!(message, FileMessage::Upload(_) | FileMessage::Download(_)) {
            return Err(HttpError::new(ErrorCode::BadField, "the transfer is over; begin it again"));
        }
        let beginning = begin()?;
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        known.insert(key.clone(), sender.clone());
        tokio::spawn(run(Arc::clone(&self.known), key, message.clone(), beginning, mailbox));
        Ok(sender)
    }
}

/// The answer to a message of a transfer that does not begin or has ended.
pub(super) fn failed(id: &str, HttpError(error): HttpError) -> ServerMessage {
    ServerMessage::TransferFailed(TransferFailed { id: id.to_owned(), code: error.code, message: error.error })
}

/// Runs a transfer until its end, and repeats its last answer for [`KEPT_FOR`].
async fn run(
    known: Known,
    key: TransferKey,
    first: FileMessage,
    Beginning { mut transfer, files, part }: Beginning,
    mut mailbox: mpsc::Receiver<Asked>,
) {
    let ended = tokio::select! {
        biased;
        () = transfer.cut() => Err(cut()),
        ended = pass(&files, first, part, &mut mailbox, &transfer) => ended,
    };
    transfer.ended(&ended);
    drop(transfer);
    let last = ended.unwrap_or_else(|error| failed(&key.id, error));
    repeat(&mut mailbox, &last).await;
    known.lock().remove(&key);
}

/// The next message of the page; `None` after [`SILENCE_TIMEOUT`], or at the end of the transfer's time.
async fn heard(mailbox: &mut mpsc::Receiver<Asked>, until: Instant) -> Option<Asked> {
    let patience = SILENCE_TIMEOUT.min(until.saturating_duration_since(Instant::now()));
    timeout(patience, mailbox.recv()).await.ok()?
}

/// Repeats the last answer for [`KEPT_FOR`].
async fn repeat(mailbox: &mut mpsc::Receiver<Asked>, last: &ServerMessage) {
    let until = Instant::now() + KEPT_FOR;
    while let Ok(Some(Asked { answer, .. })) = timeout_at(until, mailbox.recv()).await {
        // The request may be gone.
        let _ = answer.send(last.clone());
    }
}

/// A transfer in either direction.
enum Work {
    Up(Uploading),
    Down(Box<Downloading>),
}

impl Work {
    async fn begin(files: &SessionFiles, first: FileMessage, part: String) -> Result<Self, HttpError> {
        match first {
            FileMessage::Upload(upload) => Ok(Self::Up(Uploading::begin(files, upload, part).await?)),
            FileMessage::Download(download) => Ok(Self::Down(Box::new(Downloading::begin(files, download).await?))),
            _ => Err(SessionError::broke_off().into()),
        }
    }

    async fn step(&mut self, message: FileMessage, transfer: &Transfer) -> Result<Step, HttpError> {
        match self {
            Self::Up(uploading) => uploading.step(message, transfer).await,
            Self::Down(downloading) => downloading.step(message, transfer).await,
        }
    }

    /// Completes once the session ends.
    fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        match self {
            Self::Up(uploading) => uploading.helper().ended(),
            Self::Down(downloading) => downloading.helper().ended(),
        }
    }
}

/// Does the transfer; returns its last answer.
async fn pass(
    files: &SessionFiles,
    first: FileMessage,
    part: String,
    mailbox: &mut mpsc::Receiver<Asked>,
    transfer: &Transfer,
) -> Result<ServerMessage, HttpError> {
    let id = first.id().to_owned();
    let mut work = Work::begin(files, first, part).await?;
    let ended = work.ended();
    let until = Instant::now() + UPLOAD_TIMEOUT;
    let steps = async {
        loop {
            let Some(Asked { message, answer }) = heard(mailbox, until).await else { return Err(stalled()) };
            if matches!(message, FileMessage::Cancel(_)) {
                return Err(HttpError::new(ErrorCode::BadMessage, "the transfer was cancelled"));
            }
            let step = work.step(message, transfer).await;
            let said = match &step {
                Ok(Step { answer, .. }) => answer.clone(),
                Err(error) => failed(&id, error.clone()),
            };
            // The request may be gone; its message is repeated then.
            let _ = answer.send(said);
            if let Step { answer, is_last: true } = step? {
                return Ok(answer);
            }
        }
    };
    tokio::select! {
        biased;
        () = ended => Err(SessionError::from(FileError::Ended).into()),
        done = steps => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::client::CancelTransfer;

    fn message() -> FileMessage {
        FileMessage::Cancel(CancelTransfer { id: "t".into() })
    }

    /// A message, and the place of its answer.
    fn asked() -> (Asked, oneshot::Receiver<ServerMessage>) {
        let (answer, answered) = oneshot::channel();
        (Asked { message: message(), answer }, answered)
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_ends_after_a_minute_of_silence_and_is_remembered_for_another() {
        let (sender, mut mailbox) = mpsc::channel(MAILBOX);
        let (almost, begun, last) = (Duration::from_secs(59), Instant::now(), failed("t", stalled()));
        let until = begun + UPLOAD_TIMEOUT;
        let (answers, page) = (
            async |mailbox: &mut mpsc::Receiver<Asked>| heard(mailbox, until).await.is_some(),
            async || {
                tokio::time::sleep(almost).await;
                let (asked, answered) = asked();
                sender.send(asked).await.unwrap();
                Some(answered)
            },
        );
        assert!(tokio::join!(answers(&mut mailbox), page()).0);
        assert!(!answers(&mut mailbox).await);
        assert_eq!(begun.elapsed().as_secs(), (almost + SILENCE_TIMEOUT).as_secs());
        let asked = async {
            assert_eq!(page().await.unwrap().await, Ok(last.clone()));
        };
        tokio::join!(repeat(&mut mailbox, &last), asked);
        assert_eq!(begun.elapsed().as_secs(), (almost + SILENCE_TIMEOUT + KEPT_FOR).as_secs());
        let late = timeout(SILENCE_TIMEOUT * 2, heard(&mut mailbox, Instant::now() + almost)).await;
        assert!(matches!(late, Ok(None)), "a transfer lasts for an hour at most");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_waits_for_its_answer_for_a_moment_only() {
        let transfers = MessagedTransfers::default();
        let key = TransferKey { session: SessionId::new("s").unwrap(), user: "ada".into(), id: "t".into() };
        let (sender, mut mailbox) = mpsc::channel(MAILBOX);
        transfers.known.lock().insert(key.clone(), sender);
        let ask = || transfers.ask(key.clone(), message(), || Err(stalled()));
        let begun = Instant::now();
        for _ in 0..MAILBOX {
            assert_eq!(ask().await, None, "the transfer is at work");
        }
        assert_eq!(begun.elapsed().as_secs(), (ANSWER_TIMEOUT * MAILBOX as u32).as_secs());
        assert_eq!(ask().await, None, "more wait than may");
        assert_eq!(begun.elapsed().as_secs(), (ANSWER_TIMEOUT * MAILBOX as u32).as_secs());
        while mailbox.try_recv().is_ok() {}
        let answer = async { mailbox.recv().await.unwrap().answer.send(failed("t", cut())).is_ok() };
        assert_eq!(tokio::join!(ask(), answer), (Some(failed("t", cut())), true));
        let other = TransferKey { user: "eve".into(), ..key };
        let refused = transfers.ask(other, message(), || Err(stalled())).await;
        assert!(matches!(refused, Some(ServerMessage::TransferFailed(failed)) if failed.code == ErrorCode::BadField));
    }
}
