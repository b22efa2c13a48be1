//! One run: so many keys by so many typists through such a transport, and the comparison.

use super::keys::Keys;
use super::program::Program;
use crate::page::{Address, Page, Tally};
use crate::stack::{Function, Setting, Stack};
use dev_gateway::{FaultPlan, Faults, Options};
use futures_util::future::join_all;
use shared_protocol::ClientId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, interval};
use vt::{Scope, Screen};

/// How long a page waits at most until it looks around.
const LOOK: Duration = Duration::from_millis(50);

/// Every window's columns and rows.
const SIZE: (u16, u16) = (80, 24);

/// Lines that the service keeps of what scrolled off.
const SCROLLBACK: usize = 1000;

/// The users' session.
const SESSION: &str = "hostile";

/// What is tried.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Decides what is typed, what is printed and what goes wrong.
    pub seed: u64,
    /// Keys of each typist.
    pub keys: u64,
    /// How many type at once: one or two.
    pub typists: usize,
    /// Keys that each types in a second.
    pub rate: u64,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// How the function runs.
    pub function: Function,
    /// Instances of the service.
    pub instances: usize,
    /// Lambda's timeout of the function.
    pub timeout: Duration,
    /// How often a page hands over to a fresh connection.
    pub handover: Option<Duration>,
    /// How long the gateway lets a connection live, if not as long as API Gateway.
    pub lifetime: Option<Duration>,
    /// Longest that it may take before it counts as stalled.
    pub patience: Duration,
}

/// How it went. There is one only if nothing was lost, repeated or out of place.
#[derive(Debug)]
pub struct Report {
    /// The trial's seed.
    pub seed: u64,
    /// Keys typed by all.
    pub keys: u64,
    /// Bytes that the program read.
    pub read: usize,
    /// Bytes that the program printed.
    pub printed: usize,
    /// Messages that were sent again, counted each time.
    pub resent: u64,
    /// How long it took.
    pub took: Duration,
    /// What went wrong, by name.
    pub faults: BTreeMap<&'static str, u64>,
    pages: Tally,
}

impl Report {
    /// Connections that were cut.
    pub fn cuts(&self) -> u64 {
        self.pages.cuts
    }

    /// Connections that were handed over.
    pub fn handovers(&self) -> u64 {
        self.pages.handovers
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, keys, read, printed, resent, took, faults, pages } = self;
        let Tally { messages, frames, connections, refused, cuts, handovers, .. } = pages;
        writeln!(
            f,
            "seed {seed}: {keys} keys ({read} bytes) typed, {printed} bytes printed: 0 lost, 0 repeated, 0 out of order"
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

impl Trial {
    /// The transport that everything has to stand: a fifth of all messages out of order, 5 % twice, 2 % never, a cut every 200
    /// messages, and random delays.
    pub fn new(seed: u64, keys: u64) -> Self {
        Self {
            seed,
            keys,
            typists: 1,
            rate: 300,
            faults: "reorder=0.2,repeat=0.05,lose=0.02,delay=0..20,cut-every=200".parse().expect("a plan"),
            function: Function::InProcess,
            instances: 1,
            timeout: Duration::from_secs(30),
            handover: None,
            lifetime: None,
            patience: Duration::from_secs(30 + keys / 20),
        }
    }

    /// The same with other faults.
    pub fn with(self, faults: &str) -> Self {
        Self { faults: faults.parse().expect("a plan"), ..self }
    }

    /// Runs it. Panics, naming the seed, when anything is lost, repeated or out of place, or when nothing moves any more.
    pub async fn run(&self) -> Report {
        let began = Instant::now();
        let deadline = began + self.patience;
        let faults = Faults::new(self.faults.clone(), self.seed);
        let mut gateway = Options { faults: Some(faults.clone()), ..Options::default() };
        gateway.quotas.lifetime = self.lifetime.unwrap_or(gateway.quotas.lifetime);
        // What the transport does is no news here.
        let (log, function_log) = ("warn,backend::app=info", "error");
        let setting = Setting {
            gateway,
            instances: self.instances,
            timeout: self.timeout,
            log,
            function_log,
            ..Setting::new(self.function)
        };
        let stack = Stack::start_with(setting).await;
        let program = Program::new(self.seed, self.keys / self.rate);
        let mut pages: Vec<Page> = (0..self.typists).map(|typist| self.page(&stack, &typist.to_string())).collect();
        for page in &mut pages {
            // Who has nothing yet may get a snapshot in place of the stream.
            self.until(page, deadline, "to see something", |page| !page.output.is_empty()).await;
        }
        // What is typed before the first prompt would be echoed by the terminal and by the shell.
        self.until(&mut pages[0], deadline, "a prompt", |page| contains(&page.output, b"\x1b]133;B")).await;
        pages[0].client.keys(&format!("{}\r", program.command()));
        self.until(&mut pages[0], deadline, "the program", |page| Program::seen(&page.output).is_some()).await;
        let snapshots: Vec<u64> = pages.iter().map(|page| page.tally.snapshots).collect();

        let done = AtomicUsize::new(0);
        let typing = pages.iter_mut().enumerate().map(|(typist, page)| {
            let (keys, done, printed) = (self.typed(typist), &done, program.printed.len());
            async move {
                self.type_all(page, keys, deadline).await;
                let all_seen = |page: &Page| Program::seen(&page.output).is_some_and(|seen| seen.len() >= printed);
                let finished = |page: &Page| page.client.unacknowledged() == 0 && all_seen(page);
                self.until(page, deadline, "the end", finished).await;
                done.fetch_add(1, Ordering::Relaxed);
                // Longer, so that the one that stalls says so.
                let later = deadline + 10 * LOOK;
                self.until(page, later, "the others", |_| done.load(Ordering::Relaxed) == self.typists).await;
            }
        });
        join_all(typing).await;
        let took = began.elapsed();

        let typed: u64 = (0..self.typists).map(|typist| self.typed(typist).first(self.keys).len() as u64).sum();
        let mut looks = interval(LOOK);
        while program.recorded_len() < typed {
            assert!(Instant::now() < deadline, "seed {}: {} of {typed} bytes", self.seed, program.recorded_len());
            looks.tick().await;
        }
        for (page, before) in pages.iter().zip(snapshots) {
            let seen = Program::seen(&page.output).unwrap_or_default();
            self.same("what was printed", seen, &program.printed);
            assert_eq!(page.tally.snapshots, before, "seed {}: nothing had to be skipped", self.seed);
        }
        faults.set(FaultPlan::default());
        self.same_screen(&pages[0], &stack, deadline).await;
        let resent = pages.iter().map(|page| page.client.resent()).sum();
        let mut sum = Tally::default();
        for page in pages {
            sum.add(page.leave().await);
        }
        stack.stop().await;
        // Only now is everything that was under way at an end: a late repeat would have been typed.
        let recorded = program.recorded();
        for typist in 0..self.typists {
            let keys = self.typed(typist);
            self.same("what was typed", &keys.of_mine(&recorded), &keys.first(self.keys));
        }
        assert_eq!(recorded.len() as u64, typed, "seed {}: nothing else was typed", self.seed);
        Report {
            seed: self.seed,
            keys: self.keys * self.typists as u64,
            read: recorded.len(),
            printed: program.printed.len(),
            resent,
            took,
            faults: faults.counts(),
            pages: sum,
        }
    }

    fn typed(&self, typist: usize) -> Keys {
        Keys { seed: self.seed, typist, typists: self.typists }
    }

    fn page(&self, stack: &Stack, name: &str) -> Page {
        let id = ClientId::new(format!("page-{}-{name}", self.seed)).expect("an id");
        let sign = stack.signer();
        let token = Box::new(move || sign(&Stack::claims("ada", Some(SESSION))));
        Page::new(id, SIZE, Address { url: stack.url(), token }, self.handover)
    }

    /// Whoever comes now and has seen nothing sees the same: what the service thinks is on the screen is what its stream makes of one.
    async fn same_screen(&self, page: &Page, stack: &Stack, deadline: Instant) {
        let mut late = self.page(stack, "late");
        let (epoch, pos) = (page.client.epoch(), page.client.pos());
        let there = |late: &Page| late.client.epoch() == epoch && late.client.pos() >= pos;
        self.until(&mut late, deadline, "the screen", there).await;
        let [seen, shown] = [&page.output, &late.output].map(|output| {
            let mut screen = Screen::new(SIZE.0, SIZE.1, SCROLLBACK);
            screen.feed(output, &mut Vec::new());
            (screen.text(), screen.snapshot(Scope::Full { scrollback: SCROLLBACK }))
        });
        assert_eq!(seen.0, shown.0, "seed {}: the text on the screen", self.seed);
        self.same("all of the screen", &shown.1, &seen.1);
        assert!(
            late.tally.snapshots > 0,
            "seed {}: what was printed is more than a late page gets as it was",
            self.seed
        );
        late.leave().await;
    }

    async fn until(&self, page: &mut Page, deadline: Instant, what: &str, so: impl Fn(&Page) -> bool) {
        while !so(page) {
            assert!(Instant::now() < deadline, "seed {} stalls, waiting for {what}: {page:?}", self.seed);
            page.step((Instant::now() + LOOK).min(deadline)).await;
        }
    }

    /// Types at its rate, whatever the connection does.
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
            assert!(next < deadline, "seed {}: too many keys for {:?}", self.seed, self.patience);
        }
    }

    fn same(&self, what: &str, have: &[u8], want: &[u8]) {
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

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
