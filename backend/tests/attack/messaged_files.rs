//! Files in messages to and from a sandboxed session: the same reach as in requests, places that lie change nothing, and nothing
//! is left of a transfer that breaks off.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{Harness, processes_of, says};
use crate::support::{Terminal, until, user, user_token, within};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared_protocol::limits::FILE_PART_BYTES;
use shared_protocol::server::{ControlState, FilePart, Stored, TransferFailed, TransferState};
use shared_protocol::{ErrorCode, Role, ServerMessage, StreamEvent, UserClaims};
use std::time::Duration;
use tokio::time::timeout;

/// Delay from a message to its repeat.
const REPEAT_DELAY: Duration = Duration::from_secs(1);

/// Repeats a message until `wanted` finds its reply.
async fn ask<T>(terminal: &mut Terminal, message: &Value, wanted: impl Fn(&ServerMessage) -> Option<T>) -> T {
    let before = terminal.replies.len();
    within(&message.to_string(), async {
        loop {
            terminal.send(&message.to_string()).await;
            let answered = async {
                loop {
                    if let Some(found) = terminal.replies[before..].iter().find_map(&wanted) {
                        return found;
                    }
                    terminal.receive().await.unwrap();
                }
            };
            if let Ok(found) = timeout(REPEAT_DELAY, answered).await {
                return found;
            }
        }
    })
    .await
}

/// The code of the refusal of a message.
async fn refused(terminal: &mut Terminal, message: &Value) -> ErrorCode {
    ask(terminal, message, |reply| match reply {
        ServerMessage::TransferFailed(TransferFailed { id, code, .. }) if message["id"] == **id => Some(*code),
        _ => None,
    })
    .await
}

/// The next place, after a message that leads there.
async fn next(terminal: &mut Terminal, message: &Value, expected: u64) {
    ask(terminal, message, |reply| match reply {
        ServerMessage::Transfer(TransferState { id, next, .. }) if message["id"] == **id && *next == expected => {
            Some(())
        }
        _ => None,
    })
    .await;
}

async fn stored(terminal: &mut Terminal, message: &Value) -> Stored {
    ask(terminal, message, |reply| match reply {
        ServerMessage::Stored(stored) if message["id"] == *stored.id => Some(stored.clone()),
        _ => None,
    })
    .await
}

fn upload(id: &str, name: &str, content: &[u8]) -> Value {
    let sha256 = hex::encode(Sha256::digest(content));
    json!({"type": "upload", "id": id, "name": name, "bytes": content.len(), "sha256": sha256})
}

fn part(id: &str, at: usize, bytes: &[u8]) -> Value {
    json!({"type": "upload_part", "id": id, "at": at, "b64": STANDARD.encode(bytes)})
}

fn download(id: &str, path: &str) -> Value {
    json!({"type": "download", "id": id, "path": path})
}

/// Waits until no helper is left, and no file of one.
async fn assert_empty(eve: &mut Terminal, uid: u32) {
    until("the helper's end", async || processes_of(uid).len() == 1).await;
    assert_eq!(says(eve, "find ~ -name '*part*' -o -name 'new*'").await, "");
}

#[tokio::test]
async fn a_message_reaches_what_the_sessions_user_reaches_and_no_more() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    let mut ada = harness.shell("ada").await;
    let theirs = says(&mut ada, "chmod 755 ~; echo secret >~/secret; chmod 644 ~/secret; echo ~").await;
    let made = "ln -s /etc/passwd link; ln -s / root; mkfifo pipe; mkdir locked; chmod 0 locked; mkdir open";
    assert_eq!(eve.command(made).await.1, 0);
    let own = format!("/proc/{}/environ", std::process::id());
    for (number, path) in
        [&*format!("{theirs}/secret"), "/etc/shadow", &own, "link", "root/etc/passwd", "pipe", "locked", "/dev/zero"]
            .into_iter()
            .enumerate()
    {
        let message = download(&format!("d{number}"), path);
        assert_eq!(refused(&mut eve, &message).await, ErrorCode::FileRefused, "{path}");
    }
    assert_eq!(refused(&mut eve, &download("m", "missing")).await, ErrorCode::FileNotFound);
    for (number, directory) in [&*theirs, "/etc", "root", "locked", "/proc/self"].into_iter().enumerate() {
        let mut message = upload(&format!("u{number}"), "new", b"x");
        message["directory"] = directory.into();
        assert_eq!(refused(&mut eve, &message).await, ErrorCode::FileRefused, "{directory}");
    }
    for (number, (folder, code)) in
        [("root/tmp", ErrorCode::FileRefused), ("..", ErrorCode::BadField), ("/etc", ErrorCode::BadField)]
            .into_iter()
            .enumerate()
    {
        let mut message = upload(&format!("f{number}"), "new", b"x");
        message["folder"] = folder.into();
        assert_eq!(refused(&mut eve, &message).await, code, "{folder}");
    }
    for (number, name) in ["../a", "a/b", "..", "a\u{202e}b", "nul.txt", ""].into_iter().enumerate() {
        let message = upload(&format!("n{number}"), name, b"x");
        assert_eq!(refused(&mut eve, &message).await, ErrorCode::BadField, "{name}");
    }
    assert_eq!(says(&mut eve, "ls -A open; ls -A | grep -c part").await, "0");
    assert_eq!(says(&mut ada, "ls ~").await, "secret");
    harness.service.stop().await;
}

#[tokio::test]
async fn places_that_lie_change_no_byte_and_a_repeat_is_answered_alike() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    let content: Vec<u8> = (0..2 * FILE_PART_BYTES + 5).map(|number| (number / 3) as u8).collect();
    let (begin, first) = (upload("u", "data", &content), part("u", 0, &content[..FILE_PART_BYTES]));
    next(&mut eve, &begin, 0).await;
    next(&mut eve, &part("u", FILE_PART_BYTES, b"early"), 0).await;
    next(&mut eve, &first, FILE_PART_BYTES as u64).await;
    for message in [&begin, &first, &part("u", 7, b"late"), &part("u", 1 << 50, b"far")] {
        next(&mut eve, message, FILE_PART_BYTES as u64).await;
    }
    next(
        &mut eve,
        &part("u", FILE_PART_BYTES, &content[FILE_PART_BYTES..2 * FILE_PART_BYTES]),
        2 * FILE_PART_BYTES as u64,
    )
    .await;
    let last = part("u", 2 * FILE_PART_BYTES, &content[2 * FILE_PART_BYTES..]);
    let sha256 = hex::encode(Sha256::digest(&content));
    for message in [&last, &last, &begin] {
        assert_eq!(stored(&mut eve, message).await.sha256, sha256);
    }
    assert_eq!(says(&mut eve, "sha256sum <data; ls").await, format!("{sha256}  -\ndata"));
    next(&mut eve, &download("d", "data"), 0).await;
    for (at, length) in [(0, FILE_PART_BYTES), (0, FILE_PART_BYTES), (FILE_PART_BYTES, FILE_PART_BYTES)] {
        let message = json!({"type": "download_part", "id": "d", "at": at});
        let b64 = STANDARD.encode(&content[at..at + length]);
        let same = |reply: &ServerMessage| match reply {
            ServerMessage::FilePart(part) if part.at == at as u64 => Some(part.clone()),
            _ => None,
        };
        let FilePart { b64: sent, sha256, .. } = ask(&mut eve, &message, same).await;
        assert_eq!((sent, sha256), (b64, None));
    }
    let ahead = json!({"type": "download_part", "id": "d", "at": 1_u64 << 50});
    next(&mut eve, &ahead, 2 * FILE_PART_BYTES as u64).await;
    assert_eq!(refused(&mut eve, &json!({"type": "cancel_transfer", "id": "d"})).await, ErrorCode::BadMessage);
    assert_empty(&mut eve, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn a_transfer_in_messages_that_breaks_off_leaves_nothing() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    next(&mut eve, &upload("more", "new", b"four"), 0).await;
    assert_eq!(refused(&mut eve, &part("more", 0, b"fives")).await, ErrorCode::BadField);
    assert_empty(&mut eve, uid).await;
    next(&mut eve, &upload("other", "new", b"four"), 0).await;
    assert_eq!(refused(&mut eve, &part("other", 0, b"4444")).await, ErrorCode::BadMessage, "the digest");
    assert_empty(&mut eve, uid).await;
    let large = json!({"type": "upload", "id": "large", "name": "new", "bytes": 1_u64 << 40, "sha256": "0".repeat(64)});
    assert_eq!(refused(&mut eve, &large).await, ErrorCode::TooLarge);
    for id in ["a", "b", "c", "d"] {
        next(&mut eve, &upload(id, "new", b"four"), 0).await;
    }
    assert_eq!(refused(&mut eve, &upload("e", "new", b"four")).await, ErrorCode::RateLimited, "four at once");
    for id in ["a", "b", "c", "d"] {
        let cancel = json!({"type": "cancel_transfer", "id": id});
        assert_eq!(refused(&mut eve, &cancel).await, ErrorCode::BadMessage);
    }
    assert_empty(&mut eve, uid).await;
    assert_eq!(refused(&mut eve, &part("never", 0, b"x")).await, ErrorCode::BadField, "it never began");
    next(&mut eve, &upload("last", "new", b"four"), 0).await;
    harness.end(eve, uid).await;
    assert_eq!(std::fs::read_dir(harness.state.path().join("sessions")).unwrap().count(), 0);
    harness.service.stop().await;
}

#[tokio::test]
async fn a_transfer_is_for_its_user_alone_and_none_is_for_viewers() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    next(&mut eve, &upload("u", "new", b"four"), 0).await;
    let join = async |claims: UserClaims| {
        let mut page = Terminal::open(&harness.service.terminal_url("eve", &user_token(&claims))).await;
        page.attach(&claims.sub).await;
        page
    };
    let mut bob = join(user("bob", Some("eve"))).await;
    assert_eq!(refused(&mut bob, &part("u", 0, b"evil")).await, ErrorCode::BadField, "another controller");
    let mut viewer = join(UserClaims { role: Role::Viewer, ..user("vic", Some("eve")) }).await;
    for message in [part("u", 0, b"evil"), upload("v", "new", b"x"), download("w", "/etc/hostname")] {
        assert_eq!(refused(&mut viewer, &message).await, ErrorCode::ReadOnly);
    }
    assert_eq!(stored(&mut eve, &part("u", 0, b"four")).await.name, "new");
    eve.ordered("only_me", r#","on":true"#).await;
    eve.event(|event| matches!(event, StreamEvent::Control(control) if control.state == ControlState::Only)).await;
    assert_eq!(refused(&mut bob, &download("x", "new")).await, ErrorCode::ReadOnly, "the owner types alone");
    harness.service.stop().await;
}
