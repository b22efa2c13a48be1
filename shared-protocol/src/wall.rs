//! The wall: all sessions of a class on one page, as rows and cells. No escape sequence of a session is among them.

use crate::ids::{ClientId, SessionId};
use serde::{Deserialize, Serialize};

/// Most columns of a tile; more are left out, and the cursor stays among those that are shown.
pub const TILE_COLS: u16 = 200;

/// Most rows of a tile.
pub const TILE_ROWS: u16 = 60;

/// Most characters of one cell, in code points; the rest of an endless combination is left out.
pub const CELL_CHARACTERS: usize = 8;

/// Most code points of a cell with a joiner, as of the longest emoji of Unicode: a family of four with skin tones.
pub const JOINED_CHARACTERS: usize = 11;

/// Most bytes that `z` of a `wall` frame stands for: bounds a page's memory.
pub const WALL_RAW_BYTES: usize = 64 * 1024;

/// Updates that a page may leave unacknowledged; no other is sent until it acknowledges one.
pub const WALL_WINDOW: u64 = 2;

/// Sessions that `visible` may name.
pub const MAX_VISIBLE: usize = 200;

/// Fields of the message `wall`. A page sends it first on each connection, at each change, and every 20 s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Wall {
    /// Id of the page load: 128 random bits.
    pub client: ClientId,
    /// Supported encodings besides plain fields; `z` is deflate-raw in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<String>>"))]
    pub accept: Vec<String>,
    /// The sessions in view, whose tiles come first. Absent: all. Empty: the page is hidden, and gets no tiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible: Option<Vec<SessionId>>,
    /// Requests everything again, because some of it was lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub resync: bool,
}

/// Fields of the message `wall_ack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct WallAck {
    /// The client of `wall`.
    pub client: ClientId,
    /// Every update up to this one is shown.
    pub v: u64,
}

/// Fields of the frame `wall`: one part of an update. A part that arrives is of use without the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct WallFrame {
    /// Number of the update, from 1; the next one has the next number.
    pub v: u64,
    /// True if the update holds everything: sessions that it does not name are gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub full: bool,
    /// Number of this part, from 1.
    pub part: u16,
    /// Number of parts.
    pub parts: u16,
    /// The news.
    #[serde(flatten)]
    pub news: WallPayload,
}

/// News of a `wall` frame: as fields of the frame, or compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum WallPayload {
    /// Base64 of [`WallNews`] as JSON, compressed with raw deflate.
    Packed {
        /// The base64.
        z: String,
    },
    /// The fields themselves.
    Plain(WallNews),
}

/// Changes on a wall. Everything in them is plain text for a page to show as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct WallNews {
    /// Sessions that are new or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<WallSession>>"))]
    pub sessions: Vec<WallSession>,
    /// Screens that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<Tile>>"))]
    pub tiles: Vec<Tile>,
    /// Sessions that ended or left the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<SessionId>>"))]
    pub gone: Vec<SessionId>,
}

/// Whether a session's student is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    /// Connected.
    Here,
    /// The shell runs, and no page of its student is connected.
    Away,
    /// No shell has started.
    NotStarted,
    /// The shell runs in an instance of the service that does not answer.
    Unknown,
}

/// One session of the class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct WallSession {
    /// The session.
    pub id: SessionId,
    /// Name of its student, one line.
    pub name: String,
    /// Whether the student is there.
    pub state: Attendance,
    /// Title of the terminal, one line; absent if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<String>"))]
    pub title: String,
    /// Last key or output, in ms since 1970, to some seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_at: Option<u64>,
    /// Exit code of the last command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Begin of the line of the latest command, which may still run; one line, absent if it is hidden.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<String>"))]
    pub command: String,
    /// Time at which the student raised a hand, in ms since 1970, while it is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand: Option<u64>,
}

/// A screen, or those lines of it that changed. Another size forgets all lines before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Tile {
    /// The session.
    pub id: SessionId,
    /// Time of the screen, in ms since 1970.
    pub at: u64,
    /// Columns, at most [`TILE_COLS`].
    pub cols: u16,
    /// Rows, at most [`TILE_ROWS`].
    pub rows: u16,
    /// Column and row of the cursor, from 0; absent while the program hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<(u16, u16)>,
    /// Lines that changed: the row from 0, the text without blanks at its end, and the style of each piece of the text.
    pub lines: Vec<(u16, String, Vec<Run>)>,
}

/// Length of a piece of text in UTF-16 code units, its foreground, background, and a sum of [`flags`]. A colour is 0 for the
/// default, 1 to 256 for one of the palette, and [`RGB`] + 0xRRGGBB for any other.
pub type Run = (u16, u32, u32, u8);

/// Marks a colour as red, green and blue.
pub const RGB: u32 = 0x0100_0000;

/// Attributes of a run.
pub mod flags {
    /// Bold.
    pub const BOLD: u8 = 1;
    /// Dim.
    pub const DIM: u8 = 2;
    /// Italic.
    pub const ITALIC: u8 = 4;
    /// Underlined.
    pub const UNDERLINE: u8 = 8;
    /// Struck through.
    pub const STRIKE: u8 = 16;
    /// Foreground and background change places.
    pub const INVERSE: u8 = 32;
    /// The run is one cell of one column, however wide a font draws it.
    pub const CELL: u8 = 64;
    /// The run is one cell of two columns.
    pub const WIDE: u8 = 128;
}
