//! One run of the proof: types through a faulty transport, and compares.

use super::keys::Keys;
use super::program::Program;
use crate::http_bridge::{HttpBridge, HttpFaults};
use crate::page::{Endpoint, Page, PageStats};
use crate::stack::{Function, Stack, StackOptions};
use crate::until;
use dev_gateway::{FaultPlan, Faults, Options};
use futures_util::future::join_all;
use shared_protocol::ClientId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use vt::{Scope, Screen};

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Columns and rows.
const SIZE: (u16, u16) = (80, 24);

/// Lines of scrollback in the service.
const SCROLLBACK: usize = 1000;

/// Connections for a service that serves many at a time: one that was cut counts until the service misses its polls.
const VARIABLES: &[(&str, &str)] = &[("MAX_CONNECTIONS_PER_USER", "1000")];

/// Way of the pages' connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// WebSockets through gateway and function.
    Gateway,
    /// HTTP requests to the service itself.
    Http,
    /// One after the other.
    Both,
}

/// Parameters of a run.
#[derive(Debug, Clone)]
pub struct FaultRun {
    /// Seed of the keys, the output and the faults.
    pub seed: u64,
    /// Keys per typist.
    pub keys: u64,
    /// Sessions at a time, each with a program of its own; their pages share relays.
    pub sessions: usize,
    /// Concurrent typists of a session: one or two.
    pub typists: usize,
    /// Keys per second and typist.
    pub rate: u64,
    pub faults: FaultPlan,
    /// Over HTTP, the requests have faults of their own, unless `faults` has none.
    pub way: Way,
    pub function: Function,
    pub instances: usize,
    /// Lambda's timeout of the function.
    pub timeout: Duration,
    /// Interval of handovers to a new connection.
    pub handover: Option<Duration>,
    /// Lifetime of a connection, if not API Gateway's.
    pub lifetime: Option<Duration>,
    /// Longest duration before the run counts as stalled.
    pub max_duration: Duration,
}

/// Result of a successful run: nothing was lost, repeated or misplaced.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    /// Keys typed by all typists.
    pub keys: u64,
    /// Bytes read by the programs.
    pub read: usize,
    /// Bytes printed by the programs.
    pub printed: usize,
    /// Screens in place of a part of the stream; none in a run with one session.
    pub skipped: u64,
    /// Retransmitted messages.
    pub resent: u64,
    pub took: Duration,
    /// Injected faults, by name.
    pub faults: BTreeMap<&'static str, u64>,
    pub pages: PageStats,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, keys, read, printed, skipped, resent, took, faults, pages } = self;
        let PageStats { messages, frames, connections, refused, cuts, handovers, .. } = pages;
        writeln!(
            f,
            "seed {seed}: {keys} keys ({read} bytes) typed, {printed} bytes printed ({skipped} times the screen instead): \
             0 lost, 0 repeated, 0 out of order"
        )?;
        writeln!(
            f,
            "  {messages} messages ({resent} sent again), {frames} frames, {connections} connections ({cuts} cut, \
             {handovers} handed over, {refused} refused), {:.1} s",
            took.as_secs_f64()
        )?;
        let faults: Vec<String> = faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
        write!(f, "  faults: {}", faults.join(", "))
    }
}

impl FaultRun {
    /// A run with the default faults: 20 % of the messages reordered, 5 % repeated, 2 % lost, a cut every 200 messages, and
    /// random delays.
    pub fn new(seed: u64, keys: u64) -> Self {
        Self {
            seed,
            keys,
            sessions: 1,
            typists: 1,
            rate: 300,
            faults: "reorder=0.2,repeat=0.05,lose=0.02,delay=0..20,cut-every=200".parse().expect("a plan"),
            way: Way::Gateway,
            function: Function::InProcess,
            instances: 1,
            timeout: Duration::from_secs(30),
            handover: None,
            lifetime: None,
            max_duration: Duration::from_secs(90 + keys / 40),
        }
    }

    /// Replaces the faults.
    pub fn with_faults(self, faults: &str) -> Self {
        Self { faults: faults.parse().expect("a plan"), ..self }
    }

    /// Executes the run.
    ///
    /// # Panics
    /// With the seed, when anything is lost, repeated or misplaced, or when the run stalls.
    pub async fn run(&self) -> Report {
        let began = Instant::now();
        let deadline = began + self.max_duration;
        let faults = Faults::new(self.faults.clone(), self.seed);
        let mut gateway = Options { faults: Some(faults.clone()), ..Options::default() };
        gateway.quotas.lifetime = self.lifetime.unwrap_or(gateway.quotas.lifetime);
        // Faults of the transport would flood the logs.
        let (log, function_log) = ("warn,backend::app=info", "error");
        let options = StackOptions {
            gateway,
            instances: self.instances,
            timeout: self.timeout,
            log,
            function_log,
            variables: VARIABLES,
            ..StackOptions::new(self.function)
        };
        let stack = Stack::start_with(options).await;
        let http =
            if self.faults == FaultPlan::default() { HttpFaults::none() } else { HttpFaults::hostile(self.seed) };
        let bridge = HttpBridge::start(stack.service_url(), http).await;
        let stage = Stage { stack: &stack, bridge: &bridge };
        let done = AtomicUsize::new(0);
        let mut lessons = join_all((0..self.sessions).map(|number| self.lesson(&stage, number, &done, deadline))).await;
        let took = began.elapsed();
        faults.set(FaultPlan::default());
        bridge.calm();
        for lesson in &lessons {
            self.assert_same_screen(lesson, &stage, deadline).await;
        }
        let mut pages = PageStats::default();
        let mut resent = 0;
        for page in lessons.iter_mut().flat_map(|lesson| lesson.pages.drain(..)) {
            resent += page.client.resent();
            pages.add(page.leave().await);
        }
        stack.stop().await;
        let mut counts = faults.counts();
        for (name, count) in bridge.counts() {
            *counts.entry(name).or_default() += count;
        }
        // Compares after the stop, so that a late repetition would be in the recording.
        let read = lessons.iter().map(|lesson| self.assert_all_read(lesson)).sum();
        Report {
            seed: self.seed,
            keys: self.keys * (self.typists * self.sessions) as u64,
            read,
            printed: lessons.iter().map(|lesson| lesson.program.printed.len()).sum(),
            skipped: lessons.iter().map(|lesson| lesson.skipped).sum(),
            resent,
            took,
            faults: counts,
            pages,
        }
    }

    /// One session, from the first page to the moment when all sessions have seen everything: a page that nothing drives would
    /// acknowledge nothing.
    async fn lesson(&self, stage: &Stage<'_>, number: usize, done: &AtomicUsize, deadline: Instant) -> Lesson {
        let seed = self.seed + number as u64;
        let program = Program::new(seed, self.keys / self.rate);
        let mut lesson = Lesson { number, seed, program, pages: Vec::new(), skipped: 0 };
        let Lesson { program, .. } = &lesson;
        let mut pages: Vec<Page> =
            (0..self.typists).map(|typist| self.page(stage, number, &typist.to_string())).collect();
        for page in &mut pages {
            // A page without output may receive a snapshot in place of the stream.
            self.until(page, deadline, "output", |page| !page.output.is_empty()).await;
        }
        // Keys typed before the first prompt would be echoed twice.
        self.until(&mut pages[0], deadline, "a prompt", |page| contains(&page.output, b"\x1b[?2004h")).await;
        pages[0].client.keys(&format!("{}\r", program.command()));
        self.until(&mut pages[0], deadline, "the program", |page| Program::output_in(&page.output).is_some()).await;
        let snapshots: Vec<u64> = pages.iter().map(|page| page.stats.snapshots).collect();

        let typing = pages.iter_mut().enumerate().map(|(typist, page)| {
            let keys = lesson.typed(typist, self.typists);
            async move {
                self.type_all(page, keys, deadline).await;
                let finished = |page: &Page| page.client.unacknowledged() == 0 && Program::has_ended(&page.output);
                self.until(page, deadline, "the end", finished).await;
                done.fetch_add(1, Ordering::Relaxed);
                // A later deadline, so that the stalled typist reports first.
                let later = deadline + 10 * POLL_INTERVAL;
                self.until(page, later, "the others", |_| done.load(Ordering::Relaxed) == self.typists * self.sessions)
                    .await;
            }
        });
        join_all(typing).await;
        let typed = lesson.typed_len(self);
        let what = format!("seed {}: {typed} typed bytes", self.seed);
        until(&what, deadline - Instant::now(), async || program.recorded_len() >= typed).await;
        let mut all_skipped = 0;
        for (page, before) in pages.iter().zip(snapshots) {
            let skipped = page.stats.snapshots - before;
            // A machine that is too slow for many pages skips output of those that lag; their screens are compared.
            assert!(skipped == 0 || self.sessions > 1, "seed {}: nothing had to be skipped", self.seed);
            if skipped == 0 {
                let seen = Program::output_in(&page.output).unwrap_or_default();
                self.assert_same("what was printed", seen, &program.printed);
            }
            all_skipped += skipped;
        }
        (lesson.pages, lesson.skipped) = (pages, all_skipped);
        lesson
    }

    /// Returns the number of bytes that the program has read.
    fn assert_all_read(&self, lesson: &Lesson) -> usize {
        let recorded = lesson.program.recorded();
        for typist in 0..self.typists {
            let keys = lesson.typed(typist, self.typists);
            self.assert_same("what was typed", &keys.filter(&recorded), &keys.first(self.keys));
        }
        assert_eq!(recorded.len() as u64, lesson.typed_len(self), "seed {}: nothing else was typed", self.seed);
        recorded.len()
    }
    fn page(&self, stage: &Stage<'_>, session: usize, name: &str) -> Page {
        let id = ClientId::new(format!("page-{}-{session}-{name}", self.seed)).expect("an id");
        let sign = stage.stack.signer();
        let token =
            Box::new(move || sign(&Stack::claims(&format!("ada-{session}"), Some(&format!("hostile-{session}")))));
        let urls = match self.way {
            Way::Gateway => vec![stage.stack.url()],
            Way::Http => vec![stage.bridge.url()],
            Way::Both => vec![stage.stack.url(), stage.bridge.url()],
        };
        Page::new(id, SIZE, Endpoint { urls, token }, self.handover)
    }

    /// A new page shows the same screen: the service's snapshot equals the screen that its stream produces.
    async fn assert_same_screen(&self, lesson: &Lesson, stage: &Stage<'_>, deadline: Instant) {
        let (page, mut late) = (&lesson.pages[0], self.page(stage, lesson.number, "late"));
        let (epoch, pos) = (page.client.epoch(), page.client.pos());
        let resumed = |late: &Page| late.client.epoch() == epoch && late.client.pos() >= pos;
        self.until(&mut late, deadline, "the screen", resumed).await;
        let [seen, shown] = [&page.output, &late.output].map(|output| {
            let mut screen = Screen::new(SIZE.0, SIZE.1, SCROLLBACK);
            screen.feed(output, &mut Vec::new());
            (screen.text(), screen.snapshot(Scope::Full { scrollback: SCROLLBACK }))
        });
        assert_eq!(seen.0, shown.0, "seed {}: the text on the screen", self.seed);
        if lesson.skipped == 0 {
            self.assert_same("all of the screen", &shown.1, &seen.1);
        }
        assert!(late.stats.snapshots > 0, "seed {}: a late page receives a snapshot", self.seed);
        late.leave().await;
    }

    async fn until(&self, page: &mut Page, deadline: Instant, what: &str, holds: impl Fn(&Page) -> bool) {
        while !holds(page) {
            assert!(Instant::now() < deadline, "seed {} stalls, waiting for {what}: {page:?}", self.seed);
            page.step((Instant::now() + POLL_INTERVAL).min(deadline)).await;
        }
    }

    /// Types at the rate of the run, even while disconnected.
    async fn type_all(&self, page: &mut Page, keys: Keys, deadline: Instant) {
        let began = Instant::now();
        for number in 0..self.keys {
            page.client.keys(&keys.key(number));
            let next = began + Duration::from_micros((number + 1) * 1_000_000 / self.rate);
            loop {
                page.step(next).await;
                if Instant::now() >= next {
                    break;
                }
            }
            assert!(next < deadline, "seed {}: too many keys for {:?}", self.seed, self.max_duration);
        }
    }

    fn assert_same(&self, what: &str, have: &[u8], want: &[u8]) {
        if have == want {
            return;
        }
        let at = have.iter().zip(want).take_while(|(have, want)| have == want).count();
        let around = |bytes: &[u8]| {
            let part = &bytes[at.saturating_sub(40).min(bytes.len())..(at + 80).min(bytes.len())];
            String::from_utf8_lossy(part).into_owned()
        };
        let (lengths, have, want) = ((have.len(), want.len()), around(have), around(want));
        panic!("seed {}: {what} differs at {at} of {lengths:?}:\n  have {have:?}\n  want {want:?}", self.seed);
    }
}

/// The ways to the service.
struct Stage<'a> {
    stack: &'a Stack,
    bridge: &'a HttpBridge,
}

/// One session of a run.
struct Lesson {
    number: usize,
    /// Seed of its keys and its output.
    seed: u64,
    program: Program,
    /// One page for each typist.
    pages: Vec<Page>,
    /// Screens that they got in place of the stream.
    skipped: u64,
}

impl Lesson {
    fn typed(&self, typist: usize, typists: usize) -> Keys {
        Keys { seed: self.seed, typist, typists }
    }

    fn typed_len(&self, run: &FaultRun) -> u64 {
        (0..run.typists).map(|typist| self.typed(typist, run.typists).first(run.keys).len() as u64).sum()
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
