//! Bounds of a message's fields that its types do not express.

use super::parse_error::ParseError;
use super::{
    Announce, Attach, CancelTransfer, ClientMessage, Command, Download, DownloadPart, Input, Keys, Resize, Upload,
    UploadPart,
};
use crate::frame::{Payload, base64_len};
use crate::limits;
use crate::text::{is_directory, is_path, is_typable};
use crate::wall::MAX_VISIBLE;

/// Longest `ping` or `echo`, in bytes of its own JSON: the reply repeats it in a frame.
const MAX_ECHO_BYTES: usize = limits::FRAME_BYTES - limits::ENVELOPE_BYTES;

/// Digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

/// Checks bounds that the types do not express.
pub(super) fn check(message: &ClientMessage) -> Result<(), ParseError> {
    if message.order().is_some_and(|(seq, _)| seq.0 == 0) {
        return Err(ParseError::field("`seq` starts at 1"));
    }
    match message {
        ClientMessage::Attach(Attach { cols, rows, directory, .. }) => {
            check_size(*cols, *rows)?;
            directory.as_deref().map_or(Ok(()), check_directory)
        }
        ClientMessage::Resize(Resize { cols, rows, .. }) => check_size(*cols, *rows),
        ClientMessage::Command(Command { id, command, .. }) => {
            check_id(id)?;
            check_command(command)
        }
        ClientMessage::ChatMessage(chat) => check_chat(&chat.data.message),
        ClientMessage::TypeLine(offer) => check_line(&offer.line),
        ClientMessage::Announce(announce) => announce.check(),
        ClientMessage::Wall(wall) if wall.visible.as_ref().is_some_and(|ids| ids.len() > MAX_VISIBLE) => {
            Err(ParseError::field(format!("`visible` must name at most {MAX_VISIBLE} sessions")))
        }
        ClientMessage::WallAck(ack) if ack.v > limits::MAX_NUMBER => Err(ParseError::field("`v` is out of range")),
        ClientMessage::Upload(upload) => check_upload(upload),
        ClientMessage::UploadPart(part) => check_upload_part(part),
        ClientMessage::Download(Download { id, path }) => {
            check_id(id)?;
            check_path(path)
        }
        ClientMessage::DownloadPart(DownloadPart { id, at }) => check_part(id, *at),
        ClientMessage::CancelTransfer(CancelTransfer { id }) => check_id(id),
        ClientMessage::Ping(_) | ClientMessage::Echo(_) if message.to_json().len() > MAX_ECHO_BYTES => {
            Err(ParseError::too_large("message to be echoed", message.to_json().len(), MAX_ECHO_BYTES))
        }
        ClientMessage::Input(Input { keys: Keys::B64(text), .. }) if Payload::B64(text.clone()).decode().is_none() => {
            Err(ParseError::field("`b64` is not base64"))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_size(cols: u16, rows: u16) -> Result<(), ParseError> {
    if limits::COLS.contains(&cols) && limits::ROWS.contains(&rows) {
        return Ok(());
    }
    Err(ParseError::field(format!(
        "a terminal of {cols} columns and {rows} rows is not possible; {:?} and {:?} are",
        limits::COLS,
        limits::ROWS
    )))
}

fn check_directory(directory: &str) -> Result<(), ParseError> {
    if is_directory(directory) {
        return Ok(());
    }
    Err(ParseError::field(format!(
        "`directory` must be an absolute path of at most {} bytes, without hidden characters",
        limits::DIRECTORY_BYTES
    )))
}

pub(super) fn check_command(command: &str) -> Result<(), ParseError> {
    if command.len() > limits::COMMAND_BYTES {
        return Err(ParseError::too_large("command", command.len(), limits::COMMAND_BYTES));
    }
    if command.trim().is_empty() {
        return Err(ParseError::field("the command is empty"));
    }
    // The command is typed into a line editor, which would interpret control characters.
    if command.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ParseError::field("a command must not hold control characters other than newline and tab"));
    }
    Ok(())
}

pub(super) fn check_chat(message: &str) -> Result<(), ParseError> {
    if message.len() > limits::CHAT_BYTES {
        return Err(ParseError::too_large("chat message", message.len(), limits::CHAT_BYTES));
    }
    if message.trim().is_empty() { Err(ParseError::field("the chat message is empty")) } else { Ok(()) }
}

fn check_line(line: &str) -> Result<(), ParseError> {
    if line.len() > limits::OFFER_BYTES {
        return Err(ParseError::too_large("line", line.len(), limits::OFFER_BYTES));
    }
    if line.trim().is_empty() {
        return Err(ParseError::field("the line is empty"));
    }
    // Refused and not cleaned: a person clicks on what is shown.
    if line.chars().all(is_typable) { Ok(()) } else { Err(ParseError::field("a line holds printable characters only")) }
}

impl Announce {
    /// Checks the bounds that the type does not express.
    pub fn check(&self) -> Result<(), ParseError> {
        let Self { id, text, line } = self;
        check_id(id)?;
        if text.len() > limits::ANNOUNCEMENT_BYTES {
            return Err(ParseError::too_large("text", text.len(), limits::ANNOUNCEMENT_BYTES));
        }
        if text.trim().is_empty() {
            return Err(ParseError::field("the text is empty"));
        }
        let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.chars().any(|c| (c.is_control() && c != '\n') || turns(c)) {
            return Err(ParseError::field("a text holds no controls but line feeds"));
        }
        line.as_deref().map_or(Ok(()), check_line)
    }
}

pub(super) fn check_id(id: &str) -> Result<(), ParseError> {
    if id.is_empty() || id.len() > limits::ID_BYTES {
        return Err(ParseError::field(format!("`id` must have 1 to {} bytes", limits::ID_BYTES)));
    }
    Ok(())
}

fn check_upload(Upload { id, name, directory, folder, bytes, sha256 }: &Upload) -> Result<(), ParseError> {
    check_id(id)?;
    check_path(name)?;
    check_path(directory.as_deref().unwrap_or_default())?;
    check_path(folder.as_deref().unwrap_or_default())?;
    if *bytes > limits::MAX_NUMBER {
        return Err(ParseError::field("`bytes` is out of range"));
    }
    if sha256.len() == SHA256_DIGITS && sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(ParseError::field("`sha256` must have 64 small hex digits"))
}

fn check_path(path: &str) -> Result<(), ParseError> {
    if is_path(path) {
        return Ok(());
    }
    Err(ParseError::field(format!("a path has at most {} bytes, and none of them is NUL", limits::PATH_BYTES)))
}

fn check_part(id: &str, at: u64) -> Result<(), ParseError> {
    check_id(id)?;
    if at > limits::MAX_NUMBER { Err(ParseError::field("`at` is out of range")) } else { Ok(()) }
}

fn check_upload_part(UploadPart { id, at, b64 }: &UploadPart) -> Result<(), ParseError> {
    check_part(id, *at)?;
    let most = base64_len(limits::FILE_PART_BYTES);
    if b64.len() > most {
        return Err(ParseError::too_large("part of a file", b64.len(), most));
    }
    match Payload::B64(b64.clone()).decode() {
        None => Err(ParseError::field("`b64` is not base64")),
        Some(bytes) if bytes.is_empty() => Err(ParseError::field("`b64` is empty")),
        Some(_) => Ok(()),
    }
}
