//! The cases: what a client sends, and what it must get. Named after the sections of the Autobahn test suite, the usual measure
//! of an implementation of RFC 6455; its cases of performance and of compression are left out.

use crate::raw_client::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, frame, unmasked};
use serde_json::json;

/// Close codes for faults.
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
pub(crate) const INVALID_DATA: u16 = 1007;
const NO_STATUS: Option<u16> = None;

/// The expected answer of the server.
pub(crate) enum Expected {
    /// The connection stays open, after an answer to each of these texts, and these pongs.
    Open { answers: Vec<String>, pongs: Vec<Vec<u8>> },
    /// An echo of each binary message, where the socket takes them; else 1003.
    Binary { echoes: Vec<Vec<u8>> },
    /// The server closes with this code. Answers and pongs may come before.
    Closed(Option<u16>),
}

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) sent: Vec<u8>,
    /// Bytes of each write.
    pub(crate) piece: usize,
    pub(crate) expected: Expected,
}

/// A text message that every socket answers with itself.
pub(crate) fn echo(text: &str) -> String {
    json!({"type": "echo", "text": text}).to_string()
}

/// A close frame's payload.
pub(crate) fn close_body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason].concat()
}

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Cases::default();
    cases.framing();
    cases.pings();
    cases.reserved();
    cases.fragments();
    cases.utf8();
    cases.closing();
    cases.masking();
    cases.0
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, name: &str, sent: &[Vec<u8>], expected: Expected) {
        self.0.push(Case { name: name.to_owned(), sent: sent.concat(), piece: usize::MAX, expected });
    }

    /// The last case once more, in small writes.
    fn again(&mut self, name: &str, piece: usize, expected: Expected) {
        let sent = self.0.last().map(|case| case.sent.clone()).unwrap_or_default();
        self.0.push(Case { name: name.to_owned(), sent, piece, expected });
    }

    fn answered(&mut self, name: &str, sent: &[Vec<u8>], answers: &[&str]) {
        self.add(name, sent, open(answers, &[]));
    }

    fn closed(&mut self, name: &str, sent: &[Vec<u8>], code: u16) {
        self.add(name, sent, Expected::Closed(Some(code)));
    }

    /// Section 1: lengths.
    fn framing(&mut self) {
        // The length of the frame, not of the text in it.
        let around = echo("").len();
        for length in [around, 125, 126, 127, 128, 4000] {
            let text = "*".repeat(length - around);
            self.answered(&format!("1.1 text of {length} bytes"), &[message(&text)], &[&text]);
        }
        let text = "*".repeat(4000 - around);
        self.again("1.1.7 text of 4000 bytes in pieces of 997", 997, open(&[&text], &[]));
        for length in [0, 125, 126, 127, 128, 4000] {
            let bytes = vec![0xFE; length];
            let expected = Expected::Binary { echoes: vec![bytes.clone()] };
            self.add(&format!("1.2 binary of {length} bytes"), &[frame(FIN | BINARY, &bytes)], expected);
        }
        self.again("1.2.7 binary in pieces of 997", 997, Expected::Binary { echoes: vec![vec![0xFE; 4000]] });
    }

    /// Section 2: pings and pongs.
    fn pings(&mut self) {
        let ping = |payload: &[u8]| frame(FIN | PING, payload);
        let longest = vec![0xFE; 125];
        let payloads: [(&str, &[u8]); 4] = [
            ("2.1 ping without payload", b""),
            ("2.2 ping with text", b"Hello, world!"),
            ("2.3 ping with bytes", &[0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF]),
            ("2.4 ping of 125 bytes", &longest),
        ];
        for (name, payload) in payloads {
            self.add(name, &[ping(payload)], open(&[], &[payload]));
        }
        self.again("2.6 ping byte by byte", 1, open(&[], &[&longest]));
        self.closed("2.5 ping of 126 bytes", &[ping(&[0xFE; 126])], PROTOCOL_ERROR);
        self.add("2.7 unsolicited pong", &[frame(FIN | PONG, b"")], open(&[], &[]));
        self.add("2.8 unsolicited pong with payload", &[frame(FIN | PONG, b"unsolicited")], open(&[], &[]));
        self.add("2.9 unsolicited pong, ping", &[frame(FIN | PONG, b"x"), ping(b"payload")], open(&[], &[b"payload"]));
        let payloads: Vec<Vec<u8>> = (0..10).map(|n| format!("payload-{n}").into_bytes()).collect();
        let sent: Vec<_> = payloads.iter().map(|payload| ping(payload)).collect();
        self.add("2.10 ten pings", &sent, Expected::Open { answers: Vec::new(), pongs: payloads.clone() });
        self.again("2.11 ten pings byte by byte", 1, Expected::Open { answers: Vec::new(), pongs: payloads });
    }

    /// Sections 3 and 4: reserved bits and opcodes.
    fn reserved(&mut self) {
        for bits in 1..8u8 {
            for (kind, opcode) in [("text", TEXT), ("binary", BINARY), ("ping", PING), ("close", CLOSE)] {
                let sent = [frame(FIN | bits << 4 | opcode, b"")];
                self.closed(&format!("3.{bits} {kind} with reserved bits {bits:03b}"), &sent, PROTOCOL_ERROR);
            }
        }
        for opcode in (3..8).chain(11..16u8) {
            let section = if opcode < 8 { "4.1" } else { "4.2" };
            for payload in [&b""[..], b"reserved opcode payload"] {
                let name = format!("{section} opcode {opcode} with {} bytes", payload.len());
                self.closed(&name, &[frame(FIN | opcode, payload)], PROTOCOL_ERROR);
                let sent = [message("x"), frame(FIN | opcode, payload), frame(FIN | PING, b"")];
                self.closed(&format!("{name}, after a text"), &sent, PROTOCOL_ERROR);
            }
        }
    }

    /// Section 5: fragments.
    fn fragments(&mut self) {
        self.closed("5.1 ping in two fragments", &[frame(PING, b"a"), frame(FIN | CONTINUATION, b"b")], PROTOCOL_ERROR);
        self.closed("5.2 pong in two fragments", &[frame(PONG, b"a"), frame(FIN | CONTINUATION, b"b")], PROTOCOL_ERROR);
        let text = echo("fragment1fragment2");
        let (first, second) = text.as_bytes().split_at(30);
        let (first, second) = (frame(TEXT, first), frame(FIN | CONTINUATION, second));
        let whole = ["fragment1fragment2"];
        self.answered("5.3 text in two fragments", &[first.clone(), second.clone()], &whole);
        self.again("5.5 text in two fragments byte by byte", 1, open(&whole, &[]));
        let ping = frame(FIN | PING, b"ping payload");
        let pong: &[u8] = b"ping payload";
        self.add("5.6 ping between fragments", &[first.clone(), ping.clone(), second.clone()], open(&whole, &[pong]));
        self.again("5.8 ping between fragments byte by byte", 1, open(&whole, &[pong]));
        for (name, first_byte) in [("5.9 last", FIN | CONTINUATION), ("5.12 first", CONTINUATION)] {
            let sent = [frame(first_byte, b"non-continuation payload"), message("x")];
            self.closed(&format!("{name} continuation with nothing to continue"), &sent, PROTOCOL_ERROR);
        }
        let sent = [first.clone(), second.clone(), frame(CONTINUATION, b"x"), message("x")];
        self.closed("5.15 continuation after a whole message", &sent, PROTOCOL_ERROR);
        self.closed("5.18 two texts not finished", &[first.clone(), frame(FIN | TEXT, b"x")], PROTOCOL_ERROR);
        let empty = frame(CONTINUATION, b"");
        let sent = [first.clone(), empty.clone(), ping.clone(), empty, ping, second];
        self.add("5.19 five fragments and two pings", &sent, open(&whole, &[pong, pong]));
        self.again("5.20 five fragments and two pings in pieces of 7", 7, open(&whole, &[pong, pong]));
        let sent = [frame(BINARY, b"ab"), frame(FIN | CONTINUATION, b"cd")];
        self.add("5.x binary in two fragments", &sent, Expected::Binary { echoes: vec![b"abcd".to_vec()] });
    }

    /// Section 6: UTF-8.
    fn utf8(&mut self) {
        let all_kinds = "Hello-µ@ßöäüàá-UTF-8!! κόσμε \u{fffd}\u{ffff}\u{10000}\u{10ffff}";
        let sent = echo(all_kinds).into_bytes();
        self.answered("6.2.1 text of all lengths of code points", &[frame(FIN | TEXT, &sent)], &[all_kinds]);
        for (name, size) in [("6.2.3 a fragment for each byte", 1), ("6.2.4 fragments within code points", 3)] {
            let mut parts: Vec<_> = sent.chunks(size).map(|part| frame(CONTINUATION, part)).collect();
            parts[0][0] = TEXT;
            parts.push(frame(FIN | CONTINUATION, b""));
            self.answered(name, &parts, &[all_kinds]);
        }
        for text in ["\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}", "\u{e000}", "\u{fdd0}", "\u{1ffff}", "\u{10fffe}"] {
            let name = format!("6.7 text with U+{:04X}", u32::from(text.chars().next().unwrap_or_default()));
            self.answered(&name, &[message(text)], &[text]);
        }
        let surrogate = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64";
        let invalid: [(&str, &[u8]); 18] = [
            ("6.3.1 a surrogate in a text", surrogate),
            ("6.6 first half of a code point of two bytes", b"\xce"),
            ("6.6 code point of three bytes cut short", b"\xe1\xbd"),
            ("6.8 sequence of five bytes", b"\xf8\x88\x80\x80\x80"),
            ("6.8 sequence of six bytes", b"\xfc\x84\x80\x80\x80\x80"),
            ("6.10 above U+10FFFF", b"\xf4\x90\x80\x80"),
            ("6.12 a lone continuation byte", b"\x80"),
            ("6.12 a lone 0xBF", b"\xbf"),
            ("6.12 two continuation bytes", b"\x80\xbf"),
            ("6.13 lone first byte and a space", b"\xc0\x20"),
            ("6.14 sequence of two without its end", b"\xdf"),
            ("6.14 sequence of four without its end", b"\xf7\xbf\xbf"),
            ("6.16 impossible byte 0xFE", b"\xfe"),
            ("6.16 impossible byte 0xFF", b"\xff"),
            ("6.17 overlong slash of two bytes", b"\xc0\xaf"),
            ("6.18 overlong U+007F", b"\xc1\xbf"),
            ("6.19 overlong zero of three bytes", b"\xe0\x80\x80"),
            ("6.20 half of a surrogate pair", b"\xed\xbf\xbf"),
        ];
        for (name, bytes) in invalid {
            self.closed(name, &[frame(FIN | TEXT, bytes)], INVALID_DATA);
            self.again(&format!("{name}, byte by byte"), 1, Expected::Closed(Some(INVALID_DATA)));
        }
        let sent = [frame(TEXT, surrogate), frame(CONTINUATION, b""), frame(FIN | CONTINUATION, b"")];
        self.closed("6.4.1 a surrogate in the first fragment", &sent, INVALID_DATA);
        self.closed(
            "6.4.2 a surrogate over two fragments",
            &[frame(TEXT, b"\xed"), frame(FIN, b"\xa0\x80")],
            INVALID_DATA,
        );
        // Fails before the message is complete.
        self.closed("6.4.3 a surrogate in a message that does not end", &[frame(TEXT, surrogate)], INVALID_DATA);
    }

    /// Section 7: the closing handshake.
    fn closing(&mut self) {
        let close = |body: &[u8]| frame(FIN | CLOSE, body);
        let normal = close(&close_body(1000, b""));
        self.closed("7.1.1 text and close", &[message("x"), normal.clone()], 1000);
        self.closed("7.1.2 close twice", &[normal.clone(), normal.clone()], 1000);
        self.closed("7.1.3 ping after close", &[normal.clone(), frame(FIN | PING, b"")], 1000);
        self.closed("7.1.4 text after close", &[normal.clone(), message("x")], 1000);
        let sent = [frame(TEXT, b"a"), normal.clone(), frame(FIN | CONTINUATION, b"b")];
        self.closed("7.1.5 close between fragments", &sent, 1000);
        self.add("7.3.1 close without a code", &[close(b"")], Expected::Closed(NO_STATUS));
        self.closed("7.3.2 close of one byte", &[close(b"a")], PROTOCOL_ERROR);
        self.closed("7.3.4 close with a reason", &[close(&close_body(1000, b"Hello World!"))], 1000);
        self.closed("7.3.5 close with the longest reason", &[close(&close_body(1000, &[b'*'; 123]))], 1000);
        self.closed("7.3.6 close of 126 bytes", &[close(&close_body(1000, &[b'*'; 124]))], PROTOCOL_ERROR);
        self.closed(
            "7.5.1 close with a reason that is not UTF-8",
            &[close(&close_body(1000, b"\xce\xba\xe1"))],
            INVALID_DATA,
        );
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
            self.closed(&format!("7.7 close with {code}"), &[close(&close_body(code, b""))], code);
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            self.closed(&format!("7.9 close with {code}"), &[close(&close_body(code, b""))], PROTOCOL_ERROR);
        }
    }

    /// Section 5.1 of the RFC: masks.
    fn masking(&mut self) {
        for (kind, opcode) in [("text", TEXT), ("binary", BINARY), ("ping", PING), ("close", CLOSE)] {
            self.closed(&format!("unmasked {kind}"), &[unmasked(FIN | opcode, b"{}")], PROTOCOL_ERROR);
        }
    }
}

fn message(text: &str) -> Vec<u8> {
    frame(FIN | TEXT, echo(text).as_bytes())
}

fn open(answers: &[&str], pongs: &[&[u8]]) -> Expected {
    let answers = answers.iter().map(|text| (*text).to_owned()).collect();
    Expected::Open { answers, pongs: pongs.iter().map(|payload| payload.to_vec()).collect() }
}
