//! Files in messages: each is sent until it is answered, and goes on over the next connection.

use super::{TEST_TIMEOUT, Terminal, unique_id};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use shared_protocol::client::{Download, DownloadPart, Upload, UploadPart};
use shared_protocol::limits::FILE_PART_BYTES;
use shared_protocol::server::{FilePart, Stored, TransferFailed};
use shared_protocol::{ClientMessage, ServerMessage};
use std::time::Duration;
use tokio::time::Instant;

/// Delay from a message to its repeat.
const REPEAT_DELAY: Duration = Duration::from_millis(500);

/// A file on its way to the shell.
#[derive(Debug)]
pub struct Sending {
    upload: Upload,
    content: Vec<u8>,
    /// Bytes that have arrived; `None` before the first answer.
    next: Option<u64>,
}

impl Sending {
    pub fn new(name: &str, content: &[u8]) -> Self {
        let (id, name, bytes) = (unique_id(), name.to_owned(), content.len() as u64);
        let upload =
            Upload { id, name, directory: None, folder: None, bytes, sha256: hex::encode(Sha256::digest(content)) };
        Self { upload, content: content.to_vec(), next: None }
    }

    /// Bytes that have arrived.
    pub fn arrived(&self) -> u64 {
        self.next.unwrap_or_default()
    }

    /// Sends the rest of the file; returns `None` where `stop` is true, or the connection was closed.
    pub async fn go_on(
        &mut self,
        terminal: &mut Terminal,
        stop: impl Fn(u64) -> bool,
    ) -> Option<Result<Stored, TransferFailed>> {
        while !self.next.is_some_and(&stop) {
            let answer = terminal.ask(&self.message(), |reply| self.answer(reply)).await?;
            if let Some(done) = self.take(answer) {
                return Some(done);
            }
        }
        None
    }

    /// Sends the next message, does something else while it is on its way, and waits for its answer. The connection must lose
    /// nothing: the message is not repeated.
    pub async fn step(
        &mut self,
        terminal: &mut Terminal,
        meanwhile: impl AsyncFnOnce(&mut Terminal),
    ) -> Option<Result<Stored, TransferFailed>> {
        terminal.send_text(self.message().to_json()).await;
        meanwhile(terminal).await;
        let answer = terminal.wait("an answer", |terminal| terminal.take(|reply| self.answer(reply))).await;
        self.take(answer)
    }

    fn message(&self) -> ClientMessage {
        self.next.map_or_else(|| ClientMessage::Upload(self.upload.clone()), |at| self.part(at))
    }

    /// The answer to that message.
    fn answer(&self, reply: &ServerMessage) -> Option<Answer<Stored>> {
        let id = &self.upload.id;
        match reply {
            ServerMessage::Transfer(state) if state.id == *id && self.next.is_none_or(|next| state.next > next) => {
                Some(Answer::Next(state.next))
            }
            ServerMessage::Stored(stored) if stored.id == *id => Some(Answer::Done(Ok(stored.clone()))),
            ServerMessage::TransferFailed(failed) if failed.id == *id => Some(Answer::Done(Err(failed.clone()))),
            _ => None,
        }
    }

    /// Goes on where an answer says; returns the end.
    fn take(&mut self, answer: Answer<Stored>) -> Option<Result<Stored, TransferFailed>> {
        match answer {
            Answer::Next(next) => {
                self.next = Some(next);
                None
            }
            Answer::Done(done) => Some(done),
        }
    }

    fn part(&self, at: u64) -> ClientMessage {
        let rest = &self.content[at as usize..];
        let b64 = STANDARD.encode(&rest[..rest.len().min(FILE_PART_BYTES)]);
        ClientMessage::UploadPart(UploadPart { id: self.upload.id.clone(), at, b64 })
    }
}

enum Answer<T> {
    Next(u64),
    Done(Result<T, TransferFailed>),
}

/// A file on its way from the shell.
#[derive(Debug)]
pub struct Taking {
    download: Download,
    /// `None` before the first answer.
    content: Option<Vec<u8>>,
}

impl Taking {
    pub fn new(path: &str) -> Self {
        Self { download: Download { id: unique_id(), path: path.to_owned() }, content: None }
    }

    /// Takes the rest of the file; returns `None` where `stop` is true, or the connection was closed.
    pub async fn go_on(
        &mut self,
        terminal: &mut Terminal,
        stop: impl Fn(u64) -> bool,
    ) -> Option<Result<Vec<u8>, TransferFailed>> {
        loop {
            let id = self.download.id.clone();
            let at = self.content.as_ref().map(|content| content.len() as u64);
            let message = match at {
                None => ClientMessage::Download(self.download.clone()),
                Some(at) if stop(at) => return None,
                Some(at) => ClientMessage::DownloadPart(DownloadPart { id: id.clone(), at }),
            };
            let answer = terminal.ask(&message, |reply| match reply {
                ServerMessage::Transfer(state) if state.id == id && at.is_none() => Some(Ok(None)),
                ServerMessage::FilePart(part) if part.id == id && Some(part.at) == at => Some(Ok(Some(part.clone()))),
                ServerMessage::TransferFailed(failed) if failed.id == id => Some(Err(failed.clone())),
                _ => None,
            });
            let answer = answer.await?;
            let content = self.content.get_or_insert_default();
            match answer {
                Err(failed) => return Some(Err(failed)),
                Ok(None) => {}
                Ok(Some(FilePart { b64, sha256, .. })) => {
                    content.extend(STANDARD.decode(b64).expect("base64"));
                    if let Some(sha256) = sha256 {
                        assert_eq!(sha256, hex::encode(Sha256::digest(&*content)), "the digest of what arrived");
                        return Some(Ok(std::mem::take(content)));
                    }
                }
            }
        }
    }
}

impl Terminal {
    /// Sends a message until it is answered. `None` if the connection is closed.
    async fn ask<T>(&mut self, message: &ClientMessage, check: impl Fn(&ServerMessage) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + TEST_TIMEOUT;
        while self.closed.is_none() {
            assert!(Instant::now() < deadline, "{} is not answered", message.to_json());
            self.send_text(message.to_json()).await;
            let repeat = Instant::now() + REPEAT_DELAY;
            while self.closed.is_none() && Instant::now() < repeat {
                self.step(repeat).await;
                if let Some(found) = self.take(&check) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Attaches; false if the connection was closed first.
    pub async fn attach_unless_closed(&mut self) -> bool {
        self.client.connected(self.started.elapsed());
        self.flush().await;
        self.wait_until_closed_or(|terminal| terminal.client.is_attached().then_some(())).await.is_some()
    }

    /// Brings a file to the shell in messages.
    pub async fn upload(&mut self, name: &str, content: &[u8]) -> Result<Stored, TransferFailed> {
        Sending::new(name, content).go_on(self, |_| false).await.expect("the connection stays open")
    }

    /// Takes a file from the shell in messages.
    pub async fn download(&mut self, path: &str) -> Result<Vec<u8>, TransferFailed> {
        Taking::new(path).go_on(self, |_| false).await.expect("the connection stays open")
    }
}
