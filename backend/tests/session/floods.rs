//! Floods apart: a client whose program pours, among clients that type, behind a function whose posts take a while.

use crate::harness::{Harness, caller, question};
use backend::relay::Relays;
use backend::session::{Arrival, Caller, Grant, SessionHandle};
use backend::terminal::scripted::Script;
use serde_json::{Value, json};
use shared_protocol::client::parse;
use shared_protocol::relay::{MemberReport, RelayQuestion};
use shared_protocol::{ConnectionId, Dispatch};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Duration of a post, and of the way of a question.
const POST: Duration = Duration::from_millis(15);
/// Clients that type.
const TYPISTS: usize = 9;

/// A frame that arrived at its page.
#[derive(Debug, Clone)]
struct Posted {
    at: Instant,
    /// Number of the run that posted it; 0 for a message's own answer.
    run: usize,
    connection: ConnectionId,
    frame: Value,
}

/// The function and the pages behind it.
#[derive(Clone)]
struct Gateway {
    relays: Arc<Relays>,
    /// Runs so far.
    runs: Arc<Mutex<usize>>,
    /// Connections whose messages started them.
    granted: Arc<Mutex<Vec<ConnectionId>>>,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Gateway {
    fn new(harness: &Harness) -> Self {
        let relays = Arc::clone(harness.registry.relays());
        let ticking = Arc::clone(&relays);
        tokio::spawn(async move { ticking.run().await });
        Self { relays, runs: Arc::default(), granted: Arc::default(), posted: Arc::default() }
    }

    /// Delivers a message as an invocation does, which carries a relay beside the test if it is granted one.
    async fn say(&self, page: &Page, message: Value) {
        self.say_as(&page.who, page, message).await;
    }

    /// The same over this connection: the page's, or its carrier's.
    async fn say_as(&self, who: &Caller, page: &Page, message: Value) {
        let inbound = parse(message.to_string().as_bytes()).unwrap().inbound;
        let reply = page.session.deliver(who.clone(), inbound).await.unwrap();
        if let Some(frame) = reply.frame.filter(|_| !who.carrier) {
            let (at, connection) = (Instant::now(), who.connection.clone());
            let frame = serde_json::from_slice(&frame).unwrap();
            self.posted.lock().unwrap().push(Posted { at, run: 0, connection, frame });
        }
        if let Some(Grant::Relay(grant)) = reply.grant {
            self.granted.lock().unwrap().push(who.connection.clone());
            let run = {
                let mut runs = self.runs.lock().unwrap();
                *runs += 1;
                *runs
            };
            let (gateway, endpoint) = (self.clone(), page.who.endpoint.clone());
            tokio::spawn(async move { gateway.carry(run, &grant, &endpoint).await });
        }
    }

    async fn carry(&self, run: usize, grant: &str, endpoint: &str) {
        let Some(relay) = self.relays.find(grant, endpoint) else { return };
        let mut reports = Vec::new();
        for number in 1.. {
            let asked = question(number, std::mem::take(&mut reports));
            relay.report(&asked);
            let answer = self.relays.ask(&relay, &asked, Duration::from_secs(20)).await;
            sleep(POST).await;
            for frame in answer.frames {
                let (at, connection) = (Instant::now(), frame.connection);
                let text = serde_json::from_slice(&frame.frame).unwrap_or_default();
                self.posted.lock().unwrap().push(Posted { at, run, connection, frame: text });
                let (member, settled) = (frame.member, frame.number);
                reports.push(MemberReport { member, settled, ..MemberReport::default() });
            }
            if answer.next.is_none() {
                let last = RelayQuestion { last: true, ..question(number + 1, reports) };
                relay.report(&last);
                self.relays.ask(&relay, &last, Duration::ZERO).await;
                return;
            }
        }
    }

    /// Frames that arrived between two times, of the one that floods or of the others.
    fn posted(&self, between: [Instant; 2], of_flood: bool) -> Vec<Posted> {
        let posted = self.posted.lock().unwrap();
        let is_meant = |posted: &&Posted| (posted.connection.as_str() == "flood") == of_flood;
        posted
            .iter()
            .filter(is_meant)
            .filter(|posted| between[0] <= posted.at && posted.at < between[1])
            .cloned()
            .collect()
    }
}

/// A page on a connection of its own.
struct Page {
    who: Caller,
    session: SessionHandle,
}

/// Nine pages that type into one session, and one with a session that floods.
struct Class {
    harness: Harness,
    gateway: Gateway,
    typists: Vec<Page>,
    flood: Page,
    program: Script,
    /// Bytes that the program printed.
    printed: Mutex<usize>,
}

impl Class {
    async fn new() -> Self {
        Self::with(None).await
    }

    async fn with(dispatch: Option<Dispatch>) -> Self {
        let harness = Harness::new().await;
        let gateway = Gateway::new(&harness);
        let (session, program) = harness.another("other").await;
        let page = |connection: &str, session: &SessionHandle| Page {
            who: Caller {
                endpoint: "api/prod".into(),
                arrival: Arrival { dispatch, ..Arrival::default() },
                ..caller("ada", connection)
            },
            session: session.clone(),
        };
        let typists = (0..TYPISTS).map(|n| page(&format!("c{n}"), &harness.session)).collect();
        let class =
            Self { flood: page("flood", &session), harness, gateway, typists, program, printed: Mutex::default() };
        for page in class.typists.iter().chain([&class.flood]) {
            let attach = json!({"type":"attach","client":page.who.connection,"cols":80,"rows":24});
            class.gateway.say(page, attach).await;
            sleep(POST * 3).await;
            class.carry(page).await;
        }
        class
    }

    /// Lets time pass: the program of one pours if `pours`, and acknowledges; the others get an echo each 200 ms.
    async fn pass(&self, seconds: u64, pours: bool) -> [Instant; 2] {
        let (begun, mut seen) = (Instant::now(), 0);
        for step in 0..seconds * 100 {
            sleep_until(begun + Duration::from_millis(step * 10)).await;
            if pours && *self.printed.lock().unwrap() < self.program.taken() + 100_000 {
                // Hard to compress.
                let line: Vec<u8> = (0..50_000_u64).map(|n| b' ' + ((n * n * (step + 7)) % 89) as u8).collect();
                *self.printed.lock().unwrap() += line.len();
                self.program.print(line);
            }
            if step % 20 == 0 {
                self.harness.script.print("k");
            }
            if step % 500 == 0 {
                for page in self.typists.iter().chain([&self.flood]) {
                    let epoch = self.epoch(page);
                    self.gateway.say(page, json!({"type":"follow","epoch":epoch,"pos":0})).await;
                    self.carry(page).await;
                }
            }
            let posted = self.gateway.posted.lock().unwrap()[seen..].to_vec();
            seen += posted.len();
            for Posted { connection, frame, .. } in posted {
                let page =
                    self.typists.iter().chain([&self.flood]).find(|page| page.who.connection == connection).unwrap();
                if let Some(pos) = frame["pos"].as_u64() {
                    let pos = pos + frame["len"].as_u64().unwrap_or_default();
                    self.gateway.say(page, json!({"type":"ack","epoch":frame["epoch"],"pos":pos})).await;
                }
            }
        }
        [begun, Instant::now()]
    }

    /// Where messages wait for each other, a page's second connection asks for a run.
    async fn carry(&self, page: &Page) {
        if page.who.arrival.dispatch == Some(Dispatch::Serial) {
            let connection = ConnectionId::new(format!("{}-carrier", page.who.connection)).unwrap();
            let carrier = Caller { connection, carrier: true, ..page.who.clone() };
            let carry = json!({"type":"carry","client":page.who.connection,"epoch":self.epoch(page)});
            self.gateway.say_as(&carrier, page, carry).await;
        }
    }

    fn epoch(&self, page: &Page) -> Value {
        let posted = self.gateway.posted.lock().unwrap();
        let theirs = posted.iter().rev().find(|posted| posted.connection == page.who.connection);
        theirs.map_or(json!(0), |posted| posted.frame["epoch"].clone())
    }

    fn floods(&self) -> i64 {
        self.harness.metrics.relays.floods.get()
    }
}

/// Numbers of the runs that posted these frames.
fn runs(posted: &[Posted]) -> Vec<usize> {
    let mut runs: Vec<usize> = posted.iter().map(|posted| posted.run).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

#[tokio::test(start_paused = true)]
async fn a_flood_gets_a_relay_of_its_own_and_goes_back_when_it_is_over() {
    let class = Class::new().await;
    class.pass(1, false).await;
    assert_eq!(*class.gateway.runs.lock().unwrap(), 1, "all share a relay");
    class.pass(2, true).await;
    assert_eq!(class.floods(), 1);
    let apart = class.pass(8, true).await;
    let (flood, others) = (class.gateway.posted(apart, true), class.gateway.posted(apart, false));
    assert_eq!(runs(&others), [1]);
    assert!(!runs(&flood).contains(&1), "its relay, and that one's successor: {:?}", runs(&flood));
    assert!(flood.len() > 100 && flood.iter().all(|posted| posted.frame["type"] == "output"), "{}", flood.len());
    assert!(others.len() >= TYPISTS * 38, "echoes go on: {}", others.len());
    class.pass(4, false).await;
    assert_eq!(class.floods(), 1, "it may go on");
    class.pass(2, false).await;
    class.program.print("$ ");
    let together = class.pass(1, false).await;
    let (flood, others) = (class.gateway.posted(together, true), class.gateway.posted(together, false));
    assert_eq!((class.floods(), runs(&flood)), (0, runs(&others)));
}

#[tokio::test(start_paused = true)]
async fn where_there_may_be_no_more_relays_a_flood_gets_screens() {
    let class = Class::new().await;
    class.gateway.relays.set_at_most(2);
    class.pass(3, true).await;
    let shared = class.pass(8, true).await;
    let (flood, others) = (class.gateway.posted(shared, true), class.gateway.posted(shared, false));
    assert_eq!((class.floods(), runs(&flood), runs(&others)), (0, vec![1], vec![1]));
    let screens = flood.iter().filter(|posted| posted.frame["type"] == "snapshot" && posted.frame["part"] == 1);
    assert!((28..=34).contains(&screens.count()), "four a second");
    assert!(flood.iter().all(|posted| posted.frame["type"] != "output"), "and no stream");
    class.pass(6, false).await;
    class.program.print("$ ");
    let quiet = class.pass(1, false).await;
    let flood = class.gateway.posted(quiet, true);
    assert!(flood.iter().any(|posted| posted.frame["type"] == "output"), "the stream again");
}

#[tokio::test(start_paused = true)]
async fn where_messages_wait_for_each_other_a_carrier_brings_the_relay_of_a_flood() {
    let class = Class::with(Some(Dispatch::Serial)).await;
    class.pass(1, false).await;
    let runs_so_far = *class.gateway.runs.lock().unwrap();
    assert_eq!(
        runs_so_far, 2,
        "all share the relay of the first page for a second, and then that of the first carrier"
    );
    class.pass(4, true).await;
    assert_eq!(class.floods(), 0, "none has spoken since: the acknowledgements of the page itself bring no grant");
    class.pass(1, true).await;
    let apart = class.pass(4, true).await;
    assert_eq!(class.floods(), 1);
    let (flood, others) = (class.gateway.posted(apart, true), class.gateway.posted(apart, false));
    assert_eq!((runs(&flood), runs(&others)), (vec![3], vec![2]));
    let granted = class.gateway.granted.lock().unwrap().clone();
    assert_eq!(granted.iter().map(ConnectionId::as_str).collect::<Vec<_>>(), ["c0", "c0-carrier", "flood-carrier"]);
}
