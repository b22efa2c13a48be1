//! The parser: the state machine of xterm.js, so that both find the same sequences in the same bytes, broken ones too.
//!
//! Unlike the `vte` crate, it exposes the length of an unfinished sequence (a snapshot stands before it), bounds every buffer,
//! and keeps characters that are cut in two.

mod params;
mod sixel;
mod state;
mod transitions;
mod utf8;

pub(crate) use params::Params;
use sixel::Sixel;
use state::State;
use utf8::{Decoded, Utf8};

/// Longest unfinished sequence that counts as pending. A snapshot reopens a longer one (an image, a clipboard), so that its rest
/// is swallowed.
pub(crate) const MAX_PENDING_BYTES: usize = 64 * 1024;

/// Longest payload of a string that is interpreted: titles, links, colours, queries.
const MAX_STRING_BYTES: usize = 4096;

/// Longest run that is printed at once, in bytes: each may move a row, and the work is looked at between two runs.
const MAX_RUN: usize = 1024;

/// Most control characters inside a sequence that are deferred to its end.
const MAX_DEFERRED: usize = 16;

/// Receives the parsed output.
pub(crate) trait Actions {
    /// Work of all actions so far, beyond one for each byte.
    fn work(&self) -> usize;
    /// Printable ASCII.
    fn print_ascii(&mut self, text: &[u8]);
    /// Another printable character.
    fn print(&mut self, c: u32);
    /// A run of printable characters ended.
    fn end_run(&mut self);
    fn execute(&mut self, control: u32);
    /// A control sequence: its prefix and intermediate bytes, and its last byte.
    fn csi(&mut self, collect: u32, last: u8, params: &Params);
    fn esc(&mut self, collect: u32, last: u8);
    /// An operating system command, or `None` if it was broken off or too long. `bell`: how it ended.
    fn osc(&mut self, payload: Option<&[u8]>, bell: bool);
    /// A device control string, likewise.
    fn dcs(&mut self, collect: u32, last: u8, payload: Option<&[u8]>);
    /// A Sixel image of this height, in pixels.
    fn image(&mut self, height: usize);
}

/// The parser's state between two bytes.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    state: State,
    utf8: Utf8,
    /// Prefix and intermediates, the latest in the lowest byte.
    collect: u32,
    params: Params,
    /// A device control string's last byte of introduction.
    last: u8,
    payload: Vec<u8>,
    /// The image that a device control string is, if it is one.
    sixel: Option<Sixel>,
    /// The payload is longer than [`MAX_STRING_BYTES`].
    too_long: bool,
    deferred: [u8; MAX_DEFERRED],
    deferred_len: usize,
    /// Bytes of the unfinished sequence.
    held: usize,
    /// The unfinished sequence is too long to be pending.
    open: bool,
}

impl Parser {
    pub(crate) fn new() -> Self {
        Self { params: Params::new(), ..Self::default() }
    }

    /// Bytes of the unfinished character or sequence at the end of the input.
    pub(crate) fn pending_bytes(&self) -> usize {
        if self.open { self.utf8.pending() } else { self.held }
    }

    /// Bytes in memory beside the parser itself.
    pub(crate) fn bytes(&self) -> usize {
        self.payload.capacity()
    }

    /// True if nothing is unfinished.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.state == State::Ground && self.utf8.pending() == 0
    }

    /// Reads bytes, cut anywhere, until the work is `budget`: up to the end of a sequence. Returns the number of bytes that were
    /// read.
    pub(crate) fn advance(&mut self, bytes: &[u8], budget: usize, actions: &mut impl Actions) -> usize {
        // Start of the unfinished sequence; negative if in an earlier call.
        let mut begin = -(self.held as isize);
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Ground && self.utf8.pending() == 0 {
                if at + actions.work() >= budget {
                    break;
                }
                let printable = ascii_run(&bytes[at..bytes.len().min(at + MAX_RUN)]);
                if printable > 0 {
                    actions.print_ascii(&bytes[at..at + printable]);
                    at += printable;
                    continue;
                }
            }
            match self.utf8.push(bytes[at]) {
                Decoded::Char(c) => {
                    at += 1;
                    if self.step(c, actions) {
                        let length = char::from_u32(c).map_or(1, char::len_utf8);
                        begin = at as isize - length as isize;
                        self.open = false;
                    }
                }
                Decoded::Pending | Decoded::Nothing => at += 1,
                Decoded::Again => {}
            }
        }
        if self.state == State::Ground {
            (self.held, self.open) = (self.utf8.pending(), false);
            return at;
        }
        self.held = (bytes.len() as isize - begin) as usize;
        self.open |= self.held > MAX_PENDING_BYTES;
        at
    }
}

/// The number of leading printable ASCII bytes.
fn ascii_run(bytes: &[u8]) -> usize {
    const STEP: usize = 16;
    let printable = |byte: &u8| (0x20..0x7f).contains(byte);
    if !bytes.first().is_some_and(printable) {
        return 0;
    }
    let whole = bytes.chunks_exact(STEP).take_while(|chunk| chunk.iter().fold(true, |all, byte| all & printable(byte)));
    let run = whole.count() * STEP;
    run + bytes[run..].iter().take_while(|byte| printable(byte)).count()
}
