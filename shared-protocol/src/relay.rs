//! Wire format between a relay and the backend: a run of the function asks one instance for frames of many connections, posts
//! each, and reports what became of it. The gateway parses no terminal message: a frame is opaque bytes behind one line of text.

use crate::ids::ConnectionId;
use crate::limits::FRAME_BYTES;
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Asks for the next frames of a relay, and reports on the last ones.
pub const RELAY_PATH: &str = "/api/ws/relay";

/// In a request for a message: version of the relay protocol that the function speaks, [`RELAY_VERSION`].
pub const RELAYS_HEADER: &str = "x-terminal-relays";
/// Value of [`RELAYS_HEADER`].
pub const RELAY_VERSION: &str = "1";
/// In the response to `message`: become a relay with this grant. Opaque to the gateway.
pub const GRANT_HEADER: &str = "x-terminal-relay";
/// In the response to `relay`: when to ask again, [`NEXT_NOW`] or [`NEXT_SETTLED`]; absent means stop.
pub const NEXT_HEADER: &str = "x-terminal-next";
/// Value of [`NEXT_HEADER`]: ask at once, beside the posts.
pub const NEXT_NOW: &str = "now";
/// Value of [`NEXT_HEADER`]: no member may send before a post settles, so ask then.
pub const NEXT_SETTLED: &str = "settled";

/// `aud` of a relay's token.
pub const RELAY_AUDIENCE: &str = "termgate-relay";
/// Life of a relay's token, in seconds.
pub const RELAY_TOKEN_SECONDS: u64 = 10;

/// Most frames of one answer.
pub const MAX_ANSWER_FRAMES: usize = 64;
/// Most bytes of the frames of one answer.
pub const MAX_ANSWER_BYTES: usize = 128 * 1024;
/// Longest answer, in bytes: its frames, and a line for each.
pub const MAX_ANSWER_BODY_BYTES: usize = MAX_ANSWER_BYTES + MAX_ANSWER_FRAMES * MAX_LINE_BYTES;
/// Longest line of a frame, in bytes: two numbers, two ids and a word.
const MAX_LINE_BYTES: usize = 384;
/// Most frames of one member that are not reported yet: one is being posted, one waits.
pub const MEMBER_CREDIT: u64 = 2;

/// Body of `POST /api/ws/relay`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayQuestion {
    /// The grant.
    pub relay: String,
    /// Number of the question, from 1. A repeated question gets the same answer.
    pub number: u64,
    /// The answers of all questions up to this one have arrived; 0 for none.
    pub answered: u64,
    /// Longest wait for a frame, in milliseconds; 0 only reports.
    pub wait_ms: u64,
    /// True while API Gateway refuses posts of the whole account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub throttled: bool,
    /// True for the last question: the run asks no more, and all its posts have ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// Members whose frames settled since the last answered question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<MemberReport>,
}

/// Report on the frames of one member. Cumulative: a repeat changes nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberReport {
    /// The member, as its frames name it.
    pub member: u64,
    /// Every frame up to this number was posted or given up.
    pub settled: u64,
    /// Number of the last frame that certainly did not arrive; 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Number of the last frame that may or may not have arrived; 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: u64,
    /// True if the connection is certainly closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Effect on connections, after the frame was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RelayAction {
    /// None.
    #[default]
    None,
    /// Close the frame's connection.
    Close,
}

/// One frame of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayFrame {
    /// Member of the relay, for reports. A connection that leaves and comes back is another member.
    pub member: u64,
    /// Number of the frame within the member, from 1 without gaps.
    pub number: u64,
    /// Connection to post to.
    pub connection: ConnectionId,
    /// Effect after the post.
    pub action: RelayAction,
    /// The bytes to post; empty for a mere action.
    pub frame: Bytes,
}

impl RelayFrame {
    /// Appends the frame: the line `MEMBER NUMBER CONNECTION ACTION LENGTH`, and LENGTH bytes. ACTION is `-` or `close`.
    pub fn encode(&self, body: &mut BytesMut) {
        let action = match self.action {
            RelayAction::None => "-",
            RelayAction::Close => "close",
        };
        let Self { member, number, connection, frame, .. } = self;
        let line = format!("{member} {number} {connection} {action} {}\n", frame.len());
        body.put_slice(line.as_bytes());
        body.put_slice(frame);
    }

    /// Upper bound of the encoded length, in bytes.
    pub fn encoded_len(&self) -> usize {
        MAX_LINE_BYTES + self.frame.len()
    }

    /// The frames of an answer. Fails at the first malformed one: then the answer did not come from a backend.
    pub fn decode_all(mut body: Bytes) -> Result<Vec<Self>, RelayFormatError> {
        let mut frames = Vec::new();
        while !body.is_empty() {
            let end = body.iter().position(|byte| *byte == b'\n').ok_or(RelayFormatError)?;
            let line = body.split_to(end + 1);
            let (frame, length) = parse_line(&line[..end]).ok_or(RelayFormatError)?;
            if length > body.len() || length > FRAME_BYTES || frames.len() == MAX_ANSWER_FRAMES {
                return Err(RelayFormatError);
            }
            frames.push(Self { frame: body.split_to(length), ..frame });
        }
        Ok(frames)
    }
}

/// The frame of a line, without its bytes, and their number.
fn parse_line(line: &[u8]) -> Option<(RelayFrame, usize)> {
    let mut fields = std::str::from_utf8(line).ok()?.split(' ');
    let mut next = || fields.next();
    let (member, number) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let connection = ConnectionId::new(next()?).ok()?;
    let action = match next()? {
        "-" => RelayAction::None,
        "close" => RelayAction::Close,
        _ => return None,
    };
    let length = next()?.parse().ok()?;
    next().is_none().then_some((RelayFrame { member, number, connection, action, frame: Bytes::new() }, length))
}

/// An answer does not have the relay's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayFormatError;

impl fmt::Display for RelayFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer does not have the format of a relay's frames")
    }
}

impl std::error::Error for RelayFormatError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64, action: RelayAction, bytes: &'static str) -> RelayFrame {
        let connection = ConnectionId::new("KbT4dc2oDoECFzA=").unwrap();
        RelayFrame { member: 7, number, connection, action, frame: Bytes::from_static(bytes.as_bytes()) }
    }

    #[test]
    fn frames_of_any_content_are_read_as_they_were_written() {
        let frames = vec![
            frame(1, RelayAction::None, "{\"type\":\"output\"}\n7 2 c - 0\n"),
            frame(2, RelayAction::Close, ""),
            frame(3, RelayAction::None, "ü\0"),
        ];
        let mut body = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut body));
        assert_eq!(RelayFrame::decode_all(body.freeze()), Ok(frames));
        assert_eq!(RelayFrame::decode_all(Bytes::new()), Ok(vec![]));
    }

    #[test]
    fn a_malformed_answer_is_refused_whole() {
        let long = format!("1 1 c - {}\n{}", FRAME_BYTES + 1, "x".repeat(FRAME_BYTES + 1));
        let many = "1 1 c - 0\n".repeat(MAX_ANSWER_FRAMES + 1);
        let bad = [
            "1 1 c - 0",
            "1 1 c - 5\nabcd",
            "1 1 c d 0\n",
            "1 1 c close-session=s 0\n",
            "1 1 c - 0 0\n",
            "-1 1 c - 0\n",
            "1 1 c? - 0\n",
            "\n",
        ];
        for text in bad.into_iter().chain([long.as_str(), &many]) {
            let body = Bytes::copy_from_slice(text.as_bytes());
            assert_eq!(RelayFrame::decode_all(body), Err(RelayFormatError), "{text:.20}");
        }
    }
}
