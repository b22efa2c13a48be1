//! Properties of the way from the ring to the reader, for any network. A file of its own, because the fuzzer includes it. The
//! ring, the frames and the client are real; the sender between them is the simplest that the protocol allows. A script of bytes,
//! two for each step, sets the output and the fate of each frame.

use backend::session::deflate::{Effort, deflate};
use backend::session::output_log::{Item, OutputLog, RING_BYTES};
use protocol_client::{Client, ClientEvent, StreamItem};
use serde_json::json;
use shared_protocol::client::{Inbound, parse};
use shared_protocol::frame::fitting_prefix;
use shared_protocol::limits::{FRAME_BYTES, FRAME_RAW_BYTES};
use shared_protocol::server::{Event, Limits, Output, PositionedEvent, Room, Snapshot, SnapshotScope, Tty};
use shared_protocol::{ClientId, ClientMessage, Epoch, Payload, Pos, Seq, ServerFrame, ServerMessage, StreamEvent};
use std::collections::BTreeMap;
use std::time::Duration;

const EPOCH: Epoch = Epoch(7);
/// Room for a payload in a frame, in bytes; one that is small makes many cuts.
const ROOMS: [usize; 4] = [64, 600, 8_000, FRAME_BYTES - 512];
/// Frames that are under way at most.
const UNDER_WAY: usize = 64;

/// Rounds of two seconds in which a good network brings everything.
const ROUNDS: usize = 20;

/// Printed output by position, to compare with what arrives.
#[derive(Default)]
struct Written {
    /// With a zero where an event stands.
    bytes: Vec<u8>,
    events: BTreeMap<usize, StreamEvent>,
}

#[derive(Default)]
struct Service {
    log: OutputLog,
    written: Written,
    cursor: Pos,
    acknowledged: Pos,
    snapshots: u32,
    deflates: bool,
}

impl Service {
    /// Bytes that differ from place to place; some are no text, some packs well.
    fn print(&mut self, count: usize, kind: u8) {
        let from = self.written.bytes.len();
        let bytes: Vec<u8> = match kind % 3 {
            0 => (from..from + count).map(|at| b"0123456789 abcdef\r\n"[(at * 7 + at / 19) % 19]).collect(),
            1 => (from..from + count).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect(),
            _ => "日本語\u{1f600}\x1b[1m".bytes().cycle().skip(from % 17).take(count).collect(),
        };
        self.log.push_bytes(&bytes);
        self.written.bytes.extend(bytes);
    }

    fn happen(&mut self, n: u8) {
        let event = match n % 2 {
            0 => StreamEvent::Size { cols: u16::from(n) + 2, rows: 24 },
            _ => StreamEvent::Chat { from: "ada".into(), name: None, message: format!("word {n} \u{1f600}") },
        };
        self.log.push_event(event.clone());
        self.written.events.insert(self.written.bytes.len(), event);
        self.written.bytes.push(0);
    }

    fn frame(&self, message: ServerMessage) -> String {
        let frame = ServerFrame { message, head: Some(self.log.end()), ack_seq: Some(Seq(0)), prompt: false };
        let text = frame.to_json();
        assert!(text.len() <= FRAME_BYTES, "{} bytes", text.len());
        text
    }

    /// The next frame of the stream, if there is one.
    fn next(&mut self, room: usize) -> Option<String> {
        let pos = self.cursor;
        let most = if self.deflates { FRAME_RAW_BYTES } else { room };
        let message = match self.log.at(pos, most) {
            Item::End => return None,
            Item::Event(event) => ServerMessage::Event(Event { epoch: EPOCH, pos, event: event.clone() }),
            Item::Bytes(bytes) => {
                let (payload, len) =
                    self.deflates.then(|| deflate(&bytes, room, Effort::Thorough)).flatten().unwrap_or_else(|| {
                        let cut = fitting_prefix(&bytes, room);
                        (Payload::encode(cut), cut.len())
                    });
                ServerMessage::Output(Output { epoch: EPOCH, pos, len: len as u32, payload })
            }
            Item::Lost => {
                self.snapshots += 1;
                self.cursor = self.log.end();
                let events =
                    self.log.events_from(pos).map(|(pos, event)| PositionedEvent { pos, event: event.clone() });
                let snapshot = Snapshot {
                    epoch: EPOCH,
                    pos: self.cursor,
                    id: self.snapshots,
                    part: 1,
                    parts: 1,
                    scope: SnapshotScope::Screen,
                    cols: 80,
                    rows: 24,
                    payload: Payload::Data("\x18".into()),
                    skipped: self.cursor.0 - pos.0,
                    events: events.take(50).collect(),
                    room: Room::default(),
                };
                return Some(self.frame(ServerMessage::Snapshot(snapshot)));
            }
        };
        self.cursor = match &message {
            ServerMessage::Output(output) => pos.after(output.len.into()),
            _ => pos.after(1),
        };
        Some(self.frame(message))
    }

    /// Handles a message of the client; returns the answer, if any.
    fn hear(&mut self, text: &str, client: &ClientId) -> Option<String> {
        let Inbound::Message(message) = parse(text.as_bytes()).expect("a client says what is allowed").inbound else {
            panic!("{text} is no message of a client");
        };
        match message {
            ClientMessage::Attach(attach) => {
                self.cursor = attach.resume.map_or(Pos(0), |resume| resume.pos);
                let attached = json!({
                    "sessionId": "s", "client": client, "epoch": EPOCH, "pos": self.cursor, "inputSeq": 0, "followMs": 20_000,
                    "cols": 80, "rows": 24, "role": "controller", "tty": Tty::default(), "limits": Limits::default()
                });
                Some(self.frame(ServerMessage::Attached(serde_json::from_value(attached).unwrap())))
            }
            ClientMessage::Follow(follow) if follow.repair => {
                self.cursor = follow.pos;
                None
            }
            ClientMessage::Ack(ack) => {
                assert!(ack.pos <= self.log.end(), "only printed output can be parsed");
                self.acknowledged = self.acknowledged.max(ack.pos);
                None
            }
            _ => None,
        }
    }
}

struct Conversation {
    service: Service,
    client: Client,
    id: ClientId,
    now: Duration,
    /// Frames that may still arrive.
    under_way: Vec<String>,
    /// Position of the reader.
    read: u64,
}

impl Conversation {
    fn arrive(&mut self, frame: &str) {
        self.client.receive(frame, self.now);
        while let Some(heard) = self.client.next_event() {
            let ClientEvent::Stream(piece) = heard else { continue };
            let written = &self.service.written;
            match piece {
                StreamItem::Bytes(bytes) => {
                    let at = self.read as usize..self.read as usize + bytes.len();
                    assert!(written.bytes[at.clone()] == bytes, "other bytes at {}", self.read);
                    assert_eq!(written.events.range(at).next(), None, "an event is no byte");
                    self.read += bytes.len() as u64;
                }
                StreamItem::Event(event) if written.events.get(&(self.read as usize)) == Some(&event) => self.read += 1,
                // Among what a snapshot skips.
                StreamItem::Event(event) => {
                    assert!(written.events.range(..self.read as usize).any(|(_, known)| *known == event));
                }
                StreamItem::Snapshot { pos, .. } => {
                    assert!(pos.0 > self.read, "only forward");
                    self.read = pos.0;
                }
            }
            assert!(self.client.pos().0 >= self.read);
        }
    }

    fn speak(&mut self) {
        for text in self.client.send(self.now) {
            if let Some(answer) = self.service.hear(&text, &self.id) {
                self.arrive(&answer);
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.speak();
    }
}

/// Plays the script; then the network is good, and everything that was written has been read, each at its place.
pub(crate) fn holds(script: &[u8]) -> u64 {
    let id = ClientId::new("page").unwrap();
    let mut client = Client::new(id.clone(), 80, 24);
    client.connected(Duration::ZERO);
    let deflates = script.first().is_some_and(|first| first % 2 == 1);
    let service = Service { deflates, ..Service::default() };
    let mut talk = Conversation { service, client, id, now: Duration::ZERO, under_way: Vec::new(), read: 0 };
    talk.speak();
    for step in script.as_chunks::<2>().0 {
        let [what, how] = *step;
        let room = ROOMS[usize::from(how) % ROOMS.len()];
        match what % 16 {
            0..=2 => talk.service.print(usize::from(how) * 5 + 1, what / 16),
            3 => talk.service.print(usize::from(how) * 300, what / 16),
            4 if talk.service.written.bytes.len() < 2 * RING_BYTES => talk.service.print(RING_BYTES / 4, what / 16),
            4 | 5 => talk.service.happen(how),
            6..=8 => {
                if let Some(frame) = talk.service.next(room) {
                    talk.arrive(&frame);
                }
            }
            // Lost on its way.
            9 => drop(talk.service.next(room)),
            10 | 11 if talk.under_way.len() < UNDER_WAY => talk.under_way.extend(talk.service.next(room)),
            10..=12 if !talk.under_way.is_empty() => {
                // Late, and perhaps not for the last time.
                let at = usize::from(how) % talk.under_way.len();
                let frame = if what >= 128 { talk.under_way[at].clone() } else { talk.under_way.swap_remove(at) };
                talk.arrive(&frame);
            }
            13 => talk.pass(Duration::from_millis(u64::from(how) * 20)),
            14 if how < 32 => {
                talk.client.disconnected();
                talk.client.connected(talk.now);
                talk.speak();
            }
            _ => talk.speak(),
        }
    }
    let end = talk.service.log.end();
    assert_eq!(end.0, talk.service.written.bytes.len() as u64);
    for _ in 0..ROUNDS {
        while let Some(frame) = talk.service.next(ROOMS[3]) {
            talk.arrive(&frame);
        }
        if talk.client.pos() == end {
            break;
        }
        talk.pass(Duration::from_secs(2));
        // The service sends again by itself after this time: the client cannot know that the last frame was lost.
        talk.service.cursor = talk.service.cursor.min(talk.service.acknowledged);
    }
    assert_eq!((talk.client.pos(), talk.read), (end, end.0), "it stalls");
    end.0
}
