//! A model of the whole conversation: a real session and a real client on a scripted terminal. A simulated network between them
//! loses, repeats, delays, reorders and cuts, by a seed. Time is simulated, so minutes take milliseconds.
//!
//! Covered: every interleaving that the seeds produce of messages, direct replies, grants, questions, lost questions, answers
//! asked for again, relays that die, posts that are lost or come twice, connections that go with or without a word, and
//! handovers; with and without `z`; with a terminal that stops reading. Proven for them: nothing stalls, nothing is lost,
//! repeated or out of place. Not covered: the gateway's own code and real sockets, which the whole-stack tests have.

use crate::harness::{Harness, caller, question};
use backend::relay::Relays;
use backend::session::{Caller, Grant, Reply, SessionHandle};
use backend::terminal::scripted::Script;
use protocol_client::{Client, ClientEvent, StreamItem};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use shared_protocol::client::parse;
use shared_protocol::relay::{MemberReport, RelayFrame};
use shared_protocol::server::SnapshotScope;
use shared_protocol::{ClientId, ConnectionId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Lifetime of a relay: that of the gateway's invocation.
const RELAY_LIFETIME: Duration = Duration::from_secs(25);
/// Longest simulated time of one conversation.
const MAX_DURATION: Duration = Duration::from_secs(3600);
/// Keys that each user of a small conversation types.
const KEYS: usize = 600;
/// Frames in flight to the client.
const IN_FLIGHT: usize = 10_000;

/// Fault rates of the network, per 1,000 events.
#[derive(Clone, Copy)]
struct Faults {
    lost: u64,
    repeated: u64,
    late: u64,
    relay_dies: u64,
    /// Number of messages after which the connection is cut.
    cut_every: u64,
}

const HOSTILE: Faults = Faults { lost: 20, repeated: 50, late: 200, relay_dies: 10, cut_every: 200 };
const AWFUL: Faults = Faults { lost: 200, repeated: 200, late: 500, relay_dies: 100, cut_every: 40 };
const PERFECT: Faults = Faults { lost: 0, repeated: 0, late: 0, relay_dies: 0, cut_every: u64::MAX };

/// Repeatable randomness.
#[derive(Clone)]
struct SeededRng(Arc<Mutex<SplitMix64>>);

impl SeededRng {
    fn draw(&self, below: u64) -> u64 {
        self.0.lock().unwrap().next_u64() % below
    }

    fn hits(&self, per_thousand: u64) -> bool {
        self.draw(1000) < per_thousand
    }
}

/// One connection through the simulated gateway.
#[derive(Clone)]
struct GatewayConnection {
    session: SessionHandle,
    relays: Arc<Relays>,
    who: Caller,
    faults: Faults,
    rng: SeededRng,
    sockets: Sockets,
}

/// The way of frames to each connection's page, with the number of the connection; a page drops frames of earlier ones.
type Sockets = Arc<Mutex<HashMap<ConnectionId, (u64, mpsc::Sender<(u64, String)>)>>>;

impl GatewayConnection {
    async fn delay(&self) {
        let usual = self.rng.draw(20);
        let late = if self.rng.hits(self.faults.late) { self.rng.draw(400) } else { 0 };
        sleep_until(Instant::now() + Duration::from_millis(usual + late)).await;
    }

    /// A message of the client: none, one or two invocations.
    fn message(&self, text: &str) {
        let copies = u64::from(!self.rng.hits(self.faults.lost)) + u64::from(self.rng.hits(self.faults.repeated));
        for _ in 0..copies {
            let (connection, text) = (self.clone(), text.to_owned());
            tokio::spawn(async move {
                connection.delay().await;
                connection.invoke(&text).await;
            });
        }
    }

    async fn invoke(&self, text: &str) {
        let started = Instant::now();
        let inbound = parse(text.as_bytes()).unwrap().inbound;
        let Ok(reply) = self.session.deliver(self.who.clone(), inbound).await else { return };
        let Reply { frame, grant, .. } = reply;
        if let Some(frame) = frame {
            self.post(&self.who.connection, &frame).await;
        }
        if let Some(Grant::Relay(grant)) = grant {
            self.carry(&grant, started + RELAY_LIFETIME).await;
        }
    }

    /// Carries as a run of the function does, until it is told to stop or dies.
    async fn carry(&self, grant: &str, until: Instant) {
        let Some(relay) = self.relays.find(grant, &self.who.endpoint) else { return };
        let (mut number, mut reports) = (1, Vec::new());
        while Instant::now() < until && !self.rng.hits(self.faults.relay_dies) {
            let wait = (until - Instant::now()).min(Duration::from_secs(20));
            let question = question(number, reports.clone());
            relay.report(&question);
            let answer = self.relays.ask(&relay, &question, wait).await;
            if self.rng.hits(self.faults.lost) {
                // The answer is lost on its way: asked for again, with the same number.
                continue;
            }
            number += 1;
            reports = Vec::new();
            for RelayFrame { member, number, connection, frame, .. } in answer.frames {
                self.post(&connection, &frame).await;
                reports.push(MemberReport { member, settled: number, ..MemberReport::default() });
            }
            if answer.next.is_none() {
                return;
            }
        }
    }

    async fn post(&self, to: &ConnectionId, frame: &[u8]) {
        let Some((number, frames)) = self.sockets.lock().unwrap().get(to).cloned() else { return };
        let copies = u64::from(!self.rng.hits(self.faults.lost)) + u64::from(self.rng.hits(self.faults.repeated));
        for copy in 0..copies {
            let (connection, frames) = (self.clone(), frames.clone());
            let text = String::from_utf8(frame.to_vec()).unwrap();
            let arrive = async move {
                connection.delay().await;
                // The client may have gone meanwhile.
                let _ = frames.send((number, text)).await;
            };
            // A post is awaited; its duplicate is not.
            if copy == 0 { arrive.await } else { drop(tokio::spawn(arrive)) }
        }
    }
}

/// A page that types and reads.
struct Page {
    client: Client,
    user: String,
    output: Vec<u8>,
    /// Every key so far.
    typed: Vec<String>,
    connection: Option<GatewayConnection>,
    number: u64,
    sent: u64,
    frames: mpsc::Sender<(u64, String)>,
    inbox: mpsc::Receiver<(u64, String)>,
    started: Instant,
    sockets: Sockets,
    /// True if so many pages take turns that one which comes back misses more than a screen.
    is_slow: bool,
}

impl Page {
    fn new(user: &str, sockets: &Sockets, is_slow: bool) -> Self {
        let (frames, inbox) = mpsc::channel(IN_FLIGHT);
        let client = Client::new(ClientId::new(format!("page-{user}")).unwrap(), 80, 24);
        let (user, output, typed, started) = (user.into(), Vec::new(), Vec::new(), Instant::now());
        let sockets = Arc::clone(sockets);
        Self {
            client,
            user,
            output,
            typed,
            connection: None,
            number: 0,
            sent: 0,
            frames,
            inbox,
            started,
            sockets,
            is_slow,
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Replaces the connection; the old one disconnects half of the time.
    async fn connect(&mut self, harness: &Harness, faults: Faults, rng: &SeededRng) {
        self.client.disconnected();
        if let Some(old) = self.connection.take()
            && rng.hits(500)
        {
            harness.session.disconnect(old.who.connection).await.unwrap();
        }
        self.number += 1;
        let who = caller(&self.user, &format!("{}-{}=", self.user, self.number));
        // One API: the clients share relays.
        let who = Caller { endpoint: "api/prod".into(), ..who };
        self.sockets.lock().unwrap().insert(who.connection.clone(), (self.number, self.frames.clone()));
        let (session, relays) = (harness.session.clone(), Arc::clone(harness.registry.relays()));
        let (sockets, rng) = (Arc::clone(&self.sockets), rng.clone());
        self.connection = Some(GatewayConnection { session, relays, who, faults, rng, sockets });
        self.client.connected(self.now());
    }

    /// Sends what is due, then waits for a frame or for the next thing to do, at most until `deadline`.
    async fn step(&mut self, harness: &Harness, faults: Faults, rng: &SeededRng, deadline: Instant) {
        for message in self.client.send(self.now()) {
            self.sent += 1;
            self.connection.as_ref().unwrap().message(&message);
            if self.sent.is_multiple_of(faults.cut_every) {
                return self.connect(harness, faults, rng).await;
            }
        }
        let next = self.client.deadline().map_or(deadline, |at| (self.started + at).min(deadline));
        if let Ok(Some((number, frame))) = timeout_at(next, self.inbox.recv()).await
            && number == self.number
        {
            self.client.receive(&frame, self.now());
        }
        while let Some(heard) = self.client.next_event() {
            match heard {
                ClientEvent::Stream(StreamItem::Bytes(bytes)) => self.output.extend(bytes),
                // A late page that has acknowledged nothing gets a full snapshot; no page is ever skipped ahead.
                ClientEvent::Stream(StreamItem::Snapshot { pos, scope, skipped, .. }) => {
                    let is_first = scope == SnapshotScope::Full && skipped == 0 && pos.0 < 64 * 1024;
                    assert!(is_first || self.is_slow, "the stream fits into the ring: {scope:?} {skipped} {pos}");
                    self.output.clear();
                }
                ClientEvent::Discarded(_) => panic!("the shell is the same"),
                _ => {}
            }
        }
    }
}

/// Output of a program: numbered lines, so that a difference shows its place.
fn known(lines: u64) -> Vec<u8> {
    (0..lines)
        .flat_map(|line| {
            format!("{line:06} \x1b[3{}m{}\x1b[0m\r\n", line % 8, "#".repeat(line as usize % 60)).into_bytes()
        })
        .collect()
}

/// Prints in uneven pieces, with pauses, and stops reading input now and then.
async fn play(script: Script, stream: Vec<u8>, rng: SeededRng) {
    let mut rest = stream.as_slice();
    while !rest.is_empty() {
        let piece = rest.len().min(1 + rng.draw(3000) as usize);
        script.print(&rest[..piece]);
        rest = &rest[piece..];
        script.set_room(if rng.hits(100) { rng.draw(50) as usize } else { usize::MAX });
        sleep_until(Instant::now() + Duration::from_millis(rng.draw(300))).await;
    }
    script.set_room(usize::MAX);
}

/// Types and prints through a bad network until everything has arrived, and compares.
async fn converse(seed: u64, faults: Faults, users: &[&str], keys: usize) {
    let harness = Harness::new().await;
    let rng = SeededRng(Arc::new(Mutex::new(SplitMix64::seed_from_u64(seed))));
    let stream = known(4000);
    tokio::spawn(play(harness.script.clone(), stream.clone(), rng.clone()));
    let relays = Arc::clone(harness.registry.relays());
    tokio::spawn(async move { relays.run().await });
    let sockets = Sockets::default();
    let mut pages: Vec<Page> = users.iter().map(|user| Page::new(user, &sockets, users.len() > 2)).collect();
    for page in &mut pages {
        page.connect(&harness, faults, &rng).await;
    }
    let begun = Instant::now();
    loop {
        for page in &mut pages {
            if page.typed.len() < keys && rng.hits(300) {
                let key = format!("{}{:04} ", page.user, page.typed.len());
                page.client.keys(&key);
                page.typed.push(key);
            }
            let soon = Instant::now() + Duration::from_millis(1 + rng.draw(40));
            page.step(&harness, faults, &rng, soon).await;
        }
        // The whole last line: other lines end like it.
        let has_all =
            |page: &Page| page.client.unacknowledged() == 0 && page.output.ends_with(&stream[stream.len() - 57..]);
        let done = pages.iter().all(|page| page.typed.len() == keys && has_all(page));
        if done && harness.script.taken() == stream.len() {
            break;
        }
        let clients = pages.iter().map(|page| &page.client);
        assert!(begun.elapsed() < MAX_DURATION, "seed {seed} stalls: {:?}", clients.collect::<Vec<_>>());
    }
    let input = String::from_utf8(harness.script.input()).unwrap();
    let words: Vec<&str> = input.split_inclusive(' ').collect();
    assert_eq!(words.len(), users.len() * keys, "seed {seed}: every key once");
    for Page { user, output, typed, is_slow, .. } in &pages {
        let is_whole = stream.ends_with(output) && (*is_slow || output.len() > stream.len() / 2);
        assert!(is_whole, "seed {seed}: what {user} saw is what was printed");
        let theirs = words.iter().filter(|word| word.starts_with(user.as_str()));
        assert!(theirs.eq(typed), "seed {seed}: the keys of {user} are in order");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_over_any_network_loses_nothing() {
    for (seeds, faults, users) in [
        (1..2, PERFECT, &["a"][..]),
        (0..6, HOSTILE, &["a"]),
        (100..104, AWFUL, &["a"]),
        (200..203, HOSTILE, &["a", "b"]),
    ] {
        for seed in seeds {
            converse(seed, faults, users, KEYS).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_clients_that_share_relays_lose_nothing() {
    let users: Vec<String> = (b'a'..).take(30).map(|letter| format!("{letter:03}-")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    for seed in 300..302 {
        converse(seed, HOSTILE, &users, 30).await;
    }
}
