//! The bracketed paste that is open in the terminal, and whose it is. Pure.

use shared_protocol::ClientId;
use std::collections::BTreeSet;

/// Mark at the start of a bracketed paste.
const START: &[u8] = b"\x1b[200~";

/// Mark at its end.
const END: &[u8] = b"\x1b[201~";

/// The open paste. A client may spread a mark over several messages.
#[derive(Debug, Default)]
pub(super) struct OpenPaste {
    /// The client whose paste is open.
    open: Option<ClientId>,
    /// The client that wrote last, and the end of what it wrote: a mark without its last byte.
    last: Option<(ClientId, Vec<u8>)>,
}

impl OpenPaste {
    /// A client's bytes went to the terminal.
    pub(super) fn wrote(&mut self, client: &ClientId, bytes: &[u8]) {
        let mut text = match self.last.take() {
            Some((last, tail)) if last == *client => tail,
            _ => Vec::new(),
        };
        text.extend_from_slice(bytes);
        let mark = text.windows(END.len()).rev().find(|window| *window == START || *window == END);
        match mark {
            Some(mark) if mark == START => self.open = Some(client.clone()),
            Some(_) => self.open = None,
            None => {}
        }
        let tail = text.split_off(text.len().saturating_sub(END.len() - 1));
        self.last = Some((client.clone(), tail));
    }

    /// The mark that closes the open paste, if it is of one of these clients. It then counts as closed.
    pub(super) fn end_of(&mut self, clients: &BTreeSet<ClientId>) -> Option<&'static [u8]> {
        self.open.take_if(|client| clients.contains(client)).map(|_| END)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_is_open_from_its_first_mark_to_its_last() {
        let client = |id: &str| ClientId::new(id).unwrap();
        let both = BTreeSet::from([client("a"), client("b")]);
        for (written, open) in [
            (&[("a", "\x1b[200~text")][..], true),
            (&[("a", "\x1b[200~text\x1b[201~")], false),
            (&[("a", "\x1b[201~ \x1b[200~")], true),
            (&[("a", "\x1b[20"), ("a", "0~text")], true),
            (&[("a", "\x1b[20"), ("b", "0~text")], false),
            (&[("a", "\x1b[200~text\x1b"), ("a", "["), ("a", "201~")], false),
            (&[("a", "\x1b[200~text"), ("b", "\x1b[201~")], false),
            (&[("a", "ls\r")], false),
        ] {
            let mut paste = OpenPaste::default();
            for (id, bytes) in written {
                paste.wrote(&client(id), bytes.as_bytes());
            }
            assert_eq!(paste.end_of(&BTreeSet::from([client("c")])), None, "{written:?}");
            assert_eq!(paste.end_of(&both).is_some(), open, "{written:?}");
            assert_eq!(paste.end_of(&both), None, "once");
        }
    }
}
