//! Numbers that API Gateway fixes, and the bounds of Termgate's own protocol, each with its unit and its reason.

use std::time::Duration;

/// Largest WebSocket frame that API Gateway takes from or gives to a client, in bytes. Browsers cannot choose how they cut
/// a message into frames, so every message stays below it.
/// Source: API Gateway developer guide, "Quotas for configuring and running a WebSocket API".
pub const FRAME_BYTES: usize = 32 * 1024;

/// Largest WebSocket message of API Gateway, in bytes; more is closed with 1009. Same source.
pub const MESSAGE_BYTES: usize = 128 * 1024;

/// Longest time that API Gateway waits for the integration. Same source.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// API Gateway closes a connection on which nothing was sent for this long with 1001. Same source.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// API Gateway closes every connection after this long with 1001. Same source.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(7200);

/// Room that a frame leaves for its envelope (type, positions, head, acknowledgement), in bytes.
pub const ENVELOPE_BYTES: usize = 512;

/// Most raw stream bytes that one frame may stand for, deflated or not, so that a client's memory is bounded.
pub const FRAME_RAW_BYTES: usize = 256 * 1024;

/// Longest id of a session or connection, in bytes.
pub const ID_BYTES: usize = 128;

/// Largest epoch, position or message number: a JavaScript number holds every integer up to it exactly, and adding to it
/// cannot overflow.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Smallest and largest terminal width, in columns. One column makes emulators loop on wide characters.
pub const COLS: std::ops::RangeInclusive<u16> = 2..=1000;

/// Smallest and largest terminal height, in rows.
pub const ROWS: std::ops::RangeInclusive<u16> = 1..=1000;

/// Longest command line of a `command` message, in bytes.
pub const COMMAND_BYTES: usize = 8 * 1024;

/// Longest chat message, in bytes.
pub const CHAT_BYTES: usize = 4 * 1024;

/// Most bytes of a command's output in its result; more is cut off and marked.
pub const RESULT_BYTES: usize = 16 * 1024;

/// Input that a client may have sent without acknowledgement, in bytes.
pub const INPUT_WINDOW_BYTES: usize = 64 * 1024;

/// Messages that arrived early and are held for one client, at most.
pub const MAX_EARLY_MESSAGES: usize = 1000;

/// Bytes of messages that arrived early and are held for one client, at most.
pub const MAX_EARLY_BYTES: usize = 1024 * 1024;

/// A client acknowledges this long after the first byte that it has not acknowledged, at the latest: rarely enough that most go with
/// a key, since each message of their own costs as much as a key does.
pub const MAX_ACK_DELAY: Duration = Duration::from_secs(2);

/// A client acknowledges at least each time this many more bytes were parsed.
pub const ACK_STEP_BYTES: u64 = 64 * 1024;
