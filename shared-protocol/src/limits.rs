//! Quotas of API Gateway and limits of Termgate's protocol.

use std::time::Duration;

/// Largest WebSocket frame of API Gateway, in bytes. Browsers do not control how a message is split into frames, so no message
/// is larger.
/// Source: API Gateway developer guide, "Quotas for configuring and running a WebSocket API".
pub const FRAME_BYTES: usize = 32 * 1024;

/// Largest WebSocket message of API Gateway, in bytes; a larger one closes the connection with 1009. Same source.
pub const MESSAGE_BYTES: usize = 128 * 1024;

/// API Gateway's time limit of an integration. Same source.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// Time after which API Gateway closes an idle connection with 1001. Same source.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// Time after which API Gateway closes any connection with 1001. Same source.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(7200);

/// Bytes of a frame reserved for its envelope (type, positions, head, acknowledgement).
pub const ENVELOPE_BYTES: usize = 512;

/// Most raw stream bytes in one frame, compressed or not: bounds a client's memory.
pub const FRAME_RAW_BYTES: usize = 256 * 1024;

/// Longest id of a session or connection, in bytes.
pub const ID_BYTES: usize = 128;

/// Largest epoch, position or message number: the largest safe integer of JavaScript.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Smallest and largest terminal width, in columns. One column makes emulators loop on wide characters.
pub const COLS: std::ops::RangeInclusive<u16> = 2..=1000;

/// Smallest and largest terminal height, in rows.
pub const ROWS: std::ops::RangeInclusive<u16> = 1..=1000;

/// Most cells of a terminal: a window with more gets fewer rows. A screen of six million pixels has fewer, with small letters.
pub const CELLS: u32 = 200_000;

/// Longest command line of a `command` message, in bytes.
pub const COMMAND_BYTES: usize = 8 * 1024;

/// Longest working directory that is told or asked for, in bytes. Of a command's, the rest is cut off; a longer one of the shell
/// is not known.
pub const DIRECTORY_BYTES: usize = 1024;

/// Most people that are told to have typed one command. Their names, its line and its directory fit into one frame.
pub const TYPISTS: usize = 8;

/// Longest chat message, in bytes.
pub const CHAT_BYTES: usize = 4 * 1024;

/// Longest message of an instructor to a class, in bytes.
pub const ANNOUNCEMENT_BYTES: usize = 1024;

/// Longest line that is offered to be typed, in bytes.
pub const OFFER_BYTES: usize = 1024;

/// Most bytes of a file in one message, which are 24 KB in base64: a key waits behind one of them at most.
pub const FILE_PART_BYTES: usize = 18_000;

/// Longest path of a file, in bytes: that of Linux.
pub const PATH_BYTES: usize = 4096;

/// Most bytes of output in a command's result; the rest is cut off and marked.
pub const RESULT_BYTES: usize = 16 * 1024;

/// Largest unacknowledged input of a client, in bytes.
pub const INPUT_WINDOW_BYTES: usize = 64 * 1024;

/// Most messages of one client that wait for an earlier one.
pub const MAX_EARLY_MESSAGES: usize = 1000;

/// Most bytes of messages of one client that wait for an earlier one.
pub const MAX_EARLY_BYTES: usize = 1024 * 1024;

/// Longest delay of an acknowledgement after the first unacknowledged byte. Most acknowledgements then travel with a keystroke,
/// which saves the cost of their own message.
pub const MAX_ACK_DELAY: Duration = Duration::from_secs(2);

/// Longest time for which the echo of keys that a page shows already waits for that of the next ones, with their acknowledgement.
/// Of a typist's pauses between two keys, five in six are shorter. A page waits so much longer before it sends such keys again.
pub const ECHO_HOLD: Duration = Duration::from_millis(500);

/// Shortest time between two acknowledgements of positions that a snapshot skipped: each screen of a flood skips more than
/// [`ACK_STEP_BYTES`], and would cost a message.
pub const MIN_SKIP_ACK_INTERVAL: Duration = Duration::from_millis(500);

/// Largest number of parsed bytes without an acknowledgement.
pub const ACK_STEP_BYTES: u64 = 64 * 1024;

/// Most people that a session lists, of those who are attached. All names fit into one frame.
pub const PEOPLE: usize = 64;

/// Most instructors that a session lists because it is on their walls.
pub const WALL_PEOPLE: usize = 8;

/// A viewer or an instructor may have this many times the connections of a controller: an instructor watches a class, and the
/// guests of a link have its owner's `sub`.
pub const WATCHER_CONNECTIONS_FACTOR: usize = 5;
